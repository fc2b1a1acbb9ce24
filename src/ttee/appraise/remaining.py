# SPDX-License-Identifier: Apache-2.0
"""What a verdict ends with, worked out when it is asked for: most verdicts of a fleet are never looked at.

The rooms of residual trust are imported here when they are first needed: they bring a knowledge base along.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from ttee.appraise.checks import NO_SINGLE, NOT_BY
from ttee.appraise.findings import Finding, failed, passed
from ttee.appraise.policy import ASSURANCES, Policy, anchors_for
from ttee.appraise.rules import Comparison
from ttee.errors import TteeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ttee.model import Assurance, Claims, Residual, Verdict
    from ttee.trust.verdicts.claimed import Question


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
        from ttee.trust.verdicts.claimed import question  # noqa: PLC0415 (see above)

        return question(self.claims, at=self.at, assurance=self.assurance, ruled=self.ruled)

    def __call__(self) -> Residual:
        """Who could still break it."""
        from ttee.trust.verdicts.residual import residual  # noqa: PLC0415

        return residual(self.question(), self.not_checked)


def said(verdict: Verdict) -> tuple[Residual | None, tuple[str, ...]]:
    """Who could still break it, and what was not checked: the former too, where the knowledge cannot be read."""
    try:
        return verdict.residual, verdict.not_checked
    except TteeError as problem:
        why = f"{problem.message} ({problem.where})" if problem.where else problem.message
        return None, (*verdict.not_checked, f"who could still break it: {why}")


def remaining(claims: Claims, policies: Sequence[Policy], at: str, not_checked: tuple[str, ...]) -> Remaining:
    """Of several assurances the weakest; of several policies whatever any of them pins, since all must accept."""
    said, ruled = [claims.assurance], set[str]()
    for policy in policies:
        if anchors := anchors_for(policy, claims):
            digests = {each.digest for each in claims.relied_on}
            said += [anchor.assurance for anchor in anchors if sha256(anchor.key).digest() in digests]
        if section := policy.tees.get(claims.tee):
            ruled.update(rule.claim for rule in section.rules if rule.comparison is Comparison.ONE_OF)
    return Remaining(claims, at, min(said, key=ASSURANCES.index), frozenset(ruled), not_checked)


def goals_kept(still: Remaining, policy: Policy) -> Iterator[Finding]:
    """What a policy with goals makes of it, if it accepts this TEE at all."""
    if not policy.goals or still.claims.tee not in policy.tees:
        return
    from ttee.trust.verdicts.goals import breaches  # noqa: PLC0415 (see above)

    asked = still.question()
    assumed = {name: value for name, value in policy.facts if name not in dict(asked.facts)}
    if assumed:
        asked = evolve(asked, facts=tuple(sorted({**assumed, **dict(asked.facts)}.items())))
    taken = f" (taken from the policy: {', '.join(assumed)})" if assumed else ""
    for goal in policy.goals:
        for spec, kind, names in ((NOT_BY, "not_by", goal.not_by), (NO_SINGLE, "no_single", goal.no_single)):
            if names:
                named = evolve(spec, id=f"policy.trust.{goal.of}.{kind}")
                broken = breaches(asked, goal.of, kind, names)
                said = f"{goal.of} is not broken by any {'of' if kind == 'not_by' else 'single'} {', '.join(names)}"
                yield (
                    failed(named, f"{goal.of}: {'; '.join(broken)}{taken}")
                    if broken
                    else passed(named, f"{said}, as published up to {asked.at}{taken}")
                )
