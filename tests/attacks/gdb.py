# SPDX-License-Identifier: Apache-2.0
"""The debug port: a small client of the GDB remote protocol (GDB manual, appendix E) over QEMU's stub.

    with Debugger(machine) as port:     # the processor stands still meanwhile
        port.register("mtvec")
        port.break_at(0x8000_0000)
        port.go()

Whoever holds this port is past all protection: the stub reads physical memory and every register.
"""

from __future__ import annotations

import re
import select
import socket
from threading import Thread
from types import TracebackType
from typing import Self

from ttee.tee.riscv.machine import Machine


class Debugger:
    """A connection to a machine started with `gdb=True`. Entering it stops the processor, leaving lets it run."""

    def __init__(self, machine: Machine, *, timeout: float = 10.0) -> None:
        connection = machine.qemu.gdb
        assert connection is not None
        self._socket: socket.socket = connection
        self._socket.settimeout(timeout)
        self._buffer = b""
        self._numbers: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._socket.sendall(b"\x03")
        self._stopped()
        if not self._numbers:
            self._read_numbers()
        assert self.ask("Qqemu.PhyMemMode:1") == "OK"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._send("c")

    def register(self, name: str) -> int:
        """A general, floating-point or control register."""
        return int.from_bytes(bytes.fromhex(self.ask(f"p{self._numbers[name]:x}")), "little")

    def set_register(self, name: str, value: int) -> None:
        raw = value.to_bytes(8, "little").hex()
        assert self.ask(f"P{self._numbers[name]:x}={raw}") == "OK"

    @property
    def registers(self) -> frozenset[str]:
        """The names of all registers that the port knows."""
        return frozenset(self._numbers)

    def memory(self, address: int, size: int) -> bytes:
        return bytes.fromhex(self.ask(f"m{address:x},{size:x}"))

    def set_memory(self, address: int, data: bytes) -> None:
        assert self.ask(f"M{address:x},{len(data):x}:{data.hex()}") == "OK"

    def break_at(self, address: int) -> None:
        assert self.ask(f"Z1,{address:x},4") == "OK"

    def unbreak(self, address: int) -> None:
        assert self.ask(f"z1,{address:x},4") == "OK"

    def watch_reads(self, address: int, size: int) -> None:
        assert self.ask(f"Z3,{address:x},{size:x}") == "OK"

    def unwatch_reads(self, address: int, size: int) -> None:
        assert self.ask(f"z3,{address:x},{size:x}") == "OK"

    def runs_into_something(self, meanwhile: Thread) -> bool:
        """Run on; True before what was waited for, False (stopped, too) once `meanwhile` has ended."""
        self._send("c")
        while meanwhile.is_alive():
            if select.select([self._socket], [], [], 0.005)[0]:
                self._buffer += self._socket.recv(65536)
            if self._complete() is not None:
                return True
        self._socket.sendall(b"\x03")
        self._stopped()
        return False

    def go(self) -> None:
        """Run to the next breakpoint."""
        self._send("c")
        self._stopped()

    def step(self) -> None:
        """One instruction."""
        self._send("s")
        self._stopped()

    def ask(self, packet: str) -> str:
        self._send(packet)
        return self._packet()

    def _read_numbers(self) -> None:
        """What the registers are called, from the stub's description of its target."""
        number = 0
        files = re.findall(r'href="([^"]+)"', self._feature("target.xml"))
        for tag in (tag for file in files for tag in re.findall(r"<reg [^>]*>", self._feature(file))):
            fields = dict(re.findall(r'(\w+)="([^"]*)"', tag))
            number = int(fields.get("regnum", number))
            self._numbers[fields["name"]] = number
            number += 1

    def _feature(self, name: str) -> str:
        text = ""
        while True:
            part = self.ask(f"qXfer:features:read:{name}:{len(text):x},800")
            text += part[1:]
            if part.startswith("l"):
                return text

    def _send(self, packet: str) -> None:
        checksum = sum(packet.encode()) % 256
        self._socket.sendall(f"${packet}#{checksum:02x}".encode())

    def _stopped(self) -> None:
        while not self._packet().startswith("T"):
            pass

    def _packet(self) -> str:
        while (packet := self._complete()) is None:
            self._buffer += self._socket.recv(65536)
        return packet

    def _complete(self) -> str | None:
        """The next packet, if it has come."""
        start = self._buffer.find(b"$")
        end = self._buffer.find(b"#", start + 1)
        if not 0 <= start < end or len(self._buffer) < end + 3:
            return None
        packet = self._buffer[start + 1 : end]
        self._buffer = self._buffer[end + 3 :]
        self._socket.sendall(b"+")
        return packet.decode("latin-1")
