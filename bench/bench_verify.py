# SPDX-License-Identifier: Apache-2.0
"""Verification, held against the one signature check that it cannot do without.

    python bench/bench_verify.py

- The bare check: Keystone's signature equation over PyNaCl's group operations, and nothing else: no parsing, no
  strictness, no claims.
- A Keystone report, verified from bytes to claims, with the device's signature over its monitor seen before: it is the
  same for every report of one boot. This is what the goal is about: one signature check, and little else.
- RISC-V evidence likewise, which has three more parts to decode strictly and to tie together; and the same never seen.
"""

from __future__ import annotations

import sys
from hashlib import sha3_512
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from typing import TYPE_CHECKING

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


def main() -> int:
    tee = SoftwareTee()
    evidence = tee.evidence()
    pinned = Endorsements(anchors=(tee.anchor(), tee.device.anchor("keystone")))
    report = keystone.parse(evidence.parts["report"])
    plain = Evidence("keystone", {"report": evidence.parts["report"]})
    message, key, signature = report.enclave_signed, report.sm_public_key, report.enclave_signature

    def bare() -> None:
        h = crypto_core_ed25519_scalar_reduce(sha3_512(signature[:32] + key + message).digest())
        left = crypto_scalarmult_ed25519_base_noclamp(signature[32:])
        right = crypto_scalarmult_ed25519_noclamp(h, key)
        assert crypto_core_ed25519_sub(left, right) == signature[:32]

    def on_keystone() -> None:
        verify_keystone(plain, pinned, nonce=report.data)

    def on_riscv() -> None:
        verify_riscv(evidence, pinned, nonce=tee.nonce)

    def unseen() -> None:
        forget_chains()
        verify_riscv(evidence, pinned, nonce=tee.nonce)

    subjects = [("bare signature check", bare), ("Keystone report", on_keystone), ("RISC-V evidence", on_riscv),
                ("RISC-V evidence, chain unseen", unseen)]  # fmt: skip
    figures = in_turn([(name, _repeated(work)) for name, work in subjects], runs=RUNS, warm_up=20)
    signature_check, on_report, *_ = figures
    goal = Goal(signature_check, on_report, GOAL, at_most=False)
    met = show(f"Verification, {EACH} a sample", figures, [goal])
    for figure in figures:
        rate, share = EACH / figure.median, signature_check.median / figure.median
        print(f"  {rate:9,.0f} a second   {share:4.0%} of the bare check   {figure.name}")
    return 0 if met else 1


def _repeated(work: Callable[[], None]) -> Callable[[], None]:
    def several() -> None:
        for _ in range(EACH):
            work()

    return several


if __name__ == "__main__":
    sys.exit(main())
