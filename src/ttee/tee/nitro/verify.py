# SPDX-License-Identifier: Apache-2.0
"""Is an attestation document of Nitro Enclaves authentic? Numbered steps; each is a check, and raises by name.

    1  one COSE_Sign1 with ES384, nothing behind it             nitro.document.envelope
    2  every field, with its type and length                    nitro.document.fields
    3  the bundle begins with the pinned root                   nitro.chain.root
    4  root ── region ── zone ── instance ── enclave, now       nitro.chain.path
    5  no list that was given names one of them                 nitro.chain.revocation
    6  the enclave's key is on P-384, and signs data            nitro.leaf.key
    7  that key signed the document                             nitro.document.signature
    8  it was made while its certificate lived, and lately      nitro.document.time
    9  its nonce is the one that was asked for                  nitro.document.nonce
   10  what dstack says beside it is what the document has      nitro.dstack.statement

Steps 3 to 6 are the same for all documents of one certificate: `chain.py` does them, and remembers.
Which images are acceptable, and whether debug mode is, is the policy's to say.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ttee.codec import cose
from ttee.errors import FreshnessError, MalformedEvidenceError, UsageError
from ttee.formats.dstack_statement import PART, Statement
from ttee.model import Claims, Endorsements, Evidence
from ttee.pki.certificate import Certificate
from ttee.pki.trusted import trusted
from ttee.pki.window import require_moment, rfc3339
from ttee.tee.nitro import checks
from ttee.tee.nitro.chain import endorse, pinned
from ttee.tee.nitro.evidence import NAME, Document, details, open_envelope, parse
from ttee.tee.steps import Steps

MAX_NONCE = 1024
MAX_AGE = timedelta(hours=3)
"""How old a document may be: as long as AWS lets its certificate live."""
MAX_SKEW = timedelta(minutes=5)
"""How far ahead of the verifier's clock AWS's may be."""
_SIGNED_IMAGE = 8


def verify(
    evidence: Evidence,
    endorsements: Endorsements,
    *,
    nonce: bytes | None = None,
    at: datetime | None = None,
) -> Claims:
    """The claims of an attestation document (one part, `document`). Pure.

    Documents: revocation lists in DER, `crl` and any `crl.…`, if there are any. Anchors, if there are any,
    replace AWS's root: each is the SubjectPublicKeyInfo of one. `nonce`: what the document must say.
    Raises UsageError without `at`; MalformedEvidenceError, NotAuthenticError, EndorsementError, RevokedError.
    """
    at = require_moment(at, "a Nitro document")
    if nonce is not None and not 0 < len(nonce) <= MAX_NONCE:
        raise UsageError(f"a nonce for Nitro has 1 to {MAX_NONCE} bytes, this one has {len(nonce)}")
    if not {"document"} <= evidence.parts.keys() <= {"document", PART}:
        raise MalformedEvidenceError(
            f"{NAME} evidence is document, perhaps with dstack; not {', '.join(evidence.parts) or 'nothing'}"[
                :300
            ],
            where="parts",
            source="docs/spec/evidence.md",
        )
    steps = Steps()
    with steps(checks.ENVELOPE, "COSE_Sign1, ES384"):
        message = open_envelope(evidence.parts["document"])
    with steps(checks.FIELDS, "") as step:
        document = parse(message.payload)
        step.detail = f"{document.module_id}, {len(document.pcrs)} PCRs"
    documents = endorsements.documents
    if evidence.endorsements:
        documents = {**evidence.endorsements, **documents}
    endorsed = endorse(document, documents, trusted(endorsements, NAME, pinned()), at)
    steps.extend(endorsed.checks)
    with steps(checks.SIGNATURE, "the enclave's key signed the document"):
        cose.verify(message, endorsed.key)
    with steps(checks.TIME, "") as step:
        made = document.made
        _verify_time(made, endorsed.leaf, at)
        step.detail = f"made at {made.isoformat(timespec='milliseconds')}"
    not_checked = list(endorsed.not_checked)
    _verify_nonce(document, nonce, steps, not_checked)
    if PART in evidence.parts:
        with steps(checks.STATEMENT, "its report data are the document's user data"):
            statement = Statement.read(evidence.parts[PART])
            statement.check(document.user_data or b"")
        not_checked += statement.not_checked()
    return Claims(
        tee=NAME,
        assurance=endorsed.assurance,
        checks=steps.checks,
        relied_on=endorsed.relied_on,
        not_checked=(
            *not_checked,
            "security versions and runtime registers: a Nitro document does not have them",
        ),
        nonce=document.nonce,
        user_data=document.user_data,
        debug=document.debug,
        fresh=nonce is not None,
        editions=endorsed.editions,
        pins={"app": ("pcr0", "pcr8") if document.pcrs.get(_SIGNED_IMAGE, b"").strip(b"\0") else ("pcr0",)},
        details={**details(document), "revocation_checked": endorsed.revocation_checked},
    )


def _verify_time(made: datetime, leaf: Certificate, at: datetime) -> None:
    """Step 8."""
    if made not in leaf.validity:
        raise FreshnessError(
            f"it was made at {rfc3339(made)}, and its certificate is valid from {rfc3339(leaf.validity.start)} to "
            f"{rfc3339(leaf.validity.end)}",
            where="document, timestamp",
        )
    if not -MAX_SKEW <= at - made <= MAX_AGE:
        raise FreshnessError(
            f"it was made at {rfc3339(made)}: too far from {rfc3339(at)}",
            where="document, timestamp",
            hint="ask for a new document, or verify this one as of then, with --at",
        )


def _verify_nonce(document: Document, nonce: bytes | None, steps: Steps, not_checked: list[str]) -> None:
    """Step 9."""
    if nonce is None:
        steps.skipped(checks.NONCE, "no nonce was given to compare the document's with")
        not_checked.append("freshness: no nonce was given; the document may be a replay")
        return
    with steps(checks.NONCE, f"the document has the nonce ({len(nonce)} bytes)"):
        if document.nonce != nonce:
            raise FreshnessError(
                f"the document's nonce is {'missing' if document.nonce is None else 'not ' + nonce.hex()}",
                where="document, nonce",
                hint="ask for a document with a fresh nonce; this one is old, or somebody else's",
            )
