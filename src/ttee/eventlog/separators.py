# SPDX-License-Identifier: Apache-2.0
"""Separators: the line that firmware draws between itself and what it starts (check tpm.log.separators).

TPM: exactly one in each of PCR 0 to 7. Trust domains: their PCRs share registers, so firmware draws one or two.
Source: TCG PC Client Platform Firmware Profile 1.06, section 10.4.1 (EV_SEPARATOR); section 3.3.1.
"""

from __future__ import annotations

from collections.abc import Collection

from ttee.errors import BindingError
from ttee.eventlog.event import Event, Log, Registers
from ttee.eventlog.kinds import SEPARATOR, SOURCE
from ttee.eventlog.replay import is_error_separator, misdescribed

_NORMAL = (b"\0\0\0\0", b"\xff\xff\xff\xff")
_FIRMWARE = range(8)
_AT_MOST_MR = 2
"""TDVF draws the lines of PCR 1 and PCR 7 into one register, RTMR 0 (UEFI 2.10, section 38.4.1)."""


def check_separators(log: Log, algorithm: str, registers: Collection[int]) -> None:
    """Return if the firmware drew its line in each of `registers` that needs one. Raises BindingError.

    `registers`: those whose replay was found to hold. A register that the log extends must have its line.
    """
    of_tpm = log.registers is Registers.PCR
    found: dict[int, list[Event]] = {}
    extended = set()
    for event in log.events:
        if event.digests:
            extended.add(event.register)
            if event.type == SEPARATOR:
                found.setdefault(event.register, []).append(event)
    for register in sorted(extended.intersection(registers)):
        separators = found.get(register, [])
        for event in separators:
            _check(log, event, algorithm)
        if of_tpm and register in _FIRMWARE and len(separators) != 1:
            raise _refused(log, register, f"has {len(separators)} separators; firmware draws exactly one")
        if not of_tpm and len(separators) > _AT_MOST_MR:
            raise _refused(
                log, register, f"has {len(separators)} separators; firmware draws at most {_AT_MOST_MR}"
            )


def _check(log: Log, event: Event, algorithm: str) -> None:
    if is_error_separator(log, event, algorithm):
        raise _refused(
            log, event.register, f"stopped at an error that the firmware met: {log.event_name(event)}"
        )
    if misdescribed(log, event, algorithm):
        raise _refused(
            log,
            event.register,
            f"has a separator whose digest is not that of its data: {log.event_name(event)}",
        )
    if event.register in _FIRMWARE and event.data not in _NORMAL:
        raise _refused(
            log,
            event.register,
            f"has a separator of {len(event.data)} bytes that none has: {log.event_name(event)}",
        )


def _refused(log: Log, register: int, message: str) -> BindingError:
    return BindingError(
        f"{log.register_name(register)} {message}",
        where=f"event log, {log.register_name(register)}",
        hint="get the whole log of one boot",
        source=SOURCE,
    )
