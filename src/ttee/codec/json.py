# SPDX-License-Identifier: Apache-2.0
"""Strict JSON in (RFC 8259, I-JSON of RFC 7493), canonical JSON out (RFC 8785).

In: UTF-8 without a byte order mark, no duplicate keys, no NaN or infinity, no lone surrogates, bounded size
and depth.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, NoReturn, TypeAlias

import rfc8785

from ttee.codec.cursor import require_size
from ttee.errors import MalformedEvidenceError, TteeError

JsonValue: TypeAlias = bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"] | None
"""What `loads` returns."""

Encodable: TypeAlias = bool | int | float | str | Sequence["Encodable"] | Mapping[str, "Encodable"] | None
"""What `dumps` takes."""

SOURCE = "RFC 8259; RFC 7493"
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_BRACKETS = bytes(set(range(256)) - _STEP.keys())
_UNSEEN = re.compile("[\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
_SAFE = 2**53 - 1  # RFC 7493, section 2.2: larger integers are not the same everywhere


MAX_TOKENS = 1_000_000
"""Quotes, commas and opening brackets: some seconds of work for Python's reader, and far more than we are sent."""


class _RefusedError(ValueError):
    """A rule of ours that Python's reader does not have."""


def dumps(value: Encodable) -> bytes:
    """Canonical JSON (RFC 8785). Raises ValueError for what JSON does not have, integers beyond 2^53 - 1."""
    return rfc8785.dumps(_plain(value))


def pretty(value: Encodable) -> str:
    """The same value for people: two spaces, keys as given, no needless escapes, one newline at the end.

    What would steer a terminal, or reorder its text, is escaped.
    """
    return _visible(json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False))


def line(value: Encodable) -> str:
    """The same in one line, of which many make a file (JSON Lines)."""
    return _visible(json.dumps(_plain(value), separators=(",", ":"), ensure_ascii=False, allow_nan=False))


def loads(
    data: bytes,
    *,
    what: str,
    max_size: int,
    max_depth: int = 16,
    error: type[TteeError] = MalformedEvidenceError,
) -> JsonValue:
    """The value of `data`. Raises `error` with line and column, or the first byte that is not UTF-8."""
    require_size(data, what, max_size, error)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise error(f"{what} is not UTF-8", where=f"{what}, byte {problem.start}", source=SOURCE) from None
    if text.startswith("\ufeff"):
        raise error(f"{what} begins with a byte order mark (BOM)", where=f"{what}, byte 0", source=SOURCE)
    if len(text) > MAX_TOKENS and sum(map(text.count, '",[{')) > MAX_TOKENS:
        raise error(f"{what} has more than {MAX_TOKENS} quotes, commas and brackets", where=what)
    _bound_depth(text, what, max_depth, error)
    try:
        value: JsonValue = _READER.decode(text)
    except json.JSONDecodeError as problem:
        raise error(
            f"{what} is not JSON: {problem.msg}",
            where=f"{what}, line {problem.lineno}, column {problem.colno}",
            source=SOURCE,
        ) from None
    except _RefusedError as problem:
        raise error(f"{what}: {problem}", where=what, source=SOURCE) from None
    if "\\u" in text:
        _no_lone_surrogates(value, what, error)
    return value


def _bound_depth(text: str, what: str, max_depth: int, error: type[TteeError]) -> None:
    """Refuse deep nesting before the recursive reader sees it."""
    # What stands outside of strings, without looking at each character: escapes first, so that quotes are ends.
    outside = text.encode().replace(rb"\\", b"").replace(rb"\"", b"").split(b'"')[::2]
    brackets = b"".join(outside).translate(None, _NO_BRACKETS)
    if max(accumulate(map(_STEP.__getitem__, brackets)), default=0) <= max_depth:
        return
    depth = 0
    for token in _STRING_OR_BRACKET.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth > max_depth:
            raise error(
                f"{what} is nested deeper than {max_depth} levels",
                where=f"{what}, character {token.start()}",
                source=SOURCE,
            )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _RefusedError(f"the key {json.dumps(key[:64])} stands there twice")
            seen.add(key)
    return result


def _no_constant(name: str) -> NoReturn:
    raise _RefusedError(f"{name} is not a JSON number")


def _integer(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > _SAFE:
        raise _RefusedError(f"an integer beyond 2^53 - 1 ({digits[:20]})")
    return int(digits)


def _number(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise _RefusedError(f"a number that is too large ({digits[:20]})")
    return value


_READER = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_no_constant, parse_int=_integer, parse_float=_number
)


def _no_lone_surrogates(value: JsonValue, what: str, error: type[TteeError]) -> None:
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise error(f"{what} has half of a surrogate pair", where=what, source=SOURCE) from None
    elif isinstance(value, list):
        for item in value:
            _no_lone_surrogates(item, what, error)
    elif isinstance(value, dict):
        for key, item in value.items():
            _no_lone_surrogates(key, what, error)
            _no_lone_surrogates(item, what, error)


def _visible(text: str) -> str:
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"


_LEAVES = frozenset({str, int, bool, float, type(None)})


def _plain(value: Encodable) -> Any:
    """Tuples and read-only mappings as the lists and dicts that the writers know."""
    if type(value) in _LEAVES:
        return value
    if isinstance(value, (dict, Mapping)):  # dict alone is quickly told
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, Sequence)) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value
