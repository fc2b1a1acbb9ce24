# SPDX-License-Identifier: Apache-2.0
"""Moments as text (RFC 3339, section 5.6), and in no other of the forms that ISO 8601 allows."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from ttee.errors import UsageError

_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)


def moment(text: str) -> datetime:
    """The moment that `text` names, with its time zone. Raises UsageError."""
    try:
        if _FORM.fullmatch(text):
            at = datetime.fromisoformat(text)
            at.astimezone(UTC)
            return at
    except (ValueError, OverflowError):  # the 31st of February; before the year 1 in UTC, or after 9999
        pass
    raise UsageError(f"{text[:64]!r} is not a moment", hint="write it as RFC 3339 does: 2026-11-21T12:00:00Z")
