# SPDX-License-Identifier: Apache-2.0
"""Is a CCA token authentic? Numbered steps; each is a check of `checks.py`, and raises by name.

     1  a platform part and a realm part, nothing else          cca.token.envelope
     2  every claim of the platform                             cca.platform.claims
     3  every claim of the realm                                cca.realm.claims
     4  both of the same edition                                cca.profiles
     5  the caller trusts a key for this platform               cca.cpak.known
     6  that key is nobody's test key                           cca.cpak.strength
     7  that key signed the platform part                       cca.platform.signature
     8  the platform's challenge is the digest of the realm key cca.binding
     9  the realm key signed the realm part                     cca.realm.signature
    10  the platform is in a state in which it attests          cca.platform.lifecycle
    11  measurements are as long as their algorithms say        cca.measurements.sizes
    12  the realm's challenge is the one that was asked for     cca.realm.nonce

Step 8 is all that ties the two parts together. Step 11 is a claim when it does not hold (`sizes_agree`): what the
bytes are worth is the policy's to say, as is which software and which realm are acceptable.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType

from attrs import evolve, frozen

from ttee.codec import cose
from ttee.errors import BindingError, FreshnessError, MalformedEvidenceError, UsageError
from ttee.model import Claims, ClaimValue, Endorsements, Evidence, Reliance
from ttee.tee.arm.cca import checks
from ttee.tee.arm.cca.claims import (
    CHALLENGE,
    PROFILES,
    Platform,
    Realm,
    odd_in_platform,
    odd_in_realm,
    parse_platform,
    parse_realm,
    platform_details,
    realm_details,
)
from ttee.tee.arm.cca.endorsements import CPAK
from ttee.tee.arm.cca.evidence import NAME, parse_sign1, parse_token
from ttee.tee.arm.fields import lifecycle_name
from ttee.tee.arm.keys import device_keys, key_for, load_xy
from ttee.tee.arm.signed import check_lifecycle, parsed, signer, strength, verify_signature
from ttee.tee.steps import Steps

PINS = {"app": ("realm_initial_measurement",), "platform": ("software_digest", "software_measurements")}


def verify(
    evidence: Evidence,
    endorsements: Endorsements,
    *,
    nonce: bytes | None = None,
    at: datetime | None = None,  # noqa: ARG001 (nothing here expires)
) -> Claims:
    """The claims of a CCA token (one part, `token`). Pure.

    Anchors (a SubjectPublicKeyInfo each) and the documents `cpak`, `cpak.…` (`arm/keys.py` has their forms) are the
    platform keys that the caller trusts; what lies beside the evidence is not. `nonce`: the challenge, 64 bytes.
    Raises MalformedEvidenceError, EndorsementError (no key given), AnchorError, SignatureError, WeakKeyError,
    BindingError, NotAuthenticError (lifecycle), FreshnessError, UsageError.
    """
    if nonce is not None and len(nonce) != CHALLENGE:
        raise UsageError(
            f"a challenge for CCA has {CHALLENGE} bytes, this one has {len(nonce)}",
            where="nonce",
            hint="Linux fills up a shorter one with zeros at its end: do the same",
        )
    if evidence.parts.keys() != {"token"}:
        raise MalformedEvidenceError(
            f"{NAME} evidence is one part, token; not {', '.join(evidence.parts) or 'nothing'}"[:300],
            where="parts",
            source="docs/spec/evidence.md",
        )
    steps = Steps()
    with steps(checks.ENVELOPE, "") as step:
        token = parse_token(evidence.parts["token"])
        step.detail = f"tag {token.tag}, platform and realm"
    with steps(checks.PLATFORM_CLAIMS, "") as step:
        below = _platform(token.platform)
        platform = below.platform
        step.detail = f"{len(platform.components)} software components"
    with steps(checks.REALM_CLAIMS, "") as step:
        message = parse_sign1(token.realm, "realm token")
        above = _realm(message.payload)
        realm = above.realm
        step.detail = f"{len(realm.extensible_measurements)} extensible measurements"
    with steps(checks.PROFILES, platform.profile):
        _check_profiles(platform, realm)
    with steps(checks.DEVICE_KEY, "") as step:
        keys = device_keys(NAME, CPAK, endorsements)
        keys = key_for(keys, CPAK, platform.instance_id, platform.implementation_id)
        key = signer(keys, token.platform, "platform token")
        step.detail = f"the {key.relied_on.name}, SHA-256 {key.relied_on.digest.hex()}"
    assurance = strength(key, checks.STRENGTH, steps)
    with steps(checks.PLATFORM_SIGNATURE, "the platform's key signed its claims"):
        verify_signature(key, token.platform, "platform token")
    with steps(checks.BINDING, f"{realm.public_key_hash} of the realm's key"):
        _check_binding(platform, realm)
    with steps(checks.REALM_SIGNATURE, "the realm's key signed its claims"):
        curve, point = realm.point()
        cose.verify(message, load_xy(curve, point, what="the realm's key"))
    with steps(checks.LIFECYCLE, "") as step:
        step.detail = check_lifecycle(platform.lifecycle)
    not_checked = ["age and revocation of the platform's key: the format has neither"]
    odd = above.odd + below.odd
    _note(odd, platform, realm, steps, not_checked)
    if nonce is None:
        steps.skipped(checks.NONCE, "no nonce was given to compare the challenge with")
        not_checked.append("freshness: no nonce was given; the token may be a replay")
    else:
        with steps(checks.NONCE, "the challenge is the nonce"):
            _check_nonce(realm, nonce)
    return Claims(
        tee=NAME,
        assurance=assurance,
        checks=steps.checks,
        relied_on=(
            key.relied_on,
            Reliance("key", "realm attestation key", hashlib.sha256(realm.public_key).digest()),
        ),
        not_checked=tuple(not_checked),
        nonce=realm.challenge if nonce is not None else None,
        user_data=realm.challenge,
        registers=realm.extensible_measurements,
        debug=lifecycle_name(platform.lifecycle) != "secured",
        fresh=nonce is not None,
        pins=PINS,
        details={**below.details, **above.details, "sizes_agree": not odd},
    )


@frozen(slots=True)
class _Below:
    """A platform part as it reads, and what follows from it alone. Not yet known to be signed by anybody."""

    platform: Platform
    details: Mapping[str, ClaimValue]
    odd: tuple[str, ...]


@frozen(slots=True)
class _Above:
    """The same of a realm part."""

    realm: Realm
    details: Mapping[str, ClaimValue]
    odd: tuple[str, ...]


def _realm(payload: bytes) -> _Above:
    """A realm part as it reads. Tokens of one realm differ in their challenge, which RMM writes first.

    Behind the head of a short map, its key 10 and the head of 64 bytes, any 64 bytes read alike, and nothing else
    follows from them: the part around them is remembered.
    """
    found = _CHALLENGE_FIRST.fullmatch(payload)
    if found is None:
        return _read_realm(payload)
    before, challenge, behind = found.groups()
    above = _realm_around(before, behind)
    return evolve(above, realm=evolve(above.realm, challenge=challenge))


_CHALLENGE_FIRST = re.compile(rb"([\xa1-\xb7]\x0a\x58\x40)(.{%d})(.*)" % CHALLENGE, re.DOTALL)


@lru_cache(maxsize=256)
def _realm_around(before: bytes, behind: bytes) -> _Above:
    return _read_realm(before + bytes(CHALLENGE) + behind)


def _read_realm(payload: bytes) -> _Above:
    realm = parse_realm(payload)
    return _Above(realm, MappingProxyType(realm_details(realm)), odd_in_realm(realm))


@lru_cache(maxsize=256)
def _platform(part: bytes) -> _Below:
    """The same part comes with every token until the monitor starts anew; to read it takes as long as all the rest."""
    platform = parse_platform(parsed(part, "platform token").payload)
    return _Below(platform, MappingProxyType(platform_details(platform)), odd_in_platform(platform))


def _check_profiles(platform: Platform, realm: Realm) -> None:
    """Step 4."""
    if PROFILES[platform.profile] != realm.profile:
        raise BindingError(
            f"a platform of {platform.profile} goes with a realm of {PROFILES[platform.profile] or 'no profile'}, "
            f"not of {realm.profile or 'no profile'}",
            where="realm token, profile",
        )


def _check_binding(platform: Platform, realm: Realm) -> None:
    """Step 8: over the key as it was encoded, not as it is understood."""
    digest = hashlib.new(realm.public_key_hash.replace("-", ""), realm.public_key).digest()
    if platform.challenge != digest:
        raise BindingError(
            f"the platform vouches for another key than the realm's: {platform.challenge.hex()} "
            f"is not {realm.public_key_hash} of it",
            where="platform token, challenge",
        )


def _note(
    odd: tuple[str, ...], platform: Platform, realm: Realm, steps: Steps, not_checked: list[str]
) -> None:
    """Step 11, and claims that nobody here knows."""
    if odd:
        steps.skipped(checks.SIZES, f"{len(odd)} differ: {odd[0]}")
        not_checked.append(f"how some measurements were made: {'; '.join(odd)}"[:500])
    else:
        with steps(checks.SIZES, f"{realm.hash_name} in the realm, {platform.hash_name} below it"):
            pass
    for what, unread in (("platform", platform.unread), ("realm", realm.unread)):
        if unread:
            not_checked.append(f"claims of the {what} that are not known here: {', '.join(unread)}"[:500])


def _check_nonce(realm: Realm, nonce: bytes) -> None:
    """Step 12."""
    if realm.challenge != nonce:
        raise FreshnessError(
            f"the realm's challenge is not {nonce.hex()}",
            where="realm token, challenge",
            hint="ask for a token over a fresh challenge; this one is old, or somebody else's",
        )
