# SPDX-License-Identifier: Apache-2.0
"""AWS Nitro Enclaves: attestation documents, signed by the Nitro security module with a key that AWS certifies."""

from __future__ import annotations

from ttee.model import Assurance
from ttee.pki.loose import key_of
from ttee.tee.base import Tee
from ttee.tee.nitro import checks, endorsements, evidence, verify
from ttee.tee.nitro.advice import ADVICE

TEE = Tee(
    name=evidence.NAME,
    title="AWS Nitro Enclaves (documents only)",
    assurance=Assurance.SILICON,
    parts=("document", "dstack"),
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
