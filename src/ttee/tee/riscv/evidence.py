# SPDX-License-Identifier: Apache-2.0
"""The parts of RISC-V evidence (docs/spec/riscv.md, section 4), and their fields. No cryptography."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from ttee.errors import MalformedEvidenceError
from ttee.guest.registers import Event, decode_log
from ttee.guest.statement import Statement
from ttee.model import ClaimValue, Evidence
from ttee.tee.keystone import evidence as keystone
from ttee.tee.riscv.claims import MonitorClaims

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "riscv"
PARTS = ("report", "claims", "statement", "log")
_NAMES = frozenset(PARTS)
SOURCE = "docs/spec/riscv.md, section 4"


@frozen(slots=True)
class Parts:
    """The four parts, as bytes."""

    report: bytes
    """1352 bytes, Keystone's layout."""
    claims: bytes
    statement: bytes
    log: bytes

    def evidence(self) -> Evidence:
        """The evidence made of them."""
        return Evidence(
            NAME,
            {
                "report": self.report,
                "claims": self.claims,
                "statement": self.statement,
                "log": self.log,
            },
        )


def split(evidence: Evidence) -> Parts:
    """The four parts. Raises MalformedEvidenceError for another TEE's, missing or additional ones."""
    if evidence.tee != NAME or evidence.parts.keys() != _NAMES:
        raise MalformedEvidenceError(
            f"{NAME} evidence has the parts {', '.join(PARTS)}; this is {evidence.tee[:64]} evidence with "
            f"{', '.join(evidence.parts)[:200] or 'none'}",
            where="parts",
            source=SOURCE,
        )
    return Parts(**evidence.parts)


def describe(evidence: Evidence) -> Mapping[str, ClaimValue]:
    """Every field of the evidence, UNVERIFIED, for `ttee inspect`. Raises MalformedEvidenceError."""
    parts = split(evidence)
    claims = MonitorClaims.decode(parts.claims)
    statement = Statement.decode(parts.statement)
    fields: dict[str, ClaimValue] = {
        f"report.{name}": value
        for name, value in keystone.describe(Evidence("keystone", {"report": parts.report})).items()
    }
    fields |= {
        "claims.profile": claims.profile,
        "claims.platform": claims.platform,
        "claims.debug": claims.debug,
        "claims.monitor_svn": claims.svn,
        "claims.app_svn": claims.app_svn,
        "claims.authority": claims.authority,
        "claims.epm_size": claims.epm_size,
        "claims.utm_size": claims.utm_size,
        "claims.registers": claims.registers,
        "claims.report_data": claims.report_data,
        "statement.app": statement.app,
        "statement.nonce": statement.nonce,
        "statement.user_data": statement.user_data,
        "statement.channel_key": statement.channel_key,
        "statement.registers": statement.registers,
    }
    fields |= {f"log.{number}": _event(event) for number, event in enumerate(decode_log(parts.log))}
    return fields


def _event(event: Event) -> ClaimValue:
    return (event.register, event.name, event.payload)
