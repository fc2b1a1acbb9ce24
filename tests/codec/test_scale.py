# SPDX-License-Identifier: Apache-2.0
"""SCALE has one form for each value: anything longer, cut short or left over is refused with its offset."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttee.codec import scale
from ttee.errors import MalformedEvidenceError


def reader(data: bytes) -> scale.Reader:
    return scale.Reader(data, what="it")


@given(st.integers(0, (1 << 30) - 1))
def test_a_length_is_read_as_it_was_written(value: int) -> None:
    found = reader(scale.compact(value))
    assert found.compact() == value
    found.end()


def test_fields_follow_each_other_without_names() -> None:
    found = reader(b"\x07\0\0\0" + scale.octets(b"bytes") + scale.octets("tëxt".encode()) + b"\1\x04!")
    assert (found.number(4), found.octets(), found.text()) == (7, b"bytes", "tëxt")
    assert (found.choice(("none", "some")), found.count(3), found.take(1)) == ("some", 1, b"!")
    found.end()


@pytest.mark.parametrize(
    ("data", "read", "problem"),
    [
        (b"\x01\0", scale.Reader.compact, "shortest"),
        (b"\x02\0\0\0", scale.Reader.compact, "shortest"),
        (b"\x03\0\0\0\0", scale.Reader.compact, "30 bits"),
        (b"\x08a", scale.Reader.octets, "2 bytes belong here"),
        (b"\x04\xff", scale.Reader.text, "UTF-8"),
        (b"\x10a", lambda r: r.count(9), "4 items"),
        (b"\x10aaaa", lambda r: r.count(3), "at most 3"),
        (b"\x02", lambda r: r.choice(("a", "b")), "variant 2"),
        (b"a", scale.Reader.end, "1 bytes after"),
    ],
)
def test_what_is_not_in_its_one_form_is_refused(
    data: bytes, read: Callable[[scale.Reader], object], problem: str
) -> None:
    with pytest.raises(MalformedEvidenceError, match=problem) as caught:
        read(reader(data))
    assert "it, byte" in (caught.value.where or "")


def test_lengths_of_more_than_30_bits_are_not_written() -> None:
    with pytest.raises(ValueError, match="30 bits"):
        scale.compact(1 << 30)
