# SPDX-License-Identifier: Apache-2.0
"""docs/checks.md has every check, under its TEE, and nothing that there is not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.appraise.vendors import STORIES
from ttee.appraise import all_checks
from ttee.appraise.rules import split_key
from ttee.tee import TEES, tee_named

PAGE = Path(__file__).resolve().parents[1] / "docs" / "checks.md"
COMMON, LOGS, NOT_DONE = "Whatever the TEE", "Event logs", "Not done"
COMPOSITE = {"azure-vtpm": ("amd.", "intel.", "tpm.")}
"""TEEs that contain others: checks of these stand in the others' tables."""
NOT_ALWAYS_SAID = {"user_data", "csp_id"}
"""What is no detail, and what only a cloud's key says."""
SECTIONS = {
    title: text for title, _, text in (part.partition("\n") for part in PAGE.read_text().split("\n## ")[1:])
}
POLICY = {check.id for check in all_checks()}


def rows(text: str) -> Iterator[tuple[str, ...]]:
    """Cells of a section's table, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("| ")][1:]
    return (tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines)


def tees_of(title: str) -> list[str]:
    return [name for name in re.findall(r"`([a-z-]+)`", title) if name in TEES]


def checks_of(tees: list[str]) -> set[str]:
    return {check.id for tee in tees for check in tee_named(tee).checks}


def named(text: str) -> tuple[set[str], set[str]]:
    """Checks (with dots) and rules (without) in the middle column of a section's table."""
    names = {name for row in rows(text) for name in re.findall(r"`([^` ]+)`", row[1])}
    checks = {name for name in names if "." in name}
    return checks, names - checks


def test_every_tee_has_one_table() -> None:
    assert sorted(tee for title in SECTIONS for tee in tees_of(title)) == sorted(TEES)
    assert [title for title in SECTIONS if not tees_of(title)] == [COMMON, LOGS, NOT_DONE]


@pytest.mark.parametrize("title", [title for title in SECTIONS if title != NOT_DONE])
def test_every_row_says_what_is_asked_by_what_and_where_that_is_tested(title: str) -> None:
    for row in rows(SECTIONS[title]):
        asked, by, tested = row
        assert asked
        assert "`" in by, row
        assert "](../tests/" in tested, row


@pytest.mark.parametrize("title", [title for title in SECTIONS if tees_of(title)])
def test_the_checks_of_a_table_are_those_of_its_tees(title: str) -> None:
    tees = tees_of(title)
    elsewhere = tuple(prefix for tee in tees for prefix in COMPOSITE.get(tee, ()))
    there = {check for check in checks_of(tees) if not check.startswith(elsewhere or ("-",))}
    assert named(SECTIONS[title])[0] == there


def test_the_checks_of_all_policies_are_there() -> None:
    assert named(SECTIONS[COMMON]) == (POLICY, set())


def test_checks_of_logs_are_checks() -> None:
    checks, rules = named(SECTIONS[LOGS])
    assert checks <= checks_of(list(TEES))
    assert not rules


@pytest.mark.parametrize("title", [title for title in SECTIONS if set(tees_of(title)) & set(STORIES)])
def test_every_rule_is_about_something_that_the_evidence_says(title: str) -> None:
    said = set(NOT_ALWAYS_SAID)
    for tee in tees_of(title):
        said |= set(STORIES[tee]().claims().details) if tee in STORIES else set()
    assert {rule for rule in named(SECTIONS[title])[1] if split_key(rule)[1] not in said} == set()
