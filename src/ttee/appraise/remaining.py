# SPDX-License-Identifier: Apache-2.0
"""What a verdict ends with, worked out when it is asked for: most verdicts of a fleet are never looked at.

The rooms of residual trust are imported here when they are first needed: they bring a knowledge base along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from ttee.appraise.policy import ASSURANCES, Policy, pinned_anchor
from ttee.appraise.rules import Comparison

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ttee.model import Assurance, Claims, Residual
    from ttee.trust.claimed import Question


@frozen(slots=True)
class Remaining:
    """Claims as these policies took them; calling it answers, the same each time. It can go to other processes."""

    claims: Claims
    at: str
    assurance: Assurance
    ruled: frozenset[str]
    """Claims whose values a policy lists."""
    not_checked: tuple[str, ...]

    def question(self) -> Question:
        """Everything that the answer depends on."""
        from ttee.trust.claimed import question  # noqa: PLC0415 (see above)

        return question(self.claims, at=self.at, assurance=self.assurance, ruled=self.ruled)

    def __call__(self) -> Residual:
        """Who could still break it."""
        from ttee.trust.residual import residual  # noqa: PLC0415

        return residual(self.question(), self.not_checked)


def remaining(claims: Claims, policies: Sequence[Policy], at: str, not_checked: tuple[str, ...]) -> Remaining:
    """Of several assurances the weakest; of several policies whatever any of them pins, since all must accept."""
    anchors = [pinned_anchor(policy, claims, each.digest) for policy in policies for each in claims.relied_on]
    said = [claims.assurance, *(anchor.assurance for anchor in anchors if anchor is not None)]
    ruled = frozenset(
        rule.claim
        for policy in policies
        for section in (policy.tees.get(claims.tee),)
        if section is not None
        for rule in section.rules
        if rule.comparison is Comparison.ONE_OF
    )
    return Remaining(claims, at, min(said, key=ASSURANCES.index), ruled, not_checked)
