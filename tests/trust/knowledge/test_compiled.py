# SPDX-License-Identifier: Apache-2.0
"""Knowledge is kept as it was read, and read anew as soon as anything that it was made of has changed."""

from __future__ import annotations

import marshal
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.trust.known import knowledge
from ttee.trust.knowledge.compiled import compiled
from ttee.trust.knowledge.packed import pack, unpack
from ttee.trust.knowledge.terms import Knowledge
from ttee.trust.shipped import shipped


class Reader:
    """Counts how often it is asked."""

    def __init__(self, folder: Path) -> None:
        self.times = 0
        self.file = folder / "attack.toml"
        self.file.write_text("one")
        self.kept = folder / "kept"

    def __call__(self) -> Knowledge:
        self.times += 1
        return knowledge()

    def ask(self) -> Knowledge:
        return compiled([str(self.file)], str(self.kept), self)

    @property
    def written(self) -> Path:
        (path,) = self.kept.parent.glob("kept.*")
        return path


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    return Reader(tmp_path)


@pytest.mark.parametrize("whole", [knowledge(), shipped()], ids=["small", "shipped"])
def test_what_is_packed_is_the_same_once_unpacked_down_to_its_types(whole: Knowledge) -> None:
    again = unpack(marshal.loads(marshal.dumps(pack(whole))))  # noqa: S302 (our own)
    assert again == whole
    assert typed(again) == typed(whole)


def typed(value: object) -> object:
    """A value with the type of all that is in it: to `==`, a tuple is a named one, and text an enumerated one."""
    if isinstance(value, tuple):
        return type(value), tuple(map(typed, value))
    if isinstance(value, Mapping):
        return {key: typed(each) for key, each in value.items()}
    return type(value), value


def test_files_are_read_once(reader: Reader) -> None:
    assert reader.ask() == reader.ask() == knowledge()
    assert reader.times == 1


def test_a_file_of_another_size_is_read_again(reader: Reader) -> None:
    reader.ask()
    reader.file.write_text("three")
    assert reader.ask() == knowledge()
    assert reader.times == 2


def test_a_file_of_the_same_size_and_an_older_date_is_read_again(reader: Reader) -> None:
    reader.ask()
    reader.file.write_text("two")
    os.utime(reader.file, (1, 1))
    reader.ask()
    assert reader.times == 2


def test_a_further_file_is_read(reader: Reader) -> None:
    reader.ask()
    other = reader.file.with_name("other.toml")
    other.write_text("two")
    compiled([str(reader.file), str(other)], str(reader.kept), reader)
    assert reader.times == 2


@pytest.mark.parametrize("left", [b"", b"\x00", b"not marshal", None])
def test_a_kept_file_that_was_cut_short_is_made_anew(reader: Reader, left: bytes | None) -> None:
    reader.ask()
    data = reader.written.read_bytes()
    reader.written.write_bytes(data[: len(data) // 2] if left is None else left)
    assert reader.ask() == knowledge()
    assert reader.times == 2
    assert reader.written.read_bytes() == data


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_a_kept_file_that_others_can_write_counts_for_nothing(reader: Reader, mode: int) -> None:
    before = os.umask(0)
    try:
        reader.ask()
    finally:
        os.umask(before)
    assert reader.written.stat().st_mode & 0o777 == 0o644
    reader.written.chmod(mode)
    reader.ask()
    assert reader.times == 2
    assert reader.written.stat().st_mode & 0o777 == 0o644


def test_where_python_keeps_no_modules_nothing_is_kept(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert reader.ask() == reader.ask() == knowledge()
    assert reader.times == 2
    assert list(reader.file.parent.iterdir()) == [reader.file]


def test_a_folder_that_cannot_be_written_to_is_no_hindrance(reader: Reader) -> None:
    reader.kept = reader.file.parent / "nowhere" / "kept"
    assert reader.ask() == knowledge()
    assert reader.times == 1
