# SPDX-License-Identifier: Apache-2.0
"""The code under proof: the monitor as it is measured, with the symbols that its own image does not carry.

I/O: runs the compiler.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from attrs import field, frozen

from ttee.tee.riscv import firmware, toolchain
from ttee.tee.riscv.elf import flat_image

MONITOR_BASE = 0x8000_0000
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_PROGBITS, _SYMTAB, _WRITE, _ALLOC = 1, 2, 1, 2
_FUNCTION, _OBJECT = 2, 1


@frozen(slots=True)
class Image:
    """A linked program: what of its memory is constant, and where its functions and variables are."""

    constants: tuple[tuple[int, bytes], ...]
    """Address and content of each section that is loaded and not writable."""
    symbols: dict[str, tuple[int, ...]]
    """Addresses by name; functions that are local to their files may share one."""
    sizes: dict[str, int]
    flat: bytes = field(repr=False)

    def constant(self, address: int, size: int) -> bytes | None:
        """`size` constant bytes, or None if memory there can change."""
        for start, content in self.constants:
            if start <= address and address + size <= start + len(content):
                return content[address - start :][:size]
        return None

    def address(self, name: str) -> int:
        """Where the one thing of this name is. Raises LookupError when there is none, or more than one."""
        found = self.symbols.get(name, ())
        if len(found) != 1:
            raise LookupError(f"the image has {len(found)} symbols {name!r} instead of one")
        return found[0]

    def words(self, name: str) -> list[int]:
        """The elements of a constant array of u64."""
        content = self.constant(self.address(name), self.sizes[name])
        if content is None:
            raise ValueError(f"{name} is not constant")
        return [word for (word,) in struct.iter_unpack("<Q", content)]


def read_elf(elf: bytes, base: int) -> Image:
    """Read a statically linked ELF64 executable that our own linker wrote, so without distrust."""
    *_, table, _, _, _, _, size, count, _ = _HEADER.unpack_from(elf)
    sections = [_SECTION.unpack_from(elf, table + i * size) for i in range(count)]
    constants: list[tuple[int, bytes]] = []
    symbols: dict[str, tuple[int, ...]] = {}
    sizes: dict[str, int] = {}
    for _, kind, flags, address, offset, length, link, *_ in sections:
        if kind == _PROGBITS and flags & (_ALLOC | _WRITE) == _ALLOC:
            constants.append((address, elf[offset : offset + length]))
        if kind == _SYMTAB:
            names = elf[sections[link][4] :]
            for at in range(offset, offset + length, _SYMBOL.size):
                name, info, _, _, value, extent = _SYMBOL.unpack_from(elf, at)
                if info & 15 in {_FUNCTION, _OBJECT}:
                    text = names[name : names.index(b"\0", name)].decode()
                    symbols[text], sizes[text] = (*symbols.get(text, ()), value), extent
    return Image(tuple(constants), symbols, sizes, flat_image(elf, base))


def build_monitor(sources: Path, scratch: Path) -> Image:
    """The monitor of `sources`, the very bytes that `build_firmware` makes of them. Raises TeeError."""
    return _link(
        firmware.inputs(sources, "monitor"), sources=sources, script="monitor/monitor.ld", scratch=scratch
    )


def build_probe(sources: Path, scratch: Path) -> Image:
    """The functions of bounds.h, each out of line, and the layout of the monitor's structures. Raises TeeError."""
    here = Path(__file__).parent
    return _link([here / "probe.c"], sources=sources, script=str(here / "probe.ld"), scratch=scratch)


def _link(inputs: Sequence[str | Path], *, sources: Path, script: str, scratch: Path) -> Image:
    flags = (*firmware.FLAGS, "-Imonitor")
    elf = toolchain.link_elf(
        inputs, folder=sources, script=script, scratch=scratch, flags=flags, symbols=True
    )
    return read_elf(elf, MONITOR_BASE)
