# SPDX-License-Identifier: Apache-2.0
"""What every log is, once it is read: events in order, and the registers they extended."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from attrs import field, frozen

from ttee.errors import MalformedEvidenceError
from ttee.eventlog.kinds import event_name

MAX_LOG = 16 << 20
"""Bytes of a log."""

ALGORITHMS: Mapping[int, str] = MappingProxyType(
    {
        0x0004: "sha1",
        0x000B: "sha256",
        0x000C: "sha384",
        0x000D: "sha512",
        0x0012: "sm3",
        0x0027: "sha3_256",
        0x0028: "sha3_384",
        0x0029: "sha3_512",
    }
)
"""TPM_ALG_ID (TCG Algorithm Registry, section 6.10) to the names that we use."""
SIZES: Mapping[str, int] = MappingProxyType(
    {"sha1": 20, "sha256": 32, "sha384": 48, "sha512": 64, "sm3": 32}
    | {"sha3_256": 32, "sha3_384": 48, "sha3_512": 64}
)
WEAK = frozenset({"sha1"})
"""Algorithms of which anybody makes collisions: two event logs with one value."""


class Registers(StrEnum):
    """Whose registers a log is about."""

    PCR = "PCR"
    MR = "MR"
    """UEFI 2.10, section 38.4.1: 0 is MRTD, 1 to 4 are RTMR 0 to 3."""


class Event(NamedTuple):
    """One entry of a log. `digests` are in the order of the log's algorithms, None where one is not there;
    empty if the event extended nothing."""

    number: int
    """Its place in the log, from 0."""
    register: int
    type: int
    """The number of its kind, as its format has them."""
    digests: tuple[bytes | None, ...]
    data: bytes
    label: str = ""
    """What the log itself calls it, if it does."""

    @property
    def name(self) -> str:
        """The event's name for people: `EV_SEPARATOR`, `EV_IPL grub_cmd: …`, an app's own word."""
        return self.label or event_name(self.type, self.data)


@frozen(slots=True)
class Log:
    """A log as it reads. Nothing in it is to be believed before it was replayed."""

    format: str
    registers: Registers
    algorithms: tuple[str, ...]
    events: tuple[Event, ...]
    start: Mapping[int, int] = field(factory=dict)
    """The last byte that a register starts with, where that is not zero (PCR 0: the locality of the start)."""
    padding: int = 0
    """Bytes of padding behind the last event."""

    def register_name(self, register: int) -> str:
        """`PCR 7`, `RTMR 1`, `MRTD`."""
        if self.registers is Registers.PCR:
            return f"PCR {register}"
        return "MRTD" if register == 0 else f"RTMR {register - 1}"

    def event_name(self, event: Event) -> str:
        """The event as errors and people name it: number, register and name."""
        return f"event {event.number} of the log ({self.register_name(event.register)}, {event.name})"


def hasher(algorithm: str) -> Callable[[bytes], hashlib._Hash]:
    """The hash function of that name. Raises MalformedEvidenceError if this machine has none."""
    if algorithm not in SIZES:
        raise MalformedEvidenceError(f"no hash algorithm is called {algorithm!r}"[:100], where="event log")
    if (found := getattr(hashlib, algorithm, None)) is not None:
        return found  # type: ignore[no-any-return]
    if algorithm not in hashlib.algorithms_available:
        raise MalformedEvidenceError(
            f"registers of {algorithm} cannot be computed: this machine's OpenSSL does not have that hash",
            where="event log",
            hint="ask for evidence over a bank of SHA-256",
        )
    return lambda data: hashlib.new(algorithm, data)


def bounded(data: bytes, what: str) -> None:
    """Return if a log has no more than MAX_LOG bytes, and some; else MalformedEvidenceError."""
    if not 0 < len(data) <= MAX_LOG:
        raise MalformedEvidenceError(
            f"{what} has {len(data)} bytes; it has 1 to {MAX_LOG}",
            where=f"{what}, byte {min(len(data), MAX_LOG)}",
        )
