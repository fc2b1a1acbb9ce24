# SPDX-License-Identifier: Apache-2.0
"""What the verifier of Nitro attestation documents checks, and what each check is for (behind `ttee explain`)."""

from __future__ import annotations

from ttee.model import CheckSpec

_PROCESS = "AWS Nitro Enclaves, attestation_process.md, section 3"

ENVELOPE = CheckSpec(
    id="nitro.document.envelope",
    title="The document is one COSE_Sign1 with ES384, and nothing else",
    guards="Documents that two readers read differently, and algorithms that nobody agreed on.",
    remedy="Copy the document again, in binary, from where the enclave made it.",
    source=f"RFC 9052, section 4.2; {_PROCESS}.1",
)
FIELDS = CheckSpec(
    id="nitro.document.fields",
    title="Each field is there, once, with the type and length of AWS's table",
    guards="Fields that a reader would take from somewhere else, or make up when they are missing.",
    remedy="Refuse the document: no Nitro security module writes this.",
    source=f"{_PROCESS}.2",
)
ROOT = CheckSpec(
    id="nitro.chain.root",
    title="The first certificate of the bundle is the pinned root, byte for byte",
    guards="A bundle that brings its own root, or whose order two readers understand differently.",
    remedy="Pass the bundle on as the enclave gave it: root first.",
    source=f"{_PROCESS}.2.3",
)
PATH = CheckSpec(
    id="nitro.chain.path",
    title="The root certified the enclave's key, through region, zone and instance, at this moment",
    guards="Keys that AWS never certified, or whose three hours are over; an enclave that certifies others.",
    remedy="Ask for a new document; to verify an old one as of then, give its moment with --at.",
    source=f"{_PROCESS}.2.3; RFC 5280, section 6",
)
REVOCATION = CheckSpec(
    id="nitro.chain.revocation",
    title="No revocation list that was given names a certificate of the path",
    guards="Certificates that AWS took back.",
    remedy="Give the lists that the certificates name, as documents `crl`, `crl.2` and so on.",
    source="RFC 5280, section 6.3",
)
LEAF_KEY = CheckSpec(
    id="nitro.leaf.key",
    title="The enclave's certificate has a key on P-384 that may sign data",
    guards="A key of another kind, or meant for something else, taken for the document's.",
    remedy="Refuse the document: AWS makes no such certificates.",
    source=f"{_PROCESS}.2.3",
)
SIGNATURE = CheckSpec(
    id="nitro.document.signature",
    title="That key signed the document",
    guards="Documents that no Nitro security module made.",
    remedy="Refuse the document: it was altered, or made elsewhere.",
    source="RFC 9052, section 4.4; RFC 9053, section 2.1 (r || s)",
)
TIME = CheckSpec(
    id="nitro.document.time",
    title="The document was made while its certificate was valid, and not long before this moment",
    guards="A stale document, shown while its certificate still lives; a clock that went wrong.",
    remedy="Ask for a new document; to verify an old one as of then, give its moment with --at.",
    source=f"{_PROCESS}.2",
)
NONCE = CheckSpec(
    id="nitro.document.nonce",
    title="The document's nonce is the one that was asked for",
    guards="Replay: an old document, made for somebody else, shown as the present state.",
    remedy="Ask for a document with a fresh random nonce, and verify with the same nonce.",
    source="RFC 9334, section 10.2",
)
STATEMENT = CheckSpec(
    id="nitro.dstack.statement",
    title="What a dstack attestation says of the report data is what the document has as user data",
    guards="An attestation that shows other report data, or another payload, than what was signed.",
    remedy="Get the attestation again, whole, from the enclave that made it.",
    source="Dstack-TEE/dstack:dstack/dstack-attest; docs/spec/dstack.md",
)

CHECKS = (ENVELOPE, FIELDS, ROOT, PATH, REVOCATION, LEAF_KEY, SIGNATURE, TIME, NONCE, STATEMENT)
