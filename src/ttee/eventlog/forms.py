# SPDX-License-Identifier: Apache-2.0
"""A log of PCRs in any of its forms: as firmware writes it, or canonical, in JSON or CBOR."""

from __future__ import annotations

from ttee.eventlog import cel_cbor, cel_json, tcg
from ttee.eventlog.event import Log


def parse(data: bytes) -> Log:
    """The log in `data`, whose first bytes tell its form. Raises MalformedEvidenceError."""
    if cel_json.looks_like_one(data):
        return cel_json.parse(data)
    return cel_cbor.parse(data) if cel_cbor.looks_like_one(data) else tcg.parse(data)
