# SPDX-License-Identifier: Apache-2.0
"""Endorsements that came with the evidence: whoever made it chose them (docs/spec/endorsements.md).

What never goes stale is as good from there as from anywhere. A revocation list, or what else can become stale, may be
from before its maker said something else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from attrs import evolve

from ttee.model import Claims, Endorsements, Evidence
from ttee.tee import tee_named

Split = tuple[Evidence, Mapping[str, bytes]]


def split_off(evidence: Evidence, names: Sequence[str]) -> Split:
    """The evidence without its endorsements of these names, and these; `x.*` stands for all that begin with `x.`."""
    own = {name: data for name, data in evidence.endorsements.items() if _is_among(name, names)}
    if not own:
        return evidence, own
    lasting = {name: data for name, data in evidence.endorsements.items() if name not in own}
    return evolve(evidence, endorsements=lasting), own


def _is_among(name: str, names: Sequence[str]) -> bool:
    return any(name.startswith(each[:-1]) if each.endswith(".*") else name == each for each in names)


def verify(
    evidence: Evidence,
    endorsements: Endorsements,
    *,
    nonce: bytes | None = None,
    at: datetime | None = None,
) -> Claims:
    """The claims of the evidence's TEE; of what came with it and can become stale, only `endorsements.own` counts.

    Raises what `Tee.verify` does.
    """
    tee = tee_named(evidence.tee)
    if tee.split is None:
        return tee.verify(evidence, endorsements, nonce=nonce, at=at)
    lasting, own = tee.split(evidence)
    if not own:
        return tee.verify(evidence, endorsements, nonce=nonce, at=at)
    counted = {
        name: data for name, data in own.items() if endorsements.own is None or name in endorsements.own
    }
    lasting = evolve(lasting, endorsements={**lasting.endorsements, **counted})
    claims = tee.verify(lasting, endorsements, nonce=nonce, at=at)
    _, given = tee.split(Evidence(evidence.tee, {}, endorsements.documents))
    came = ", ".join(sorted(counted.keys() - given.keys()))
    if not came:
        return claims
    remark = f"whether there is something newer than {came[:200]}, which came with the evidence"
    return evolve(claims, not_checked=(*claims.not_checked, remark))
