# SPDX-License-Identifier: Apache-2.0
"""What the statement of who could still break it adds to the warm verification of TDX quotes of the shared vectors.

Quotes, collateral, platforms and facts were seen before, at other moments of the same day: verified, and verified with
the statement worked out. With "facts not seen", each is the first of its kind.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import count

from figures import Goal, in_turn, show
from tests.tee.intel.cases import all_cases
from verification.intel import TDX

from ttee.appraise.remaining import remaining
from ttee.model import Claims
from ttee.tee.intel.verify import verify
from ttee.trust.verdicts.residual import _answer

RUNS = 200
EACH = 5
A_FIFTH = 1.2


def main() -> bool:
    """Whether the goal is met."""
    cases = [case for case in all_cases() if case.id in TDX]
    calls = count()

    def verified() -> tuple[Claims, str]:
        number = next(calls)
        case, at = cases[number % len(cases)], cases[0].at + timedelta(seconds=number % 3600)
        return verify(case.evidence, case.endorsements, at=at), at.isoformat()

    def stated() -> object:
        claims, at = verified()
        return remaining(claims, (), at, claims.not_checked)()

    def stated_anew() -> object:
        _answer.cache_clear()
        return stated()

    without, with_ = in_turn(
        [("verified", _repeated(verified)), ("the same, with the statement", _repeated(stated))],
        runs=RUNS,
        warm_up=5,
    )
    (anew,) = in_turn([("the same, facts not seen", _repeated(stated_anew))], runs=RUNS // 20)
    return show(f"Warm TDX quotes, {EACH} a sample", [without, with_, anew], [Goal(with_, without, A_FIFTH)])


def _repeated(work: Callable[[], object]) -> Callable[[], None]:
    def several() -> None:
        for _ in range(EACH):
            work()

    return several
