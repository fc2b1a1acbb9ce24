# SPDX-License-Identifier: Apache-2.0
"""Questions to a model: who breaks it, can this adversary, what breaks it alone, which design dominates which."""

from collections.abc import Iterator
from math import inf
from typing import NamedTuple

from ttee.errors import QuestionError
from ttee.trust.calculus.cuts import DEFAULT, Cuts, Limits, cuts_of
from ttee.trust.calculus.rules import Derivation, Kind, Rule
from ttee.trust.deployment.tree import Tee
from ttee.trust.knowledge.nearest import nearest
from ttee.trust.knowledge.terms import Adversary, Over, Scope
from ttee.trust.model.build import Model

AXES = ("party", "vendor", "jurisdiction", "component", "codebase", "machine", "code", "design")
"""What events can belong to, and so what may break a property alone."""


class Answer(NamedTuple):
    """Whether an adversary breaks a goal: with a derivation and the money it takes, or with what was tried."""

    broken: bool
    who: str
    tried: frozenset[str]
    """All that the adversary has, and what it could buy at a price within its budget."""
    spent: float = 0
    used: frozenset[str] = frozenset()
    """What was bought."""
    derivation: Derivation | None = None
    missing: tuple[tuple[Rule, tuple[str, ...]], ...] = ()
    exact: bool = True
    """False: the sum of what must be bought could not be found within limits; each piece alone is within the budget."""


def who(model: Model, goal: str, *, budget: float | None = None, limits: Limits = DEFAULT) -> Cuts:
    """The cuts of a goal. With a `budget`, what costs no more is taken to be bought, and what costs more cannot be."""
    if budget is None:
        return cuts_of(model.base, model.events, goal, limits=limits)
    actors = [id_ for id_, event in model.events.items() if not event.kind.means]
    return cuts_of(model.base, actors, goal, given=model.means(budget), limits=limits)


def cost(model: Model, event: str) -> float:
    """What an event costs, in USD. Parties and capabilities have no price here: they are had, or not."""
    return model.events[event].cost


def adversary(model: Model, text: str) -> tuple[Adversary, int]:
    """`operator` or `operator:1000` as an adversary and a budget in USD. Raises QuestionError."""
    name, colon, budget = text.partition(":")
    known = model.knowledge.adversaries
    if name not in known:
        raise QuestionError(
            f"{name[:64]!r} is not an adversary", hint=nearest(name, known) or ", ".join(known)
        )
    if colon and not (budget.isascii() and budget.isdigit() and len(budget) <= 12):
        raise QuestionError(f"{budget[:64]!r} is not a budget in USD", hint=f"write {name}:1000")
    return known[name], int(budget) if colon else known[name].budget_usd


def can(model: Model, goal: str, adversary: Adversary, budget: float | None = None) -> Answer:
    """Whether the adversary breaks the goal, on whichever machines it may be; the cheapest way if it does."""
    budget = adversary.budget_usd if budget is None else budget
    elsewhere = adversary.elsewhere
    buys = [id_ for id_ in model.means(budget) if elsewhere or model.events[id_].kind is not Kind.MACHINE]
    answers = [_attempt(model, goal, who, has, (buys, budget)) for who, has in held(model, adversary)]
    return min(answers, key=lambda answer: (not answer.broken, answer.spent))


def held(model: Model, adversary: Adversary) -> Iterator[tuple[str, frozenset[str]]]:
    """What the adversary has to begin with, once for each set of machines that it may have, by who it then is."""
    capabilities = model.knowledge.capabilities
    everywhere = {
        f"{Kind.CAPABILITY}:{id_}"
        for id_ in adversary.capabilities
        if capabilities[id_].scope is Scope.NETWORK
    }
    everywhere |= {id_ for id_, event in model.events.items() if event.kind in adversary.kinds}
    for tee in model.leaves.values():
        design = model.knowledge.designs[tee.design]
        for role, few in {**design.roles, **tee.roles}.items():
            if role in adversary.roles:
                everywhere |= {f"{Kind.PARTY}:{_named(name, tee)}" for name in few.of}
        if "verifier" in adversary.roles and tee.verifier is not None:
            everywhere.add(f"{Kind.PARTY}:{tee.verifier}")
        if "author" in adversary.roles:
            everywhere.add(f"{Kind.PARTY}:{tee.author or f'author@{tee.code}'}")
    local = [id_ for id_ in adversary.capabilities if capabilities[id_].scope is Scope.MACHINE]
    for name, machines in _places(model, adversary.over).items():
        has = everywhere | {f"{Kind.CAPABILITY}:{id_}@{machine}" for id_ in local for machine in machines}
        if "operator" in adversary.roles:
            here = [tee for tee in model.leaves.values() if tee.machine in machines]
            has |= {f"{Kind.PARTY}:{_named('operator', tee)}" for tee in here}
        yield name, frozenset(has & model.events.keys())


def alone(model: Model, goal: str, axis: str) -> tuple[str, ...]:
    """Who or what breaks the goal alone, whatever it has to buy; `""` alone: nobody is needed, money suffices.
    Raises QuestionError."""
    if axis not in AXES:
        raise QuestionError(
            f"{axis[:64]!r} is nothing that events belong to", hint=nearest(axis, AXES) or ", ".join(AXES)
        )
    means = model.means()
    if model.base.breaks(means, goal):
        return ("",)
    groups: dict[str, list[str]] = {}
    for id_, event in model.events.items():
        if axis in event.groups:
            groups.setdefault(event.groups[axis], []).append(id_)
    return tuple(
        sorted(name for name, events in groups.items() if model.base.breaks((*events, *means), goal))
    )


def explain(model: Model, cut: frozenset[str], goal: str) -> Derivation:
    """Why the cut breaks the goal. Raises QuestionError if it does not."""
    for event in cut:
        if event not in model.events:
            raise QuestionError(
                f"{event[:80]!r} is not an event here", hint=nearest(event, model.events) or None
            )
    derivation = model.base.derive(sorted(cut), goal)
    if derivation is None:
        raise QuestionError("these events do not break it", hint="ask `who` for what does")
    return derivation


def _named(name: str, tee: Tee) -> str:
    """The party that a design means by `operator` or `owner`; any other as it is."""
    placed = {"operator": tee.operator, "owner": tee.owner}
    return (placed[name] or f"{name}@{tee.machine}") if name in placed else name


def _places(model: Model, over: Over) -> dict[str, list[str]]:
    """Sets of machines that one adversary may have, by who it then is.

    Whoever owns an operator has what that one runs. A machine whose operator nobody named may be anybody's.
    """
    operators: dict[str, list[str]] = {}
    for tee in model.leaves.values():
        operators.setdefault(tee.machine, []).extend([tee.operator] if tee.operator else [])
    match over:
        case Over.ALL:
            return {"everywhere": list(operators)}
        case Over.MACHINE:
            return {machine: [machine] for machine in operators}
        case Over.OPERATOR:
            unnamed = [machine for machine, whose in operators.items() if not whose]
            places: dict[str, list[str]] = {}
            for machine, whose in operators.items():
                for each in _with_owners(model, whose):
                    if machine not in places.setdefault(each, list(unnamed)):
                        places[each].append(machine)
            return places or {f"the operator of {' and '.join(unnamed[:3])}": unnamed}


def _with_owners(model: Model, parties: list[str]) -> list[str]:
    known, found = model.deployment.parties, dict[str, None]()
    for id_ in parties:
        above: str | None = id_
        while above is not None and above not in found:
            found[above] = None
            above = known[above].parent
    return list(found)


def _attempt(
    model: Model, goal: str, name: str, has: frozenset[str], purse: tuple[list[str], float]
) -> Answer:
    buys, budget = purse
    tried = has.union(buys)
    if not model.base.breaks(tried, goal):
        return Answer(False, name, tried, missing=model.base.missing(tried, goal))
    cuts = cuts_of(model.base, buys, goal, given=has)
    best = cuts.cheapest(lambda event: cost(model, event))
    if best is None or best[0] > budget:
        if cuts.bound is None:
            return Answer(False, name, tried, spent=inf, missing=model.base.missing(has, goal))
        derivation = model.base.derive(sorted(tried), goal)
        return Answer(True, name, tried, budget, frozenset(buys), derivation, exact=False)
    derivation = model.base.derive(sorted(has | best[1]), goal)
    return Answer(True, name, tried, best[0], best[1], derivation, exact=cuts.bound is None)
