# SPDX-License-Identifier: Apache-2.0
"""Deterministic CBOR has one encoding for each value; every other one is refused, with its offset."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ttee.codec import cbor
from ttee.errors import BundleError, MalformedEvidenceError, TteeError

VALUES = st.recursive(
    st.booleans()
    | st.integers(-(1 << 64), (1 << 64) - 1)
    | st.text(st.characters(codec="utf-8"))
    | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def refused(encoded: str, max_size: int = 1000) -> TteeError:
    with pytest.raises(MalformedEvidenceError) as caught:
        cbor.loads(bytes.fromhex(encoded), what="the claims", max_size=max_size)
    assert caught.value.where is not None
    assert "the claims" in caught.value.where
    return caught.value


@given(VALUES)
def test_every_value_comes_back(value: cbor.CborValue) -> None:
    assert cbor.loads(cbor.dumps(value), what="it", max_size=1 << 20) == value


@given(st.binary(max_size=64))
@example(bytes.fromhex("d81c81d81d00"))  # a list that holds itself, by tags 28 and 29
def test_any_bytes_are_canonical_or_refused(data: bytes) -> None:
    try:
        value = cbor.loads(data, what="it", max_size=64)
    except MalformedEvidenceError:
        return
    assert cbor.dumps(value) == data


@pytest.mark.parametrize(
    ("encoded", "offset", "why"),
    [
        ("", 0, "cut short"),
        ("4501", 2, "cut short"),
        ("0100", 1, "1 bytes after its end"),
        ("1800", 0, "not deterministic"),
        ("a2616201616100", 2, "not deterministic"),  # keys b, a
        ("a2626161016162 00", 1, "not deterministic"),  # keys aa, b: shorter first
        ("a2616101616102", 7, "Duplicate map key"),
        ("5f4101ff", 1, "indefinite length"),
        ("9f01ff", 1, "indefinite length"),
        ("bf616101ff", 1, "indefinite length"),
        ("8201c24101", 5, "a tag"),
        ("d8236128", 4, "a tag"),  # a regular expression that never reaches its engine
        ("d9030900", 4, "a tag"),
        ("61ff", 2, "text string"),
        ("1c", 1, "subtype"),
        ("5bffffffffffffffff", 9, "cut short"),
        ("9bffffffffffffffff", 9, "cut short"),
    ],
)
def test_another_encoding_is_refused_at_its_offset(encoded: str, offset: int, why: str) -> None:
    error = refused(encoded)
    assert error.where == f"the claims, byte {offset}"
    assert why in error.message


@pytest.mark.parametrize(
    "encoded", ["f6", "f7", "f0", "fb3ff0000000000000", "f93c00", "a10100", "a1410000", "a1800101"]
)
def test_kinds_outside_the_data_model_are_refused(encoded: str) -> None:
    refused(encoded)


@pytest.mark.parametrize("tag", [*range(300), 1004, 43000, 55799, 2**32])
def test_no_tag_is_interpreted_whatever_it_stands_before(tag: int) -> None:
    """Some that the library knows would compile a regular expression, or build an object, out of hostile bytes."""
    head = b"\xdb" + tag.to_bytes(8, "big")
    for body in ("00", "4101", "6161", "820102", "a0"):
        assert "a tag" in refused((head + bytes.fromhex(body)).hex()).message


def test_the_message_says_which_part_is_of_another_kind() -> None:
    assert ".a[1]" in refused("a1616182 01 f6").message


def test_size_and_depth_are_bounded() -> None:
    assert "at most 3" in refused("43010203", max_size=3).message
    assert cbor.loads(b"\x81" * 16 + b"\x00", what="it", max_size=17)
    assert "depth" in refused("81" * 17 + "00").message
    assert "depth" in refused("81" * 900).message


def test_the_caller_names_the_error() -> None:
    with pytest.raises(BundleError):
        cbor.loads(b"", what="the bundle", max_size=1, error=BundleError)


def test_keys_are_ordered_shorter_first_then_bytewise() -> None:
    assert cbor.dumps({"bb": 1, "c": 2, "a": 3}).hex() == "a3616103616302626262 01".replace(" ", "")


@pytest.mark.parametrize("value", [None, 1.5, {1: 2}, {"a": [None]}, 1 << 64, -(1 << 64) - 1, object()])
def test_nothing_outside_the_data_model_is_written(value: object) -> None:
    with pytest.raises(ValueError, match="CBOR here has"):
        cbor.dumps(value)  # type: ignore[arg-type]
