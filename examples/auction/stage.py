# SPDX-License-Identifier: Apache-2.0
"""What the demo's chapters share: places, cast, and a host that keeps a copy of all that it carries."""

from __future__ import annotations

from pathlib import Path

from attrs import define, field, frozen

from story import Story
from ttee.app.bundle import Bundle
from ttee.appraise import Policy
from ttee.model import Anchor, Evidence
from ttee.tee.base import Instance
from ttee.tee.riscv.launch import RiscvInstance

APP = Path(__file__).parent
LOT, RESERVE = "painting", 4000
BIDS = {"alice": 5200, "bob": 6900, "carol": 6100}


@define(slots=True)
class Host:
    """The untrusted machine between clients and the TEE. It carries messages, and copies each."""

    instance: Instance
    shown: list[Evidence] = field(factory=list)
    sealed: list[bytes] = field(factory=list)
    replies: list[bytes] = field(factory=list)

    def evidence(self, nonce: bytes) -> Evidence:
        """Carry a challenge in and evidence out."""
        self.shown.append(self.instance.evidence(nonce))
        return self.shown[-1]

    def call(self, sealed: bytes) -> bytes:
        """Carry a sealed request in and its sealed reply out."""
        self.sealed.append(sealed)
        self.replies.append(self.instance.call(sealed))
        return self.replies[-1]


@frozen(slots=True)
class Expected:
    """What a verifier knows before any TEE runs."""

    bundle: Bundle
    policy: Policy
    anchors: tuple[Anchor, ...]


@frozen(slots=True)
class Stage:
    """Everything that the chapters need."""

    story: Story
    out: Path
    """Where results are kept."""
    scratch: Path
    """Where nothing is kept."""
    expected: Expected
    instance: RiscvInstance
    host: Host

    @property
    def device(self) -> Path:
        """The folder of the device's secret."""
        return self.scratch / "device"
