# SPDX-License-Identifier: Apache-2.0
"""What the verifier of RISC-V evidence checks beside the Keystone report, and what for (`ttee explain`)."""

from __future__ import annotations

from ttee.model import CheckSpec
from ttee.tee.keystone.checks import REPORT_CHECKS

_EVIDENCE = "docs/spec/riscv.md, section 4"
_REPORT_DATA = "docs/spec/report-data.md"
_REGISTERS = "docs/spec/report-data.md, section Runtime registers and their log"
_REFUSE = "Refuse the evidence: its parts were altered, or come from different answers of the TEE."

PARTS = CheckSpec(
    id="riscv.evidence.parts",
    title="The evidence has exactly the parts report, claims, statement and log",
    guards="A part left out so that nobody checks it, or smuggled in so that somebody believes it.",
    remedy="Get the evidence again, all of it from one answer of the TEE.",
    source=_EVIDENCE,
)
CLAIMS_FORM = CheckSpec(
    id="riscv.claims.form",
    title="The monitor's claims are canonical CBOR of the profile ttee/riscv/1",
    guards="Two readings of the same signed bytes, or claims of another profile taken for these.",
    remedy="Refuse the evidence, or update: a monitor of another version made it.",
    source=_EVIDENCE,
)
STATEMENT_FORM = CheckSpec(
    id="riscv.statement.form",
    title="The runtime's statement is canonical CBOR with its five keys",
    guards="Two readings of the same signed bytes.",
    remedy=_REFUSE,
    source=_REPORT_DATA,
)
LOG_FORM = CheckSpec(
    id="riscv.log.form",
    title="The event log is canonical CBOR within its bounds",
    guards="Logs that exhaust the verifier, or read in two ways.",
    remedy=_REFUSE,
    source=_REGISTERS,
)
CLAIMS_BINDING = CheckSpec(
    id="riscv.claims.binding",
    title="The report's data is the digest of the claims",
    guards="Claims that the monitor never made: another debug flag, version, platform or registers.",
    remedy=_REFUSE,
    source=_EVIDENCE,
)
STATEMENT_BINDING = CheckSpec(
    id="riscv.statement.binding",
    title="The claims' report data is the digest of the statement",
    guards="A statement that the enclave never made: another nonce, app or channel key.",
    remedy=_REFUSE,
    source=_REPORT_DATA,
)
STATEMENT_REGISTERS = CheckSpec(
    id="riscv.statement.registers",
    title="The registers that the runtime states are those that the monitor holds",
    guards="A runtime that states other registers than its events gave.",
    remedy="Refuse the evidence: the runtime does not tell the truth about its own registers.",
    source=_REPORT_DATA,
)
LOG_REPLAY = CheckSpec(
    id="riscv.log.replay",
    title="The log, replayed, gives the registers",
    guards="Events added, left out, changed or reordered on the way.",
    remedy=_REFUSE,
    source=_REGISTERS,
)
LOG_IDENTITY = CheckSpec(
    id="riscv.log.identity",
    title="Before system-ready, register 0 names the app of the statement and one config",
    guards="A runtime that started one app and speaks for another, or changed its app after the start.",
    remedy="Refuse the evidence: the runtime does not tell the truth about its app.",
    source=_REGISTERS,
)
NONCE = CheckSpec(
    id="riscv.statement.nonce",
    title="The statement carries the nonce that was asked for",
    guards="Replay and relay: evidence made earlier, or for somebody else, shown as the present state.",
    remedy="Ask for evidence with a fresh random nonce, and verify that with the same nonce.",
    source="docs/spec/report-data.md; RFC 9334, section 10.2",
)

CHECKS = (
    PARTS,
    *REPORT_CHECKS,
    CLAIMS_FORM,
    STATEMENT_FORM,
    LOG_FORM,
    CLAIMS_BINDING,
    STATEMENT_BINDING,
    STATEMENT_REGISTERS,
    LOG_REPLAY,
    LOG_IDENTITY,
    NONCE,
)
