# SPDX-License-Identifier: Apache-2.0
"""dstack attestations (docs/spec/dstack.md): which bytes they are, and the evidence in them. Nothing is checked.

    V0    00 and SCALE: TEE and its quote, events, report data, configuration
    V1    MessagePack: {version: 1, platform: {kind, data}, stack: {kind, data}}
    JSON  {"attestation": hex}, or {"quote": hex, "event_log": JSON or hex, "report_data"?, "vm_config"?}

Evidence gets the parts of its TEE, `event_log` for TDX, and `dstack`: what the attestation says beside them.
Source: Dstack-TEE/dstack:dstack/dstack-attest/src/{attestation,v1}.rs.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping

from ttee.codec import json
from ttee.errors import MalformedEvidenceError
from ttee.formats import dstack_v0, dstack_v1
from ttee.formats.dstack_statement import Attestation, Statement
from ttee.model import Evidence

SOURCE = "Dstack-TEE/dstack:dstack/dstack-attest"
MAX_SIZE = 10 << 20
V0, V1 = b"\x00", (0x82, 0x83, 0x84)
"""First bytes: of SCALE's first version; of small maps."""
_JSON_KEYS = {"quote", "event_log", "report_data", "vm_config", "attestation", "hash_algorithm", "prefix"}


def unwrap(data: bytes) -> Evidence | None:
    """The evidence in a dstack attestation, in any of its forms; None for anything else.

    Raises MalformedEvidenceError for what begins as one and is none.
    """
    if data[:1] == V0 and len(data) > 2 and data[1] < len(dstack_v0.VARIANTS) and data[2]:
        return dstack_v0.parse(data, MAX_SIZE).evidence()
    if data[:1] and data[0] in V1 and b"\xa8platform" in data[:64]:
        return dstack_v1.parse(data, MAX_SIZE).evidence()
    if data.lstrip(b" \t\r\n").startswith(b"{") and b'"schema"' not in data[:256]:
        return _from_json(data)
    return None


def _from_json(data: bytes) -> Evidence | None:
    """What dstack's guest agent answers, and its verifier takes."""
    if not (b'"attestation"' in data or (b'"quote"' in data and b'"event_log"' in data)):
        return None
    value = json.loads(data, what="dstack quote", max_size=2 * MAX_SIZE)
    if not isinstance(value, dict):
        return None
    if unknown := value.keys() - _JSON_KEYS:
        raise _malformed(f"the key {min(unknown)[:64]!r} is unknown", min(unknown)[:64])
    inner = value.get("attestation")
    if isinstance(inner, str) and inner:
        found = unwrap(_hex(inner, "attestation"))
        if found is None:
            raise _malformed("its attestation is of no version that is known here", "attestation")
        return _agreeing(found, value)
    return Attestation(
        "intel-tdx",
        {"quote": _hex(_text(value, "quote"), "quote"), "event_log": _event_log(_text(value, "event_log"))},
        Statement(
            report_data=_hex(text, "report_data") if (text := _text(value, "report_data", "")) else None,
            config=_text(value, "vm_config", ""),
        ),
    ).evidence()


def _agreeing(found: Evidence, value: Mapping[str, json.JsonValue]) -> Evidence:
    """An attestation beside other fields, which must then say the same."""
    for key in ("quote", "report_data"):
        text = value.get(key)
        if not text:
            continue
        said = _hex(_text(value, key), key)
        inside = (
            found.parts.get("quote") if key == "quote" else Statement.read(found.parts["dstack"]).report_data
        )
        if said != inside:
            raise _malformed(f"its {key} is not that of the attestation beside it", key)
    if value.get("event_log"):
        raise _malformed(
            "it has an attestation, and an event log beside it: give one of the two", "event_log"
        )
    return found


def _event_log(text: str) -> bytes:
    """JSON, or hex of it."""
    return text.encode() if text.lstrip()[:1] == "[" else _hex(text, "event_log")


def _text(value: Mapping[str, json.JsonValue], key: str, default: str | None = None) -> str:
    text = value.get(key, default)
    if not isinstance(text, str):
        raise _malformed(f"its {key} is not text", key)
    return text


def _hex(text: str, where: str) -> bytes:
    try:
        return binascii.unhexlify(text.removeprefix("0x").encode("ascii", "replace"))
    except binascii.Error:
        raise _malformed(f"its {where} is not hex", where) from None


def _malformed(message: str, where: str) -> MalformedEvidenceError:
    return MalformedEvidenceError(f"dstack quote: {message}", where=where, source=SOURCE)
