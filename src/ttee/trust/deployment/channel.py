# SPDX-License-Identifier: Apache-2.0
"""Attested channels before a bounded Dolev-Yao attacker, as rules (docs/spec/trust.md, section 6).

TLS is a signed Diffie-Hellman exchange. The client sends the share x and means machine A; B is some other machine with
the same measurement; E is the attacker, who owns the network and may drive every genuine TEE. The client accepts a
share, a TLS key and evidence if the key signed the exchange, and the evidence says of the session what the binding asks
for.

Source: the identity crisis of attested TLS (Sardar, Moustafa, Aura, AsiaCCS 2026); intra-handshake bindings (Sardar,
Dubeyko, Jacquet, ESORICS 2026). The rules were compared with ProVerif's verdicts, cell by cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from ttee.trust.calculus.cuts import cuts_of
from ttee.trust.calculus.rules import Rule, RuleBase, Source

SOURCES = (Source("docs/spec/trust.md, section 6"),)


class Binding(StrEnum):
    """What evidence says of the session that it is shown in."""

    NONE = "none"
    TLS_KEY = "tls-key"
    EPHEMERAL = "ephemeral"
    EARLY_EXPORTER = "early-exporter"
    EXPORTER = "exporter"


class Secrets(NamedTuple):
    """The atoms by which each secret becomes known; None: never."""

    net: str
    evidence_a: str | None = None
    evidence_b: str | None = None
    tls_a: str | None = None
    tls_b: str | None = None
    share_a: str | None = None
    share_b: str | None = None
    vendor: str | None = None
    """Certifies a machine that is none, with any identity."""


class Goals(NamedTuple):
    """The atoms that say that a channel's secrecy, or its peer's identity, is broken."""

    secrecy: str
    identity: str


NETWORK = "net"
WAYS = {
    "evidence_a": "the attacker makes evidence for its own session with the attestation key",
    "evidence_b": "the attacker makes evidence for its own session with another machine's attestation key",
    "tls_a": "the attacker ends the session with the TLS key that evidence names",
    "tls_b": "the attacker ends the session with another machine's TLS key, which that machine's evidence names",
    "share_a": "the attacker knows the ephemeral, and so the key of the session",
    "share_b": "the attacker has the client meet another machine, whose ephemeral it knows",
    "vendor": "the attacker has a machine certified that is none",
}
"""What somebody on the network does with each of the secrets."""
RELAYED = "somebody on the network has the client meet another machine, or relays what a genuine one says"


def channel_breaks(
    name: str, binding: Binding, secrets: Secrets, *, pin: bool
) -> tuple[Goals, tuple[Rule, ...]]:
    """What the rules of a channel come to: for each goal, the smallest sets of secrets that break it, as rules.

    The same answers as with `channel_rules` in their place, and shorter reasons.
    """
    goals = Goals(f"{name}.secrecy", f"{name}.identity")
    atoms = {key: atom for key, atom in secrets._asdict().items() if atom is not None}
    rules = []
    for goal, cut in _breaks(binding, pin, frozenset(atoms)):
        says = "; ".join(WAYS[key] for key in sorted(cut) if key != NETWORK) or RELAYED
        body = tuple(dict.fromkeys(atoms[key] for key in sorted(cut)))
        rules.append(Rule(f"{name}.{goal}", body, len(body), "channel", says, SOURCES))
    return goals, tuple(rules)


@cache
def _breaks(binding: Binding, pin: bool, known: frozenset[str]) -> tuple[tuple[str, frozenset[str]], ...]:
    secrets = Secrets(**{key: key for key in sorted(known)})
    goals, rules = channel_rules("", binding, secrets, pin=pin)
    base = RuleBase(rules)
    return tuple(
        (goal, cut)
        for goal, atom in (("secrecy", goals.secrecy), ("identity", goals.identity))
        for cut in cuts_of(base, sorted(known), atom).smallest_first()
    )


def channel_rules(
    name: str, binding: Binding, secrets: Secrets, *, pin: bool
) -> tuple[Goals, tuple[Rule, ...]]:
    """The rules of one channel. `pin`: the client accepts evidence of A's identity alone."""
    goals = Goals(f"{name}.secrecy", f"{name}.identity")
    return goals, tuple(_Model(name, binding, secrets, pin).rules(goals))


class _Model(NamedTuple):
    name: str
    binding: Binding
    secrets: Secrets
    pin: bool

    def rules(self, goals: Goals) -> Iterator[Rule]:
        yield from self.known_from_the_start()
        for peer in "ab":
            yield from self.genuine(peer)
        machines = "ae" if self.pin else "abe"
        for share in "abe":
            for key in "abe":
                yield self.rule(
                    self.signed(key, "x", share),
                    "the attacker signs with a key it has",
                    self.key(key),
                    self.secrets.net,
                )
                for machine in machines:
                    yield self.rule(
                        self.evidence(machine, "x", share, key),
                        "the attacker makes evidence with an attestation key it has",
                        self.quoting(machine),
                        self.secrets.net,
                    )
                    accepted = (
                        f"{self.name}: the client accepts share {share}, key {key}, evidence of {machine}"
                    )
                    yield self.rule(
                        accepted,
                        "the client sees a signed exchange, and evidence for it",
                        self.signed(key, "x", share),
                        self.evidence(machine, "x", share, key),
                    )
                    yield self.rule(
                        goals.secrecy,
                        "the attacker knows the share that was accepted",
                        accepted,
                        self.exponent(share),
                    )
                    if share != "a":
                        yield self.rule(goals.identity, "what was accepted is not A's", accepted)

    def known_from_the_start(self) -> Iterator[Rule]:
        yield self.rule(self.exponent("e"), "the attacker's own share", self.secrets.net)
        yield self.rule(self.key("e"), "the attacker's own TLS key", self.secrets.net)
        for atom, leaked in (
            (self.quoting("a"), self.secrets.evidence_a),
            (self.quoting("b"), self.secrets.evidence_b),
            (self.quoting("e"), self.secrets.vendor),
            (self.key("a"), self.secrets.tls_a),
            (self.key("b"), self.secrets.tls_b),
            (self.exponent("a"), self.secrets.share_a),
            (self.exponent("b"), self.secrets.share_b),
        ):
            if leaked is not None:
                yield self.rule(atom, "a secret that got out", leaked)

    def genuine(self, peer: str) -> Iterator[Rule]:
        """A genuine TEE signs, and gives evidence of, any session that somebody opens with it."""
        for client in "xe":
            says = "a genuine TEE answers whoever asks"
            yield self.rule(self.signed(peer, client, peer), says, self.secrets.net)
            yield self.rule(self.evidence(peer, client, peer, peer), says, self.secrets.net)

    def rule(self, head: str, says: str, *body: str) -> Rule:
        body = tuple(dict.fromkeys(body))
        return Rule(head, body, len(body), "channel", says, SOURCES)

    def exponent(self, share: str) -> str:
        return f"{self.name}: share {share} is known"

    def key(self, owner: str) -> str:
        return f"{self.name}: TLS key {owner} is known"

    def quoting(self, machine: str) -> str:
        return f"{self.name}: attestation key {machine} is known"

    def signed(self, key: str, client: str, share: str) -> str:
        return f"{self.name}: key {key} signed the exchange {client}, {share}"

    def evidence(self, machine: str, client: str, share: str, key: str) -> str:
        match self.binding:
            case Binding.NONE:
                of = "nothing"
            case Binding.TLS_KEY:
                of = f"key {key}"
            case Binding.EPHEMERAL | Binding.EARLY_EXPORTER:
                of = f"shares {client}, {share}"
            case Binding.EXPORTER:
                of = f"shares {client}, {share} and key {key}"
        return f"{self.name}: evidence of {machine} over {of}"
