# SPDX-License-Identifier: Apache-2.0
"""`ttee.toml` is read strictly; every complaint names the line and the next step."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttee.app.bundle import Limits
from ttee.app.manifest import Manifest, load_manifest, parse_manifest
from ttee.errors import ManifestError

HEAD = 'schema = "ttee.app/1"\nname = "hello"\nversion = "0.1.0"\n'
CODE = '[code]\nsource = "hello.c"\n'


def test_what_is_optional_has_the_specified_defaults() -> None:
    assert parse_manifest((HEAD + CODE).encode()) == Manifest("hello", "0.1.0", "hello.c", None)
    assert Limits() == Limits(memory=1048576, stack=65536, request=65536, reply=65536)


def test_sizes_are_bytes_or_units_and_memory_becomes_whole_pages() -> None:
    limits = '[limits]\nmemory = "65 KiB"\nstack = 8192\nrequest = "1 KiB"\nreply = "256KiB"\n'
    assert parse_manifest((HEAD + CODE + limits).encode()).limits == Limits(131072, 8192, 1024, 262144)


def test_a_module_built_elsewhere_and_an_authority_are_read() -> None:
    text = HEAD + '[code]\nmodule = "out/a.wasm"\n[security]\nsvn = 7\nauthority = "' + "0a" * 32 + '"\n'
    manifest = parse_manifest(text.encode())
    assert (manifest.source, manifest.module) == (None, "out/a.wasm")
    assert (manifest.svn, manifest.authority) == (7, b"\x0a" * 32)


@pytest.mark.parametrize(
    ("text", "where", "message", "hint"),
    [
        ('schema = "ttee.app/2"\nname = "a"\nversion = "1"\n' + CODE, ":1", "`schema` must be", "no other"),
        (HEAD, "", r"table \[code\] is missing", "source"),
        (HEAD + "[code]\n", ":4", "exactly one", "hello.c"),
        (HEAD + CODE + 'module = "a.wasm"\n', ":4", "exactly one", "hello.c"),
        (HEAD + CODE + "[limit]\n", ":6", "unknown key 'limit'", "did you mean `limits`"),
        (HEAD + CODE + '[limits]\nmemroy = "1 MiB"\n', ":7", "unknown key 'memroy' in", "mean `memory`"),
        (HEAD + CODE + "[limits]\nxyzzy = 1\n", ":7", "unknown key 'xyzzy'", "known are memory, stack"),
        (HEAD + CODE + '[limits]\nmemory = "1 GB"\n', ":7", "is not a size", "64 KiB"),
        (HEAD + CODE + "[limits]\nmemory = 1.5\n", ":7", "is not a size", "64 KiB"),
        (HEAD + CODE + "[limits]\nmemory = true\n", ":7", "is not a size", "64 KiB"),
        (HEAD + CODE + '[limits]\nmemory = "17 MiB"\n', ":7", "64 KiB to 16 MiB", "64 KiB"),
        (HEAD + CODE + "[limits]\nmemory = 0\n", ":7", "64 KiB to 16 MiB", "64 KiB"),
        (HEAD + CODE + "[limits]\nstack = 4095\n", ":7", "4 KiB to 1 MiB", "64 KiB"),
        (HEAD + CODE + "[limits]\nreply = 0\n", ":7", "1 byte to 256 KiB", "64 KiB"),
        (HEAD + CODE + "[security]\nsvn = -1\n", ":7", "whole number", "raise it"),
        (HEAD + CODE + "[security]\nsvn = true\n", ":7", "whole number", "raise it"),
        (HEAD + CODE + '[security]\nauthority = "AA"\n', ":7", "64 lowercase hex", "leave it out"),
        (HEAD + '[code]\nsource = "../hello.c"\n', ":5", "inside the app folder", "relative"),
        (HEAD + '[code]\nsource = "/hello.c"\n', ":5", "inside the app folder", "relative"),
        (HEAD + '[code]\nsource = "hello.rs"\n', ":5", r"ends in \.c or \.zig", "`module`"),
        (HEAD + "[code]\nsource = 5\n", ":5", "must be a text", "quotes"),
        (HEAD + "code = 5\n", ":4", "must be a table", "[code]"),
        (HEAD.replace("hello", "Hello") + CODE, ":2", "starting with a letter", "hello-2"),
        (HEAD.replace("0.1.0", "") + CODE, ":3", "printable", "0.1.0"),
        ('schema = "ttee.app/1"\nversion = "1"\n' + CODE, "", "`name` is missing", "ttee new"),
        (HEAD + CODE + "what is this\n", ":6", "not TOML", None),
    ],
)
def test_each_complaint_names_line_and_next_step(
    text: str, where: str, message: str, hint: str | None
) -> None:
    with pytest.raises(ManifestError, match=message) as refusal:
        parse_manifest(text.encode())
    assert refusal.value.where == "ttee.toml" + where
    assert hint is None or hint in str(refusal.value.hint)


def test_a_folder_without_a_manifest_is_no_app(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="not an app folder") as refusal:
        load_manifest(tmp_path)
    assert "ttee new" in str(refusal.value.hint)


def test_a_manifest_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "ttee.toml").mkdir()
    with pytest.raises(ManifestError, match="cannot read the manifest"):
        load_manifest(tmp_path)


_values = st.one_of(
    st.integers(),
    st.booleans(),
    st.sampled_from(['""', '"hello"', '"1 KiB"', "[]", "{}", "1979-05-27", "1e9", '"' + "0" * 64 + '"']),
).map(lambda value: str(value).lower() if isinstance(value, bool) else str(value))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["schema", "name", "version", "code", "source", "memory", "svn", "authority"]),
            _values,
        ),
        max_size=6,
    ),
    st.sampled_from(["", "[code]\n", "[limits]\n", "[security]\n"]),
)
def test_any_manifest_is_read_or_refused_by_name(pairs: list[tuple[str, str]], table: str) -> None:
    text = HEAD + CODE + table + "".join(f"{key} = {value}\n" for key, value in pairs)
    try:
        parse_manifest(text.encode())
    except ManifestError:
        return
