# SPDX-License-Identifier: Apache-2.0
"""Errors as JSON, `ttee.error/1`: what `--json` prints and instances answer, and back again."""

from __future__ import annotations

from ttee.codec.json import JsonValue
from ttee.errors import TteeError, all_errors

SCHEMA = "ttee.error/1"
_DETAILS = ("where", "hint", "source", "check")


def encode(error: TteeError) -> dict[str, JsonValue]:
    """The error with everything it says; what it does not say is left out."""
    details: dict[str, JsonValue] = {name: getattr(error, name) for name in _DETAILS}
    said = {name: value for name, value in details.items() if value is not None}
    return {"schema": SCHEMA, "id": error.id, "message": error.message, **said}


def decode(value: JsonValue) -> TteeError | None:
    """The error that `value` describes, of the class its id names; None if it describes none."""
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        return None
    kind = next((kind for kind in all_errors() if kind.id == value.get("id")), None)
    message = value.get("message")
    if kind is None or not isinstance(message, str):
        return None
    details = {name: said for name in _DETAILS if isinstance(said := value.get(name), str)}
    return kind(message, **details)
