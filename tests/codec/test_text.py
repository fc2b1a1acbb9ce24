# SPDX-License-Identifier: Apache-2.0
"""Hex and base64url: one byte string, one text; every other text is refused at its wrong character."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttee.codec import base64url, hex  # noqa: A004 (the module's name)
from ttee.errors import MalformedEvidenceError, PolicyFileError


@given(st.binary(max_size=80))
def test_bytes_come_back(data: bytes) -> None:
    assert base64url.decode(base64url.encode(data), what="it") == data
    assert hex.decode(hex.encode(data), what="it", size=len(data)) == data


@given(st.text(st.sampled_from("AB-_=/+ \n0f"), max_size=8))
def test_a_text_is_the_only_one_for_its_bytes(text: str) -> None:
    try:
        data = base64url.decode(text, what="it")
    except MalformedEvidenceError:
        return
    assert base64url.encode(data) == text


@pytest.mark.parametrize("text", ["AA==", "AA\n", "A A", "+A", "/A", "é", "\uff21"])
def test_base64url_has_no_padding_and_no_other_characters(text: str) -> None:
    with pytest.raises(MalformedEvidenceError, match="base64url") as caught:
        base64url.decode(text, what="the part")
    assert "character" in (caught.value.where or "")


def test_base64url_of_an_impossible_length_is_cut_short() -> None:
    with pytest.raises(MalformedEvidenceError, match="cut short"):
        base64url.decode("A", what="the part")


def test_base64url_has_no_spare_bits() -> None:
    with pytest.raises(MalformedEvidenceError, match="not zero"):
        base64url.decode("AB", what="the part")


@pytest.mark.parametrize(
    ("text", "why"), [("AB", "lowercase"), ("0g", "lowercase"), ("0 ", "lowercase"), ("abc", "odd")]
)
def test_hex_is_lowercase_and_even(text: str, why: str) -> None:
    with pytest.raises(MalformedEvidenceError, match=why):
        hex.decode(text, what="the nonce")


def test_hex_of_another_size_is_refused_with_the_callers_error() -> None:
    with pytest.raises(PolicyFileError, match="has 2 bytes; 32 are needed"):
        hex.decode("abcd", what="the key", size=32, error=PolicyFileError)
