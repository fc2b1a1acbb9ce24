# SPDX-License-Identifier: Apache-2.0
"""Formats of others: what they wrap evidence in, and how they write down what they expect. A format is not a TEE.

    dstack         attestations of dstack (V0, V1): evidence of one of four TEEs, and a log beside it
    flashbots      attestation messages of attested TLS, as Flashbots' proxies exchange them
    measurements   Flashbots' files of measurements that are accepted
    corim          reference values and keys as makers sign them (draft-ietf-rats-corim)

The first two become `Evidence` of the TEE inside, for `ttee verify`; the others a policy, for `ttee policy import`.
"""

from __future__ import annotations

from ttee.formats import dstack, flashbots
from ttee.model import Evidence


def unwrap(data: bytes) -> Evidence | None:
    """The evidence in a format of others; None for anything else. Raises MalformedEvidenceError."""
    return flashbots.unwrap(data) or dstack.unwrap(data)
