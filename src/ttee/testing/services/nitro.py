# SPDX-License-Identifier: Apache-2.0
"""AWS's buckets of revocation lists for Nitro Enclaves, in software."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from attrs import field, frozen

from ttee.testing.nitro import LISTS, NOW, Vendor
from ttee.testing.services.server import Question, Reply

_AGE, _LIFE, _LONG_AGO = timedelta(days=15), timedelta(days=30), timedelta(days=120)


@frozen(slots=True)
class RevocationLists:
    """The lists of root and region, current at `moment`; `revoked` has serial numbers by level."""

    vendor: Vendor
    moment: datetime = NOW
    revoked: Mapping[str, tuple[int, ...]] = field(factory=dict)
    hosts: tuple[str, ...] = tuple(urlsplit(url).netloc for url in LISTS.values())

    def answer(self, question: Question) -> Reply | None:
        """The list at an address; None for any other."""
        found = (each for each, url in LISTS.items() if urlsplit(url)[1:3] == (question.host, question.path))
        level = next(found, None)
        if level is None:
            return None
        begin = self.moment - (_LONG_AGO if question.stale else _AGE)
        revoked = dict.fromkeys(self.revoked.get(level, ()), begin)
        return Reply(self.vendor.crl(level, begin=begin, end=begin + _LIFE, revoked=revoked))
