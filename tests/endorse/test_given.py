# SPDX-License-Identifier: Apache-2.0
"""What people point at with --endorsements: files, folders, folders of answers, and things that are none."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ttee.endorse import files
from ttee.endorse.given import open_paths
from ttee.endorse.store import Kept, Store
from ttee.errors import UsageError

KEPT = Kept("https://maker.example/key", None, {"key": b"kept"}, datetime(2026, 1, 1, tzinfo=UTC), None)


def contents(folder: Path) -> list[bytes]:
    return [file.data for file in open_paths([folder]).files]


def test_a_file_is_named_and_a_folder_searched(tmp_path: Path) -> None:
    (tmp_path / "a.der").write_bytes(b"a")
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "folder" / "deep" / "b.der").write_bytes(b"b")
    given = open_paths([tmp_path / "a.der", str(tmp_path / "folder")])
    assert [(file.name, file.data) for file in given.named] == [(str(tmp_path / "a.der"), b"a")]
    assert [file.data for file in given.files] == [b"b"]
    assert [file.named for file in (*given.named, *given.files)] == [True, False]
    assert [store.folder for store in given.stores] == [tmp_path / "folder"]


def test_in_a_folder_of_answers_only_other_files_are_loose(tmp_path: Path) -> None:
    Store(tmp_path).keep(KEPT)
    (tmp_path / "mine.der").write_bytes(b"mine")
    assert contents(tmp_path) == [b"mine"]
    assert [kept.url for kept in open_paths([tmp_path]).stores[0].answers()] == [KEPT.url]


def test_links_to_files_are_followed_and_links_to_folders_are_not(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"x")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link.der").symlink_to(tmp_path / "elsewhere")
    (folder / "loop").symlink_to(folder)
    (folder / "dangling").symlink_to(tmp_path / "nowhere")
    (folder / ".hidden").write_bytes(b"hidden")
    assert contents(folder) == [b"x"]


def test_what_is_no_file_makes_nobody_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        assert contents(tmp_path) == []
    with pytest.raises(UsageError, match="cannot be read"):
        open_paths([tmp_path / "fifo"])
    assert files.read_regular(tmp_path / "fifo", 10) is None
    assert files.read_regular(Path("/dev/zero"), 10) is None
    assert files.read_regular(tmp_path / "\0", 10) is None


@pytest.mark.parametrize("path", ["missing", "missing/deeper", "a\0b", "x" * 300])
def test_what_is_not_there_is_named(tmp_path: Path, path: str) -> None:
    with pytest.raises(UsageError):
        open_paths([tmp_path / path])


def test_too_many_too_large_and_too_deep_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        (tmp_path / str(number)).write_bytes(b"x" * 100)
    for limit, value in (("MAX_FILES", 4), ("MAX_TOTAL", 499), ("MAX_FILE", 99)):
        with monkeypatch.context() as patch:
            patch.setattr(files, limit, value)
            with pytest.raises(UsageError):
                open_paths([tmp_path])
    deep = tmp_path / "/".join("d" * 10)
    deep.mkdir(parents=True)
    with pytest.raises(UsageError, match="deep"):
        open_paths([tmp_path])


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_folder: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(UsageError, match="cannot read the folder: Permission denied") as caught:
        open_paths([tmp_path])
    assert caught.value.where == str(tmp_path)
