# SPDX-License-Identifier: Apache-2.0
"""TOML 1.0 for files that people write, with the line of every key, so that an error can name the place."""

from __future__ import annotations

import re
import tomllib
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from ttee.errors import TteeError

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEY = r"""(?:[A-Za-z0-9_-]+|"[^"\\]*"|'[^']*')"""
_PATH = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_TABLE = re.compile(rf"\s*\[\[?\s*({_PATH})\s*\]")
_ASSIGNMENT = re.compile(rf"\s*({_PATH})\s*=")
_NOT_IN_KEYS = re.compile(r"[^\w\"'. \t-]")
MAX_PARTS = 64
"""Parts of one dotted key, and more than any of ours has."""
_AT_LINE = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)


@frozen(slots=True)
class Document:
    """A parsed file: its values, and where each key stands."""

    name: str
    values: Mapping[str, Any]
    _lines: Mapping[tuple[str, ...], int] = field(repr=False)

    def where(self, *path: str) -> str:
        """`file:line` of the key at `path`, or of the nearest table around it that the file has."""
        for length in range(len(path), 0, -1):
            line = self._lines.get(path[:length])
            if line is not None:
                return f"{self.name}:{line}"
        return self.name


def loads(data: bytes, *, name: str, max_size: int, error: type[TteeError]) -> Document:
    """The document in `data`; `name` is the file's, for messages. Raises `error`, with the line."""
    if len(data) > max_size:
        raise error(f"the file has {len(data)} bytes; at most {max_size} are allowed", where=name)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise error("the file is not UTF-8", where=f"{name}:{line}") from None
    if deep := deep_line(text):
        raise error(f"a key of more than {MAX_PARTS} parts", where=f"{name}:{deep}")
    try:
        values = tomllib.loads(text)
    except RecursionError:
        raise error("the file is nested too deeply", where=name) from None
    except ValueError as problem:  # TOMLDecodeError, or what int() says about thousands of digits
        message, place = str(problem), name
        if found := _AT_LINE.fullmatch(message):
            message = found[1]
            place = f"{name}:{found[2] or text.rstrip().count(chr(10)) + 1}"
        raise error(f"not TOML: {message}", where=place) from None
    return Document(name, MappingProxyType(values), _lines_of(text))


def deep_line(text: str) -> int | None:
    """The first line with what may be a key of too many parts: tomllib's memory grows with their square."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") < MAX_PARTS or line.lstrip().startswith("#"):
            continue
        if any(part.count(".") >= MAX_PARTS for part in _NOT_IN_KEYS.split(line)):
            return number
    return None


def _lines_of(text: str) -> dict[tuple[str, ...], int]:
    """The line of each table and key. Read line by line: a key inside a multi-line string may mislead it."""
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.split("\n"), 1):
        if found := _TABLE.match(line):
            table = _parts(found[1])
            lines.setdefault(table, number)
        elif found := _ASSIGNMENT.match(line):
            lines.setdefault(table + _parts(found[1]), number)
    return lines


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(_KEY, path))
