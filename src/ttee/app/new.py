# SPDX-License-Identifier: Apache-2.0
"""A folder to start an app from. I/O: writes it, whole or not at all, and never over anything."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from ttee.app.manifest import SOURCE, is_name
from ttee.errors import AppError

LANGUAGES: Final = ("c", "zig")

_TEMPLATES: Final = Path(__file__).parent / "templates"
_LICENCE: Final = "SPDX-License-Identifier"


def new_app(parent: Path, name: str, *, language: str = "c") -> tuple[Path, ...]:
    """Make the app folder `parent/name`; the files written. Raises AppError if that cannot be, or is there."""
    if not is_name(name):
        raise AppError(
            f"no app can be called {name[:64]!r}",
            where="NAME",
            hint="1 to 64 characters of a-z 0-9 -, starting with a letter, for example hello-2",
            source=SOURCE,
        )
    if language not in LANGUAGES:
        raise AppError(
            f"there is no template for {language[:32]!r}",
            where="language",
            hint=f"there are {', '.join(LANGUAGES)}; for others, build a .wasm file and name it as `module`",
        )
    folder = parent / name
    if folder.exists() or folder.is_symlink():
        raise AppError(f"{folder} exists already", where=str(folder), hint="choose another name")
    texts = {
        template.name.replace("NAME", name): _personal(template.read_text(), name)
        for template in sorted((_TEMPLATES / language).iterdir())
    }
    try:
        with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=parent) as scratch:
            made = Path(scratch, name)
            made.mkdir()
            for file, text in texts.items():
                (made / file).write_text(text)
            made.rename(folder)
    except OSError as problem:
        raise AppError(f"the folder cannot be made: {problem.strerror}", where=str(folder)) from None
    return tuple(folder / file for file in texts)


def _personal(text: str, name: str) -> str:
    """A template for an app of that name, without our licence: the app is its author's."""
    lines = [line for line in text.splitlines(keepends=True) if _LICENCE not in line]
    return "".join(lines).replace("NAME", name)
