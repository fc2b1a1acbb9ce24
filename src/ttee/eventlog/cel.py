# SPDX-License-Identifier: Apache-2.0
"""The Canonical Event Log in its TLV form, as Confidential Space and others write it.

    record   number (type 0, u64) ‖ PCR (1, u8) or measurement register (108, u8) ‖ digests (3) ‖ content (any)
    TLV      type u8 ‖ length u32 ‖ value, big endian; digests are TLVs whose type is a TPM_ALG_ID

Source: TCG Canonical Event Log Format 1.0, section 5.1; google/go-tpm-tools:cel.
"""

from __future__ import annotations

from struct import Struct
from struct import error as StructError  # noqa: N812

from ttee.errors import BindingError, MalformedEvidenceError
from ttee.eventlog.event import ALGORITHMS, SIZES, Event, Log, Registers, bounded, hasher

SOURCE = "TCG Canonical Event Log Format 1.0, section 5"
TLV = "CEL"
"""The name of this form."""
MAX_EVENTS = 1 << 16
NUMBER, PCR, DIGESTS, MR = 0, 1, 3, 108
COS = 80
"""Content of Google's Container-Optimized OS: a TLV of its own inside."""
COS_NAMES = (
    "image-reference",
    "image-digest",
    "restart-policy",
    "image-id",
    "argument",
    "environment",
    "override-argument",
    "override-environment",
    "launch-separator",
    "memory-monitor",
    "gpu-cc-mode",
    "gpu-attestation-binding",
)
_TLV = Struct(">BI")


def parse(data: bytes, *, what: str = "canonical event log") -> Log:
    """The log in `data`: records numbered from 0 without a gap, all of one set of algorithms and kind of register.

    Raises MalformedEvidenceError; BindingError for content of a known type that is not what was extended. The digests
    of content of unknown types are extended like any other.
    """
    bounded(data, what)
    events: list[Event] = []
    algorithms: tuple[int, ...] = ()
    kind = -1
    at = 0
    while at < len(data):
        where = f"{what}, byte {at}"
        number, at = _field(data, at, NUMBER, 8, what)
        if int.from_bytes(number) != len(events):
            raise _malformed(f"record {int.from_bytes(number)} stands where {len(events)} belongs", where)
        register_kind, register, at = _tlv(data, at, len(data), what)
        if register_kind not in (PCR, MR) or len(register) != 1 or kind not in (-1, register_kind):
            raise _malformed("a record is of no register, or of another kind than those before it", where)
        kind = register_kind
        listed, at = _field(data, at, DIGESTS, None, what)
        digests = _digests(listed, where)
        algorithms = algorithms or tuple(digests)
        if digests.keys() != set(algorithms):
            raise _malformed("a record has digests of other algorithms than the first one", where)
        begin = at
        content_kind, content, at = _tlv(data, at, len(data), what)
        label, content = _content(content_kind, content, data[begin:at], digests, where)
        if len(events) >= MAX_EVENTS or register[0] > (23 if kind == PCR else 4):
            raise _malformed("it has too many records, or one of a register that no machine has", where)
        events.append(
            Event(
                len(events), register[0], content_kind, tuple(digests[a] for a in algorithms), content, label
            )
        )
    registers = Registers.PCR if kind == PCR else Registers.MR
    return Log(TLV, registers, tuple(ALGORITHMS[each] for each in algorithms), tuple(events))


def _tlv(data: bytes, at: int, end: int, what: str) -> tuple[int, bytes, int]:
    try:
        kind, size = _TLV.unpack_from(data, at)
    except StructError:
        raise _malformed("it ends inside a field", f"{what}, byte {at}") from None
    if size > end - at - _TLV.size:
        raise _malformed(f"a field of {size} bytes reaches beyond its end", f"{what}, byte {at}")
    begin = at + _TLV.size
    return kind, data[begin : begin + size], begin + size


def _field(data: bytes, at: int, kind: int, size: int | None, what: str) -> tuple[bytes, int]:
    found, value, end = _tlv(data, at, len(data), what)
    if found != kind or size not in (None, len(value)):
        raise _malformed(
            f"a field of type {found} with {len(value)} bytes where type {kind} belongs", f"{what}, byte {at}"
        )
    return value, end


def _digests(listed: bytes, where: str) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at < len(listed):
        algorithm, digest, at = _tlv(listed, at, len(listed), where)
        if SIZES.get(ALGORITHMS.get(algorithm, "")) != len(digest) or algorithm in found:
            raise _malformed(
                f"a digest of algorithm {algorithm:#04x} is unknown, of a wrong size, or twice there", where
            )
        found[algorithm] = digest
    if not found:
        raise _malformed("a record has no digest", where)
    return found


def _content(
    kind: int, content: bytes, whole: bytes, digests: dict[int, bytes], where: str
) -> tuple[str, bytes]:
    """The event's name and data; of a known type, they must be what was extended."""
    if kind != COS:
        return f"content of type {kind}", content
    inner, value, end = _tlv(content, 0, len(content), where)
    if end != len(content):
        raise _malformed("bytes behind the content of a record", where)
    for algorithm, digest in digests.items():
        if hasher(ALGORITHMS[algorithm])(whole).digest() != digest:
            raise BindingError(
                f"the content of a record is not what was extended ({ALGORITHMS[algorithm]})",
                where=where,
                source=SOURCE,
            )
    return (COS_NAMES[inner] if inner < len(COS_NAMES) else f"COS event {inner}"), value


def _malformed(message: str, where: str) -> MalformedEvidenceError:
    return MalformedEvidenceError(
        f"the canonical event log cannot be read: {message}", where=where, source=SOURCE
    )
