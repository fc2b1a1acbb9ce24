# SPDX-License-Identifier: Apache-2.0
"""Replay: what the registers must be if a log is the whole truth; and where log and registers part ways.

register := H(register || digest), for each event in order                    TPM 2.0, part 1, section 17.3
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from hmac import compare_digest
from itertools import zip_longest

from attrs import frozen

from ttee.errors import BindingError, MalformedEvidenceError
from ttee.eventlog.cel import COS, TLV
from ttee.eventlog.event import SIZES, Event, Log, hasher
from ttee.eventlog.kinds import AUTHORITY, HASHED, IPL, SEPARATOR, variable_size

SOURCE = "TPM 2.0 Library, part 1, section 17.3 (PCR operations)"


def replay(log: Log, algorithm: str) -> dict[int, bytes]:
    """The value of each register that the log extends. Raises MalformedEvidenceError: a digest is not there."""
    new, bank = _bank(log, algorithm)
    values: dict[int, bytes] = {}
    for event in log.events:
        if event.digests:
            register, digest = event.register, event.digests[bank]
            if digest is None:
                raise MalformedEvidenceError(
                    f"{log.event_name(event)} has no digest of {algorithm}: that bank cannot be replayed",
                    where=f"event log, event {event.number}",
                )
            before = values.get(register)
            values[register] = new(
                (start_value(log, algorithm, register) if before is None else before) + digest
            ).digest()
    return values


def start_value(log: Log, algorithm: str, register: int) -> bytes:
    """What the register was before its first event."""
    return log.start.get(register, 0).to_bytes(SIZES[algorithm])


def check_replay(log: Log, algorithm: str, signed: Mapping[int, bytes]) -> dict[int, bytes]:
    """The replayed registers, each of which `signed` has with the very value; those that `signed` lacks are left out.

    `signed`: values that a quote vouches for, numbered as in the log. Raises BindingError, naming the first event at
    which log and register part, as far as that can be told; MalformedEvidenceError.
    """
    replayed = {register: value for register, value in replay(log, algorithm).items() if register in signed}
    for register, value in sorted(replayed.items()):
        if not compare_digest(value, signed[register]):
            raise BindingError(
                f"the log does not give {log.register_name(register)} ({algorithm}): "
                f"{diverging_event(log, algorithm, register, signed[register])}",
                where=f"event log, {log.register_name(register)}",
                hint="get quote and log from one boot, or hold the log against one that is known to be good",
                source=SOURCE,
            )
    return replayed


def diverging_event(log: Log, algorithm: str, register: int, signed: bytes) -> str:
    """Where the log parts from the register's signed value, in words.

    One value does not say which of many digests is wrong. But it may be the value after an earlier event; or an event's
    digest is not that of its data; else only a log known to be good can tell (`first_difference`).
    """
    new, bank = _bank(log, algorithm)
    events = [event for event in log.events if event.register == register and event.digests]
    value = start_value(log, algorithm, register)
    for event in events:
        if value == signed:
            return f"the register never saw {log.event_name(event)}, nor what follows"
        value = new(value + (event.digests[bank] or b"")).digest()
    wrong = next((event for event in events if misdescribed(log, event, algorithm)), None)
    if wrong is not None:
        return f"first diverging: {log.event_name(wrong)}, whose digest is not that of its data"
    return (
        f"its {len(events)} event(s), from {log.event_name(events[0])} to {log.event_name(events[-1])}, "
        f"each of which fits its own data; one or more was changed, added or left out"
    )


def measured_data(log: Log, event: Event, algorithm: str) -> bytes | None:
    """The part of the event's data that its digest vouches for, which alone says anything; None if there is none.

    All of it; a variable without the bytes that shims before 15.5 wrote behind it, one of them not even hashed; a boot
    loader's text without its final zero, or without GRUB's word in front (`grub_cmd: `, `kernel_cmdline: `).
    """
    if not event.digests:
        return None
    new, bank = _bank(log, algorithm)
    digest = event.digests[bank]
    if log.format == TLV and event.type == COS:  # whoever read the log held it against every digest
        return event.data
    if new(event.data).digest() == digest:  # of most that match at all
        return event.data
    if event.type not in (AUTHORITY, IPL):
        return None
    return next((part for hashed, part in _parts(event) if new(hashed).digest() == digest), None)


def _parts(event: Event) -> Iterator[tuple[bytes, bytes]]:
    """What may have been hashed instead of all data, and what of it is meant."""
    data = event.data
    if event.type == AUTHORITY and (size := variable_size(data)) < len(data):
        yield data[:-1], data[:size]
    elif event.type == IPL:
        text = data.removesuffix(b"\0")
        yield text, text
        _, colon, rest = text.partition(b": ")
        if colon:
            yield rest, rest


def misdescribed(log: Log, event: Event, algorithm: str) -> bool:
    """Whether the event is of a kind whose data was hashed, and its digest is another (check tpm.log.data).

    An error separator is no such case: its digest is that of the number 1, and its data say what went wrong.
    """
    if (
        log.format not in ("TCG1", "TCG2", "CCEL", "CEL records")
        or event.type not in HASHED
        or not event.digests
    ):
        return False
    if measured_data(log, event, algorithm) is not None:
        return False
    return not (event.type == SEPARATOR and is_error_separator(log, event, algorithm))


def is_error_separator(log: Log, event: Event, algorithm: str) -> bool:
    """Whether the firmware gave up here: the separator's digest is that of 00000001 (section 10.4.5.1)."""
    new, bank = _bank(log, algorithm)
    return (
        event.type == SEPARATOR and bool(event.digests) and event.digests[bank] == new(b"\1\0\0\0").digest()
    )


@frozen(slots=True)
class Difference:
    """The first event at which two logs part; one of them may have ended."""

    register: str
    found: str
    expected: str


def first_difference(log: Log, reference: Log, algorithm: str) -> Difference | None:
    """The first event, register by register, that `log` has and `reference` has not so; None if they agree."""
    _, ours = _bank(log, algorithm)
    _, theirs = _bank(reference, algorithm)
    registers = {event.register for event in (*log.events, *reference.events) if event.digests}
    for register in sorted(registers):
        mine = [event for event in log.events if event.register == register and event.digests]
        good = [event for event in reference.events if event.register == register and event.digests]
        for event, other in zip_longest(mine, good):
            if event is None or other is None or event.digests[ours] != other.digests[theirs]:
                return Difference(
                    log.register_name(register),
                    log.event_name(event) if event else "the end of the log",
                    reference.event_name(other) if other else "the end of the log",
                )
    return None


def _bank(log: Log, algorithm: str) -> tuple[Callable[[bytes], hashlib._Hash], int]:
    if algorithm not in log.algorithms:
        raise MalformedEvidenceError(
            f"the log has digests of {', '.join(log.algorithms)}, not of {algorithm}", where="event log"
        )
    return hasher(algorithm), log.algorithms.index(algorithm)
