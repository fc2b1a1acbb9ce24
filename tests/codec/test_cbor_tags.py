# SPDX-License-Identifier: Apache-2.0
"""CBOR with tags: definite lengths, shortest forms, each key once; tags are kept and not interpreted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttee.codec.cbor_tags import Tagged, TaggedValue, dumps, loads
from ttee.errors import MalformedEvidenceError

_NUMBERS = st.integers(0, (1 << 64) - 1)
VALUES: st.SearchStrategy[TaggedValue] = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 64), (1 << 64) - 1) | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text() | st.integers(-(1 << 64), (1 << 64) - 1), inner)
        | st.builds(Tagged, _NUMBERS, inner)
    ),
    max_leaves=20,
)


def read(data: bytes) -> TaggedValue:
    return loads(data, what="it", max_size=1 << 20)


@given(VALUES)
def test_a_value_comes_back_as_it_went(value: TaggedValue) -> None:
    assert read(dumps(value)) == value


@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused_by_name(data: bytes) -> None:
    try:
        assert dumps(read(data)) == data
    except MalformedEvidenceError as problem:
        assert problem.where is not None  # noqa: PT017 (either way is right)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ("", "cut short"),
        ("82 01", "2 items in 1 bytes|cut short"),
        ("42 61", "cut short"),
        ("01 01", "1 bytes after its end"),
        ("18 01", "shortest form"),
        ("19 0001", "shortest form"),
        ("d8 01 01", "shortest form"),
        ("9f 01 ff", "indefinite length"),
        ("a2 01 02 01 03", "stands there twice"),
        ("a1 40 02", "neither an integer nor text"),
        ("a1 f5 02", "neither an integer nor text"),
        ("61 ff", "UTF-8"),
        ("f9 0000", "fraction"),
        ("f7", "simple value"),
        ("81" * 30 + "01", "nested too deeply"),
        ("c1" * 30 + "01", "nested too deeply"),
    ],
)
def test_other_forms_are_refused(data: str, problem: str) -> None:
    with pytest.raises(MalformedEvidenceError, match=problem):
        read(bytes.fromhex(data))


def test_size_is_bounded_in_both_directions() -> None:
    with pytest.raises(MalformedEvidenceError, match="at most 3"):
        loads(b"\x83abc", what="it", max_size=3)
    with pytest.raises(ValueError, match="64 bits"):
        dumps(1 << 64)
