# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's services, in software: reference values by id, and answers about certificates (OCSP)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from urllib.parse import urlsplit

from attrs import frozen
from cryptography.x509 import OCSPNonce, ocsp

from ttee.codec import json
from ttee.pki.certificate import load_certificate
from ttee.tee.nvidia.ocsp import SERVICE as OCSP
from ttee.tee.nvidia.rim import SERVICE as RIM
from ttee.testing.nvidia import LEVELS, NOW, Vendor, ocsp_answer
from ttee.testing.services.server import Question, Reply

_LIFE, _LONG_AGO = timedelta(days=1), timedelta(days=120)


@frozen(slots=True)
class ReferenceValues:
    """Hands out `rims`, XML by id."""

    rims: Mapping[str, bytes]
    hosts: tuple[str, ...] = (urlsplit(RIM).netloc,)

    def answer(self, question: Question) -> Reply | None:
        """NVIDIA's JSON around one; None for ids that it does not have."""
        rim_id = question.path.removeprefix("/v1/rim/")
        data = self.rims.get(rim_id)
        if data is None:
            return None
        content = {"id": rim_id, "rim": b64encode(data).decode(), "sha256": sha256(data).hexdigest()}
        return Reply(json.dumps({**content, "request_id": "made by ttee.testing"}))


@frozen(slots=True)
class Revocation:
    """Answers about a vendor's authorities, current at `moment`; `revoked` has serial numbers."""

    vendor: Vendor
    moment: datetime = NOW
    revoked: tuple[int, ...] = ()
    repeats_nonce: bool = True
    """Whether answers repeat the nonce of their question."""
    hosts: tuple[str, ...] = (urlsplit(OCSP).netloc,)

    def answer(self, question: Question) -> Reply | None:
        """What is known about one certificate; None for others than this vendor's authorities."""
        try:
            asked = ocsp.load_der_ocsp_request(question.body)
        except ValueError:
            return None
        level = next((at for at in range(1, len(LEVELS)) if self._is(at, asked.serial_number)), None)
        if level is None:
            return None
        nonces = [each.value.nonce for each in asked.extensions if isinstance(each.value, OCSPNonce)]
        above = LEVELS[level - 1]
        bad = asked.serial_number in self.revoked
        begin = self.moment - (_LONG_AGO if question.stale else timedelta())
        return Reply(
            ocsp_answer(
                self.vendor.authority(LEVELS[level]),
                self.vendor.authority(above),
                self.vendor.key(above),
                status=ocsp.OCSPCertStatus.REVOKED if bad else ocsp.OCSPCertStatus.GOOD,
                begin=begin,
                end=begin + _LIFE,
                nonce=nonces[0] if nonces and self.repeats_nonce else None,
            )
        )

    def _is(self, level: int, serial: int) -> bool:
        return load_certificate(self.vendor.authority(LEVELS[level]), what="authority").serial == serial
