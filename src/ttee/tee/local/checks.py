# SPDX-License-Identifier: Apache-2.0
"""What the verifier of local evidence checks, and what for (`ttee explain`)."""

from __future__ import annotations

from ttee.model import CheckSpec

_LOCAL = "docs/spec/local.md, section Evidence"
_REPORT_DATA = "docs/spec/report-data.md"
_REGISTERS = "docs/spec/report-data.md, section Runtime registers and their log"
_REFUSE = "Refuse the evidence: its parts were altered, or come from different answers."

PARTS = CheckSpec(
    id="local.evidence.parts",
    title="The evidence has exactly the parts claims, signature, statement and log",
    guards="A part left out so that nobody checks it, or smuggled in so that somebody believes it.",
    remedy="Get the evidence again, all of it from one answer.",
    source=_LOCAL,
)
CLAIMS_STRUCTURE = CheckSpec(
    id="local.claims.structure",
    title="The claims are canonical CBOR of the profile ttee/local/1",
    guards="Two readings of the same signed bytes, or claims of another profile taken for these.",
    remedy=_REFUSE,
    source=_LOCAL,
)
STATEMENT_STRUCTURE = CheckSpec(
    id="local.statement.structure",
    title="The runtime's statement is canonical CBOR with its five keys",
    guards="Two readings of the same signed bytes.",
    remedy=_REFUSE,
    source=_REPORT_DATA,
)
LOG_STRUCTURE = CheckSpec(
    id="local.log.structure",
    title="The event log is canonical CBOR within its bounds",
    guards="Logs that exhaust the verifier, or read in two ways.",
    remedy=_REFUSE,
    source=_REGISTERS,
)
SIGNATURE = CheckSpec(
    id="local.claims.signature",
    title="The claims are signed by the key that they name",
    guards="Damage on the way, and no more: anybody can make such a key and sign with it.",
    remedy="Refuse the evidence. To be protected from people, use a TEE that is not simulated.",
    source=_LOCAL,
)
BINDING_STATEMENT = CheckSpec(
    id="local.binding.statement",
    title="The claims' report data is the digest of the statement",
    guards="A statement that was not signed: another nonce, app or channel key.",
    remedy=_REFUSE,
    source=_REPORT_DATA,
)
BINDING_REGISTERS = CheckSpec(
    id="local.binding.registers",
    title="The registers of the statement are those of the claims",
    guards="A runtime that states other registers than its events gave.",
    remedy=_REFUSE,
    source=_REPORT_DATA,
)
BINDING_LOG = CheckSpec(
    id="local.binding.log",
    title="The log, replayed, gives the registers",
    guards="Events added, left out, changed or reordered on the way.",
    remedy=_REFUSE,
    source=_REGISTERS,
)
BINDING_APP = CheckSpec(
    id="local.binding.app",
    title="Before system-ready, register 0 names the app of the statement and one config",
    guards="A runtime that started one app and speaks for another.",
    remedy="Refuse the evidence: the runtime does not tell the truth about its app.",
    source=_REGISTERS,
)
NONCE = CheckSpec(
    id="local.freshness.nonce",
    title="The statement carries the nonce that was asked for",
    guards="Replay and relay: evidence made earlier, or for somebody else, shown as the present state.",
    remedy="Ask for evidence with a fresh random nonce, and verify that with the same nonce.",
    source="docs/spec/report-data.md; RFC 9334, section 10.2",
)

CHECKS = (
    PARTS,
    CLAIMS_STRUCTURE,
    STATEMENT_STRUCTURE,
    LOG_STRUCTURE,
    SIGNATURE,
    BINDING_STATEMENT,
    BINDING_REGISTERS,
    BINDING_LOG,
    BINDING_APP,
    NONCE,
)
