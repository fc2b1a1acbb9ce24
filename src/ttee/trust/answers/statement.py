# SPDX-License-Identifier: Apache-2.0
"""What is still to be trusted for one property: who breaks it alone, the cheapest way, how many ways there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from attrs import frozen

from ttee.trust.answers import ask
from ttee.trust.answers.ways import OF_WAY, Family, Way, Ways
from ttee.trust.answers.words import event_words
from ttee.trust.calculus.cuts import DEFAULT, Limits
from ttee.trust.calculus.factor import factored, sentence
from ttee.trust.calculus.rules import Kind
from ttee.trust.knowledge.terms import FIXES, Attack, Property, first_day
from ttee.trust.model.build import Model, build, designs_of
from ttee.trust.model.leaf import refutation


@frozen(slots=True)
class Statement:
    """What `who` says of one property."""

    property: Property
    goal: str
    singles: Mapping[str, tuple[str, ...]]
    """For each of `AXES`, who or what breaks it alone."""
    money: tuple[float, frozenset[str]] | None
    """What to buy where nobody at all is needed."""
    families: tuple[Family, ...]
    """Only those that there are cuts of."""
    unmended: Family | None
    """The published ways that are left with every fix applied and checked."""
    cheapest: tuple[float, frozenset[str]] | None
    """The cheapest way that needs no party to turn, and no flaw that nobody has published."""
    count: int
    histogram: Mapping[int, int]
    bound: int | None
    text: str
    """All cuts in one sentence."""
    smallest: int
    """Events of the smallest cut, broken cryptography aside; 0: there is none."""
    listed: tuple[frozenset[str], ...] = ()

    def of(self, way: Way) -> Family | None:
        """The cuts of one kind, if there are any."""
        return next((each for each in self.families if each.way is way), None)


@frozen(slots=True)
class Depth:
    """How much work stands behind "no published break" of a design."""

    design: str
    name: str
    studies: int
    since: str
    attacks: int
    """Published attacks on it, whatever refutes them."""


@frozen(slots=True)
class Standing:
    """A published attack on one part, and what is known that speaks against it (nothing: it applies)."""

    attack: Attack
    part: str
    refuted: str


def statements(
    model: Model, properties: Iterable[Property], *, listed: int = 0, limits: Limits = DEFAULT
) -> list[Statement]:
    """What is still to be trusted for each property of the deployment's root. Raises QuestionError, TooLargeError."""
    strict = mended(model)
    return [_statement(model, strict, property_, listed, limits) for property_ in properties]


def _statement(model: Model, strict: Model, property_: Property, listed: int, limits: Limits) -> Statement:
    ways = Ways.of(model, model.goal(property_), limits)
    whole = ways.whole
    published = ways.made_of(OF_WAY[Way.PUBLISHED])
    return Statement(
        property_,
        ways.goal,
        ways.singles(),
        ways.made_of((Kind.EQUIPMENT, Kind.MACHINE)).cheapest(partial(ask.cost, model)),
        tuple(found for way in Way if (found := ways.family(way)) is not None),
        Ways.of(strict, ways.goal, limits, OF_WAY[Way.PUBLISHED]).family(Way.PUBLISHED),
        ways.weakened(published.cheapest(partial(ask.cost, model))),
        whole.count,
        whole.histogram(),
        whole.bound,
        sentence(factored(whole), partial(event_words, model)),
        ways.smallest(),
        whole.listed(listed),
    )


def mended(model: Model) -> Model:
    """The same deployment with every fix applied and checked that there is."""
    fixed = [kind for kind in FIXES if kind not in ("design", "none")]
    return build(model.deployment, model.knowledge, at=str(model.at), fixed=fixed)


def depths(model: Model) -> tuple[Depth, ...]:
    """The evidence behind each design of the deployment."""
    return tuple(
        Depth(
            design.id,
            design.name,
            design.studies,
            design.since,
            sum(
                attack.compiled
                and _public(attack, model)
                and any(target.tee in (design.id, *design.classes) for target in attack.targets)
                for attack in model.knowledge.attacks.values()
            ),
        )
        for design in designs_of(model)
    )


def standings(model: Model) -> tuple[Standing, ...]:
    """Each published attack that aims at a part, as of the model's day; newest first."""
    found = []
    for name, tee in model.leaves.items():
        design = model.knowledge.designs[tee.design]
        for attack in model.knowledge.attacks.values():
            aims = [each for each in attack.targets if each.tee in (design.id, *design.classes)]
            if attack.compiled and _public(attack, model) and aims:
                against = [refutation(attack, target, tee, frozenset()) for target in aims]
                found.append(Standing(attack, name, "" if "" in against else against[0]))
    return tuple(
        sorted(found, key=lambda each: (each.attack.public, each.attack.id, each.part), reverse=True)
    )


def alone_words(model: Model, axis: str, names: Iterable[str]) -> list[str]:
    """The singles of an axis by the names that people know them by."""
    known: dict[str, str] = {}
    for event in model.events.values():
        of = event.groups.get(axis)
        if of is not None and axis in ("party", "component", "code"):
            known.setdefault(of, event.name.removeprefix("an undisclosed flaw in "))
    if axis == "vendor":
        known = {id_: party.name for id_, party in model.deployment.parties.items()}
    if axis == "jurisdiction":
        known = {"unnamed": "one that nobody has named"}
    return sorted(known.get(name, name) for name in names)


def _public(attack: Attack, model: Model) -> bool:
    day = first_day(attack.public)
    return day is not None and day <= model.at
