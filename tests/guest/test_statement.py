# SPDX-License-Identifier: Apache-2.0
"""The statement has one encoding, and the report data is its digest."""

from __future__ import annotations

import hashlib

import cbor2
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from ttee.errors import MalformedEvidenceError
from ttee.guest.statement import Statement

SAMPLE = Statement(b"a" * 48, b"n" * 16, (bytes(48),) * 4, b"", b"k" * 32)

statements = st.builds(
    Statement,
    app=st.binary(min_size=48, max_size=48),
    nonce=st.just(b"") | st.binary(min_size=16, max_size=64),
    registers=st.tuples(*[st.binary(min_size=48, max_size=48)] * 4),
    user_data=st.binary(max_size=64),
    channel_key=st.binary(min_size=32, max_size=32),
)


@given(statements)
def test_decoding_gives_back_what_was_encoded(statement: Statement) -> None:
    assert Statement.decode(statement.encode()) == statement


def test_the_encoding_and_the_report_data_are_as_specified() -> None:
    encoded = (
        b"\xa5"
        + (b"\x63app\x58\x30" + b"a" * 48)
        + (b"\x65nonce\x50" + b"n" * 16)
        + (b"\x69registers\x84" + (b"\x58\x30" + bytes(48)) * 4)
        + b"\x69user_data\x40"
        + (b"\x6bchannel_key\x58\x20" + b"k" * 32)
    )
    assert SAMPLE.encode() == encoded
    assert SAMPLE.report_data == hashlib.sha512(b"ttee/report-data/1" + encoded).digest()


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"app": b"a" * 47}, "statement, key app"),
        ({"nonce": b"n" * 15}, "statement, key nonce"),
        ({"nonce": b"n" * 65}, "statement, key nonce"),
        ({"nonce": "n" * 16}, "statement"),
        ({"registers": [bytes(48)] * 3}, "statement, key registers"),
        ({"registers": [bytes(48)] * 5}, "statement, key registers"),
        ({"registers": [bytes(48)] * 4 + [1]}, "statement"),
        ({"registers": [bytes(47)] * 4}, "statement, key registers"),
        ({"user_data": bytes(65)}, "statement, key user_data"),
        ({"channel_key": bytes(31)}, "statement, key channel_key"),
        ({"more": b""}, "statement"),
    ],
)
def test_each_field_is_held_to_its_bounds(change: dict[str, object], where: str) -> None:
    fields = cbor2.loads(SAMPLE.encode())
    with pytest.raises(MalformedEvidenceError) as refusal:
        Statement.decode(cbor2.dumps(fields | change, canonical=True))
    assert refusal.value.where == where


@given(st.binary(max_size=200))
def test_any_bytes_are_a_statement_or_malformed_evidence(data: bytes) -> None:
    try:
        Statement.decode(data)
    except MalformedEvidenceError:
        return


@given(statements, st.data())
def test_another_statement_has_other_report_data(statement: Statement, data: st.DataObject) -> None:
    encoded = bytearray(statement.encode())
    bit = data.draw(st.integers(0, 8 * len(encoded) - 1))
    encoded[bit // 8] ^= 1 << bit % 8
    try:
        other = Statement.decode(bytes(encoded))
    except MalformedEvidenceError:
        return
    assert other.report_data != statement.report_data


@given(statements, st.binary(min_size=16, max_size=64))
def test_a_statement_known_but_for_its_nonce_is_read_as_it_would_be_alone(
    one: Statement, nonce: bytes
) -> None:
    """One instance repeats everything but the nonce; what is remembered of it must never show."""
    for other in (one, evolve(one, nonce=nonce), evolve(one, nonce=nonce[:16] * 2)):
        assert Statement.decode(other.encode()) == other


def test_what_is_remembered_of_one_statement_vouches_for_no_other() -> None:
    data = evolve(SAMPLE, nonce=bytes(range(32))).encode()
    Statement.decode(data)
    for at in range(len(data)):
        altered = data[:at] + bytes([data[at] ^ 0x20]) + data[at + 1 :]
        try:
            assert Statement.decode(altered).encode() == altered
        except MalformedEvidenceError:
            continue
    for size in range(len(data)):
        with pytest.raises(MalformedEvidenceError):
            Statement.decode(data[:size])
    with pytest.raises(MalformedEvidenceError, match="after its end"):
        Statement.decode(data + b"\0")
