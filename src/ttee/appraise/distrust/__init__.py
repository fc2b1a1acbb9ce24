# SPDX-License-Identifier: Apache-2.0
"""Distrust switches: generations of a TEE that were broken in public, and that no update mends.

One file each, `ID.toml`: since when, by what means, on which claims it shows, and where to read about it. Their
makers go on signing for them, so no endorsement tells. What becomes of them is the policy's choice
(docs/spec/policy.md, section Distrust).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime, time
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from attrs import frozen

from ttee.appraise.rules import Rule, split_key
from ttee.model import CheckSpec, Claims

SCHEMA = "ttee.distrust/1"


@frozen(slots=True)
class Switch:
    """One generation, or class of machines, that is broken."""

    id: str
    title: str
    since: datetime
    """The day of its publication; what is judged as of an earlier moment is not touched."""
    by_software: bool
    """Whether software alone, on one's own machine, is enough to forge evidence: refused unless accepted."""
    reason: str
    remedy: str
    sources: tuple[str, ...]
    applies: tuple[tuple[str, tuple[Rule, ...]], ...]
    """TEEs, and what holds of the claims of those that are meant; any of these."""

    @property
    def spec(self) -> CheckSpec:
        """The check that it is."""
        return CheckSpec(
            id=f"policy.distrust.{self.id}", title=self.title, guards=self.reason, remedy=self.remedy,
            source="; ".join(self.sources),
        )  # fmt: skip

    def means(self, claims: Claims, at: datetime) -> bool:
        """Whether these claims are of such a machine, and that was known at that moment."""
        return at >= self.since and any(
            tee == claims.tee and all(rule.holds(claims.details.get(rule.claim), at) for rule in rules)
            for tee, rules in self.applies
        )


@cache
def switches() -> Mapping[str, Switch]:
    """All of them by id, in the order of their dates."""
    here = files(__name__)
    found = [
        _switch(tomllib.loads(file.read_text())) for file in here.iterdir() if file.name.endswith(".toml")
    ]
    return MappingProxyType({switch.id: switch for switch in sorted(found, key=lambda each: each.since)})


def _switch(table: Mapping[str, object]) -> Switch:
    match table:
        case {
            "schema": "ttee.distrust/1", "id": str(name), "title": str(title), "since": since,
            "means": "software" | "physical" as means, "reason": str(reason), "remedy": str(remedy),
            "sources": list(sources), "applies": list(clauses),
        }:  # fmt: skip
            day = datetime.combine(since, time(), UTC)  # type: ignore[arg-type]  # a date, as tests see to
            applies = tuple((clause.pop("tee"), _rules(clause)) for clause in clauses)
            return Switch(
                name, title, day, means == "software", reason, remedy, tuple(map(str, sources)), applies
            )
    raise ValueError(f"not a switch: {table.get('id')}")


def _rules(clause: Mapping[str, Any]) -> tuple[Rule, ...]:
    rules = []
    for key, value in clause.items():
        comparison, claim = split_key(key)
        rules.append(Rule(claim, comparison, tuple(value if isinstance(value, list) else [value])))
    return tuple(rules)
