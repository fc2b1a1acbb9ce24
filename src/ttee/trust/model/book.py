# SPDX-License-Identifier: Apache-2.0
"""Where the rules and events of one deployment are collected, each event once, under its stable id."""

from __future__ import annotations

from collections.abc import Mapping

from ttee.trust.calculus.rules import Event, Kind, Rule, Source
from ttee.trust.knowledge.terms import Attack, Capability, Component, Design, Holders, Knowledge, Party

SPEC = (Source("docs/spec/trust.md, section 5"),)


class Book:
    """Rules and events in the making."""

    def __init__(self, knowledge: Knowledge, parties: Mapping[str, Party]) -> None:
        """`parties`: those of the knowledge and those of the deployment."""
        self.knowledge = knowledge
        self.parties = parties
        self.rules: dict[Rule, None] = {}
        self.events: dict[str, Event] = {}
        self._met: set[str] = set()

    def first(self, atom: str) -> bool:
        """Whether nobody asked this of the atom before: rules that several parts share are written once."""
        new = atom not in self._met
        self._met.add(atom)
        return new

    def rule(
        self,
        head: str,
        says: str,
        *body: str,
        k: int | None = None,
        id_: str,
        sources: tuple[Source, ...] = SPEC,
    ) -> None:
        """All of the body, or k of it, gives the head."""
        body = tuple(dict.fromkeys(body))
        self.rules[Rule(head, body, len(body) if k is None else k, id_, says, sources)] = None

    def event(self, kind: Kind, id_: str, name: str, cost: int = 0, **groups: str | None) -> str:
        """The event `KIND:ID`; the first to speak of it names it."""
        key = f"{kind}:{id_}"
        if key not in self.events:
            self.events[key] = Event(key, kind, name, cost, {axis: of for axis, of in groups.items() if of})
        return key

    def party(self, id_: str) -> str:
        """A party turned: coerced, bribed, bought, or robbed of its keys; so is what it owns."""
        party = self.parties[id_]
        key = f"{Kind.PARTY}:{id_}"
        if key not in self.events:
            self.event(Kind.PARTY, id_, party.name, party=id_, vendor=id_, jurisdiction=party.jurisdiction)
            if party.parent is not None:
                parent = self.party(party.parent)
                owner = self.parties[party.parent].name
                self.rule(
                    key, f"{owner} owns {party.name}", parent, id_="parent", sources=party.sources or SPEC
                )
        return key

    def somebody(self, role: str, where: str, name: str) -> str:
        """Somebody whom the deployment does not name."""
        return self.event(Kind.PARTY, f"{role}@{where}", name, party=f"{role}@{where}")

    def holders(self, atom: str, says: str, few: Holders, broken: Mapping[str, str]) -> str:
        """The atom that k of the holders are broken; `broken` has those that are not parties."""
        members = [broken.get(name) or self.party(name) for name in few.of]
        if len(members) == 1:
            return members[0]
        self.rule(atom, says, *members, k=few.k, id_="holders")
        return atom

    def flaw(self, component: Component) -> str:
        """The undisclosed flaw that each component carries."""
        maker = component.maker
        return self.event(
            Kind.FLAW,
            component.id,
            f"an undisclosed flaw in {component.name}",
            component=component.id,
            vendor=maker,
            codebase=component.codebase or component.id,
        )

    def exposure(self, rule: str, design: Design, says: str) -> str:
        """Somebody works out what a design leaves open."""
        maker = design.roles.get("manufacturer")
        vendor = maker.of[0] if maker and len(maker.of) == 1 else None
        return self.event(Kind.EXPOSURE, f"{rule}@{design.id}", says, design=design.id, vendor=vendor)

    def equipment(self, attack: Attack) -> tuple[str, ...]:
        """What has to be bought for an attack; nothing if it is free, or if no price was published."""
        if not attack.cost_usd:
            return ()
        return (self.event(Kind.EQUIPMENT, attack.id, f"equipment for {attack.name}", attack.cost_usd),)

    def machine(self, design: Design) -> str:
        """A machine of that design, bought for the purpose."""
        return self.event(
            Kind.MACHINE, design.id, f"a machine of one's own: {design.name}", design.machine_usd
        )

    def had(self, capability: Capability, where: str, said: str) -> str:
        """The atom that somebody has a capability at `where`; having it may be an event, or follow from others."""
        atom = f"{capability.id} at {where}" if where else capability.id
        id_ = f"{capability.id}@{where}" if where else capability.id
        place = f" ({said})" if said else ""
        event = self.event(
            Kind.CAPABILITY, id_, f"{capability.name}{place}", capability=capability.id, machine=where
        )
        self.rule(atom, f"somebody has {capability.name}{place}", event, id_="had")
        return atom
