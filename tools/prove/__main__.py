# SPDX-License-Identifier: Apache-2.0
"""`make prove`: the monitor's bounds checks, over their machine code, for all inputs.

    python -m tools.prove

One line for each property: proved, refuted (with a counterexample), or undecided. Exits with 0 only if all are proved.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tools.prove import bounds
from tools.prove.image import build_probe
from tools.prove.solve import Proof, solve

from ttee.tee.riscv.sources import firmware_sources


def main() -> int:
    """Decide every goal; the exit code."""
    proved = True
    with tempfile.TemporaryDirectory(prefix="ttee-prove-") as scratch:
        probe = build_probe(firmware_sources(), Path(scratch))
        for goal in bounds.goals(probe):
            proof = solve(goal)
            proved = proved and proof.proved
            print(_line(proof), flush=True)
    print("\nproved for all inputs" if proved else "\nNOT everything is proved; see above")
    return 0 if proved else 1


def _line(proof: Proof) -> str:
    verdict = "proved   " if proof.proved else "undecided" if proof.undecided else "REFUTED  "
    line = f"{verdict}  {proof.goal.name}   ({proof.goal.paths} paths, {proof.seconds:.1f} s)"
    if proof.counterexample:
        line += "".join(f"\n           {name} = {value:#x}" for name, value in proof.counterexample.items())
    return line


if __name__ == "__main__":
    sys.exit(main())
