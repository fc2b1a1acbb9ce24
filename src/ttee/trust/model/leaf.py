# SPDX-License-Identifier: Apache-2.0
"""The rules of one TEE: attacks, flaws, roles, and what they mean to whoever relies on it (docs/spec/trust.md, 5.1)."""

from collections.abc import Iterator, Mapping
from datetime import date
from types import MappingProxyType
from typing import NamedTuple

from ttee.trust.calculus.rules import Kind
from ttee.trust.deployment.tree import Tee
from ttee.trust.knowledge.terms import (
    EFFECTS,
    Attack,
    Design,
    Holders,
    Property,
    Reach,
    Scope,
    Target,
    first_day,
)
from ttee.trust.model.book import Book
from ttee.trust.model.structural import DIVERTED, structural_rules

SIGNED_FOR_ALL = (Property.ATTESTATION, Property.KEYS)
"""What a secret that a whole fleet shares gives away."""


class Assumed(NamedTuple):
    """What holds for everything beneath a channel, a proof of cloud, a log, a release policy."""

    pin: bool = False
    places: tuple[str, ...] = ()
    """Atoms: whoever vouches for the place of a machine, broken."""
    logs: tuple[str, ...] = ()
    """Atoms: enough witnesses keep silent about code."""
    firmware_logs: tuple[str, ...] = ()
    release: str | None = None
    """The atom that takes the author's place."""


class Leaf(NamedTuple):
    """One TEE in one place of a deployment: under `name`, with what is assumed there."""

    book: Book
    name: str
    tee: Tee
    design: Design
    assumed: Assumed
    at: date
    fixed: frozenset[str] = frozenset()
    """Kinds of fix that are taken to be applied, and checked."""
    roles: Mapping[str, Holders] = MappingProxyType({})
    peers: Mapping[str, tuple[str | None, ...]] = MappingProxyType({})
    """The machines of this design that the deployment has, if more than one, each with who runs it (None: not said)."""

    def atom(self, property_: str) -> str:
        """What users of this part see broken."""
        return f"{self.name}.{property_}"

    def device(self, effect: str) -> str:
        """What is broken on the TEE itself, whoever relies on it."""
        return f"device.{effect}({self.name})"

    @property
    def own_key(self) -> str:
        """The atom that its attestation key is out, by other ways than those which forged evidence opens."""
        return f"an attestation key of its own ({self.name})"

    def head(self, effect: str) -> str:
        """What a rule for an effect on the TEE gives, unless the rule itself presupposes forged evidence.

        A key that is had by way of forged evidence forges nothing more: leaving that circle out changes no answer to
        those who rely on the part, and keeps their graph free of a cycle for each refuted attack.
        """
        return self.own_key if effect == Property.ATTESTATION else self.device(effect)

    def compile(self) -> None:
        """Adds all rules of this TEE to the book."""
        structural_rules(self)
        for attack in self.book.knowledge.attacks.values():
            day = first_day(attack.public)
            if attack.compiled and day is not None and day <= self.at:
                for number, target in enumerate(attack.targets):
                    if target.tee == self.design.id or target.tee in self.design.classes:
                        self.attack(attack, target, number)
        self.flaws()
        self.parties()
        self.code()
        self.seen_from_outside()

    def attack(self, attack: Attack, target: Target, number: int) -> None:
        """One published attack on this TEE, here or on a machine of one's own."""
        atom = f"attack {attack.id}{f'/{number}' if number else ''} on {self.name}"
        equipment = self.book.equipment(attack)
        refuted = refutation(attack, target, self.tee, self.fixed)
        needs = attack.needs if target.needs is None else target.needs
        effects = attack.breaks if target.breaks is None else target.breaks
        says = f"{attack.name}, on {self.name}"
        guard: tuple[str, ...] = ()
        if refuted:
            says += f": {refuted}, but that is the word of evidence which can be forged"
            guard = (self.atom(Property.ATTESTATION),)
        for each in needs:
            body = [self.capability(id_) for id_ in each]
            self.book.rule(atom, says, *body, *equipment, *guard, id_=attack.id, sources=attack.sources)
            if refuted:
                continue
            whole_fleet = attack.reach is Reach.FLEET
            for where, there in self.on_another_machine(each):
                atom_there = f"{atom}, elsewhere"
                self.book.rule(
                    atom_there,
                    f"{attack.name}, {where}",
                    *there,
                    *equipment,
                    id_=attack.id,
                    sources=attack.sources,
                )
                for effect in effects:
                    if whole_fleet and effect in SIGNED_FOR_ALL:
                        says_all = "what it yields is common to all machines of the design"
                        self.book.rule(self.head(effect), says_all, atom_there, id_="fleet")
                    elif effect in DIVERTED:
                        self.book.rule(
                            self.elsewhere(effect), f"{attack.name} breaks {effect} there", atom_there,
                            id_="attack", sources=attack.sources,
                        )  # fmt: skip
        for effect in effects:
            self.book.rule(
                self.device(effect) if refuted else self.head(effect),
                f"{attack.name} breaks {effect}",
                atom,
                id_="attack",
                sources=attack.sources,
            )

    def elsewhere(self, effect: str) -> str:
        """The atom that this is broken on some other machine of the design, whose evidence is as good without a pin."""
        if effect == Property.ATTESTATION:
            return f"an attestation key of another machine ({self.name})"
        return f"{effect} on another machine ({self.name})"

    def capability(self, id_: str) -> str:
        """The atom that somebody has this capability where this TEE runs."""
        book, capability = self.book, self.book.knowledge.capabilities[id_]
        if capability.scope is Scope.NETWORK:
            return book.had(capability, "", "")
        if capability.scope is Scope.MACHINE:
            return f"{id_} at {self.tee.machine}"  # `machine_rules` gives it
        atom = f"{id_} for {self.name}"
        roles = [role for role in capability.roles if role in self.roles]
        for role in roles:
            book.rule(atom, f"{capability.name}: the {role}", self.role(role), id_="role")
        if not roles:
            event = book.event(
                Kind.CAPABILITY,
                f"{id_}@{self.design.id}",
                f"{capability.name} ({self.design.name})",
                capability=id_,
            )
            book.rule(atom, f"somebody has {capability.name}", event, id_="had")
        return atom

    def on_another_machine(self, needs: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The same needs where the attacker owns the machine, if owning one gives them, and on the machines of this
        design that the deployment has: where that is, in words, and the atoms."""
        known = self.book.knowledge.capabilities
        here = {id_ for id_ in needs if known[id_].scope is Scope.MACHINE}
        others = tuple(self.capability(id_) for id_ in needs if id_ not in here)
        if all(known[id_].by_owner for id_ in here):
            bought = (self.book.machine(self.design),) if here else ()
            yield "on a machine of one's own", (*others, *bought)
        if here and self.peers:
            words = f"{' and '.join(sorted(here))} at a machine of {self.design.id}"
            for machine in self.peers if self.book.first(words) else ():
                at = [f"{id_} at {machine}" for id_ in sorted(here)]
                self.book.rule(words, f"{machine} is such a machine", *at, id_="peer")
            yield "on another machine of the deployment", (*others, words)

    def role(self, role: str) -> str:
        """The atom that whoever has this role turned."""
        few = self.roles[role]
        placed = {
            "operator": self.tee.operator or "",
            "owner": self.tee.owner or "",
        }
        broken = {}
        for name in few.of:
            if name in placed:
                said = placed[name]
                broken[name] = (
                    self.book.party(said)
                    if said
                    else self.book.somebody(name, self.tee.machine, f"the {name} of {self.tee.machine}")
                )
        return self.book.holders(f"{role} of {self.name}", f"{few.k} of those who are {role}", few, broken)

    def flaws(self) -> None:
        """What nobody has published yet."""
        for component in self.design.components:
            event = self.book.flaw(component)
            for effect in component.breaks:
                self.book.rule(
                    self.head(effect), f"a flaw in {component.name} may break {effect}", event, id_="flaw"
                )

    def parties(self) -> None:
        """Those who make it, certify it, or say what its evidence is worth."""
        book, attested = self.book, self.atom(Property.ATTESTATION)
        if "manufacturer" in self.roles:
            for effect in EFFECTS:
                book.rule(
                    self.head(effect),
                    "its maker builds what it wants",
                    self.role("manufacturer"),
                    id_="maker",
                )
        if "foundry" in self.roles:
            for effect in (Property.CONFIDENTIALITY, Property.INTEGRITY, Property.ATTESTATION, Property.KEYS):
                book.rule(
                    self.head(effect), "the foundry changes the chip", self.role("foundry"), id_="maker"
                )
        book.rule(
            self.certified, f"whoever certifies {self.design.name} certifies a machine that is none",
            self.role("certifier"), id_="certifier",
        )  # fmt: skip
        verifier = None
        if self.tee.verifier is not None:
            verifier = book.party(self.tee.verifier)
        elif "verifier" in self.roles and self.design.may_be("attestation_path", "vendor-service"):
            verifier = self.role("verifier")
        if verifier is not None:
            book.rule(attested, "the verifier that is asked says what it wants", verifier, id_="verifier")
            silent = "the verifier that must be asked does not answer"
            book.rule(self.atom(Property.AVAILABILITY), silent, verifier, id_="verifier")

    @property
    def certified(self) -> str:
        """The atom that a machine is certified that is none."""
        return f"a false certificate ({self.name})"

    def code(self) -> None:
        """What runs there: its flaws, and who may change it."""
        book, code = self.book, self.tee.code
        flaw = book.event(Kind.FLAW, f"code@{code}", f"an undisclosed flaw in the program {code!r}", code=code,
                          codebase=code)  # fmt: skip
        book.rule(self.atom("code"), f"a flaw in the program {code!r}", flaw, id_="code")
        author = self.assumed.release
        if author is None and self.tee.author is not None:
            author = book.party(self.tee.author)
        if author is None:
            author = book.somebody("author", code, f"whoever wrote the program {code!r}")
        says = "whoever may release code releases other code"
        if self.assumed.logs:
            says += ", and the witnesses of the log keep silent"
        book.rule(self.atom("code"), says, author, *self.assumed.logs, id_="code")

    def seen_from_outside(self) -> None:
        """What breaks on the device, as those see it who rely on evidence."""
        book, atom, device = self.book, self.atom, self.device
        forged = f"believable evidence ({self.name})"
        signature = book.event(Kind.CRYPTO, "signature", "the signature algorithms are broken")
        book.rule(forged, "whoever can forge signatures", signature, id_="crypto")
        out = "the TEE's own attestation key is out"
        book.rule(device(Property.ATTESTATION), out, self.own_key, id_="leaf")
        book.rule(forged, out, self.own_key, id_="leaf")
        book.rule(forged, "a false certificate", self.certified, id_="leaf")
        if not self.pinned:
            says = "no pin: the key of any machine of the design will do"
            pin = self.assumed.pin or self.tee.pin
            if pin:
                says = "S5: its evidence names no machine, so the pin does not hold"
            key = self.elsewhere(Property.ATTESTATION)
            book.rule(forged, says, key, id_="S5" if pin else "leaf")
        places = tuple(self.present(number, place) for number, place in enumerate(self.assumed.places))
        book.rule(atom(Property.ATTESTATION), "evidence is forged, and believed", forged, *places, id_="leaf")
        if not self.pinned:
            says = "no pin: users are led to another machine, whose evidence is genuine"
            for effect, heads in DIVERTED.items():
                for head in heads:
                    book.rule(atom(head), says, self.elsewhere(effect), *places, id_="leaf")
        for head, says, body in self.consequences():
            book.rule(head, says, body, id_="leaf")

    def present(self, number: int, place: str) -> str:
        """The atom that something passes a proof of place for this TEE: the machine, or one beside it, is at hand."""
        book = self.book
        present = f"{self.name} passes the proof of place {number}"
        book.rule(present, "whoever vouches for the place lies", place, id_="poc")
        for capability in at_hand(book):
            book.rule(
                present, "the machine itself is at hand", f"{capability} at {self.tee.machine}", id_="poc"
            )
        if self.peers and not self.pinned:
            mine = self.tee.operator
            words = (
                f"a machine of {self.design.id} at hand, {f'run by {mine}' if mine else 'whoever runs it'}"
            )
            for machine, operators in self.peers.items() if book.first(words) else ():
                if mine is None or None in operators or mine in operators:
                    for capability in at_hand(book):
                        book.rule(words, f"{machine} is one", f"{capability} at {machine}", id_="poc")
            book.rule(present, "another machine in the same hands will do", words, id_="poc")
        return present

    @property
    def pinned(self) -> bool:
        """Whether evidence of this very machine is asked for, and says which machine it is (S5)."""
        return (self.assumed.pin or self.tee.pin) and not self.design.may_be("evidence_identity", "none")

    def consequences(self) -> Iterator[tuple[str, str, str]]:
        """Head, sentence and reason of what follows from one atom alone."""
        atom, device = self.atom, self.device
        yield atom("exposed"), "what is inside can be read", device(Property.CONFIDENTIALITY)
        yield (
            atom("exposed"),
            "whoever steers the program has it give away its secrets",
            device(Property.INTEGRITY),
        )
        yield atom("handed"), "forged evidence is believed", atom(Property.ATTESTATION)
        yield atom("spilled"), "other code runs than was meant", atom("code")
        yield atom(Property.LEAKAGE), "patterns of access show", device(Property.LEAKAGE)
        yield atom(Property.LEAKAGE), "all of it shows", atom(Property.CONFIDENTIALITY)
        yield atom(Property.INTEGRITY), "what runs or is computed can be changed", device(Property.INTEGRITY)
        yield atom(Property.INTEGRITY), "another machine answers in its place", atom(Property.ATTESTATION)
        yield atom(Property.INTEGRITY), "other code runs than was meant", atom("code")
        yield atom(Property.FRESHNESS), "old state can be brought back", device(Property.FRESHNESS)
        yield atom(Property.FRESHNESS), "whoever changes it can bring back what was", atom(Property.INTEGRITY)
        yield atom(Property.KEYS), "its keys can be had", device(Property.KEYS)
        for effect in (Property.CONFIDENTIALITY, Property.INTEGRITY):
            yield atom(Property.KEYS), "keys are among what can be read", device(effect)
        yield atom(Property.KEYS), "other code gives away the keys", atom("code")
        yield atom(Property.AVAILABILITY), "it can be stopped", device(Property.AVAILABILITY)
        for capability in at_hand(self.book):
            yield (
                atom(Property.AVAILABILITY),
                "whoever runs it can stop it",
                f"{capability} at {self.tee.machine}",
            )


def at_hand(book: Book) -> list[str]:
    """The capabilities of those who run a machine."""
    return [
        each.id
        for each in book.knowledge.capabilities.values()
        if each.by_operator and each.scope is Scope.MACHINE
    ]


def machine_rules(book: Book, machine: str, operators: list[str]) -> None:
    """Who has which capability on a machine: an attacker as such, its operator, and who has one that implies it."""
    for capability in book.knowledge.capabilities.values():
        if capability.scope is not Scope.MACHINE:
            continue
        atom = book.had(capability, machine, f"at {machine}")
        for implied in capability.implies:
            book.rule(f"{implied} at {machine}", f"{capability.name} brings it along", atom, id_="implies")
        if capability.by_operator:
            for operator in operators:
                name = book.parties[operator].name
                book.rule(atom, f"{name} runs {machine}", book.party(operator), id_="operator")


def refutation(attack: Attack, target: Target, tee: Tee, fixed: frozenset[str]) -> str:
    """What is known that speaks against this attack; nothing if it applies, as far as is known."""
    if attack.fix_kind in fixed:
        return f"it is taken to be fixed ({attack.fix})"
    for condition in target.when:
        if condition.holds(tee.facts) is False:
            return f"it needs that {condition}"
    for together in target.unless:
        if all(condition.holds(tee.facts) for condition in together):
            return " and ".join(map(str, together))
    return ""
