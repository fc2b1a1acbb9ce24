# SPDX-License-Identifier: Apache-2.0
"""Azure's confidential VMs: SEV-SNP or TDX below a paravisor, whose virtual TPM speaks for the guest.

A composite: it verifies by `ttee.tee.amd`, `ttee.tee.intel` and `ttee.tee.tpm`.
"""

from __future__ import annotations

from ttee.model import Assurance
from ttee.pki.loose import key_of
from ttee.tee.azure import checks, endorsements, evidence, verify
from ttee.tee.azure.advice import ADVICE
from ttee.tee.base import Tee

TEE = Tee(
    name=evidence.NAME,
    title="Azure confidential VMs: SEV-SNP or TDX, and a virtual TPM",
    assurance=Assurance.SILICON,
    parts=(*sorted(evidence.REQUIRED), *sorted(evidence.OPTIONAL)),
    checks=checks.CHECKS,
    verify=verify.verify,
    wrap=evidence.wrap,
    describe=evidence.describe,
    documents=endorsements.DOCUMENTS,
    sources=endorsements.sources,
    adopt=endorsements.adopt,
    split=endorsements.split,
    anchor_key=key_of,
    advice=ADVICE,
)
