# SPDX-License-Identifier: Apache-2.0
"""Runtime registers and their log (docs/spec/report-data.md, section "Runtime registers and their log").

Four SHA-384 registers, extend-only. The log counts only because replaying it gives the registers.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from ttee.codec import cbor
from ttee.errors import MalformedEvidenceError

if TYPE_CHECKING:
    from collections.abc import Iterable

COUNT: Final = 4
SIZE: Final = 48
RUNTIME: Final = 0
"""The register of the runtime itself."""
APP: Final = 3
"""The register that `ttee.extend` extends."""
MAX_NAME: Final = 64
"""Bytes of an event's name in UTF-8; at least one."""
MAX_PAYLOAD: Final = 1024
MAX_EVENTS: Final = 256
MAX_LOG: Final = 64 << 10
"""Bytes of an encoded log."""
SYSTEM_READY: Final = "system-ready"
SOURCE: Final = "docs/spec/report-data.md"

_ZERO: Final = bytes(SIZE)
REMEMBERED: Final = 64
"""Logs that are remembered: one instance sends the same log with every evidence until it extends it."""
_ARRAY_HEAD: Final = 3  # bytes before the events of the fullest log (RFC 8949, section 3)


class Event(NamedTuple):
    """One entry of the log."""

    register: int
    name: str
    payload: bytes


def event_digest(name: str, payload: bytes) -> bytes:
    """The 48 bytes that a register is extended by."""
    return hashlib.sha384(b"ttee/event/1" + cbor.dumps([name, payload])).digest()


def extended(register: bytes, digest: bytes) -> bytes:
    """What `register` becomes."""
    return hashlib.sha384(register + digest).digest()


def replay(events: Iterable[Event]) -> tuple[bytes, bytes, bytes, bytes]:
    """The registers that these events give."""
    return _replayed(tuple(events))


@lru_cache(maxsize=REMEMBERED)
def _replayed(events: tuple[Event, ...]) -> tuple[bytes, bytes, bytes, bytes]:
    registers = [_ZERO] * COUNT
    for event in events:
        registers[event.register] = extended(
            registers[event.register], event_digest(event.name, event.payload)
        )
    return registers[0], registers[1], registers[2], registers[3]


def identity_events(events: Iterable[Event]) -> tuple[Event, ...]:
    """The runtime's events before `system-ready`: the only ones that say who runs."""
    identity: list[Event] = []
    for event in events:
        if event.register == RUNTIME:
            if event.name == SYSTEM_READY:
                break
            identity.append(event)
    return tuple(identity)


def encode_log(events: Iterable[Event]) -> bytes:
    """The log as it travels: a CBOR array of `[register, name, payload]`, oldest first."""
    return cbor.dumps([list(event) for event in events])


@lru_cache(maxsize=REMEMBERED)
def decode_log(data: bytes) -> tuple[Event, ...]:
    """The events of a log. Raises MalformedEvidenceError unless it is canonical and within its bounds."""
    value = cbor.loads(data, what="log", max_size=MAX_LOG, max_depth=2)
    if not isinstance(value, list):
        raise MalformedEvidenceError("the log is not an array of events", where="log", source=SOURCE)
    if len(value) > MAX_EVENTS:
        raise MalformedEvidenceError(
            f"the log has {len(value)} events; at most {MAX_EVENTS} are allowed", where="log", source=SOURCE
        )
    return tuple(_event(item, number) for number, item in enumerate(value))


class RuntimeRegisters:
    """The registers of a running app, and the log that explains them."""

    def __init__(self) -> None:
        """All registers zero, nothing logged."""
        self._values = [_ZERO] * COUNT
        self._events: list[Event] = []
        self._encoded = 0

    @property
    def values(self) -> tuple[bytes, bytes, bytes, bytes]:
        """The four registers, 48 bytes each."""
        return self._values[0], self._values[1], self._values[2], self._values[3]

    @property
    def events(self) -> tuple[Event, ...]:
        """What has extended them, oldest first."""
        return tuple(self._events)

    def extend(self, register: int, name: str, payload: bytes) -> bool:
        """Extend one register, and log why. False when the log is full: then nothing has changed.

        Raises ValueError for an event out of its bounds; the caller checks what comes from an app.
        """
        event = Event(register, name, payload)
        problem = _problem(event)
        if problem is not None:
            raise ValueError(f"an event's {problem}")
        encoded = self._encoded + len(cbor.dumps(list(event)))
        count = len(self._events) + 1
        if count > MAX_EVENTS or encoded + _ARRAY_HEAD > MAX_LOG:
            return False
        self._values[register] = extended(self._values[register], event_digest(name, payload))
        self._events.append(event)
        self._encoded = encoded
        return True


def _event(item: cbor.CborValue, number: int) -> Event:
    where = f"log, event {number}"
    match item:
        case [int(register), str(name), bytes(payload)] if type(register) is int:
            event = Event(register, name, payload)
        case _:
            raise MalformedEvidenceError(
                "an event of the log is not [register, name, payload]", where=where, source=SOURCE
            )
    problem = _problem(event)
    if problem is not None:
        raise MalformedEvidenceError(f"an event's {problem}", where=where, source=SOURCE)
    return event


def _problem(event: Event) -> str | None:
    if not 0 <= event.register < COUNT:
        return f"register must be 0 to {COUNT - 1}, and is {event.register}"
    length = len(event.name.encode())
    if not 1 <= length <= MAX_NAME:
        return f"name must have 1 to {MAX_NAME} bytes, and has {length}"
    if len(event.payload) > MAX_PAYLOAD:
        return f"payload may have {MAX_PAYLOAD} bytes, and has {len(event.payload)}"
    return None
