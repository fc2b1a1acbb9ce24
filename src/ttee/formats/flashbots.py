# SPDX-License-Identifier: Apache-2.0
"""Attestation messages of Flashbots' attested TLS (docs/spec/flashbots.md): which bytes they are, and the evidence.

    1.x   attestation type, text ‖ attestation, in SCALE; u32 big endian with its length may stand before it
    2.x   01 ‖ attestation ‖ platform: type, text ‖ memory u64 ‖ disks u32 ‖ option of three digests of 48 bytes;
          or the same in JSON: {"attestation_evidence": {"quote": […], "platform": {…}}}

The attestation is a DCAP quote; of azure-tdx, the JSON that `azure` here reads. What a message says of its platform is
nobody's word: it is kept beside the evidence, as `platform`, and no check rests on it.
Source: flashbots/attested-tls:crates/attestation/src/lib.rs; flashbots/attest:crates/types/src/lib.rs.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from ttee.codec import hex as hex_codec
from ttee.codec import json
from ttee.codec.scale import Reader
from ttee.errors import MalformedEvidenceError
from ttee.model import Evidence

SOURCE = "flashbots/attested-tls:crates/attestation"
MAX_SIZE = 4 << 20
TDX = ("dcap-tdx", "gcp-tdx", "self-hosted-tdx", "qemu-tdx")
AZURE = "azure-tdx"
TYPES = (*TDX, AZURE)
_WHAT = "attestation message"
_DIGESTS = ("loader", "rsdp", "tables")
_DOCUMENT = {"tdx_quote_base64", "hcl_report_base64", "tpm_attestation"}
_TPM = {"ak_certificate_pem", "quote", "event_log", "instance_info"}
_URL_SAFE = str.maketrans("-_", "+/")


def unwrap(data: bytes) -> Evidence | None:
    """The evidence in an attestation message, of any version; None for anything else.

    Raises MalformedEvidenceError for what begins as one and is none.
    """
    if len(data) > MAX_SIZE:
        return None
    if data.lstrip(b" \t\r\n").startswith(b"{"):
        if b'"attestation_evidence"' in data[:4096]:
            return _from_json(data)
        return azure(data) if b'"hcl_report_base64"' in data else None
    body = data[4:] if len(data) > 4 and int.from_bytes(data[:4]) == len(data) - 4 else data
    if (name := _leading_type(body)) is not None:
        reader = Reader(body, what=_WHAT)
        reader.text()
        quote = reader.octets()
        reader.end()
        return _evidence(name, quote, {})
    if body[:1] == b"\x01" and any(name.encode() in body[-256:] for name in TYPES):
        return _second(body)
    return None


def azure(data: bytes) -> Evidence:
    """Evidence out of the document that stands in messages of azure-tdx. Raises MalformedEvidenceError."""
    top = json.loads(data, what="azure-tdx document", max_size=MAX_SIZE, max_depth=6)
    document = _object(top, _DOCUMENT, set(), "document")
    tpm = _object(document["tpm_attestation"], _TPM, {"ak_intermediate_certificates_pem"}, "tpm_attestation")
    quote = _object(tpm["quote"], {"signature", "message", "pcrs"}, set(), "tpm_attestation.quote")
    pcrs = quote["pcrs"]
    if not isinstance(pcrs, list) or not 0 < len(pcrs) <= 24:
        raise _malformed("its quote has not 1 to 24 PCRs", "tpm_attestation.quote.pcrs")
    values = {str(number): _numbers(value, "pcrs", 32).hex() for number, value in enumerate(pcrs)}
    parts = {
        "td_quote": _base64(document["tdx_quote_base64"], "tdx_quote_base64"),
        "hcl_report": _base64(document["hcl_report_base64"], "hcl_report_base64"),
        "quote": _numbers(quote["message"], "message"),
        "signature": _numbers(quote["signature"], "signature"),
        "pcrs": json.dumps({"sha256": values}),
        "ak_certificate": _der(tpm["ak_certificate_pem"], "ak_certificate_pem"),
    }
    if log := _numbers(tpm["event_log"] or [], "event_log"):
        parts["event_log"] = log
    chain = tpm.get("ak_intermediate_certificates_pem") or []
    if not isinstance(chain, list) or not all(isinstance(each, str) for each in chain):
        raise _malformed("its intermediate certificates are not a list of texts", "tpm_attestation")
    if chain:
        parts["chain"] = "\n".join(map(str, chain)).encode()
    info = _numbers(tpm["instance_info"] or [], "instance_info")
    return Evidence("azure-vtpm", parts, {"instance_info": info} if info else {})


def _leading_type(body: bytes) -> str | None:
    return next(
        (name for name in TYPES if body[: len(name) + 1] == bytes([len(name) << 2]) + name.encode()), None
    )


def _second(body: bytes) -> Evidence:
    reader = Reader(body, what=_WHAT)
    reader.take(1)
    quote, name = reader.octets(), reader.text()
    memory, disks = reader.number(8), reader.number(4)
    acpi = reader.choice(("none", "some")) == "some"
    digests = {each: reader.take(48).hex() for each in _DIGESTS} if acpi else None
    reader.end()
    return _evidence(
        name, quote, {"attestation_type": name, "ram_bytes": str(memory), "num_disks": disks, "acpi": digests}
    )


def _from_json(data: bytes) -> Evidence:
    value = json.loads(data, what=_WHAT, max_size=MAX_SIZE, max_depth=6)
    inner = _object(value, {"attestation_evidence"}, set(), _WHAT)["attestation_evidence"]
    if inner is None:
        raise _malformed("it says that there is no attestation", "attestation_evidence")
    found = _object(inner, {"quote", "platform"}, set(), "attestation_evidence")
    keys = {"attestation_type", "ram_bytes", "num_disks", "acpi"}
    platform = _object(found["platform"], keys, set(), "platform")
    name, digests = platform["attestation_type"], platform["acpi"]
    if not isinstance(name, str):
        raise _malformed("its attestation type is not text", "platform.attestation_type")
    if type(platform["ram_bytes"]) is not int or type(platform["num_disks"]) is not int:
        raise _malformed("ram_bytes and num_disks are not integers", "platform")
    if digests is not None:
        for each, text in _object(digests, set(_DIGESTS), set(), "platform.acpi").items():
            if not isinstance(text, str):
                raise _malformed(f"{each} is not hex", f"platform.acpi.{each}")
            hex_codec.decode(text, what=f"platform.acpi.{each}", size=48)
    quote = _numbers(found["quote"], "attestation_evidence.quote")
    return _evidence(name, quote, {**platform, "ram_bytes": str(platform["ram_bytes"])})


def _evidence(name: str, quote: bytes, platform: Mapping[str, json.Encodable]) -> Evidence:
    beside = {"platform": json.dumps(platform)} if platform else {}
    if name == AZURE:
        found = azure(quote)
        return Evidence(found.tee, found.parts, {**found.endorsements, **beside})
    if name not in TDX:
        raise _malformed(
            f"the attestation type {name[:32]!r} is none of {', '.join(TYPES)}", "attestation type"
        )
    return Evidence("intel-tdx", {"quote": quote}, beside)


def _object(
    value: json.JsonValue, keys: set[str], optional: set[str], where: str
) -> Mapping[str, json.JsonValue]:
    if not isinstance(value, dict) or not keys <= value.keys() <= keys | optional:
        raise _malformed(f"{where} is not an object of {', '.join(sorted(keys))}", where)
    return value


def _numbers(value: json.JsonValue, where: str, size: int | None = None) -> bytes:
    """Bytes as Rust's serde writes them in JSON."""
    if not isinstance(value, list) or size not in (None, len(value)):
        raise _malformed(f"{where} is not a list of {size or 'its'} bytes", where)
    try:
        return bytes(item if type(item) is int else 256 for item in value)
    except ValueError:
        raise _malformed(f"{where} is not a list of bytes", where) from None


def _base64(value: json.JsonValue, where: str) -> bytes:
    """With the letters of either alphabet, and padding or none."""
    if not isinstance(value, str):
        raise _malformed(f"{where} is not text", where)
    text = value.strip().rstrip("=").translate(_URL_SAFE)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise _malformed(f"{where} is not base64", where) from None


def _der(value: json.JsonValue, where: str) -> bytes:
    """The certificate in PEM."""
    if not isinstance(value, str):
        raise _malformed(f"{where} is not text", where)
    text = value.strip()
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    if not text.startswith(begin) or not text.endswith(end) or text.count("-----BEGIN") != 1:
        raise _malformed(f"{where} is not one certificate in PEM", where)
    return _base64("".join(text[len(begin) : -len(end)].split()), where)


def _malformed(message: str, where: str) -> MalformedEvidenceError:
    return MalformedEvidenceError(f"{_WHAT}: {message}", where=where, source=SOURCE)
