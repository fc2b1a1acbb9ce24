# SPDX-License-Identifier: Apache-2.0
"""Which endorsements a CCA token needs: the platform's key, which no service of Arm's has. No I/O.

cpak, cpak.…   keys that the relying party trusts for platforms (`arm/keys.py` has their forms)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from ttee.errors import TteeError
from ttee.model import Evidence
from ttee.tee.arm.adopted import adopt_keys
from ttee.tee.arm.cca.claims import parse_platform
from ttee.tee.arm.cca.evidence import parse_sign1, parse_token
from ttee.tee.sources import File

CPAK = "cpak"
DOCUMENTS = (CPAK, f"{CPAK}.*")


def adopt(
    evidence: Evidence,
    files: Sequence[File],
    at: datetime,  # noqa: ARG001 (these keys do not expire)
) -> Mapping[str, bytes]:
    """The files with the key that signed this platform's part; of a malformed token, none."""
    try:
        part = parse_token(evidence.parts.get("token", b"")).platform
        platform = parse_platform(parse_sign1(part, "platform token").payload)
    except TteeError:
        return {}
    return adopt_keys(CPAK, part, platform.instance_id, platform.implementation_id, files)
