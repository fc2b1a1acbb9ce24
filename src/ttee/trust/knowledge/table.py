# SPDX-License-Identifier: Apache-2.0
"""Tables of a TOML document, read strictly: every key known, every error with its line and the nearest valid name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NoReturn

from attrs import frozen

from ttee.codec.toml import Document
from ttee.errors import TteeError
from ttee.trust.knowledge.nearest import nearest

SOURCE = "docs/spec/trust.md"
MAX_TEXT = 1000
MAX_ITEMS = 500
_ID = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")


@frozen(slots=True)
class Table:
    """One table, where it stands, and which error its mistakes are."""

    document: Document
    values: Mapping[str, Any]
    path: tuple[str, ...]
    error: type[TteeError]

    def fail(self, message: str, *path: str) -> NoReturn:
        """Raises the error, at the line of the key `path` below this table."""
        raise self.error(message, where=self.document.where(*self.path, *path), source=SOURCE)

    def known(self, *keys: str) -> None:
        """Refuses any other key."""
        for key in self.values:
            if key not in keys:
                self.fail(f"{key[:64]!r} is not a key here{_meant(key, keys)}", key)

    def at(self, key: str) -> Table:
        """The table under `key`; an empty one if there is none."""
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            self.fail(f"{key} is a table", key)
        return Table(self.document, value, (*self.path, key), self.error)

    def each(self, key: str) -> Iterator[tuple[str, Table]]:
        """The named tables under `key`: [key.NAME]."""
        tables = self.at(key)
        if len(tables.values) > MAX_ITEMS:
            self.fail(f"{key} has more than {MAX_ITEMS} entries", key)
        for name in tables.values:
            if not _ID.fullmatch(name):
                tables.fail(f"{name[:64]!r} is not a name: a-z, 0-9, '-' and '_', at most 64", name)
            yield name, tables.at(name)

    def rows(self, key: str) -> list[Table]:
        """The tables of a list: [[key]]."""
        rows = self.list(key)
        if not all(isinstance(row, dict) for row in rows):
            self.fail(f"{key} is a list of tables", key)
        return [Table(self.document, row, (*self.path, key), self.error) for row in rows]

    def list(self, key: str) -> list[Any]:
        """A list of at most `MAX_ITEMS`; empty if it is left out."""
        value = self.values.get(key, [])
        if not isinstance(value, list) or len(value) > MAX_ITEMS:
            self.fail(f"{key} is a list of at most {MAX_ITEMS}", key)
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """Printable text of 1 to `MAX_TEXT` characters; required where there is no default."""
        value = self.values.get(key, default)
        if value is None:
            self.fail(f"{key} is missing", key)
        if not isinstance(value, str) or len(value) > MAX_TEXT or not value.isprintable():
            self.fail(f"{key} is printable text of at most {MAX_TEXT} characters", key)
        if not value and default != "":
            self.fail(f"{key} is empty", key)
        return value

    def id(self, key: str, default: str | None = None) -> str:
        """A name: a-z, 0-9, '-' and '_'."""
        value = self.text(key, default)
        if not _ID.fullmatch(value):
            self.fail(f"{key} is a name: a-z, 0-9, '-' and '_', at most 64 characters", key)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of text, nothing twice."""
        values = self.list(key)
        if not all(
            isinstance(value, str) and value.isprintable() and len(value) <= MAX_TEXT for value in values
        ):
            self.fail(f"{key} is a list of text", key)
        if len(set(values)) != len(values):
            self.fail(f"{key} names something twice", key)
        return tuple(values)

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false."""
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            self.fail(f"{key} is true or false", key)
        return value

    def number(self, key: str, default: int | None = None, *, least: int = 0, most: int = 10**12) -> int:
        """An integer within bounds."""
        value = self.values.get(key, default)
        if type(value) is not int or not least <= value <= most:
            self.fail(f"{key} is an integer from {least} to {most}", key)
        return value

    def choice(self, key: str, values: Collection[str], default: str | None = None) -> str:
        """One of `values`."""
        return self.one(self.text(key, default), values, key)

    def choices(self, key: str, values: Collection[str]) -> tuple[str, ...]:
        """Some of `values`."""
        return tuple(self.one(value, values, key) for value in self.texts(key))

    def one(self, value: str, values: Collection[str], *path: str, what: str = "") -> str:
        """`value`, if it is one of `values`."""
        if value not in values:
            few = f": one of {', '.join(values)}" if len(values) <= 12 else ""
            what = what or (path[-1] if path else "this")
            self.fail(f"{value[:64]!r} is not known as {what}{_meant(value, values) or few}", *path)
        return value


def _meant(name: str, names: Iterable[str]) -> str:
    near = nearest(name, names)
    return f"; {near}" if near else ""
