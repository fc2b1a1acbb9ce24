# SPDX-License-Identifier: Apache-2.0
"""Is it acceptable? Authentic claims, held against policies (docs/spec/policy.md, docs/spec/verdict.md).

    1  the policy accepts this TEE                            policy.tee
    2  the evidence rests on anchors of this policy           policy.anchor
    3  it is as real as the policy asks                       policy.assurance
    4  it is not in debug mode                                policy.debug
    5  its maker calls it up to date                          policy.current
    6  it is of no generation that was broken for good        policy.distrust.ID
    7  exceptions that were made use of are granted           policy.exception.NAME
    8  it was made for the verifier's own nonce               policy.freshness
    9  the app is one of those listed                         policy.app.measurement
   10  claims of this TEE are as its rules say                policy.TEE.CLAIM
   11  residual trust is as its goals ask                     policy.trust.PROPERTY.not_by, ….no_single
   12  what runs, and what it runs on, are pinned at all      policy.pinned.app, policy.pinned.platform

All policies must accept. Only step 12 looks at them together: what one of them pins is pinned.
"""

from __future__ import annotations

import difflib
from hashlib import sha256
from typing import TYPE_CHECKING

from attrs import evolve

from ttee.appraise import checks
from ttee.appraise.findings import (
    CONFIGURATION,
    EXECUTABLES,
    HARDWARE,
    IDENTITY,
    Finding,
    failed,
    kebab,
    passed,
    shown,
    skipped,
)
from ttee.appraise.policy import (
    ASSURANCES,
    Insecure,
    Policy,
    Section,
    anchors_for,
    pinned_anchor,
    require_any,
)
from ttee.appraise.remaining import goals_kept, remaining
from ttee.appraise.rules import Comparison, Rule, says_something
from ttee.appraise.standing import currency, known_breaks, standing
from ttee.codec.rfc3339 import moment
from ttee.model import Assurance, Claims, ClaimValue, Status, Tier, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

CATEGORIES = (
    IDENTITY,
    CONFIGURATION,
    EXECUTABLES,
    "file-system",
    HARDWARE,
    "runtime-opaque",
    "storage-opaque",
    "sourced-data",
)
"""The trust vector of AR4SI (draft-ietf-rats-ar4si, section 2.3)."""

_ANY = {"app": Insecure.ANY_APP, "platform": Insecure.ANY_PLATFORM}
_TIERS = {Status.PASS: Tier.AFFIRMING, Status.SKIPPED: Tier.WARNING, Status.FAIL: Tier.CONTRAINDICATED}


def appraise(claims: Claims, policies: Sequence[Policy], *, at: str) -> Verdict:
    """Hold `claims` against every policy, at the moment `at` (RFC 3339, with its offset). Pure.

    The verdict lists every check, those of the verification first. Raises PolicyFileError without a policy,
    UsageError for a moment that is none.
    """
    require_any(policies)
    when = moment(at)
    findings: list[Finding] = []
    not_checked = claims.not_checked + _ignored(claims, policies)
    still = remaining(claims, policies, at, not_checked)
    for policy in policies:
        label = f"[{policy.name}] " if len(policies) > 1 else ""
        for finding in (*_appraise_one(claims, policy, when), *goals_kept(still, policy)):
            detail = label + finding.check.detail
            findings.append(evolve(finding, check=evolve(finding.check, detail=detail)))
    if not all(policy.signature_only for policy in policies):
        findings += _pinned(claims, policies)
    every = claims.checks + tuple(finding.check for finding in findings)
    return Verdict(
        status=max((_TIERS[check.status] for check in every), default=Tier.NONE),
        vector=_vector(claims, findings),
        claims=claims,
        checks=every,
        not_checked=not_checked,
        loosened=tuple(dict.fromkeys(finding.loosened for finding in findings if finding.loosened)),
        at=at,
        policy=tuple((policy.name, policy.digest) for policy in policies),
        still=still,
    )


def _appraise_one(claims: Claims, policy: Policy, at: datetime) -> Iterator[Finding]:
    """Steps 1 to 10."""
    if policy.signature_only:
        yield from known_breaks(claims, at)
        yield skipped(
            checks.SIGNATURE_ONLY,
            "nothing but authenticity was asked for: not what runs, on what, how real, how fresh",
            loosened="signature-only",
        )
        return
    section = policy.tees.get(claims.tee)
    if section is None:
        accepted = ", ".join(policy.tees) or "none"
        yield failed(checks.TEE, f"{claims.tee} is not accepted; the policy has sections for {accepted}")
        return
    yield passed(checks.TEE, f"{claims.tee} is accepted")
    yield _anchor(claims, policy)
    yield _assurance(claims, policy)
    if claims.debug is not None:
        yield _debug(claims.debug, policy)
    yield from standing(claims, policy, at)
    yield _freshness(claims, policy)
    if policy.measurements:
        yield _measurement(claims, policy)
    said = _said(claims)
    for rule in section.rules:
        yield _rule(claims, said, rule, at)


def _anchor(claims: Claims, policy: Policy) -> Finding:
    """A maker's own roots count where the policy has none of its own in their place."""
    anchors = [reliance for reliance in claims.relied_on if reliance.kind == "anchor"]
    roots = [reliance for reliance in claims.relied_on if reliance.kind == "root"]
    for reliance in anchors:
        if pinned_anchor(policy, claims, reliance.digest) is None:
            detail = (
                f"the {reliance.name} (SHA-256 {reliance.digest.hex()[:16]}…) is not pinned by this policy"
            )
            return failed(checks.ANCHOR, detail, IDENTITY)
    pinned = [each for each in anchors + roots if pinned_anchor(policy, claims, each.digest) is not None]
    if pinned:
        return passed(checks.ANCHOR, f"pinned: {', '.join(each.name for each in pinned)}", IDENTITY)
    if roots and not anchors_for(policy, claims):
        names = ", ".join(dict.fromkeys(each.name for each in roots))
        return passed(checks.ANCHOR, f"its maker's root: {names}", IDENTITY)
    if roots:
        return failed(
            checks.ANCHOR, "it rests on its maker's root, and on no anchor that the policy pins", IDENTITY
        )
    if claims.assurance is Assurance.SIMULATED:
        return passed(checks.ANCHOR, "a simulated TEE rests on nothing that could be pinned")
    return failed(checks.ANCHOR, "the evidence rests on no anchor at all", IDENTITY)


def _assurance(claims: Claims, policy: Policy) -> Finding:
    pinned = [pinned_anchor(policy, claims, reliance.digest) for reliance in claims.relied_on]
    said = [claims.assurance, *(anchor.assurance for anchor in pinned if anchor is not None)]
    assurance = min(said, key=ASSURANCES.index)
    if assurance is Assurance.SILICON:
        whose = "anchor" if any(each is not None for each in pinned) else "maker"
        return passed(checks.ASSURANCE, f"silicon, as the {whose} says", HARDWARE)
    ways = [Insecure.DEVELOPMENT]
    if assurance is Assurance.EMULATED:
        ways.insert(0, Insecure.EMULATED)
    way = policy.allows(*ways)
    if way is None:
        return failed(checks.ASSURANCE, f"it is {assurance}; the policy does not say {ways[0]}", HARDWARE)
    return passed(checks.ASSURANCE, f"{assurance}, accepted by {way}", loosened=way)


def _debug(debug: bool, policy: Policy) -> Finding:
    if not debug:
        return passed(checks.DEBUG, "debug mode is off", CONFIGURATION)
    if policy.allows(Insecure.DEBUG):
        return passed(checks.DEBUG, "in debug mode, accepted by insecure-debug", loosened=Insecure.DEBUG)
    return failed(checks.DEBUG, "the TEE is in debug mode", CONFIGURATION)


def _freshness(claims: Claims, policy: Policy) -> Finding:
    if claims.fresh:
        return passed(checks.FRESHNESS, "made for the verifier's own nonce")
    if policy.nonce_required:
        return failed(checks.FRESHNESS, "the policy requires a nonce, and none was given to verify with")
    return skipped(checks.FRESHNESS, "no nonce was given; the policy says that it is optional")


def _measurement(claims: Claims, policy: Policy) -> Finding:
    if claims.app is None:
        return failed(checks.MEASUREMENT, "the evidence names no app measurement", EXECUTABLES)
    if claims.app not in policy.measurements:
        expected = ", ".join(f"{measurement.hex()[:16]}…" for measurement in policy.measurements)
        return failed(
            checks.MEASUREMENT, f"the app is {claims.app.hex()}; the policy lists {expected}", EXECUTABLES
        )
    return passed(checks.MEASUREMENT, f"the app is {claims.app.hex()[:16]}…, as listed", EXECUTABLES)


def _rule(claims: Claims, said: Mapping[str, ClaimValue], rule: Rule, at: datetime) -> Finding:
    must_be_pinned = {claim for group in claims.pins.values() for claim in group}
    category = EXECUTABLES if rule.claim in must_be_pinned else CONFIGURATION
    spec = evolve(checks.RULE, id=f"policy.{claims.tee}.{rule.key}")
    if rule.claim not in said:
        near = difflib.get_close_matches(rule.claim, list(said), n=1, cutoff=0.6)
        meant = f"; did you mean {kebab(near[0])}?" if near else ""
        return failed(spec, f"the evidence makes no claim {kebab(rule.claim)}{meant}", category)
    value = said[rule.claim]
    text = shown(value)
    if rule.holds(value, at):
        fits = "as listed" if rule.comparison is Comparison.ONE_OF else f"{rule} is asked for"
        return passed(spec, f"{text[:16] + '…' if len(text) > 24 else text}, {fits}", category)
    return failed(spec, f"it is {text[:200] or 'empty'}; the policy asks for {rule}", category)


def _said(claims: Claims) -> Mapping[str, ClaimValue]:
    """What rules can be about: what only this TEE says, and what has names for all TEEs."""
    common: dict[str, ClaimValue] = {
        f"register{index}": value for index, value in enumerate(claims.registers or ())
    }
    if claims.user_data is not None:
        common["user_data"] = claims.user_data
    return {**common, **claims.details}


def _pinned(claims: Claims, policies: Sequence[Policy]) -> Iterator[Finding]:
    """Step 12, over all policies together."""
    sections = [policy.tees.get(claims.tee, Section()) for policy in policies]
    pinned = {
        rule.claim for section in sections for rule in section.rules if rule.comparison is Comparison.ONE_OF
    }
    said: Mapping[str, ClaimValue] = {**claims.details, "app": claims.app}
    if any(policy.measurements for policy in policies):
        pinned.add("app")
    strict = [policy for policy in policies if not policy.signature_only]
    for group, names in claims.pins.items():
        spec, way = checks.PINNED[group], _ANY[group]
        by = [name for name in names if name in pinned and says_something(said.get(name))]
        choices = " or ".join(
            "app.measurements" if name == "app" else name.replace("_", "-") for name in names
        )
        if by:
            yield passed(spec, f"pinned by {', '.join(name.replace('_', '-') for name in by)}", EXECUTABLES)
        elif all(policy.allows(way) for policy in strict):
            yield skipped(spec, f"{choices} is not pinned; accepted by {way}", EXECUTABLES, way)
        else:
            yield failed(spec, f"not pinned: the policy needs {choices}", EXECUTABLES)


def _vector(claims: Claims, findings: Sequence[Finding]) -> Mapping[str, Tier]:
    vector = dict.fromkeys(CATEGORIES, Tier.NONE)
    for finding in findings:
        if finding.category:
            vector[finding.category] = max(vector[finding.category], _TIERS[finding.check.status])
    if claims.debug and vector[CONFIGURATION] is Tier.AFFIRMING:
        vector[CONFIGURATION] = Tier.NONE
    return vector


def _ignored(claims: Claims, policies: Sequence[Policy]) -> tuple[str, ...]:
    """The claims that no policy has an opinion on, but for keys that stand under `relied_on`."""
    ruled = {rule.claim for p in policies for rule in p.tees.get(claims.tee, Section()).rules}
    keys = {reliance.digest for reliance in claims.relied_on}
    ignored = [
        name.replace("_", "-")
        for name, value in claims.details.items()
        if name not in ruled and not (isinstance(value, bytes) and sha256(value).digest() in keys)
    ]
    if claims.app is not None and not any(policy.measurements for policy in policies):
        ignored.insert(0, "app measurement")
    unseen = (f"claims that no policy looked at: {', '.join(ignored)}",) if ignored else ()
    if claims.current is None or not all(policy.signature_only for policy in policies):
        return unseen
    said = "it is" if claims.current else "it is not"
    return (f"whether it is up to date: its maker says that {said} ({currency(claims)})", *unseen)
