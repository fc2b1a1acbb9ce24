# SPDX-License-Identifier: Apache-2.0
"""The flat image of a statically linked ELF64 program: what a loader would put into memory, as bytes.

Only what our linker scripts produce is read, strictly: ELF64, little endian, RISC-V, segments in order;
ET_EXEC, or ET_DYN for an image that relocates itself, in which every relocation is relative.
"""

from __future__ import annotations

import struct

from ttee.errors import TeeError

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_RELOCATION = struct.Struct("<QQq")
_IDENT = b"\x7fELF\x02\x01\x01"
_ET_EXEC, _ET_DYN, _EM_RISCV, _PT_LOAD, _SHT_RELA, _R_RISCV_RELATIVE = 2, 3, 243, 1, 4, 3
_MOST = 16 << 20


def flat_image(elf: bytes, base: int, *, relocates_itself: bool = False) -> bytes:
    """The bytes from `base` to the end of the last loaded segment's file part; gaps are zeros.

    Entry must be at `base`. Memory that starts as zeros (.bss) is part of the image only if data follows.
    Raises TeeError with the offset. Source: System V ABI, chapter 4 and 5; RISC-V ELF psABI.
    """
    if len(elf) < _HEADER.size:
        raise _malformed("truncated header", 0)
    ident, kind, machine, _, entry, table, _, _, _, entry_size, count, *_ = _HEADER.unpack_from(elf)
    if (
        not ident.startswith(_IDENT)
        or kind != (_ET_DYN if relocates_itself else _ET_EXEC)
        or machine != _EM_RISCV
    ):
        raise _malformed("not an ELF64 RISC-V executable of the expected type", 0)
    if entry != base:
        raise _malformed(f"entry at {entry:#x} instead of {base:#x}", 24)
    if entry_size != _SEGMENT.size or table + count * _SEGMENT.size > len(elf):
        raise _malformed("program headers out of bounds", 32)
    image = bytearray()
    for at in range(table, table + count * _SEGMENT.size, _SEGMENT.size):
        kind, _, offset, _, address, size, _, _ = _SEGMENT.unpack_from(elf, at)
        if kind != _PT_LOAD or size == 0:
            continue
        start = address - base
        if start < len(image) or start + size > _MOST:
            raise _malformed(f"segment at {address:#x} overlaps, or is out of range", at)
        if offset + size > len(elf):
            raise _malformed("segment leaves the file", at)
        image.extend(bytes(start - len(image)))
        image.extend(elf[offset : offset + size])
    if not image:
        raise _malformed("nothing to load", table)
    if relocates_itself:
        _check_relocations(elf, len(image))
    return bytes(image)


def _check_relocations(elf: bytes, size: int) -> None:
    """Every relocation adds the image's place to a word of the image, and nothing else."""
    *_, table, _, _, _, _, entry_size, count, _ = _HEADER.unpack_from(elf)
    if entry_size != _SECTION.size or table + count * _SECTION.size > len(elf):
        raise _malformed("section headers out of bounds", 40)
    for at in range(table, table + count * _SECTION.size, _SECTION.size):
        _, kind, _, _, offset, length, *_ = _SECTION.unpack_from(elf, at)
        if kind != _SHT_RELA:
            continue
        if offset + length > len(elf) or length % _RELOCATION.size:
            raise _malformed("relocations out of bounds", at)
        for target, info, addend in _RELOCATION.iter_unpack(elf[offset : offset + length]):
            if info != _R_RISCV_RELATIVE or target > size - 8 or not 0 <= addend <= size:
                raise _malformed(f"relocation {info:#x} at {target:#x} is not a relative one", offset)


def _malformed(what: str, offset: int) -> TeeError:
    return TeeError(f"the linker's output cannot be used: {what}", where=f"offset {offset}")
