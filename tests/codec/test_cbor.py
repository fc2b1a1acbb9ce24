# SPDX-License-Identifier: Apache-2.0
"""Deterministic CBOR has one encoding for each value; every other one is refused, with its offset."""

from __future__ import annotations

from collections.abc import Callable

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


def test_the_largest_integers_are_read_and_longer_ones_are_not() -> None:
    for encoded, number in (("1bffffffffffffffff", 2**64 - 1), ("3bffffffffffffffff", -(2**64))):
        assert cbor.loads(bytes.fromhex(encoded), what="it", max_size=9) == number
        assert cbor.dumps(number).hex() == encoded


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


# --- maps of a known shape ------------------------------------------------------------------------

ANOTHER = "must be a map with exactly these keys and kinds"
SHAPE = cbor.MapShape({"n": int, "on": bool, "key": bytes, "list": list, "name": str}, "a specification")
FITTING = st.fixed_dictionaries(
    {
        "n": st.integers(-(1 << 64), (1 << 64) - 1),
        "on": st.booleans(),
        "key": st.binary(max_size=300),
        "list": st.lists(st.binary(max_size=30), max_size=30),
        "name": st.text(st.characters(codec="utf-8")),
    }
)


@given(FITTING, st.data())
def test_a_map_of_a_known_shape_is_read_and_refused_as_any_other(
    value: dict[str, cbor.Encodable], data: st.DataObject
) -> None:
    encoded = cbor.dumps(value)
    assert SHAPE.loads(encoded, what="it", max_size=1 << 20) == value
    at = data.draw(st.integers(0, len(encoded) - 1))
    altered = encoded[:at] + data.draw(st.binary(max_size=2)) + encoded[at + 1 :]
    of_shape = outcome(lambda: SHAPE.loads(altered, what="it", max_size=1 << 20))
    of_any = outcome(lambda: cbor.loads(altered, what="it", max_size=1 << 20, max_depth=2))
    assert of_shape == of_any or (isinstance(of_any, dict | str | int | list) and ANOTHER in str(of_shape))


def outcome(read: Callable[[], cbor.CborValue]) -> object:
    """The value, or what the refusal says and where."""
    try:
        return read()
    except MalformedEvidenceError as refusal:
        return refusal.message, refusal.where


@pytest.mark.parametrize(
    "change",
    [{"n": True}, {"on": 1}, {"key": "text"}, {"list": [b"", 1]}, {"list": b""}, {"more": 1}],
    ids=str,
)
def test_a_map_of_another_shape_is_refused_with_what_it_has(change: dict[str, cbor.Encodable]) -> None:
    fitting: dict[str, cbor.Encodable] = {"n": 1, "on": True, "key": b"", "list": [b""], "name": ""}
    with pytest.raises(
        MalformedEvidenceError, match="n: int, on: bool, key: bytes, list: list, name: str"
    ) as caught:
        SHAPE.loads(cbor.dumps(fitting | change), what="it", max_size=100)
    assert caught.value.source == "a specification"
    with pytest.raises(MalformedEvidenceError) as no_map:
        SHAPE.loads(b"\x80", what="it", max_size=100)
    assert "no map" in str(no_map.value.hint)
    with pytest.raises(MalformedEvidenceError, match="at most 3"):
        SHAPE.loads(cbor.dumps(fitting), what="it", max_size=3)


def test_a_shape_with_keys_in_another_order_fits_nothing_and_is_not_made() -> None:
    with pytest.raises(ValueError, match="canonical order"):
        cbor.MapShape({"bb": int, "a": int}, "a specification")


# --- as vendors write it --------------------------------------------------------------------------

VENDOR_VALUES = st.recursive(
    VALUES | st.none(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=5) | st.integers(-(1 << 64), (1 << 64) - 1), inner, max_size=30)
    ),
    max_leaves=12,
)


def read_vendor(data: bytes) -> cbor.VendorValue:
    return cbor.loads_vendor(data, what="the claims", max_size=1 << 20, max_depth=16)


def depth(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@given(VENDOR_VALUES)
def test_what_a_vendor_writes_comes_back_in_its_order(value: cbor.VendorValue) -> None:
    if depth(value) > 15:
        return
    encoded = cbor.dumps_vendor(value)
    again = read_vendor(encoded)
    assert again == value
    assert cbor.dumps_vendor(again) == encoded


@given(st.dictionaries(st.integers(0, 100_000), st.none(), max_size=600))
def test_the_outermost_map_may_be_of_indefinite_length(value: dict[int | str, cbor.VendorValue]) -> None:
    entries = b"".join(cbor.dumps_vendor({key: None})[1:] for key in value)
    assert read_vendor(b"\xbf" + entries + b"\xff") == value


def test_a_map_of_more_than_65535_entries_has_its_long_head() -> None:
    entries = b"".join(cbor.dumps_vendor({key: 0})[1:] for key in range(70_000))
    assert read_vendor(b"\xbf" + entries + b"\xff") == dict.fromkeys(range(70_000), 0)


@given(st.binary(max_size=64))
def test_any_bytes_are_as_vendors_write_them_or_refused(data: bytes) -> None:
    try:
        value = read_vendor(data)
    except MalformedEvidenceError:
        return
    assert data[:1] == b"\xbf" or cbor.dumps_vendor(value) == data


@pytest.mark.parametrize(
    ("encoded", "place", "why"),
    [
        ("", ", byte 0", "cut short"),
        ("bf01", ", byte 2", "cut short"),
        ("0000", ", byte 1", "1 bytes after its end"),
        ("bf0102ff00", ", byte 4", "1 bytes after its end"),
        ("1800", ", byte 0", "shortest form"),
        ("bf180102ff", ", byte 1", "shortest form"),
        ("b80100f6", ", byte 0", "shortest form"),
        ("9f01ff", ", byte 0", "shortest form"),
        ("815f4101ff", ", byte 1", "shortest form"),
        ("bf01bf0102ffff", ", byte 2", "shortest form"),
        ("bf01020103ff", ", byte 5", "Duplicate map key"),
        ("a201020103", ", byte 5", "Duplicate map key"),
        ("a20102f503", ", byte 5", "Duplicate map key"),  # true is 1 to Python
        ("c101", ", byte 2", "a tag"),
        ("f7", "", "something else"),
        ("e0", "", "something else"),
        ("f93c00", "", "something else"),
        ("a1f501", "", "something else"),
        ("a1410001", "", "something else"),
        ("a1810100", "", "something else"),
    ],
)
def test_another_encoding_of_a_vendor_is_refused_at_its_place(encoded: str, place: str, why: str) -> None:
    with pytest.raises(MalformedEvidenceError, match=why) as caught:
        read_vendor(bytes.fromhex(encoded))
    assert caught.value.where == f"the claims{place}"


@given(st.binary(max_size=64))
def test_what_is_signed_as_it_stands_may_be_longer_than_it_need_be_and_no_more(data: bytes) -> None:
    try:
        value = cbor.loads_vendor(data, what="it", max_size=64, shortest=False)
    except MalformedEvidenceError:
        with pytest.raises(MalformedEvidenceError):
            cbor.loads_vendor(data, what="it", max_size=64)
        return
    assert len(cbor.dumps_vendor(value)) <= len(data)
    for cut in range(len(data)):
        with pytest.raises(MalformedEvidenceError):
            cbor.loads_vendor(data[:cut], what="it", max_size=64, shortest=False)


@pytest.mark.parametrize("encoded", ["1800", "9f01ff", "bf180102ff", "5f4101ff", "815f4101ff"])
def test_longer_forms_are_let_through_where_that_is_asked_for(encoded: str) -> None:
    data = bytes.fromhex(encoded)
    value = cbor.loads_vendor(data, what="it", max_size=64, shortest=False)
    assert cbor.dumps_vendor(value) != data
    with pytest.raises(MalformedEvidenceError, match="1 bytes after its end"):
        cbor.loads_vendor(data + b"\0", what="it", max_size=64, shortest=False)


def test_the_size_of_what_a_vendor_writes_is_bounded_as_well() -> None:
    with pytest.raises(MalformedEvidenceError, match="at most 3 are allowed"):
        cbor.loads_vendor(bytes(4), what="it", max_size=3)
    with pytest.raises(MalformedEvidenceError, match="depth"):
        cbor.loads_vendor(b"\x81" * 9 + b"\0", what="it", max_size=100)


def test_only_what_can_be_read_is_written_for_a_vendor() -> None:
    for value in (1.5, b"".join, [{1.5: 1}], {(1,): 1}, 1 << 64):
        with pytest.raises(ValueError, match="CBOR here has"):
            cbor.dumps_vendor(value)  # type: ignore[arg-type]


def test_the_head_of_a_tag_stands_before_its_item() -> None:
    assert [cbor.tag_head(tag).hex() for tag in (18, 399, 907)] == ["d2", "d9018f", "d9038b"]


@given(st.binary(max_size=70_000 // 200), st.binary(max_size=4), st.integers(0, 3))
def test_a_byte_string_is_read_by_its_head(content: bytes, behind: bytes, before: int) -> None:
    data = bytes(before) + cbor.dumps(content) + behind
    assert cbor.short_bytes(data, before) == (content, len(data) - len(behind))


@given(st.binary(max_size=40))
def test_what_is_no_byte_string_in_its_shortest_form_has_no_head(data: bytes) -> None:
    found = cbor.short_bytes(data, 0)
    if found is not None:
        assert cbor.dumps(found[0]) == data[: found[1]]
