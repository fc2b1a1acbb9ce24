# SPDX-License-Identifier: Apache-2.0
"""A RISC-V machine with our firmware: its memory, the hand in its host, and the enclaves in it.

RAM is shared with us. It carries the mailbox and the enclaves' shared pages, and it means that whoever runs a machine
has the power of a physical attacker over it: nothing here protects an app from its own machine.

I/O: starts a process.
"""

from __future__ import annotations

import contextlib
import mmap
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from ttee.tee.riscv.enclave import CreationRecord, EnclaveHandle, Pool
from ttee.tee.riscv.firmware import Firmware
from ttee.tee.riscv.flash import MODE_DEBUG, MODE_NORMAL, MonitorDescriptor, flash_image, sparse_qcow2
from ttee.tee.riscv.mailbox import Call, Mailbox, SbiResult
from ttee.tee.riscv.qemu import Qemu, memory_file

# docs/spec/riscv.md, section 1.
RAM_BASE = 0x8000_0000
RAM_MOST = 2 << 30
MONITOR_BASE = 0x8000_0000
SECRET_PAGE = 0x801F_F000
MAILBOX_BASE = 0x8020_0000
RECORD_BASE = 0x8020_1000
"""Where records for the monitor are laid: host memory that nothing else uses."""
HOST_BASE = 0x8040_0000
POOL_BASE = 0x8060_0000


class Machine:
    """A booted machine. Use it as a context manager, or close it; closing twice is fine."""

    def __init__(
        self,
        firmware: Firmware,
        device_secret: bytes,
        *,
        ram_size: int = 128 << 20,
        debug: bool = False,
        authority: bytes = bytes(32),
        authority_signature: bytes = bytes(64),
        icount: bool = False,
        seed: int | None = None,
        gdb: bool = False,
        paused: bool = False,
        timeout: float = 20.0,
        extra: Sequence[str] = (),
    ) -> None:
        """Start QEMU and wait until the host answers.

        `device_secret`: the 32-byte UDS, laid where only the boot ROM sees it.
        `ram_size`: bytes, a multiple of 2 MiB, up to 2 GiB.
        `debug`: boot in debug mode, which has other keys and leaves enclaves open to the host.
        `authority`, `authority_signature`: the monitor's maker, for its descriptor.
        `icount`, `seed`: make runs repeatable.
        `gdb`: the debug port, as the socket `machine.qemu.gdb`.
        `paused`: do not start; `machine.qemu.qmp.execute("cont")` does, then call `wait_ready`.
        `extra`: more arguments for QEMU.
        Raises TeeUnavailableError without QEMU, TeeDiedError if it ends, TeeTimeoutError after `timeout` seconds.
        """
        if len(device_secret) != 32:
            raise ValueError("a device secret has 32 bytes")
        if not POOL_BASE - RAM_BASE < ram_size <= RAM_MOST or ram_size % (2 << 20):
            raise ValueError(f"{ram_size} bytes of RAM are not a multiple of 2 MiB between 8 MiB and 2 GiB")
        self.firmware = firmware
        self.pool = Pool(POOL_BASE, RAM_BASE + ram_size)
        descriptor = MonitorDescriptor(
            size=len(firmware.monitor),
            svn=firmware.monitor_svn,
            authority=authority,
            signature=authority_signature,
            mode=MODE_DEBUG if debug else MODE_NORMAL,
        )
        with memory_file("ttee-ram", ram_size) as ram, memory_file("ttee-flash") as flash:
            self._map = mmap.mmap(ram.fileno(), ram_size)
            self.ram = memoryview(self._map)
            self.write(MONITOR_BASE, firmware.monitor)
            self.write(HOST_BASE, firmware.host)
            self.write(SECRET_PAGE, device_secret)
            flash.write(sparse_qcow2(flash_image(firmware.boot, descriptor)))
            self.qemu = Qemu(
                ram, ram_size, flash, icount=icount, seed=seed, gdb=gdb, paused=paused, extra=extra
            )
            try:
                self.mailbox = Mailbox(self.view(MAILBOX_BASE, mmap.PAGESIZE), self.qemu.check_alive)
                if not paused:
                    self.wait_ready(timeout=timeout)
            except BaseException:
                self.close()
                raise

    def wait_ready(self, *, timeout: float = 20.0) -> None:
        """Wait until the host answers. Raises TeeDiedError, TeeTimeoutError."""
        self.mailbox.wait_ready(timeout=timeout)

    @property
    def console(self) -> str:
        """The last 64 KiB that the machine wrote to its UART; untrusted text."""
        return self.qemu.console()

    # --- memory, as anybody sees it who can touch the chips -------------------------------------------

    def view(self, address: int, size: int) -> memoryview:
        """Physical memory, live and writable, past all protection."""
        start = address - RAM_BASE
        if start < 0 or size < 0 or start + size > len(self.ram):
            raise ValueError(f"{address:#x} + {size:#x} is not in RAM")
        return self.ram[start : start + size]

    def read(self, address: int, size: int) -> bytes:
        """A copy of physical memory."""
        return bytes(self.view(address, size))

    def write(self, address: int, data: bytes) -> None:
        """Change physical memory. QEMU does not notice: code that ran before goes on as it was translated then."""
        self.view(address, len(data))[:] = data

    # --- enclaves -------------------------------------------------------------------------------------

    def create(self, record: CreationRecord) -> SbiResult:
        """Lay a creation record into host memory and hand it to the monitor, as it is."""
        self.write(RECORD_BASE, record.encode())
        return self.mailbox.sbi(Call.CREATE, RECORD_BASE)

    def create_enclave(
        self,
        runtime: bytes,
        config: bytes,
        app: bytes,
        *,
        epm_size: int,
        utm_size: int,
        signature: bytes = b"",
    ) -> EnclaveHandle:
        """Place the images, have the monitor create an enclave, and return a handle to it.

        Sizes are powers of two, at least 4096. The images lie at the start of the EPM; free memory reaches to its end.
        Raises TeeError with the monitor's answer, or if there is no room.
        """
        return EnclaveHandle.create(
            self, (runtime, config, app), epm_size=epm_size, utm_size=utm_size, signature=signature
        )

    # --- its end --------------------------------------------------------------------------------------

    def close(self) -> None:
        """End the machine at once and give everything back."""
        self.qemu.close()
        with contextlib.suppress(BufferError):  # somebody holds a view; the memory goes with the last one
            self.ram.release()
            self._map.close()

    def __enter__(self) -> Self:
        """Return the machine itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()
