# SPDX-License-Identifier: Apache-2.0
"""The log explains the registers, and nothing else does."""

from __future__ import annotations

import hashlib

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttee.errors import MalformedEvidenceError
from ttee.guest.registers import (
    MAX_EVENTS,
    MAX_LOG,
    Event,
    RuntimeRegisters,
    decode_log,
    encode_log,
    event_digest,
    identity_events,
    replay,
)

events = st.builds(
    Event,
    st.integers(0, 3),
    st.text(min_size=1, max_size=16),
    st.binary(max_size=64),
)


def test_an_event_is_digested_as_specified() -> None:
    preimage = b"ttee/event/1" + bytes.fromhex("82 63 626964 42 0102")
    assert event_digest("bid", b"\1\2") == hashlib.sha384(preimage).digest()


def test_a_register_is_extended_as_specified() -> None:
    registers = RuntimeRegisters()
    assert registers.extend(3, "bid", b"\1\2")
    assert registers.values == (
        *[bytes(48)] * 3,
        hashlib.sha384(bytes(48) + event_digest("bid", b"\1\2")).digest(),
    )


@given(st.lists(events, max_size=20))
def test_replaying_the_log_gives_the_registers(history: list[Event]) -> None:
    registers = RuntimeRegisters()
    for event in history:
        assert registers.extend(*event)
    log = decode_log(encode_log(registers.events))
    assert log == tuple(history)
    assert replay(log) == registers.values


@given(st.lists(events, min_size=1, max_size=6), st.data())
def test_a_log_that_lacks_an_event_gives_other_registers(history: list[Event], data: st.DataObject) -> None:
    gap = data.draw(st.integers(0, len(history) - 1))
    assert replay(history) != replay(history[:gap] + history[gap + 1 :])


def test_the_log_takes_256_events_and_no_more() -> None:
    registers = RuntimeRegisters()
    for number in range(MAX_EVENTS):
        assert registers.extend(3, "n", bytes([number]))
    before = registers.values
    assert not registers.extend(3, "n", b"")
    assert registers.values == before
    assert len(decode_log(encode_log(registers.events))) == MAX_EVENTS


def test_the_log_takes_64_kib_and_no_more() -> None:
    registers = RuntimeRegisters()
    while registers.extend(3, "n" * 64, bytes(1024)):
        pass
    while registers.extend(3, "n", b""):
        pass
    encoded = encode_log(registers.events)
    assert MAX_LOG - 4 <= len(encoded) <= MAX_LOG
    assert decode_log(encoded) == registers.events


def test_identity_events_count_only_before_system_ready() -> None:
    log = [
        Event(0, "app", b"1"),
        Event(3, "app", b"2"),
        Event(0, "system-ready", b""),
        Event(0, "app", b"3"),
    ]
    assert identity_events(log) == (Event(0, "app", b"1"),)


@pytest.mark.parametrize(
    "event",
    [(4, "n", b""), (-1, "n", b""), (0, "", b""), (0, "é" * 33, b""), (0, "n", bytes(1025))],
)
def test_events_out_of_bounds_are_refused_on_both_ways(event: tuple[int, str, bytes]) -> None:
    with pytest.raises(ValueError, match="an event's"):
        RuntimeRegisters().extend(*event)
    with pytest.raises(MalformedEvidenceError, match="an event's") as refusal:
        decode_log(cbor2.dumps([list(event)]))
    assert refusal.value.where == "log, event 0"


@pytest.mark.parametrize(
    "value", [{}, 1, [1], [[0, "n"]], [[0, "n", b"", 0]], [[True, "n", b""]], [["n"] * 3]]
)
def test_what_is_no_log_is_refused(value: object) -> None:
    with pytest.raises(MalformedEvidenceError):
        decode_log(cbor2.dumps(value))


def test_a_log_of_257_events_is_refused() -> None:
    with pytest.raises(MalformedEvidenceError, match="257 events"):
        decode_log(cbor2.dumps([[3, "n", b""]] * 257))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_log_or_malformed_evidence(data: bytes) -> None:
    try:
        decode_log(data)
    except MalformedEvidenceError:
        return
