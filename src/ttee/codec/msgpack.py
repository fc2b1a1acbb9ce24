# SPDX-License-Identifier: Apache-2.0
"""MessagePack, strictly: one value; maps with text keys, each once; nothing longer than it need be; no extensions.

Source: github.com/msgpack/msgpack, spec.md. Read here without a library: the format is a page long, and what there
is takes duplicate keys and leftovers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from ttee.codec.cursor import Cursor, require_size
from ttee.errors import MalformedEvidenceError, TteeError

Value: TypeAlias = bool | int | str | bytes | list["Value"] | dict[str, "Value"] | None
"""What `loads` returns."""
Encodable: TypeAlias = bool | int | str | bytes | Sequence["Encodable"] | Mapping[str, "Encodable"] | None

SOURCE = "MessagePack specification"
MAX_ITEMS = 1 << 20
_NIL, _FALSE, _TRUE = 0xC0, 0xC2, 0xC3
_BIN, _STR = {0xC4: 1, 0xC5: 2, 0xC6: 4}, {0xD9: 1, 0xDA: 2, 0xDB: 4}
_ARRAY, _MAP = {0xDC: 2, 0xDD: 4}, {0xDE: 2, 0xDF: 4}
_UINT, _INT = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}, {0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}


def loads(
    data: bytes,
    *,
    what: str,
    max_size: int,
    max_depth: int = 16,
    error: type[TteeError] = MalformedEvidenceError,
) -> Value:
    """The value of `data`, which must be exactly one item of at most `max_size` bytes. Raises `error`."""
    require_size(data, what, max_size, error)
    reader = _Reader(data, what, error)
    value = reader.value(max_depth)
    reader.end()
    if dumps(value) != data:
        raise error(f"{what} has items that are not in their shortest form", where=what, source=SOURCE)
    return value


class _Reader(Cursor):
    """One pass over the bytes."""

    format, source = "MessagePack", SOURCE

    def __init__(self, data: bytes, what: str, error: type[TteeError]) -> None:
        super().__init__(data, what, error)
        self._items = 0

    def value(self, depth: int) -> Value:
        self._items += 1
        if self._items > MAX_ITEMS:
            raise self.malformed(f"more than {MAX_ITEMS} items")
        head = self._number(1)
        if head < 0x80 or head >= 0xE0:
            return head if head < 0x80 else head - 0x100
        if head in _UINT or head in _INT:
            size = _UINT.get(head) or _INT[head]
            return int.from_bytes(self.take(size), signed=head in _INT)
        if head in (_NIL, _FALSE, _TRUE):
            return None if head == _NIL else head == _TRUE
        if 0xA0 <= head < 0xC0:
            return self.text(head & 0x1F)
        if head in _STR:
            return self.text(self._number(_STR[head]))
        if head in _BIN:
            return self.take(self._number(_BIN[head]))
        if depth == 0:
            raise self.malformed("it is nested too deeply")
        if head < 0x90 or head in _MAP:
            return self._map(head & 0xF if head < 0x90 else self._number(_MAP[head]), depth - 1)
        if head < 0xA0 or head in _ARRAY:
            return self._array(head & 0xF if head < 0xA0 else self._number(_ARRAY[head]), depth - 1)
        raise self.malformed(f"an item of the kind {head:#04x}: fractions and extensions are not read")

    def _array(self, size: int, depth: int) -> list[Value]:
        self.require_room(size)
        return [self.value(depth) for _ in range(size)]

    def _map(self, size: int, depth: int) -> dict[str, Value]:
        self.require_room(2 * size)
        found: dict[str, Value] = {}
        for _ in range(size):
            key = self.value(0)
            if not isinstance(key, str):
                raise self.malformed("a key that is not text")
            if key in found:
                raise self.malformed(f"the key {key[:64]!r} stands there twice")
            found[key] = self.value(depth)
        return found

    def _number(self, size: int) -> int:
        return int.from_bytes(self.take(size))


def dumps(value: Encodable) -> bytes:
    """The shortest encoding of `value`. Raises ValueError for integers of more than 64 bits."""
    if value is None or isinstance(value, bool):
        return bytes([_NIL if value is None else _TRUE if value else _FALSE])
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, str):
        text = value.encode()
        return _head(len(text), 0xA0, 32, _STR) + text
    if isinstance(value, bytes):
        return _head(len(value), 0, 0, _BIN) + value
    if isinstance(value, Mapping):
        items = (part for pair in value.items() for part in pair)
        return _head(len(value), 0x80, 16, _MAP) + b"".join(map(dumps, items))
    return _head(len(value), 0x90, 16, _ARRAY) + b"".join(map(dumps, value))


def _integer(value: int) -> bytes:
    if -32 <= value < 0x80:
        return value.to_bytes(1, "big", signed=value < 0)
    for head, size in (_UINT if value > 0 else _INT).items():
        if -(1 << 8 * size - 1) <= value < 1 << 8 * size:
            return bytes([head]) + value.to_bytes(size, "big", signed=value < 0)
    raise ValueError("integers here have at most 64 bits")


def _head(size: int, fixed: int, below: int, heads: Mapping[int, int]) -> bytes:
    if size < below:
        return bytes([fixed | size])
    head, length = next((head, length) for head, length in heads.items() if size < 1 << 8 * length)
    return bytes([head]) + size.to_bytes(length)
