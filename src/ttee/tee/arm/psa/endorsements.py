# SPDX-License-Identifier: Apache-2.0
"""Which endorsements a PSA token needs: the device's key, which no service of Arm's has. No I/O.

iak, iak.…   keys that the relying party trusts for devices (`arm/keys.py` has their forms)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from ttee.errors import TteeError
from ttee.model import Evidence
from ttee.tee.arm.adopted import adopt_keys
from ttee.tee.arm.psa.evidence import parse, parse_sign1
from ttee.tee.sources import File

IAK = "iak"
DOCUMENTS = (IAK, f"{IAK}.*")


def adopt(
    evidence: Evidence,
    files: Sequence[File],
    at: datetime,  # noqa: ARG001 (these keys do not expire)
) -> Mapping[str, bytes]:
    """The files with the key that signed this token; of a malformed token, none."""
    data = evidence.parts.get("token", b"")
    try:
        token = parse(parse_sign1(data).payload)
    except TteeError:
        return {}
    return adopt_keys(IAK, data, token.instance_id, token.implementation_id, files)
