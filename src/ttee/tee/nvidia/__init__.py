# SPDX-License-Identifier: Apache-2.0
"""NVIDIA GPUs and NVSwitches in confidential-computing mode: SPDM measurement reports, certified by NVIDIA."""

from __future__ import annotations

from ttee.model import Assurance
from ttee.pki.loose import key_of
from ttee.tee.base import Tee
from ttee.tee.nvidia import checks, endorsements, evidence, verify
from ttee.tee.nvidia.advice import ADVICE

TEE = Tee(
    name=evidence.NAME,
    title="NVIDIA GPUs and switches (reports only)",
    assurance=Assurance.SILICON,
    parts=("report", "chain"),
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
