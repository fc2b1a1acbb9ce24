# SPDX-License-Identifier: Apache-2.0
"""Where a maker of TPMs publishes its authorities' certificates and revocation lists, in software."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlsplit

from attrs import frozen

from ttee.pki.certificate import load_pem_chain
from ttee.testing.services.server import Question, Reply
from ttee.testing.tpm import AUTHORITIES, NOW, REVOKED, Vendor

_AGE, _LIFE, _LONG_AGO = timedelta(days=15), timedelta(days=30), timedelta(days=120)


@frozen(slots=True)
class Authorities:
    """Hands out issuer and root, and the issuer's list, current at `moment`; `revoked` has serial numbers."""

    vendor: Vendor
    moment: datetime = NOW
    revoked: tuple[int, ...] = ()
    hosts: tuple[str, ...] = (urlsplit(REVOKED).netloc,)

    def answer(self, question: Question) -> Reply | None:
        """The certificate or list at an address; None for any other."""
        issuer, root = load_pem_chain(self.vendor.chain(), what="chain", size=range(2, 3))
        begin = self.moment - (_LONG_AGO if question.stale else _AGE)
        if question.path == urlsplit(REVOKED).path:
            revoked = dict.fromkeys(self.revoked, begin)
            return Reply(self.vendor.crl(begin=begin, end=begin + _LIFE, revoked=revoked))
        found = {
            urlsplit(AUTHORITIES[level]).path: each for level, each in (("issuer", issuer), ("root", root))
        }
        return Reply(found[question.path].der) if question.path in found else None
