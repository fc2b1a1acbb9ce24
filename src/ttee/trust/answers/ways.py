# SPDX-License-Identifier: Apache-2.0
"""The cuts of a goal, told apart by what they are made of: published attacks, parties, undisclosed flaws, …
(docs/spec/trust.md, section 7)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from itertools import islice

from attrs import frozen

from ttee.trust.calculus.cuts import DEFAULT, Cuts, Limits, ListedCuts, cuts_of
from ttee.trust.calculus.rules import Kind
from ttee.trust.knowledge.terms import Attack
from ttee.trust.model.build import Model

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


@frozen(slots=True)
class Family:
    """The cuts of one kind: how many, of which size, and the smallest of them."""

    way: Way
    count: int
    histogram: Mapping[int, int]
    examples: tuple[frozenset[str], ...]
    bound: int | None


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
