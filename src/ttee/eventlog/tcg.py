# SPDX-License-Identifier: Apache-2.0
"""The log that firmware writes: TCG2 for TPMs, CCEL for trust domains, and the SHA-1 log that came before both.

    TCG_PCR_EVENT, little endian            TCG_PCR_EVENT2
    offset  size  field                     offset  size  field
         0     4  register                       0     4  register
         4     4  event type                     4     4  event type
         8    20  SHA-1 digest                   8     4  number of digests
        28     4  size of the data              12     …  algorithm u16, digest; …
        32     …  data                           …     4  size of the data, then the data

The first event is of the old form. If it is EV_NO_ACTION with "Spec ID Event03", it lists the algorithms, and all
others are of the new form; else the whole log is of the old one. In a CCEL it names register 1, and not 0.
Source: TCG PC Client Platform Firmware Profile 1.06, section 10.2; UEFI 2.10, section 38.4 (CCEL).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from struct import Struct
from struct import error as StructError  # noqa: N812 (its name in lower case says nothing)

from ttee.errors import MalformedEvidenceError
from ttee.eventlog.event import ALGORITHMS, SIZES, Event, Log, Registers, bounded
from ttee.eventlog.kinds import NO_ACTION, SOURCE

MAX_EVENTS = 1 << 16
MAX_PCR, MAX_MR = 23, 4
SIGNATURE = b"Spec ID Event03\0"
LOCALITY = b"StartupLocality\0"

_OLD = Struct("<II20sI")
_HEAD = Struct("<III")
_SPEC = Struct("<IBBBBI")
_ALGORITHM = Struct("<HH")
_NOWHERE = 0xFFFFFFFF
_SMALL = 128 << 10


def parse(data: bytes, *, what: str = "event log") -> Log:
    """The log in `data`. Raises MalformedEvidenceError.

    What ACPI leaves behind the last event, zeros or FF to the end, is counted as `padding`; nothing else may follow.
    """
    bounded(data, what)
    # A machine sends the same log with every quote until it boots again.
    return _remembered(bytes(data), what) if len(data) <= _SMALL else _parse(data, what)


def _parse(data: bytes, what: str) -> Log:
    register, kind, digest, size = _old(data, 0, what)
    header = data[32 : 32 + size]
    if kind != NO_ACTION or header[:16] != SIGNATURE:
        return _parse_old(data, what)
    if register not in (0, 1) or any(digest):
        raise _malformed("its first event names a register or digest that no header has", f"{what}, byte 0")
    algorithms = _algorithms(header, what)
    registers = Registers.MR if register else Registers.PCR
    events = [Event(0, register, NO_ACTION, (), header)]
    end = _read_new(data, 32 + size, algorithms, registers, events, what=what)
    return Log(
        format="CCEL" if register else "TCG2",
        registers=registers,
        algorithms=tuple(ALGORITHMS[each] for each in algorithms),
        events=tuple(events),
        start=start_of(events, what),
        padding=len(data) - end,
    )


_remembered = lru_cache(maxsize=32)(_parse)


def forget_logs() -> None:
    """Empty the memory: for measurements, and for tests that results do not depend on it."""
    _remembered.cache_clear()


def _old(data: bytes, at: int, what: str) -> tuple[int, int, bytes, int]:
    """A TCG_PCR_EVENT, whose data is all there."""
    try:
        register, kind, digest, size = _OLD.unpack_from(data, at)
    except StructError:
        raise _malformed("it ends inside an event", f"{what}, byte {at}") from None
    if size > len(data) - at - 32:
        raise _malformed(f"an event of {size} bytes reaches beyond its end", f"{what}, byte {at + 28}")
    return register, kind, digest, size


def _parse_old(data: bytes, what: str) -> Log:
    """A log of SHA-1 digests alone."""
    events: list[Event] = []
    at = 0
    total = _padding(data)
    while at < total:
        register, kind, digest, size = _old(data, at, what)
        content = data[at + 32 : at + 32 + size]
        _check_event(register, kind, len(events), MAX_PCR, f"{what}, byte {at}")
        digests = () if kind == NO_ACTION else (digest,)
        events.append(Event(len(events), register, kind, digests, content))
        at += 32 + size
    return Log("TCG1", Registers.PCR, ("sha1",), tuple(events), start_of(events, what), len(data) - at)


def _algorithms(header: bytes, what: str) -> tuple[int, ...]:
    """The algorithm table of TCG_EfiSpecIdEvent: known algorithms, each once, with their own sizes."""
    where = f"{what}, byte 32 (Spec ID Event03)"
    try:
        *_, count = _SPEC.unpack_from(header, 16)
        if not 1 <= count <= len(ALGORITHMS):
            raise _malformed(f"its header lists {count} algorithms", where)
        table = [_ALGORITHM.unpack_from(header, 28 + 4 * i) for i in range(count)]
        vendor = header[28 + 4 * count]
    except (StructError, IndexError):
        raise _malformed("its header is cut short", where) from None
    if 29 + 4 * count + vendor != len(header):
        raise _malformed("its header has another size than it says", where)
    for algorithm, size in table:
        if SIZES.get(ALGORITHMS.get(algorithm, ""), -1) != size:
            raise _malformed(f"its header lists algorithm {algorithm:#06x} with {size} bytes", where)
    if len({algorithm for algorithm, _ in table}) != count:
        raise _malformed("its header lists an algorithm twice", where)
    return tuple(algorithm for algorithm, _ in table)


def _read_new(
    data: bytes, at: int, algorithms: tuple[int, ...], registers: Registers, events: list[Event], *, what: str
) -> int:
    """Append the events from `at` on; returns where the padding begins."""
    sizes = {algorithm: SIZES[ALGORITHMS[algorithm]] for algorithm in algorithms}
    usual = Struct("<III" + "".join(f"H{sizes[each]}s" for each in algorithms) + "I")
    count, digests_end = len(algorithms), 3 + 2 * len(algorithms)
    highest = MAX_PCR if registers is Registers.PCR else MAX_MR
    total, wide, padding = len(data), usual.size, _padding(data)
    while at < padding:
        fields = usual.unpack_from(data, at) if total - at >= wide else ()
        digests: tuple[bytes | None, ...]
        if fields and fields[2] == count and fields[3:digests_end:2] == algorithms:
            register, kind, size = fields[0], fields[1], fields[-1]
            digests = fields[4:digests_end:2]
            begin = at + wide
        else:
            register, kind, digests, size, begin = _unusual(data, at, algorithms, sizes, what)
        if size > total - begin:
            raise _malformed(f"an event of {size} bytes reaches beyond its end", f"{what}, byte {begin - 4}")
        _check_event(register, kind, len(events), highest, f"{what}, byte {at}")
        content = data[begin : begin + size]
        if kind == NO_ACTION:
            digests = ()
        events.append(Event(len(events), register, kind, digests, content))
        at = begin + size
    return at


def _unusual(
    data: bytes, at: int, algorithms: tuple[int, ...], sizes: dict[int, int], what: str
) -> tuple[int, int, tuple[bytes | None, ...], int, int]:
    """An event whose digests are fewer than the header's, or in another order; and where its data begins."""
    try:
        register, kind, count = _HEAD.unpack_from(data, at)
        if not 1 <= count <= len(algorithms):
            raise _malformed(
                f"an event has {count} digests; the header lists {len(algorithms)} algorithms",
                f"{what}, byte {at + 8}",
            )
        begin = at + 12
        found: dict[int, bytes] = {}
        for _ in range(count):
            algorithm = int.from_bytes(data[begin : begin + 2], "little")
            if algorithm not in sizes or algorithm in found:
                raise _malformed(
                    f"an event has a digest of algorithm {algorithm:#06x}, which is not in the header, or there twice",
                    f"{what}, byte {begin}",
                )
            found[algorithm] = data[begin + 2 : begin + 2 + sizes[algorithm]]
            begin += 2 + sizes[algorithm]
        (size,) = Struct("<I").unpack_from(data, begin)
    except StructError:
        raise _malformed("it ends inside an event", f"{what}, byte {at}") from None
    return register, kind, tuple(found.get(each) for each in algorithms), size, begin + 4


def _check_event(register: int, kind: int, number: int, highest: int, where: str) -> None:
    if register > highest and not (register == _NOWHERE and kind == NO_ACTION):
        raise _malformed(f"an event extends register {register}; the last one is {highest}", where)
    if number >= MAX_EVENTS:
        raise _malformed(f"it has more than {MAX_EVENTS} events", where)


def _padding(data: bytes) -> int:
    """From where on there is nothing but zeros, or nothing but FF."""
    return min(len(data.rstrip(b"\0")), len(data.rstrip(b"\xff")))


def start_of(events: Sequence[Event], what: str) -> dict[int, int]:
    """PCR 0 as the TPM starts it: its last byte is the locality of TPM2_Startup (section 10.4.5.3).

    Said at most once, before anything extended PCR 0.
    """
    start: dict[int, int] = {}
    extended = False
    for event in events:
        if event.digests:
            extended = extended or event.register == 0
        elif event.data[:16] == LOCALITY:
            if len(event.data) != 17 or event.data[16] not in (0, 3, 4) or extended or start:
                raise _malformed(
                    "its StartupLocality is malformed, there twice, or comes after PCR 0 was extended",
                    f"{what}, event {event.number}",
                )
            start = {0: event.data[16]}
    return start


def _malformed(message: str, where: str) -> MalformedEvidenceError:
    return MalformedEvidenceError(f"the event log cannot be read: {message}", where=where, source=SOURCE)
