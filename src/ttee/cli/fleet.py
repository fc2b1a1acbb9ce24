# SPDX-License-Identifier: Apache-2.0
"""The items of a fleet: the files of a folder, or lines of JSON (docs/spec/fleet.md). Read as they are needed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO

from ttee.codec import base64url, json
from ttee.codec import hex as hex_codec
from ttee.codec.rfc3339 import moment
from ttee.errors import MalformedEvidenceError, TteeError, UsageError
from ttee.many import Item
from ttee.model import Evidence
from ttee.tee.recognise import MAX_SIZE, from_envelope

SOURCE = "docs/spec/fleet.md"
MAX_LINE = MAX_SIZE * 3 // 2
"""Bytes: the largest evidence, in base64url, and what stands around it."""
_WAYS = ("evidence", "file", "blob")
_KEYS = {"name", "nonce", "at", *_WAYS}


def fleet(source: str, *, moments: bool = False) -> Iterator[Item]:
    """The items of a folder, of a file with one JSON object a line, or of stdin for `-`. `moments`: whether a line may
    say what moment it is judged at. Raises UsageError."""
    path = Path(source)
    if source != "-" and path.is_dir():
        return _folder(path, "")
    return _lines(path, source == "-", moments)


def _folder(folder: Path, prefix: str) -> Iterator[Item]:
    """Every file, by name, folders inside included; not what is hidden, no linked folders."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as problem:
        yield _unreadable(prefix or str(folder), problem)
        return
    for entry in entries:
        name = prefix + entry.name
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _folder(Path(entry.path), f"{name}/")
        elif entry.is_file():
            yield Item(Path(entry.path), name)


def _unreadable(name: str, problem: OSError) -> Item:
    return Item(UsageError(f"cannot read: {problem.strerror}", where=name), name)


def _lines(path: Path, stdin: bool, moments: bool) -> Iterator[Item]:
    beside = Path() if stdin else path.parent
    try:
        with nullcontext(sys.stdin.buffer) if stdin else path.open("rb") as file:
            for number, line in enumerate(_bounded(file), 1):
                if line.strip():
                    yield _item(line, number, beside, moments)
    except OSError as problem:
        raise UsageError(f"cannot read the fleet: {problem.strerror}", where=str(path)) from None


def _bounded(file: BinaryIO) -> Iterator[bytes]:
    """Lines; of one that is too long, as much as shows that."""
    while line := file.readline(MAX_LINE + 1):
        yield line
        rest = line
        while len(rest) > MAX_LINE and not rest.endswith(b"\n"):
            rest = file.readline(MAX_LINE + 1)


def _item(line: bytes, number: int, beside: Path, moments: bool) -> Item:
    where = f"line {number}"
    try:
        value = json.loads(line, what=where, max_size=MAX_LINE)
    except TteeError as error:
        return Item(error, where)
    name = value.get("name") if isinstance(value, dict) else None
    name = name if isinstance(name, str) else where
    try:
        item = _read(value, name, where, beside)
    except TteeError as error:
        return Item(error, name)
    if item.at is not None and not moments:
        chosen = UsageError(
            "the line chooses the moment that it is judged at",
            where=f"{where}, at",
            hint="--at-from-lines, if you trust whoever wrote the list with that",
            source=SOURCE,
        )
        return Item(chosen, name)
    return item


def _read(value: json.JsonValue, name: str, where: str, beside: Path) -> Item:
    """Raises MalformedEvidenceError, UsageError."""
    if not isinstance(value, dict):
        raise _malformed("it is not an object", where)
    unknown = value.keys() - _KEYS
    if unknown:
        raise _malformed(f"the key {min(unknown)[:64]!r} is unknown", where)
    ways = [way for way in _WAYS if way in value]
    if len(ways) != 1:
        raise _malformed(f"it has {len(ways)} of the keys {', '.join(_WAYS)}; one is needed", where)
    texts = {key: said for key, said in value.items() if key != "evidence"}
    for key, said in texts.items():
        if not isinstance(said, str):
            raise _malformed(f"`{key}` is not a text", f"{where}, {key}")
    at, nonce = _text(value, "at"), _text(value, "nonce")
    if at is not None:
        moment(at)
    return Item(
        _evidence(value, ways[0], where, beside),
        name,
        nonce=None if nonce is None else hex_codec.decode(nonce, what="nonce", error=UsageError),
        at=at,
    )


def _evidence(
    value: dict[str, json.JsonValue], way: str, where: str, beside: Path
) -> Evidence | bytes | Path:
    if way == "evidence":
        envelope = value[way]
        if not isinstance(envelope, dict):
            raise _malformed("`evidence` is not an object", f"{where}, evidence")
        return from_envelope(envelope)
    text = str(value[way])
    if way == "blob":
        return base64url.decode(text, what=f"{where}, blob")
    path = beside / text
    if "\0" in text or not _is_file(path):
        raise UsageError("there is no such file", where=text[:1000])
    return path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long, a folder that others may not look into
        return False


def _text(value: dict[str, json.JsonValue], key: str) -> str | None:
    said = value.get(key)
    return said if isinstance(said, str) else None


def _malformed(message: str, where: str) -> MalformedEvidenceError:
    return MalformedEvidenceError(f"fleet: {message}", where=where, source=SOURCE)
