# SPDX-License-Identifier: Apache-2.0
"""What `--endorsements PATH` stands for: a file, a folder of files, a folder of kept answers, or both in one."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path

from attrs import frozen

from ttee.endorse.files import loose_files, walk
from ttee.endorse.store import Store
from ttee.errors import UsageError
from ttee.tee.sources import File


@frozen(slots=True)
class Given:
    """Endorsements that somebody has."""

    named: tuple[File, ...] = ()
    """Files that were given one by one."""
    files: tuple[File, ...] = ()
    """Loose files of folders."""
    stores: tuple[Store, ...] = ()
    """Folders, for the answers that are kept in them."""


def open_paths(paths: Iterable[str | PathLike[str]]) -> Given:
    """Read what lies there. Raises UsageError for what is not there, cannot be read, or is too much."""
    named: list[Path] = []
    stores: list[Store] = []
    for path in map(Path, paths):
        try:
            is_folder = path.is_dir()
            if not is_folder and not path.exists():
                raise UsageError("no such file or folder of endorsements", where=str(path))
        except (OSError, ValueError) as problem:
            raise UsageError(f"cannot read endorsements: {problem}", where=str(path)[:200]) from None
        if is_folder:
            stores.append(Store(path))
        else:
            named.append(path)
    loose = (path for store in stores for path in walk(store.folder) if not store.owns(path))
    return Given(loose_files(iter(named), named=True), loose_files(loose), tuple(stores))
