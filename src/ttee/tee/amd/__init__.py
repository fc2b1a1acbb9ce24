# SPDX-License-Identifier: Apache-2.0
"""AMD SEV-SNP: reports of versions 2 to 5, signed by a chip's key or a cloud's, of Milan, Genoa and Turin."""

from __future__ import annotations

from ttee.model import Assurance
from ttee.pki import loose
from ttee.tee.amd import adoption, checks, endorsements, evidence, verify
from ttee.tee.amd.advice import ADVICE
from ttee.tee.amd.guest import GUEST
from ttee.tee.base import Tee

TEE = Tee(
    name=evidence.NAME,
    title="AMD SEV-SNP virtual machines (reports only)",
    assurance=Assurance.SILICON,
    parts=("report", "certificates", "dstack"),
    checks=checks.CHECKS,
    verify=verify.verify,
    wrap=evidence.wrap,
    describe=evidence.describe,
    documents=endorsements.DOCUMENTS,
    sources=endorsements.sources,
    adopt=adoption.adopt,
    split=endorsements.split,
    anchor_key=loose.key_of,
    guest=GUEST,
    advice=ADVICE,
)
