# SPDX-License-Identifier: Apache-2.0
"""The sections of a module (Core Specification 2.0, section 5.5)."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final

from attrs import frozen

from ttee.app.wasm.code import Counts, FunctionReader
from ttee.app.wasm.cursor import Cursor

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_PAGES: Final = 65536
"""Pages of 64 KiB that 32-bit addresses reach."""
MAX_TABLE: Final = 65536
"""Entries of a table."""
MAX_VALUES: Final = 1000
"""Parameters, and results, of a function type."""

_HEADER: Final = b"\0asm\1\0\0\0"
_DATA_COUNT: Final = 12
_ORDER: Final = (1, 2, 3, 4, 5, 6, 7, 8, 9, _DATA_COUNT, 10, 11)
"""Section numbers in the order they must have; the data count stands before the code (section 5.5.2)."""
_CONSTANT: Final = {"i32": 0x41, "i64": 0x42, "f32": 0x43, "f64": 0x44}
"""The instruction that is a constant of each type (section 5.4.7)."""


class Kind(IntEnum):
    """What can be imported and exported (section 5.5.5)."""

    FUNCTION = 0
    TABLE = 1
    MEMORY = 2
    GLOBAL = 3


@frozen(slots=True)
class FunctionType:
    """Parameters and results, by the names of their types: i32, i64, f32, f64."""

    params: tuple[str, ...]
    results: tuple[str, ...]

    def __str__(self) -> str:
        """As people write it."""
        return f"({', '.join(self.params)}) -> ({', '.join(self.results)})"


@frozen(slots=True)
class Import:
    """Something that the module wants; `type` is None for what is no function."""

    module: str
    name: str
    kind: Kind
    type: FunctionType | None
    offset: int


@frozen(slots=True)
class Export:
    """Something that the module offers; `type` is None for what is no function."""

    kind: Kind
    type: FunctionType | None
    offset: int


@frozen(slots=True)
class Memory:
    """The linear memory, in pages of 64 KiB; `maximum` is None when none is declared."""

    minimum: int
    maximum: int | None
    offset: int


@frozen(slots=True)
class Module:
    """What the structure of a module says."""

    imports: tuple[Import, ...]
    exports: dict[str, Export]
    memory: Memory | None
    start: int | None
    """The offset of the start section, if there is one."""


def read_module(data: bytes) -> Module:
    """The structure of a module. Raises ModuleError, with the offset, for any bytes that are none."""
    return _Reader(data).module()


class _Reader:
    """One pass over the sections; each may speak only of what stands before it."""

    def __init__(self, data: bytes) -> None:
        self._in = Cursor(data, 0, len(data))
        self._types: list[FunctionType] = []
        self._functions: list[FunctionType] = []
        self._defined: list[FunctionType] = []
        self._imports: list[Import] = []
        self._exports: dict[str, Export] = {}
        self._memory: Memory | None = None
        self._tables = 0
        self._globals = 0
        self._elements = 0
        self._data_count: int | None = None
        self._start: int | None = None
        self._bodies = 0
        self._segments = 0
        self._reader: FunctionReader | None = None

    def module(self) -> Module:
        if self._in.data[: len(_HEADER)] != _HEADER:
            raise self._in.error("it does not start as a WebAssembly module of version 1 does", "5.5.16")
        self._in.at = len(_HEADER)
        place, total = 0, len(self._in.data)
        while self._in.at < total:
            start = self._in.at
            number, size = self._in.byte(), self._in.u32()
            if size > total - self._in.at:
                raise self._in.error(
                    f"section {number} has {size} bytes, {total - self._in.at} are left", "5.5.2", start
                )
            self._in.end = self._in.at + size
            if number == 0:
                self._in.name()
                self._in.at = self._in.end
            else:
                place = self._placed(number, place, start)
                self._section(number, start)
            if self._in.at != self._in.end:
                raise self._in.error(f"section {number} goes on after its contents", "5.5.2")
            self._in.end = total
        self._complete()
        return Module(tuple(self._imports), self._exports, self._memory, self._start)

    def _placed(self, number: int, place: int, start: int) -> int:
        if number not in _ORDER:
            raise self._in.error(f"there is no section {number} that an app can use", "5.5.2", start)
        if _ORDER.index(number) < place:
            raise self._in.error(f"section {number} stands twice or too late", "5.5.2", start)
        return _ORDER.index(number) + 1

    def _section(self, number: int, start: int) -> None:
        readers: dict[int, Callable[[], None]] = {
            1: self._type,
            2: self._import,
            3: self._function,
            4: self._table,
            5: self._one_memory,
            6: self._global,
            7: self._export,
            9: self._element,
            10: self._code,
            11: self._data,
        }
        if number == _DATA_COUNT:
            self._data_count = self._in.u32()
        elif number == 8:
            self._start = start
            self._in.index("function", len(self._functions))
        else:
            self._in.vector(readers[number])

    def _complete(self) -> None:
        if self._bodies != len(self._defined):
            raise self._in.error(
                f"{len(self._defined)} functions are declared, {self._bodies} have code", "5.5.16"
            )
        if self._data_count not in (None, self._segments):
            raise self._in.error(
                f"{self._data_count} data segments are announced, {self._segments} are there", "5.5.16"
            )

    def _type(self) -> None:
        start = self._in.at
        if self._in.byte() != 0x60:
            raise self._in.error("no function type", "5.3.6", start)
        params, results = self._in.vector(self._in.value_type), self._in.vector(self._in.value_type)
        if max(len(params), len(results)) > MAX_VALUES:
            raise self._in.error(f"a type has more than {MAX_VALUES} parameters or results", "5.3.6", start)
        self._types.append(FunctionType(tuple(params), tuple(results)))

    def _import(self) -> None:
        start = self._in.at
        module, name, kind = self._in.name(), self._in.name(), self._kind()
        function = None
        if kind is Kind.FUNCTION:
            function = self._types[self._in.index("type", len(self._types))]
            self._functions.append(function)
        elif kind is Kind.TABLE:
            self._table()
        elif kind is Kind.MEMORY:
            self._one_memory()
        else:
            self._global_type()
            self._globals += 1
        self._imports.append(Import(module, name, kind, function, start))

    def _function(self) -> None:
        function = self._types[self._in.index("type", len(self._types))]
        self._functions.append(function)
        self._defined.append(function)

    def _table(self) -> None:
        start = self._in.at
        if self._in.byte() != 0x70:
            raise self._in.error("a table of something else than functions", "5.3.9", start)
        self._limits(MAX_TABLE, "entries")
        self._tables += 1
        if self._tables > 1:
            raise self._in.error("a second table; apps have one", "2.5.4", start)

    def _one_memory(self) -> None:
        start = self._in.at
        minimum, maximum = self._limits(MAX_PAGES, "pages")
        if self._memory is not None:
            raise self._in.error("a second memory; apps have one", "2.5.5", start)
        self._memory = Memory(minimum, maximum, start)

    def _limits(self, most: int, what: str) -> tuple[int, int | None]:
        start = self._in.at
        flags = self._in.byte()
        if flags not in (0, 1):
            raise self._in.error("limits of a shared or 64-bit memory, which apps cannot use", "5.3.7", start)
        minimum = self._in.u32()
        maximum = self._in.u32() if flags else None
        if minimum > most or (maximum is not None and not minimum <= maximum <= most):
            bounds = f"{minimum} to {'any number of' if maximum is None else maximum} {what}"
            raise self._in.error(
                f"{bounds}: at most {most} are allowed, and no fewer than at first", "5.3.7", start
            )
        return minimum, maximum

    def _global(self) -> None:
        self._constant(self._global_type())
        self._globals += 1

    def _global_type(self) -> str:
        value = self._in.value_type()
        start = self._in.at
        if self._in.byte() > 1:
            raise self._in.error("a global is neither constant nor mutable", "5.3.10", start)
        return value

    def _constant(self, value: str) -> None:
        start = self._in.at
        if self._in.byte() != _CONSTANT[value]:
            raise self._in.error(f"no constant of the type {value}", "5.4.9", start)
        if value in ("i32", "i64"):
            self._in.signed(int(value[1:]))
        else:
            self._in.take(int(value[1:]) // 8)
        if self._in.byte() != 0x0B:
            raise self._in.error("a constant of more than one instruction", "5.4.9", start)

    def _export(self) -> None:
        start = self._in.at
        name, kind = self._in.name(), self._kind()
        counts = (len(self._functions), self._tables, int(self._memory is not None), self._globals)
        index = self._in.index(kind.name.lower(), counts[kind])
        if name in self._exports:
            raise self._in.error(f"{name[:64]!r} is exported twice", "5.5.10", start)
        function = self._functions[index] if kind is Kind.FUNCTION else None
        self._exports[name] = Export(kind, function, start)

    def _element(self) -> None:
        start, flags = self._in.at, self._in.u32()
        if flags > 3:
            raise self._in.error(
                "an element segment of reference types, which apps cannot use", "5.5.12", start
            )
        if flags in (0, 2):
            if flags == 2:
                self._in.zero("table")
            if not self._tables:
                raise self._in.error("an element segment for a table that is not there", "5.5.12", start)
            self._constant("i32")
        if flags and self._in.byte() != 0:
            raise self._in.error("elements that are no functions", "5.5.12", start)
        self._in.vector(lambda: self._in.index("function", len(self._functions)))
        self._elements += 1

    def _code(self) -> None:
        start = self._in.at
        if self._bodies == len(self._defined):
            raise self._in.error("code of a function that is not declared", "5.5.13", start)
        size = self._in.u32()
        section_end = self._in.end
        if size > section_end - self._in.at:
            raise self._in.error(
                f"a function of {size} bytes, {section_end - self._in.at} are left", "5.5.13", start
            )
        self._in.end = self._in.at + size
        if self._reader is None:
            self._reader = FunctionReader(self._in, self._counts())
        self._reader.read(len(self._defined[self._bodies].params))
        self._in.end = section_end
        self._bodies += 1

    def _counts(self) -> Counts:
        return Counts(
            types=len(self._types),
            functions=len(self._functions),
            tables=self._tables,
            memories=int(self._memory is not None),
            globals=self._globals,
            elements=self._elements,
            data=self._data_count or 0,
        )

    def _data(self) -> None:
        start, flags = self._in.at, self._in.u32()
        if flags > 2:
            raise self._in.error("a data segment of no known kind", "5.5.14", start)
        if flags != 1:
            if flags == 2:
                self._in.zero("memory")
            if self._memory is None:
                raise self._in.error("a data segment for a memory that is not there", "5.5.14", start)
            self._constant("i32")
        self._in.take(self._in.u32())
        self._segments += 1

    def _kind(self) -> Kind:
        number = self._in.byte()
        if number > max(Kind):
            raise self._in.error("neither function, table, memory nor global", "5.5.5", self._in.at - 1)
        return Kind(number)
