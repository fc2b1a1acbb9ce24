# SPDX-License-Identifier: Apache-2.0
"""One QEMU process, its sockets, and its certain end.

RAM and flash are anonymous memory files, and every socket is one end of a pair: nothing has a name in the file system,
so nothing is left behind, however we end. The kernel kills QEMU when our process dies.

I/O: starts a process.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import cache
from queue import SimpleQueue
from threading import Thread
from typing import BinaryIO

from ttee.codec.printable import printable
from ttee.errors import TeeDiedError, TeeError, TeeUnavailableError
from ttee.tee.riscv.flash import FLASH_SIZE
from ttee.tee.riscv.qmp import Qmp

QEMU = "qemu-system-riscv64"
_Order = tuple[Future["subprocess.Popen[bytes]"], Callable[[], "subprocess.Popen[bytes]"]]
_CONSOLE_MOST = 64 << 10
_SAID_MOST = 4096


def memory_file(name: str, size: int = 0) -> BinaryIO:
    """An anonymous file in memory, sparse, without a name that others could open."""
    file = os.fdopen(os.memfd_create(name), "w+b", buffering=0)
    file.truncate(size)
    return file


class Qemu:
    """A running `virt` machine: RAM from the file `ram`, the boot ROM from the qcow2 file `flash`."""

    def __init__(
        self,
        ram: BinaryIO,
        ram_size: int,
        flash: BinaryIO,
        *,
        icount: bool = False,
        seed: int | None = None,
        gdb: bool = False,
        paused: bool = False,
        extra: Sequence[str] = (),
    ) -> None:
        """Start it. Raises TeeUnavailableError if a program is missing, TeeError if it cannot be started."""
        self._console = bytearray()
        self._said = b""
        with contextlib.ExitStack() as failure, contextlib.ExitStack() as theirs:
            fds = [ram.fileno(), flash.fileno()]

            def pair() -> tuple[socket.socket, int]:
                ours, other = socket.socketpair()
                failure.enter_context(ours)
                theirs.enter_context(other)
                fds.append(other.fileno())
                return ours, other.fileno()

            self._uart, uart = pair()
            self._uart.setblocking(False)
            control, monitor = pair()
            self.qmp = Qmp(control)
            self.gdb: socket.socket | None = None
            arguments = _arguments(ram_size, ram.fileno(), flash.fileno(), uart, monitor)
            if icount:
                arguments += ["-icount", "shift=0,sleep=off"]
            if seed is not None:
                arguments += ["-seed", str(seed)]
            if gdb:
                self.gdb, port = pair()
                arguments += ["-chardev", f"socket,id=gdb,fd={port}", "-gdb", "chardev:gdb"]
            if paused:
                arguments += ["-S"]
            self._stderr = failure.enter_context(memory_file("ttee-stderr"))
            self._process = _start([*arguments, *extra], fds, self._stderr)
            failure.pop_all()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def console(self) -> str:
        """The last 64 KiB that the machine wrote to its UART; untrusted text."""
        with contextlib.suppress(OSError, ValueError):
            while data := self._uart.recv(65536):
                self._console += data
                del self._console[:-_CONSOLE_MOST]
        return self._console.decode(errors="replace")

    def check_alive(self) -> None:
        """Raise TeeDiedError, with the machine's last words, if the process has ended."""
        status = self._process.poll()
        console = self.console()
        if status is None:
            return
        if not self._stderr.closed:
            self._said = os.pread(self._stderr.fileno(), _SAID_MOST, 0)
        how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        lines = [*self._said.decode(errors="replace").splitlines()[:6], *console.splitlines()[-6:]]
        words = "".join(f"\n  {printable(line[:200])}" for line in lines)
        raise TeeDiedError(f"the machine ({QEMU}) {how}" + (f"; its last words:{words}" if words else ""))

    def close(self) -> None:
        """End the process at once. Twice is fine."""
        self._process.kill()
        self._process.wait()
        self.console()
        for end in (self._uart, self.qmp, self.gdb, self._stderr):
            if end is not None:
                end.close()


def _arguments(ram_size: int, ram: int, flash: int, uart: int, monitor: int) -> list[str]:
    drive = {
        "if": "pflash",
        "unit": "0",
        "readonly": "on",
        "driver": "qcow2",
        "file.driver": "file",
        "file.filename": f"/proc/self/fd/{flash}",
        "file.locking": "off",
        "backing.driver": "null-co",
        "backing.size": str(FLASH_SIZE),
        "backing.read-zeroes": "off",
    }
    return [
        *("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"),
        *("-machine", "virt,memory-backend=ram", "-smp", "1", "-m", f"{ram_size >> 20}M"),
        # What the monitor's table of CSRs does not cover is switched off; Zkr is where randomness comes from.
        *("-cpu", "rv64,zkr=true,h=false,sstc=false"),
        *("-object", f"memory-backend-file,id=ram,size={ram_size},mem-path=/proc/self/fd/{ram},share=on"),
        *("-bios", "none", "-drive", ",".join(f"{key}={value}" for key, value in drive.items())),
        *("-chardev", f"socket,id=console,fd={uart}", "-serial", "chardev:console"),
        *("-chardev", f"socket,id=monitor,fd={monitor}", "-mon", "chardev=monitor,mode=control"),
    ]


@cache
def _starter(_process: int) -> SimpleQueue[_Order]:
    """Orders for the one thread that starts QEMUs: PR_SET_PDEATHSIG means the *thread's* death, so it must last as
    long as we. A daemon, because an executor's thread is waited for at exit, forever if a signal came as it started."""
    orders: SimpleQueue[_Order] = SimpleQueue()
    Thread(target=_carry_out, args=(orders,), name="ttee-qemu", daemon=True).start()
    return orders


def _carry_out(orders: SimpleQueue[_Order]) -> None:
    while True:
        future, start = orders.get()
        try:
            future.set_result(start())
        except Exception as error:
            future.set_exception(error)


def _start(arguments: list[str], fds: Sequence[int], output: BinaryIO) -> subprocess.Popen[bytes]:
    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*_guard(), _find(QEMU, "qemu-system-misc"), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=fds,
            start_new_session=True,  # Ctrl-C is ours to handle
        )

    future: Future[subprocess.Popen[bytes]] = Future()
    _starter(os.getpid()).put((future, start))
    try:
        return future.result()
    except OSError as error:
        raise TeeError(f"{QEMU} cannot be started: {error}") from error
    except BaseException:  # Ctrl-C, or a handler of SIGTERM that raises SystemExit
        future.add_done_callback(_end)
        raise


def _end(future: Future[subprocess.Popen[bytes]]) -> None:
    if future.exception() is None:
        future.result().kill()


def _guard() -> list[str]:
    return [_find("setpriv", "util-linux"), "--pdeathsig", "KILL", "--"]


def _find(program: str, package: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise TeeUnavailableError(f"{program} is not installed", hint=f"apt install {package}")
    return path
