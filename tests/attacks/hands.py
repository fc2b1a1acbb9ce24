# SPDX-License-Identifier: Apache-2.0
"""The attackers' hands: one in the host's S-mode and U-mode, one inside an evil enclave
(firmware/attacks.S).
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Self

from attrs import frozen

from ttee.tee.riscv import toolchain
from ttee.tee.riscv.enclave import EnclaveHandle
from ttee.tee.riscv.machine import Machine
from ttee.tee.riscv.mailbox import SBI_TTEE, Fault, SbiError, SbiResult

FIRMWARE = Path(__file__).parent / "firmware"
DEVICE_SECRET = bytes(range(1, 33))

ATTACKS_BASE = 0x8030_0000
"""Where the host keeps its attacks: memory that is its own, and that nothing else uses."""
SCRATCH = 0x8031_0000
USER_STACK = 0x8032_0000

_ENTRY = struct.Struct("<24sQ")
_MASK = (1 << 64) - 1


@frozen(slots=True)
class Attacks:
    """The image of attacks.S, and where in it each attack begins."""

    image: bytes
    offsets: Mapping[str, int]

    @classmethod
    def build(cls) -> Self:
        with tempfile.TemporaryDirectory(prefix="ttee-attacks-") as place:
            image = toolchain.link(
                ["attacks.S"],
                folder=FIRMWARE,
                script="attacks.ld",
                base=0,
                scratch=Path(place),
                cpu=f"{toolchain.CPU}+f+d",
            )
        offsets = {}
        at = len(image) - 2 * _ENTRY.size  # the last entry is all zeros
        while (name := _ENTRY.unpack_from(image, at)[0].rstrip(b"\0").decode("ascii", "ignore")) != "load":
            offsets[name] = _ENTRY.unpack_from(image, at)[1]
            at -= _ENTRY.size
        offsets["load"] = _ENTRY.unpack_from(image, at)[1]
        return cls(image, MappingProxyType(offsets))


@frozen(slots=True)
class Died:
    """The evil enclave was ended by a fault: mcause, which is all that the host learns."""

    cause: int


def csr_instruction(csr: int, *, write: bool) -> int:
    """`csrrw a0, csr, a0` or `csrr a0, csr` (RISC-V unprivileged architecture, Zicsr)."""
    a0, opcode, funct3 = 10, 0x73, 1 if write else 2
    return csr << 20 | (a0 if write else 0) << 15 | funct3 << 12 | a0 << 7 | opcode


class HostHand:
    """What host software can do: any instruction, in S-mode or in U-mode."""

    def __init__(self, machine: Machine, attacks: Attacks) -> None:
        self.machine = machine
        self.mailbox = machine.mailbox
        self._attacks = attacks
        machine.write(ATTACKS_BASE, attacks.image)

    def address(self, name: str) -> int:
        return ATTACKS_BASE + self._attacks.offsets[name]

    def attack(self, name: str, *arguments: int) -> tuple[int, int] | Fault:
        return self.mailbox.call(self.address(name), *arguments)

    def execute(self, word: int, *operands: int) -> tuple[int, int] | Fault:
        """Run one instruction with a0 and a1."""
        a0, a1 = (*operands, 0, 0)[:2]
        return self.attack("execute", a0, a1, SCRATCH, word)

    def as_user(self, name: str, argument: int) -> tuple[int, int]:
        """Run an attack in U-mode: scause, which is 8 if it went well and came back, and what it left in
        a0.
        """
        result = self.attack("as_user", self.address(name), argument)
        assert not isinstance(result, Fault)
        return result

    def refusals(self, address: int) -> set[str]:
        """Every way to touch an address, and the names of those that were refused."""
        box = self.mailbox
        ways: dict[str, object] = {f"load {8 * width}": box.load(address, width) for width in (1, 2, 4, 8)}
        ways |= {f"store {8 * width}": box.store(address, 0xEE, width) for width in (1, 2, 4, 8)}
        ways["fetch"] = box.fetch(address)
        ways["amo"] = self.attack("amo", address, 1)
        ways["load reserved"] = self.attack("load_reserved", address)
        return {name for name, result in ways.items() if isinstance(result, Fault)}


EVERY_WAY = frozenset(
    ["fetch", "amo", "load reserved"]
    + [f"{way} {bits}" for way in ("load", "store") for bits in (8, 16, 32, 64)]
)


def evil_config(*, authority: bytes = bytes(32), svn: int = 1) -> bytes:
    """A config page of which only what the monitor reads is right."""
    return (b"TTEECFG1" + bytes(48) + authority + struct.pack("<Q", svn)).ljust(4096, b"\0")


class EvilEnclave:
    """An enclave whose author is the attacker. It was entered once, and waits for what to attack."""

    def __init__(
        self,
        machine: Machine,
        attacks: Attacks,
        *,
        config: bytes | None = None,
        app: bytes = b"",
        epm_size: int = 64 << 10,
        utm_size: int = 8 << 10,
        signature: bytes = b"",
    ) -> None:
        self.images = (attacks.image, config or evil_config(), app)
        self._enter(
            machine.create_enclave(*self.images, epm_size=epm_size, utm_size=utm_size, signature=signature),
            attacks,
        )

    @classmethod
    def enter(cls, handle: EnclaveHandle, attacks: Attacks) -> Self:
        """One that was created already."""
        enclave = cls.__new__(cls)
        enclave._enter(handle, attacks)
        return enclave

    def _enter(self, handle: EnclaveHandle, attacks: Attacks) -> None:
        self.machine, self.handle, self._attacks = handle.machine, handle, attacks
        self.words = handle.utm.cast("Q")
        assert handle.run() == SbiResult(SbiError.EDGE_CALL, 1)
        self.registers_at_entry = list(self.words[128:160])

    @property
    def id(self) -> int:
        return self.handle.id

    @property
    def epm(self) -> int:
        return self.handle.record.epm

    @property
    def epm_end(self) -> int:
        return self.epm + self.handle.record.epm_size

    @property
    def utm(self) -> int:
        return self.handle.record.utm

    @property
    def scratch(self) -> int:
        """Free memory of the enclave, in the middle of it."""
        return self.handle.record.free + 4096

    def tell(self, name: str, *arguments: int) -> None:
        """Say what to do when it is entered next."""
        self.words[0] = self._attacks.offsets[name]
        for index, value in enumerate((*arguments, *(0,) * (8 - len(arguments)))):
            self.words[1 + index] = value & _MASK

    def attack(self, name: str, *arguments: int) -> tuple[int, int] | Died:
        """Do it: a0 and a1, or how it died."""
        before = self.words[11]
        self.tell(name, *arguments)
        result = self.handle.resume()
        if result.error == SbiError.FAULTED:
            return Died(result.value)
        assert result == SbiResult(SbiError.EDGE_CALL, 1)
        assert self.words[11] == before + 1
        return self.words[9], self.words[10]

    def execute(self, word: int, *operands: int) -> tuple[int, int] | Died:
        """Run one instruction with a0 and a1."""
        a0, a1 = (*operands, 0, 0)[:2]
        return self.attack("execute", a0, a1, self.scratch, word)

    def sbi(self, function: int, *arguments: int, extension: int = SBI_TTEE) -> SbiResult:
        """Call the monitor from inside."""
        padded = (*arguments, *(0,) * (6 - len(arguments)))
        result = self.attack("call_monitor", *padded, function, extension)
        assert not isinstance(result, Died)
        return SbiResult(*result)

    def put(self, address: int, data: bytes) -> None:
        """Have the enclave copy `data` into its own memory."""
        self.handle.utm[4096 : 4096 + len(data)] = data
        assert not isinstance(self.attack("copy", address, self.utm + 4096, len(data)), Died)

    def get(self, address: int, size: int) -> bytes:
        """Have the enclave tell what its memory holds."""
        assert not isinstance(self.attack("copy", self.utm + 4096, address, size), Died)
        return bytes(self.handle.utm[4096 : 4096 + size])
