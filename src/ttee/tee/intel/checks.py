# SPDX-License-Identifier: Apache-2.0
"""What the verifier of Intel quotes checks, and what each check is for (behind `ttee explain`).

Numbers 4.1.2.x are those of Intel's own verification library; see `quote.py` for its address.
"""

from __future__ import annotations

from ttee.model import CheckSpec

_AGAIN = "Get the quote again, in binary, from where it was made."
_REFUSE = "Refuse the quote: no genuine platform makes one like it."
_FETCH = "Fetch the endorsements again: `ttee endorsements fetch`. The message names the address."
_UPDATE = "Ask the operator to update the platform, or take another one."

QUOTE_FORM = CheckSpec(
    id="intel.quote.form",
    title="The quote is well formed: known version and body, every length what it says, nothing behind its end",
    guards="Truncated or ambiguous quotes, whose fields two readers take from different places.",
    remedy=_AGAIN,
    source="Intel TDX DCAP Quoting Library API, appendix A.3; Intel QVL 4.1.2.4.2",
)
QUOTE_ALGORITHM = CheckSpec(
    id="intel.quote.algorithm",
    title="The quote is of Intel's quoting enclave, and its attestation key is ECDSA on P-256",
    guards="Quotes of another vendor's scheme, or of a key type that nobody here verifies.",
    remedy=_REFUSE,
    source="Intel QVL 4.1.2.4.2 (attestation key type, QE vendor id)",
)
COLLATERAL_FORM = CheckSpec(
    id="intel.collateral.form",
    title="Intel's collateral is there, whole and well formed, without a key that stands twice",
    guards="A verification without revocation lists or TCB info, which accepts platforms known to be broken.",
    remedy=_FETCH,
    source="Intel PCS API version 4",
)
ROOT_CRL = CheckSpec(
    id="intel.root-crl.current",
    title="The root's revocation list is its own, current, and lists neither root nor signer of the collateral",
    guards="An old or empty list, under which a revoked authority still counts.",
    remedy=_FETCH,
    source="Intel QVL 4.1.2.2; RFC 5280, section 6.3",
)
TCB_SIGNER = CheckSpec(
    id="intel.tcb-signer.chain",
    title="The signer of the collateral is Intel's: one step below the pinned root, and valid",
    guards="Collateral that somebody else signed, which calls any platform up to date.",
    remedy=_FETCH,
    source="Intel QVL 4.1.2.7 (TCB signing chain)",
)
TCB_INFO_SIGNATURE = CheckSpec(
    id="intel.tcb-info.signature",
    title="Intel signed this TCB info, byte for byte",
    guards="Edited TCB info: statuses raised, advisories taken out.",
    remedy=_FETCH,
    source="Intel QVL 4.1.2.7.5",
)
TCB_INFO_CURRENT = CheckSpec(
    id="intel.tcb-info.current",
    title="The TCB info is for this TEE, and current",
    guards="TCB info of before a flaw was known, or for another TEE.",
    remedy=_FETCH,
    source="Intel QVL 4.1.2.7.6, 4.1.2.4.9",
)
TCB_INFO_PLATFORM = CheckSpec(
    id="intel.tcb-info.platform",
    title="The TCB info is for this kind of platform: same FMSPC, same PCE-ID",
    guards="Genuine TCB info of other hardware, under which this platform seems up to date.",
    remedy=_FETCH,
    source="Intel QVL 4.1.2.4.10",
)
QE_IDENTITY_SIGNATURE = CheckSpec(
    id="intel.qe-identity.signature",
    title="Intel signed this identity of its quoting enclave, byte for byte",
    guards="An edited identity: any enclave passes for Intel's quoting enclave (CVE-2026-22696).",
    remedy=_FETCH,
    source="Intel QVL 4.1.2.9",
)
QE_IDENTITY_CURRENT = CheckSpec(
    id="intel.qe-identity.current",
    title="The identity is that of this TEE's quoting enclave, and current",
    guards="An identity of before a flaw in the quoting enclave was known, or of another enclave.",
    remedy=_FETCH,
    source="Intel QVL 4.1.2.9, 4.1.2.4.14",
)
PCK_CHAIN = CheckSpec(
    id="intel.pck.chain",
    title="The platform's key is certified by Intel: PCK certificate, PCK CA, pinned root",
    guards="A platform key of anybody's making: a simulator that signs whatever it likes.",
    remedy="Refuse the quote, or pin that root if you mean to trust it; the message names it.",
    source="Intel QVL 4.1.2.1, 4.1.2.4.4",
)
PCK_CRL = CheckSpec(
    id="intel.pck-crl.current",
    title="The PCK revocation list is of the authority that issued the PCK certificate, and current",
    guards="A list of another authority or of last year, which revokes nothing that matters.",
    remedy=_FETCH,
    source="Intel QVL 4.1.2.3, 4.1.2.4.6",
)
PCK_REVOKED = CheckSpec(
    id="intel.pck.revoked",
    title="Neither the PCK certificate nor its authority is revoked",
    guards="Keys that Intel knows to have leaked out of a platform.",
    remedy="Do not use that platform.",
    source="Intel QVL 4.1.2.4.7, 4.1.2.1",
)
QE_SIGNATURE = CheckSpec(
    id="intel.qe.signature",
    title="The platform's key signed the report of the quoting enclave",
    guards="A quoting enclave that does not run on that platform.",
    remedy=_REFUSE,
    source="Intel QVL 4.1.2.4.12",
)
QE_BINDING = CheckSpec(
    id="intel.qe.binding",
    title="The quoting enclave's report names the attestation key and the authentication data",
    guards="An attestation key that the quoting enclave never made.",
    remedy=_REFUSE,
    source="Intel QVL 4.1.2.4.13",
)
QE_IDENTITY = CheckSpec(
    id="intel.qe.identity",
    title="It is Intel's quoting enclave: signer, product, attributes, not in debug mode",
    guards="Another enclave on a genuine platform, which vouches for attestation keys of its own.",
    remedy=_REFUSE,
    source="Intel QVL 4.1.2.4.15, 4.1.2.9.5 to 4.1.2.9.8",
)
QUOTE_SIGNATURE = CheckSpec(
    id="intel.quote.signature",
    title="The attestation key signed the header and the report",
    guards="Measurements, report data or attributes that the platform never vouched for.",
    remedy=_REFUSE,
    source="Intel QVL 4.1.2.4.16",
)
TDX_MODULE = CheckSpec(
    id="intel.tdx-module.identity",
    title="The TDX module is one that Intel lists",
    guards="A trust domain under a module that anybody wrote, or that Intel no longer supports.",
    remedy=_UPDATE,
    source="Intel QVL 4.1.2.4.11, 4.1.2.4.17.4.1",
)
TCB_LEVEL = CheckSpec(
    id="intel.tcb.level",
    title="The platform, its quoting enclave and TDX module reach a TCB level that is listed and not revoked",
    guards="Platforms with flaws that are public: microcode and firmware of before their mending.",
    remedy=_UPDATE,
    source="Intel QVL 4.1.2.4.17",
)
NONCE = CheckSpec(
    id="intel.report-data.nonce",
    title="The report data are the nonce that was asked for",
    guards="Replay: an old quote, made for somebody else, shown as the present state.",
    remedy="Ask for a quote over a fresh random nonce, and verify that one with the same nonce.",
    source="RFC 9334, section 10.2",
)
CCEL = CheckSpec(
    id="intel.ccel.replay",
    title="The event log of the guest's firmware gives the quoted runtime registers",
    guards="A log that tells of other software than what was started.",
    remedy="Get quote and log from one boot of one guest.",
    source="Intel TDX Virtual Firmware Design Guide, section 6; UEFI 2.10, section 38",
)
EVENT_LOG = CheckSpec(
    id="intel.event-log.replay",
    title="The event log of dstack or Confidential Space gives the quoted registers, and says once who runs",
    guards="A log that tells of another app, or of another key provider, than what was started.",
    remedy="Get quote and log from one attestation of one guest.",
    source="Dstack-TEE/dstack:dstack/cc-eventlog; google/go-tpm-tools:cel; docs/spec/dstack.md",
)
STATEMENT = CheckSpec(
    id="intel.dstack.statement",
    title="What the dstack attestation says of the report data is what the quote has",
    guards="An attestation that shows other report data, or another payload, than what was signed.",
    remedy="Get the attestation again, whole, from the guest that made it.",
    source="Dstack-TEE/dstack:dstack/dstack-attest; docs/spec/dstack.md",
)

SGX_CHECKS = (
    QUOTE_FORM,
    QUOTE_ALGORITHM,
    COLLATERAL_FORM,
    TCB_SIGNER,
    ROOT_CRL,
    TCB_INFO_SIGNATURE,
    TCB_INFO_CURRENT,
    QE_IDENTITY_SIGNATURE,
    QE_IDENTITY_CURRENT,
    PCK_CHAIN,
    PCK_CRL,
    PCK_REVOKED,
    TCB_INFO_PLATFORM,
    QE_SIGNATURE,
    QE_BINDING,
    QE_IDENTITY,
    QUOTE_SIGNATURE,
    TCB_LEVEL,
    NONCE,
)
TDX_CHECKS = (*SGX_CHECKS[:-2], TDX_MODULE, *SGX_CHECKS[-2:], CCEL, EVENT_LOG, STATEMENT)
