# SPDX-License-Identifier: Apache-2.0
"""DER, strictly: one value, one encoding; everything else ends in a named error."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttee.codec import der
from ttee.codec.der import DerError
from ttee.errors import EndorsementError, MalformedEvidenceError


def test_elements_fill_their_place() -> None:
    assert der.elements(b"\2\1\5\4\2ab") == [(2, 0, b"\5", 3), (4, 3, b"ab", 7)]
    assert der.elements(b"") == []
    assert der.sequence(b"\x30\3\2\1\5") == [(2, 0, b"\5", 3)]


@given(st.integers(0, 30), st.binary(max_size=300))
def test_what_is_written_is_read(number: int, content: bytes) -> None:
    tag = der.context(number, constructed=False)
    assert der.only(der.encode(tag, content), tag) == content
    assert der.first(der.encode(tag, content) + b"more")[2] == content


@given(st.integers(-(1 << 200), 1 << 200))
def test_integers_have_one_encoding(value: int) -> None:
    content = der.only(der.encode_integer(value), der.INTEGER)
    assert der.integer(content) == value
    for longer in (b"\0" + content, b"\xff" + content):
        if (longer[0] ^ longer[1]) & 0x80 == 0:
            with pytest.raises(DerError):
                der.integer(longer)


@given(
    st.tuples(st.integers(0, 1), st.integers(0, 39)) | st.tuples(st.just(2), st.integers(0, 1000)),
    st.lists(st.integers(0, 1 << 40), max_size=6),
)
def test_object_identifiers_come_back(top: tuple[int, int], rest: list[int]) -> None:
    dotted = ".".join(map(str, (*top, *rest)))
    assert der.oid(der.only(der.encode_oid(dotted), der.OID)) == dotted


@pytest.mark.parametrize(
    "data",
    [
        b"\2",
        b"\2\2\1",
        b"\x1f\x81\1\0",
        b"\x30\x80\0\0",
        b"\4\x81\5hello",
        b"\4\x82\0\x81" + bytes(129),
        b"\4\x85\0\0\0\0\1a",
        b"\4\x84\xff\xff\xff\xff",
        b"\4\x83\1",
    ],
)
def test_what_is_not_der_is_refused(data: bytes) -> None:
    with pytest.raises(DerError):
        der.elements(data)


def test_places_are_offsets_of_what_is_wrong() -> None:
    with pytest.raises(EndorsementError) as caught, der.named("the list", EndorsementError):
        der.elements(b"\2\1\5\2\5\1")
    assert caught.value.where == "the list, byte 3"
    assert caught.value.source == der.SOURCE


def test_a_bound_on_their_number_is_kept() -> None:
    assert len(der.elements(b"\5\0" * 3, at_most=3)) == 3
    with pytest.raises(DerError, match="more than 2"):
        der.elements(b"\5\0" * 3, at_most=2)


def test_shapes_are_exact() -> None:
    found = der.elements(b"\2\1\5\5\0")
    assert der.shape(found, der.INTEGER, der.NULL) == [b"\5", b""]
    for tags in ((der.INTEGER,), (der.NULL, der.INTEGER), (der.INTEGER, der.NULL, der.NULL)):
        with pytest.raises(DerError):
            der.shape(found, *tags)
    with pytest.raises(DerError):
        der.only(b"\5\0\5\0", der.NULL)
    with pytest.raises(DerError):
        der.only(b"\5\0", der.INTEGER)
    with pytest.raises(DerError):
        der.first(b"\5")


def test_booleans_are_00_or_ff() -> None:
    assert (der.boolean(b"\xff"), der.boolean(b"\0")) == (True, False)
    for content in (b"\1", b"", b"\0\0"):
        with pytest.raises(DerError):
            der.boolean(content)


def test_natural_numbers_have_bounds() -> None:
    assert der.natural(b"\7", below=8) == 7
    for content in (b"\x08", b"\xff", b""):
        with pytest.raises(DerError):
            der.natural(content, below=8)


def test_bit_strings_are_bytes_or_named_bits() -> None:
    assert der.bits(b"\0ab") == b"ab"
    assert der.named_bits(b"\1\x06") == {5, 6}
    assert der.named_bits(b"\7\x80") == {0}
    assert der.named_bits(b"\0") == set()
    assert der.named_bits(b"\0\x06\x80") == {5, 6, 8}
    assert der.named_bits(b"\0\x04") == {5}  # zeros at its end: AMD writes them
    for content in (b"", b"\1a"):
        with pytest.raises(DerError):
            der.bits(content)
    for content in (b"", b"\x08a", b"\1", b"\3\x04"):
        with pytest.raises(DerError):
            der.named_bits(content)


@pytest.mark.parametrize("content", [b"", b"\x80\1", b"\x2a\x80\1", b"\x2a\x81", b"\x2a" * 65])
def test_object_identifiers_are_minimal(content: bytes) -> None:
    with pytest.raises(DerError):
        der.oid(content)


@pytest.mark.parametrize(
    ("tag", "text", "moment"),
    [
        (der.UTC_TIME, b"491231235959Z", datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (der.UTC_TIME, b"500101000000Z", datetime(1950, 1, 1, tzinfo=UTC)),
        (der.GENERALIZED_TIME, b"99991231235959Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_times_are_those_of_certificates(tag: int, text: bytes, moment: datetime) -> None:
    assert der.time((tag, 0, text, 0)) == moment


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        (der.UTC_TIME, b"4912312359Z"),
        (der.UTC_TIME, b"491231235959+"),
        (der.UTC_TIME, b"4912312359 9Z"),
        (der.UTC_TIME, b"491331235959Z"),
        (der.GENERALIZED_TIME, b"491231235959Z"),
        (der.GENERALIZED_TIME, b"00000101000000Z"),
        (der.GENERALIZED_TIME, "2024123123595²Z".encode("latin-1")),
        (der.INTEGER, b"491231235959Z"),
    ],
)
def test_other_times_are_refused(tag: int, text: bytes) -> None:
    with pytest.raises(DerError):
        der.time((tag, 0, text, 0))


@given(st.binary(max_size=200))
def test_whatever_the_bytes_it_ends_in_elements_or_a_named_error(data: bytes) -> None:
    with suppress(DerError):
        found = der.elements(data)
        assert b"".join(der.encode(tag, content) for tag, _, content, _ in found) == data
    with suppress(MalformedEvidenceError), der.named("it", MalformedEvidenceError):
        der.first(data)
