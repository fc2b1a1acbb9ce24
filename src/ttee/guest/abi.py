# SPDX-License-Identifier: Apache-2.0
"""What an app imports (docs/spec/app-abi.md, section "Imports"), over any linear memory.

Every argument comes from the app: addresses and lengths are taken as unsigned, and checked by the memory.
"""

from __future__ import annotations

import os
from enum import IntEnum
from typing import TYPE_CHECKING, Final, Protocol

from attrs import frozen

from ttee.codec.printable import printable
from ttee.guest import registers
from ttee.guest.sealing import KEY, OVERHEAD, Sealer
from ttee.guest.statement import MAX_USER_DATA

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_LINE: Final = 1024
MAX_PATH: Final = 128
_U32: Final = 0xFFFFFFFF


class Result(IntEnum):
    """What an import answers an app below a length."""

    OK = 0
    TOO_SMALL = -1
    LOG_FULL = -2
    NOT_SEALED = -3
    REFUSED = -4


class TrapError(Exception):
    """The app broke the rules; the message says how. It ends the instance."""


class LinearMemory(Protocol):
    """The app's memory."""

    def check(self, address: int, length: int) -> None:
        """Raise TrapError for a range that leaves the memory."""

    def read(self, address: int, length: int) -> bytes:
        """The bytes of a range that was checked."""

    def write(self, address: int, data: bytes) -> None:
        """Set a range that was checked."""


@frozen(slots=True)
class Services:
    """The seven imports. A method's name is the import's; arguments are i32, as WebAssembly engines give them."""

    memory: LinearMemory
    registers: registers.RuntimeRegisters
    sealer: Sealer
    line: Callable[[str], None]
    """Takes one line for the operator, without control characters."""
    evidence: Callable[[bytes], bytes | None]
    """Makes evidence over user data, as CBOR; None when the TEE refuses."""
    entropy: Callable[[int], bytes] = os.urandom

    def random(self, out: int, length: int) -> None:
        """Fill the range."""
        self._range(out, length)
        self.memory.write(out & _U32, self.entropy(length & _U32))

    def log(self, text: int, length: int) -> None:
        """One line, cut at `MAX_LINE` bytes."""
        self._range(text, length)
        self.line(one_line(self.memory.read(text & _U32, min(length & _U32, MAX_LINE))))

    def extend(self, name: int, name_length: int, payload: int, payload_length: int) -> int:
        """Extend register 3 and its log."""
        self._range(name, name_length)
        self._range(payload, payload_length)
        if not 1 <= name_length & _U32 <= registers.MAX_NAME or payload_length & _U32 > registers.MAX_PAYLOAD:
            return Result.REFUSED
        try:
            text = self._read(name, name_length).decode()
        except UnicodeDecodeError:
            return Result.REFUSED
        extended = self.registers.extend(registers.APP, text, self._read(payload, payload_length))
        return Result.OK if extended else Result.LOG_FULL

    def derive_key(self, path: int, path_length: int, out: int) -> None:
        """32 bytes for the app; a path that is too long is a trap."""
        self._range(path, path_length)
        self._range(out, KEY)
        if path_length & _U32 > MAX_PATH:
            raise TrapError(f"derive_key with a path of more than {MAX_PATH} bytes")
        self.memory.write(out & _U32, self.sealer.app_key(self._read(path, path_length)))

    def seal(self, content: int, length: int, out: int, capacity: int) -> int:
        """Encrypt for later runs."""
        self._range(content, length)
        self._range(out, capacity)
        if (length & _U32) + OVERHEAD > capacity & _U32:
            return Result.TOO_SMALL
        return self._answer(self.sealer.seal(self._read(content, length)), out, capacity)

    def unseal(self, blob: int, length: int, out: int, capacity: int) -> int:
        """The reverse of `seal`."""
        self._range(blob, length)
        self._range(out, capacity)
        if length & _U32 < OVERHEAD:
            return Result.NOT_SEALED
        if (length & _U32) - OVERHEAD > capacity & _U32:
            return Result.TOO_SMALL
        content = self.sealer.unseal(self._read(blob, length))
        return Result.NOT_SEALED if content is None else self._answer(content, out, capacity)

    def report(self, user_data: int, length: int, out: int, capacity: int) -> int:
        """Evidence over what the app chooses."""
        self._range(user_data, length)
        self._range(out, capacity)
        if length & _U32 > MAX_USER_DATA:
            return Result.REFUSED
        evidence = self.evidence(self._read(user_data, length))
        return Result.REFUSED if evidence is None else self._answer(evidence, out, capacity)

    def _range(self, address: int, length: int) -> None:
        self.memory.check(address & _U32, length & _U32)

    def _read(self, address: int, length: int) -> bytes:
        return self.memory.read(address & _U32, length & _U32)

    def _answer(self, data: bytes, out: int, capacity: int) -> int:
        if len(data) > capacity & _U32:
            return Result.TOO_SMALL
        self.memory.write(out & _U32, data)
        return len(data)


def one_line(text: bytes) -> str:
    """What an app logged, fit for a terminal: one line, nothing in it that a terminal obeys."""
    return printable(text.decode(errors="replace"))
