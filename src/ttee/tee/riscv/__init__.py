# SPDX-License-Identifier: Apache-2.0
"""The RISC-V TEE (docs/spec/riscv.md): an M-mode monitor with PMP, on QEMU's `virt` machine.

Verifying needs Python alone; what starts machines is imported when something is to be started.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ttee.app.bundle import Bundle
from ttee.model import Anchor, Assurance, ClaimValue
from ttee.tee.base import Availability, Instance, Tee
from ttee.tee.ed25519 import anchor_key
from ttee.tee.riscv import checks, evidence, verify
from ttee.tee.riscv.advice import ADVICE


def _launch(bundle: Bundle, *, state: Path, signature: bytes = b"", timeout: float = 60.0) -> Instance:
    from ttee.tee.riscv.launch import launch  # noqa: PLC0415

    return launch(bundle, state=state, signature=signature, timeout=timeout)


def _measure(bundle: Bundle) -> Mapping[str, ClaimValue]:
    from ttee.tee.riscv.launch import measure  # noqa: PLC0415

    return measure(bundle)


def _available() -> Availability:
    from ttee.tee.riscv.launch import available  # noqa: PLC0415

    return available()


def _anchors(state: Path) -> tuple[Anchor, ...]:
    from ttee.tee.riscv.launch import anchors  # noqa: PLC0415

    return anchors(state)


def _to_sign(bundle: Bundle) -> bytes:
    from ttee.tee.riscv.launch import to_sign  # noqa: PLC0415

    return to_sign(bundle)


TEE = Tee(
    name=evidence.NAME,
    title="M-mode monitor with PMP on RISC-V, on QEMU's virt machine",
    assurance=Assurance.EMULATED,
    parts=evidence.PARTS,
    checks=checks.CHECKS,
    verify=verify.verify,
    describe=evidence.describe,
    anchor_key=anchor_key,
    launch=_launch,
    available=_available,
    measure=_measure,
    anchors=_anchors,
    to_sign=_to_sign,
    rank=20,
    advice=ADVICE,
)
