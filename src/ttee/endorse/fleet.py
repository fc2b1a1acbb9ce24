# SPDX-License-Identifier: Apache-2.0
"""Endorsements for many pieces of evidence in one run: what was read or asked once is not read or asked again."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from attrs import define, field, frozen

from ttee.endorse.fetcher import Fetcher
from ttee.endorse.store import Kept, Store, digest_of
from ttee.errors import EndorsementError
from ttee.tee.sources import Answer, Source

MAX_KEPT = 4096
MAX_ANSWERS = 256
MAX_ANSWER = 1024 * 1024
PATIENCE = 60.0
"""Seconds for which an answer, or that there was none, stands in for asking again."""

_Question = tuple[str, str | None]


@frozen(slots=True)
class ReadOnce(Store):
    """A store whose answers are kept in memory, too, for as long as the run lasts."""

    _found: OrderedDict[_Question, Kept] = field(factory=OrderedDict, init=False, eq=False, repr=False)

    def find(self, source: Source) -> Kept | None:
        """As `Store` does."""
        key = source.url, digest_of(source.post)
        found = self._found.get(key) or Store.find(self, source)
        return None if found is None else self._note(key, found)

    def keep(self, kept: Kept) -> Kept:
        """As `Store` does; what cannot be written is remembered all the same."""
        key = kept.url, kept.post
        self._note(key, kept)
        return self._note(key, Store.keep(self, kept))

    def _note(self, key: _Question, kept: Kept) -> Kept:
        self._found[key] = kept
        while len(self._found) > MAX_KEPT:
            self._found.popitem(last=False)
        return kept


@define(slots=True)
class AskedOnce:
    """A fetcher that asks no question twice within a minute, whatever came of it: an address that nobody can reach
    costs one wait, and not one for each item."""

    fetcher: Fetcher
    clock: Callable[[], float] = time.monotonic
    _known: OrderedDict[_Question, tuple[float, Answer | EndorsementError]] = field(
        factory=OrderedDict, init=False, repr=False
    )

    def fetch(self, url: str, post: bytes | None = None, content_type: str = "") -> Answer:
        """As `Fetcher` says."""
        key = url, digest_of(post)
        when, known = self._known.get(key, (0.0, None))
        if known is None or self.clock() - when > PATIENCE:
            known = self._ask(url, post, content_type)
            self._remember(key, known)
        if isinstance(known, EndorsementError):
            raise known.with_traceback(None)
        return known

    def _ask(self, url: str, post: bytes | None, content_type: str) -> Answer | EndorsementError:
        try:
            return self.fetcher.fetch(url, post, content_type)
        except EndorsementError as problem:
            return problem

    def _remember(self, key: _Question, known: Answer | EndorsementError) -> None:
        self._known.pop(key, None)
        if isinstance(known, Answer) and len(known.body) > MAX_ANSWER:
            return
        self._known[key] = (self.clock(), known)
        while len(self._known) > MAX_ANSWERS:
            self._known.popitem(last=False)
