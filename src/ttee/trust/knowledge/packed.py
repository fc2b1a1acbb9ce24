# SPDX-License-Identifier: Apache-2.0
"""Knowledge as plain tuples, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar

from ttee.trust.calculus.rules import Source
from ttee.trust.knowledge.facts import Comparison, Condition
from ttee.trust.knowledge.terms import (
    Adversary,
    Attack,
    Capability,
    Component,
    Design,
    Holders,
    Knowledge,
    OutOfScope,
    Over,
    Party,
    Property,
    Reach,
    Scope,
    Target,
)

Row = tuple[Any, ...]
"""The fields of one of the types."""
_Known = TypeVar("_Known")


def pack(value: object) -> Any:
    """Of knowledge, or of anything in it: tuples, dictionaries, text, numbers, None."""
    if isinstance(value, tuple):
        return tuple(map(pack, value))
    if isinstance(value, Mapping):
        return {key: pack(each) for key, each in value.items()}
    if isinstance(value, StrEnum):
        return value.value
    return value.isoformat() if isinstance(value, date) else value


def unpack(row: Row) -> Knowledge:
    """What `pack` made of knowledge."""
    as_of, capabilities, parties, adversaries, designs, attacks = row
    return Knowledge(
        date.fromisoformat(as_of),
        _each(_capability, capabilities),
        _each(_party, parties),
        _each(_adversary, adversaries),
        _each(_design, designs),
        _each(_attack, attacks),
    )


def _each(kind: Callable[[Row], _Known], rows: Mapping[str, Row]) -> dict[str, _Known]:
    return {name: kind(row) for name, row in rows.items()}


def _capability(row: Row) -> Capability:
    known = Capability._make(row)
    return known._replace(scope=Scope(known.scope))


def _party(row: Row) -> Party:
    known = Party._make(row)
    return known._replace(sources=_sources(known.sources))


def _adversary(row: Row) -> Adversary:
    known = Adversary._make(row)
    return known._replace(over=Over(known.over))


def _design(row: Row) -> Design:
    known = Design._make(row)
    return known._replace(
        roles={role: Holders._make(few) for role, few in known.roles.items()},
        components=tuple(map(_component, known.components)),
        sources=_sources(known.sources),
        out_of_scope=tuple(OutOfScope(what, _sources(sources)) for what, sources in known.out_of_scope),
    )


def _component(row: Row) -> Component:
    known = Component._make(row)
    return known._replace(breaks=_properties(known.breaks))


def _attack(row: Row) -> Attack:
    known = Attack._make(row)
    return known._replace(
        breaks=_properties(known.breaks),
        targets=tuple(map(_target, known.targets)),
        sources=_sources(known.sources),
        reach=Reach(known.reach),
    )


def _target(row: Row) -> Target:
    known = Target._make(row)
    return known._replace(
        when=_conditions(known.when),
        unless=tuple(map(_conditions, known.unless)),
        breaks=None if known.breaks is None else _properties(known.breaks),
    )


def _conditions(rows: Row) -> tuple[Condition, ...]:
    return tuple(Condition(fact, Comparison(test), values) for fact, test, values in rows)


def _properties(names: Row) -> tuple[Property, ...]:
    return tuple(map(Property, names))


def _sources(rows: Row) -> tuple[Source, ...]:
    return tuple(map(Source._make, rows))
