# SPDX-License-Identifier: Apache-2.0
"""base64url without padding (RFC 4648, section 5): one byte string, one text."""

from __future__ import annotations

import base64
import binascii
import re

from ttee.errors import MalformedEvidenceError, TteeError

_FOREIGN = re.compile(r"[^A-Za-z0-9_-]")


def encode(data: bytes) -> str:
    """Text without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str, *, what: str, error: type[TteeError] = MalformedEvidenceError) -> bytes:
    """Bytes of `text`. Raises `error`: other characters, padding, an impossible length, spare bits set."""
    if foreign := _FOREIGN.search(text):
        raise error(f"{what} is not base64url without padding", where=f"{what}, character {foreign.start()}")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise error(f"{what} is cut short: no base64url has {len(text)} characters", where=what) from None
    if encode(data) != text:
        raise error(
            f"{what} has bits after its end that are not zero", where=f"{what}, character {len(text) - 1}"
        )
    return data
