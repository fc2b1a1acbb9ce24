# SPDX-License-Identifier: Apache-2.0
"""A module as wasm2c gets to see it: only what the app ABI knows of, and no name that is not ours. Pure.

`ttee build` has checked a module already; a bundle may come from elsewhere, so nothing is taken on trust.
Source: WebAssembly Core Specification 2.0, section 5.5.
"""

from __future__ import annotations

from typing import Final

from attrs import frozen

from ttee.app import abi
from ttee.app.bundle import MAX_MEMORY, MAX_MODULE, Limits
from ttee.app.wasm.cursor import Cursor
from ttee.errors import ModuleError

CALLED: Final = frozenset({*abi.EXPORTS, "memory", abi.INITIALIZE})
"""The exports that the runtime knows of."""

_HEADER_SIZE: Final = 8
_CUSTOM, _TYPE, _TABLE, _EXPORT = 0, 1, 4, 7


@frozen(slots=True)
class Stripped:
    """A module without custom sections and without exports that nobody calls."""

    module: bytes
    initializes: bool
    """Whether it exports `_initialize`."""
    imports: bool
    """Whether it imports anything."""
    table_entries: int
    """Of its table, at the start and for good."""
    type_numbers: tuple[int, ...]
    """For each function type a number, from 1: the same for types that are equal."""


def strip(module: bytes) -> Stripped:
    """Take out what the ABI does not know. Raises ModuleError, with the place, for what it does not allow."""
    if len(module) > MAX_MODULE:
        raise ModuleError(
            f"the module has {len(module)} bytes, and at most {MAX_MODULE} are allowed", where="module"
        )
    structure = abi.check_module(module, Limits(memory=MAX_MEMORY))
    out = bytearray(module[:_HEADER_SIZE])
    table_entries, type_numbers = 0, tuple[int, ...]()
    cursor = Cursor(module, _HEADER_SIZE, len(module))
    while cursor.at < cursor.end:
        kind = cursor.byte()
        body = cursor.take(cursor.u32())
        if kind == _TYPE:
            type_numbers = _type_numbers(Cursor(body, 0, len(body)))
        elif kind == _TABLE:
            table_entries = _table_entries(Cursor(body, 0, len(body)))
        elif kind == _EXPORT:
            body = _exports(Cursor(body, 0, len(body)))
        if kind != _CUSTOM:
            out += bytes([kind]) + _leb(len(body)) + body
    return Stripped(
        module=bytes(out),
        initializes=abi.INITIALIZE in structure.exports,
        imports=bool(structure.imports),
        table_entries=table_entries,
        type_numbers=type_numbers,
    )


def _type_numbers(cursor: Cursor) -> tuple[int, ...]:
    known: dict[tuple[bytes, bytes], int] = {}
    numbers = []
    for _ in range(cursor.u32()):
        cursor.byte()
        parameters, results = cursor.take(cursor.u32()), cursor.take(cursor.u32())
        numbers.append(known.setdefault((parameters, results), len(known) + 1))
    return tuple(numbers)


def _exports(cursor: Cursor) -> bytes:
    """The section's content with the exports that the runtime calls."""
    kept = []
    for _ in range(cursor.u32()):
        start = cursor.at
        name = cursor.name()
        cursor.byte()
        cursor.u32()
        if name in CALLED:
            kept.append(cursor.data[start : cursor.at])
    return _leb(len(kept)) + b"".join(kept)


def _table_entries(cursor: Cursor) -> int:
    total = 0
    for _ in range(cursor.u32()):
        cursor.byte()
        has_maximum = cursor.byte() & 1
        total += cursor.u32()
        if has_maximum:
            cursor.u32()
    return total


def _leb(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
