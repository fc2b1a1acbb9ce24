# SPDX-License-Identifier: Apache-2.0
"""What is known of TEEs, attacks and parties, as types (docs/spec/trust.md, section 3).

Named tuples here, as wherever `who` passes through, and annotations that are evaluated at once: what makes richer
classes takes longer to load than all of the rest (docs/decisions/0018).
"""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from ttee.errors import QuestionError
from ttee.trust.calculus.rules import Source
from ttee.trust.knowledge.facts import Condition


class Property(StrEnum):
    """What can be broken. The first six are what one asks for; the last two are finer."""

    CONFIDENTIALITY = "confidentiality"
    INTEGRITY = "integrity"
    ATTESTATION = "attestation"
    FRESHNESS = "freshness"
    AVAILABILITY = "availability"
    KEYS = "keys"
    LEAKAGE = "leakage"
    IDENTITY = "identity"


EFFECTS = tuple(each for each in Property if each is not Property.IDENTITY)
"""What an attack or a flaw can do to one TEE."""

FLAW_EFFECTS = (
    Property.CONFIDENTIALITY,
    Property.INTEGRITY,
    Property.ATTESTATION,
    Property.KEYS,
    Property.FRESHNESS,
)


class Scope(StrEnum):
    """Where a capability is had."""

    MACHINE = "machine"
    NETWORK = "network"
    ROLE = "role"


class Reach(StrEnum):
    """How far one success of an attack carries."""

    MACHINE = "machine"
    FLEET = "fleet"
    SESSION = "session"


class Over(StrEnum):
    """On which machines an adversary has its capabilities."""

    ALL = "all"
    OPERATOR = "operator"
    MACHINE = "machine"


ROLES = ("manufacturer", "foundry", "assembler", "certifier", "updater", "verifier", "operator", "author")
DESIGN_ROLES = ROLES[:6]
CLASSES = ("remote", "host", "physical", "supply", "state")
FIXES = ("tcb", "config", "measured-image", "code", "policy", "protocol", "design", "none")
STATUSES = ("demonstrated", "vendor-confirmed", "extrapolated", "alleged")

DIMENSIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        name: tuple(values.split())
        for name, values in {
            "isolation_unit": "function process vm world device machine circuit",
            "isolation": "page-tables pmp metadata-table cpu-mode core chip fabric",
            "sharing": "time-shared-core spatial-core own-cache own-llc own-die own-fabric",
            "launch": "static late measured dice encrypted",
            "memory_confidentiality": "none deterministic counter on-chip secret-free",
            "memory_integrity": "none access-control logical mac mac-tree on-chip",
            "memory_freshness": "none remap-guard counter-tree on-chip",
            "io": "none bounce device-tee fabric",
            "sealing": "none plain tpm-counter flash-counter quorum",
            "key_origin": "vendor-keeps vendor-diversified on-die puf owner dkg",
            "certification": "vendor-online vendor-offline cloud owner threshold registry none",
            "attestation_path": "vendor-service collateral offline third-party quorum none",
            "signing": "random-nonce-in-dram deterministic on-die hash-based post-quantum",
            "evidence_identity": "none group chip site",
            "channel_binding": "none tls-key ephemeral early-exporter exporter",
            "evidence_freshness": "none timestamp epoch nonce",
            "coverage": "launch registers configuration state",
            "updates": "vendor vendor-svn owner k-of-n immutable",
            "recovery": "none tcb revoke-id revoke-class",
            "side_channels": "out best-effort isolated secret-free",
            "physical": "out cold bus glitch invasive",
            "supply": "trust certified logged inspectable multi-foundry",
            "openness": "closed spec source buildable rtl rtl-pdk",
            "assurance": "none certified review fuzzed proof",
            "liveness": "host cloud quorum owner",
            "privacy": "linkable group blind result-only",
            "set_up_by": "host-firmware own-firmware hardware",
        }.items()
    }
)
"""The values of each dimension, weakest first."""
TEXT_DIMENSIONS = ("tcb", "workload", "performance")
UNKNOWN = "unknown"
STRUCTURAL = ("bus_passive", "bus_active", "host_root", "host_firmware")
"""The capabilities that follow from designs alone speak of, and so must be there."""


class Capability(NamedTuple):
    """Something an attacker can do. `name` completes "whoever has …"."""

    id: str
    name: str
    kind: str
    scope: Scope
    implies: tuple[str, ...] = ()
    by_operator: bool = False
    by_owner: bool = False
    roles: tuple[str, ...] = ()


class Party(NamedTuple):
    """A legal entity; `parent` owns it."""

    id: str
    name: str
    jurisdiction: str
    parent: str | None = None
    sources: tuple[Source, ...] = ()


class Holders(NamedTuple):
    """k of these: names of parties, or in a deployment of parts."""

    k: int
    of: tuple[str, ...]


class Adversary(NamedTuple):
    """Who attacks: what it has, where, and what it may spend."""

    id: str
    name: str
    capabilities: tuple[str, ...]
    over: Over = Over.ALL
    elsewhere: bool = False
    roles: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    budget_usd: int = 0


class Component(NamedTuple):
    """A part of a design, with its undisclosed flaw."""

    id: str
    name: str
    maker: str | None = None
    codebase: str | None = None
    breaks: tuple[Property, ...] = FLAW_EFFECTS


class OutOfScope(NamedTuple):
    """Capabilities that a design's maker declares not to defend against."""

    capabilities: tuple[str, ...]
    sources: tuple[Source, ...]


class Design(NamedTuple):
    """One design of TEE. A dimension that is left out is unknown, and counts for the attacker."""

    id: str
    name: str
    roles: Mapping[str, Holders]
    components: tuple[Component, ...]
    sources: tuple[Source, ...]
    dimensions: Mapping[str, str] = MappingProxyType({})
    classes: tuple[str, ...] = ()
    machine_usd: int = 0
    since: str = ""
    studies: int = 0
    out_of_scope: tuple[OutOfScope, ...] = ()
    checked: bool = True

    def may_be(self, dimension: str, *values: str) -> bool:
        """Whether the design has one of these values there, as far as is known."""
        return self.dimensions.get(dimension, UNKNOWN) in (*values, UNKNOWN)


Needs = tuple[tuple[str, ...], ...]
"""Any of these sets of capabilities."""


class Target(NamedTuple):
    """A design or class that an attack aims at, and what refutes that it applies."""

    tee: str
    when: tuple[Condition, ...] = ()
    unless: tuple[tuple[Condition, ...], ...] = ()
    needs: Needs | None = None
    breaks: tuple[Property, ...] | None = None


class Attack(NamedTuple):
    """A published attack. `cost_usd` is what its equipment costs; None: not published."""

    id: str
    name: str
    public: str
    needs: Needs
    breaks: tuple[Property, ...]
    targets: tuple[Target, ...]
    fix_kind: str
    sources: tuple[Source, ...]
    fix: str = ""
    cost_usd: int | None = None
    reach: Reach = Reach.MACHINE
    status: str = "demonstrated"
    checked: bool = True
    cve: tuple[str, ...] = ()
    modelled_by: str | None = None

    @property
    def compiled(self) -> bool:
        """Whether rules are made of it: not of an allegation, nor of what other rules derive."""
        return self.status != "alleged" and self.modelled_by is None


class Knowledge(NamedTuple):
    """Everything that is known, as of a day."""

    as_of: date
    capabilities: Mapping[str, Capability]
    parties: Mapping[str, Party]
    adversaries: Mapping[str, Adversary]
    designs: Mapping[str, Design]
    attacks: Mapping[str, Attack]

    def moment(self, text: str | None) -> date:
        """The day that a question is about; the latest known when `text` is None. Raises QuestionError."""
        if text is None:
            return self.as_of
        day = first_day(text) or _day_of(text)
        if day is None:
            raise QuestionError(f"{text[:64]!r} is not a day", hint="write it like 2026-11-21")
        if day > self.as_of:
            raise QuestionError(
                f"{text[:64]} lies after what is known, which ends at {self.as_of}",
                hint="ask about an earlier day, or update the knowledge",
            )
        return day


def _day_of(text: str) -> date | None:
    """The day of a moment (RFC 3339), as it is written there."""
    try:
        return datetime.fromisoformat(text).date() if text[10:11] == "T" else None
    except ValueError:
        return None


def first_day(text: str) -> date | None:
    """The first day of what `text` names: a year, a month or a day; None if it names none."""
    parts = text.split("-")
    if not text.isascii() or not all(map(str.isdigit, parts)):
        return None
    if [len(part) for part in parts] not in ([4], [4, 2], [4, 2, 2]):
        return None
    try:
        return date.fromisoformat(f"{text}-01-01"[:10])
    except ValueError:
        return None
