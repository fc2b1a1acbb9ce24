# SPDX-License-Identifier: Apache-2.0
"""Intel SGX: enclaves, attested by DCAP quotes of versions 3 to 5. Nothing is launched."""

from __future__ import annotations

from functools import partial

from ttee.model import Assurance
from ttee.pki import loose
from ttee.tee.base import Tee
from ttee.tee.intel import checks, evidence, service, verify
from ttee.tee.intel.endorsements import COLLATERAL, NAMES, split
from ttee.tee.intel.quote import SGX
from ttee.tee.intel.sgx.advice import ADVICE

TEE = Tee(
    name=SGX,
    title="Intel SGX enclaves (DCAP quotes)",
    assurance=Assurance.SILICON,
    parts=("quote",),
    checks=checks.SGX_CHECKS,
    verify=verify.verify,
    wrap=partial(evidence.wrap, tee=SGX),
    describe=evidence.describe,
    documents=(COLLATERAL, *NAMES),
    sources=service.sources,
    adopt=service.adopt,
    split=split,
    anchor_key=loose.key_of,
    advice=ADVICE,
)
