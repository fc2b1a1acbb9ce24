# SPDX-License-Identifier: Apache-2.0
"""Policies: what a relying party accepts (docs/spec/policy.md). Data, and the combinations of several."""

from __future__ import annotations

from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

from ttee.appraise.rules import Rule
from ttee.errors import PolicyFileError
from ttee.model import Anchor, Assurance, Claims, Endorsements

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SCHEMA = "ttee.policy/1"
SIGNATURE_ONLY = "signature-only"
ASSURANCES = (Assurance.SIMULATED, Assurance.EMULATED, Assurance.SILICON)
"""From the weakest on."""


class Insecure(StrEnum):
    """The ways to loosen a policy, as they are spelt in files and verdicts."""

    EMULATED = "insecure-emulated"
    DEVELOPMENT = "insecure-development"
    DEBUG = "insecure-debug"
    ANY_APP = "insecure-any-app"
    ANY_PLATFORM = "insecure-any-platform"


@frozen(slots=True)
class Section:
    """What is accepted of one TEE."""

    anchors: tuple[Anchor, ...] = ()
    rules: tuple[Rule, ...] = ()
    exceptions: tuple[str, ...] = ()
    """Names of `ttee.appraise.exceptions` that this policy grants."""


@frozen(slots=True)
class Goal:
    """What is asked of residual trust for one property (docs/spec/policy.md, section Trust goals)."""

    of: str
    """The property: `confidentiality`, …"""
    not_by: tuple[str, ...] = ()
    """Adversaries that must not break it, each perhaps with a budget in USD: `operator:1000`."""
    no_single: tuple[str, ...] = ()
    """Kinds of things (`party`, `vendor`, …) none of which may break it alone."""


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
    accepts_broken: frozenset[str] = frozenset()
    """Distrust switches that this policy overrides."""
    refuses_broken: frozenset[str] = frozenset()
    """Distrust switches that would only warn, and that this policy lets refuse."""
    goals: tuple[Goal, ...] = ()
    facts: tuple[tuple[str, bool | int | str], ...] = ()
    """What its author knows of the app and the machine and evidence does not say; goals take it as given."""

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
        exceptions=frozenset.intersection(*map(_exceptions, pinning)),
    )


def _exceptions(policy: Policy) -> frozenset[str]:
    return frozenset(name for section in policy.tees.values() for name in section.exceptions)


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
    return next((a for a in anchors_for(policy, claims) if sha256(a.key).digest() == digest), None)


def anchors_for(policy: Policy, claims: Claims) -> tuple[Anchor, ...]:
    """The anchors of `policy` for the claims' TEE, and for the one inside it, where it is made of two."""
    tees = dict.fromkeys((claims.tee, str(claims.details.get("tee_inside", claims.tee))))
    return tuple(anchor for tee in tees for anchor in policy.tees.get(tee, Section()).anchors)


def _pinning(policies: Sequence[Policy]) -> Sequence[Policy]:
    """signature-only narrows nothing down, unless it stands alone."""
    return [policy for policy in policies if not policy.signature_only] or policies
