# SPDX-License-Identifier: Apache-2.0
"""The table in docs/threat-model.md is kept true: every attacker has tests, and what succeeds is marked so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TABLE = (
    (HERE.parents[1] / "docs" / "threat-model.md")
    .read_text()
    .partition("## Attackers")[2]
    .partition("\n## ")[0]
)
LINES = re.findall(r"^\|(.*)\|$", TABLE, re.MULTILINE)[2:]
ROWS = [[cell.strip() for cell in line.split("|")] for line in LINES]
STORIES = {path.name[5:7]: path.read_text() for path in HERE.glob("test_[0-9][0-9]_*.py")}


def numbers(row: list[str]) -> list[str]:
    return row[4].split(", ")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1][:40])
def test_each_attacker_has_tests(row: list[str]) -> None:
    for number in numbers(row):
        assert re.search(r"^def test_", STORIES[number], re.MULTILINE)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1][:40])
def test_an_attacker_that_is_not_stopped_succeeds_in_tests_that_say_so(row: list[str]) -> None:
    stopped = row[2]
    assert stopped in ("yes", "detected", "**no**", "**not addressed**")
    if stopped.startswith("**"):
        assert any("pytest.mark.succeeds" in STORIES[number] for number in numbers(row))


def test_every_file_of_attacks_is_in_the_table() -> None:
    assert set(STORIES) == {number for row in ROWS for number in numbers(row)}


def test_only_attacks_that_the_table_admits_are_marked_as_succeeding() -> None:
    marked = {number for number, text in STORIES.items() if "pytest.mark.succeeds" in text}
    assert marked == {number for row in ROWS if row[2].startswith("**") for number in numbers(row)}
