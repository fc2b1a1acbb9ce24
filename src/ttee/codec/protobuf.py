# SPDX-License-Identifier: Apache-2.0
"""Protocol Buffers on the wire, strictly: messages of which we know the fields, without a compiler.

    message    fields, one behind the other: a tag (field << 3 | wire type), then a value
    value      0: a varint;  1: 8 bytes;  2: a varint of bytes, then these;  5: 4 bytes
    varint     7 bits to a byte, the lowest first; the shortest form only

What Protocol Buffers shrug at is refused: groups, numbers in longer forms, a second value where one belongs.
Source: protobuf.dev, programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from attrs import frozen

from ttee.errors import MalformedEvidenceError, TteeError

SOURCE = "protobuf.dev, programming-guides/encoding"
MAX_FIELDS = 4096
MAX_NUMBER = (1 << 29) - 1
VARINT, I64, LEN, I32 = 0, 1, 2, 5
_FIXED = {I64: 8, I32: 4}


class Value(NamedTuple):
    """A value as it is on the wire. `number` is that of a varint, else 0; `data` the bytes of all others."""

    wire: int
    number: int
    data: bytes
    at: int
    """Where it begins in its message."""


@frozen(slots=True)
class Message:
    """Fields by their numbers, in the order of the wire."""

    fields: Mapping[int, tuple[Value, ...]]
    what: str
    error: type[TteeError]

    def number(self, field: int) -> int:
        """The number in a field; 0 if it is not there, which means the same. Raises `error`."""
        value = self._one(field, VARINT)
        return 0 if value is None else value.number

    def octets(self, field: int) -> bytes:
        """The bytes, text or message in a field; empty if it is not there, which means the same. Raises `error`."""
        value = self._one(field, LEN)
        return b"" if value is None else value.data

    def every(self, field: int) -> tuple[bytes, ...]:
        """Those of a field that is there as often as it likes. Raises `error`."""
        return tuple(self._of(value, field, LEN).data for value in self.fields.get(field, ()))

    def message(self, data: bytes, what: str) -> Message:
        """A message in `data`, which is within this one. Raises `error`."""
        return parse(data, what=f"{self.what}, {what}", error=self.error)

    def _one(self, field: int, wire: int) -> Value | None:
        values = self.fields.get(field, ())
        if len(values) > 1:
            raise _malformed(
                f"field {field} is there {len(values)} times", self.what, values[1].at, self.error
            )
        return self._of(values[0], field, wire) if values else None

    def _of(self, value: Value, field: int, wire: int) -> Value:
        if value.wire != wire:
            raise _malformed(
                f"field {field} is of wire type {value.wire}, and not {wire}", self.what, value.at, self.error
            )
        return value


def parse(data: bytes, *, what: str, error: type[TteeError] = MalformedEvidenceError) -> Message:
    """The message in `data`, all of it. `what` names it in errors. Raises `error` with the offset."""
    found: dict[int, list[Value]] = {}
    at = count = 0
    while at < len(data):
        begin = at
        tag, at = _varint(data, at, what, error)
        field, wire = tag >> 3, tag & 7
        if not 0 < field <= MAX_NUMBER or count >= MAX_FIELDS:
            raise _malformed(
                f"field {field} is none, or there are more than {MAX_FIELDS}", what, begin, error
            )
        number, size = 0, _FIXED.get(wire, 0)
        if wire in (VARINT, LEN):
            number, at = _varint(data, at, what, error)
            if wire == LEN:
                number, size = 0, number
        elif not size:
            raise _malformed(f"field {field} is of wire type {wire}, which is not read", what, begin, error)
        if size > len(data) - at:
            raise _malformed(
                f"field {field} has {size} bytes, and {len(data) - at} are left", what, begin, error
            )
        found.setdefault(field, []).append(Value(wire, number, data[at : at + size], begin))
        at += size
        count += 1
    return Message({field: tuple(values) for field, values in found.items()}, what, error)


def _varint(data: bytes, at: int, what: str, error: type[TteeError]) -> tuple[int, int]:
    """The number that begins at `at`, of at most 64 bits, and where it ends."""
    value = 0
    for index, byte in enumerate(data[at : at + 10]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            if value >> 64 or (index and not byte):
                break
            return value, at + index + 1
    raise _malformed(
        "a number is cut short, of more than 64 bits, or not in its shortest form", what, at, error
    )


def _malformed(message: str, what: str, at: int, error: type[TteeError]) -> TteeError:
    return error(f"{what}: {message}", where=f"{what}, byte {at}", source=SOURCE)


def field(number: int, value: int | bytes) -> bytes:
    """A field on the wire: a number as varint, bytes with their length."""
    if isinstance(value, int):
        return _number(number << 3 | VARINT) + _number(value)
    return _number(number << 3 | LEN) + _number(len(value)) + value


def _number(value: int) -> bytes:
    """The shortest form of a number of up to 64 bits."""
    if not 0 <= value < 1 << 64:
        raise ValueError("a number here has at most 64 bits")
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
