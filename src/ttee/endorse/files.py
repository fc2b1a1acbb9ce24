# SPDX-License-Identifier: Apache-2.0
"""Reading what lies in folders that others may have filled, and writing whole files or none."""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ttee.errors import UsageError
from ttee.tee.sources import File

MAX_FILE = 16 * 1024 * 1024
MAX_FILES = 10_000
MAX_TOTAL = 256 * 1024 * 1024
MAX_DEPTH = 8


def read_regular(path: Path, limit: int) -> bytes | None:
    """The content of a regular file, or of what a link says is one; None for all else, or if it is longer.

    Never waits: a FIFO without a writer is no file.
    """
    try:
        # Looked at before it is opened, since opening a device can have effects; and after, since it may have changed.
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return None
            data = file.read(limit + 1)
    except (OSError, ValueError):  # ValueError: a zero byte in the name
        return None
    return data if len(data) <= limit else None


def write_whole(path: Path, data: bytes) -> None:
    """Write a file in one step, so that others see the former one or this one. Raises OSError."""
    fresh = path.with_name(f".{secrets.token_hex(8)}.new")
    try:
        with fresh.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Alone among the processes that lock this file, until the end of the block. Raises OSError."""
    lock = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def loose_files(paths: Iterator[Path], *, named: bool = False) -> tuple[File, ...]:
    """The files among `paths`, read, and marked if they were `named`: at most MAX_FILES of them, of MAX_TOTAL bytes
    together. Raises UsageError."""
    found: list[File] = []
    total = 0
    for path in paths:
        data = read_regular(path, MAX_FILE)
        if data is None:
            raise UsageError(
                f"this file cannot be read, or has more than {MAX_FILE} bytes",
                where=str(path),
                hint="move it out of the folder, or give the files that you mean one by one",
            )
        found.append(File(str(path), data, named))
        total += len(data)
        if len(found) > MAX_FILES or total > MAX_TOTAL:
            raise UsageError(
                f"more than {MAX_FILES} files, or {MAX_TOTAL >> 20} MiB of them, are not searched",
                where=str(path.parent),
                hint="give the files or the folder of this evidence alone",
            )
    return tuple(found)


def walk(folder: Path, depth: int = MAX_DEPTH) -> Iterator[Path]:
    """The regular files below a folder, in order of their names; neither hidden ones nor linked folders."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as problem:
        raise UsageError(f"cannot read the folder: {problem.strerror}", where=str(folder)) from None
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            if depth == 0:
                raise UsageError(f"folders more than {MAX_DEPTH} deep are not searched", where=entry.path)
            yield from walk(Path(entry.path), depth - 1)
        elif entry.is_file():
            yield Path(entry.path)
