# SPDX-License-Identifier: Apache-2.0
"""Realms of Arm's Confidential Compute Architecture: tokens signed by platform and monitor."""

from __future__ import annotations

from ttee.model import Assurance
from ttee.tee.arm.adopted import anchor_key
from ttee.tee.arm.cca import checks, endorsements, evidence, verify
from ttee.tee.arm.cca.advice import ADVICE
from ttee.tee.base import Tee

TEE = Tee(
    name=evidence.NAME,
    title="Arm CCA realms (tokens only)",
    assurance=Assurance.SILICON,
    parts=("token",),
    checks=checks.CHECKS,
    verify=verify.verify,
    wrap=evidence.wrap,
    describe=evidence.describe,
    documents=endorsements.DOCUMENTS,
    adopt=endorsements.adopt,
    anchor_key=anchor_key,
    advice=ADVICE,
)
