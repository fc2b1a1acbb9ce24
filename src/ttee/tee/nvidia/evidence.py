# SPDX-License-Identifier: Apache-2.0
"""What an NVIDIA GPU or NVSwitch signs: an SPDM 1.1 measurement exchange, to and from typed structures. No crypto.

Sources: DMTF DSP0274 1.1, section 10.11; NVIDIA/attestation-sdk, nv-attestation-sdk-cpp/src/spdm. All little-endian.

    request     11 E0 01 FF, nonce 32, slot                                          37 bytes
    response    11 60 param1 param2, number of blocks, record length u24
                blocks: index, 01, size u16, value type, value size u16, value
                nonce of the device 32, opaque length u16
                opaque fields: type u16, size u16, value
                signature r || s over all of the above                               96 bytes
"""

from __future__ import annotations

import binascii
import struct
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from attrs import frozen

from ttee.codec import json
from ttee.errors import MalformedEvidenceError
from ttee.model import ClaimValue, Evidence

NAME = "nvidia-gpu"
SOURCE = "DMTF DSP0274 1.1, section 10.11"
MAX_SIZE = 64 * 1024
MAX_JSON = 2 * 1024 * 1024
MAX_DEVICES = 16
NONCE, SIGNATURE = 32, 96
REQUEST = 37
_REQUEST_HEAD, _RESPONSE_HEAD = b"\x11\xe0\x01\xff", b"\x11\x60"
_DMTF = 1

DRIVER, VBIOS, NVDEC0, BOARD, CHIP_SKU, PROJECT, PROJECT_SKU, FWID = 3, 6, 11, 14, 15, 17, 18, 20
PROTECTED_PCIE, PDI, POSITION, LOCKED, GPU_PDIS, FEATURES = 21, 22, 24, 25, 26, 36
"""Types of opaque fields. `PDI` is a GPU's list of switches, or a switch's own."""
_STATES = {b"\xaa": "enabled", b"\x55": "disabled"}
_PDI_SIZE = 8


@frozen(slots=True)
class Report:
    """One exchange: what was asked, what the device answered."""

    request: bytes
    header: bytes
    """The first four bytes of the response."""
    measurements: Mapping[int, bytes]
    """By index from 0, as RIMs count: SPDM's index less 1."""
    device_nonce: bytes
    opaque: Mapping[int, bytes]
    signature: bytes

    @property
    def nonce(self) -> bytes:
        """What the verifier asked for."""
        return self.request[4:36]

    @property
    def is_switch(self) -> bool:
        """Whether this is an NVSwitch: only those list GPUs."""
        return GPU_PDIS in self.opaque

    @property
    def driver(self) -> str | None:
        """The driver's version: `550.90.07`. A switch has none."""
        return text(self.opaque.get(DRIVER))

    @property
    def vbios(self) -> str | None:
        """The VBIOS's version, as RIMs spell it: `96.00.9F.00.01`."""
        value = self.opaque.get(VBIOS)
        if value is None or len(value) != 8 or self.is_switch:
            return text(value)
        return ".".join(f"{byte:02X}" for byte in (*value[3::-1], value[4]))


def signed(data: bytes) -> bytes:
    """What the signature of an exchange covers."""
    return data[:-SIGNATURE]


def parse(data: bytes, what: str = "report") -> Report:
    """The exchange that `data` is, to its last byte. Raises MalformedEvidenceError."""
    if not REQUEST + 8 + NONCE + 2 + SIGNATURE <= len(data) <= MAX_SIZE:
        raise _malformed(what, f"it has {len(data)} bytes", 0)
    if not data.startswith(_REQUEST_HEAD):
        raise _malformed(
            what, f"it does not begin with {_REQUEST_HEAD.hex()}, a request for all measurements", 0
        )
    if data[REQUEST : REQUEST + 2] != _RESPONSE_HEAD:
        raise _malformed(what, f"its response does not begin with {_RESPONSE_HEAD.hex()}", REQUEST)
    count, size = data[REQUEST + 4], int.from_bytes(data[REQUEST + 5 : REQUEST + 8], "little")
    begin = REQUEST + 8
    after = begin + size
    if after + NONCE + 2 > len(data):
        raise _malformed(what, f"a record of {size} bytes reaches beyond its end", REQUEST + 5)
    opaque_size = int.from_bytes(data[after + NONCE : after + NONCE + 2], "little")
    at = after + NONCE + 2
    if at + opaque_size + SIGNATURE != len(data):
        raise _malformed(
            what,
            f"opaque data of {opaque_size} bytes and a signature of {SIGNATURE} do not end where it ends",
            after + NONCE,
        )
    return Report(
        request=data[:REQUEST],
        header=data[REQUEST : REQUEST + 4],
        measurements=MappingProxyType(_measurements(data, begin, after, count, what)),
        device_nonce=data[after : after + NONCE],
        opaque=MappingProxyType(_opaque(data, at, at + opaque_size, what)),
        signature=data[-SIGNATURE:],
    )


def _measurements(data: bytes, at: int, end: int, count: int, what: str) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for _ in range(count):
        if at + 7 > end:
            raise _malformed(what, "a measurement reaches beyond the record", at)
        index, specification, size, _kind, value_size = struct.unpack_from("<BBHBH", data, at)
        if specification != _DMTF or size != value_size + 3 or at + 4 + size > end:
            raise _malformed(what, f"the measurement {index} has lengths that contradict each other", at)
        if index == 0 or index - 1 in found:
            raise _malformed(what, f"the measurement {index} is there twice, or is none", at)
        found[index - 1] = data[at + 7 : at + 4 + size]
        at += 4 + size
    if at != end or not found:
        raise _malformed(what, f"the record does not hold {count} measurements and nothing else", at)
    return found


def _opaque(data: bytes, at: int, end: int, what: str) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while at < end:
        kind, size = struct.unpack_from("<HH", data, at) if at + 4 <= end else (0, end)
        if at + 4 + size > end:
            raise _malformed(what, "an opaque field reaches beyond the opaque data", at)
        if kind in found:
            raise _malformed(what, f"the opaque field {kind} is there twice", at)
        found[kind] = data[at + 4 : at + 4 + size]
        at += 4 + size
    return found


def encode(report: Report) -> bytes:
    """The bytes of `report`, which `parse` reads."""
    record = b"".join(
        struct.pack("<BBHBH", index + 1, _DMTF, len(value) + 3, 1, len(value)) + value
        for index, value in report.measurements.items()
    )
    opaque = b"".join(struct.pack("<HH", kind, len(value)) + value for kind, value in report.opaque.items())
    return b"".join(
        (
            report.request,
            report.header,
            bytes([len(report.measurements)]),
            len(record).to_bytes(3, "little"),
            record,
            report.device_nonce,
            len(opaque).to_bytes(2, "little"),
            opaque,
            report.signature,
        )
    )


def devices(parts: Mapping[str, bytes]) -> tuple[tuple[bytes, bytes], ...]:
    """Report and chain of each device: parts `report` and `chain`, `report.2` and `chain.2`, and so on.

    Raises MalformedEvidenceError: none, too many, a number left out, other parts.
    """
    count = len(parts) // 2
    names = ["", *(f".{number}" for number in range(2, count + 1))]
    expected = {f"{part}{name}" for name in names for part in ("report", "chain")}
    if parts.keys() != expected or not 1 <= count <= MAX_DEVICES:
        raise MalformedEvidenceError(
            f"{NAME} evidence is report and chain, report.2 and chain.2, up to {MAX_DEVICES} devices; "
            f"not {', '.join(parts) or 'nothing'}"[:300],
            where="parts",
            source="docs/spec/evidence.md",
        )
    return tuple((parts[f"report{name}"], parts[f"chain{name}"]) for name in names)


def pack(found: Sequence[tuple[bytes, bytes]]) -> Evidence:
    """The evidence of these devices, which `devices` takes apart."""
    parts: dict[str, bytes] = {}
    for number, (report, chain) in enumerate(found, 1):
        suffix = "" if number == 1 else f".{number}"
        parts |= {f"report{suffix}": report, f"chain{suffix}": chain}
    return Evidence(NAME, parts)


def wrap(data: bytes) -> Evidence | None:
    """Evidence out of the JSON that NVIDIA's tools write: [{"arch", "nonce", "evidence", "certificate"}, …]."""
    if data[:4096].lstrip()[:1] != b"[" or len(data) > MAX_JSON or b'"certificate"' not in data:
        return None
    try:
        value = json.loads(data, what="evidence", max_size=MAX_JSON, max_depth=4)
        entries = value if isinstance(value, list) else []
        found = [tuple(_entry(entry)) for entry in entries]
    except (MalformedEvidenceError, KeyError, binascii.Error, ValueError):
        return None
    return pack([(report, chain) for report, chain in found]) if 1 <= len(found) <= MAX_DEVICES else None


def _entry(entry: json.JsonValue) -> Iterator[bytes]:
    if not isinstance(entry, dict):
        raise ValueError("not an object")  # noqa: TRY004 (caught above)
    for key in ("evidence", "certificate"):
        text = entry[key]
        if not isinstance(text, str):
            raise ValueError("not text")  # noqa: TRY004 (caught above)
        yield b64decode(text, validate=True)


def describe(evidence: Evidence) -> Mapping[str, ClaimValue]:
    """Every field, UNVERIFIED; those of further devices with `device_2_` and so on before their names.

    Raises MalformedEvidenceError.
    """
    found: dict[str, ClaimValue] = {}
    for number, (report, _) in enumerate(devices(evidence.parts), 1):
        prefix = "" if number == 1 else f"device_{number}_"
        fields = _described(parse(report, "report" if number == 1 else f"report.{number}"))
        found |= {f"{prefix}{name}": value for name, value in fields.items()}
    return found


def _described(report: Report) -> dict[str, ClaimValue]:
    named: dict[str, ClaimValue] = {
        f"measurement_{index}": value for index, value in report.measurements.items()
    }
    return {
        "nonce": report.nonce,
        **details(report),
        **named,
        **{f"opaque_{kind}": value for kind, value in report.opaque.items()},
        "device_nonce": report.device_nonce,
        "signature": report.signature,
    }


def details(report: Report) -> dict[str, ClaimValue]:
    """What only NVIDIA says, by the names that policies use."""
    opaque = report.opaque
    return {
        "kind": "switch" if report.is_switch else "gpu",
        "driver_version": report.driver,
        "vbios_version": report.vbios,
        "firmware_id": opaque.get(FWID),
        "project": text(opaque.get(PROJECT)),
        "project_sku": text(opaque.get(PROJECT_SKU)),
        "chip_sku": text(opaque.get(CHIP_SKU)),
        "nvdec0": _STATES.get(opaque.get(NVDEC0, b"")),
        "protected_pcie": _STATES.get(opaque.get(PROTECTED_PCIE, b"")),
        "feature_flags": opaque.get(FEATURES),
        "switch_locked": opaque.get(LOCKED) if report.is_switch else None,
        "pdi": opaque.get(PDI) if report.is_switch else None,
        "switches": () if report.is_switch else pdis(opaque.get(PDI, b"")),
        "gpus": pdis(opaque.get(GPU_PDIS, b"")),
    }


def pdis(value: bytes) -> tuple[bytes, ...]:
    """The identifiers of the devices on the other side, each once, in order; a last one that is cut is left out."""
    found = {value[at : at + _PDI_SIZE] for at in range(0, len(value) - _PDI_SIZE + 1, _PDI_SIZE)}
    return tuple(sorted(found - {bytes(_PDI_SIZE)}))


def text(value: bytes | None) -> str | None:
    """A text with zeros behind it; None if there is none, or it cannot be shown."""
    if value is None:
        return None
    found = value.rstrip(b"\0").decode("ascii", "replace")
    return found if found.isprintable() and found.isascii() and found else None


def _malformed(what: str, message: str, at: int) -> MalformedEvidenceError:
    return MalformedEvidenceError(f"{what}: {message}", where=f"{what}, byte {at}", source=SOURCE)
