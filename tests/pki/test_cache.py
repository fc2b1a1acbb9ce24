# SPDX-License-Identifier: Apache-2.0
"""What was found to hold is remembered: within bounds, and no longer than it holds. Windows, and moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from ttee.errors import UsageError
from ttee.pki.cache import PositiveCache, forget_all, memo
from ttee.pki.window import ALWAYS, Window, common, require_moment, rfc3339

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_value_is_known_while_it_holds() -> None:
    cache: PositiveCache[str, int] = PositiveCache(4)
    assert cache.put("a", 1, Window(NOW, NOW + HOUR)) == 1
    assert cache.get("a", NOW) == cache.get("a", NOW + HOUR) == 1
    assert cache.get("a", NOW - HOUR) is None
    assert cache.get("a", NOW + 2 * HOUR) is None
    assert cache.get("a", NOW) == 1  # a moment at which it does not hold takes nothing away
    assert cache.get("b", NOW) is None


def test_there_is_a_bound_and_the_oldest_goes_first() -> None:
    cache: PositiveCache[int, int] = PositiveCache(3)
    for number in range(5):
        cache.put(number, number, ALWAYS)
    assert len(cache) == 3
    assert [cache.get(number, NOW) for number in range(5)] == [None, None, 2, 3, 4]


def _made(number: int) -> list[int]:
    return [number]


def test_every_cache_can_be_forgotten() -> None:
    cache: PositiveCache[int, int] = PositiveCache(3)
    cache.put(1, 1, ALWAYS)
    remembering = memo(4)(_made)
    assert remembering(7) is remembering(7)
    before = remembering(7)
    forget_all()
    assert remembering(7) is not before
    assert len(cache) == 0


def test_windows_are_met_from_their_first_moment_to_their_last() -> None:
    window = Window(NOW, NOW + HOUR)
    assert NOW in window
    assert NOW + HOUR in window
    assert NOW - timedelta(microseconds=1) not in window
    assert NOW + HOUR + timedelta(microseconds=1) not in window


def test_what_rests_on_several_holds_while_all_do() -> None:
    first, second = Window(NOW, NOW + 2 * HOUR), Window(NOW + HOUR, NOW + 3 * HOUR)
    assert first & second == common([first, second]) == Window(NOW + HOUR, NOW + 2 * HOUR)
    assert common([]) == ALWAYS
    never = first & Window(NOW + 5 * HOUR, NOW + 6 * HOUR)
    assert not any(NOW + n * HOUR in never for n in range(8))


def test_moments_have_a_time_zone() -> None:
    assert require_moment(NOW, "it") == NOW
    for moment in (None, NOW.replace(tzinfo=None)):
        with pytest.raises(UsageError) as caught:
            require_moment(moment, "a quote")
        assert caught.value.where == "at"
    assert rfc3339(NOW) == rfc3339(NOW.astimezone(timezone(HOUR))) == "2026-01-01T00:00:00Z"
