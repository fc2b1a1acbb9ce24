# SPDX-License-Identifier: Apache-2.0
"""Strict DER (X.690, section 10): one value, one encoding. Read by shape, without recursion.

    tag, content = der.only(data, der.SEQUENCE)           # exactly one element
    for tag, start, content, end in der.elements(...)     # what is inside

Refused: indefinite and needlessly long lengths, high tag numbers, bytes behind the end, long integers, booleans
other than 00 and FF, bit strings with spare bits where bytes are meant. Every reader raises DerError, which
callers turn into an error of their own with `named`.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from ttee.errors import TteeError

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = "ITU-T X.690, section 10 (DER)"

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID, ENUMERATED = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0A
UTF8_STRING, PRINTABLE_STRING, UTC_TIME, GENERALIZED_TIME = 0x0C, 0x13, 0x17, 0x18
SEQUENCE, SET = 0x30, 0x31

Element = tuple[int, int, bytes, int]
"""Tag; where the element begins in the data; its content; where it ends."""


class DerError(ValueError):
    """Not DER, or not of the shape that was asked for; `at` is an offset into the data at hand."""

    def __init__(self, message: str, at: int = 0) -> None:
        """`message` completes "it cannot be read: "."""
        super().__init__(message)
        self.message = message
        self.at = at


@contextmanager
def named(what: str, error: type[TteeError]) -> Iterator[None]:
    """Turn a DerError into `error` about `what`."""
    try:
        yield
    except DerError as problem:
        raise error(
            f"{what} cannot be read: {problem.message}",
            where=f"{what}, byte {problem.at}",
            source=SOURCE,
        ) from None


def context(number: int, *, constructed: bool = True) -> int:
    """The tag `[number]` of a context: 0xA0 for an explicit [0]."""
    return (0xA0 if constructed else 0x80) | number


def elements(data: bytes, at: int = 0, end: int | None = None, *, at_most: int = 4096) -> list[Element]:
    """The elements that fill `data[at:end]`, one behind the other. Raises DerError."""
    if end is None:
        end = len(data)
    found: list[Element] = []
    while at < end:
        begin = at
        if at + 2 > end:
            raise DerError("it ends inside a tag and length", at)
        tag, size = data[at], data[at + 1]
        at += 2
        if tag & 0x1F == 0x1F:
            raise DerError("a tag number above 30", begin)
        if size >= 0x80:
            size, at = _long_size(data, at, end, size & 0x7F)
        if size > end - at:
            raise DerError(f"an element of {size} bytes reaches beyond its end", begin)
        found.append((tag, begin, data[at : at + size], at + size))
        if len(found) > at_most:
            raise DerError(f"more than {at_most} elements", begin)
        at += size
    return found


def _long_size(data: bytes, at: int, end: int, count: int) -> tuple[int, int]:
    if not 1 <= count <= 4 or at + count > end:
        raise DerError("an indefinite, cut or huge length", at - 1)
    size = int.from_bytes(data[at : at + count])
    if size < 0x80 or data[at] == 0:
        raise DerError("a length in more bytes than it needs", at - 1)
    return size, at + count


def first(data: bytes) -> Element:
    """The first element, whatever follows it. Raises DerError."""
    if len(data) < 2:
        raise DerError("it ends inside a tag and length")
    size, at = (data[1], 2) if data[1] < 0x80 else _long_size(data, 2, len(data), data[1] & 0x7F)
    return elements(data, 0, min(at + size, len(data)))[0]


def only(data: bytes, tag: int) -> bytes:
    """The content of the one element that `data` is, of that tag. Raises DerError."""
    found = elements(data, at_most=1)
    if len(found) != 1 or found[0][0] != tag:
        raise DerError(f"not one element of tag {tag:#04x}")
    return found[0][2]


def sequence(data: bytes) -> list[Element]:
    """The elements of the one SEQUENCE that `data` is. Raises DerError."""
    return elements(only(data, SEQUENCE))


def expect(element: Element, tag: int) -> bytes:
    """The content of `element`. Raises DerError if it has another tag."""
    if element[0] != tag:
        raise DerError(f"tag {element[0]:#04x} where {tag:#04x} belongs", element[1])
    return element[2]


def shape(found: list[Element], *tags: int) -> list[bytes]:
    """The contents of `found`, which are exactly of those tags in that order. Raises DerError."""
    if len(found) != len(tags):
        raise DerError(f"{len(found)} elements where {len(tags)} belong", found[0][1] if found else 0)
    return [expect(element, tag) for element, tag in zip(found, tags, strict=True)]


def integer(content: bytes) -> int:
    """The number in the content of an INTEGER or ENUMERATED. Raises DerError."""
    if not content or (len(content) > 1 and content[0] in (0, 0xFF) and (content[0] ^ content[1]) < 0x80):
        raise DerError("an integer that is empty or longer than it need be")
    return int.from_bytes(content, signed=True)


def natural(content: bytes, *, below: int) -> int:
    """The same, from 0 up to `below`, which is not included. Raises DerError."""
    value = integer(content)
    if not 0 <= value < below:
        raise DerError(f"an integer that is not from 0 to {below - 1}")
    return value


def boolean(content: bytes) -> bool:
    """The value in the content of a BOOLEAN. Raises DerError."""
    if content not in (b"\x00", b"\xff"):
        raise DerError("a boolean that is neither 00 nor FF")
    return content == b"\xff"


def bits(content: bytes) -> bytes:
    """The bytes in the content of a BIT STRING that has whole bytes. Raises DerError."""
    if not content or content[0] != 0:
        raise DerError("a bit string that is not of whole bytes")
    return content[1:]


def named_bits(content: bytes) -> frozenset[int]:
    """Which bits are set in the content of a BIT STRING of named bits. Raises DerError.

    Zeros at the end, which DER forbids (X.690, section 11.2.2), are let through: AMD's certificates have them.
    """
    if not content or content[0] > 7 or (len(content) == 1 and content[0]):
        raise DerError("a bit string that is malformed")
    value = content[1:]
    if value and value[-1] & ((1 << content[0]) - 1):
        raise DerError("a bit string with spare bits that are not zero")
    return frozenset(8 * i + bit for i, byte in enumerate(value) for bit in range(8) if byte >> (7 - bit) & 1)


@lru_cache(maxsize=512)
def oid(content: bytes) -> str:
    """The object identifier in the content of an OBJECT IDENTIFIER, with dots. Raises DerError."""
    if not 0 < len(content) <= 64 or content[-1] & 0x80:
        raise DerError("an object identifier that is empty, cut or huge")
    arcs, value, begins = [], 0, True
    for byte in content:
        if begins and byte == 0x80:
            raise DerError("an object identifier with a needlessly long arc")
        value = value << 7 | byte & 0x7F
        begins = byte < 0x80
        if begins:
            arcs.append(value)
            value = 0
    root = min(arcs[0] // 40, 2)
    return ".".join(map(str, (root, arcs[0] - 40 * root, *arcs[1:])))


def time(element: Element) -> datetime:
    """The moment in a UTCTime or GeneralizedTime, as RFC 5280, section 4.1.2.5, has them. Raises DerError."""
    tag, begin, content, _ = element
    size = {UTC_TIME: 13, GENERALIZED_TIME: 15}.get(tag)
    if len(content) != size or content[-1:] != b"Z" or not content[:-1].isdigit():
        raise DerError("a time that is not of the form YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ", begin)
    if size == 13:
        content = (b"19" if content[0] >= 0x35 else b"20") + content  # 50 to 99, and 00 to 49
    month, day, hour, minute, second = (int(content[i : i + 2]) for i in range(4, 14, 2))
    try:
        return datetime(int(content[:4]), month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise DerError("a time that does not exist", begin) from None


def encode(tag: int, *contents: bytes) -> bytes:
    """An element of that tag; its content is `contents`, joined."""
    content = b"".join(contents)
    if (size := len(content)) < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(length))) + length + content


def encode_integer(value: int, tag: int = INTEGER) -> bytes:
    """An INTEGER, or an ENUMERATED."""
    return encode(tag, value.to_bytes((value + (value < 0)).bit_length() // 8 + 1, signed=True))


def encode_oid(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER from its form with dots."""
    top, second, *rest = map(int, dotted.split("."))
    content = bytearray()
    for arc in (40 * top + second, *rest):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(arc & 0x7F | 0x80)
        content += bytes(reversed(groups))
    return encode(OID, bytes(content))
