# SPDX-License-Identifier: Apache-2.0
"""TPM evidence: its parts, and the forms that other verifiers' users have it in. No cryptography, no I/O.

    quote         TPMS_ATTEST                           signature     TPMT_SIGNATURE
    pcrs          values (`values.py`)                  ak            TPM2B_PUBLIC, TPMT_PUBLIC, or SubjectPublicKeyInfo
    event_log     firmware's (optional)                 ima_log       Linux IMA's (optional)
    canonical_event_log                                 the operating system's, in the canonical form (optional)
    unread        names of what came beside these and is not read (optional)
    ak_certificate, ek_certificate, iak_certificate     DER           chain    those above it, PEM
    activation, certification, certification_signature, platform_certificate                    (`trust.py`)

`ak` may be left out beside an `ak_certificate`. Wrapped without asking: the JSON of Trustee's TPM attester, dumps of
go-attestation, and attestations of go-tpm-tools (`go_tpm_tools.py`).
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping

from ttee.codec import hex, json  # noqa: A004 (the module's name)
from ttee.errors import MalformedEvidenceError
from ttee.eventlog import forms
from ttee.eventlog.event import SIZES
from ttee.model import ClaimValue, Evidence
from ttee.tee.tpm import go_tpm_tools, keys, values
from ttee.tee.tpm.quote import described
from ttee.tee.tpm.structures import parse_attest, parse_signature

NAME = "tpm"
REQUIRED = frozenset({"quote", "signature", "pcrs"})
OPTIONAL = frozenset(
    {
        "ak",
        "ak_certificate",
        "ek_certificate",
        "iak_certificate",
        "chain",
        "activation",
        "certification",
        "certification_signature",
        "platform_certificate",
        "event_log",
        "ima_log",
        "canonical_event_log",
        "unread",
    }
)
LOGS = frozenset({"event_log", "ima_log", "canonical_event_log"})
MAX_JSON = 16 * 1024 * 1024
_UNREAD = re.compile(rb"[a-z0-9_]{1,64}(, [a-z0-9_]{1,64}){0,63}")
_BY_SIZE = {SIZES[name]: name for name in ("sha1", "sha256", "sha384", "sha512")}


def check_parts(parts: Mapping[str, bytes]) -> None:
    """Return if these are the parts of a quote; else MalformedEvidenceError."""
    wrong = (REQUIRED - parts.keys()) | (parts.keys() - REQUIRED - OPTIONAL)
    if not {"ak", "ak_certificate"} & parts.keys():
        wrong |= {"ak"}
    if wrong:
        name = min(wrong)
        raise MalformedEvidenceError(
            f"tpm evidence: the part {name!r} is {'unknown' if name in parts else 'missing'}"[:200],
            where="parts",
            source="docs/spec/evidence.md",
        )


def wrap(data: bytes) -> Evidence | None:
    """Evidence out of other verifiers' JSON or protobuf; None for anything else. Raises MalformedEvidenceError for what
    is clearly meant as such, and is not well formed."""
    if not data.lstrip(b" \t\r\n").startswith(b"{"):
        return go_tpm_tools.unwrap(NAME, data)
    if b'"tpm_quote"' in data and b'"ak_public"' in data:
        return _from_trustee(_object(json.loads(data, what="evidence", max_size=MAX_JSON), "evidence"))
    if b'"UseTCSDActivationFormat"' in data:
        return _from_go_attestation(_object(json.loads(data, what="evidence", max_size=MAX_JSON), "evidence"))
    return None


def _from_trustee(top: Mapping[str, json.JsonValue]) -> Evidence:
    """confidential-containers/trustee:deps/verifier/src/tpm. PCR i is the i-th value, of the bank of its size."""
    quote = _object(top.get("tpm_quote"), "tpm_quote")
    listed = quote.get("pcrs")
    if top.keys() != {"ak_public", "tpm_quote"} or quote.keys() != {"message", "pcrs", "signature"}:
        raise _malformed(
            "it does not have exactly ak_public and tpm_quote with message, pcrs, signature", "evidence"
        )
    if not isinstance(listed, list) or not 0 < len(listed) <= 32:
        raise _malformed("pcrs is not a list of up to 32 values", "tpm_quote.pcrs")
    pcrs = [hex.decode(_text(value, "tpm_quote.pcrs"), what="tpm_quote.pcrs") for value in listed]
    bank = _BY_SIZE.get(len(pcrs[0]))
    if bank is None:
        raise _malformed("its PCRs are of no known size", "tpm_quote.pcrs")
    return Evidence(
        NAME,
        {
            "quote": _base64(quote["message"], "tpm_quote.message"),
            "signature": _base64(quote["signature"], "tpm_quote.signature"),
            "pcrs": values.encode({bank: dict(enumerate(pcrs))}),
            "ak": _base64(top["ak_public"], "ak_public"),
        },
    )


def _from_go_attestation(top: Mapping[str, json.JsonValue]) -> Evidence:
    """google/go-attestation:attest.Dump. Values are kept for the bank that the quote is of."""
    quote, log, ak = (_object(top.get(name), name) for name in ("Quote", "Log", "AK"))
    attest = _base64(quote.get("Quote"), "Quote.Quote")
    selection = parse_attest(attest, what="quote").selection
    listed = log.get("PCRs")
    if not isinstance(listed, list) or len(listed) > 128:
        raise _malformed("Log.PCRs is not a list of up to 128 values", "Log.PCRs")
    found: dict[str, dict[int, bytes]] = {bank: {} for bank, _ in selection}
    for item in listed:
        pcr = _object(item, "Log.PCRs")
        index, digest = pcr.get("Index"), _base64(pcr.get("Digest"), "Log.PCRs")
        if type(index) is not int or not 0 <= index <= values.MAX_PCR:
            raise _malformed("a PCR has no number", "Log.PCRs")
        if (bank := _BY_SIZE.get(len(digest), "")) in found:
            found[bank][index] = digest
    return Evidence(
        NAME,
        {
            "quote": attest,
            "signature": _base64(quote.get("Signature"), "Quote.Signature"),
            "pcrs": values.encode(found),
            "ak": _base64(ak.get("Public"), "AK.Public"),
            "event_log": _base64(log.get("Raw"), "Log.Raw"),
        },
    )


def describe(evidence: Evidence) -> Mapping[str, ClaimValue]:
    """Every field, UNVERIFIED. Raises MalformedEvidenceError."""
    parts = evidence.parts
    check_parts(parts)
    attest, signature = parse_attest(parts["quote"], what="quote"), parse_signature(parts["signature"])
    found: dict[str, ClaimValue] = {
        "magic": f"{attest.magic:08x}",
        "type": f"{attest.type:04x}",
        "signer": attest.signer,
        "nonce": attest.extra,
        "clock": str(attest.clock),
        "reset_count": attest.reset_count,
        "restart_count": attest.restart_count,
        "safe": attest.safe,
        "firmware": f"{attest.firmware:016x}",
        "selection": described(attest.selection),
        "digest": attest.digest,
        "signature": f"{signature.scheme} with {signature.hash}",
    }
    if "ak" in parts:
        key = keys.load(parts["ak"], "ak")
        found["ak"] = key.spki
        if key.public is not None:
            found |= {"ak_name": key.public.name, "ak_attributes": f"{key.public.attributes:08x}"}
    for bank, pcrs in values.parse(parts["pcrs"]).items():
        found |= {f"{bank}_pcr{pcr}": value for pcr, value in pcrs.items()}
    for name, part in (("events", "event_log"), ("canonical_events", "canonical_event_log")):
        if part in parts:
            log = forms.parse(parts[part])
            found[name] = tuple(log.event_name(event) for event in log.events)
    if "unread" in parts:
        found["unread"] = unread(parts)
    return found | {name: parts[name] for name in sorted(parts.keys() & OPTIONAL - LOGS - {"ak", "unread"})}


def unread(parts: Mapping[str, bytes]) -> str:
    """What came beside the quote and is not read, in words. Raises MalformedEvidenceError."""
    if not _UNREAD.fullmatch(parts["unread"]):
        raise MalformedEvidenceError(
            "the part `unread` is no list of names", where="unread", source="docs/spec/tpm.md"
        )
    return parts["unread"].decode("ascii")


def _object(value: json.JsonValue, what: str) -> Mapping[str, json.JsonValue]:
    if not isinstance(value, dict):
        raise _malformed(f"{what} is not an object", what)
    return value


def _text(value: json.JsonValue, what: str) -> str:
    if not isinstance(value, str):
        raise _malformed(f"{what} is not text", what)
    return value


def _base64(value: json.JsonValue, what: str) -> bytes:
    try:
        return b64decode(_text(value, what), validate=True)
    except (Base64Error, ValueError):
        raise _malformed(f"{what} is not base64", what) from None


def _malformed(message: str, where: str) -> MalformedEvidenceError:
    return MalformedEvidenceError(f"the TPM evidence cannot be read: {message}"[:300], where=where)
