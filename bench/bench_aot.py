# SPDX-License-Identifier: Apache-2.0
"""Instructions of an app compiled ahead of time against those of the same C compiled natively for the hart.

    python bench/bench_aot.py

Both run in S-mode on the same machine under `-icount`, called through the host's mailbox, so the counts are exact and
repeatable; the compiler, its optimisation and what it may use of the hart are the same. Also printed: what
explicit bounds checks would cost (docs/decisions/0010).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from figures import Figure, Goal, show

from ttee.app.bundle import Limits
from ttee.app.compiler import compile_app
from ttee.tee.riscv import aot
from ttee.tee.riscv.firmware import build_firmware
from ttee.tee.riscv.machine import POOL_BASE, Machine
from ttee.tee.riscv.mailbox import Operation
from ttee.tee.riscv.sources import firmware_sources

HERE = Path(__file__).parent / "aot"
GOAL = 1.3
KERNELS = {
    "fib: calls": 24,
    "sha256": 800,
    "order matching": 6000,
    "matrix product": 2,
    "hash table": 60000,
    "text parsing": 2000,
    "stack machine: indirect calls": 40000,
    "soft float": 8000,
    "indirect calls to almost nothing": 200000,
}
NATIVE, INSTANTIATE, APP = range(3)
HARNESS_AT, APP_AT, MEMORY_END = POOL_BASE, POOL_BASE + (1 << 20), POOL_BASE + (16 << 20)


def main() -> int:
    app = aot.translate_and_link(module(), firmware_sources())
    checked = aot.translate_and_link(module(), firmware_sources(), flags=["-DTTEE_EXPLICIT_CHECKS"])
    runs = {"native": measure(None), "app": measure(app), "app with explicit checks": measure(checked)}
    if len({results for _, results in runs.values()}) != 1:
        raise SystemExit("an app and native code disagree about a result")
    figures, goals = [], []
    for kernel in KERNELS:
        row = [
            Figure(f"{kernel}, {how}", (counts[kernel],), "instructions") for how, (counts, _) in runs.items()
        ]
        figures += row
        goals.append(Goal(row[1], row[0], GOAL))
    return 0 if show("apps compiled ahead of time against native code", figures, goals) else 1


def module() -> bytes:
    """The programs as a WebAssembly module."""
    return compile_app(HERE, "app.c", Limits(memory=4 << 20))[0]


def measure(image: bytes | None) -> tuple[dict[str, int], tuple[int, ...]]:
    """Instructions and results of every program: native, or in an app image."""
    with Machine(build_firmware(), os.urandom(32), icount=True, seed=1) as machine:
        machine.write(HARNESS_AT, harness())
        if image is not None:
            machine.write(APP_AT, image)
            machine.mailbox.request(Operation.CALL, HARNESS_AT, INSTANTIATE, APP_AT, MEMORY_END)
        how = NATIVE if image is None else APP
        counts, results = {}, []
        for number, (name, amount) in enumerate(KERNELS.items()):
            reply = machine.mailbox.request(Operation.CALL, HARNESS_AT, how, number, amount, timeout=120)
            if reply.fault:
                raise SystemExit(f"{name}: {reply.fault}")
            counts[name] = reply.instructions
            results.append(reply.status)
        return counts, tuple(results)


def harness() -> bytes:
    """The harness with the native programs, as a flat image."""
    inputs = [
        HERE / "start.S",
        HERE / "harness.c",
        HERE / "kernels.c",
        firmware_sources() / "runtime/relocate.c",
    ]
    return aot.link_image(inputs, firmware_sources() / "runtime/image.ld")


if __name__ == "__main__":
    sys.exit(main())
