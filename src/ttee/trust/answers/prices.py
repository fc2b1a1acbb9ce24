# SPDX-License-Identifier: Apache-2.0
"""What breaking each property costs each adversary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

from attrs import frozen

from ttee.trust.answers import ask
from ttee.trust.knowledge.terms import Adversary, Property
from ttee.trust.model.build import Model


@frozen(slots=True)
class Price:
    """The least money with which an adversary breaks a property, infinite if none helps, and what it buys."""

    usd: float
    bought: frozenset[str]
    exact: bool = True


def prices(model: Model, properties: Sequence[Property]) -> Mapping[Adversary, Mapping[Property, Price]]:
    """For each adversary of the knowledge, in its order."""
    found: dict[Adversary, dict[Property, Price]] = {}
    for adversary in model.knowledge.adversaries.values():
        found[adversary] = {}
        for property_ in properties:
            answer = ask.can(model, model.goal(property_), adversary, inf)
            usd = answer.spent if answer.broken else inf
            found[adversary][property_] = Price(usd, answer.used, answer.exact)
    return found
