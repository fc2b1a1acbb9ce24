# SPDX-License-Identifier: Apache-2.0
"""Lowercase hex: how bytes are written wherever base64url is not named."""

from __future__ import annotations

import re

from ttee.errors import MalformedEvidenceError, TteeError

_FOREIGN = re.compile(r"[^0-9a-f]")


def encode(data: bytes) -> str:
    """Two lowercase digits a byte."""
    return data.hex()


def decode(
    text: str, *, what: str, size: int | None = None, error: type[TteeError] = MalformedEvidenceError
) -> bytes:
    """Bytes of `text`; exactly `size` of them when given. Raises `error`: other characters or length."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        data = b""
    if data.hex() == text and size in (None, len(data)):
        return data
    if foreign := _FOREIGN.search(text):
        raise error(f"{what} is not lowercase hex", where=f"{what}, character {foreign.start()}")
    if len(text) % 2:
        raise error(f"{what} has an odd number of hex digits ({len(text)})", where=what)
    raise error(f"{what} has {len(text) // 2} bytes; {size} are needed", where=what)
