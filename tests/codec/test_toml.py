# SPDX-License-Identifier: Apache-2.0
"""TOML files give values, and the line of whatever is wrong with them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttee.codec import toml
from ttee.errors import ManifestError

TEXT = """\
# a comment
name = "n"

[limits]
memory = 1
"quoted key" = 2
a.b = 3
inline = { x = 1 }
"""


def read(data: bytes) -> toml.Document:
    return toml.loads(data, name="f.toml", max_size=1000, error=ManifestError)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("name",), ":2"),
        (("limits",), ":4"),
        (("limits", "memory"), ":5"),
        (("limits", "quoted key"), ":6"),
        (("limits", "a", "b"), ":7"),
        (("limits", "inline", "x"), ":8"),
        (("absent",), ""),
        (("limits", "absent"), ":4"),
    ],
)
def test_each_key_knows_its_line(path: tuple[str, ...], line: str) -> None:
    assert read(TEXT.encode()).where(*path) == "f.toml" + line


@pytest.mark.parametrize(
    ("data", "where", "message"),
    [
        (b"a = 1\nb = \n", "f.toml:2", "not TOML: Invalid value"),
        (b"a = 1\na = 2\n", "f.toml:2", "not TOML: Cannot overwrite a value"),
        (b"a = [1,\n", "f.toml:1", "not TOML: "),
        (b"a = 1\n# \xff", "f.toml:2", "the file is not UTF-8"),
        (b"a = 1\n" * 200, "f.toml", "at most 1000"),
        (b"a = " + b"[" * 900, "f.toml", "nested too deeply|not TOML"),
        (b"b = 1\n" + b"a." * 64 + b"a = 1", "f.toml:2", "more than 64 parts"),
        (b"[a" + b".a" * 64 + b"]", "f.toml:1", "more than 64 parts"),
        (b'x = [""", {' + b" 'a' ." * 64 + b"a = 1}]", "f.toml:1", "more than 64 parts"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(data: bytes, where: str, message: str) -> None:
    with pytest.raises(ManifestError, match=message) as refusal:
        read(data)
    assert refusal.value.where is not None
    assert refusal.value.where.startswith(where)


def test_dots_that_are_no_key_are_welcome() -> None:
    text = "# " + "." * 200 + "\n" + "a = [" + '"1.2.3.4, 5.6.7.8", ' * 12 + "]\n"
    assert len(read(text.encode()).values["a"]) == 12


@given(st.binary(max_size=200) | st.text(alphabet="ab=[]{}.\"'\n1-:T#\\", max_size=60).map(str.encode))
def test_any_bytes_are_a_document_or_the_named_error(data: bytes) -> None:
    try:
        read(data)
    except ManifestError:
        return
