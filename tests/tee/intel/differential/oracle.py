# SPDX-License-Identifier: Apache-2.0
"""Two verifiers, one question: what each of them says about a quote, in the same words."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import dcap_qvl
from attrs import frozen

from tests.tee.intel.differential.drafts import Made
from ttee.errors import TteeError
from ttee.model import Claims, Endorsements, Evidence
from ttee.tee.intel.verify import verify


@frozen
class Answer:
    """What a verifier says: a status with its advisories, or why it refuses."""

    status: str | None
    advisories: frozenset[str] = frozenset()
    refusal: str = ""
    check: str = ""

    def __str__(self) -> str:
        return self.refusal or f"{self.status} {sorted(self.advisories)}"

    def agrees(self, other: Answer) -> bool:
        """Whether both refuse, or both say the same."""
        if self.status is None or other.status is None:
            return self.status is other.status
        return (self.status, self.advisories) == (other.status, other.advisories)


def ours(evidence: Evidence, endorsements: Endorsements, at: datetime) -> tuple[Answer, Claims | None]:
    try:
        claims = verify(evidence, endorsements, at=at)
    except TteeError as error:
        return Answer(None, refusal=f"{type(error).__name__}: {error.message}", check=error.check or ""), None
    found: Any = claims.details["advisory_ids"]
    return Answer(str(claims.details["tcb_status"]), frozenset(found)), claims


def theirs(quote: bytes, collateral: str, root: bytes | None, at: datetime) -> Answer:
    moment = int(at.timestamp())
    try:
        parsed = dcap_qvl.QuoteCollateralV3.from_json(collateral)
        if root is None:
            report = dcap_qvl.verify(quote, parsed, moment)
        else:
            report = dcap_qvl.verify_with_root_ca(quote, parsed, root, moment)
    except ValueError as error:
        return Answer(None, refusal=" ".join(str(error).split()))
    return Answer(report.status, frozenset(report.advisory_ids))


def compare(made: Made) -> tuple[Answer, Answer]:
    """Our answer and theirs."""
    return (
        ours(made.evidence, made.endorsements, made.at)[0],
        theirs(made.quote, json.dumps(made.collateral), made.root, made.at),
    )
