# SPDX-License-Identifier: Apache-2.0
"""The published JSON schemas: inside the installed package, or in the checkout it runs from (docs/schema)."""

from __future__ import annotations

import difflib
from pathlib import Path

import ttee
from ttee.errors import UsageError


def schema_names() -> list[str]:
    """All names, as `ttee schema NAME` takes them."""
    return sorted(path.stem for path in _folder().glob("*.json"))


def read_schema(name: str) -> str:
    """The JSON schema of that name. Raises UsageError, naming similar ones."""
    names = schema_names()
    if name not in names:
        near = difflib.get_close_matches(name, names, n=3)
        raise UsageError(
            f"there is no schema {name!r}" + (f"; similar ones: {', '.join(near)}" if near else ""),
            hint="`ttee schema` lists them",
        )
    return (_folder() / f"{name}.json").read_text()


def _folder() -> Path:
    package = Path(ttee.__file__).resolve().parent
    installed = package / "schema"
    return installed if installed.is_dir() else package.parent.parent / "docs" / "schema"
