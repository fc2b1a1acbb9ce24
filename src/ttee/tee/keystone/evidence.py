# SPDX-License-Identifier: Apache-2.0
"""A Keystone report: 1352 bytes, or Keystone's JSON form, to and from one typed structure. No cryptography.

    offset  size  field               source: keystone:sdk/include/verifier/Report.hpp, sm/src/enclave.h
         0    64  enclave.hash        SHA3-512 measurement of the enclave
        64     8  enclave.data_len    u64, little endian, at most 1024
        72  1024  enclave.data        only the first data_len bytes are signed
      1096    64  enclave.signature   monitor key, over bytes 0 .. 72 + data_len
      1160    64  sm.hash             SHA3-512 of the monitor
      1224    32  sm.public_key       the monitor's key, made for this monitor by this device
      1256    64  sm.signature        device key, over bytes 1160 .. 1256
      1320    32  dev_public_key      informational: never an anchor

The layout has no magic, version or length. What is not signed is kept as it came: `slack`, `device_key`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from attrs import frozen

from ttee.codec import hex, json  # noqa: A004 (the module's name)
from ttee.errors import MalformedEvidenceError
from ttee.model import ClaimValue, Evidence

if TYPE_CHECKING:
    from collections.abc import Mapping

SIZE = 1352
MAX_DATA = 1024
SOURCE = "keystone:sdk/include/verifier/Report.hpp"
JSON_SOURCE = "keystone:sdk/src/verifier/Report.cpp (fromJson)"
MAX_JSON = 16 * 1024

DATA_LEN = slice(64, 72)
DATA = 72
ENCLAVE_SIGNATURE = slice(1096, 1160)
SM = slice(1160, 1256)
SM_HASH = slice(1160, 1224)
SM_PUBLIC_KEY = slice(1224, 1256)
SM_SIGNATURE = slice(1256, 1320)
DEVICE_KEY = slice(1320, 1352)

_T = TypeVar("_T", str, int, dict[str, json.JsonValue])


@frozen(slots=True)
class Report:
    """The fields of a report, as bytes; `slack` is what stands behind the signed part of `data`."""

    enclave_hash: bytes
    data: bytes
    slack: bytes
    enclave_signature: bytes
    sm_hash: bytes
    sm_public_key: bytes
    sm_signature: bytes
    device_key: bytes

    @property
    def enclave_signed(self) -> bytes:
        """What `enclave_signature` covers: hash, length and data."""
        return self.enclave_hash + len(self.data).to_bytes(8, "little") + self.data

    @property
    def sm_signed(self) -> bytes:
        """What `sm_signature` covers."""
        return self.sm_hash + self.sm_public_key


def check_size(data: bytes) -> None:
    """Return if there are exactly 1352 bytes; else raise MalformedEvidenceError."""
    if len(data) != SIZE:
        at = min(len(data), SIZE)
        raise MalformedEvidenceError(
            f"a Keystone report has {SIZE} bytes, this one has {len(data)}",
            where=f"report, byte {at}",
            hint="copy the file again, in binary, from where it was made",
            source=SOURCE,
        )


def parse(data: bytes) -> Report:
    """The report in exactly 1352 bytes. Raises MalformedEvidenceError: another size, data_len above 1024."""
    check_size(data)
    data_len = int.from_bytes(data[DATA_LEN], "little")
    _bound(data_len, "report, byte 64 (enclave.data_len)")
    return Report(
        enclave_hash=data[:64],
        data=data[DATA : DATA + data_len],
        slack=data[DATA + data_len : ENCLAVE_SIGNATURE.start],
        enclave_signature=data[ENCLAVE_SIGNATURE],
        sm_hash=data[SM_HASH],
        sm_public_key=data[SM_PUBLIC_KEY],
        sm_signature=data[SM_SIGNATURE],
        device_key=data[DEVICE_KEY],
    )


def encode(report: Report) -> bytes:
    """The 1352 bytes of `report`; `slack` shorter than its place is filled with zeros."""
    body = report.enclave_signed + report.slack
    return (
        body.ljust(ENCLAVE_SIGNATURE.start, b"\0")
        + report.enclave_signature
        + report.sm_signed
        + report.sm_signature
        + report.device_key
    )


def from_json(data: bytes) -> Report:
    """The report in Keystone's JSON form. Raises MalformedEvidenceError.

    Unlike Keystone's reader: every field must be there and have its size, and there are no others.
    """
    top = _object(json.loads(data, what="report", max_size=MAX_JSON, max_depth=3), "report")
    _exactly(top, "report", "device_pubkey", "enclave", "security_monitor")
    monitor = _field(top, "report", "security_monitor", dict)
    _exactly(monitor, "security_monitor", "hash", "pubkey", "signature")
    enclave = _field(top, "report", "enclave", dict)
    _exactly(enclave, "enclave", "data", "datalen", "hash", "signature")
    data_len = _field(enclave, "enclave", "datalen", int)
    _bound(data_len, "report, enclave.datalen")
    return Report(
        enclave_hash=_hex(enclave, "enclave", "hash", 64),
        data=_hex(enclave, "enclave", "data", data_len),
        slack=bytes(MAX_DATA - data_len),
        enclave_signature=_hex(enclave, "enclave", "signature", 64),
        sm_hash=_hex(monitor, "security_monitor", "hash", 64),
        sm_public_key=_hex(monitor, "security_monitor", "pubkey", 32),
        sm_signature=_hex(monitor, "security_monitor", "signature", 64),
        device_key=_hex(top, "report", "device_pubkey", 32),
    )


def to_json(report: Report) -> bytes:
    """Keystone's JSON form, as its own `stringfy` writes it. `slack` has no place in it."""
    return json.dumps(
        {
            "device_pubkey": report.device_key.hex(),
            "enclave": {
                "data": report.data.hex(),
                "datalen": len(report.data),
                "hash": report.enclave_hash.hex(),
                "signature": report.enclave_signature.hex(),
            },
            "security_monitor": {
                "hash": report.sm_hash.hex(),
                "pubkey": report.sm_public_key.hex(),
                "signature": report.sm_signature.hex(),
            },
        }
    )


def wrap(data: bytes) -> Evidence | None:
    """Evidence out of a raw report, in bytes or in Keystone's JSON form; None for anything else.

    Raises MalformedEvidenceError for what is clearly meant as the JSON form, and is not well formed.
    """
    if len(data) == SIZE:
        return Evidence("keystone", {"report": data})
    if b'"security_monitor"' in data[:MAX_JSON]:
        return Evidence("keystone", {"report": encode(from_json(data))})
    return None


def describe(evidence: Evidence) -> Mapping[str, ClaimValue]:
    """Every field of the report, UNVERIFIED. Raises MalformedEvidenceError."""
    report = parse(evidence.parts.get("report", b""))
    return {
        "enclave_hash": report.enclave_hash,
        "data": report.data,
        "enclave_signature": report.enclave_signature,
        "monitor_hash": report.sm_hash,
        "monitor_key": report.sm_public_key,
        "monitor_signature": report.sm_signature,
        "device_key": report.device_key,
        "unsigned_bytes_behind_data": report.slack.rstrip(b"\0"),
    }


def _bound(data_len: int, where: str) -> None:
    if not 0 <= data_len <= MAX_DATA:
        raise MalformedEvidenceError(
            f"the report says that it carries {data_len} bytes of data; there is room for {MAX_DATA}",
            where=where,
            source=SOURCE,
        )


def _object(value: json.JsonValue, what: str) -> dict[str, json.JsonValue]:
    if not isinstance(value, dict):
        raise MalformedEvidenceError(f"{what} is not a JSON object", where=what, source=JSON_SOURCE)
    return value


def _exactly(value: dict[str, json.JsonValue], what: str, *names: str) -> None:
    if value.keys() != set(names):
        raise MalformedEvidenceError(
            f"{what} must have exactly {', '.join(names)}; it has {', '.join(sorted(value)) or 'nothing'}"[
                :400
            ],
            where=what,
            source=JSON_SOURCE,
        )


def _field(value: dict[str, json.JsonValue], what: str, name: str, kind: type[_T]) -> _T:
    item = value[name]
    if not isinstance(item, kind) or isinstance(item, bool):
        raise MalformedEvidenceError(
            f"{what}.{name} is of the wrong kind", where=f"report, {what}.{name}", source=JSON_SOURCE
        )
    return item


def _hex(value: dict[str, json.JsonValue], what: str, name: str, size: int) -> bytes:
    return hex.decode(_field(value, what, name, str), what=f"report, {what}.{name}", size=size)
