# SPDX-License-Identifier: Apache-2.0
"""Protocol Buffers in one form alone: what other readers shrug at is refused, with its offset."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttee.codec import protobuf
from ttee.errors import EndorsementError, MalformedEvidenceError

VALUES = st.integers(0, (1 << 64) - 1) | st.binary(max_size=300)


def parse(data: bytes) -> protobuf.Message:
    return protobuf.parse(data, what="it")


@given(st.dictionaries(st.integers(1, protobuf.MAX_NUMBER), VALUES, max_size=5))
def test_fields_are_read_as_they_were_written(fields: dict[int, int | bytes]) -> None:
    found = parse(b"".join(protobuf.field(number, value) for number, value in fields.items()))
    for number, value in fields.items():
        assert (found.number(number) if isinstance(value, int) else found.octets(number)) == value
    assert list(found.fields) == list(fields)


def test_what_is_not_there_is_zero_or_empty() -> None:
    assert (parse(b"").number(1), parse(b"").octets(1), parse(b"").every(1)) == (0, b"", ())


def test_a_field_may_be_there_often_and_hold_messages() -> None:
    data = protobuf.field(2, protobuf.field(1, 7)) + protobuf.field(2, b"")
    found = parse(data)
    assert [found.message(each, "part").number(1) for each in found.every(2)] == [7, 0]
    with pytest.raises(MalformedEvidenceError, match="it, part: "):
        found.message(b"\x08", "part")


def test_numbers_of_fixed_size_are_passed_over() -> None:
    found = parse(b"\x09" + bytes(8) + b"\x15" + bytes(4) + protobuf.field(3, b"!"))
    assert (found.octets(3), len(found.fields)) == (b"!", 3)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"\x08", "cut short"),
        (b"\x08\x80", "cut short"),
        (b"\x08\x80\x00", "shortest form"),
        (b"\x88\x00\x01", "shortest form"),
        (b"\x08" + b"\xff" * 9 + b"\x02", "64 bits"),
        (b"\x08" + b"\xff" * 10 + b"\x01", "64 bits"),
        (b"\x00\x01", "field 0"),
        (protobuf._number((protobuf.MAX_NUMBER + 1) << 3) + b"\x01", "is none"),
        (b"\x0a\x02a", "2 bytes, and 1 are left"),
        (b"\x09" + bytes(7), "8 bytes"),
        (b"\x0d" + bytes(3), "4 bytes"),
        (b"\x0b\x0c", "wire type 3"),
        (b"\x0e", "wire type 6"),
        (b"\x08\x01" * (protobuf.MAX_FIELDS + 1), "more than 4096"),
    ],
)
def test_anything_else_is_refused_with_its_offset(data: bytes, problem: str) -> None:
    with pytest.raises(MalformedEvidenceError, match=problem) as caught:
        parse(data)
    assert str(caught.value.where).startswith("it, byte ")


def test_the_largest_count_of_fields_is_read() -> None:
    assert len(parse(b"\x08\x01" * protobuf.MAX_FIELDS).fields[1]) == protobuf.MAX_FIELDS


def test_a_second_value_where_one_belongs_is_refused() -> None:
    with pytest.raises(MalformedEvidenceError, match="2 times"):
        parse(b"\x08\x01\x08\x02").number(1)


def test_a_value_of_another_kind_is_refused_as_the_error_asked_for() -> None:
    with pytest.raises(EndorsementError, match="wire type 0, and not 2"):
        protobuf.parse(b"\x08\x01", what="it", error=EndorsementError).octets(1)
    with pytest.raises(MalformedEvidenceError, match="wire type 2, and not 0"):
        parse(b"\x0a\x00").number(1)
    with pytest.raises(MalformedEvidenceError, match="wire type 0, and not 2"):
        parse(b"\x08\x01").every(1)


@pytest.mark.parametrize("value", [-1, 1 << 64])
def test_numbers_that_do_not_fit_are_not_written(value: int) -> None:
    with pytest.raises(ValueError, match="64 bits"):
        protobuf.field(1, value)


@given(st.binary(max_size=200))
def test_whatever_is_read_has_one_form(data: bytes) -> None:
    try:
        found = parse(data)
    except MalformedEvidenceError:
        return
    rest = [
        (value.at, protobuf.field(number, value.number if value.wire == 0 else value.data))
        for number, values in found.fields.items()
        for value in values
        if value.wire in (0, 2)
    ]
    for at, written in rest:
        assert data[at : at + len(written)] == written
