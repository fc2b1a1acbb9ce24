# SPDX-License-Identifier: Apache-2.0
"""Policies: what a relying party accepts (docs/spec/policy.md). Data, and the combinations of several."""

from __future__ import annotations

from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

from ttee.errors import PolicyFileError
from ttee.model import Anchor, Assurance, Claims, ClaimValue, Endorsements

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SCHEMA = "ttee.policy/1"
SIGNATURE_ONLY = "signature-only"
ASSURANCES = (Assurance.SIMULATED, Assurance.EMULATED, Assurance.SILICON)
"""From the weakest on."""

Scalar = bool | int | str


class Insecure(StrEnum):
    """The ways to loosen a policy, as they are spelt in files and verdicts."""

    EMULATED = "insecure-emulated"
    DEVELOPMENT = "insecure-development"
    DEBUG = "insecure-debug"
    ANY_APP = "insecure-any-app"
    ANY_PLATFORM = "insecure-any-platform"


class Comparison(StrEnum):
    """What a rule asks of a claim."""

    ONE_OF = "one of"
    AT_LEAST = "at least"


@frozen(slots=True)
class Rule:
    """A rule about one claim. `claim` is in snake_case, as in `details`; bytes are written in lowercase hex."""

    claim: str
    comparison: Comparison
    values: tuple[Scalar, ...]

    @property
    def key(self) -> str:
        """The rule's key in a policy file, which is also the end of its check's id."""
        return ("min-" if self.comparison is Comparison.AT_LEAST else "") + self.claim.replace("_", "-")

    def holds(self, value: ClaimValue) -> bool:
        """Whether the claim's value is as the rule asks. Kinds must agree: true is not 1."""
        plain = value.hex() if isinstance(value, bytes) else value
        if self.comparison is Comparison.AT_LEAST:
            least = self.values[0]
            return type(plain) is int and type(least) is int and plain >= least
        return any(type(plain) is type(allowed) and plain == allowed for allowed in self.values)

    def __str__(self) -> str:
        """What is asked for, in words."""
        return f"{self.comparison} {', '.join(_short(value) for value in self.values)}"


@frozen(slots=True)
class Section:
    """What is accepted of one TEE."""

    anchors: tuple[Anchor, ...] = ()
    rules: tuple[Rule, ...] = ()


def _sections(value: Mapping[str, Section]) -> Mapping[str, Section]:
    return MappingProxyType(dict(value))


@frozen(slots=True)
class Policy:
    """One policy. `digest` is SHA-256 of its file; of its name, for a built-in one."""

    name: str
    digest: bytes
    tees: Mapping[str, Section] = field(converter=_sections, factory=dict)
    measurements: tuple[bytes, ...] = ()
    """Apps that are accepted; empty means that this is left to rules about claims."""
    nonce_required: bool = True
    loosened: frozenset[Insecure] = frozenset()
    signature_only: bool = False

    def allows(self, *ways: Insecure) -> Insecure | None:
        """The first of these loosenings that the policy has."""
        return next((way for way in ways if way in self.loosened), None)

    def endorsements(self) -> Endorsements:
        """The anchors that this policy pins, for `verify`."""
        return endorsements([self])


def signature_only(anchors: Iterable[Anchor] = ()) -> Policy:
    """The built-in policy that asks for authenticity alone. TEEs without pinned roots of trust need `anchors`."""
    by_tee: dict[str, Section] = {}
    for anchor in anchors:
        known = by_tee.get(anchor.tee, Section())
        by_tee[anchor.tee] = evolve(known, anchors=(*known.anchors, anchor))
    return Policy(
        SIGNATURE_ONLY,
        sha256(SIGNATURE_ONLY.encode()).digest(),
        tees=by_tee,
        nonce_required=False,
        signature_only=True,
    )


def builtin_policy(name: str, anchors: Iterable[Anchor] = ()) -> Policy:
    """A built-in policy by name. Raises PolicyFileError."""
    if name != SIGNATURE_ONLY:
        raise PolicyFileError(
            f"no policy {name!r} is built in",
            hint=f"there is {SIGNATURE_ONLY}; files are given with --policy",
        )
    return signature_only(anchors)


def endorsements(policies: Sequence[Policy]) -> Endorsements:
    """What `verify` may rest on under all of these policies: the anchors that each of them pins.

    Where two say different things of one key, the weaker assurance counts. A key that anybody holds is let through
    only if every policy says `insecure-development`. Raises PolicyFileError when there is no policy.
    """
    require_any(policies)
    pinning = _pinning(policies)
    first, *others = (_anchors(policy) for policy in pinning)
    for other in others:
        first = {at: _weaker(anchor, other[at]) for at, anchor in first.items() if at in other}
    return Endorsements(
        anchors=tuple(first.values()),
        development=all(policy.allows(Insecure.DEVELOPMENT) for policy in pinning),
    )


def _anchors(policy: Policy) -> dict[tuple[str, bytes], Anchor]:
    found: dict[tuple[str, bytes], Anchor] = {}
    for anchor in (anchor for section in policy.tees.values() for anchor in section.anchors):
        at = anchor.tee, anchor.key
        found[at] = _weaker(anchor, found.get(at, anchor))
    return found


def _weaker(one: Anchor, other: Anchor) -> Anchor:
    return min(one, other, key=lambda anchor: ASSURANCES.index(anchor.assurance))


def require_any(policies: Sequence[Policy]) -> None:
    """No policy is an error, never "accept"."""
    if not policies:
        raise PolicyFileError(
            "no policy was given, and without one nothing is accepted",
            hint=f"write one with `ttee policy new`, or ask for authenticity alone with --policy-name {SIGNATURE_ONLY}",
        )


def pinned_anchor(policy: Policy, claims: Claims, digest: bytes) -> Anchor | None:
    """The anchor of `policy` for the claims' TEE whose key has this SHA-256 digest."""
    section = policy.tees.get(claims.tee, Section())
    return next((a for a in section.anchors if sha256(a.key).digest() == digest), None)


def _pinning(policies: Sequence[Policy]) -> Sequence[Policy]:
    """signature-only narrows nothing down, unless it stands alone."""
    return [policy for policy in policies if not policy.signature_only] or policies


def _short(value: Scalar) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 24 else f"{text[:16]}…"
