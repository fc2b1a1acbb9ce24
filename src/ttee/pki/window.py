# SPDX-License-Identifier: Apache-2.0
"""Stretches of time in which something holds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from attrs import frozen

from ttee.errors import UsageError


@frozen(slots=True)
class Window:
    """From `start` to `end`, both included; aware datetimes."""

    start: datetime
    end: datetime

    def __contains__(self, at: datetime) -> bool:
        return self.start <= at <= self.end

    def __and__(self, other: Window) -> Window:
        """When both hold; empty if `start` is after `end`."""
        return Window(max(self.start, other.start), min(self.end, other.end))


ALWAYS = Window(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


def common(windows: Iterable[Window]) -> Window:
    """When all of them hold."""
    whole = ALWAYS
    for window in windows:
        whole &= window
    return whole


def rfc3339(moment: datetime) -> str:
    """`moment` as people read it: 2025-07-13T09:46:00Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def require_moment(at: datetime | None, what: str) -> datetime:
    """`at`, if it is a moment with a time zone. Raises UsageError: endorsements of `what` expire, so it must be one."""
    if at is None or at.utcoffset() is None:
        raise UsageError(
            f"{what} rests on endorsements that expire: say at which moment they must be valid",
            where="at",
            hint="give `at` as a datetime with a time zone, `datetime.now(UTC)` for now",
        )
    return at
