# SPDX-License-Identifier: Apache-2.0
"""What travels between launcher and worker: `kind u8 ‖ length u32 ‖ payload`, little endian, each kind bounded.

Neither side believes the other: a frame that is too long, or of a kind that has no business here, ends it.
"""

from __future__ import annotations

import socket
import struct
import time
from enum import IntEnum
from typing import Final

from attrs import frozen

from ttee.app.bundle import MAX_SIZE
from ttee.channel.sealed import MAX_REPLY, MAX_REQUEST
from ttee.guest.registers import MAX_LOG
from ttee.guest.statement import MAX_NONCE

_HEAD: Final = struct.Struct("<BI")


class Kind(IntEnum):
    """What a frame carries; below 16 to the worker, from 16 on to the launcher."""

    START = 1
    """CBOR {fuel, bundle, secret}."""
    ATTEST = 2
    """A nonce."""
    CALL = 3
    """A sealed request."""
    ANSWER = 16
    """What was asked for: nothing, CBOR of evidence parts, or a sealed reply."""
    PROBLEM = 17
    """An error, as `ttee.error/1`."""
    LINE = 18
    """A console line of the app, UTF-8; comes before the answer."""


LONGEST: Final = {
    Kind.START: MAX_SIZE + 256,
    Kind.ATTEST: MAX_NONCE,
    Kind.CALL: MAX_REQUEST,
    Kind.ANSWER: max(MAX_REPLY, MAX_LOG + 4096),
    Kind.PROBLEM: 64 << 10,
    Kind.LINE: 4096,
}
"""Bytes of a payload."""
TO_WORKER: Final = frozenset({Kind.START, Kind.ATTEST, Kind.CALL})
TO_LAUNCHER: Final = frozenset({Kind.ANSWER, Kind.PROBLEM, Kind.LINE})


class BrokenError(Exception):
    """The other side has gone, or does not keep to the protocol."""


@frozen(slots=True)
class Frames:
    """One end of the conversation; `expected` are the kinds that it takes."""

    connection: socket.socket
    expected: frozenset[Kind]

    def send(self, kind: Kind, payload: bytes, *, deadline: float | None = None) -> None:
        """Raises BrokenError, and TimeoutError after `deadline` (of `time.monotonic`)."""
        if len(payload) > LONGEST[kind]:
            raise BrokenError(f"a {kind.name} frame of {len(payload)} bytes")
        try:
            self._wait_until(deadline)
            self.connection.sendall(_HEAD.pack(kind, len(payload)) + payload)
        except TimeoutError:
            raise
        except OSError as problem:
            raise BrokenError(problem.strerror) from None

    def receive(self, *, deadline: float | None = None) -> tuple[Kind, bytes]:
        """The next frame. Raises BrokenError, and TimeoutError after `deadline`."""
        number, length = _HEAD.unpack(self._exactly(_HEAD.size, deadline))
        if number not in self.expected:
            raise BrokenError(f"a frame of kind {number}")
        kind = Kind(number)
        if length > LONGEST[kind]:
            raise BrokenError(f"a {kind.name} frame of {length} bytes")
        return kind, self._exactly(length, deadline)

    def _exactly(self, count: int, deadline: float | None) -> bytes:
        data = bytearray()
        while len(data) < count:
            try:
                self._wait_until(deadline)
                part = self.connection.recv(min(count - len(data), 1 << 20))
            except TimeoutError:
                raise
            except OSError as problem:
                raise BrokenError(problem.strerror) from None
            if not part:
                raise BrokenError("the connection ended")
            data += part
        return bytes(data)

    def _wait_until(self, deadline: float | None) -> None:
        """Let the next operation wait no longer than that."""
        if deadline is None:
            self.connection.settimeout(None)
            return
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.connection.settimeout(left)
