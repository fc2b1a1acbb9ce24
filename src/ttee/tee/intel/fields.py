# SPDX-License-Identifier: Apache-2.0
"""Typed fields out of Intel's JSON; what is missing or of another type is an EndorsementError that names it.

Keys that nobody here knows are let through: Intel signs them, and adds some from time to time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

from attrs import frozen

from ttee.codec.json import JsonValue
from ttee.errors import EndorsementError

SOURCE = "Intel PCS API version 4"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_T = TypeVar("_T", str, int, list[JsonValue], dict[str, JsonValue])


@frozen(slots=True)
class Fields:
    """An object of a document; `where` is its place, for errors."""

    value: Mapping[str, JsonValue]
    where: str

    def __contains__(self, key: str) -> bool:
        return key in self.value

    def text(self, key: str) -> str:
        """A string."""
        return self._typed(key, str)

    def number(self, key: str, *, below: int) -> int:
        """An integer from 0 up to `below`, which is not included."""
        value = self._typed(key, int)
        if not 0 <= value < below:
            raise self.wrong(key, f"is not from 0 to {below - 1}")
        return value

    def octets(self, key: str, size: int) -> bytes:
        """Exactly `size` bytes in hex, of either case."""
        text = self._typed(key, str)
        try:
            value = bytes.fromhex(text)
        except ValueError:
            value = b""
        if len(value) != size or len(text) != 2 * size:
            raise self.wrong(key, f"is not {size} bytes in hex")
        return value

    def time(self, key: str) -> datetime:
        """A moment in UTC, to the second."""
        text = self._typed(key, str)
        try:
            if _TIME.fullmatch(text):
                return datetime.fromisoformat(text)
        except ValueError:
            pass
        raise self.wrong(key, "is not a moment like 2026-01-31T12:00:00Z")

    def object(self, key: str) -> Fields:
        """An object."""
        return Fields(self._typed(key, dict), f"{self.where}.{key}")

    def objects(self, key: str, *, at_most: int) -> list[Fields]:
        """A list of objects."""
        items = self._typed(key, list)
        if len(items) > at_most:
            raise self.wrong(key, f"has more than {at_most} entries")
        found = []
        for item in items:
            if not isinstance(item, dict):
                raise self.wrong(key, "is not a list of objects")
            found.append(Fields(item, f"{self.where}.{key}"))
        return found

    def svns(self, key: str, size: int) -> bytes:
        """A list of exactly `size` objects, each with its `svn`, from 0 to 255."""
        items = self._typed(key, list)
        if len(items) != size:
            raise self.wrong(key, f"has {len(items)} components instead of {size}")
        found = bytearray()
        for item in items:
            svn = item.get("svn") if isinstance(item, dict) else None
            if type(svn) is not int or not 0 <= svn < 256:
                raise self.wrong(key, "has a component without an svn from 0 to 255")
            found.append(svn)
        return bytes(found)

    def texts(self, key: str, *, at_most: int) -> tuple[str, ...]:
        """A list of strings; none if the key is missing."""
        items = self.value.get(key, [])
        if not isinstance(items, list) or len(items) > at_most:
            raise self.wrong(key, f"is not a list of up to {at_most}")
        texts = tuple(item for item in items if isinstance(item, str))
        if len(texts) != len(items):
            raise self.wrong(key, "is not a list of strings")
        return texts

    def wrong(self, key: str, problem: str) -> EndorsementError:
        """The error about one field."""
        return EndorsementError(
            f"{self.where}.{key} {problem}", where=f"{self.where}.{key}", hint="get it again", source=SOURCE
        )

    def _typed(self, key: str, kind: type[_T]) -> _T:
        value = self.value.get(key)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.wrong(key, "is missing" if key not in self.value else f"is not a {kind.__name__}")
        return value
