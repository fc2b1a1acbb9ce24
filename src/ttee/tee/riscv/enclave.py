# SPDX-License-Identifier: Apache-2.0
"""Enclaves as the host sees them: where they lie, what the monitor is told about them, and a handle to each."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Self

from attrs import define, field, frozen

from ttee.errors import TeeError
from ttee.tee.riscv.mailbox import Call, SbiError, SbiResult
from ttee.tee.riscv.measure import PAGE, enclave_measurement, padded

if TYPE_CHECKING:
    from ttee.tee.riscv.machine import Machine


@frozen(slots=True)
class CreationRecord:
    """What the monitor is given to create an enclave: physical addresses and sizes (docs/spec/riscv.md, section 3)."""

    epm: int
    epm_size: int
    utm: int
    utm_size: int
    runtime: int
    """Of the config page, which follows the enclave runtime."""
    user: int
    """Of the app."""
    free: int
    reserved: int = 0
    signature: bytes = bytes(64)

    def encode(self) -> bytes:
        """The 128 bytes in host memory."""
        words = (
            self.epm,
            self.epm_size,
            self.utm,
            self.utm_size,
            self.runtime,
            self.user,
            self.free,
            self.reserved,
        )
        return struct.pack("<8Q64s", *words, self.signature)


@define
class Pool:
    """Memory from `start` to `end` (exclusive), handed out so that all shared pages lie below all enclaves.

    An enclave's runtime relies on that: whatever lies above its memory is closed to it.
    """

    start: int
    end: int
    _shared: list[range] = field(factory=list)
    _private: list[range] = field(factory=list)

    def shared(self, size: int) -> range:
        """Room for shared pages, lowest first. Raises TeeError when there is none."""
        limit = min((taken.start for taken in self._private), default=self.end)
        return self._take(range(_up(self.start, size), limit - size + 1, size), size, self._shared)

    def private(self, size: int) -> range:
        """Room for an enclave, highest first. Raises TeeError when there is none."""
        limit = max((taken.stop for taken in self._shared), default=self.start)
        highest = (self.end - size) // size * size
        return self._take(range(highest, limit - 1, -size), size, self._private)

    def give_back(self, place: range) -> None:
        """Return what `shared` or `private` gave."""
        (self._shared if place in self._shared else self._private).remove(place)

    def _take(self, candidates: range, size: int, taken: list[range]) -> range:
        for start in candidates:
            if all(start + size <= other.start or start >= other.stop for other in taken):
                taken.append(range(start, start + size))
                return taken[-1]
        raise TeeError(
            f"the machine has no room left for {size} bytes of enclave memory",
            hint="give it more memory, or end an app",
        )


def _up(address: int, size: int) -> int:
    return -(-address // size) * size


class EnclaveHandle:
    """An enclave that the monitor created. `utm` is the memory it shares with us: hostile bytes, like all it says."""

    def __init__(self, machine: Machine, id_: int, record: CreationRecord, measurement: bytes) -> None:
        """Use `Machine.create_enclave`."""
        self.machine = machine
        self.id = id_
        self.record = record
        self.measurement = measurement
        """As we recompute it; the monitor's own is in the evidence."""
        self.utm = machine.view(record.utm, record.utm_size)
        self._alive = True

    @classmethod
    def create(
        cls,
        machine: Machine,
        images: tuple[bytes, bytes, bytes],
        *,
        epm_size: int,
        utm_size: int,
        signature: bytes = b"",
    ) -> Self:
        """See `Machine.create_enclave`."""
        for size in (epm_size, utm_size):
            if size < PAGE or size & (size - 1):
                raise ValueError(f"{size} is not a power of two of at least {PAGE}")
        pages = [padded(image) for image in images]
        if sum(map(len, pages)) > epm_size:
            raise TeeError(f"the enclave's images do not fit into its {epm_size} bytes of memory")
        pool = machine.pool
        utm = pool.shared(utm_size)
        try:
            epm = pool.private(epm_size)
        except TeeError:
            pool.give_back(utm)
            raise
        runtime = epm.start + len(pages[0])
        user = runtime + len(pages[1])
        record = CreationRecord(
            *(epm.start, epm_size, utm.start, utm_size),
            *(runtime, user, user + len(pages[2])),
            signature=signature or bytes(64),
        )
        machine.write(epm.start, b"".join(pages))
        result = machine.create(record)
        if result.error != SbiError.OK:
            pool.give_back(utm)
            pool.give_back(epm)
            raise TeeError(f"the monitor refused to create the enclave: {describe(result)}")
        return cls(machine, result.value, record, enclave_measurement(*images))

    def run(self, *, timeout: float = 10.0) -> SbiResult:
        """First entry, until the enclave stops, exits or faults. Raises TeeTimeoutError, TeeDiedError."""
        return self.machine.mailbox.run(self.id, timeout=timeout)

    def resume(self, *, timeout: float = 10.0) -> SbiResult:
        """Every later entry; see `run`."""
        return self.machine.mailbox.resume(self.id, timeout=timeout)

    def destroy(self) -> None:
        """Have its memory wiped and its slot freed. Twice is fine. Raises TeeError if the monitor refuses."""
        if not self._alive:
            return
        result = self.machine.mailbox.sbi(Call.DESTROY, self.id)
        if result.error != SbiError.OK:
            raise TeeError(f"the monitor refused to destroy the enclave: {describe(result)}")
        self._alive = False
        record = self.record
        self.machine.pool.give_back(range(record.utm, record.utm + record.utm_size))
        self.machine.pool.give_back(range(record.epm, record.epm + record.epm_size))


def describe(result: SbiResult) -> str:
    """The monitor's answer in words, for error messages."""
    name = (
        result.error.name.lower().replace("_", " ") if isinstance(result.error, SbiError) else "unknown error"
    )
    return f"{name} ({result.error:d}, value {result.value})"
