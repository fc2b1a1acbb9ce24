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
from ttee.trust.cuts import DEFAULT, Cuts, Limits, ListedCuts, cuts_of
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
AT_HAND = 1000
"""As many cuts as are listed once, and then sorted by what they are made of."""
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


@frozen(slots=True)
class Ways:
    """The cuts of a goal, sorted by what they are made of: cuts made of some kinds of event alone are those of all cuts
    that have no other. Where they are too many to list, each kind is asked for anew."""

    model: Model
    goal: str
    limits: Limits
    whole: Cuts
    at_hand: tuple[frozenset[str], ...] | None

    @classmethod
    def of(
        cls, model: Model, goal: str, limits: Limits = DEFAULT, kinds: Collection[Kind] = tuple(Kind)
    ) -> Ways:
        """Those of a goal, made of events of these kinds."""
        events = [id_ for id_, event in model.events.items() if event.kind in kinds]
        whole = cuts_of(model.base, events, goal, limits=limits)
        return cls(model, goal, limits, whole, whole.listed(AT_HAND) if whole.count <= AT_HAND else None)

    def made_of(self, kinds: Collection[Kind]) -> Cuts:
        """The cuts that are made of events of these kinds."""
        events = self.model.events
        if self.at_hand is not None:
            found = [cut for cut in self.at_hand if all(events[event].kind in kinds for event in cut)]
            return ListedCuts(found, self.whole.bound)
        chosen = [id_ for id_, event in events.items() if event.kind in kinds]
        return cuts_of(self.model.base, chosen, self.goal, limits=self.limits)

    def family(self, way: Way) -> Family | None:
        """The cuts of one kind, if there are any."""
        cuts, mark = self.made_of(OF_WAY[way]), BEYOND.get(way)
        if way is Way.PARTIES:
            cuts = self.parties()
        histogram, found = cuts.histogram(), cuts.smallest_first()
        if mark is not None:
            plain = self.made_of([kind for kind in OF_WAY[way] if kind is not mark])
            if plain.bound == cuts.bound:  # minimal sets without the mark are among those that may have it
                known = plain.histogram()
                histogram = {
                    size: n for size, all_ in histogram.items() if (n := all_ - known.get(size, 0)) > 0
                }
            events = self.model.events
            found = (cut for cut in islice(found, LOOKED_AT) if any(events[id_].kind is mark for id_ in cut))
        weakest = (cut for cut in islice(found, LOOKED_AT) if self._weaker(cut) is None)
        examples = tuple(islice(weakest, EXAMPLES)) if histogram else ()
        return Family(way, sum(histogram.values()), histogram, examples, cuts.bound) if examples else None

    def parties(self) -> Cuts:
        """Which parties have to turn, each buying what it needs; nothing, where money suffices without them."""
        model = self.model
        means = model.means()
        given = () if self._breaks(means) else means
        chosen = [id_ for id_, event in model.events.items() if event.kind is Kind.PARTY]
        if self.at_hand is not None and self.whole.bound is None:
            turned = {left for cut in self.at_hand if (left := cut.difference(given)).issubset(chosen)}
            return ListedCuts([cut for cut in turned if not any(other < cut for other in turned)], None)
        return cuts_of(model.base, chosen, self.goal, given=given, limits=self.limits)

    def smallest(self) -> int:
        """Events of the smallest cut, broken cryptography aside: it would break nearly everything. 0: there is none."""
        return min(self.made_of([kind for kind in Kind if kind is not Kind.CRYPTO]).histogram(), default=0)

    def singles(self) -> dict[str, tuple[str, ...]]:
        """For each of `AXES`, who or what breaks the goal alone, whatever it has to buy; where money suffices without
        anybody, those that need not buy anything."""
        means = self.model.means()
        if self._breaks(means):
            means = ()
        found = {}
        for axis in AXES:
            groups: dict[str, list[str]] = {}
            for id_, event in self.model.events.items():
                if axis in event.groups:
                    groups.setdefault(event.groups[axis], []).append(id_)
            found[axis] = tuple(
                sorted(name for name, events in groups.items() if self._breaks((*events, *means)))
            )
        return found

    def weakened(self, priced: tuple[float, frozenset[str]] | None) -> tuple[float, frozenset[str]] | None:
        """A cut at the same price, with the weakest capabilities that suffice."""
        if priced is None:
            return None
        price, cut = priced
        while (weaker := self._weaker(cut)) is not None:
            cut = weaker
        for event in sorted(cut):
            if self._breaks(cut - {event}):
                cut -= {event}
        return price, cut

    def _weaker(self, cut: frozenset[str]) -> frozenset[str] | None:
        """The cut with a capability that one of its own brings along in that one's place, if that suffices."""
        model = self.model
        for id_ in sorted(cut):
            event = model.events[id_]
            if event.kind is not Kind.CAPABILITY:
                continue
            for implied in model.knowledge.capabilities[event.groups["capability"]].implies:
                weaker = f"{Kind.CAPABILITY}:{implied}@{event.groups.get('machine', '')}"
                if weaker in model.events and self._breaks((cut - {id_}) | {weaker}):
                    return (cut - {id_}) | {weaker}
        return None

    def _breaks(self, events: Collection[str]) -> bool:
        if self.at_hand is not None and self.whole.bound is None:
            had = frozenset(events)
            return any(cut <= had for cut in self.at_hand)
        return self.model.base.breaks(events, self.goal)


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
