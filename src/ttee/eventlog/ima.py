# SPDX-License-Identifier: Apache-2.0
"""Linux IMA's log of measured files, binary or ASCII, for PCR 10 (or another that the kernel was built for).

    u32 PCR ‖ SHA-1 of the template's data, 20 bytes ‖ u32, template's name ‖ u32, template's data      little endian
    10 91f34b5c… ima-ng sha256:1f9d… /usr/bin/bash                                                      the same, ASCII

Each bank is extended by its own hash of the template's data; a violation is logged as zeros and extended as FF.
(Kernels before 5.8 extended every bank by the SHA-1 with zeros behind it: their other banks do not replay.)
Source: Linux, Documentation/security/IMA-templates.rst, security/integrity/ima/ima_fs.c, ima_crypto.c.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha1
from struct import Struct
from struct import error as StructError  # noqa: N812

from ttee.errors import BindingError, MalformedEvidenceError
from ttee.eventlog.event import SIZES, Event, Log, Registers, bounded, hasher
from ttee.eventlog.kinds import printable

SOURCE = "Linux, Documentation/security/IMA-templates.rst"
TEMPLATES = {"ima-ng": 2, "ima-sig": 3, "ima-ngv2": 2, "ima-sigv2": 3, "ima-buf": 3, "ima-modsig": 5}
"""Templates, and how many fields they have; each begins with a file's digest and name."""
MAX_EVENTS = 1 << 18
_HEAD = Struct("<I20sI")
_SIZE = Struct("<I")
_ZERO = bytes(20)
_ASCII_FIELDS = 4


def parse(data: bytes, algorithm: str, *, what: str = "IMA log") -> Log:
    """The log in `data`, with the digests of one bank. Raises MalformedEvidenceError; BindingError for an entry whose
    data are not those of its hash."""
    bounded(data, what)
    new, violation = hasher(algorithm), b"\xff" * SIZES[algorithm]
    entries = _ascii(data, what) if data[:2].isdigit() else _binary(data, what)
    events = []
    for number, (register, recorded, template, content) in enumerate(entries):
        where = f"{what}, entry {number}"
        if number >= MAX_EVENTS:
            raise _malformed(f"it has more than {MAX_EVENTS} entries", what)
        if register > 23:
            raise _malformed(f"an entry extends PCR {register}", where)
        if recorded == _ZERO:
            digest, label = violation, f"{template} violation"
        else:
            if sha1(content, usedforsecurity=False).digest() != recorded:
                raise BindingError(f"{where} does not have the hash that it says", where=where, source=SOURCE)
            digest, label = new(content).digest(), f"{template} {printable(file_name(content), 100)}"
        events.append(Event(number, register, 0, (digest,), content, label))
    return Log("IMA", Registers.PCR, (algorithm,), tuple(events))


def fields(content: bytes) -> list[bytes]:
    """The fields of a template's data: each with its size in front. Raises MalformedEvidenceError."""
    found, at = [], 0
    while at < len(content):
        size = int.from_bytes(content[at : at + 4], "little")
        if at + 4 + size > len(content):
            raise _malformed("a field reaches beyond its entry", "IMA log")
        found.append(content[at + 4 : at + 4 + size])
        at += 4 + size
    return found


def file_name(content: bytes) -> bytes:
    """The name of the file that a template's data is about."""
    found = fields(content)
    return found[1].rstrip(b"\0") if len(found) > 1 else b""


def _binary(data: bytes, what: str) -> Iterator[tuple[int, bytes, str, bytes]]:
    at = 0
    while at < len(data):
        try:
            register, recorded, size = _HEAD.unpack_from(data, at)
            name = data[at + 28 : at + 28 + min(size, 64)].decode("latin-1")
            if name not in TEMPLATES:
                raise _malformed(
                    f"the template {printable(name.encode())!r} is not known", f"{what}, byte {at + 28}"
                )
            (length,) = _SIZE.unpack_from(data, at + 28 + size)
        except StructError:
            raise _malformed("it ends inside an entry", f"{what}, byte {at}") from None
        begin = at + 32 + size
        if length > len(data) - begin:
            raise _malformed(
                f"an entry of {length} bytes reaches beyond its end", f"{what}, byte {begin - 4}"
            )
        content = data[begin : begin + length]
        if len(fields(content)) != TEMPLATES[name]:
            raise _malformed("an entry has more or fewer fields than its template", f"{what}, byte {begin}")
        yield register, recorded, name, content
        at = begin + length


def _ascii(data: bytes, what: str) -> Iterator[tuple[int, bytes, str, bytes]]:
    for number, line in enumerate(data.removesuffix(b"\n").split(b"\n")):
        where = f"{what}, line {number + 1}"
        parts = line.split(b" ", _ASCII_FIELDS)
        if len(parts) != _ASCII_FIELDS + 1 or not parts[0].isdigit() or len(parts[0]) > 2:
            raise _malformed("a line is not PCR, hash, template, digest and name", where)
        try:
            recorded, name = bytes.fromhex(parts[1].decode("ascii")), parts[2].decode("ascii")
            algorithm, _, digest = parts[3].rpartition(b":")
            value = bytes.fromhex(digest.decode("ascii"))
        except ValueError:
            raise _malformed("a line has a hash that is not hex", where) from None
        if len(recorded) != 20 or name not in ("ima-ng", "ima-sig", "ima-buf"):
            raise _malformed(
                "a line has a hash that is not SHA-1, or a template that only the binary form has", where
            )
        yield int(parts[0]), recorded, name, _content(name, algorithm + b":\0" + value, parts[4], recorded)


def _content(name: str, digest: bytes, rest: bytes, recorded: bytes) -> bytes:
    """The template's data. Where the name ends and a signature begins, spaces do not say: the hash does."""
    if name == "ima-ng":
        return _joined(digest, rest + b"\0")
    path, _, last = rest.rpartition(b" ")
    try:
        content = _joined(digest, path + b"\0", bytes.fromhex(last.decode("ascii")))
    except ValueError:
        content = b""
    if name == "ima-sig" and sha1(content, usedforsecurity=False).digest() != recorded:
        return _joined(digest, rest.removesuffix(b" ") + b"\0", b"")
    return content


def _joined(*parts: bytes) -> bytes:
    return b"".join(_SIZE.pack(len(part)) + part for part in parts)


def _malformed(message: str, where: str) -> MalformedEvidenceError:
    return MalformedEvidenceError(f"the IMA log cannot be read: {message}", where=where, source=SOURCE)
