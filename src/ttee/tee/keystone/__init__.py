# SPDX-License-Identifier: Apache-2.0
"""Keystone's report format (keystone-enclave/keystone): the home of its layout, signatures and checks.

Reports of any Keystone platform are verified here. Nothing is launched: our monitor is `ttee.tee.riscv`.
"""

from __future__ import annotations

from ttee.model import Assurance
from ttee.tee.base import Tee
from ttee.tee.ed25519 import anchor_key
from ttee.tee.keystone import checks, evidence, verify
from ttee.tee.keystone.advice import ADVICE

TEE = Tee(
    name=verify.NAME,
    title="Keystone enclaves on RISC-V (reports only)",
    assurance=Assurance.SILICON,
    parts=("report",),
    checks=checks.CHECKS,
    verify=verify.verify,
    wrap=evidence.wrap,
    describe=evidence.describe,
    anchor_key=anchor_key,
    advice=ADVICE,
)
