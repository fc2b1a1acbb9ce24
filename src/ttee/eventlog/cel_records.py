# SPDX-License-Identifier: Apache-2.0
"""Records of a Canonical Event Log, in JSON or CBOR, and the log that they make.

Records are numbered without a gap: through the whole log or for each register, from 0 (or 1, as systemd does); or, in
a sequence that is still being written, not at all.
Source: TCG Canonical Event Log Format 1.0, section 4.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ttee.errors import MalformedEvidenceError
from ttee.eventlog.event import Event, Log, Registers
from ttee.eventlog.kinds import NO_ACTION
from ttee.eventlog.tcg import start_of

SOURCE = "TCG Canonical Event Log Format 1.0, sections 4 and 5"
FORMAT = "CEL records"
MAX_EVENTS = 1 << 16
UNTYPED = 0xFFFFFFFF
"""The kind of events that no firmware has."""
_MAX_PCR = 23


class Record(NamedTuple):
    """One record, in either encoding."""

    number: int | None
    register: int
    digests: dict[str, bytes]
    kind: int
    data: bytes
    label: str


def assemble(records: Sequence[Record], what: str) -> Log:
    """The log of these records. Raises MalformedEvidenceError."""
    if not 1 <= len(records) <= MAX_EVENTS:
        raise malformed(f"it has {len(records)} records; 1 to {MAX_EVENTS} are read", what)
    _check_numbers(records, what)
    extending = [record for record in records if record.kind != NO_ACTION]  # the others may lack some banks
    algorithms = tuple((extending or records)[0].digests)
    events = []
    for number, record in enumerate(records):
        where = f"{what}, record {number}"
        if record.kind != NO_ACTION and record.digests.keys() != set(algorithms):
            raise malformed("a record has digests of other algorithms than those before it", where)
        if not 0 <= record.register <= _MAX_PCR:
            raise malformed("a record is of no PCR", where)
        digests = () if record.kind == NO_ACTION else tuple(record.digests[each] for each in algorithms)
        events.append(Event(number, record.register, record.kind, digests, record.data, record.label))
    return Log(FORMAT, Registers.PCR, algorithms, tuple(events), start=start_of(events, what))


def _check_numbers(records: Sequence[Record], what: str) -> None:
    """Return if the records are numbered in one of the ways there are."""
    numbers = [record.number for record in records]
    if numbers == [None] * len(records) or numbers in (_from(0, records), _from(1, records)):
        return
    seen: dict[int, int] = {}
    begin = 0 if 0 in numbers else 1
    for place, record in enumerate(records):
        expected = begin + seen.get(record.register, 0)
        if record.number != expected:
            raise malformed(
                f"record {record.number} of PCR {record.register} stands where {expected} belongs",
                f"{what}, record {place}",
            )
        seen[record.register] = seen.get(record.register, 0) + 1


def _from(begin: int, records: Sequence[Record]) -> list[int | None]:
    return list(range(begin, begin + len(records)))


def malformed(message: str, where: str) -> MalformedEvidenceError:
    """An error about one place of the log."""
    return MalformedEvidenceError(
        f"the canonical event log cannot be read: {message}"[:300], where=where, source=SOURCE
    )
