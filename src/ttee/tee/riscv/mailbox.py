# SPDX-License-Identifier: Apache-2.0
"""The host's mailbox in shared RAM: a remote hand in S-mode (docs/spec/riscv.md, section 5).

    machine.mailbox.load(EPM)                    # Fault(cause=5, address=EPM): PMP refused
    machine.mailbox.sbi(Call.RUN, 0)             # SbiResult(error=SbiError.EDGE_CALL, value=1)

Whatever the host can do, this can do, and the attack tests do. All numbers are unsigned 64-bit.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import IntEnum
from threading import Lock

from attrs import field, frozen

from ttee.errors import TeeTimeoutError

MAGIC = int.from_bytes(b"TTEEHOST", "little")
SBI_TTEE = 0x08424B45
SBI_TIME = 0x54494D45
_MASK = (1 << 64) - 1
_NO_FAULT = _MASK
_SPIN = 300e-6
_FIRST_NAP, _LONGEST_NAP = 20e-6, 1e-3
_GRACE = 1.0

# Word indices of the fields.
_REQUEST, _OPERATION, _ARGUMENTS, _CANCEL = 1, 2, 3, 11
_REPLY, _STATUS, _VALUE, _CAUSE, _ADDRESS, _INSTRUCTIONS, _TICKS = range(16, 23)


class Call(IntEnum):
    """Functions of the monitor (section 3)."""

    CREATE = 2001
    DESTROY = 2002
    RUN = 2003
    RESUME = 2005
    RANDOM = 3001
    STOP = 3004
    EXIT = 3006
    EXTEND = 3101
    EVIDENCE = 3102
    DERIVE = 3103


class SbiError(IntEnum):
    """What the monitor answers (section 3). Keystone's numbers."""

    OK = 0
    FAULTED = 100001
    INTERRUPTED = 100002
    NOT_RUNNABLE = 100004
    OVERLAP = 100006
    ILLEGAL_ARGUMENT = 100008
    NO_FREE_RESOURCE = 100009
    EDGE_CALL = 100011
    WRONG_CALLER = 100014
    NOT_FRESH = 100016
    NOT_SUPPORTED = _MASK - 1


class Cause(IntEnum):
    """Exceptions of the RISC-V privileged architecture, table 3.6."""

    FETCH_MISALIGNED = 0
    FETCH_ACCESS = 1
    ILLEGAL_INSTRUCTION = 2
    BREAKPOINT = 3
    LOAD_MISALIGNED = 4
    LOAD_ACCESS = 5
    STORE_MISALIGNED = 6
    STORE_ACCESS = 7
    CALL_FROM_U = 8
    FETCH_PAGE = 12
    LOAD_PAGE = 13
    STORE_PAGE = 15


class Operation(IntEnum):
    """What the host can be asked for."""

    NOTHING = 0
    SBI = 1
    RUN = 2
    RESUME = 3
    LOAD = 4
    STORE = 5
    CALL = 6
    POWER_OFF = 7


def _named(error: int) -> int:
    return SbiError(error) if error in SbiError._value2member_map_ else error


@frozen(slots=True)
class Fault:
    """The host's access was refused: scause and stval."""

    cause: int
    address: int


@frozen(slots=True)
class SbiResult:
    """What the monitor answered: `error` is an SbiError where it is one of its numbers."""

    error: int = field(converter=_named)
    value: int = 0


@frozen(slots=True)
class Reply:
    """All that the host reported about one operation."""

    status: int
    value: int
    fault: Fault | None
    instructions: int
    """Retired during the operation; repeatable only under `icount`."""
    ticks: int
    """Of the 10 MHz clock."""


class Mailbox:
    """One conversation with the host; calls from several threads wait for each other."""

    def __init__(self, page: memoryview, check_alive: Callable[[], None]) -> None:
        """`page` is the 4096-byte mailbox; `check_alive` raises TeeDiedError once the machine is gone."""
        self._words = page.cast("Q")
        self._check_alive = check_alive
        self._lock = Lock()

    def wait_ready(self, *, timeout: float) -> None:
        """Wait until the host has booted. Raises TeeTimeoutError, TeeDiedError."""
        if not self._wait(lambda: self._words[0] == MAGIC, timeout):
            raise TeeTimeoutError(f"the machine did not boot within {timeout:g} s")

    def request(self, operation: int, *arguments: int, timeout: float = 10.0) -> Reply:
        """Have the host perform one Operation and wait for its reply.

        After `timeout` seconds a running enclave is interrupted and not resumed, and TeeTimeoutError is raised;
        TeeDiedError if the machine ends meanwhile.
        """
        with self._lock:
            words = self._words
            sequence = (words[_REQUEST] + 1) & _MASK
            words[_CANCEL] = 0
            words[_OPERATION] = operation
            for index, argument in enumerate((*arguments, *(0,) * (8 - len(arguments)))):
                words[_ARGUMENTS + index] = argument & _MASK
            words[_REQUEST] = sequence

            def done() -> bool:
                return words[_REPLY] == sequence

            try:
                finished = self._wait(done, timeout)
            except KeyboardInterrupt:
                self.cancel()  # whatever runs, runs for nobody
                self._wait(done, _GRACE)
                raise
            if not finished:
                self.cancel()
                if self._wait(done, _GRACE):
                    raise TeeTimeoutError(f"the enclave was interrupted after {timeout:g} s")
                raise TeeTimeoutError(f"the host does not answer, {timeout:g} s after it was asked")
            cause = words[_CAUSE]
            return Reply(
                status=words[_STATUS],
                value=words[_VALUE],
                fault=None if cause == _NO_FAULT else Fault(cause, words[_ADDRESS]),
                instructions=words[_INSTRUCTIONS],
                ticks=words[_TICKS],
            )

    def cancel(self) -> None:
        """Ask that the enclave that runs now be interrupted; from any thread. Its run returns INTERRUPTED."""
        self._words[_CANCEL] = 1

    def sbi(
        self, function: int, *arguments: int, extension: int = SBI_TTEE, timeout: float = 10.0
    ) -> SbiResult:
        """Call the monitor as the host, with up to six arguments."""
        padded = (*arguments, *(0,) * (6 - len(arguments)))
        reply = self.request(Operation.SBI, *padded, function, extension, timeout=timeout)
        return SbiResult(reply.status, reply.value)

    def run(self, enclave: int, *, timeout: float = 10.0) -> SbiResult:
        """First entry; returns when the enclave stops, exits or faults, however often it was interrupted."""
        reply = self.request(Operation.RUN, enclave, timeout=timeout)
        return SbiResult(reply.status, reply.value)

    def resume(self, enclave: int, *, timeout: float = 10.0) -> SbiResult:
        """Every later entry; see `run`."""
        reply = self.request(Operation.RESUME, enclave, timeout=timeout)
        return SbiResult(reply.status, reply.value)

    def load(self, address: int, width: int = 8) -> int | Fault:
        """Load `width` (1, 2, 4 or 8) bytes as the host."""
        reply = self.request(Operation.LOAD, address, width)
        return reply.fault or reply.value

    def store(self, address: int, value: int, width: int = 8) -> Fault | None:
        """Store the low `width` bytes of `value` as the host."""
        return self.request(Operation.STORE, address, width, value).fault

    def call(self, address: int, *arguments: int, timeout: float = 10.0) -> tuple[int, int] | Fault:
        """Call code at `address` as the host, with up to seven arguments; `a0` and `a1` come back.

        A fault anywhere in it ends the call. Code that never returns, or breaks the host, ends the conversation.
        """
        reply = self.request(Operation.CALL, address, *arguments, timeout=timeout)
        return reply.fault or (reply.status, reply.value)

    def fetch(self, address: int) -> Fault | None:
        """Try to execute what stands at `address`; None if it ran and returned."""
        result = self.call(address)
        return result if isinstance(result, Fault) else None

    def _wait(self, done: Callable[[], bool], timeout: float) -> bool:
        """Spin, then nap ever longer, until `done`; False when `timeout` seconds have passed."""
        start = time.perf_counter()
        nap = _FIRST_NAP
        while not done():
            waited = time.perf_counter() - start
            if waited < _SPIN:
                continue
            self._check_alive()
            if waited > timeout:
                return False
            time.sleep(nap)
            nap = min(nap * 2, _LONGEST_NAP)
        return True
