# SPDX-License-Identifier: Apache-2.0
"""A log by itself, with no quote beside it: what it is, what it would make of the registers, and what is odd about it.

Nothing here is believed: anybody writes a log whose parts fit each other. It is for people who look at one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial

from attrs import frozen

from ttee.errors import BindingError, MalformedEvidenceError
from ttee.eventlog import cel_cbor, dstack, forms, ima, secure_boot, tcg
from ttee.eventlog.event import WEAK, Event, Log
from ttee.eventlog.kinds import NAMES
from ttee.eventlog.replay import measured_data, misdescribed, replay
from ttee.eventlog.separators import check_separators

MAX_FINDINGS = 64
_HEAD = 4096
_STRONGEST = ("sha512", "sha384", "sha256", "sha3_512", "sha3_384", "sha3_256", "sm3", "sha1")
_IMA = re.compile(rb"[0-9]{1,2} [0-9a-f]{40} ima|.\0\0\0.{20}.\0\0\0ima", re.DOTALL)


@frozen(slots=True)
class Survey:
    """What a log says of itself."""

    log: Log
    bank: str
    """The strongest that can be replayed."""
    registers: Mapping[str, Mapping[int, bytes]]
    """Banks to registers to what these would be."""
    findings: tuple[str, ...]
    """What is odd, in words; firmware in order gives none."""

    def vouched(self, event: Event) -> bool:
        """Whether the event's digest is that of its data: only then its name says more than a label."""
        return measured_data(self.log, event, self.bank) is not None


def recognise(data: bytes) -> Log | None:
    """The log in `data`, if that begins as one in any of the forms; else None. Raises MalformedEvidenceError,
    BindingError: it begins as one, and is none."""
    head = data[:_HEAD]
    if head.lstrip(b" \t\r\n").startswith((b"[", b"\x1e")):
        if b'"imr"' in head and b'"event_type"' in head:
            return dstack.parse(data)
        return forms.parse(data) if b'"pcr"' in head and b'"digests"' in head else None
    if _IMA.match(head):
        return ima.parse(data, "sha256")
    if data.startswith(forms.TLV) or cel_cbor.looks_like_one(data) or _is_of_firmware(data):
        return forms.parse(data)
    return None


def _is_of_firmware(data: bytes) -> bool:
    """Whether the first event is one that firmware writes: of a register there is, and a kind that has a name."""
    if len(data) < 32:
        return False
    register, kind, size = (int.from_bytes(data[at : at + 4], "little") for at in (0, 4, 28))
    if data[32 : 32 + len(tcg.SIGNATURE)] == tcg.SIGNATURE:
        return True
    return register <= tcg.MAX_PCR and kind in NAMES and 0 < size <= len(data) - 32


def survey(log: Log) -> Survey:
    """Replay and findings of a log. Raises MalformedEvidenceError: no bank of it can be replayed."""
    registers: dict[str, Mapping[int, bytes]] = {}
    findings: list[str] = []
    for bank in sorted(log.algorithms, key=_STRONGEST.index):
        try:
            registers[bank] = replay(log, bank)
        except MalformedEvidenceError as error:
            findings.append(f"{bank}: {error.message}")
    if not registers:
        raise MalformedEvidenceError("no bank of the log can be replayed", where="event log")
    bank = next(iter(registers))
    if bank in WEAK:
        findings.append("it has digests of SHA-1 alone, of which anybody makes two logs with one value")
    findings += _odd(log, bank, registers[bank])
    return Survey(log, bank, registers, tuple(findings[:MAX_FINDINGS]))


def _odd(log: Log, bank: str, registers: Mapping[int, bytes]) -> list[str]:
    """What checks of a quote's log would say: of separators, one register at a time; of data; of secure boot."""
    found = [
        f"{log.event_name(event)}: its digest is not that of its data"
        for event in log.events
        if misdescribed(log, event, bank)
    ]
    if log.format not in ("TCG1", "TCG2", "CCEL"):
        return found
    checks: list[Callable[[], object]] = [
        partial(check_separators, log, bank, (register,)) for register in sorted(registers)
    ]
    checks.append(partial(secure_boot.read, log, bank))
    for check in checks:
        try:
            check()
        except (BindingError, MalformedEvidenceError) as error:
            if error.message not in found:
                found.append(error.message)
    return found
