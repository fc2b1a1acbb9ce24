# SPDX-License-Identifier: Apache-2.0
"""A folder of answers that services gave (docs/spec/endorsements.md): it can be copied, merged and carried offline.

    kdsintf.amd.com/vcek-v1-Milan-crl.9a0f55d1c2b3.answer.json            where from, when, until when, what
    kdsintf.amd.com/vcek-v1-Milan-crl.9a0f55d1c2b3.crl-5f2c0a7be110.der   a document: its name, and its digest's

The index is one small file for each answer, named after the question. Files of documents are never changed; an index
file is replaced in one step, after them. So readers need no lock, only writers wait for each other, and two folders
become one by copying. All other files are loose ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from pathlib import Path
from types import MappingProxyType

from attrs import evolve, field, frozen

from ttee.codec import json
from ttee.codec.rfc3339 import moment
from ttee.endorse.files import MAX_FILE, locked, read_regular, write_whole
from ttee.errors import EndorsementError, TteeError
from ttee.tee.sources import Source

SCHEMA = "ttee.answer/1"
INDEX = ".answer.json"
MAX_INDEX = 64 * 1024
MAX_DOCUMENTS = 32
MAX_ANSWERS = 20_000
MAX_TOTAL = 1024 * 1024 * 1024
BOUND_EVERY = 256
"""How many answers one store writes between two looks at how much there is; the first write looks."""
_UNSAFE = re.compile(r"[^A-Za-z0-9]+")
_UNSAFE_IN_HOST = re.compile(r"[^a-z0-9.]+")
_STEM = re.compile(r"[A-Za-z0-9-]{1,64}\.[0-9a-f]{12}(?=\.)")
_FILE = re.compile(r"[A-Za-z0-9-][A-Za-z0-9._-]{0,199}")
_DOCUMENT = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def _documents(value: Mapping[str, bytes]) -> Mapping[str, bytes]:
    return MappingProxyType(dict(value))


def _files(value: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType(dict(value))


@frozen(slots=True)
class Kept:
    """An answer that is kept: to which question, which documents it brought, and until when it is good."""

    url: str
    post: str | None
    """SHA-256 of what was sent, in hex; None where the question was a GET."""
    documents: Mapping[str, bytes] = field(converter=_documents)
    fetched: datetime
    until: datetime | None
    """When its documents have to be renewed; None if they do not say so."""
    files: Mapping[str, str] = field(converter=_files, factory=dict)
    """Where each document lies, relative to the folder."""

    def is_current(self, at: datetime) -> bool:
        """Whether it need not be renewed yet at this moment."""
        return self.until is None or at <= self.until


@frozen(slots=True)
class Store:
    """A folder of answers. It need not exist, nor be writable, to be read."""

    folder: Path
    _writes: Iterator[int] = field(factory=count, init=False, eq=False, repr=False)

    def find(self, source: Source) -> Kept | None:
        """The answer to this question, if an intact one is kept."""
        post = digest_of(source.post)
        kept = self._read(_index(self.folder, source.url, post))
        return kept if kept is not None and (kept.url, kept.post) == (source.url, post) else None

    def keep(self, kept: Kept) -> Kept:
        """Write an answer, over the former one to the same question. Raises EndorsementError where it cannot."""
        index = _index(self.folder, kept.url, kept.post)
        stem = index.name.removesuffix(INDEX)
        names = {
            name: f"{stem}.{name}-{sha256(data).hexdigest()[:12]}{_ending(data)}"
            for name, data in kept.documents.items()
        }
        try:
            self.folder.mkdir(0o700, parents=True, exist_ok=True)
            index.parent.mkdir(exist_ok=True)
            with locked(self.folder / ".lock"):
                for name, data in kept.documents.items():
                    path = index.with_name(names[name])
                    if read_regular(path, MAX_FILE) != data:
                        write_whole(path, data)
                write_whole(index, json.pretty(_entry(kept, names)).encode())
                for path in set(_family(index)) - {index, *map(index.with_name, names.values())}:
                    path.unlink()  # a process that still reads the former answer asks anew
                if next(self._writes) % BOUND_EVERY == 0:
                    self._bound()
        except OSError as problem:
            raise EndorsementError(
                f"an endorsement cannot be kept: {problem.strerror}",
                where=str(self.folder),
                hint="name another folder: TTEE_CACHE_DIR, or -o",
            ) from None
        host = index.parent.name
        return evolve(kept, files={name: f"{host}/{file}" for name, file in names.items()})

    def answers(self) -> Iterator[Kept]:
        """Every intact answer, by host and name."""
        for path in self._indexes():
            if (kept := self._read(path)) is not None:
                yield kept

    def owns(self, path: Path) -> bool:
        """Whether a file in this folder belongs to an answer; the others are loose."""
        return _index_of(path) is not None

    def _indexes(self) -> list[Path]:
        found: list[Path] = []
        try:
            for host in sorted(self.folder.iterdir()):
                if not host.name.startswith(".") and host.is_dir() and not host.is_symlink():
                    found += sorted(host.glob(f"*{INDEX}"))
        except OSError:  # nothing is kept in a folder that is not there
            return found
        return found[: 2 * MAX_ANSWERS]

    def _read(self, path: Path) -> Kept | None:
        """The answer of an index file; None unless all of it is there, and as it was written."""
        data = read_regular(path, MAX_INDEX)
        if data is None:
            return None
        try:
            value = json.loads(data, what=path.name, max_size=MAX_INDEX, max_depth=4, error=EndorsementError)
            return _parse(value, path)
        except (TteeError, TypeError, KeyError):  # somebody else's file, or a damaged one
            return None

    def _bound(self) -> None:
        """Forget the oldest answers when there are too many, or they are too large."""
        families: dict[Path, list[tuple[Path, int, float]]] = {}
        for path in self.folder.glob("*/*"):
            if index := _index_of(path):
                status = path.lstat()
                families.setdefault(index, []).append((path, status.st_size, status.st_mtime))
        total, number = sum(size for family in families.values() for _, size, _ in family), len(families)
        if total <= MAX_TOTAL and number <= MAX_ANSWERS:
            return
        for family in sorted(families.values(), key=lambda family: max(when for _, _, when in family)):
            if total <= MAX_TOTAL * 9 // 10 and number <= MAX_ANSWERS * 9 // 10:
                return
            for path, size, _ in family:
                path.unlink(missing_ok=True)
                total -= size
            number -= 1


def digest_of(post: bytes | None) -> str | None:
    """How a question's POST is told from another."""
    return None if post is None else sha256(post).hexdigest()


def as_text(at: datetime) -> str:
    """A moment as the index writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _index(folder: Path, url: str, post: str | None) -> Path:
    """Where the index of an answer lies: readable, and of safe characters alone whatever the address has."""
    host, _, path = url.partition("://")[2].partition("/")
    host = _UNSAFE_IN_HOST.sub("-", host.lower()).strip(".-")[:100] or "host"
    text = _UNSAFE.sub("-", path).strip("-")[:64].strip("-") or "root"
    key = sha256(f"{url} {post or ''}".encode()).hexdigest()[:12]
    return folder / host / f"{text[:64].strip('-')}.{key}{INDEX}"


def _index_of(path: Path) -> Path | None:
    """The index of the answer that a file belongs to; None if there is none."""
    stem = _STEM.match(path.name)
    index = path.with_name(stem[0] + INDEX) if stem is not None else None
    return index if index is not None and index.is_file() else None


def _family(index: Path) -> list[Path]:
    """The files of one answer."""
    stem = index.name.removesuffix(INDEX)
    return [path for path in index.parent.iterdir() if path.name.startswith(f"{stem}.")]


def _ending(data: bytes) -> str:
    """What a file's name ends in, for people and their tools."""
    if data.lstrip()[:1] in (b"{", b"["):
        return ".json"
    if data.lstrip().startswith(b"-----BEGIN"):
        return ".pem"
    if data.lstrip().startswith(b"<"):
        return ".xml"
    return ".der" if data[:1] == b"\x30" else ".bin"


def _entry(kept: Kept, names: Mapping[str, str]) -> dict[str, json.Encodable]:
    return {
        "schema": SCHEMA,
        "url": kept.url,
        "post": kept.post,
        "fetched": kept.fetched.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "until": None if kept.until is None else as_text(kept.until),
        "documents": {
            name: {"file": names[name], "sha256": sha256(data).hexdigest()}
            for name, data in kept.documents.items()
        },
    }


def _parse(value: json.JsonValue, path: Path) -> Kept | None:
    """Raises TteeError, KeyError and TypeError for what is no index."""
    if not isinstance(value, dict) or value["schema"] != SCHEMA:
        return None
    url, post, entries = value["url"], value["post"], value["documents"]
    if (
        not isinstance(url, str)
        or not (post is None or isinstance(post, str))
        or not isinstance(entries, dict)
    ):
        return None
    if len(entries) > MAX_DOCUMENTS:
        return None
    documents, files = {}, {}
    for name, entry in entries.items():
        if not isinstance(entry, dict) or not _DOCUMENT.fullmatch(name):
            return None
        file, digest = str(entry["file"]), str(entry["sha256"])
        if not _FILE.fullmatch(file) or not _SHA256.fullmatch(digest):
            return None
        data = read_regular(path.with_name(file), MAX_FILE)
        if data is None or sha256(data).hexdigest() != digest:
            return None
        documents[name], files[name] = data, f"{path.parent.name}/{file}"
    until = value["until"]
    return Kept(
        url,
        post,
        documents,
        moment(str(value["fetched"])),
        None if until is None else moment(str(until)),
        files,
    )
