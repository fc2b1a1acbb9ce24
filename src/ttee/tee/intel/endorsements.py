# SPDX-License-Identifier: Apache-2.0
"""Which endorsements an Intel quote needs, in which forms they are read, and where they come from. No cryptography.

One document `collateral`: JSON as PCCS users and dcap-qvl keep it, with the names below; or each of them as a
document of its own.

    tcb_info, tcb_info_signature, tcb_info_issuer_chain           the text that is signed, hex, PEM
    qe_identity, qe_identity_signature, qe_identity_issuer_chain  likewise
    root_ca_crl, pck_crl                                          hex of DER, or PEM; DER as well in a document
    pck_certificate_chain                                         PEM, for quotes that bring no certificates
    pck_crl_issuer_chain                                          PEM, for quotes that bring one certificate only

Where a signature is not there, `tcb_info` and `qe_identity` are Intel's whole answers, signature inside.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from contextlib import suppress

from attrs import evolve, frozen

from ttee.codec import json
from ttee.errors import EndorsementError, TteeError
from ttee.model import Evidence
from ttee.tee.intel.quote import SGX, TDX
from ttee.tee.own import Split, split_off

SOURCE = "Intel PCS API version 4"
MAX_SIZE = 4 << 20
COLLATERAL = "collateral"

NEEDED = (
    "tcb_info",
    "tcb_info_issuer_chain",
    "qe_identity",
    "qe_identity_issuer_chain",
    "root_ca_crl",
    "pck_crl",
)
"""What every verification reads."""
NAMES = (
    *NEEDED,
    "tcb_info_signature",
    "qe_identity_signature",
    "pck_certificate_chain",
    "pck_crl_issuer_chain",
)
"""Every document that is read, besides `collateral`."""
LASTING = ("pck_certificate_chain", "pck_crl_issuer_chain")
"""Those that never go stale."""
PERISHABLE = (COLLATERAL, *(name for name in NAMES if name not in LASTING))

ANY_FMSPC, ANY_AUTHORITY = "FMSPC", "ca=platform&encoding=der (or ca=processor)"
"""What stands in an address where the platform is not known."""
PCS = "https://api.trustedservices.intel.com"
ROOT_CRL = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"
_ANSWER = re.compile(
    rb'\s*\{"(?:tcbInfo|enclaveIdentity)":(\{.*\}),"signature":"([0-9a-fA-F]{128})"\}\s*', re.DOTALL
)
_PEM_CRL = re.compile(rb"\s*-----BEGIN X509 CRL-----\s+([A-Za-z0-9+/=\s]+)-----END X509 CRL-----\s*(?:\x00)?")


@frozen(slots=True)
class Documents:
    """The collateral as bytes: JSON as it is signed, CRLs in DER, chains in PEM."""

    tcb_info: bytes
    tcb_info_signature: bytes
    tcb_info_issuer_chain: bytes
    qe_identity: bytes
    qe_identity_signature: bytes
    qe_identity_issuer_chain: bytes
    root_ca_crl: bytes
    pck_crl: bytes
    pck_certificate_chain: bytes | None
    pck_crl_issuer_chain: bytes | None


def address(tee: str, *, fmspc: bytes | None = None) -> Mapping[str, str]:
    """Where each document comes from. `fmspc`: of the platform, six bytes; `inspect` shows it."""
    family = {SGX: "sgx", TDX: "tdx"}[tee]
    kind = fmspc.hex().upper() if fmspc else ANY_FMSPC
    return {
        "tcb_info": f"{PCS}/{family}/certification/v4/tcb?fmspc={kind}",
        "qe_identity": f"{PCS}/{family}/certification/v4/qe/identity",
        "pck_crl": f"{PCS}/sgx/certification/v4/pckcrl?{ANY_AUTHORITY}",
        "root_ca_crl": ROOT_CRL,
        "pck_certificate_chain": f"{PCS}/sgx/certification/v4/pckcert",
    }


def parts(documents: Mapping[str, bytes]) -> dict[str, bytes]:
    """Everything by its own name: what stands in `collateral`, and what is a document of its own, which counts first.

    Raises EndorsementError for a `collateral` that is none.
    """
    found = {name: documents[name] for name in NAMES if name in documents}
    return {**unpack(documents[COLLATERAL]), **found} if COLLATERAL in documents else found


def split(evidence: Evidence) -> Split:
    """The quote with the chains that came along, and what else did."""
    given = evidence.endorsements
    if COLLATERAL in given:
        with suppress(TteeError):  # else it is one piece, and `verify` says what is wrong with it
            others = {name: data for name, data in given.items() if name != COLLATERAL}
            evidence = evolve(evidence, endorsements={**others, **parts(given)})
    return split_off(evidence, PERISHABLE)


def merged(own: Mapping[str, bytes], documents: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """What came with the evidence, and `documents`, which count first, packed in a `collateral` or not."""
    if not own:
        return documents
    packed: Mapping[str, bytes] = {}
    if COLLATERAL in documents:
        with suppress(TteeError):  # `parts` says so
            packed = unpack(documents[COLLATERAL])
    return {**{name: data for name, data in own.items() if name not in packed}, **documents}


def read(documents: Mapping[str, bytes], tee: str) -> Documents:
    """The collateral among `documents`. Raises EndorsementError with what is missing, or malformed, and its address."""
    found = parts(documents)
    missing = [name for name in NEEDED if name not in found]
    if missing:
        addresses = {address(tee).get(name.removesuffix("_issuer_chain"), "") for name in missing}
        raise EndorsementError(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing",
            where=f"endorsements, {COLLATERAL}",
            hint=f"get it: {', '.join(sorted(addresses))}",
            source=SOURCE,
        )
    tcb_info, tcb_info_signature = signed(found, "tcb_info")
    qe_identity, qe_identity_signature = signed(found, "qe_identity")
    return Documents(
        tcb_info=tcb_info,
        tcb_info_signature=tcb_info_signature,
        tcb_info_issuer_chain=found["tcb_info_issuer_chain"],
        qe_identity=qe_identity,
        qe_identity_signature=qe_identity_signature,
        qe_identity_issuer_chain=found["qe_identity_issuer_chain"],
        root_ca_crl=crl_der(found, "root_ca_crl"),
        pck_crl=crl_der(found, "pck_crl"),
        pck_certificate_chain=found.get("pck_certificate_chain"),
        pck_crl_issuer_chain=found.get("pck_crl_issuer_chain"),
    )


def unpack(data: bytes) -> dict[str, bytes]:
    """What stands in a `collateral`, by name. Raises EndorsementError."""
    value = json.loads(data, what=COLLATERAL, max_size=MAX_SIZE, max_depth=4, error=EndorsementError)
    if not isinstance(value, dict):
        raise _wrong(COLLATERAL, "is not an object")
    found = {}
    for name in NAMES:
        text = value.get(name)
        if text is None:  # dcap-qvl writes null for what it does not have
            continue
        if not isinstance(text, str):
            raise _wrong(f"{COLLATERAL}.{name}", "is not a text")
        found[name] = text.encode()
    return found


def pack(documents: Mapping[str, bytes]) -> bytes:
    """A `collateral` of these documents, the other way round."""
    return json.dumps(
        {
            name: data.hex() if name.endswith(("_signature", "_crl")) else data.decode("utf-8", "replace")
            for name, data in documents.items()
        }
    )


def signed(found: Mapping[str, bytes], name: str) -> tuple[bytes, bytes]:
    """A document and its signature, r || s. Without the latter, the document is Intel's whole answer.

    Raises EndorsementError.
    """
    document, signature = found[name], found.get(f"{name}_signature")
    if signature is None:
        answer = _ANSWER.fullmatch(document)
        if answer is None:
            raise _wrong(
                name, f"is neither signed by {name}_signature nor an answer with its signature inside"
            )
        return answer[1], bytes.fromhex(answer[2].decode())
    raw = signature if len(signature) == 64 else _unhex(signature, f"{name}_signature")
    if len(raw) != 64:
        raise _wrong(f"{name}_signature", f"has {len(raw)} bytes instead of 64")
    return document, raw


def crl_der(found: Mapping[str, bytes], name: str) -> bytes:
    """A revocation list in DER, out of any form that is read. Raises EndorsementError."""
    data = found[name]
    if data[:1] == b"\x30" and data[1:2] >= b"\x80":
        return data
    if block := _PEM_CRL.fullmatch(data):
        try:
            return binascii.a2b_base64(b"".join(block[1].split()), strict_mode=True)
        except binascii.Error:
            raise _wrong(name, "is not base64") from None
    return _unhex(data, name)


def _unhex(data: bytes, name: str) -> bytes:
    try:
        return binascii.unhexlify(data.strip())
    except (binascii.Error, ValueError):
        raise _wrong(name, "is not hex") from None


def _wrong(name: str, problem: str) -> EndorsementError:
    return EndorsementError(
        f"{name} {problem}", where=f"endorsements, {name}", hint="get it again", source=SOURCE
    )
