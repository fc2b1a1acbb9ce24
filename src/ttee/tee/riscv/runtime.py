# SPDX-License-Identifier: Apache-2.0
"""A conversation with an enclave's runtime over its shared pages (docs/spec/riscv.md, section 6).

    enclave = Enclave.start(handle, bundle.limits)
    parts = enclave.attest(nonce)               # {"log": …, "claims": …, "report": …, "statement": …}
    reply = enclave.call(sealed_request)

This is the host's side: it sees ciphertext, sizes and times, and what it reads may be a lie.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from threading import Lock
from typing import Final, Self

from ttee.app.bundle import Limits
from ttee.codec import cbor
from ttee.codec.printable import printable
from ttee.errors import (
    AppTrappedError,
    ChannelError,
    KeysUsedUpError,
    ReplayedError,
    RequestTooLargeError,
    TeeDiedError,
    TeeError,
    TeeTimeoutError,
    TransportError,
)
from ttee.tee.riscv.config import sealed_request_size
from ttee.tee.riscv.enclave import EnclaveHandle, describe
from ttee.tee.riscv.mailbox import Cause, SbiError, SbiResult

EVIDENCE_PARTS: Final = frozenset({"log", "claims", "report", "statement"})
SOURCE: Final = "docs/spec/riscv.md, section 6"

_MAGIC: Final = b"TTEEUTM1"
_REQUEST: Final = struct.Struct("<IIQ")
_OPERATION, _STATUS, _LENGTH, _PRINTED = 8, 12, 16, 24
_RING, _RING_SIZE, _DATA = 4096, 4096, 8192
_LINE_MOST: Final = 4096
_LAST_LINES: Final = 3
_LINES_KEPT: Final = 10_000
_LEFT_MEMORY: Final = {Cause.FETCH_ACCESS, Cause.LOAD_ACCESS, Cause.STORE_ACCESS}


class Operation(IntEnum):
    """What the runtime can be asked for."""

    ATTEST = 1
    CALL = 2
    ECHO = 3


class Status(IntEnum):
    """What the runtime says of a request."""

    OK = 0
    UNKNOWN_OPERATION = 1
    TOO_LARGE = 2
    CANNOT_OPEN = 3
    REPLAYED = 4
    KEYS_USED_UP = 5
    EVIDENCE_REFUSED = 6
    MALFORMED = 7


class Exit(IntEnum):
    """Why a runtime has ended."""

    DONE = 0
    TRAP = 1
    UNUSABLE = 2
    OUT_OF_MEMORY = 3


class Enclave:
    """A running enclave. One request at a time; calls from several threads wait for each other."""

    def __init__(self, handle: EnclaveHandle, limits: Limits) -> None:
        """Use `start`."""
        self.handle = handle
        self._most = sealed_request_size(limits)
        self._lock = Lock()
        self._console_lock = Lock()
        self._read = 0
        self._partial = b""
        self._lines: list[str] = []
        self._last: list[str] = []
        self._end: TeeError | None = None
        self._interrupted = False

    @classmethod
    def start(cls, handle: EnclaveHandle, limits: Limits, *, timeout: float = 10.0) -> Self:
        """Enter an enclave for the first time and wait until its runtime is ready.

        Raises AppTrappedError if the app's start traps, TeeError if the runtime refuses its config or memory,
        TeeTimeoutError after `timeout` seconds.
        """
        enclave = cls(handle, limits)
        enclave._settle(handle.run(timeout=timeout))
        if bytes(handle.utm[:8]) != _MAGIC:
            raise TeeError(
                "the enclave stopped before it was ready", where="shared pages, offset 0", source=SOURCE
            )
        return enclave

    def attest(self, nonce: bytes, *, timeout: float = 10.0) -> dict[str, bytes]:
        """Evidence over a nonce of 16 to 64 bytes: log, claims, report and statement. Raises TeeError."""
        answer = self._ask(Operation.ATTEST, nonce, timeout)
        most = len(self.handle.utm)
        parts = cbor.loads(answer, what="evidence of the enclave", max_size=most, max_depth=1, error=TeeError)
        if isinstance(parts, dict) and parts.keys() == EVIDENCE_PARTS:
            named = {name: part for name, part in parts.items() if isinstance(part, bytes)}
            if named.keys() == EVIDENCE_PARTS:
                return named
        raise TeeError(
            "the enclave's evidence has other parts than it should", where="shared pages", source=SOURCE
        )

    def call(self, sealed: bytes, *, timeout: float = 10.0) -> bytes:
        """The sealed reply to a sealed request (docs/spec/channel.md).

        Raises ChannelError, ReplayedError, KeysUsedUpError or RequestTooLargeError; AppTrappedError when the
        app ends, TeeTimeoutError when it is late; the enclave then finishes before it takes the next request.
        """
        return self._ask(Operation.CALL, sealed, timeout)

    def echo(self, data: bytes, *, timeout: float = 10.0) -> bytes:
        """The same bytes, once through the enclave's memory."""
        return self._ask(Operation.ECHO, data, timeout)

    def console(self) -> list[str]:
        """The lines printed since the last call; untrusted text, control characters as `?`."""
        self._drain()
        with self._console_lock:
            lines, self._lines = self._lines, []
            return lines

    def close(self) -> None:
        """Have the monitor wipe the enclave. Closing twice is fine."""
        with self._lock:
            self._end = self._end or TeeDiedError("the enclave was closed")
            self.handle.destroy()

    def abandon(self) -> None:
        """Give the enclave up together with its machine, which has ended; waits for a request under way."""
        with self._lock:
            self._end = self._end or TeeDiedError("the machine was closed")

    # --- one request ------------------------------------------------------------------------------

    def _ask(self, operation: Operation, data: bytes, timeout: float) -> bytes:
        if len(data) > self._most:
            raise RequestTooLargeError(
                f"a message of {len(data)} bytes is more than the {self._most} that this app takes",
                source=SOURCE,
            )
        with self._lock:
            if self._end:
                raise self._end
            if self._interrupted:
                self._resume(timeout)
            utm = self.handle.utm
            utm[_DATA : _DATA + len(data)] = data
            _REQUEST.pack_into(utm, _OPERATION, operation, 0, len(data))
            self._resume(timeout)
            status, length = struct.unpack_from("<IQ", utm, _STATUS)
            if status != Status.OK:
                raise _refusal(status)
            if length > len(utm) - _DATA:
                raise TeeError(
                    f"the enclave says that its answer has {length} bytes, which do not fit",
                    where=f"shared pages, offset {_LENGTH}",
                    source=SOURCE,
                )
            return bytes(utm[_DATA : _DATA + length])

    def _resume(self, timeout: float) -> None:
        self._interrupted = True
        result = self.handle.resume(timeout=timeout)
        self._interrupted = False
        self._settle(result)

    def _settle(self, result: SbiResult) -> None:
        """Return if the enclave waits for a request; else it has ended, and every later call says why."""
        if result.error == SbiError.EDGE_CALL:
            return
        if result.error == SbiError.INTERRUPTED:
            self._interrupted = True
            raise TeeTimeoutError("the enclave was interrupted")
        self._drain()
        self._end = self._ended(result)
        raise self._end

    def _ended(self, result: SbiResult) -> TeeError:
        words = "".join(f"\n  {line}" for line in self._last)
        quoted = f"; its last lines:{words}" if words else ""
        if result.error == SbiError.FAULTED:
            name = Cause(result.value).name if result.value in set(Cause) else f"cause {result.value}"
            what = name.lower().replace("_", " ")
            if result.value not in _LEFT_MEMORY:
                return TeeDiedError(f"the enclave was ended by a fault ({what}){quoted}")
            return AppTrappedError(
                f"the app left its memory and was ended (fault: {what}){quoted}",
                source="docs/spec/app-abi.md, Trap",
            )
        if result.error != SbiError.OK:
            return TeeError(f"the enclave cannot go on: {describe(result)}{quoted}")
        if result.value == Exit.TRAP:
            return AppTrappedError(f"the app was ended{quoted}", source="docs/spec/app-abi.md, Trap")
        if result.value == Exit.UNUSABLE:
            return TeeError(f"the enclave's runtime cannot use what it was given{quoted}", source=SOURCE)
        if result.value == Exit.OUT_OF_MEMORY:
            return TeeError(
                f"the app does not fit into its memory{quoted}",
                hint="raise `memory` under [limits] in ttee.toml",
            )
        return TeeDiedError(f"the enclave has ended with value {result.value}{quoted}")

    # --- the console ------------------------------------------------------------------------------

    def _drain(self) -> None:
        """Take what was printed, also while a request is served; the ring keeps the last 4096 bytes only."""
        utm = self.handle.utm
        with self._console_lock:
            (printed,) = struct.unpack_from("<Q", utm, _PRINTED)
            new = (printed - self._read) % (1 << 64)
            if new > _RING_SIZE:
                self._partial, new = b"", _RING_SIZE
            start = (printed - new) % _RING_SIZE
            ring = bytes(utm[_RING : _RING + _RING_SIZE])
            self._read = printed
            *lines, self._partial = (self._partial + (ring + ring)[start : start + new]).split(b"\n")
            self._partial = self._partial[-_LINE_MOST:]
            shown = [printable(line.decode(errors="replace")) for line in lines]
            self._lines = (self._lines + shown)[-_LINES_KEPT:]
            self._last = (self._last + shown)[-_LAST_LINES:]


def _refusal(status: int) -> TeeError | TransportError:
    """What the runtime's status means, as an error."""
    match status:
        case Status.TOO_LARGE:
            return RequestTooLargeError(
                "the enclave says that the request is too large for this app", source=SOURCE
            )
        case Status.CANNOT_OPEN:
            return ChannelError(
                "the enclave cannot open the request: it was altered, or sealed to another key",
                hint="ask for evidence again, which carries the present key",
                source=SOURCE,
            )
        case Status.REPLAYED:
            return ReplayedError(
                "the enclave has seen this request before", hint="seal the request anew", source=SOURCE
            )
        case Status.KEYS_USED_UP:
            return KeysUsedUpError(
                "the enclave's channel key has served its number of requests and was replaced",
                hint="ask for evidence again: it carries the new key",
                source=SOURCE,
            )
        case Status.EVIDENCE_REFUSED:
            return TeeError("the monitor refused to give evidence", source=SOURCE)
        case Status.MALFORMED:
            return TeeError(
                "the enclave found the request malformed", hint="a nonce has 16 to 64 bytes", source=SOURCE
            )
    return TeeError(
        f"the enclave answered with status {status}", where="shared pages, offset 12", source=SOURCE
    )
