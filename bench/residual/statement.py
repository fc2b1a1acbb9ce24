# SPDX-License-Identifier: Apache-2.0
"""What the statement of who could still break it adds to the warm verification of TDX quotes.

Quotes, collateral, platforms and facts were seen before, at other moments of the same day: verified and held against a
policy, with the statement at the end of the verdict and without. With "facts not seen", each is the first of its kind.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from itertools import count

from figures import Goal, in_turn, show
from tests.tee.intel.cases import all_cases
from verification.intel import TDX

from ttee.appraise import appraise, parse_policy
from ttee.model import Verdict
from ttee.tee.intel.verify import verify
from ttee.trust.residual import _answer

RUNS = 40
EACH = 20
A_FIFTH = 1.2
POLICY = b'schema = "ttee.policy/1"\nname = "bench"\n[tee.intel-tdx]\n'


def main() -> bool:
    """Whether the goal is met."""
    cases = [case for case in all_cases() if case.id in TDX]
    policies = [parse_policy(POLICY, where="bench")]
    moments = count()

    def verdict() -> Verdict:
        number = next(moments)
        case = cases[number % len(cases)]
        at = cases[0].at + timedelta(seconds=number % 3600)
        claims = verify(case.evidence, case.endorsements, at=at)
        return appraise(claims, policies, at=at.isoformat())

    def stated() -> object:
        return verdict().residual

    def stated_anew() -> object:
        _answer.cache_clear()
        return verdict().residual

    without, with_it, first = in_turn(
        [
            ("verified, and held against a policy", _repeated(verdict)),
            ("the same, with the statement", _repeated(stated)),
            ("the same, facts not seen", _repeated(stated_anew)),
        ],
        runs=RUNS,
        warm_up=2,
        clock=time.process_time,
    )
    title = f"Warm TDX quotes, {EACH} a sample"
    return show(title, [without, with_it, first], [Goal(with_it, without, A_FIFTH, at_best=True)])


def _repeated(work: Callable[[], object]) -> Callable[[], None]:
    def several() -> None:
        for _ in range(EACH):
            work()

    return several
