# SPDX-License-Identifier: Apache-2.0
"""Which endorsements an Azure confidential VM needs: those of the TEE inside, and of its virtual TPM's key. No I/O.

…                   as of amd-sev-snp or intel-tdx, by their names there
ak_chain            the authorities above `ak_certificate`, in PEM, root last
ak_crl, ak_crl.…    their revocation lists in DER: optional
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache

from ttee.model import Assurance, Evidence
from ttee.pki.found import find
from ttee.tee import lists
from ttee.tee.amd import adoption as snp_files
from ttee.tee.amd import endorsements as snp
from ttee.tee.amd.evidence import NAME as SNP
from ttee.tee.azure import hcl
from ttee.tee.azure.evidence import check_parts
from ttee.tee.intel import endorsements as tdx
from ttee.tee.intel import service
from ttee.tee.intel.quote import TDX
from ttee.tee.own import Split, split_off
from ttee.tee.sources import File, Source
from ttee.tee.tpm.endorsements import Asked, authorities, questions
from ttee.tee.tpm.makers import Own, Pinned, load_roots

AK, AK_CHAIN, AK_CRL = "ak_certificate", "ak_chain", "ak_crl"
DOCUMENTS = (*snp.DOCUMENTS, tdx.COLLATERAL, *tdx.NAMES, AK_CHAIN, AK_CRL, f"{AK_CRL}.*")
ROOTS = {
    "azure-virtual-tpm-root-2023.pem": Pinned("Azure Virtual TPM Root 2023", Assurance.SILICON),
    "microsoft-rsa-devices-root-ca-2021.pem": Pinned("Microsoft RSA Devices Root CA 2021", Assurance.SILICON),
}
"""Here they only add to what the TEE's report vouches for; how real the machine is, the report says."""


def inside(evidence: Evidence) -> Evidence:
    """The evidence of the TEE inside: an SNP report or a TD quote. Raises MalformedEvidenceError."""
    check_parts(evidence.parts)
    if "td_quote" in evidence.parts:
        return Evidence(TDX, {"quote": evidence.parts["td_quote"]}, evidence.endorsements)
    report = hcl.parse(evidence.parts["hcl_report"]).report
    return Evidence(SNP, {"report": report}, evidence.endorsements)


def sources(evidence: Evidence, documents: Mapping[str, bytes], at: datetime) -> tuple[Source, ...]:
    """The questions of the TEE inside, and those about the key's certificate. Raises MalformedEvidenceError,
    EndorsementError."""
    inner = inside(evidence)
    found = (service.sources if inner.tee == TDX else snp.sources)(inner, documents, at)
    if AK not in evidence.parts:
        return found
    chain = find(evidence.parts.get("chain") or documents.get(AK_CHAIN, b"")).certificates
    return found + questions(_asked(evidence), chain, documents, at)


def adopt(evidence: Evidence, files: Sequence[File], at: datetime) -> Mapping[str, bytes]:
    """What the TEE inside adopts, and the authorities above the key's certificate. Raises MalformedEvidenceError."""
    inner = inside(evidence)
    found = dict((service.adopt if inner.tee == TDX else snp_files.adopt)(inner, files, at))
    if AK in evidence.parts:
        pool = [each for file in files for each in find(file.data).certificates]
        pool += find(evidence.parts.get("chain", b"")).certificates
        found |= authorities(_asked(evidence), pool, files, at)
    return found


def split(evidence: Evidence) -> Split:
    """The evidence with the certificates that came along, and what else did, of the TEE inside and of the TPM."""
    lasting, own = tdx.split(evidence)
    lasting, crls = split_off(lasting, (snp.CRL, AK_CRL, f"{AK_CRL}.*"))
    return lasting, {**own, **crls}


def _asked(evidence: Evidence) -> Asked:
    return Asked(AK, evidence.parts[AK], AK_CHAIN, own_roots(), AK_CRL)


def ak_lists(documents: Mapping[str, bytes]) -> dict[str, bytes]:
    """The lists that are about the key's certificate and the authorities above it, as `ttee.tee.tpm` names them."""
    return {
        f"{lists.CRL}{name.removeprefix(AK_CRL)}": data
        for name, data in lists.given(documents, AK_CRL).items()
    }


@cache
def own_roots() -> Own:
    """The roots of Azure's virtual TPMs."""
    return load_roots(__package__ or "", ROOTS)
