# SPDX-License-Identifier: Apache-2.0
"""The nouns of RATS (RFC 9334) as T-TEE speaks them: small, frozen, and without behaviour of their own.

Evidence becomes Claims when it is found authentic; Claims become a Verdict when held against a policy.
"""

from __future__ import annotations

import copyreg
from collections.abc import Callable, Mapping
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Any

from attrs import field, frozen

ClaimValue = bool | int | str | bytes | tuple["ClaimValue", ...] | None
"""What a claim can be. In JSON, bytes are lowercase hex."""


def _read_only(value: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(value)


# So that evidence, claims and verdicts can go to other processes and come back; Python itself leaves it open how.
copyreg.pickle(MappingProxyType, lambda mapping: (_read_only, (dict(mapping),)))


# Copies that nobody can write to (a proxy is one already); one for each kind of value, since mypy cannot follow a
# generic converter.
def _parts(value: Mapping[str, bytes]) -> Mapping[str, bytes]:
    return MappingProxyType(dict(value))


def _details(value: Mapping[str, ClaimValue]) -> Mapping[str, ClaimValue]:
    return MappingProxyType(dict(value))


def _pins(value: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
    return value if type(value) is MappingProxyType else MappingProxyType(dict(value))


def _editions(value: Mapping[str, int]) -> Mapping[str, int]:
    return value if type(value) is MappingProxyType else MappingProxyType(dict(value))


def _vector(value: Mapping[str, Tier]) -> Mapping[str, Tier]:
    return MappingProxyType(dict(value))


class Assurance(StrEnum):
    """How much of the TEE is real. Nothing below `SILICON` protects anything from its own machine."""

    SILICON = "silicon"
    EMULATED = "emulated"
    SIMULATED = "simulated"


class Status(StrEnum):
    """How a check ended. `SKIPPED` is never a pass: it is listed under what was not checked."""

    PASS = "pass"  # noqa: S105 (not a password)
    FAIL = "fail"
    SKIPPED = "skipped"


class Tier(IntEnum):
    """Trustworthiness tiers of EAR (draft-ietf-rats-ear, section 3.2)."""

    NONE = 0
    AFFIRMING = 2
    WARNING = 32
    CONTRAINDICATED = 96


@frozen(slots=True)
class Evidence:
    """What a TEE emitted about itself and its app: named parts, as bytes. Nothing in it is trusted yet."""

    tee: str
    parts: Mapping[str, bytes] = field(converter=_parts)
    endorsements: Mapping[str, bytes] = field(converter=_parts, factory=dict)


@frozen(slots=True)
class Anchor:
    """A key that the relying party trusts for one TEE, and what its maker says it stands for."""

    tee: str
    key: bytes
    assurance: Assurance = Assurance.EMULATED
    note: str = ""


@frozen(slots=True)
class Endorsements:
    """What others say about a TEE: pinned anchors, and signed documents by name (certificates, CRLs, …).

    `development` is true when the policy says `insecure-development`: published test keys are then let
    through, and the verdict shows it.
    """

    anchors: tuple[Anchor, ...] = ()
    documents: Mapping[str, bytes] = field(converter=_parts, factory=dict)
    development: bool = False
    exceptions: frozenset[str] = frozenset()
    """Named exceptions that the policy grants: docs/spec/policy.md, section Exceptions."""
    own: frozenset[str] | None = None
    """Names of what can become stale and counts although it came with the evidence; None if all of it does."""


@frozen(slots=True)
class CheckSpec:
    """What a check is for: the entry behind `ttee explain ID`. Ids are stable: `riscv.claims.binding`."""

    id: str
    title: str
    guards: str
    """What an attacker could do if nobody checked this."""
    remedy: str
    """What to do when it fails."""
    source: str
    """Specification and section."""


@frozen(slots=True)
class Check:
    """One check as it ended: for this evidence, at this moment."""

    id: str
    status: Status
    detail: str
    source: str


@frozen(slots=True)
class Reliance:
    """Something that the result rests on: a key, certificate or endorsement, by its digest or itself."""

    kind: str
    name: str
    digest: bytes


@frozen(slots=True)
class Claims:
    """What evidence says, once it has been found authentic. No opinion on whether that is acceptable.

    The named fields mean the same for every TEE; None says that this TEE or this evidence does not speak of
    it. `details` has what only this TEE says, by snake_case names (`enclave_hash`, `monitor_svn`).
    """

    tee: str
    assurance: Assurance
    checks: tuple[Check, ...]
    relied_on: tuple[Reliance, ...]
    not_checked: tuple[str, ...]
    app: bytes | None = None
    """The app's measurement, SHA-384 of its bundle."""
    nonce: bytes | None = None
    user_data: bytes | None = None
    channel_key: bytes | None = None
    registers: tuple[bytes, ...] | None = None
    events: tuple[tuple[int, str, bytes], ...] = ()
    debug: bool | None = None
    fresh: bool = False
    """The nonce that the caller asked for stands in what was signed."""
    pins: Mapping[str, tuple[str, ...]] = field(converter=_pins, factory=dict)
    """What a policy must pin before the other claims mean anything: for `app` (what runs) and `platform`
    (what it runs on), the claims of `details`, or `app`, one of which must be pinned."""
    current: bool | None = None
    """Whether its maker's endorsements, at the moment of the verification, call all of it up to date; None if they do
    not speak of that. False is refused, unless a policy has rules about the claims in `currency`."""
    currency: tuple[str, ...] = ()
    """The claims of `details` that `current` sums up."""
    exceptions: tuple[str, ...] = ()
    """Named exceptions of the policy, without which verification had ended otherwise."""
    editions: Mapping[str, int] = field(converter=_editions, factory=dict)
    """Numbers of the endorsements that never go back, by what they count: "intel tcb_info 00806f050000 evaluation"."""
    details: Mapping[str, ClaimValue] = field(converter=_details, factory=dict)


def _broken_by(value: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType(dict(value))


def _facts(value: Mapping[str, bool | int | str]) -> Mapping[str, bool | int | str]:
    return MappingProxyType(dict(value))


@frozen(slots=True)
class Residual:
    """Who could still break it, as far as is known, whatever the verdict says (docs/spec/trust.md, section 8)."""

    at: str
    """The day that it is about, YYYY-MM-DD: the verdict's, or the last that anything is known of."""
    as_of: str
    """The day up to which anything is known."""
    designs: tuple[str, ...]
    """What it may be, by name; several if the evidence leaves it open."""
    facts: Mapping[str, bool | int | str] = field(converter=_facts)
    """What was known of it."""
    unknown: tuple[str, ...]
    """What published attacks depend on, and nobody said: it counts for the attacker."""
    broken_by: Mapping[str, tuple[str, ...]] = field(converter=_broken_by)
    """For `confidentiality`, `integrity` and `attestation`: who or what breaks it, in words."""
    not_checked: tuple[str, ...]


@frozen(slots=True)
class Verdict:
    """The attestation result: a status, and every check that led there (EAR, AR4SI trust vector)."""

    status: Tier
    vector: Mapping[str, Tier] = field(converter=_vector)
    claims: Claims
    checks: tuple[Check, ...]
    not_checked: tuple[str, ...]
    loosened: tuple[str, ...]
    """Every `insecure-…` entry of the policy that this verdict made use of."""
    at: str
    """The moment of the appraisal, RFC 3339."""
    policy: tuple[tuple[str, bytes], ...]
    """Name and SHA-256 digest of each policy that was applied."""
    still: Callable[[], Residual] | None = field(default=None, repr=False)
    """Computes `residual`: most verdicts of a fleet are never looked at."""

    @property
    def residual(self) -> Residual | None:
        """Who could still break it; None for a verdict that was made by hand."""
        return self.still() if self.still is not None else None
