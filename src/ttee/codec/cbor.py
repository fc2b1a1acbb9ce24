# SPDX-License-Identifier: Apache-2.0
"""Deterministic CBOR (RFC 8949, section 4.2.1): one value, one encoding, in both directions.

The data model is small on purpose: booleans, 64-bit integers, text, bytes, arrays, and maps with text keys.
For such maps "shorter first, then bytewise" and the bytewise order of section 4.2.1 are the same order.
cbor2 reads leniently (trailing bytes, long integers, any key order), so `loads` encodes again and compares.

`MapShape` reads the same in a third less time, where the keys and kinds of a map are known beforehand.

`loads_vendor` reads what makers of TEEs write: null and integer keys as well, and keys in any order.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn, TypeAlias, TypeGuard

import cbor2

from ttee.codec.cursor import require_size
from ttee.errors import MalformedEvidenceError, TteeError

CborValue: TypeAlias = bool | int | str | bytes | list["CborValue"] | dict[str, "CborValue"]
"""What `loads` returns."""

Encodable: TypeAlias = bool | int | str | bytes | Sequence["Encodable"] | Mapping[str, "Encodable"]
"""What `dumps` takes: tuples and read-only mappings are welcome."""

VendorValue: TypeAlias = (
    bool | int | str | bytes | list["VendorValue"] | dict[int | str, "VendorValue"] | None
)
"""What `loads_vendor` returns."""

SOURCE = "RFC 8949, section 4.2.1"
VENDOR_SOURCE = "RFC 8949, section 4.1"
_LIMIT = 1 << 64
_ANY_DEPTH = 64
_LEAVES = frozenset({bool, str, bytes})
_BYTES = frozenset({bytes})
_VENDOR_LEAVES = frozenset({bool, int, str, bytes, type(None)})
_VENDOR_KEYS = frozenset({int, str})
_KINDS = "booleans, 64-bit integers, text, bytes, arrays, and maps with text keys"


def _refuse_tag(*_: object) -> NoReturn:
    raise ValueError("tags are not allowed")


# Every tag cbor2 knows by itself; some would run a regular expression or a MIME parser on hostile bytes.
_TIME_AND_NUMBERS = (*range(6), 30, 100, 1004, 43000)
_REFERENCES = (25, 28, 29, 256)
_OBJECTS = (35, 36, 37, 52, 54, 258, 260, 261, 55799)
_STRICT: dict[str, Any] = {
    "allow_indefinite": False,
    "allow_duplicate_keys": False,
    "semantic_decoders": dict.fromkeys(_TIME_AND_NUMBERS + _REFERENCES + _OBJECTS, _refuse_tag),
    "tag_hook": _refuse_tag,
}
_VENDOR = _STRICT | {"allow_indefinite": True}


def dumps(value: Encodable) -> bytes:
    """The one encoding of `value`. Raises ValueError for what is outside the data model."""
    if _is_canonical(value):
        return cbor2.dumps(value)
    problem = _outside_model(value)
    if problem is not None:
        raise ValueError(f"CBOR here has {_KINDS}; {problem}")
    return cbor2.dumps(value, canonical=True)


def loads(
    data: bytes,
    *,
    what: str,
    max_size: int,
    max_depth: int = 16,
    error: type[TteeError] = MalformedEvidenceError,
) -> CborValue:
    """The value of `data`, which must be exactly one deterministic CBOR item of at most `max_size` bytes.

    Raises `error` with the byte offset: truncated or trailing bytes, indefinite lengths, tags, floats, null,
    duplicate or unordered keys, integers longer than they need be, nesting deeper than `max_depth`.
    """
    require_size(data, what, max_size, error)
    try:
        value: CborValue = cbor2.loads(data, max_depth=max_depth, **_STRICT)
    except cbor2.CBORDecodeError as problem:
        raise error(
            f"{what} is not CBOR as we allow it: {_reason(problem)}",
            where=f"{what}, byte {_stopped_at(data, max_depth, _STRICT)}",
            source=SOURCE,
        ) from None
    if _is_canonical(value) and cbor2.dumps(value) == data:
        return value
    outside = _outside_model(value)
    if outside is not None:
        raise error(f"{what} may hold {_KINDS}; {outside}", where=what, source=SOURCE)
    canonical = cbor2.dumps(value, canonical=True)
    at = _first_difference(canonical, data)
    trailing = f"has {len(data) - at} bytes after its end"
    raise error(
        f"{what} {trailing if at == len(canonical) else 'is not deterministic CBOR'}",
        where=f"{what}, byte {at}",
        source=SOURCE,
    )


class MapShape:
    """A map of known keys and kinds: its keys in canonical order, and in its arrays byte strings alone.

    Holding a value against it takes a few comparisons, where `loads` looks at every key and item by itself.
    """

    __slots__ = ("_arrays", "_keys", "_kinds", "_source")

    def __init__(
        self, kinds: Mapping[str, type[bool | int | str | bytes | list[bytes]]], source: str
    ) -> None:
        """`source` is the specification that says so. Raises ValueError for keys in another order."""
        if not _is_canonical(dict.fromkeys(kinds, 0)):
            raise ValueError("the keys of a shape stand in canonical order")
        self._keys = tuple(kinds)
        self._kinds = tuple(kinds.values())
        self._arrays = tuple(key for key, kind in kinds.items() if kind is list)
        self._source = source

    def loads(self, data: bytes, *, what: str, max_size: int) -> dict[str, Any]:
        """The map in exactly these bytes. Raises MalformedEvidenceError as `cbor.loads` does, and for another shape."""
        try:
            value = cbor2.loads(data, max_depth=2, **_STRICT) if len(data) <= max_size else None
        except cbor2.CBORDecodeError:
            value = None
        # What fits is in the data model, with its keys in order: so cbor2's plain output is the canonical one.
        if self._fits(value) and cbor2.dumps(value) == data:
            return value
        found = loads(data, what=what, max_size=max_size, max_depth=2)
        wanted = ", ".join(
            f"{key}: {kind.__name__}" for key, kind in zip(self._keys, self._kinds, strict=True)
        )
        raise MalformedEvidenceError(
            f"the {what} must be a map with exactly these keys and kinds, and byte strings in a list: {wanted}",
            where=what,
            hint=f"what came has {_described(found)}",
            source=self._source,
        )

    def _fits(self, value: object) -> TypeGuard[dict[str, Any]]:
        return (
            type(value) is dict
            and tuple(value) == self._keys
            and tuple(map(type, value.values())) == self._kinds
            and all(_BYTES.issuperset(map(type, value[key])) for key in self._arrays)
        )


def loads_vendor(
    data: bytes,
    *,
    what: str,
    max_size: int,
    max_depth: int = 8,
    shortest: bool = True,
    error: type[TteeError] = MalformedEvidenceError,
) -> VendorValue:
    """The value of exactly one CBOR item as vendors write it, of at most `max_size` bytes.

    Beyond `loads`: null, integer keys, keys in any order, and an outermost map of indefinite length (AWS).
    Still refused with `error`: trailing bytes, tags, floats, duplicate keys, and items longer than they need be.
    Without `shortest` the last are let through, for what is signed as it stands: it takes half the time.
    """
    require_size(data, what, max_size, error)
    stream = io.BytesIO(data)
    try:
        value: VendorValue = cbor2.CBORDecoder(stream, max_depth=max_depth, **_VENDOR).decode()
    except cbor2.CBORDecodeError as problem:
        raise error(
            f"{what} is not CBOR as we allow it: {_reason(problem)}",
            where=f"{what}, byte {_stopped_at(data, max_depth, _VENDOR)}",
            source=VENDOR_SOURCE,
        ) from None
    if (end := stream.tell()) != len(data):
        raise error(
            f"{what} has {len(data) - end} bytes after its end",
            where=f"{what}, byte {end}",
            source=VENDOR_SOURCE,
        )
    if not _is_vendor(value):
        raise error(
            f"{what} may hold {_KINDS} or integer keys, and null; it holds something else",
            where=what,
            source=VENDOR_SOURCE,
        )
    if shortest and (at := _longer_at(value, data)) is not None:
        raise error(
            f"{what} has an item that is not in its shortest form",
            where=f"{what}, byte {at}",
            source=VENDOR_SOURCE,
        )
    return value


def _longer_at(value: VendorValue, data: bytes) -> int | None:
    """Where `data` differs from the shortest form of `value`; None if nowhere."""
    form = cbor2.dumps(value)
    if data[:1] == b"\xbf" and isinstance(value, dict):
        form = b"".join((b"\xbf", form[_head_size(len(value)) :], b"\xff"))
    return None if form == data else _first_difference(form, data)


def dumps_vendor(value: VendorValue) -> bytes:
    """An encoding of `value` that `loads_vendor` reads: keys in the order given. Raises ValueError."""
    try:
        data = cbor2.dumps(value)
        loads_vendor(data, what="it", max_size=len(data), max_depth=_ANY_DEPTH)
    except (cbor2.CBOREncodeError, MalformedEvidenceError) as problem:
        raise ValueError(f"CBOR here has {_KINDS} or integer keys, and null: {problem}") from None
    return data


def tag_head(tag: int) -> bytes:
    """The bytes that stand before a tagged item (RFC 8949, section 3.4), for those who peel or add a tag."""
    return cbor2.dumps(cbor2.CBORTag(tag, 0))[:-1]


def short_bytes(data: bytes, at: int) -> tuple[bytes, int] | None:
    """The byte string at `at` and where it ends, if it is there, whole, in its shortest form and below 64 KiB.

    For those who read a message by its heads alone; None, right or wrong, for `loads_vendor` to look at.
    """
    head = data[at : at + 3]
    size = head[0] - 0x40 if head else -1
    if 0 <= size < 24:
        at += 1
    elif head[:1] == b"\x58" and len(head) > 1 and (size := head[1]) >= 24:
        at += 2
    elif head[:1] == b"\x59" and len(head) > 2 and (size := head[1] << 8 | head[2]) > 0xFF:
        at += 3
    else:
        return None
    end = at + size
    return (data[at:end], end) if end <= len(data) else None


def _head_size(length: int) -> int:
    """How many bytes say "a map of so many entries" (RFC 8949, section 3)."""
    return 1 + (length > 23) + (length > 0xFF) + 2 * (length > 0xFFFF)


def _is_vendor(value: object) -> bool:
    """Whether `value` is in the vendors' data model, but for the size of integers. Kinds are compared in bulk."""
    if isinstance(value, dict):
        if not _VENDOR_KEYS.issuperset(map(type, value)):
            return False
        value = value.values()
    elif type(value) is not list:
        return type(value) in _VENDOR_LEAVES
    if _VENDOR_LEAVES.issuperset(map(type, value)):
        return True
    return all(_is_vendor(item) for item in value if type(item) not in _VENDOR_LEAVES)


def _is_canonical(value: object) -> bool:
    """Whether `value` is in the data model and its keys are in order: then cbor2's plain output is canonical.

    This is the fast path; whatever it does not know is looked at again, and named, by `_outside_model`.
    """
    kind = type(value)
    if kind in _LEAVES:
        return True
    if kind is int:
        return -_LIMIT <= value < _LIMIT  # type: ignore[operator]  # mypy does not narrow by type()
    if kind is list:
        return all(type(item) in _LEAVES or _is_canonical(item) for item in value)  # type: ignore[attr-defined]
    if kind is not dict:
        return False
    size, before = -1, b""
    for key, item in value.items():  # type: ignore[attr-defined]
        if type(key) is not str:
            return False
        encoded = key.encode()
        if len(encoded) < size or (len(encoded) == size and encoded <= before):
            return False
        if type(item) not in _LEAVES and not _is_canonical(item):
            return False
        size, before = len(encoded), encoded
    return True


def _outside_model(value: object, path: str = "") -> str | None:
    """Say which part of `value` the data model does not have; None when it has all."""
    if isinstance(value, bool | str | bytes):
        return None
    if isinstance(value, int):
        # RFC 8949, section 3.1: major types 0 and 1; larger ones would be tagged.
        return None if -_LIMIT <= value < _LIMIT else f"{path or 'it'} is a larger integer"
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            if problem := _outside_model(item, f"{path}[{index}]"):
                return problem
        return None
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                return f"{path or 'it'} has a key that is not text"
            if problem := _outside_model(item, f"{path}.{key[:64]}"):
                return problem
        return None
    return f"{path or 'it'} is of another kind ({type(value).__name__})"


def _described(value: CborValue) -> str:
    """The keys and kinds of a map, for a message."""
    if not isinstance(value, dict):
        return "no map at all"
    some = list(value.items())[:16]
    return ", ".join(f"{key[:32]}: {type(item).__name__}" for key, item in some) or "nothing"


def _stopped_at(data: bytes, max_depth: int, options: dict[str, Any]) -> int:
    """The offset at which decoding stops: read again, byte by byte; slow, and only done on failure."""
    stream = io.BytesIO(data)
    with suppress(cbor2.CBORDecodeError):
        cbor2.CBORDecoder(stream, read_size=1, max_depth=max_depth, **options).decode()
    return stream.tell()


def _reason(problem: cbor2.CBORDecodeError) -> str:
    if isinstance(problem, cbor2.CBORDecodeEOF):
        return "it is cut short"
    text = str(problem)
    return "it has a tag" if "semantic tag" in text else text


def _first_difference(one: bytes, other: bytes) -> int:
    shorter = min(len(one), len(other))
    return next((i for i in range(shorter) if one[i] != other[i]), shorter)
