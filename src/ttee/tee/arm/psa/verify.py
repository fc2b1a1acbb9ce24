# SPDX-License-Identifier: Apache-2.0
"""Is a PSA token authentic? Numbered steps; each is a check of `checks.py`, and raises by name.

    1  one COSE_Sign1 with ECDSA, nothing behind it             psa.token.envelope
    2  every claim of its profile                               psa.token.claims
    3  the caller trusts a key for this device                  psa.iak.known
    4  that key is nobody's test key                            psa.iak.strength
    5  that key signed the token                                psa.token.signature
    6  the device is in a state in which it attests             psa.lifecycle
    7  measurements are as long as their algorithms say         psa.measurements.sizes
    8  the nonce is the one that was asked for                  psa.token.nonce

When step 7 does not hold it is a claim (`sizes_agree`), for the policy; so is which software is acceptable.
"""

from __future__ import annotations

from datetime import datetime

from ttee.errors import FreshnessError, MalformedEvidenceError, UsageError
from ttee.model import Claims, Endorsements, Evidence
from ttee.tee.arm.fields import DIGEST_SIZES, lifecycle_name
from ttee.tee.arm.keys import device_keys, key_for
from ttee.tee.arm.psa import checks
from ttee.tee.arm.psa.endorsements import IAK
from ttee.tee.arm.psa.evidence import NAME, Token, details, odd, parse, parse_sign1
from ttee.tee.arm.signed import check_lifecycle, signer, strength, verify_signature
from ttee.tee.steps import Steps

PINS = {"app": ("software_digest", "software_measurements"), "platform": ("implementation_id",)}


def verify(
    evidence: Evidence,
    endorsements: Endorsements,
    *,
    nonce: bytes | None = None,
    at: datetime | None = None,  # noqa: ARG001 (nothing here expires)
) -> Claims:
    """The claims of a PSA token (one part, `token`). Pure.

    Anchors (a SubjectPublicKeyInfo each) and the documents `iak`, `iak.…` (`arm/keys.py` has their forms) are the
    device keys that the caller trusts; what lies beside the evidence is not. `nonce`: 32, 48 or 64 bytes.
    Raises MalformedEvidenceError, EndorsementError (no key given), AnchorError, SignatureError,
    NotAuthenticError (lifecycle), FreshnessError, UsageError.
    """
    if nonce is not None and len(nonce) not in DIGEST_SIZES:
        raise UsageError(
            f"a nonce for PSA has 32, 48 or 64 bytes, this one has {len(nonce)}",
            where="nonce",
            source="RFC 9783",
        )
    if evidence.parts.keys() != {"token"}:
        raise MalformedEvidenceError(
            f"{NAME} evidence is one part, token; not {', '.join(evidence.parts) or 'nothing'}"[:300],
            where="parts",
            source="docs/spec/evidence.md",
        )
    data = evidence.parts["token"]
    steps = Steps()
    with steps(checks.ENVELOPE, "") as step:
        message = parse_sign1(data)
        step.detail = f"COSE_Sign1, {message.algorithm.name}"
    with steps(checks.CLAIMS, "") as step:
        token = parse(message.payload)
        step.detail = f"{token.profile}, {len(token.components)} software components"
    with steps(checks.DEVICE_KEY, "") as step:
        keys = device_keys(NAME, IAK, endorsements)
        keys = key_for(keys, IAK, token.instance_id, token.implementation_id)
        key = signer(keys, data, "token")
        step.detail = f"the {key.relied_on.name}, SHA-256 {key.relied_on.digest.hex()}"
    assurance = strength(key, checks.STRENGTH, steps)
    with steps(checks.SIGNATURE, "the device's key signed the token"):
        verify_signature(key, data, "token")
    with steps(checks.LIFECYCLE, "") as step:
        step.detail = check_lifecycle(token.lifecycle)
    not_checked = ["age and revocation of the device's key: the format has neither"]
    _note(token, steps, not_checked)
    if nonce is None:
        steps.skipped(checks.NONCE, "no nonce was given to compare the token's with")
        not_checked.append("freshness: no nonce was given; the token may be a replay")
    else:
        with steps(checks.NONCE, f"the token has the nonce ({len(nonce)} bytes)"):
            _check_nonce(token, nonce)
    return Claims(
        tee=NAME,
        assurance=assurance,
        checks=steps.checks,
        relied_on=(key.relied_on,),
        not_checked=tuple(not_checked),
        nonce=token.nonce if nonce is not None else None,
        user_data=token.nonce,
        debug=lifecycle_name(token.lifecycle) != "secured",
        fresh=nonce is not None,
        pins=PINS,
        details=details(token),
    )


def _note(token: Token, steps: Steps, not_checked: list[str]) -> None:
    """Step 7, and claims that nobody here knows."""
    if differing := odd(token):
        steps.skipped(checks.SIZES, f"{len(differing)} differ: {differing[0]}")
        not_checked.append(f"how some measurements were made: {'; '.join(differing)}"[:500])
    else:
        with steps(checks.SIZES, "as the token says"):
            pass
    if not token.components:
        not_checked.append("software: the device says that it measured none")
    if token.unread:
        not_checked.append(f"claims that are not known here: {', '.join(token.unread)}"[:500])


def _check_nonce(token: Token, nonce: bytes) -> None:
    """Step 8."""
    if token.nonce != nonce:
        raise FreshnessError(
            f"the token's nonce is not {nonce.hex()}",
            where="token, nonce",
            hint="ask for a token with a fresh nonce; this one is old, or somebody else's",
        )
