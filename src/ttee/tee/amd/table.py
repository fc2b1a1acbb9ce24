# SPDX-License-Identifier: Apache-2.0
"""The certificate table that hosts hand out with an extended report: GUIDs, offsets and lengths, then the files.

    entries   24 bytes each: GUID 16, offset u32, length u32, ended by one of zeros
    contents  the certificates, at their offsets from the table's start; zeros up to the end of the page

Source: AMD 56421 (GHCB), section SNP Extended Guest Request; google/go-sev-guest:abi/abi.go. The host writes
it, so nothing in it is trusted; some hosts write GUIDs as numbers (AWS), some as UEFI does.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from uuid import UUID

from ttee.errors import MalformedEvidenceError

SOURCE = "AMD 56421 (GHCB), section SNP Extended Guest Request"
MAX_SIZE = 256 * 1024
MAX_ENTRIES = 32

GUIDS = {
    "vcek": UUID("63da758d-e664-4564-adc5-f4b93be8accd"),
    "vlek": UUID("a8074bc2-a25a-483e-aae6-39c045a0b8a1"),
    "ask": UUID("4ab7b379-bbac-4fe4-a02f-05aef327c782"),
    "ark": UUID("c0b406a4-a803-4952-9743-3fb6014cd0ae"),
    "crl": UUID("92f81bc3-5811-4d3d-97ff-d19f88dc67ea"),
}
"""What a table can hold; `ask` is also where an ASVK stands."""
_NAMES = {form: name for name, guid in GUIDS.items() for form in (guid.bytes, guid.bytes_le)}
_ENTRY = struct.Struct("<16sII")
_END = bytes(_ENTRY.size)


def parse(data: bytes) -> Mapping[str, bytes]:
    """The contents of a table by their names; those of other GUIDs are left out.

    Raises MalformedEvidenceError: no end, places outside the table, two of one kind, bytes nobody speaks of.
    """
    if len(data) > MAX_SIZE:
        raise _malformed(f"it has {len(data)} bytes; at most {MAX_SIZE} are allowed", MAX_SIZE)
    entries = _entries(data)
    behind = start = (len(entries) + 1) * _ENTRY.size
    found: dict[str, bytes] = {}
    for index, (guid, offset, length) in enumerate(entries):
        if offset < start or offset + length > len(data):
            raise _malformed(
                f"entry {index} is {length} bytes at {offset}, outside its contents", index * _ENTRY.size
            )
        behind = max(behind, offset + length)
        name = _NAMES.get(guid)
        if name is None:
            continue
        if name in found:
            raise _malformed(f"entry {index} is a second {name}", index * _ENTRY.size)
        found[name] = data[offset : offset + length]
    if any(data[behind:]):
        raise _malformed("there is something behind the last of its contents", behind)
    return found


def _entries(data: bytes) -> list[tuple[bytes, int, int]]:
    entries: list[tuple[bytes, int, int]] = []
    for index in range(MAX_ENTRIES + 1):
        raw = data[index * _ENTRY.size : (index + 1) * _ENTRY.size]
        if len(raw) < _ENTRY.size:
            raise _malformed("it ends before its list of entries does", len(data))
        if raw == _END:
            return entries
        entries.append(_ENTRY.unpack(raw))
    raise _malformed(f"it has more than {MAX_ENTRIES} entries", MAX_ENTRIES * _ENTRY.size)


def encode(contents: Mapping[str, bytes], *, mixed_endian: bool = False, page: int = 1) -> bytes:
    """The table with these contents, filled up with zeros to whole pages of `page` bytes."""
    offset = (len(contents) + 1) * _ENTRY.size
    head = b""
    for name, content in contents.items():
        guid = GUIDS[name]
        head += _ENTRY.pack(guid.bytes_le if mixed_endian else guid.bytes, offset, len(content))
        offset += len(content)
    whole = head + _END + b"".join(contents.values())
    return whole + bytes(-len(whole) % page)


def _malformed(message: str, offset: int) -> MalformedEvidenceError:
    return MalformedEvidenceError(
        f"certificate table: {message}", where=f"certificates, byte {offset}", source=SOURCE
    )
