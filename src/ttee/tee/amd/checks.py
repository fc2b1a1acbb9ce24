# SPDX-License-Identifier: Apache-2.0
"""What the verifier of SEV-SNP reports checks, and what each check is for (behind `ttee explain`)."""

from __future__ import annotations

from ttee.model import CheckSpec

_ABI = "AMD 56860, table ATTESTATION_REPORT"
_KDS = "AMD 57230, chapter 3 (certificates)"

FORMAT = CheckSpec(
    id="amd.report.format",
    title="The report has 1184 bytes of a known version, with zeros where zeros must be",
    guards="Truncated or padded reports, and fields that mean something else in another version.",
    remedy="Copy the report again, in binary. A version above 5 needs a newer verifier.",
    source=_ABI,
)
ALGORITHM = CheckSpec(
    id="amd.report.algorithm",
    title="The report says that it is signed, by a chip's or a cloud's key, with ECDSA on P-384",
    guards="Reports without a signature, and algorithms that nobody agreed on.",
    remedy="Ask for a report while the host lets a VCEK or VLEK sign (SNP_CONFIG, MASK_CHIP_KEY).",
    source=_ABI,
)
REQUESTER = CheckSpec(
    id="amd.report.requester",
    title="The guest itself asked for the report",
    guards="Reports that the host asked for: it chooses report_data, and could put its own key there.",
    remedy="Ask for the report from inside the guest.",
    source="AMD 56860, table ATTESTATION_REPORT (VMPL)",
)
CERTIFICATE = CheckSpec(
    id="amd.vek.certificate",
    title="The certificate is of the kind of key that the report says signed it",
    guards="A key that AMD certified for something else, passed off as a chip's or a cloud's.",
    remedy="Get the VCEK, or VLEK, that belongs to this report: `ttee inspect` shows which kind signed.",
    source=_KDS,
)
PRODUCT = CheckSpec(
    id="amd.chain.product",
    title="Report, certificate and chain speak of the same product line",
    guards="A broken product line's keys that vouch for a processor of another, sound one.",
    remedy="Get certificates of the report's own product line.",
    source="AMD 57230, section Determining the Product Name",
)
CHAIN = CheckSpec(
    id="amd.chain.path",
    title="AMD's pinned root certified the key, through the right intermediate, at this moment",
    guards="Keys that AMD never certified.",
    remedy="Get the certificates from AMD's Key Distribution Service, and look at the clock given with --at.",
    source=f"{_KDS}; RFC 5280, section 6; RFC 4055, section 3 (RSASSA-PSS)",
)
REVOCATION = CheckSpec(
    id="amd.chain.revocation",
    title="AMD's revocation list names neither the intermediate nor the key",
    guards="Keys that are known to have leaked.",
    remedy="Give the list of the product line: https://kdsintf.amd.com/vcek/v1/LINE/crl (document `crl`).",
    source="AMD 57230, section Certificate Revocation List; RFC 5280, section 6.3",
)
CHIP = CheckSpec(
    id="amd.vek.chip",
    title="A VCEK was made for the chip that the report names",
    guards="A report that names another chip than the one that signed it.",
    remedy="Get the VCEK for this report's chip_id.",
    source=f"{_KDS} (hwID)",
)
TCB = CheckSpec(
    id="amd.vek.tcb",
    title="The certificate was made for exactly the security versions that the report names",
    guards="An old, broken firmware that reports the versions of a mended one.",
    remedy="Get the VCEK for this report's reported TCB.",
    source=f"{_KDS} (blSPL to ucodeSPL, fmcSPL)",
)
SIGNATURE = CheckSpec(
    id="amd.report.signature",
    title="That key signed the report",
    guards="Reports that no secure processor made.",
    remedy="Get the report again, together with the certificate of the key that signed it.",
    source="AMD 56860, section Signature formats (ECDSA P-384 with SHA-384)",
)
TCB_ORDER = CheckSpec(
    id="amd.report.tcb-order",
    title="Reported versions are not above the committed, nor committed and launch versions above the current",
    guards="Versions that contradict each other, so that a minimum that is asked of one says nothing.",
    remedy="Refuse the report: no sound firmware writes this.",
    source="AMD 56860, section 3.3 (TCB versions)",
)
NONCE = CheckSpec(
    id="amd.report.nonce",
    title="report_data is the nonce that was asked for",
    guards="Replay: an old report, made for somebody else, shown as the present state.",
    remedy="Ask for a report with a fresh random nonce as report_data, and verify with the same nonce.",
    source="RFC 9334, section 10.2",
)
STATEMENT = CheckSpec(
    id="amd.dstack.statement",
    title="What a dstack attestation says beside the report is what the report vouches for",
    guards="An attestation that shows other report data, or another app's document, than what the report is about.",
    remedy="Get the attestation again, whole, from the guest that made it.",
    source="Dstack-TEE/dstack:dstack/dstack-attest; docs/spec/dstack.md",
)

CHECKS = (
    FORMAT,
    ALGORITHM,
    REQUESTER,
    CERTIFICATE,
    PRODUCT,
    CHAIN,
    REVOCATION,
    CHIP,
    TCB,
    SIGNATURE,
    TCB_ORDER,
    NONCE,
    STATEMENT,
)
