# SPDX-License-Identifier: Apache-2.0
"""Genuine evidence to attack: of the hello app in a machine that was started for it, and of a second such machine."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from attrs import frozen

from ttee.app.build import build
from ttee.appraise import Policy, appraise, parse_policy, starting_policy
from ttee.model import Anchor, Evidence, Verdict
from ttee.tee.riscv.device import device_secret
from ttee.tee.riscv.launch import anchors, launch, measure
from ttee.tee.riscv.verify import verify

HELLO = Path(__file__).resolve().parents[2] / "examples" / "hello"
NONCE = bytes(range(32))
ANOTHER_NONCE = bytes(range(32, 64))
AT = "2026-11-21T12:00:00Z"


@frozen
class Genuine:
    """Two answers of one instance, and the policy of somebody who expects that app on that device."""

    evidence: Evidence
    later: Evidence
    policy: Policy
    anchors: tuple[Anchor, ...]

    def part(self, name: str) -> bytes:
        return self.evidence.parts[name]

    def with_parts(self, **parts: bytes) -> Evidence:
        return Evidence("riscv", {**self.evidence.parts, **parts})

    def judge(self, evidence: Evidence, nonce: bytes | None = NONCE) -> Verdict:
        """What a relying party does: verify, which raises, then appraise."""
        claims = verify(evidence, self.policy.endorsements(), nonce=nonce)
        return appraise(claims, [self.policy], at=AT)


def run_genuine(state: Path) -> Genuine:
    """Start the app on the device whose secret is kept in `state`, ask twice, and end it."""
    bundle = build(HELLO).bundle
    with launch(bundle, state=state) as instance:
        first, second = instance.evidence(NONCE), instance.evidence(ANOTHER_NONCE)
    device = tuple(anchors(state))
    text = starting_policy("ours", "riscv", measure(bundle), app=bundle.measurement, anchors=device)
    return Genuine(first, second, parse_policy(text.encode(), where="ours"), device)


@functools.cache
def genuine(device: str = "ours") -> Genuine:
    """The same for every test that asks; each name is a device of its own."""
    with tempfile.TemporaryDirectory(prefix=f"ttee-{device}-") as folder:
        return run_genuine(Path(folder))


@functools.cache
def with_secret(secret: bytes) -> Genuine:
    """The same on a device that was given this secret."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        device_secret(state)
        (state / "device-secret").write_bytes(secret)
        return run_genuine(state)
