# SPDX-License-Identifier: Apache-2.0
"""Two deployments side by side: cuts of the one that do not break the other; prices; the order of designs."""

from __future__ import annotations

from math import inf

import pytest

from tests.trust.known import model
from ttee.errors import QuestionError
from ttee.trust.answers.compare import difference
from ttee.trust.answers.prices import prices
from ttee.trust.answers.scorecard import COLUMNS, Cell, Row, column_named, dominates, letters, order
from ttee.trust.knowledge.terms import Property

ONE = '[part.a]\ntee = "tdx"\noperator = "google"\n'
PINNED = ONE.replace("operator", "pin = true\noperator")
C, I, A = Property.CONFIDENTIALITY, Property.INTEGRITY, Property.ATTESTATION  # noqa: E741 (the letters of the field)


def test_a_deployment_does_not_differ_from_itself() -> None:
    found = difference(model(ONE), model(ONE), C)
    assert (found.gone.count, found.new.count, found.singles_gone, found.singles_new) == (0, 0, (), ())


def test_a_pin_takes_away_what_goes_by_another_machine() -> None:
    found = difference(model(ONE), model(PINNED), A)
    assert found.new.count == 0
    assert found.gone.examples == (
        frozenset({"equipment:bus-tap", "machine:tdx"}),
        frozenset({"exposure:S1@tdx", "machine:tdx"}),
    )
    assert found.gone.examined == found.gone.total


def test_another_maker_is_another_single() -> None:
    found = difference(model(ONE), model(ONE.replace("tdx", "snp")), A)
    assert ("vendor", "intel") in found.singles_gone
    assert ("vendor", "amd") in found.singles_new


def test_each_adversary_has_its_price_and_no_price_is_infinite() -> None:
    found = {adversary.id: row for adversary, row in prices(model(PINNED), [C, A]).items()}
    assert found["operator"][C].usd == 1000
    assert found["operator"][C].bought == {"equipment:bus-tap"}
    assert found["network"][C].usd == inf
    assert found["maker"][A].usd == 0


def row(name: str, naive: str, strict: str) -> Row:
    of = {"C": C, "I": I, "A": A}
    cell = Cell(frozenset(of[each] for each in naive), frozenset(of[each] for each in strict))
    return Row(name, name, 1, {"remote": cell})


def test_dominance_is_a_partial_order_without_what_follows() -> None:
    low, middle, high, aside = (
        row("low", "CIA", "CI"),
        row("middle", "CI", "C"),
        row("high", "C", ""),
        row("aside", "A", ""),
    )
    assert dominates(high, middle)
    assert not dominates(middle, high)
    assert not dominates(high, high)
    assert not dominates(aside, middle)
    assert order([low, middle, high, aside]) == (("middle", "low"), ("high", "middle"), ("aside", "low"))


def test_cells_are_written_in_letters() -> None:
    assert letters(frozenset()) == "-"
    assert letters(frozenset(Property) - {Property.LEAKAGE, Property.IDENTITY}) == "CIAKFV"
    assert column_named("host") in COLUMNS
    with pytest.raises(QuestionError, match="no column") as refused:
        column_named("hots")
    assert refused.value.hint == "did you mean 'host'?"
