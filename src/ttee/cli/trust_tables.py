# SPDX-License-Identifier: Apache-2.0
"""Comparisons as text and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

from ttee.cli.output import styled, table
from ttee.cli.trust_json import cut_json, model_json
from ttee.cli.trust_text import depth_words, wrapped
from ttee.codec import json
from ttee.trust.answers.compare import Difference, Side
from ttee.trust.answers.prices import Price
from ttee.trust.answers.scorecard import COLUMNS, ORDER, Row, letters
from ttee.trust.answers.statement import alone_words, depths
from ttee.trust.answers.ways import AXES
from ttee.trust.answers.words import LETTERS, cut_words, joined, number, several, shortened
from ttee.trust.knowledge.terms import Adversary, Property
from ttee.trust.model.build import Model

COARSE = {
    "party": "one party",
    "vendor": "one vendor",
    "jurisdiction": "one jurisdiction",
    "component": "one undisclosed flaw",
    "codebase": "one code base",
    "code": "one program",
}
"""What each axis is called where it stands alone."""
NOT_SECURE = (
    'A "-" means that nobody has published a break that this attacker can carry out; with few studies, '
    "that says little. "
    "`ttee trust explain NAME:COLUMN` explains a cell."
)
PRICED = (
    "0: it has what it takes. -: no money helps, by what is published. Equipment without a published price "
    "counts as nothing; work and time are not counted."
)


def compare_text(model: Model, rows: Sequence[Row], above: Sequence[tuple[str, str]]) -> str:
    """The scorecard, and who dominates whom."""
    head = ["", "studies", *(column.title for column in COLUMNS)]
    body = [[row.name, number(row.studies), *(_cell(row, column.id) for column in COLUMNS)] for row in rows]
    lines = [
        f"What each attacker breaks, as known on {model.at}: as it stands / with every fix applied and checked",
        "",
        table([head, *body]),
        "",
        ", ".join(f"{LETTERS[each]} {each}" for each in ORDER),
        "",
    ]
    better: dict[str, list[str]] = {}
    for one, other in above:
        better.setdefault(one, []).append(other)
    studies = {row.name: row.studies for row in rows}
    for one, others in better.items():
        few = f", of which there are {several(studies[one], 'study', 'studies')}"
        lines.append(wrapped(f"{one}{few}, dominates {joined(others)}", hang=4))
    if not better and len(rows) > 1:
        lines.append("None dominates another.")
    if better:
        lines.append(
            wrapped(
                "To dominate is to be broken nowhere where the other is not, by what is published; it passes on "
                "from one to the next."
            )
        )
    lines.append(wrapped(NOT_SECURE))
    return "\n".join(lines)


def _cell(row: Row, column: str) -> str:
    cell = row.cells[column]
    return f"{letters(cell.naive)} / {letters(cell.strict)}"


def compare_json(
    model: Model, rows: Sequence[Row], above: Sequence[tuple[str, str]]
) -> dict[str, json.Encodable]:
    """ttee.trust-compare/1."""
    return {
        "schema": "ttee.trust-compare/1",
        "at": str(model.at),
        "knowledge_as_of": str(model.knowledge.as_of),
        "rows": [
            {
                "name": row.name,
                "title": row.title,
                "studies": row.studies,
                "cells": {
                    id_: {
                        "as_it_stands": [str(each) for each in ORDER if each in cell.naive],
                        "fixed": [str(each) for each in ORDER if each in cell.strict],
                    }
                    for id_, cell in row.cells.items()
                },
            }
            for row in rows
        ],
        "dominates": [[one, other] for one, other in above],
    }


def diff_text(one: Model, other: Model, found: Sequence[Difference]) -> str:
    """What breaks one and not the other, property by property."""
    a, b = one.deployment.name, other.deployment.name
    lines = [f"From {styled(a, 'bold')} to {styled(b, 'bold')}, as known on {one.at}"]
    for each in found:
        lines += ["", styled(each.property, "bold")]
        for sign, model, side, alone, text in (
            ("-", one, each.gone, each.singles_gone, f"breaks {a} only"),
            ("+", other, each.new, each.singles_new, f"breaks {b} only"),
        ):
            lines.append(f"  {sign} {text}: {_side_words(side)}")
            for axis in AXES:
                names = alone_words(model, axis, [name for of, name in alone if of == axis])
                if names:
                    lines.append(
                        wrapped(f"{COARSE[axis]}: {shortened(names, 8, comma=';')}", indent="      ", hang=4)
                    )
            lines += [wrapped(cut_words(model, cut), indent="      ", hang=4) for cut in side.examples[:6]]
            if side.count > 6:
                lines.append(f"      and {number(side.count - 6)} more")
    return "\n".join(lines)


def _side_words(side: Side) -> str:
    bounded = (
        ""
        if side.examined == side.total
        else f" among the {number(side.examined)} smallest of {number(side.total)}"
    )
    return f"{several(side.count, 'cut')}{bounded}" if side.count else f"nothing{bounded}"


def diff_json(one: Model, other: Model, found: Sequence[Difference]) -> dict[str, json.Encodable]:
    """ttee.trust-diff/1."""

    def side(model: Model, each: Side, alone: Sequence[tuple[str, str]]) -> dict[str, json.Encodable]:
        return {
            "count": each.count,
            "examined": each.examined,
            "total": each.total,
            "alone": {axis: [name for of, name in alone if of == axis] for axis in AXES},
            "smallest": [cut_json(model, cut) for cut in each.examples],
        }

    return {
        "schema": "ttee.trust-diff/1",
        "from": model_json(one),
        "to": model_json(other),
        "properties": {
            str(each.property): {
                "gone": side(one, each.gone, each.singles_gone),
                "new": side(other, each.new, each.singles_new),
            }
            for each in found
        },
    }


def singles_text(model: Model, found: Mapping[Property, Mapping[str, Sequence[str]]]) -> str:
    """What breaks each property alone, axis by axis."""
    lines = [f"What breaks {styled(model.deployment.name, 'bold')} alone, as known on {model.at}"]
    alike: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    for property_, axes in found.items():
        alike.setdefault(tuple(tuple(axes[axis]) for axis in AXES), []).append(property_)
    for each, properties in alike.items():
        lines += ["", styled(joined(properties), "bold")]
        none = [
            COARSE[axis].removeprefix("one ") for axis, names in zip(AXES, each, strict=True) if not names
        ]
        for axis, names in zip(AXES, each, strict=True):
            if names:
                said = joined(alone_words(model, axis, names), "or", ";")
                lines.append(wrapped(f"{COARSE[axis]}: {said}", indent="  ", hang=4))
        if none:
            lines.append(wrapped(f"no single {joined(none, 'or')}", indent="  ", hang=4))
    return "\n".join(lines)


def singles_json(
    model: Model, found: Mapping[Property, Mapping[str, Sequence[str]]]
) -> dict[str, json.Encodable]:
    """ttee.trust-singletons/1."""
    return {
        "schema": "ttee.trust-singletons/1",
        **model_json(model),
        "properties": {
            str(property_): {axis: list(names) for axis, names in axes.items()}
            for property_, axes in found.items()
        },
    }


def prices_text(model: Model, found: Mapping[Adversary, Mapping[Property, Price]]) -> str:
    """A row for each adversary, a column for each property."""
    properties = list(next(iter(found.values())))
    head = ["", *map(str, properties)]
    body = [
        [adversary.name, *(price_words(price) for price in row.values())] for adversary, row in found.items()
    ]
    lines = [
        f"What breaking {styled(model.deployment.name, 'bold')} costs, in USD, as known on {model.at}",
        "",
        table([head, *body]),
        "",
        wrapped(PRICED),
        *map(wrapped, map(depth_words, depths(model))),
    ]
    return "\n".join(lines)


def price_words(price: Price) -> str:
    """A price as tables have it."""
    return "-" if price.usd == inf else f"{'' if price.exact else '≤ '}{number(price.usd)}"


def prices_json(
    model: Model, found: Mapping[Adversary, Mapping[Property, Price]]
) -> dict[str, json.Encodable]:
    """ttee.trust-cheapest/1."""
    return {
        "schema": "ttee.trust-cheapest/1",
        **model_json(model),
        "adversaries": {
            adversary.id: {
                str(property_): {
                    "usd": None if price.usd == inf else int(price.usd),
                    "bought": sorted(price.bought),
                    "exact": price.exact,
                }
                for property_, price in row.items()
            }
            for adversary, row in found.items()
        },
    }
