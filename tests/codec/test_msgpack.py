# SPDX-License-Identifier: Apache-2.0
"""MessagePack: one value has one encoding, and any other is refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttee.codec import msgpack
from ttee.errors import MalformedEvidenceError

VALUES: st.SearchStrategy[msgpack.Value] = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def loads(data: bytes) -> msgpack.Value:
    return msgpack.loads(data, what="it", max_size=1 << 20)


@given(VALUES)
def test_a_value_comes_back_as_it_went(value: msgpack.Value) -> None:
    assert loads(msgpack.dumps(value)) == value


@pytest.mark.parametrize("size", [31, 32, 255, 256, 65535, 65536])
def test_lengths_around_each_border_come_back(size: int) -> None:
    values: list[msgpack.Value] = [b"b" * size, "t" * size, [1] * size, {str(n): n for n in range(size)}]
    for value in values:
        assert loads(msgpack.dumps(value)) == value


@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused_by_name(data: bytes) -> None:
    try:
        assert msgpack.dumps(loads(data)) == data
    except MalformedEvidenceError as problem:
        assert problem.where is not None  # noqa: PT017 (either way is right)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ("", "cut short"),
        ("92 01", "2 items in 1 bytes"),
        ("82 a161 01", "4 items in 3 bytes"),
        ("a2 61", "cut short"),
        ("01 01", "1 bytes after its end"),
        ("cc 01", "shortest form"),
        ("d0 01", "shortest form"),
        ("d9 01 61", "shortest form"),
        ("82 a161 01 a161 02", "stands there twice"),
        ("81 01 02", "a key that is not text"),
        ("81 90 02", "nested too deeply|not text"),
        ("a1 ff", "UTF-8"),
        ("cb 0000000000000000", "kind 0xcb"),
        ("c1", "kind 0xc1"),
        ("d4 00 00", "kind 0xd4"),
        ("91" * 20 + "01", "nested too deeply"),
    ],
)
def test_other_forms_are_refused(data: str, problem: str) -> None:
    with pytest.raises(MalformedEvidenceError, match=problem):
        loads(bytes.fromhex(data))


def test_size_and_number_of_items_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MalformedEvidenceError, match="at most 3"):
        msgpack.loads(b"\x93abc", what="it", max_size=3)
    monkeypatch.setattr(msgpack, "MAX_ITEMS", 3)
    with pytest.raises(MalformedEvidenceError, match="more than 3 items"):
        loads(b"\x93abc")


def test_integers_of_more_than_64_bits_are_not_written() -> None:
    with pytest.raises(ValueError, match="64 bits"):
        msgpack.dumps(1 << 64)
