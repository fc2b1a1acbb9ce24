# SPDX-License-Identifier: Apache-2.0
"""Is a TPM 2.0 quote authentic, and what do its logs say? Numbered steps; each is a check, and raises by name.

    1   quote, keys and values read, of a TPM, a quote        tpm.quote.form, .magic, .type
    2   the attestation key cannot be anybody else's          tpm.ak.attributes
    3   somebody who is pinned vouches for it                 tpm.ak.trust, …          (`trust.py`)
    4   it signed the quote, over nonce, selection, digest    tpm.quote.signature, …   (`quote.py`)
    5   clock and counters have not gone back                 tpm.quote.clock          (`clock.py`)
    6   the logs give the quoted PCRs                         tpm.log.replay, …        (`logs.py`)

Which values are acceptable, firmware versions, secure boot: the policy's to say. A quote is as good as its TPM: a
virtual one is worth what its hypervisor is worth, and one on a bus what that bus is worth.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from ttee.errors import MalformedEvidenceError, UsageError
from ttee.model import Claims, ClaimValue, Endorsements, Evidence
from ttee.pki.certificate import load_padded_certificate
from ttee.tee.steps import Steps
from ttee.tee.tpm import checks, keys, logs, values
from ttee.tee.tpm.clock import check_not_back
from ttee.tee.tpm.evidence import NAME, check_parts, unread
from ttee.tee.tpm.keys import Key
from ttee.tee.tpm.quote import described, pcr_claims, pcr_pins, read_quote, verify_quote
from ttee.tee.tpm.structures import Attest, parse_signature
from ttee.tee.tpm.trust import check_attributes, vouch

MAX_NONCE = 64
_SAFE = (1 << 53) - 1


def verify(
    evidence: Evidence, endorsements: Endorsements, *, nonce: bytes | None = None, at: datetime | None = None
) -> Claims:
    """The claims of a quote and its logs (parts: `evidence.py`). Pure.

    Anchors: attestation keys (SubjectPublicKeyInfo, or name), or roots (SubjectPublicKeyInfo), which replace ours.
    Documents: `chain` (PEM), `crl`, `crl.…`, `activation_record`, `platform_issuer`, `last_seen`; all optional.
    `at` is needed where certificates are looked at. Raises UsageError, MalformedEvidenceError, NotAuthenticError,
    EndorsementError, RevokedError.
    """
    if nonce is not None and not 0 < len(nonce) <= MAX_NONCE:
        raise UsageError(f"a nonce for a TPM has 1 to {MAX_NONCE} bytes, this one has {len(nonce)}")
    parts, steps = evidence.parts, Steps()
    check_parts(parts)
    attest = read_quote(parts["quote"], steps)
    signature, claimed = parse_signature(parts["signature"]), values.parse(parts["pcrs"])
    key = _attestation_key(evidence)
    check_attributes(key, steps)
    vouched = vouch(key, evidence, endorsements, tee=NAME, at=at, steps=steps)
    bank = verify_quote(parts["quote"], attest, signature, key, claimed, nonce=nonce, steps=steps)
    ak = sha256(key.spki).digest()
    last_seen = endorsements.documents.get("last_seen")
    if last_seen is None:
        steps.skipped(checks.CLOCK, "nothing was given about earlier quotes (document `last_seen`)")
    else:
        with steps(checks.CLOCK, "") as step:
            step.detail = check_not_back(attest, ak, last_seen)
    story = logs.read_logs(parts, bank, claimed[bank], steps)
    unexplained = logs.unexplained(bank, claimed[bank], story.covered)
    pcrs = pcr_claims(attest.selection, claimed, bank)
    not_checked = [*vouched.not_checked, *story.not_checked]
    if unexplained:
        not_checked.append(
            f"what extended PCR {', '.join(map(str, unexplained))}: no log that was given tells"
        )
    if "unread" in parts:
        not_checked.append(f"what came beside the quote, and is not read: {unread(parts)}")
    if nonce is None:
        not_checked.append("freshness: no nonce was given; the quote may be a replay")
    return Claims(
        tee=NAME,
        assurance=vouched.assurance,
        checks=steps.checks,
        relied_on=vouched.relied_on,
        not_checked=tuple(not_checked),
        nonce=attest.extra if nonce is not None else None,
        user_data=attest.extra,
        events=story.events,
        fresh=nonce is not None,
        editions=vouched.editions,
        pins=pcr_pins(pcrs),
        details={
            **pcrs,
            **quote_details(attest, bank),
            "ak_key": ak,
            "ak_name": key.public.name if key.public is not None else None,
            "unexplained_pcrs": unexplained,
            **vouched.details,
            **story.details,
            "revocation_checked": vouched.revocation_checked,
        },
    )


def quote_details(attest: Attest, bank: str) -> dict[str, ClaimValue]:
    """What the quote says beside the PCRs. Raises MalformedEvidenceError for a clock that no TPM reaches."""
    if attest.clock > _SAFE:
        raise MalformedEvidenceError("the clock says more than 285 000 years", where="quote, clockInfo.clock")
    return {
        "pcr_bank": bank,
        "pcr_selection": described(attest.selection),
        "clock": attest.clock,
        "clock_safe": attest.safe,
        "reset_count": attest.reset_count,
        "restart_count": attest.restart_count,
        "firmware_version": ".".join(str(attest.firmware >> shift & 0xFFFF) for shift in (48, 32, 16, 0)),
        "firmware_version_1": attest.firmware >> 32,
        "firmware_version_2": attest.firmware & 0xFFFFFFFF,
    }


def _attestation_key(evidence: Evidence) -> Key:
    """The key in `ak`; or, where that is left out, in `ak_certificate`, which `vouch` will look at."""
    if "ak" in evidence.parts:
        return keys.load(evidence.parts["ak"], "ak")
    leaf, _ = load_padded_certificate(evidence.parts["ak_certificate"], what="ak_certificate")
    return keys.load(leaf.spki, "ak_certificate")
