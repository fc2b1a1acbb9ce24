# SPDX-License-Identifier: Apache-2.0
"""From a deployment and what is known to rules (docs/spec/trust.md, section 5): each part, each property."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import NamedTuple

from ttee.errors import QuestionError, TooLargeError
from ttee.trust.book import Book
from ttee.trust.channel import Secrets, channel_breaks
from ttee.trust.deployment import (
    Channel,
    Deployment,
    FheIn,
    KOf,
    Log,
    Nest,
    Once,
    Poc,
    Release,
    Replicate,
    Split,
    Tee,
)
from ttee.trust.leaf import Assumed, Leaf, machine_rules
from ttee.trust.nearest import nearest
from ttee.trust.rules import Event, Kind, RuleBase
from ttee.trust.terms import FIXES, Design, Holders, Knowledge, Property

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
MAX_INSTANCES = 1000


class Model(NamedTuple):
    """The rules of one deployment at one day, and the events that they rest on."""

    knowledge: Knowledge
    deployment: Deployment
    at: date
    base: RuleBase
    events: Mapping[str, Event]
    leaves: Mapping[str, Tee] = MappingProxyType({})
    """Each TEE under the name that its atoms have."""
    parts: tuple[str, ...] = ()
    """Every part that there are atoms of."""

    def goal(self, property_: str, part: str | None = None) -> str:
        """The atom that a property of a part is broken, for those who rely on it. Raises QuestionError."""
        part = self.deployment.root if part is None else part
        if part not in self.deployment.parts:
            raise QuestionError(
                f"{part[:64]!r} is no part", hint=nearest(part, self.deployment.parts) or None
            )
        return f"{part}.{property_named(property_)}"

    def device(self, effect: str, part: str | None = None) -> str:
        """The atom that a TEE itself is broken, whoever relies on it. Raises QuestionError."""
        part = self.deployment.root if part is None else part
        if part not in self.leaves:
            raise QuestionError(f"{part[:64]!r} is no TEE", hint=nearest(part, self.leaves) or None)
        return f"device.{property_named(effect)}({part})"

    def means(self, budget: float | None = None) -> tuple[str, ...]:
        """The events that money buys: all, or those at a price within the budget."""
        return tuple(
            id_
            for id_, event in self.events.items()
            if event.kind.means and (budget is None or event.cost <= budget)
        )


def property_named(name: str) -> Property:
    """The property of that name. Raises QuestionError."""
    if name not in list(Property):
        raise QuestionError(
            f"{name[:64]!r} is not a property",
            hint=nearest(name, list(Property)) or ", ".join(Property),
        )
    return Property(name)


def build(
    deployment: Deployment, knowledge: Knowledge, *, at: str | None = None, fixed: Iterable[str] = ()
) -> Model:
    """The rules of a deployment. `at`: the day, else the deployment's, else the latest known; `fixed`: kinds of fix
    that are taken to be applied and checked, besides what facts say. Raises QuestionError."""
    fixed = frozenset(fixed)
    for kind in fixed:
        if kind not in FIXES:
            raise QuestionError(
                f"{kind[:64]!r} is no kind of fix", hint=nearest(kind, FIXES) or ", ".join(FIXES)
            )
    day = knowledge.moment(at or deployment.at)
    builder = _Builder(deployment, knowledge, Book(knowledge, deployment.parties), day, fixed)
    builder.part(deployment.root, Assumed())
    operators: dict[str, list[str]] = {}
    for tee in builder.leaves.values():
        known = operators.setdefault(tee.machine, [])
        if tee.operator is not None and tee.operator not in known:
            known.append(tee.operator)
    for machine, whose in operators.items():
        machine_rules(builder.book, machine, whose)
    book = builder.book
    return Model(
        knowledge,
        deployment,
        day,
        RuleBase(book.rules),
        dict(book.events),
        dict(builder.leaves),
        tuple(builder.done.values()),
    )


def alone(
    design: str, knowledge: Knowledge, facts: Mapping[str, bool | int | str] | None = None
) -> Deployment:
    """The deployment that is one TEE, whose machine and operator nobody named. Raises QuestionError."""
    if design not in knowledge.designs:
        raise QuestionError(
            f"{design[:64]!r} is not a TEE",
            hint=nearest(design, knowledge.designs)
            or "`ttee trust compare --all` lists those that are known",
        )
    return Deployment(design, "tee", {"tee": Tee(design, "machine", facts=facts or {})}, knowledge.parties)


class _Builder:
    def __init__(
        self, deployment: Deployment, knowledge: Knowledge, book: Book, at: date, fixed: frozenset[str]
    ) -> None:
        self.deployment, self.knowledge, self.book = deployment, knowledge, book
        self.at, self.fixed = at, fixed
        self.leaves: dict[str, Tee] = {}
        self.done: dict[tuple[str, Assumed], str] = {}
        self.used: dict[str, int] = {}

    def part(self, name: str, assumed: Assumed) -> str:
        """Adds the rules of a part where that is assumed, once; its atoms are under the name that comes back."""
        known = self.done.get((name, assumed))
        if known is not None:
            return known
        if len(self.done) >= MAX_INSTANCES:
            raise TooLargeError(
                f"the deployment has more than {MAX_INSTANCES} parts, counted once for each place",
                source="docs/spec/trust.md, section 4",
            )
        number = self.used[name] = self.used.get(name, 0) + 1
        alias = name if number == 1 else f"{name}~{number}"
        self.done[name, assumed] = alias
        part = self.deployment.parts[name]
        match part:
            case Tee():
                self.tee(alias, part, assumed)
            case KOf():
                self.k_of(alias, part, assumed)
            case Nest():
                self.nest(alias, part, assumed)
            case Split():
                self.split(alias, part, assumed)
            case Replicate():
                self.replicate(alias, part, assumed)
            case Channel():
                self.channel(alias, part, assumed)
            case Poc() | Log() | Release():
                self.same(alias, self.part(part.of, self.assuming(alias, part, assumed)))
            case FheIn():
                self.fhe_in(alias, part, assumed)
            case Once():
                self.once(alias, part, assumed)
        for reason, says in (
            ("exposed", "what is inside can be read"),
            ("handed", "the secret is handed to whoever shows forged evidence"),
            ("spilled", "other code gives it away"),
        ):
            self.rule(alias, C, says, f"{alias}.{reason}")
        return alias

    def assuming(self, alias: str, part: Poc | Log | Release, assumed: Assumed) -> Assumed:
        """What holds beneath such a part, besides what holds around it."""
        match part:
            case Poc(by=by):
                place = self.holders(f"{alias}: the proof of place", by)
                return assumed._replace(places=(*assumed.places, place))
            case Log(witnesses=witnesses):
                silent = self.holders(f"{alias}: the witnesses", witnesses)
                firmware = (*assumed.firmware_logs, silent) if part.firmware else assumed.firmware_logs
                return assumed._replace(logs=(*assumed.logs, silent), firmware_logs=firmware)
            case Release(keys=keys):
                return assumed._replace(release=self.holders(f"{alias}: the release keys", keys))

    def tee(self, alias: str, tee: Tee, assumed: Assumed) -> None:
        self.leaves[alias] = tee
        design = self.knowledge.designs[tee.design]
        roles = {**design.roles, **tee.roles}
        Leaf(self.book, alias, tee, design, assumed, self.at, self.fixed, roles).compile()

    def k_of(self, alias: str, part: KOf, assumed: Assumed) -> None:
        of, k = [self.part(name, assumed) for name in part.of], part.k
        for property_ in ("exposed", "spilled", "code", L):
            self.some(alias, property_, of, 1)
        for property_ in ("handed", I, A, F, K):
            self.some(alias, property_, of, k)
        self.some(alias, V, of, len(of) - k + 1)

    def nest(self, alias: str, part: Nest, assumed: Assumed) -> None:
        both = [self.part(part.outer, assumed), self.part(part.inner, assumed)]
        for property_ in ("exposed", "handed", L, I, A, F, K):
            self.some(alias, property_, both, 2)
        self.some(alias, V, both, 1)
        for property_, code in (("code", "code"), (I, "code"), ("spilled", "spilled")):
            self.rule(alias, property_, "the inner program is another", f"{both[1]}.{code}")

    def split(self, alias: str, part: Split, assumed: Assumed) -> None:
        of, k = [self.part(name, assumed) for name in part.of], part.k
        self.some(alias, "exposed", of, k, C)
        for property_ in (L, A, F, K):
            self.some(alias, property_, of, k)
        self.some(alias, I, of, k if part.verified else 1)
        self.some(alias, V, of, len(of) - k + 1)
        self.some(alias, "code", of, len(of))

    def replicate(self, alias: str, part: Replicate, assumed: Assumed) -> None:
        of, agree = [self.part(name, assumed) for name in part.of], part.agree
        self.some(alias, "exposed", of, 1, C)
        for property_ in (L, K):
            self.some(alias, property_, of, 1)
        for property_ in (I, A, F):
            self.some(alias, property_, of, agree)
        self.some(alias, V, of, len(of) - agree + 1)
        self.some(alias, "code", of, len(of))

    def channel(self, alias: str, part: Channel, assumed: Assumed) -> None:
        to = self.part(part.to, assumed._replace(pin=True) if part.pin else assumed)
        self.same(alias, to)
        net = self.book.had(self.knowledge.capabilities["net"], "", "")
        pin = part.pin and all(self.names_its_machine(name) for name in self.deployment.below(part.to))
        tls_a, share_a = f"{alias}: its TLS key", f"{alias}: its ephemeral"
        self.book.rule(tls_a, "the TLS key leaks", self.leak("tls", alias, "the TLS key"), id_="leak")
        self.book.rule(tls_a, "the TLS key is among its keys", f"{to}.{K}", id_="leak")
        self.book.rule(
            share_a, "the ephemeral leaks", self.leak("ephemeral", alias, "an ephemeral"), id_="leak"
        )
        self.book.rule(share_a, "the ephemeral is among what can be read", f"{to}.exposed", id_="leak")
        secrets = Secrets(net, evidence_a=f"{to}.{A}", tls_a=tls_a, share_a=share_a)
        if not pin:
            some = "some other machine's"
            secrets = secrets._replace(
                tls_b=self.leak("tls-elsewhere", alias, f"{some} TLS key"),
                share_b=self.leak("ephemeral-elsewhere", alias, f"{some} ephemeral"),
            )
        goals, rules = channel_breaks(f"channel {alias}", part.binding, secrets, pin=pin)
        for rule in rules:
            self.book.rules[rule] = None
        for property_ in (I, A) if self.encrypted(part.to) else ("exposed", I, A):
            self.rule(alias, property_, "the attacker is at the end of the channel", goals.secrecy)
        self.rule(alias, Property.IDENTITY, "another machine is at the end of the channel", goals.identity)
        if pin:
            self.rule(alias, A, "another machine is at the end of the channel", goals.identity)
        if not part.nonce:
            self.rule(alias, F, "evidence without a nonce can be shown again", net)
        self.rule(alias, V, "whoever has the network can cut it", net)

    def encrypted(self, name: str) -> bool:
        """Whether what goes in there is encrypted for others than the TEEs."""
        part = self.deployment.parts[name]
        match part:
            case FheIn():
                return True
            case KOf(of=of) | Split(of=of) | Replicate(of=of):
                return all(map(self.encrypted, of))
            case Nest(_, of) | Channel(to=of) | Poc(of=of) | Log(of=of) | Release(of=of) | Once(of=of):
                return self.encrypted(of)
            case _:
                return False

    def names_its_machine(self, name: str) -> bool:
        part = self.deployment.parts[name]
        if not isinstance(part, Tee):
            return True
        return not self.knowledge.designs[part.design].may_be("evidence_identity", "none")

    def leak(self, id_: str, alias: str, name: str) -> str:
        return self.book.event(Kind.LEAK, f"{id_}@{alias}", f"{name} of {alias} leaks", part=alias)

    def fhe_in(self, alias: str, part: FheIn, assumed: Assumed) -> None:
        inner = self.part(part.integrity, assumed)
        for property_ in ("code", I, A, F, V):
            self.rule(alias, property_, f"so it is for {inner}", f"{inner}.{property_}")
        few = part.keyholders
        decrypt = self.holders(f"{alias}: the key holders", few)
        scheme = self.book.event(Kind.CRYPTO, "fhe", "the homomorphic encryption is broken")
        self.rule(alias, "exposed", "the key holders decrypt", decrypt)
        self.rule(alias, "exposed", "the encryption is broken", scheme)
        self.rule(alias, K, "the key holders have the keys", decrypt)
        self.rule(alias, L, "what is encrypted can be read", f"{alias}.exposed")
        away = Holders(len(few.of) - few.k + 1, few.of)
        self.rule(alias, V, "too few key holders are left", self.holders(f"{alias}: key holders away", away))

    def once(self, alias: str, part: Once, assumed: Assumed) -> None:
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
        self.some(alias, V, counters, n - k + 1)

    def holders(self, atom: str, few: Holders) -> str:
        """The atom that k of these are broken; a part signs falsely once its keys or its integrity are gone."""
        broken = {}
        for name in few.of:
            if name in self.deployment.parts:
                part = self.part(name, Assumed())
                broken[name] = f"{part} as a holder"
                for property_ in (K, I):
                    self.book.rule(broken[name], f"{name} signs what it should not", f"{part}.{property_}",
                                   id_="holder")  # fmt: skip
        return self.book.holders(atom, f"{few.k} of {', '.join(few.of)}", few, broken)

    def same(self, alias: str, of: str) -> None:
        for property_ in (*ATOMS, Property.IDENTITY):
            self.rule(alias, property_, f"so it is for {of}", f"{of}.{property_}")

    def some(self, alias: str, property_: str, of: list[str], k: int, broken: str | None = None) -> None:
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

    def rule(self, alias: str, property_: str, says: str, *body: str) -> None:
        self.book.rule(f"{alias}.{property_}", says, *body, id_="part")


def designs_of(model: Model) -> tuple[Design, ...]:
    """The designs that a model speaks of, each once."""
    return tuple(
        model.knowledge.designs[name] for name in dict.fromkeys(tee.design for tee in model.leaves.values())
    )
