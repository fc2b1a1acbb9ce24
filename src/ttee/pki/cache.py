# SPDX-License-Identifier: Apache-2.0
"""A memory of what was found to hold: bounded, keyed by a digest of all it rests on, and only while that is valid.

A failure is never remembered, so a cached and an uncached verification give the same answer to the byte.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import datetime
from functools import lru_cache
from typing import Generic, TypeVar
from weakref import WeakSet

from ttee.pki.window import Window

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_ALL: WeakSet[PositiveCache] = WeakSet()  # type: ignore[type-arg]
_MEMOS: list[Callable[[], None]] = []


class PositiveCache(Generic[K, V]):
    """Values by key, each with the window in which it may be used; the oldest goes first.

    Safe to share between threads: each step is one operation on a dictionary, and a lost entry is found again.
    """

    def __init__(self, bound: int) -> None:
        """At most `bound` entries."""
        self._bound = bound
        self._entries: OrderedDict[K, tuple[Window, V]] = OrderedDict()
        _ALL.add(self)

    def get(self, key: K, at: datetime) -> V | None:
        """What is known under `key`, if it holds at `at`."""
        entry = self._entries.get(key)
        if entry is None or at not in entry[0]:
            return None
        return entry[1]

    def put(self, key: K, value: V, window: Window) -> V:
        """Remember `value` for `window`; returns it."""
        self._entries[key] = (window, value)
        while len(self._entries) > self._bound:
            try:
                self._entries.popitem(last=False)
            except KeyError:  # another thread was faster
                break
        return value

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)


def memo(bound: int) -> Callable[[Callable[[K], V]], Callable[[K], V]]:
    """For a pure function of one value: remember up to `bound` results, the least recently used goes first.

    An error is not remembered.
    """

    def decorate(function: Callable[[K], V]) -> Callable[[K], V]:
        remembering = lru_cache(bound)(function)
        _MEMOS.append(remembering.cache_clear)
        return remembering

    return decorate


def forget_all() -> None:
    """Empty every cache and memo: for measurements, and for tests that results do not depend on them."""
    for cache in list(_ALL):
        cache.clear()
    for forget in _MEMOS:
        forget()
