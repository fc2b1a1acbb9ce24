# SPDX-License-Identifier: Apache-2.0
"""What one deployment withstands and another does not: cuts of the one that do not break the other."""

from __future__ import annotations

from itertools import islice

from attrs import frozen

from ttee.trust.answers import ask
from ttee.trust.answers.ways import AXES, Ways
from ttee.trust.calculus.cuts import DEFAULT, Limits
from ttee.trust.knowledge.terms import Property
from ttee.trust.model.build import Model

MOST = 2000
"""Cuts of each side that are held against the other, smallest first."""
SHOWN = 12


@frozen(slots=True)
class Side:
    """The cuts of one deployment that do not break the other."""

    count: int
    examples: tuple[frozenset[str], ...]
    examined: int
    """So many cuts were held against the other deployment, smallest first."""
    total: int
    """So many there are."""


@frozen(slots=True)
class Difference:
    """One property of two deployments."""

    property: Property
    gone: Side
    """Cuts of the first that do not break the second."""
    new: Side
    """Cuts of the second that do not break the first."""
    singles_gone: tuple[tuple[str, str], ...]
    """Axis and name of what breaks the first alone, and not the second."""
    singles_new: tuple[tuple[str, str], ...]


def difference(one: Model, other: Model, property_: Property, limits: Limits = DEFAULT) -> Difference:
    """What changes for a property from one deployment to the other. Raises TooLargeError.

    Events that only one of them has never happen in the other: machines and operators are told apart by name.
    """
    mine = Ways.of(one, one.goal(property_), limits).singles()
    theirs = Ways.of(other, other.goal(property_), limits).singles()
    return Difference(
        property_,
        _side(one, other, property_, limits),
        _side(other, one, property_, limits),
        tuple((axis, name) for axis in AXES for name in mine[axis] if name not in theirs[axis]),
        tuple((axis, name) for axis in AXES for name in theirs[axis] if name not in mine[axis]),
    )


def _side(one: Model, other: Model, property_: Property, limits: Limits) -> Side:
    cuts = ask.who(one, one.goal(property_), limits=limits)
    goal, examined, found = other.goal(property_), 0, []
    for cut in islice(cuts.smallest_first(), MOST):
        examined += 1
        if not other.base.breaks(cut & other.events.keys(), goal):
            found.append(cut)
    return Side(len(found), tuple(found[:SHOWN]), examined, cuts.count)
