# SPDX-License-Identifier: Apache-2.0
"""What the verifier of Azure's confidential VMs checks beyond the TEE and the TPM inside (behind `ttee explain`)."""

from __future__ import annotations

from ttee.model import CheckSpec
from ttee.tee.amd.checks import CHECKS as AMD_CHECKS
from ttee.tee.intel.checks import TDX_CHECKS
from ttee.tee.tpm.checks import LOG_CHECKS, QUOTE_CHECKS

_HCL = "kinvolk/azure-cvm-tooling:az-cvm-vtpm/src/hcl"
_GUEST = "Microsoft Learn, Azure confidential VM guest attestation design detail"

FORM = CheckSpec(
    id="azure.hcl.form",
    title="The HCL report is whole, and holds what its header says",
    guards="Bytes that one reader takes for the report, and another for the keys beside it.",
    remedy="Read NV index 0x01400001 of the virtual TPM again, in binary.",
    source=_HCL,
)
BINDING = CheckSpec(
    id="azure.hcl.binding",
    title="The TEE's report is over the hash of the runtime data",
    guards="A genuine report of some VM, with another machine's attestation key beside it.",
    remedy="Take report, runtime data and quote from one VM, at one time.",
    source=f"{_GUEST}; {_HCL} (report_data)",
)
AK = CheckSpec(
    id="azure.ak.binding",
    title="The key that signed the quote is the one that the TEE's report vouches for",
    guards="A quote of another TPM: the VM's own would say something else.",
    remedy="Take report and quote from one VM.",
    source=f"{_GUEST} (HCLAkPub)",
)
CERTIFICATE = CheckSpec(
    id="azure.ak.certificate",
    title="Azure certified that key as one of its virtual TPMs'",
    guards="A paravisor that Microsoft does not run, with a virtual TPM that says what its owner likes.",
    remedy="Read NV index 0x01C101D0 of the virtual TPM (part ak_certificate), with the certificates above it.",
    source="Microsoft Learn, Trusted launch FAQ (virtual TPM certificates)",
)
USER_DATA = CheckSpec(
    id="azure.quote.user-data",
    title="The quote's nonce is what the guest put into the report",
    guards="A report that was made for somebody else, next to a fresh quote.",
    remedy="Write the nonce to NV index 0x01400002 before the report is read, and quote over the same.",
    source=f"{_GUEST} (user-data)",
)

OWN_CHECKS = (FORM, BINDING, AK, CERTIFICATE, USER_DATA)
CHECKS = (*OWN_CHECKS, *AMD_CHECKS, *TDX_CHECKS, *QUOTE_CHECKS, *LOG_CHECKS)
