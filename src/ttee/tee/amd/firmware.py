# SPDX-License-Identifier: Apache-2.0
"""What OVMF firmware says of its own launch: the tables that a hypervisor reads before it starts a guest.

A footer table stands 32 bytes before the end of the image, and is read backwards: each entry is its data,
then its size (u16, all of it) and GUID. One of its entries leads to the SEV metadata, the pages to set up.
Source: edk2:OvmfPkg/ResetVector/Ia16/ResetVectorVtf0.asm and X64/OvmfSevMetadata.asm.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from enum import IntEnum
from uuid import UUID

from attrs import frozen

from ttee.errors import UsageError

SOURCE = "edk2:OvmfPkg/ResetVector"
MAX_SIZE = 64 * 1024 * 1024
PAGE = 4096
FOUR_GIB = 1 << 32

_ENTRY = struct.Struct("<H16s")
_METADATA = struct.Struct("<4sIII")
_SECTION = struct.Struct("<III")
_BEHIND_FOOTER = 32
_MAX_SECTIONS = 64
_MAX_SECTION_SIZE = 16 * 1024 * 1024

FOOTER = UUID("96b582de-1fb2-45f7-baea-a366c55a082d").bytes_le
HASH_TABLE = UUID("7255371f-3a3b-4b04-927b-1da6efa8d454").bytes_le
RESET_BLOCK = UUID("00f771de-1a7e-4fcb-890e-68c77e2fb44e").bytes_le
SEV_METADATA = UUID("dc886566-984a-4798-a75e-5585a7bf67cc").bytes_le


class SectionType(IntEnum):
    """What a section of the metadata is for."""

    ZEROS = 1
    SECRETS = 2
    CPUID = 3
    SVSM_CALLING_AREA = 4
    KERNEL_HASHES = 0x10


@frozen(slots=True)
class Section:
    """Pages that the hypervisor sets up: guest physical address, size in bytes, and what for."""

    address: int
    size: int
    type: SectionType


@frozen(slots=True)
class Firmware:
    """An image, and what it asks for. It ends at 4 GiB of the guest's memory."""

    image: bytes
    sections: tuple[Section, ...]
    reset_address: int | None
    """Where processors other than the first begin."""
    hash_table: int | None
    """Where the hashes of kernel, initial RAM disk and command line belong."""

    @property
    def address(self) -> int:
        """Where the image begins."""
        return FOUR_GIB - len(self.image)


def read(image: bytes) -> Firmware:
    """The firmware in `image`. Raises UsageError if it is not OVMF with SEV-SNP support."""
    if not PAGE <= len(image) <= MAX_SIZE or len(image) % PAGE:
        raise _unusable(f"an image is up to {MAX_SIZE} bytes of whole pages, this one has {len(image)} bytes")
    table = _footer_table(image)
    if SEV_METADATA not in table:
        raise _unusable("its footer table has no SEV metadata")
    return Firmware(
        image,
        _sections(image, _number(table, SEV_METADATA) or 0),
        _number(table, RESET_BLOCK),
        _number(table, HASH_TABLE),
    )


def _footer_table(image: bytes) -> Mapping[bytes, bytes]:
    end = len(image) - _BEHIND_FOOTER - _ENTRY.size
    size, guid = _ENTRY.unpack_from(image, end)
    if guid != FOOTER or not _ENTRY.size <= size <= end:
        raise _unusable("it has no footer table")
    start = end + _ENTRY.size - size
    table: dict[bytes, bytes] = {}
    while end - start >= _ENTRY.size:
        size, guid = _ENTRY.unpack_from(image, end - _ENTRY.size)
        if not _ENTRY.size <= size <= end - start:
            raise _unusable(f"an entry of its footer table says that it has {size} bytes")
        table[guid] = image[end - size : end - _ENTRY.size]
        end -= size
    return table


def _number(table: Mapping[bytes, bytes], guid: bytes) -> int | None:
    """The first four bytes of an entry."""
    if guid not in table:
        return None
    if len(table[guid]) < 4:
        raise _unusable("an entry of its footer table has less than four bytes")
    return int.from_bytes(table[guid][:4], "little")


def _sections(image: bytes, from_end: int) -> tuple[Section, ...]:
    start = len(image) - from_end
    if not 0 <= start <= len(image) - _METADATA.size:
        raise _unusable("its SEV metadata lie outside it")
    magic, size, version, count = _METADATA.unpack_from(image, start)
    first = start + _METADATA.size
    if magic != b"ASEV" or version != 1:
        raise _unusable("its SEV metadata have another form than version 1")
    if count > _MAX_SECTIONS or count * _SECTION.size > min(size, from_end) - _METADATA.size:
        raise _unusable(f"its SEV metadata say that there are {count} sections")
    sections = []
    for index in range(count):
        address, length, kind = _SECTION.unpack_from(image, first + index * _SECTION.size)
        if kind not in SectionType.__members__.values() or length % PAGE or length > _MAX_SECTION_SIZE:
            raise _unusable(f"section {index} of its SEV metadata is of type {kind}, with {length} bytes")
        sections.append(Section(address, length, SectionType(kind)))
    return tuple(sections)


def encode(
    size: int, sections: tuple[Section, ...], *, reset_address: int | None, hash_table: int | None
) -> bytes:
    """An image of `size` bytes that says this and does nothing: for tests."""
    metadata = _METADATA.pack(b"ASEV", _METADATA.size + len(sections) * _SECTION.size, 1, len(sections))
    metadata += b"".join(_SECTION.pack(each.address, each.size, each.type) for each in sections)
    entries = {SEV_METADATA: 1024, RESET_BLOCK: reset_address, HASH_TABLE: hash_table}
    table = b"".join(
        value.to_bytes(4, "little") + _ENTRY.pack(4 + _ENTRY.size, guid)
        for guid, value in entries.items()
        if value is not None
    )
    table += _ENTRY.pack(len(table) + _ENTRY.size, FOOTER)
    tail = metadata.ljust(1024 - len(table) - _BEHIND_FOOTER, b"\0") + table + bytes(_BEHIND_FOOTER)
    return bytes(size - len(tail)) + tail


def _unusable(message: str) -> UsageError:
    return UsageError(
        f"the firmware cannot be measured: {message}",
        hint="give the OVMF image that the guest starts with, built with SEV-SNP support",
        source=SOURCE,
    )
