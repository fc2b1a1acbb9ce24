# SPDX-License-Identifier: Apache-2.0
"""Keystone and RISC-V, held against the one signature check that it cannot do without.

- The bare check: Keystone's signature equation over PyNaCl's group operations, and nothing else: no parsing, no
  strictness, no claims.
- A Keystone report, verified from bytes to claims, with the device's signature over its monitor seen before: it is the
  same for every report of one boot. One signature check, and little else: that is the goal.
- RISC-V evidence likewise, which has three more parts to decode strictly and to tie together; and the same never seen.

Each verification of a sample is of other evidence, over a nonce of its own, as an instance gives it. How the second
goal is met: docs/decisions/0014-verification-speed.md.
"""

from __future__ import annotations

from hashlib import sha3_512
from typing import TYPE_CHECKING

from attrs import evolve
from figures import Goal, in_turn, show
from nacl.bindings import (
    crypto_core_ed25519_scalar_reduce,
    crypto_core_ed25519_sub,
    crypto_scalarmult_ed25519_base_noclamp,
    crypto_scalarmult_ed25519_noclamp,
)

from ttee.model import Endorsements, Evidence
from ttee.tee.keystone import evidence as keystone
from ttee.tee.keystone.verify import forget_chains
from ttee.tee.keystone.verify import verify as verify_keystone
from ttee.tee.riscv.verify import verify as verify_riscv
from ttee.testing.riscv import SoftwareTee

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS = 300
EACH = 10
GOAL = 0.70


def main() -> bool:
    """Whether every goal is met."""
    tee = SoftwareTee()
    nonces = [bytes([number]) * 32 for number in range(EACH)]
    asked = [(evolve(tee, nonce=nonce).evidence(), nonce) for nonce in nonces]
    pinned = Endorsements(anchors=(tee.anchor(), tee.device.anchor("keystone")))
    reports = [keystone.parse(evidence.parts["report"]) for evidence, _nonce in asked]
    plain = [Evidence("keystone", {"report": evidence.parts["report"]}) for evidence, _nonce in asked]
    signed = [(report.enclave_signed, report.sm_public_key, report.enclave_signature) for report in reports]

    def bare(number: int) -> None:
        message, key, signature = signed[number]
        h = crypto_core_ed25519_scalar_reduce(sha3_512(signature[:32] + key + message).digest())
        left = crypto_scalarmult_ed25519_base_noclamp(signature[32:])
        right = crypto_scalarmult_ed25519_noclamp(h, key)
        assert crypto_core_ed25519_sub(left, right) == signature[:32]

    def on_keystone(number: int) -> None:
        verify_keystone(plain[number], pinned, nonce=reports[number].data)

    def on_riscv(number: int) -> None:
        evidence, nonce = asked[number]
        verify_riscv(evidence, pinned, nonce=nonce)

    def unseen(number: int) -> None:
        forget_chains()
        on_riscv(number)

    subjects = [("bare signature check", bare), ("Keystone report", on_keystone), ("RISC-V evidence", on_riscv),
                ("RISC-V evidence, chain unseen", unseen)]  # fmt: skip
    figures = in_turn([(name, _repeated(work)) for name, work in subjects], runs=RUNS, warm_up=20)
    signature_check, on_report, on_evidence, _unseen = figures
    goals = [Goal(signature_check, whole, GOAL, at_most=False) for whole in (on_report, on_evidence)]
    met = show(f"Keystone and RISC-V, {EACH} a sample", figures, goals)
    for figure in figures:
        rate, share = EACH / figure.median, signature_check.median / figure.median
        print(f"  {rate:9,.0f} a second   {share:4.0%} of the bare check   {figure.name}")
    return met


def _repeated(work: Callable[[int], None]) -> Callable[[], None]:
    def several() -> None:
        for number in range(EACH):
            work(number)

    return several
