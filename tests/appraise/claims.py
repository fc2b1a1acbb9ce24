# SPDX-License-Identifier: Apache-2.0
"""Claims and policies for the stories here: one RISC-V TEE that is in order, and the policy that accepts it."""

from __future__ import annotations

from ttee.appraise import Policy, parse_policy
from ttee.model import Assurance, Claims, Endorsements
from ttee.tee.riscv.verify import verify
from ttee.testing.keystone import Device
from ttee.testing.riscv import SoftwareTee

TEE = SoftwareTee(device=Device.named("a device"), platform="visionfive-2")
AT = "2026-11-21T12:00:00Z"

GOOD = f"""\
schema = "ttee.policy/1"
name = "good"

[app]
measurements = ["{TEE.app.hex()}"]

[tee.riscv]
anchors = [{{ key = "{TEE.device.key.hex()}", assurance = "silicon" }}]
monitor-hash = ["{TEE.monitor_hash.hex()}"]
enclave-hash = ["{TEE.enclave_hash.hex()}"]
min-monitor-svn = 1
"""


def claims_of(
    tee: SoftwareTee = TEE, *, fresh: bool = True, anchored: Assurance = Assurance.SILICON
) -> Claims:
    """Verified claims of a TEE; its device is pinned, which may be more than the policy does."""
    endorsements = Endorsements(anchors=(tee.anchor(anchored),))
    return verify(tee.evidence(), endorsements, nonce=tee.nonce if fresh else None)


def policy_of(text: str) -> Policy:
    return parse_policy(text.encode(), where="a.policy.toml")
