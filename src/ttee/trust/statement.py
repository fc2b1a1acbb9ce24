# SPDX-License-Identifier: Apache-2.0
"""What is still to be trusted for one property: who breaks it alone, the cheapest way, how many ways there are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from functools import partial
from itertools import islice

from attrs import frozen

from ttee.trust import ask
from ttee.trust.build import Model, build, designs_of
from ttee.trust.cuts import DEFAULT, Limits, cuts_of
from ttee.trust.factor import factored, sentence
from ttee.trust.leaf import refutation
from ttee.trust.rules import Kind
from ttee.trust.terms import FIXES, Attack, Property, first_day
from ttee.trust.words import event_words

AXES = ("party", "vendor", "jurisdiction", "component", "codebase", "code")
"""What is named if it breaks a property alone."""


class Way(StrEnum):
    """Of what kind a break is."""

    PUBLISHED = "published"
    PARTIES = "parties"
    OPEN = "open"
    UNDISCLOSED = "undisclosed"
    CRYPTO = "crypto"
    LEAKS = "leaks"


OF_WAY: Mapping[Way, tuple[Kind, ...]] = {
    Way.PUBLISHED: (Kind.CAPABILITY, Kind.EQUIPMENT, Kind.MACHINE),
    Way.PARTIES: (Kind.PARTY,),
    Way.OPEN: (Kind.CAPABILITY, Kind.EQUIPMENT, Kind.MACHINE, Kind.EXPOSURE),
    Way.UNDISCLOSED: (Kind.FLAW,),
    Way.CRYPTO: (Kind.CRYPTO,),
    Way.LEAKS: (Kind.CAPABILITY, Kind.EQUIPMENT, Kind.MACHINE, Kind.LEAK),
}
"""The events that such a break is made of. Parties may buy what they need; a flaw alone is asked for alone."""

BEYOND = {Way.OPEN: Kind.EXPOSURE, Way.LEAKS: Kind.LEAK}
"""What a break must contain to be of this kind and not a published one."""

EXAMPLES = 12
"""Cuts that a family shows."""
LOOKED_AT = 2000
"""Cuts among which the smallest with a mark are looked for."""

TITLES: Mapping[Way, str] = {
    Way.PUBLISHED: "by published attacks, or as a matter of course",
    Way.PARTIES: "by those who must not turn",
    Way.OPEN: "by what the design leaves open, though nobody has published how",
    Way.UNDISCLOSED: "by an undisclosed flaw",
    Way.CRYPTO: "by broken cryptography",
    Way.LEAKS: "by keys that leak",
}


@frozen(slots=True)
class Family:
    """The cuts of one kind: how many, of which size, and the smallest of them."""

    way: Way
    count: int
    histogram: Mapping[int, int]
    examples: tuple[frozenset[str], ...]
    bound: int | None


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


def statement(model: Model, property_: Property, *, listed: int = 0, limits: Limits = DEFAULT) -> Statement:
    """What is still to be trusted for a property of the deployment's root. Raises QuestionError, TooLargeError."""
    goal = model.goal(property_)
    whole = ask.who(model, goal, limits=limits)
    families = []
    for way in Way:
        found = family(model, goal, way, limits)
        if found is not None:
            families.append(found)
    means = model.means()
    had = [id_ for id_, event in model.events.items() if event.kind is Kind.CAPABILITY]
    had += means
    return Statement(
        property_,
        goal,
        singles(model, goal),
        cuts_of(model.base, means, goal, limits=limits).cheapest(partial(ask.cost, model)),
        tuple(families),
        family(mended(model), goal, Way.PUBLISHED, limits),
        _cheapest(model, goal, had, limits),
        whole.count,
        whole.histogram(),
        whole.bound,
        sentence(factored(whole), partial(event_words, model)),
        smallest(model, goal, limits),
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


def behind(model: Model, goal: str, cut: Collection[str]) -> tuple[Attack, ...]:
    """The published attacks by which a cut breaks the goal, newest first; not those that what is known speaks against,
    which count only once attestation is broken anyway."""
    held = model.base.closure(cut)
    wanted, stack, found = {goal}, [goal], {}
    while stack:
        head = stack.pop()
        for rule in model.base.giving(head):
            body = [atom for atom in rule.body if atom in held]
            if len(body) < rule.k:
                continue
            attack = model.knowledge.attacks.get(rule.id)
            if attack is not None and not any(atom.endswith(".attestation") for atom in body):
                found[attack.id] = attack
            fresh = [atom for atom in body if atom not in wanted]
            wanted.update(fresh)
            stack += fresh
    return tuple(sorted(found.values(), key=lambda each: (each.public, each.id), reverse=True))


def _public(attack: Attack, model: Model) -> bool:
    day = first_day(attack.public)
    return day is not None and day <= model.at


def smallest(model: Model, goal: str, limits: Limits = DEFAULT) -> int:
    """Events of the smallest cut, broken cryptography aside: it would break nearly everything. 0: there is none."""
    events = [id_ for id_, event in model.events.items() if event.kind is not Kind.CRYPTO]
    return min(cuts_of(model.base, events, goal, limits=limits).histogram(), default=0)


def _cheapest(
    model: Model, goal: str, events: Collection[str], limits: Limits
) -> tuple[float, frozenset[str]] | None:
    """The least price, and a cut that has it, with the weakest capabilities that do."""
    best = cuts_of(model.base, events, goal, limits=limits).cheapest(partial(ask.cost, model))
    if best is None:
        return None
    price, cut = best
    while (weaker := _weaker(model, goal, cut, events)) is not None:
        cut = weaker
    for event in sorted(cut):
        if model.base.breaks(cut - {event}, goal):
            cut -= {event}
    return price, cut


def singles(model: Model, goal: str) -> dict[str, tuple[str, ...]]:
    """For each of `AXES`, who or what breaks the goal alone, whatever it has to buy; where money suffices without
    anybody, those that need not buy anything."""
    means = model.means()
    if model.base.breaks(means, goal):
        means = ()
    found = {}
    for axis in AXES:
        groups: dict[str, list[str]] = {}
        for id_, event in model.events.items():
            if axis in event.groups:
                groups.setdefault(event.groups[axis], []).append(id_)
        found[axis] = tuple(
            sorted(name for name, events in groups.items() if model.base.breaks((*events, *means), goal))
        )
    return found


def family(model: Model, goal: str, way: Way, limits: Limits = DEFAULT) -> Family | None:
    """The cuts made of events of these kinds alone. One that must contain a mark is in the family with the marks and
    not in the one without, so that numbers are the difference of the two."""
    kinds, mark = OF_WAY[way], BEYOND.get(way)
    events = [id_ for id_, event in model.events.items() if event.kind in kinds]
    given = model.means() if way is Way.PARTIES and not model.base.breaks(model.means(), goal) else ()
    if not any(model.events[id_].kind is (mark or kinds[0]) for id_ in events):
        return None
    cuts = cuts_of(model.base, events, goal, given=given, limits=limits)
    histogram, bound, found = cuts.histogram(), cuts.bound, cuts.smallest_first()
    if mark is not None:
        plain = [id_ for id_ in events if model.events[id_].kind is not mark]
        without = cuts_of(model.base, plain, goal, limits=limits)
        known = without.histogram()
        if None in (bound, without.bound) and bound != without.bound:
            known = {}
        histogram = {
            size: left for size, all_ in histogram.items() if (left := all_ - known.get(size, 0)) > 0
        }
        found = (
            cut for cut in islice(found, LOOKED_AT) if any(model.events[event].kind is mark for event in cut)
        )
    weakest = (cut for cut in islice(found, LOOKED_AT) if _weaker(model, goal, cut, events) is None)
    examples = tuple(islice(weakest, EXAMPLES)) if histogram else ()
    return Family(way, sum(histogram.values()), histogram, examples, bound) if examples else None


def _weaker(model: Model, goal: str, cut: frozenset[str], events: Collection[str]) -> frozenset[str] | None:
    """The cut with a capability that one of its own brings along in that one's place, if that suffices."""
    for id_ in sorted(cut):
        event = model.events[id_]
        if event.kind is not Kind.CAPABILITY:
            continue
        capability = model.knowledge.capabilities[event.groups["capability"]]
        for implied in capability.implies:
            weaker = f"{Kind.CAPABILITY}:{implied}@{event.groups.get('machine', '')}"
            if weaker in events and model.base.breaks((cut - {id_}) | {weaker}, goal):
                return (cut - {id_}) | {weaker}
    return None


@frozen(slots=True)
class Lacking:
    """What an adversary would still need: how many ways, the smallest of them, and whether the search was bounded."""

    count: int
    examples: tuple[frozenset[str], ...]
    bound: int | None


def lacking(model: Model, goal: str, tried: Collection[str], limits: Limits = DEFAULT) -> Lacking:
    """The smallest sets of further events with which the goal would break."""
    cuts = cuts_of(model.base, list(model.events), goal, given=sorted(tried), limits=limits)
    return Lacking(cuts.count, cuts.listed(EXAMPLES), cuts.bound)
