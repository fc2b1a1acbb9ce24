# SPDX-License-Identifier: Apache-2.0
"""TPM 2.0: quotes of PCRs and the logs behind them, of hardware, firmware and virtual TPMs alike."""

from __future__ import annotations

from ttee.model import Assurance
from ttee.tee.base import Tee
from ttee.tee.tpm import checks, endorsements, evidence, verify
from ttee.tee.tpm.advice import ADVICE

TEE = Tee(
    name=evidence.NAME,
    title="TPM 2.0 quotes (evidence only)",
    assurance=Assurance.SILICON,
    parts=("quote", *sorted(evidence.REQUIRED - {"quote"}), *sorted(evidence.OPTIONAL)),
    checks=checks.CHECKS,
    verify=verify.verify,
    wrap=evidence.wrap,
    describe=evidence.describe,
    documents=endorsements.DOCUMENTS,
    sources=endorsements.sources,
    adopt=endorsements.adopt,
    split=endorsements.split,
    anchor_key=endorsements.anchor_key,
    advice=ADVICE,
)
