# SPDX-License-Identifier: Apache-2.0
"""Intel TDX: trust domains, attested by DCAP quotes of versions 4 and 5. Nothing is launched."""

from __future__ import annotations

from functools import partial

from ttee.model import Assurance
from ttee.tee.base import Tee
from ttee.tee.intel import checks, evidence, verify
from ttee.tee.intel.quote import TDX

TEE = Tee(
    name=TDX,
    title="Intel TDX trust domains (DCAP quotes)",
    assurance=Assurance.SILICON,
    parts=("quote", "ccel"),
    checks=checks.TDX_CHECKS,
    verify=verify.verify,
    wrap=partial(evidence.wrap, tee=TDX),
    describe=evidence.describe,
)
