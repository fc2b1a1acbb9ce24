# SPDX-License-Identifier: Apache-2.0
"""Designs and deployments side by side: what each kind of attacker breaks, as it stands and with every fix applied.

A cell is a set of properties. One row *dominates* another if no cell of it holds a property that the other's lacks, and
some cell holds fewer: whatever breaks it breaks the other as well, by what is published.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import frozen

from ttee.errors import QuestionError
from ttee.trust.answers import ask
from ttee.trust.answers.words import ASKED, LETTERS
from ttee.trust.deployment.tree import Tee
from ttee.trust.knowledge.nearest import nearest
from ttee.trust.knowledge.terms import EFFECTS, Property
from ttee.trust.model.build import Model, build


@frozen(slots=True)
class Column:
    """One kind of attacker, with the adversary of the knowledge that it is, and the budget in USD."""

    id: str
    title: str
    adversary: str
    budget: int


COLUMNS = (
    Column("remote", "remote", "remote", 0),
    Column("host", "host", "host", 0),
    Column("operator", "operator, 1 000 USD", "operator", 1000),
    Column("lab", "laboratory, 1 000 000 USD", "lab", 1_000_000),
    Column("supply", "supply chain", "supply", 0),
)
"""From the network to everybody who makes it."""
ORDER = (*ASKED[:3], Property.KEYS, Property.FRESHNESS, Property.AVAILABILITY)
"""C I A K F V."""


@frozen(slots=True)
class Cell:
    """What a kind of attacker breaks: as it stands, and with every fix applied and checked."""

    naive: frozenset[Property]
    strict: frozenset[Property]


@frozen(slots=True)
class Row:
    """One design or deployment."""

    name: str
    title: str
    studies: int
    cells: Mapping[str, Cell]
    """By the id of a column."""


def goal_of(model: Model, property_: Property) -> str:
    """What the scorecard asks: of a TEE alone what is broken on the device, of a deployment what users lose."""
    root = model.deployment.root
    if isinstance(model.deployment.parts[root], Tee) and property_ in EFFECTS:
        return model.device(property_)
    return model.goal(property_)


def row(model: Model, columns: Sequence[Column] = COLUMNS) -> Row:
    """The row of a deployment, or of a design that stands alone."""
    strict = unmendable(model)
    designs = {tee.design for tee in model.leaves.values()}
    known = model.knowledge.designs
    title = known[model.deployment.name].name if model.deployment.name in known else model.deployment.name
    return Row(
        model.deployment.name,
        title,
        min((known[name].studies for name in designs), default=0),
        {column.id: Cell(broken(model, column), broken(strict, column)) for column in columns},
    )


def unmendable(model: Model) -> Model:
    """The same deployment where every attack that has a fix is gone: the fix is applied, checked, and no lie."""
    attacks = {
        id_: attack
        for id_, attack in model.knowledge.attacks.items()
        if attack.fix_kind in ("design", "none")
    }
    return build(model.deployment, model.knowledge._replace(attacks=attacks), at=str(model.at))


def broken(model: Model, column: Column) -> frozenset[Property]:
    """What a column's attacker breaks within its budget."""
    known, _ = ask.adversary(model, column.adversary)
    return frozenset(
        property_
        for property_ in ORDER
        if ask.can(model, goal_of(model, property_), known, column.budget).broken
    )


def dominates(one: Row, other: Row) -> bool:
    """Whether `one` is at least as good everywhere, and better somewhere."""
    pairs = [
        (mine, theirs)
        for id_, cell in one.cells.items()
        for mine, theirs in ((cell.naive, other.cells[id_].naive), (cell.strict, other.cells[id_].strict))
    ]
    return all(mine <= theirs for mine, theirs in pairs) and any(mine < theirs for mine, theirs in pairs)


def order(rows: Sequence[Row]) -> tuple[tuple[str, str], ...]:
    """Who dominates whom, without what follows from the others (a Hasse diagram)."""
    above = {(a.name, b.name) for a in rows for b in rows if a is not b and dominates(a, b)}
    return tuple(
        (a.name, b.name)
        for a in rows
        for b in rows
        if (a.name, b.name) in above
        and not any((a.name, c.name) in above and (c.name, b.name) in above for c in rows)
    )


def letters(properties: frozenset[Property]) -> str:
    """`CIK`, or `-` where nothing is broken that somebody has published."""
    return "".join(LETTERS[each] for each in ORDER if each in properties) or "-"


def column_named(name: str) -> Column:
    """A column by its id. Raises QuestionError."""
    for column in COLUMNS:
        if column.id == name:
            return column
    ids = [column.id for column in COLUMNS]
    raise QuestionError(f"{name[:64]!r} is no column", hint=nearest(name, ids) or ", ".join(ids))
