# SPDX-License-Identifier: Apache-2.0
"""The instructions of a function (Core Specification 2.0, section 5.4): which they are, and what they name.

An instruction that some TEE's compiler does not know is refused, by the name of its feature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable

    from ttee.app.wasm.cursor import Cursor
    from ttee.errors import ModuleError

MAX_LOCALS: Final = 50_000
"""Locals of a function, its parameters among them."""
MAX_DEPTH: Final = 1000
"""Blocks within blocks."""


@frozen(slots=True)
class Counts:
    """How many there are of what an instruction can name."""

    types: int
    functions: int
    tables: int
    memories: int
    globals: int
    elements: int
    data: int


_BLOCK, _LOOP, _IF, _ELSE, _END, _CALL_INDIRECT, _BULK = 0x02, 0x03, 0x04, 0x05, 0x0B, 0x11, 0xFC

_PLAIN: Final = frozenset((0x00, 0x01, 0x0F, 0x1A, 0x1B, *range(0x45, 0xC5)))
"""Instructions that name nothing: control, parametric, numeric with sign extension."""

_REFUSED: Final = {
    **dict.fromkeys((0x06, 0x07, 0x08, 0x09, 0x0A, 0x18, 0x19, 0x1F), "exception handling"),
    **dict.fromkeys((0x12, 0x13), "tail calls"),
    **dict.fromkeys((0x14, 0x15, 0xD3, 0xD4, 0xD5, 0xD6, 0xFB), "garbage collection"),
    **dict.fromkeys((0x1C, 0x25, 0x26, 0xD0, 0xD1, 0xD2), "reference types"),
    0xFD: "SIMD",
    0xFE: "threads",
}


class FunctionReader:
    """Reads one function after the other. Raises ModuleError with the offset."""

    def __init__(self, cursor: Cursor, counts: Counts) -> None:
        """`cursor` stands before the first function."""
        self._in = cursor
        self._counts = counts
        self._locals = 0
        self._blocks: list[int] = []
        self._immediates: dict[int, Callable[[], object]] = {
            **dict.fromkeys((_BLOCK, _LOOP, _IF), self._block_type),
            **dict.fromkeys((0x0C, 0x0D), self._label),
            0x0E: self._label_table,
            0x10: lambda: self._in.index("function", counts.functions),
            _CALL_INDIRECT: self._call_indirect,
            **dict.fromkeys((0x20, 0x21, 0x22), lambda: self._in.index("local", self._locals)),
            **dict.fromkeys((0x23, 0x24), lambda: self._in.index("global", counts.globals)),
            **dict.fromkeys(range(0x28, 0x3F), self._memory_argument),
            **dict.fromkeys((0x3F, 0x40), self._memory),
            0x41: lambda: self._in.signed(32),
            0x42: lambda: self._in.signed(64),
            0x43: lambda: self._in.take(4),
            0x44: lambda: self._in.take(8),
            _BULK: self._prefixed,
        }

    def read(self, parameters: int) -> None:
        """Read the locals and instructions of a function with that many parameters, to the cursor's end."""
        self._locals = parameters
        self._blocks = [_BLOCK]
        self._in.vector(self._local_group)
        cursor, immediates, blocks = self._in, self._immediates, self._blocks
        while blocks:
            opcode = cursor.byte()
            if opcode in _PLAIN:
                continue
            if opcode == _END:
                blocks.pop()
            elif opcode == _ELSE:
                if blocks[-1] != _IF:
                    raise cursor.error("an else without an if", "5.4.1", cursor.at - 1)
                blocks[-1] = _ELSE
            elif opcode in immediates:
                immediates[opcode]()
                if opcode <= _IF:
                    self._open(opcode)
            else:
                raise self._unusable(opcode)
        if cursor.at != cursor.end:
            raise cursor.error("code after the end of its function", "5.5.13")

    def _open(self, opcode: int) -> None:
        if len(self._blocks) > MAX_DEPTH:
            raise self._in.error(f"blocks are nested deeper than {MAX_DEPTH} levels", "5.4.1")
        self._blocks.append(opcode)

    def _unusable(self, opcode: int) -> ModuleError:
        feature = _REFUSED.get(opcode)
        why = f"of {feature}, which apps cannot use" if feature else "is none"
        return self._in.error(f"instruction 0x{opcode:02x} {why}", "5.4", self._in.at - 1)

    def _local_group(self) -> None:
        start = self._in.at
        self._locals += self._in.u32()
        if self._locals > MAX_LOCALS:
            raise self._in.error(f"a function has more than {MAX_LOCALS} locals", "5.5.13", start)
        self._in.value_type()

    def _block_type(self) -> None:
        """Nothing, one value type, or the index of a function type."""
        start = self._in.at
        if self._in.byte() == 0x40:
            return
        self._in.at = start
        if self._in.data[start] & 0xC0 == 0x40:
            self._in.value_type()
        elif not 0 <= self._in.signed(33) < self._counts.types:
            raise self._in.error("a block of a type that is not there", "5.4.1", start)

    def _label(self) -> None:
        self._in.index("enclosing block", len(self._blocks))

    def _label_table(self) -> None:
        self._in.vector(self._label)
        self._label()

    def _call_indirect(self) -> None:
        self._in.index("type", self._counts.types)
        self._table()

    def _table(self) -> None:
        self._in.index("table", self._counts.tables)

    def _memory(self) -> None:
        self._in.index("memory", self._counts.memories)

    def _memory_argument(self) -> None:
        start = self._in.at
        if not self._counts.memories:
            raise self._in.error("there is no memory", "2.5.5", start)
        if self._in.u32() > 3:
            raise self._in.error("an alignment larger than any value", "5.4.6", start)
        self._in.u32()

    def _prefixed(self) -> None:
        """Saturating conversion (0 to 7) and bulk memory; growing tables is of reference types."""
        start = self._in.at - 1
        number = self._in.u32()
        if number > 14:
            feature = "reference types" if number <= 17 else "no feature that apps can use"
            raise self._in.error(f"instruction 0xfc {number} of {feature}", "5.4", start)
        if number == 8:
            self._data()
            self._memory()
        elif number == 9:
            self._data()
        elif number == 10:
            self._memory()
            self._memory()
        elif number == 11:
            self._memory()
        elif number == 12:
            self._element()
            self._table()
        elif number == 13:
            self._element()
        elif number == 14:
            self._table()
            self._table()

    def _data(self) -> None:
        self._in.index("data segment", self._counts.data)

    def _element(self) -> None:
        self._in.index("element segment", self._counts.elements)
