# SPDX-License-Identifier: Apache-2.0
"""JSON is read strictly and written canonically."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttee.codec import json
from ttee.errors import MalformedEvidenceError, TteeError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def refused(data: bytes, max_size: int = 10_000) -> TteeError:
    with pytest.raises(MalformedEvidenceError) as caught:
        json.loads(data, what="the file", max_size=max_size)
    assert "the file" in (caught.value.where or "")
    return caught.value


@given(VALUES)
def test_every_value_comes_back(value: json.JsonValue) -> None:
    assert json.loads(json.dumps(value), what="it", max_size=1 << 20) == value
    assert json.loads(json.pretty(value).encode(), what="it", max_size=1 << 20) == value


@given(st.binary(max_size=64) | st.text(max_size=64).map(lambda t: t.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        value = json.loads(data, what="it", max_size=300)
    except MalformedEvidenceError:
        return
    json.dumps(value)


def test_what_people_see_cannot_steer_their_terminal() -> None:
    evil = "\x1b[2J \x9b31m \u202egnp.exe \u200b \x7f é"
    text = json.pretty({"log": evil})
    assert text.replace("\n", "").isprintable()
    assert "é" in text
    assert json.loads(text.encode(), what="it", max_size=1000) == {"log": evil}


@pytest.mark.parametrize(
    "text", [b"{" + b"[]" * 1_000_001, b'{"' + b'"' * 1_000_001, b"[" + b"0," * 1_000_001]
)
def test_text_that_is_all_structure_is_refused_before_it_is_read(text: bytes) -> None:
    assert "quotes, commas and brackets" in refused(text, max_size=1 << 22).message


def test_the_canonical_form_sorts_keys_and_has_no_spaces() -> None:
    assert json.dumps(MappingProxyType({"b": (1, True), "a": None})) == b'{"a":null,"b":[1,true]}'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": {"b": 1, "b": 1}}', "twice"),
        (b"NaN", "NaN"),
        (b"[-Infinity]", "Infinity"),
        (b"1e999", "too large"),
        (b"9007199254740992", "2^53"),
        (b"1" * 5000, "2^53"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\ud800": 1}', "surrogate"),
        (b'["\\udc00"]', "surrogate"),
        (b'{"a": [{"b": "\\udc00"}]}', "surrogate"),
        (b"\xff", "UTF-8"),
        (b"\xef\xbb\xbf{}", "BOM"),
        (b"{} {}", "Extra data"),
        (b"{", "not JSON"),
        (b"", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b"[1,]", "not JSON"),
    ],
)
def test_sloppy_json_is_refused(text: bytes, why: str) -> None:
    assert why in refused(text).message


def test_the_place_is_line_and_column() -> None:
    assert refused(b'{\n  "a": x\n}').where == "the file, line 2, column 8"


def test_the_largest_integers_and_files_are_read() -> None:
    for number in (2**53 - 1, -(2**53) + 1):
        assert json.loads(str(number).encode(), what="it", max_size=17) == number
    assert json.loads(b"[1,2]", what="it", max_size=5) == [1, 2]
    assert "2^53" in refused(b"-9007199254740992").message


def test_the_key_that_stands_twice_is_named() -> None:
    assert '"b"' in refused(b'{"a": 1, "b": 2, "c": 3, "b": 4}').message


def test_what_people_read_keeps_its_order_and_its_letters() -> None:
    assert json.pretty({"b": "\u00e9", "a": [1]}) == '{\n  "b": "\u00e9",\n  "a": [\n    1\n  ]\n}\n'
    with pytest.raises(ValueError, match="JSON compliant"):
        json.pretty(float("nan"))


def test_size_and_depth_are_bounded() -> None:
    assert "at most 3" in refused(b"[1,2]", max_size=3).message
    assert json.loads(b"[" * 16 + b"]" * 16, what="it", max_size=40)
    assert "nested deeper than 16" in refused(b"[" * 17 + b"]" * 17).message
    assert "nested deeper" in refused(b"[" * 9_000).message
    assert json.loads(b'"[[[[\\"[[[["', what="it", max_size=40, max_depth=1) == '[[[["[[[['


def test_depth_counts_what_is_open_and_not_what_was() -> None:
    for siblings in (b"[[],[],[],{},{}]", b'{"a":{},"b":[],"c":{}}'):
        assert json.loads(siblings, what="it", max_size=40, max_depth=2)
        with pytest.raises(MalformedEvidenceError, match="deeper than 1 levels"):
            json.loads(siblings, what="it", max_size=40, max_depth=1)
    for deeper in (b"[[],[[]]]", b'[{},{"a":{}}]', b'{"a":[],"b":[{}]}'):
        with pytest.raises(MalformedEvidenceError, match="deeper than 2 levels"):
            json.loads(deeper, what="it", max_size=40, max_depth=2)


def test_a_surrogate_pair_is_one_character() -> None:
    assert json.loads(b'"\\ud83d\\ude00"', what="it", max_size=40) == "\N{GRINNING FACE}"
