# SPDX-License-Identifier: Apache-2.0
"""Evidence files (docs/spec/evidence.md): what kind of evidence some bytes are, and their envelope.

Recognising is not believing: nothing is checked here but the form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from os import PathLike
from pathlib import Path

from ttee import formats
from ttee.codec import base64url, json
from ttee.errors import MalformedEvidenceError, UsageError
from ttee.model import Evidence
from ttee.tee import TEES, all_tees, beside

SCHEMA = "ttee.evidence/1"
SOURCE = "docs/spec/evidence.md"
MAX_SIZE = 16 * 1024 * 1024
MAX_PARTS = 64
_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,63}")


def load_evidence(path: str | PathLike[str]) -> Evidence:
    """Read an evidence file or raw vendor blob. Raises UsageError (no such file), MalformedEvidenceError."""
    try:
        with Path(path).open("rb") as file:
            return recognise(file.read(MAX_SIZE + 1))
    except OSError as problem:
        raise UsageError(f"cannot read evidence: {problem.strerror}", where=str(path)) from None


def recognise(data: bytes) -> Evidence:
    """The evidence in `data`: our envelope, a raw blob that one of the TEEs knows, or a format of others.

    Raises MalformedEvidenceError, also for what no TEE here knows.
    """
    if len(data) > MAX_SIZE:
        raise MalformedEvidenceError(
            f"evidence of more than {MAX_SIZE} bytes is not read", where=f"byte {MAX_SIZE}", source=SOURCE
        )
    if not data:
        raise MalformedEvidenceError("the evidence is empty", where="byte 0", hint="get it again")
    if (envelope := _envelope(data)) is not None:
        return from_envelope(envelope)
    for tee in all_tees():
        if (evidence := tee.wrap(data)) is not None:
            return evidence
    if (evidence := formats.unwrap(data)) is not None:
        return evidence
    if (other := beside.known(data)) is not None:
        kind, step = other
        raise MalformedEvidenceError(
            f"this is {kind}, and no evidence", where="byte 0", hint=step, source=SOURCE
        )
    raise MalformedEvidenceError(
        f"{len(data)} bytes that are no evidence of any TEE known here ({', '.join(TEES)})",
        where="byte 0",
        hint=f"evidence files say {SCHEMA!r} in their key `schema`; of a raw blob, --tee names the TEE, and what is "
        "wrong with it shows",
        source=SOURCE,
    )


def from_envelope(value: dict[str, json.JsonValue]) -> Evidence:
    """The evidence in our envelope, an object that was read already. Raises MalformedEvidenceError."""
    if value.get("schema") != SCHEMA:
        raise _malformed(f"its schema is not {SCHEMA!r}", "schema")
    wrong = value.keys() ^ {"schema", "tee", "parts", "endorsements"}
    if wrong:
        key = min(wrong)
        raise _malformed(f"the key {key[:64]!r} is {'unknown' if key in value else 'missing'}", key[:64])
    tee = value["tee"]
    if not isinstance(tee, str) or tee not in TEES:
        raise _malformed(f"its TEE is none of {', '.join(TEES)}", "tee")
    return Evidence(tee, _parts(value["parts"], "parts"), _parts(value["endorsements"], "endorsements"))


def dump_evidence(evidence: Evidence) -> bytes:
    """The evidence file of `evidence`: JSON, keys in the order of the specification, a newline at the end."""
    return json.pretty(
        {
            "schema": SCHEMA,
            "tee": evidence.tee,
            "parts": {name: base64url.encode(part) for name, part in evidence.parts.items()},
            "endorsements": {name: base64url.encode(part) for name, part in evidence.endorsements.items()},
        }
    ).encode()


def _envelope(data: bytes) -> dict[str, json.JsonValue] | None:
    """The object in `data` if it claims to be ours. Other JSON may be a vendor's; broken JSON is nobody's."""
    if not data.lstrip(b" \t\r\n").startswith(b"{"):
        return None
    value = json.loads(data, what="evidence file", max_size=MAX_SIZE)
    return value if isinstance(value, dict) and "schema" in value else None


def _parts(value: json.JsonValue, where: str) -> Mapping[str, bytes]:
    if not isinstance(value, dict):
        raise _malformed(f"`{where}` is not an object", where)
    if len(value) > MAX_PARTS:
        raise _malformed(f"`{where}` has {len(value)} entries; at most {MAX_PARTS} are allowed", where)
    parts = {}
    for name, text in value.items():
        if not _NAME.fullmatch(name):
            raise _malformed(f"{name[:64]!r} is not a name that a part can have", where)
        if not isinstance(text, str):
            raise _malformed(f"`{name}` is not a base64url text", f"{where}.{name}")
        parts[name] = base64url.decode(text, what=f"{where}.{name}")
    return parts


def _malformed(message: str, where: str) -> MalformedEvidenceError:
    return MalformedEvidenceError(f"evidence file: {message}", where=where, source=SOURCE)
