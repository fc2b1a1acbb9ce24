# SPDX-License-Identifier: Apache-2.0
"""A place in a module's bytes, and the values that stand there (Core Specification 2.0, section 5.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from attrs import define

from ttee.errors import ModuleError

MAX_NAME: Final = 1000

_T = TypeVar("_T")
_VALUE_TYPES: Final = {0x7F: "i32", 0x7E: "i64", 0x7D: "f32", 0x7C: "f64"}
_OTHER_TYPES: Final = {0x7B: "SIMD", 0x70: "reference types", 0x6F: "reference types"}


@define(slots=True)
class Cursor:
    """Reads forward, never beyond `end`. Every method raises ModuleError with the offset of what is wrong."""

    data: bytes
    at: int
    end: int

    def error(self, message: str, section: str, at: int | None = None) -> ModuleError:
        """What to raise about what stands at `at`, by default here."""
        return ModuleError(
            message,
            where=f"module, byte {self.at if at is None else at}",
            source=f"WebAssembly Core Specification 2.0, section {section}",
        )

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        if count > self.end - self.at:
            raise self.error(f"{count} bytes are needed, and {self.end - self.at} are left", "5.1.3")
        self.at += count
        return self.data[self.at - count : self.at]

    def byte(self) -> int:
        """The next byte."""
        at = self.at
        if at >= self.end:
            raise self.error("it is cut short", "5.1.3")
        self.at = at + 1
        return self.data[at]

    def u32(self) -> int:
        """An unsigned LEB128 number of at most 32 bits."""
        start, value = self.at, 0
        for shift in range(0, 35, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if value >> 32:
                    break
                return value
        raise self.error("a number has more than 32 bits", "5.2.2", start)

    def signed(self, bits: int) -> int:
        """A signed LEB128 number of at most `bits` bits."""
        start, value = self.at, 0
        for shift in range(0, bits, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if byte & 0x40:
                    value -= 1 << shift + 7
                if not -(1 << bits - 1) <= value < 1 << bits - 1:
                    break
                return value
        raise self.error(f"a number has more than {bits} bits", "5.2.2", start)

    def name(self) -> str:
        """A UTF-8 name."""
        start, length = self.at, self.u32()
        if length > MAX_NAME:
            raise self.error(f"a name has {length} bytes; at most {MAX_NAME} are allowed", "5.2.4", start)
        try:
            return self.take(length).decode()
        except UnicodeDecodeError:
            raise self.error("a name is not UTF-8", "5.2.4", start) from None

    def vector(self, read: Callable[[], _T]) -> list[_T]:
        """Items, as many as the number before them says; each takes at least one byte."""
        start, count = self.at, self.u32()
        if count > self.end - self.at:
            raise self.error(f"{count} items cannot stand in {self.end - self.at} bytes", "5.1.3", start)
        return [read() for _ in range(count)]

    def index(self, what: str, count: int) -> int:
        """An index below `count`."""
        start, value = self.at, self.u32()
        if value >= count:
            raise self.error(f"there is no {what} {value}; there are {count}", "2.5.1", start)
        return value

    def value_type(self) -> str:
        """The name of a number type."""
        byte = self.byte()
        if byte in _VALUE_TYPES:
            return _VALUE_TYPES[byte]
        if byte in _OTHER_TYPES:
            raise self.error(f"a value of {_OTHER_TYPES[byte]}, which apps cannot use", "5.3.1", self.at - 1)
        raise self.error(f"0x{byte:02x} is no value type", "5.3.1", self.at - 1)

    def zero(self, what: str) -> None:
        """The number zero: there is one `what` only."""
        start = self.at
        if self.u32():
            raise self.error(f"it names another {what} than the first; apps have one", "2.5.1", start)
