# SPDX-License-Identifier: Apache-2.0
"""CBOR with tags (RFC 8949), strictly, as CoRIM has it: definite lengths, shortest forms, each key once, no fractions.

    values   booleans, null, 64-bit integers, bytes, text, arrays, maps with integer and text keys, tagged values

cbor2 gives some tags a meaning of its own, and arrays inside of tags another type; so these heads are read here.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from ttee.codec.cursor import Cursor, require_size
from ttee.errors import MalformedEvidenceError, TteeError

SOURCE = "RFC 8949, section 3"
_SIMPLE = {0xF4: False, 0xF5: True, 0xF6: None}
_TEXT, _ARRAY, _MAP, _TAG = 3, 4, 5, 6


class Tagged(NamedTuple):
    """A value with a tag: what kind of thing it is."""

    tag: int
    value: TaggedValue


TaggedValue: TypeAlias = (
    "bool | int | str | bytes | list[TaggedValue] | dict[int | str, TaggedValue] | Tagged | None"
)


def loads(
    data: bytes,
    *,
    what: str,
    max_size: int,
    max_depth: int = 24,
    error: type[TteeError] = MalformedEvidenceError,
) -> TaggedValue:
    """The value of `data`, which must be exactly one item of `max_size` bytes at most. Raises `error`."""
    require_size(data, what, max_size, error)
    reader = _Reader(data, what, error)
    value = reader.value(max_depth)
    reader.end()
    return value


class _Reader(Cursor):
    """One pass over the bytes."""

    format, source = "CBOR", SOURCE

    def value(self, depth: int) -> TaggedValue:
        if depth == 0:
            raise self.malformed("it is nested too deeply")
        head = self.take(1)[0]
        if head >= 0xE0:
            if head not in _SIMPLE:
                raise self.malformed("a fraction, or a simple value other than true, false and null")
            return _SIMPLE[head]
        major, number = head >> 5, self._number(head & 0x1F)
        if major < 2:
            return -1 - number if major else number
        if major <= _TEXT:
            return self.take(number) if major < _TEXT else self.text(number)
        if major == _TAG:
            return Tagged(number, self.value(depth - 1))
        self.require_room(number)
        if major == _ARRAY:
            return [self.value(depth - 1) for _ in range(number)]
        return self._map(number, depth - 1)

    def _map(self, size: int, depth: int) -> dict[int | str, TaggedValue]:
        found: dict[int | str, TaggedValue] = {}
        for _ in range(size):
            key = self.value(1 if depth else 0)
            if type(key) is not int and not isinstance(key, str):
                raise self.malformed("a key that is neither an integer nor text")
            if key in found:
                raise self.malformed(f"the key {str(key)[:64]!r} stands there twice")
            found[key] = self.value(depth)
        return found

    def _number(self, info: int) -> int:
        """What stands in a head, or behind it."""
        if info < 24:
            return info
        if info > 27:
            raise self.malformed("an item of indefinite length")
        size = 1 << info - 24
        value = int.from_bytes(self.take(size))
        if value < (24 if size == 1 else 1 << 4 * size):
            raise self.malformed("an item that is not in its shortest form")
        return value


def dumps(value: TaggedValue) -> bytes:
    """The shortest encoding of `value`, keys in the order given. Raises ValueError for integers beyond 64 bits."""
    if value is None or isinstance(value, bool):
        return b"\xf6" if value is None else b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        text = value.encode()
        return _head(_TEXT, len(text)) + text
    if isinstance(value, Tagged):
        return _head(_TAG, value.tag) + dumps(value.value)
    if isinstance(value, dict):
        return _head(_MAP, len(value)) + b"".join(dumps(key) + dumps(item) for key, item in value.items())
    return _head(_ARRAY, len(value)) + b"".join(map(dumps, value))


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << 8 * size:
            return bytes([major << 5 | info]) + number.to_bytes(size)
    raise ValueError("integers here have at most 64 bits")
