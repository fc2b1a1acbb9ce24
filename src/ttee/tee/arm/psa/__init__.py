# SPDX-License-Identifier: Apache-2.0
"""Devices of Arm's Platform Security Architecture (TF-M and others): tokens of RFC 9783, signed by the device's key."""

from __future__ import annotations

from ttee.model import Assurance
from ttee.tee.arm.adopted import anchor_key
from ttee.tee.arm.psa import checks, endorsements, evidence, verify
from ttee.tee.arm.psa.advice import ADVICE
from ttee.tee.base import Tee

TEE = Tee(
    name=evidence.NAME,
    title="Arm PSA devices (tokens only)",
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
