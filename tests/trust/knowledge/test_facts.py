# SPDX-License-Identifier: Apache-2.0
"""Conditions over what is known are true, false, or not known."""

from __future__ import annotations

import pytest

from ttee.trust.knowledge.facts import Comparison, Condition, Fact

CASES: list[tuple[Comparison, tuple[Fact, ...], Fact | None, bool | None]] = [
    (Comparison.IS, (True,), True, True),
    (Comparison.IS, (True,), False, False),
    (Comparison.IS, (True,), 1, None),
    (Comparison.IS_NOT, ("milan",), "genoa", True),
    (Comparison.IS_NOT, ("milan",), "milan", False),
    (Comparison.ONE_OF, ("milan", "genoa"), "turin", False),
    (Comparison.ONE_OF, ("milan", "genoa"), "genoa", True),
    (Comparison.AT_LEAST, (27,), 27, True),
    (Comparison.AT_LEAST, (27,), 26, False),
    (Comparison.AT_LEAST, ("1.5.24",), "1.5.6", False),
    (Comparison.AT_LEAST, ("1.5.24",), "1.10", True),
    (Comparison.AT_LEAST, ("1.5",), "1.5.0", True),
    (Comparison.AT_LEAST, ("1.5",), "one", None),
    (Comparison.AT_LEAST, (27,), "27", None),
    (Comparison.AT_LEAST, (27,), True, None),
    (Comparison.BELOW, (27,), 26, True),
    (Comparison.BELOW, ("2",), "2.0", False),
    (Comparison.IS, (True,), None, None),
]


@pytest.mark.parametrize(("test", "values", "known", "holds"), CASES)
def test_a_condition_compares_what_can_be_compared(
    test: Comparison, values: tuple[Fact, ...], known: Fact | None, holds: bool | None
) -> None:
    assert Condition("f", test, values).holds({} if known is None else {"f": known}) is holds


def test_conditions_read_as_words() -> None:
    assert str(Condition("spl", Comparison.AT_LEAST, (27,))) == "spl is at least 27"
    assert str(Condition("smt", Comparison.IS, (False,))) == "smt is false"
    assert (
        str(Condition("product", Comparison.ONE_OF, ("milan", "genoa"))) == "product is one of milan, genoa"
    )
