# SPDX-License-Identifier: Apache-2.0
"""The RISC-V TEE: how soon evidence can be had, and what an enclave costs while it computes.

    python bench/bench_riscv.py

1. Spawn to verified report, images built before: start a machine, create the enclave, ask for evidence, verify it;
   against an empty start and exit of the same emulator, in turn.
2. Instructions, exactly counted under `-icount`: the same code as an enclave and in bare U-mode. What an enclave adds
   is its entry, its exit and the monitor's time slices.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from figures import Figure, Goal, in_turn, show

from ttee.app.build import build
from ttee.model import Endorsements
from ttee.tee.riscv.aot import link_image
from ttee.tee.riscv.firmware import build_firmware
from ttee.tee.riscv.launch import anchors, launch
from ttee.tee.riscv.machine import POOL_BASE, Machine
from ttee.tee.riscv.mailbox import Cause, Operation, SbiError
from ttee.tee.riscv.qemu import QEMU
from ttee.tee.riscv.sources import firmware_sources
from ttee.tee.riscv.verify import verify

HERE = Path(__file__).parent
HELLO = HERE.parent / "examples" / "hello"
RUNS = 15
SPAWN_GOAL = 3.0
OVERHEAD_GOAL = 1.01
SPINS = 20_000_000
MEMORY = 1 << 20
# lui t0, 0x100; lui t1, 0x5; addi t1, t1, 0x555; sw t1, 0(t0): the finisher's "pass", at once.
POWER_OFF = bytes.fromhex("b7021000 37530000 13035355 23a06200")


def main() -> int:
    met = show("from nothing to a verified report", *spawn())
    return 0 if show("instructions inside and outside an enclave", *overhead()) and met else 1


def spawn() -> tuple[list[Figure], list[Goal]]:
    """Whole starts, and empty ones, in turn."""
    with tempfile.TemporaryDirectory() as place:
        state = Path(place)
        bundle = build(HELLO).bundle
        rom = state / "power-off.bin"
        rom.write_bytes(POWER_OFF)
        empty_command = [QEMU, "-nodefaults", "-display", "none", "-machine", "virt", "-bios", str(rom)]

        def whole() -> None:
            nonce = os.urandom(32)
            with launch(bundle, state=state) as instance:
                verify(instance.evidence(nonce), Endorsements(anchors(state)), nonce=nonce)

        def empty() -> None:
            subprocess.run(empty_command, check=True)

        subject, peer = in_turn(
            [("spawn to verified report", whole), ("empty start and exit", empty)], runs=RUNS
        )
    return [subject, peer], [Goal(subject, peer, SPAWN_GOAL)]


def overhead() -> tuple[list[Figure], list[Goal]]:
    """The same image run both ways on one machine."""
    script = firmware_sources() / "runtime" / "image.ld"
    kernel = link_image([HERE / "overhead" / "kernel.S"], script, [f"-DSPINS={SPINS}"])
    to_user = link_image([HERE / "overhead" / "to_user.S"], script)
    config = b"TTEECFG1".ljust(4096, b"\0")
    with Machine(build_firmware(), os.urandom(32), icount=True, seed=1) as machine:
        handle = machine.create_enclave(kernel, config, b"", epm_size=MEMORY, utm_size=4096)
        inside = machine.mailbox.request(Operation.RUN, handle.id, timeout=300)
        handle.destroy()
        stub, image = POOL_BASE, POOL_BASE + 0x10000
        machine.write(stub, to_user)
        machine.write(image, kernel)
        bare = machine.mailbox.request(Operation.CALL, stub, image, POOL_BASE + MEMORY, MEMORY, timeout=300)
    if bare.fault is None or bare.fault.cause != Cause.CALL_FROM_U or inside.status != SbiError.OK:
        raise SystemExit(f"the kernel did not run to its end: {inside}, {bare}")
    subject = Figure("enclave", (inside.instructions,), "instructions")
    peer = Figure("bare U-mode", (bare.instructions,), "instructions")
    return [subject, peer], [Goal(subject, peer, OVERHEAD_GOAL)]


if __name__ == "__main__":
    sys.exit(main())
