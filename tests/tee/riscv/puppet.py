# SPDX-License-Identifier: Apache-2.0
"""A puppet enclave (enclaves/puppet.c): the tests' hand inside the TEE."""

from __future__ import annotations

import struct
from pathlib import Path

from ttee.tee.riscv import toolchain
from ttee.tee.riscv.enclave import EnclaveHandle
from ttee.tee.riscv.machine import Machine
from ttee.tee.riscv.mailbox import SBI_TTEE, SbiError, SbiResult
from ttee.tee.riscv.sources import firmware_sources

DEVICE_SECRET = bytes(range(1, 33))
ENCLAVES = Path(__file__).parent / "enclaves"


def config_page(*, authority: bytes = bytes(32), svn: int = 1) -> bytes:
    """A config page for a puppet: only what the monitor reads has to be right."""
    head = b"TTEECFG1" + bytes(48) + authority + struct.pack("<Q", svn)
    return head.ljust(4096, b"\0")


class Puppet:
    """An enclave that does as it is told (enclaves/puppet.c), created and entered once."""

    def __init__(
        self,
        machine: Machine,
        code: bytes,
        *,
        config: bytes | None = None,
        app: bytes = b"app",
        signature: bytes = b"",
        epm_size: int = 64 << 10,
        utm_size: int = 16 << 10,
    ) -> None:
        self.images = (code, config or config_page(), app)
        self.machine = machine
        self.handle: EnclaveHandle = machine.create_enclave(
            *self.images, epm_size=epm_size, utm_size=utm_size, signature=signature
        )
        self.words = self.handle.utm.cast("Q")
        assert self.handle.run() == SbiResult(SbiError.EDGE_CALL, 1)
        self.entry_registers = list(self.words[16:48])

    @property
    def epm(self) -> int:
        return self.handle.record.epm

    @property
    def scratch(self) -> int:
        """Free memory of the enclave that the puppet does not use."""
        return self.handle.record.free + 4096

    def obey(self, command: int, *arguments: int, timeout: float = 10.0) -> SbiResult:
        self.words[0] = command
        for index in range(8):
            self.words[1 + index] = (arguments[index] if index < len(arguments) else 0) & (2**64 - 1)
        return self.handle.resume(timeout=timeout)

    def sbi(self, function: int, *arguments: int, extension: int = SBI_TTEE) -> SbiResult:
        """Call the monitor from inside."""
        a0, a1, a2 = (*arguments, 0, 0, 0)[:3]
        assert self.obey(0, a0, a1, a2, 0, 0, 0, function, extension).error == SbiError.EDGE_CALL
        return SbiResult(self.words[9], self.words[10])

    def load(self, address: int) -> SbiResult:
        return self.obey(1, address)

    def store(self, address: int, value: int) -> SbiResult:
        return self.obey(2, address, value)

    def jump(self, address: int) -> SbiResult:
        return self.obey(3, address)

    def spin(self, loops: int, *, timeout: float = 10.0) -> SbiResult:
        return self.obey(4, loops, timeout=timeout)

    def copy_out(self, address: int, size: int) -> bytes:
        assert self.obey(5, address, size).error == SbiError.EDGE_CALL
        return bytes(self.handle.utm[1024 : 1024 + size])

    def copy_in(self, address: int, data: bytes) -> None:
        self.handle.utm[1024 : 1024 + len(data)] = data
        assert self.obey(6, address, len(data)).error == SbiError.EDGE_CALL

    def evidence(self, report_data: bytes) -> tuple[bytes, bytes]:
        """The report and the claims."""
        self.copy_in(self.scratch, report_data)
        result = self.sbi(3102, self.scratch + 64, 4096, self.scratch)
        assert result.error == SbiError.OK
        data = self.copy_out(self.scratch + 64, result.value)
        return data[:1352], data[1352:]


def build_puppet(scratch: Path) -> bytes:
    """Its flat image; `scratch` receives intermediate files."""
    return toolchain.link(
        ["puppet.c"],
        folder=ENCLAVES,
        script="enclave.ld",
        base=0,
        scratch=scratch,
        flags=(f"-I{firmware_sources()}/include", "-fno-jump-tables"),
    )
