# SPDX-License-Identifier: Apache-2.0
"""Is RISC-V evidence authentic? Numbered steps (docs/spec/riscv.md, section 4); each is named in `checks.py`.

     1  exactly the four parts                                     riscv.evidence.parts
     2  the report is well formed                                  keystone.report.*
     3  claims, statement and log are well formed                  riscv.claims.form, .statement., .log.
     4  pinned device key → monitor key → report                   keystone.device-key.*, .monitor., .enclave.
     5  report.data is the digest of the claims                    riscv.claims.binding
     6  claims.report_data is the digest of the statement          riscv.statement.binding
     7  registers of the statement are those of the claims         riscv.statement.registers
     8  the log replays to the registers                           riscv.log.replay
     9  register 0 names the statement's app before system-ready   riscv.log.identity
    10  the nonce is the one asked for                             riscv.statement.nonce

Structure comes before cryptography, and nothing is believed before step 4 has ended. The monitor speaks for
the enclave, and the runtime for its app: their words are worth what a policy pins of both (`Claims.pins`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ttee.errors import BindingError
from ttee.guest.binding import check_identity, check_nonce, check_nonce_size, check_replay
from ttee.guest.registers import decode_log
from ttee.guest.statement import Statement, report_data_of
from ttee.model import Assurance, Claims, Endorsements, Evidence
from ttee.tee.keystone.verify import parse_report, verify_report
from ttee.tee.riscv import checks
from ttee.tee.riscv.claims import MonitorClaims, digest
from ttee.tee.riscv.evidence import NAME, split
from ttee.tee.steps import Steps

if TYPE_CHECKING:
    from datetime import datetime

EMULATORS = frozenset({"qemu-virt"})
"""Platforms that are no hardware, whatever an anchor says of its key."""

PINS = {"app": ("enclave_hash", "authority"), "platform": ("monitor_hash",)}


def verify(
    evidence: Evidence,
    endorsements: Endorsements,
    *,
    nonce: bytes | None = None,
    at: datetime | None = None,  # noqa: ARG001 (nothing here expires)
) -> Claims:
    """The claims of RISC-V evidence. Pure.

    `nonce` (16 to 64 bytes) is compared with the statement's; without it freshness is not checked, and the
    claims say so. Raises UsageError for a nonce of another size, MalformedEvidenceError, AnchorError,
    WeakKeyError, SignatureError, BindingError, FreshnessError.
    """
    check_nonce_size(nonce)
    steps = Steps()
    with steps(checks.PARTS, "report, claims, statement, log"):
        parts = split(evidence)
    report = parse_report(parts.report, steps)
    with steps(checks.CLAIMS_FORM, "canonical, of profile ttee/riscv/1"):
        claims = MonitorClaims.decode(parts.claims)
    with steps(checks.STATEMENT_FORM, "canonical"):
        statement = Statement.decode(parts.statement)
    with steps(checks.LOG_FORM, "canonical, within its bounds"):
        events = decode_log(parts.log)
    authentic = verify_report(report, NAME, endorsements, steps)
    with steps(checks.CLAIMS_BINDING, "the report signs these claims"):
        if report.data != digest(parts.claims):
            raise BindingError("the report's data is not the digest of these claims", where="claims")
    with steps(checks.STATEMENT_BINDING, "the claims carry the digest of this statement"):
        if claims.report_data != report_data_of(parts.statement):
            raise BindingError(
                "the claims' report data is not the digest of this statement", where="statement"
            )
    with steps(checks.STATEMENT_REGISTERS, "the runtime states the registers that the monitor holds"):
        if statement.registers != claims.registers:
            raise BindingError(
                "the statement has other registers than the claims", where="statement.registers"
            )
    with steps(checks.LOG_REPLAY, f"{len(events)} events give the four registers"):
        check_replay(events, claims.registers)
    with steps(checks.LOG_IDENTITY, "register 0 names the app of the statement, then system-ready"):
        config_digest = check_identity(events, statement.app)
    not_checked = authentic.not_checked
    if nonce is None:
        steps.skipped(checks.NONCE, "no nonce was given to compare with")
        not_checked += ("freshness: no nonce was given; the evidence may be a replay",)
    else:
        with steps(checks.NONCE, "the statement carries the nonce that was asked for"):
            check_nonce(statement.nonce, nonce)
    return Claims(
        tee=NAME,
        assurance=_assurance(authentic.assurance, claims.platform),
        checks=steps.checks,
        relied_on=authentic.relied_on,
        not_checked=not_checked,
        app=statement.app,
        nonce=statement.nonce or None,
        user_data=statement.user_data,
        channel_key=statement.channel_key,
        registers=claims.registers,
        events=events,
        debug=claims.debug,
        fresh=nonce is not None,
        pins=PINS,
        details={
            "enclave_hash": report.enclave_hash,
            "monitor_hash": report.sm_hash,
            "monitor_key": report.sm_public_key,
            "device_key": authentic.anchor.key,
            "monitor_svn": claims.svn,
            "app_svn": claims.app_svn,
            "platform": claims.platform,
            "authority": claims.authority,
            "epm_size": claims.epm_size,
            "utm_size": claims.utm_size,
            "config_digest": config_digest,
        },
    )


def _assurance(anchored: Assurance, platform: str) -> Assurance:
    """An emulator is never hardware; a simulation (a key that anybody holds) is not even an emulator."""
    if platform in EMULATORS and anchored is Assurance.SILICON:
        return Assurance.EMULATED
    return anchored
