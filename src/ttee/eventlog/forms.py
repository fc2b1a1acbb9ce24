# SPDX-License-Identifier: Apache-2.0
"""A log of PCRs in any of its forms: as firmware writes it, or canonical, in TLV, JSON or CBOR."""

from __future__ import annotations

from ttee.eventlog import cel, cel_cbor, cel_json, tcg
from ttee.eventlog.event import Log

TLV = bytes([cel.NUMBER, 0, 0, 0, 8]) + bytes(8)
"""The number of a first record. Firmware's SHA-1 logs may begin with the same five bytes (PCR 0, EV_S_CRTM_VERSION),
but then a digest follows."""


def parse(data: bytes) -> Log:
    """The log in `data`, whose first bytes tell its form. Raises MalformedEvidenceError."""
    if cel_json.looks_like_one(data):
        return cel_json.parse(data)
    if data.startswith(TLV):
        return cel.parse(data)
    return cel_cbor.parse(data) if cel_cbor.looks_like_one(data) else tcg.parse(data)
