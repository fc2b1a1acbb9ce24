# SPDX-License-Identifier: Apache-2.0
"""Knowledge as it was last read, kept beside its files as Python keeps modules: reading takes longer than any question.

What is kept holds as long as the files that it was made of, and the modules that read them, are the same by name, size
and times of change. It lies in the package's `__pycache__`, among the compiled modules: whoever can write there can
write the program. What others can write counts for nothing, and where Python may not keep modules, knowledge is read
each time.
"""

# ruff: noqa: PTH105, PTH108, PTH116, PTH123 (pathlib takes as long to load as knowledge)
from __future__ import annotations

import marshal
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from ttee.trust.knowledge.packed import pack, unpack

if TYPE_CHECKING:
    from ttee.trust.knowledge.terms import Knowledge

_AMISS = (OSError, EOFError, ValueError, TypeError)
"""What comes of a file that is not there, or that was cut short."""


def compiled(files: Iterable[str], path: str, read: Callable[[], Knowledge]) -> Knowledge:
    """What `read` makes of these files: as it was kept under `path` if none of them has changed; else read now, and
    kept."""
    made_of = tuple(map(_seen, sorted(files)))
    path = f"{path}.{sys.implementation.cache_tag}"
    with suppress(*_AMISS), open(path, "rb") as file:
        if not os.fstat(file.fileno()).st_mode & 0o022:
            was_made_of, packed = marshal.loads(file.read())  # noqa: S302 (as Python does with modules there)
            if was_made_of == made_of:
                return unpack(packed)
    knowledge = read()
    if not sys.dont_write_bytecode and sys.pycache_prefix is None:
        with suppress(OSError):
            _keep(path, marshal.dumps((made_of, pack(knowledge))))
    return knowledge


def _seen(file: str) -> tuple[str, int, int, int]:
    found = os.stat(file)
    return file, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _keep(path: str, data: bytes) -> None:
    """In one step, so that others see the former one or this one. Raises OSError."""
    fresh = f"{path}.{os.getpid()}"
    try:
        with open(fresh, "xb", opener=lambda path, flags: os.open(path, flags, 0o644)) as file:
            file.write(data)
        os.replace(fresh, path)
    finally:
        with suppress(OSError):
            os.unlink(fresh)
