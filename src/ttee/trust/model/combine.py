# SPDX-License-Identifier: Apache-2.0
"""The rules of what TEEs are combined to (docs/spec/trust.md, section 5): what is lost once parts have lost it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from ttee.trust.calculus.rules import Kind
from ttee.trust.deployment.channel import Secrets, channel_breaks
from ttee.trust.deployment.parts import (
    Channel,
    FheIn,
    KOf,
    Log,
    Nest,
    Once,
    Part,
    Poc,
    Release,
    Replicate,
    Split,
)
from ttee.trust.deployment.tree import Tee
from ttee.trust.knowledge.terms import Holders, Property
from ttee.trust.model.build import Builder
from ttee.trust.model.leaf import Assumed

C, L, I, A, F, V, K = (  # noqa: E741 (the letters of the field)
    Property.CONFIDENTIALITY,
    Property.LEAKAGE,
    Property.INTEGRITY,
    Property.ATTESTATION,
    Property.FRESHNESS,
    Property.AVAILABILITY,
    Property.KEYS,
)
ATOMS = ("exposed", "handed", "spilled", "code", L, I, A, F, V, K)
"""What a part is made of; confidentiality follows from the first three."""
LOST = {
    "exposed": "what is inside can be read",
    "handed": "forged evidence is believed",
    "spilled": "other code gives away what is inside",
    "code": "other code runs",
    V: "there is no answer any more",
    L: "patterns of access show",
}
"""What it means for a part that an atom holds which is no property, or is better said otherwise."""


class Combiner(Builder):
    """Collects the rules of a whole deployment."""

    @cached_property
    def _machines(self) -> dict[str, dict[str, tuple[str | None, ...]]]:
        """For each design its machines, with who runs each."""
        found: dict[str, dict[str, tuple[str | None, ...]]] = {}
        for name in self.deployment.below(self.deployment.root):
            part = self.deployment.parts[name]
            if isinstance(part, Tee):
                machines = found.setdefault(part.design, {})
                machines[part.machine] = (*machines.get(part.machine, ()), part.operator)
        return found

    def peers(self, design: str) -> Mapping[str, tuple[str | None, ...]]:
        """The machines of a design that the deployment has, if more than one, and who runs each."""
        machines = self._machines.get(design, {})
        return machines if len(machines) > 1 else {}

    def compile(self, alias: str, part: Part, assumed: Assumed) -> None:
        """Adds the rules of this part, and of those in it."""
        match part:
            case Tee():
                super().compile(alias, part, assumed)
            case KOf():
                self._k_of(alias, part, assumed)
            case Nest():
                self._nest(alias, part, assumed)
            case Split():
                self._split(alias, part, assumed)
            case Replicate():
                self._replicate(alias, part, assumed)
            case Channel():
                self._channel(alias, part, assumed)
            case Poc() | Log() | Release():
                self._same(alias, self.part(part.of, self._assuming(alias, part, assumed)))
            case FheIn():
                self._fhe_in(alias, part, assumed)
            case Once():
                self._once(alias, part, assumed)
        if not isinstance(part, Tee):
            self.rule(alias, F, "whoever changes it can bring back what was", f"{alias}.{I}")

    def _assuming(self, alias: str, part: Poc | Log | Release, assumed: Assumed) -> Assumed:
        """What holds beneath such a part, besides what holds around it."""
        match part:
            case Poc(by=by):
                place = self._holders(f"{alias}: the proof of place", by)
                return assumed._replace(places=(*assumed.places, place))
            case Log(witnesses=witnesses):
                silent = self._holders(f"{alias}: the witnesses", witnesses)
                firmware = (*assumed.firmware_logs, silent) if part.firmware else assumed.firmware_logs
                return assumed._replace(logs=(*assumed.logs, silent), firmware_logs=firmware)
            case Release(keys=keys):
                return assumed._replace(release=self._holders(f"{alias}: the release keys", keys))

    def _k_of(self, alias: str, part: KOf, assumed: Assumed) -> None:
        of, k = [self.part(name, assumed) for name in part.of], part.k
        for property_ in ("exposed", "spilled", "code", L):
            self._some(alias, property_, of, 1)
        for property_ in ("handed", I, A, F, K):
            self._some(alias, property_, of, k)
        self._some(alias, V, of, len(of) - k + 1)

    def _nest(self, alias: str, part: Nest, assumed: Assumed) -> None:
        both = [self.part(part.outer, assumed), self.part(part.inner, assumed)]
        for property_ in ("exposed", L, I, A, F, K):
            self._some(alias, property_, both, 2)
        through = [f"a way through {name}, or round it ({alias})" for name in both]
        for name, way in zip(both, through, strict=True):
            self.book.rule(way, f"what is inside {name} can be read", f"{name}.exposed", id_="parts")
            self.book.rule(way, f"{name} is only said to be there", f"{name}.handed", id_="parts")
        self.rule(alias, "handed", "there is a way through both, or round them", *through)
        self.rule(
            alias,
            K,
            "its keys can be had where there is no wall around it",
            f"{both[0]}.handed",
            f"{both[1]}.{K}",
        )
        self._some(alias, V, both, 1)
        for property_, code in (("code", "code"), (I, "code"), (K, "code"), ("spilled", "spilled")):
            self.rule(alias, property_, "the inner program is another", f"{both[1]}.{code}")

    def _split(self, alias: str, part: Split, assumed: Assumed) -> None:
        of, k = [self.part(name, assumed) for name in part.of], part.k
        self._some(alias, "exposed", of, k, C)
        for property_ in (L, A, F, K):
            self._some(alias, property_, of, k)
        self._some(alias, I, of, k if part.verified else 1)
        self._some(alias, V, of, len(of) - k + 1)
        self._some(alias, "spilled", of, k)
        self._some(alias, "code", of, k)

    def _replicate(self, alias: str, part: Replicate, assumed: Assumed) -> None:
        of, agree = [self.part(name, assumed) for name in part.of], part.agree
        self._some(alias, "exposed", of, 1, C)
        for property_ in (L, K):
            self._some(alias, property_, of, 1)
        for property_ in (I, A, F):
            self._some(alias, property_, of, agree)
        self._some(alias, V, of, len(of) - agree + 1)
        self._some(alias, "spilled", of, 1)
        self._some(alias, "code", of, agree)

    def _channel(self, alias: str, part: Channel, assumed: Assumed) -> None:
        to = self.part(part.to, assumed._replace(pin=True) if part.pin else assumed)
        self._same(alias, to)
        net = self.book.had(self.knowledge.capabilities["net"], "", "")
        pin = part.pin and all(self._names_its_machine(name) for name in self.deployment.below(part.to))
        tls_a, share_a = f"{alias}: its TLS key", f"{alias}: its ephemeral"
        self.book.rule(tls_a, "the TLS key leaks", self._leak("tls", alias, "the TLS key"), id_="leak")
        self.book.rule(tls_a, "the TLS key is among its keys", f"{to}.{K}", id_="leak")
        self.book.rule(
            share_a, "the ephemeral leaks", self._leak("ephemeral", alias, "an ephemeral"), id_="leak"
        )
        self.book.rule(share_a, "the ephemeral is among what can be read", f"{to}.exposed", id_="leak")
        secrets = Secrets(net, evidence_a=f"{to}.{A}", tls_a=tls_a, share_a=share_a)
        if not pin:
            some = "some other machine's"
            secrets = secrets._replace(
                tls_b=self._leak("tls-elsewhere", alias, f"{some} TLS key"),
                share_b=self._leak("ephemeral-elsewhere", alias, f"{some} ephemeral"),
            )
        goals, rules = channel_breaks(f"channel {alias}", part.binding, secrets, pin=pin)
        for rule in rules:
            self.book.rules[rule] = None
        for property_ in (I, A) if self._encrypted(part.to) else ("exposed", I, A):
            self.rule(alias, property_, "the attacker is at the end of the channel", goals.secrecy)
        self.rule(alias, Property.IDENTITY, "another machine is at the end of the channel", goals.identity)
        if pin:
            self.rule(alias, A, "another machine is at the end of the channel", goals.identity)
        if not part.nonce:
            self.rule(alias, F, "evidence without a nonce can be shown again", net)
        self.rule(alias, V, "whoever has the network can cut it", net)

    def _encrypted(self, name: str) -> bool:
        """Whether what goes in there is encrypted for others than the TEEs."""
        part = self.deployment.parts[name]
        match part:
            case FheIn():
                return True
            case KOf(of=of) | Split(of=of) | Replicate(of=of):
                return all(map(self._encrypted, of))
            case Nest(_, of) | Channel(to=of) | Poc(of=of) | Log(of=of) | Release(of=of) | Once(of=of):
                return self._encrypted(of)
            case _:
                return False

    def _names_its_machine(self, name: str) -> bool:
        part = self.deployment.parts[name]
        if not isinstance(part, Tee):
            return True
        return not self.knowledge.designs[part.design].may_be("evidence_identity", "none")

    def _leak(self, id_: str, alias: str, name: str) -> str:
        return self.book.event(Kind.LEAK, f"{id_}@{alias}", f"{name} of {alias} leaks", part=alias)

    def _fhe_in(self, alias: str, part: FheIn, assumed: Assumed) -> None:
        inner = self.part(part.integrity, assumed)
        for property_ in ("code", I, A, F, V):
            self.rule(alias, property_, f"so it is for {inner}", f"{inner}.{property_}")
        few = part.keyholders
        decrypt = self._holders(f"{alias}: the key holders", few)
        scheme = self.book.event(Kind.CRYPTO, "fhe", "the homomorphic encryption is broken")
        self.rule(alias, "exposed", "the key holders decrypt", decrypt)
        self.rule(alias, "exposed", "the encryption is broken", scheme)
        self.rule(alias, K, "the key holders have the keys", decrypt)
        self.rule(alias, L, "what is encrypted can be read", f"{alias}.exposed")
        away = Holders(len(few.of) - few.k + 1, few.of)
        gone = self._holders(f"{alias}: key holders away", away, away=True)
        self.rule(alias, V, "too few key holders are left", gone)

    def _once(self, alias: str, part: Once, assumed: Assumed) -> None:
        inner = self.part(part.of, assumed)
        for property_ in ATOMS:
            if property_ != F:
                self.rule(alias, property_, f"so it is for {inner}", f"{inner}.{property_}")
        counters = [self.part(name, assumed) for name in part.counters.of]
        k, n = part.counters.k, len(counters)
        twice = f"{alias}: two quorums of counters"
        self.book.rule(twice, f"{2 * k - n} of the counters are in both quorums", *(f"{c}.{F}" for c in counters),
                       k=2 * k - n, id_="once")  # fmt: skip
        self.rule(
            alias, F, "old state is brought back, and the counters grant it again", f"{inner}.{F}", twice
        )
        self.rule(alias, F, "whoever changes the program has it ask no counter", f"{inner}.{I}")
        self._some(alias, V, counters, n - k + 1)

    def _holders(self, atom: str, few: Holders, *, away: bool = False) -> str:
        """The atom that k of these are broken; a part signs falsely once its keys or its integrity are gone. `away`: or
        do not answer."""
        broken = {}
        for name in few.of:
            if name in self.deployment.parts:
                part = self.part(name, Assumed())
                broken[name] = f"{part} as a holder{' who is there' if away else ''}"
                for property_ in (K, I, V) if away else (K, I):
                    says = f"{name} does not answer" if property_ == V else f"{name} signs what it should not"
                    self.book.rule(broken[name], says, f"{part}.{property_}", id_="holder")
        return self.book.holders(atom, f"{few.k} of {', '.join(few.of)}", few, broken)

    def _same(self, alias: str, of: str) -> None:
        for property_ in (*ATOMS, Property.IDENTITY):
            self.rule(alias, property_, f"so it is for {of}", f"{of}.{property_}")

    def _some(self, alias: str, property_: str, of: list[str], k: int, broken: str | None = None) -> None:
        """`property_` of the part, once k of these parts have lost `broken`, or the same property."""
        broken = broken or property_
        lost = LOST.get(broken, f"{broken} is broken")
        says = (
            f"in {k} of the {len(of)} parts {', '.join(of)}, {lost}"
            if len(of) > 1
            else f"so it is for {of[0]}"
        )
        self.book.rule(
            f"{alias}.{property_}", says[:400], *(f"{each}.{broken}" for each in of), k=k, id_="parts"
        )
