# SPDX-License-Identifier: Apache-2.0
"""Is local evidence what a local runtime made? Numbered steps; each is named in `checks.py`.

    1  exactly the four parts                                     local.evidence.parts
    2  claims, statement and log are well formed                  local.claims., .statement., .log.structure
    3  the claims are signed by the key they name                 local.claims.signature
    4  claims.report_data is the digest of the statement          local.binding.statement
    5  registers of the statement are those of the claims         local.binding.registers
    6  the log replays to the registers                           local.binding.log
    7  register 0 names the statement's app before system-ready   local.binding.app
    8  the nonce is the one asked for                             local.freshness.nonce

Nobody vouches for the key: whatever passes here is `simulated`, and worth nothing against anybody.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ttee.errors import BindingError, SignatureError
from ttee.guest.binding import check_identity, check_nonce, check_nonce_size, check_replay
from ttee.guest.registers import decode_log
from ttee.guest.statement import Statement
from ttee.model import Assurance, Claims, Endorsements, Evidence, Reliance
from ttee.tee.local import checks
from ttee.tee.local.evidence import NAME, LocalClaims, check_parts, signed
from ttee.tee.steps import Steps

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

NOT_CHECKED: tuple[str, ...] = (
    "isolation: the app ran in an ordinary process; whoever owns that machine can read and change it",
    "the signing key: it was made for this run, and nobody vouches for it",
    "the authority's signature: the local TEE asks for none",
)
PINS: Mapping[str, tuple[str, ...]] = {"app": ("app",)}


def verify(
    evidence: Evidence,
    endorsements: Endorsements,  # noqa: ARG001
    *,
    nonce: bytes | None = None,
    at: datetime | None = None,  # noqa: ARG001 (nothing here expires)
) -> Claims:
    """The claims of local evidence, always `simulated`. Pure; endorsements are not used.

    `nonce` (16 to 64 bytes) is compared with the statement's; without it freshness is not checked, and the
    claims say so. Raises UsageError for a nonce of another size, MalformedEvidenceError, SignatureError,
    BindingError, FreshnessError.
    """
    check_nonce_size(nonce)
    steps = Steps()
    with steps(checks.PARTS, "claims, signature, statement, log"):
        parts = check_parts(evidence)
    with steps(checks.CLAIMS_STRUCTURE, "canonical, of profile ttee/local/1"):
        claims = LocalClaims.decode(parts["claims"])
    with steps(checks.STATEMENT_STRUCTURE, "canonical"):
        statement = Statement.decode(parts["statement"])
    with steps(checks.LOG_STRUCTURE, "canonical, within its bounds"):
        events = decode_log(parts["log"])
    with steps(checks.SIGNATURE, "by the throw-away key that the claims name; nobody vouches for it"):
        _check_signature(claims.public_key, parts["claims"], parts["signature"])
    with steps(checks.BINDING_STATEMENT, "the claims carry the digest of this statement"):
        if claims.report_data != statement.report_data:
            raise BindingError(
                "the claims' report data is not the digest of this statement", where="statement"
            )
    with steps(checks.BINDING_REGISTERS, "claims and statement have the same registers"):
        if claims.registers != statement.registers:
            raise BindingError(
                "the statement has other registers than the claims", where="statement.registers"
            )
    with steps(checks.BINDING_LOG, f"{len(events)} events give the four registers"):
        check_replay(events, claims.registers)
    with steps(checks.BINDING_APP, "register 0 names the app of the statement, then system-ready"):
        config_digest = check_identity(events, statement.app)
    not_checked = NOT_CHECKED
    if nonce is None:
        steps.skipped(checks.NONCE, "no nonce was given to compare with")
        not_checked += ("freshness: no nonce was given; the evidence may be a replay",)
    else:
        with steps(checks.NONCE, "the statement carries the nonce that was asked for"):
            check_nonce(statement.nonce, nonce)
    key_digest = hashlib.sha256(claims.public_key).digest()
    return Claims(
        tee=NAME,
        assurance=Assurance.SIMULATED,
        checks=steps.checks,
        relied_on=(Reliance("key", "throw-away key of a local process", key_digest),),
        not_checked=not_checked,
        app=statement.app,
        nonce=statement.nonce or None,
        user_data=statement.user_data,
        channel_key=statement.channel_key,
        registers=claims.registers,
        events=events,
        fresh=nonce is not None,
        pins=PINS,
        details={"config_digest": config_digest},
    )


def _check_signature(key: bytes, claims: bytes, signature: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, signed(claims))
    except (InvalidSignature, ValueError):
        raise SignatureError(
            "the claims were not signed by the key that they name",
            where="signature",
            hint="get the evidence again",
            source="RFC 8032, section 5.1.7",
        ) from None
