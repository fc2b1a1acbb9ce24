# SPDX-License-Identifier: Apache-2.0
"""Typed fields out of CBOR maps, by number; what nobody asked for is listed, not forgotten."""

from __future__ import annotations

from datetime import UTC, datetime

from ttee.codec.cbor_tags import Tagged, TaggedValue
from ttee.errors import MalformedEvidenceError

SOURCE = "draft-ietf-rats-corim"
URI, EPOCH, UUID, OID = 32, 1, 37, 111
MAX_ITEMS = 4096


def malformed(message: str, where: str) -> MalformedEvidenceError:
    """An error about one place of a CoRIM."""
    return MalformedEvidenceError(
        f"CoRIM, {where}: {message}"[:400],
        where=where,
        hint="ask its maker for a sound one; --show prints what can be read",
        source=SOURCE,
    )


class Fields:
    """One map. Readers raise MalformedEvidenceError with the path."""

    def __init__(self, value: TaggedValue, where: str, unread: list[str]) -> None:
        """`unread` collects what is left when `done` is called."""
        if not isinstance(value, dict):
            raise malformed("it is not a map", where)
        self._left, self._unread, self.where = dict(value), unread, where

    def __contains__(self, key: int) -> bool:
        return key in self._left

    def take(self, key: int, name: str) -> TaggedValue:
        """A value that must be there."""
        if key not in self._left:
            raise malformed(f"{name} ({key}) is missing", self.where)
        return self._left.pop(key)

    def get(self, key: int) -> TaggedValue:
        """A value of any kind; None if it is not there."""
        return self._left.pop(key, None)

    def items(self, key: int, name: str) -> list[TaggedValue]:
        """A list with something in it; empty if it is not there."""
        if key not in self._left:
            return []
        return listed(self._left.pop(key), f"{self.where}, {name}")

    def text(self, key: int, name: str) -> str | None:
        """Text, or none."""
        value = self.get(key)
        if value is not None and not isinstance(value, str):
            raise malformed(f"{name} is not text", self.where)
        return value

    def done(self) -> None:
        """List what nobody asked for."""
        for key in self._left:
            name = str(key) if isinstance(key, int) else ascii(key)[1:-1][:32]
            self._unread.append(f"{self.where}: {name}")


def listed(value: TaggedValue, where: str, *, size: int | None = None) -> list[TaggedValue]:
    """A list of at least one, or of `size`. Raises MalformedEvidenceError."""
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_ITEMS or size not in (None, len(value)):
        raise malformed(f"it is not a list of {size or 'at least one'}", where)
    return value


def untagged(value: TaggedValue, tag: int, where: str) -> TaggedValue:
    """What stands under that tag."""
    if not isinstance(value, Tagged) or value.tag != tag:
        raise malformed(f"it has not the tag {tag}", where)
    return value.value


def moment(value: TaggedValue, where: str) -> datetime:
    """A time in seconds since 1970, with its tag or without."""
    seconds = value.value if isinstance(value, Tagged) and value.tag == EPOCH else value
    if type(seconds) is not int or not 0 <= seconds < 1 << 37:
        raise malformed("it is not a time in seconds", where)
    return datetime.fromtimestamp(seconds, UTC)


def identifier(value: TaggedValue, where: str) -> str:
    """Text, a URI, a UUID or an OID, in words."""
    if isinstance(value, Tagged) and value.tag == URI and isinstance(value.value, str):
        return value.value
    if isinstance(value, Tagged) and value.tag == OID and isinstance(value.value, bytes) and value.value:
        return dotted(value.value, where)
    plain = value.value if isinstance(value, Tagged) and value.tag == UUID else value
    if isinstance(plain, bytes) and len(plain) == 16:
        return plain.hex()
    if isinstance(value, str) and value:
        return value
    raise malformed("it is neither text, URI, UUID nor OID", where)


def dotted(data: bytes, where: str) -> str:
    """An OID's contents (X.690, section 8.19) in the usual form."""
    arcs, value = [], 0
    for byte in data:
        value = value << 7 | byte & 0x7F
        if value.bit_length() > 128:
            raise malformed("an OID with an arc of more than 128 bits", where)
        if not byte & 0x80:
            arcs.append(value)
            value = 0
    if data[-1] & 0x80:
        raise malformed("an OID that is cut short", where)
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, [first, arcs[0] - 40 * first, *arcs[1:]]))
