# SPDX-License-Identifier: Apache-2.0
"""Intel TDX: trust domains, attested by DCAP quotes of versions 4 and 5. Nothing is launched."""

from __future__ import annotations

from functools import partial

from ttee.model import Assurance
from ttee.pki import loose
from ttee.tee.base import Tee
from ttee.tee.intel import checks, evidence, service, verify
from ttee.tee.intel.endorsements import COLLATERAL, NAMES, split
from ttee.tee.intel.quote import TDX
from ttee.tee.intel.tdx.advice import ADVICE

TEE = Tee(
    name=TDX,
    title="Intel TDX trust domains (DCAP quotes)",
    assurance=Assurance.SILICON,
    parts=("quote", "ccel", "event_log", "dstack"),
    checks=checks.TDX_CHECKS,
    verify=verify.verify,
    wrap=partial(evidence.wrap, tee=TDX),
    describe=evidence.describe,
    documents=(COLLATERAL, *NAMES),
    sources=service.sources,
    adopt=service.adopt,
    split=split,
    anchor_key=loose.key_of,
    advice=ADVICE,
)
