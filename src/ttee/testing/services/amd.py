# SPDX-License-Identifier: Apache-2.0
"""AMD's Key Distribution Service (KDS), in software: VCEKs by chip and TCB, chains, revocation lists."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

from attrs import frozen

from ttee.tee.amd.endorsements import SERVICE, vcek_url
from ttee.tee.amd.evidence import VCEK, VLEK
from ttee.testing.amd import NOW, Chip, Vendor
from ttee.testing.services.server import Question, Reply

_KINDS = {"vcek": VCEK, "vlek": VLEK}
_AGE = timedelta(days=15)
_LIFE = timedelta(days=30)
_LONG_AGO = timedelta(days=120)


@frozen(slots=True)
class KeyDistribution:
    """Answers for `chips`, each at its TCB; what expires is current at `moment`. A cloud's VLEK it does not have."""

    chips: tuple[Chip, ...]
    moment: datetime = NOW
    revoked: tuple[int, ...] = ()
    """Serial numbers of intermediates that are revoked."""
    hosts: tuple[str, ...] = (urlsplit(SERVICE).netloc,)

    def answer(self, question: Question) -> Reply | None:
        """The answer to one question; None for what it does not know."""
        kind, version, line, what = ([*question.path.strip("/").split("/"), "", "", "", ""])[:4]
        vendor = next((chip.vendor for chip in self.chips if chip.vendor.product.line == line), None)
        if kind not in _KINDS or version != "v1" or vendor is None:
            return None
        if what == "cert_chain":
            return Reply(vendor.chain(_KINDS[kind]))
        if what == "crl":
            return Reply(self._list(vendor, question))
        asked = _key(question.url)
        found = (chip for chip in self.chips if chip.kind == VCEK and _key(_address(chip)) == asked)
        chip = next(found, None)
        return Reply(chip.vek()) if chip is not None else None

    def _list(self, vendor: Vendor, question: Question) -> bytes:
        begin = self.moment - (_LONG_AGO if question.stale else _AGE)
        revoked = dict.fromkeys(self.revoked, begin)
        return vendor.crl(begin=begin, end=begin + _LIFE, revoked=revoked)


def _address(chip: Chip) -> str:
    return vcek_url(chip.unsigned(), chip.vendor.product)


def _key(url: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The order in which levels are given does not matter."""
    parts = urlsplit(url)
    return parts.path, tuple(sorted(parse_qsl(parts.query)))
