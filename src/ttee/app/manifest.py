# SPDX-License-Identifier: Apache-2.0
"""The manifest: `ttee.toml`, what an app's author says about it (docs/spec/app.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Any, Final

from attrs import field, frozen

from ttee.app.bundle import MAX_SVN, MAX_VERSION, PAGE, Limits
from ttee.codec import toml
from ttee.errors import ManifestError

FILE: Final = "ttee.toml"
SCHEMA: Final = "ttee.app/1"
SOURCE: Final = "docs/spec/app.md"
SOURCES: Final = (".c", ".zig")
"""Suffixes of what `code.source` may name."""

_MAX_SIZE: Final = 64 << 10
_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "": ("schema", "name", "version", "code", "limits", "security"),
    "code": ("source", "module"),
    "limits": ("memory", "stack", "request", "reply"),
    "security": ("svn", "authority"),
}
_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
_SIZE = re.compile(r"([0-9]{1,9}) *(KiB|MiB)")
_UNITS: Final = {"KiB": 1 << 10, "MiB": 1 << 20}
_AUTHORITY = re.compile(r"[0-9a-f]{64}")
_SIZE_HINT: Final = 'write bytes as a number, or a text like "64 KiB" or "1 MiB"'


@frozen(slots=True)
class Manifest:
    """What `ttee.toml` says, within the bounds of docs/spec/app.md."""

    name: str
    version: str
    source: str | None
    """C or Zig, relative to the folder, with slashes; exactly one of `source` and `module` is given."""
    module: str | None
    """A WebAssembly module that was built elsewhere."""
    limits: Limits = field(factory=Limits)
    svn: int = 1
    authority: bytes = b""
    where: str = FILE
    """The file, as the user named its folder: for messages."""


def is_name(text: str) -> bool:
    """Whether an app can be called that."""
    return _NAME.fullmatch(text) is not None


def load_manifest(folder: Path) -> Manifest:
    """The manifest of an app folder. Raises ManifestError, with file and line."""
    path = folder / FILE
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_SIZE + 1)
    except FileNotFoundError:
        raise ManifestError(
            f"{folder} has no {FILE}: it is not an app folder",
            where=str(path),
            hint="`ttee new NAME` makes a folder with one",
            source=SOURCE,
        ) from None
    except OSError as problem:
        raise ManifestError(f"cannot read the manifest: {problem.strerror}", where=str(path)) from None
    return parse_manifest(data, where=str(path))


def parse_manifest(data: bytes, *, where: str = FILE) -> Manifest:
    """The manifest in `data`; `where` names the file. Raises ManifestError, with file and line."""
    return _Reader(toml.loads(data, name=where, max_size=_MAX_SIZE, error=ManifestError)).manifest()


class _Reader:
    """Takes a document apart, so that each complaint has the line of its key."""

    def __init__(self, document: toml.Document) -> None:
        self._document = document
        self._tables = {"": document.values}

    def manifest(self) -> Manifest:
        self._known_keys("", self._document.values)
        for name in ("code", "limits", "security"):
            self._tables[name] = self._table(name)
        if self._text("", "schema") != SCHEMA:
            raise self._error(f'must be "{SCHEMA}"', "", "schema", "this version of ttee reads no other")
        source, module = self._code()
        return Manifest(
            name=self._name(),
            version=self._version(),
            source=source,
            module=module,
            limits=self._limits(),
            svn=self._svn(),
            authority=self._authority(),
            where=self._document.name,
        )

    def _name(self) -> str:
        name = self._text("", "name")
        if not is_name(name):
            hint = "for example: hello-2"
            raise self._error("must be 1 to 64 of a-z 0-9 -, starting with a letter", "", "name", hint)
        return name

    def _version(self) -> str:
        version = self._text("", "version")
        if not 1 <= len(version) <= MAX_VERSION or not version.isprintable():
            raise self._error(
                f"must be 1 to {MAX_VERSION} printable characters", "", "version", 'try "0.1.0"'
            )
        return version

    def _code(self) -> tuple[str | None, str | None]:
        given = [key for key in _KEYS["code"] if key in self._tables["code"]]
        if len(given) != 1:
            message = "needs exactly one of the keys `source` and `module`"
            raise self._error(message, "", "code", 'for example: source = "hello.c"')
        if given == ["source"]:
            return self._path("source", SOURCES), None
        return None, self._path("module", (".wasm",))

    def _path(self, key: str, suffixes: tuple[str, ...]) -> str:
        text = self._text("code", key)
        path = PurePosixPath(text)
        if not text.isprintable() or "\\" in text or path.is_absolute() or ".." in path.parts:
            raise self._error(
                "must be a file inside the app folder", "code", key, "name it relative to the folder"
            )
        if path.suffix not in suffixes:
            wanted = " or ".join(suffixes)
            hint = "other languages: build a .wasm file, and name it as `module`" if key == "source" else None
            raise self._error(f"must name a file that ends in {wanted}", "code", key, hint)
        return str(path)

    def _limits(self) -> Limits:
        sizes = {key: self._size(key) for key in self._tables["limits"]}
        if "memory" in sizes:
            sizes["memory"] = -(-sizes["memory"] // PAGE) * PAGE
        limits = Limits(**sizes)
        if problem := limits.problem():
            raise self._error(problem[1], "limits", problem[0], _SIZE_HINT)
        return limits

    def _size(self, key: str) -> int:
        value = self._tables["limits"][key]
        if type(value) is int:
            return value
        if isinstance(value, str) and (found := _SIZE.fullmatch(value)):
            return int(found[1]) * _UNITS[found[2]]
        raise self._error("is not a size", "limits", key, _SIZE_HINT)

    def _svn(self) -> int:
        svn = self._tables["security"].get("svn", 1)
        if type(svn) is not int or not 0 <= svn <= MAX_SVN:
            hint = "raise it by one when an update mends a security flaw"
            raise self._error("must be a whole number from 0 to 2^64 - 1", "security", "svn", hint)
        return svn

    def _authority(self) -> bytes:
        if "authority" not in self._tables["security"]:
            return b""
        text = self._text("security", "authority")
        if not _AUTHORITY.fullmatch(text):
            hint = "leave it out for an app that nobody signs"
            raise self._error(
                "must be an Ed25519 key: 64 lowercase hex digits", "security", "authority", hint
            )
        return bytes.fromhex(text)

    def _table(self, name: str) -> Mapping[str, Any]:
        if name not in self._document.values and name == "code":
            message = "the table [code] is missing"
            raise ManifestError(message, where=self._document.name, hint="it names the source", source=SOURCE)
        table = self._document.values.get(name, {})
        if not isinstance(table, dict):
            raise self._error("must be a table", "", name, f"write [{name}] on a line of its own")
        self._known_keys(name, table)
        return table

    def _known_keys(self, name: str, table: Mapping[str, Any]) -> None:
        known = _KEYS[name]
        for key in table:
            if key in known:
                continue
            near = get_close_matches(key, known, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"known are {', '.join(known)}"
            place = f" in [{name}]" if name else ""
            raise ManifestError(
                f"unknown key {key[:64]!r}{place}", where=self._where(name, key), hint=hint, source=SOURCE
            )

    def _text(self, table: str, key: str) -> str:
        if key not in self._tables[table]:
            message = f"the key `{key}` is missing"
            where = self._where(table) if table else self._document.name
            raise ManifestError(message, where=where, hint="compare with `ttee new`", source=SOURCE)
        value = self._tables[table][key]
        if not isinstance(value, str):
            raise self._error("must be a text", table, key, "put it in double quotes")
        return value

    def _error(self, message: str, table: str, key: str, hint: str | None) -> ManifestError:
        name = f"{table}.{key}" if table else key
        return ManifestError(f"`{name}` {message}", where=self._where(table, key), hint=hint, source=SOURCE)

    def _where(self, table: str, *keys: str) -> str:
        return self._document.where(*([table] if table else []), *keys)
