# SPDX-License-Identifier: Apache-2.0
"""`make mutate`: remove, negate or move any check of a verifier, and some test fails.

    python -m tools.mutate [ROOM…]

A line for each room, and one for each mutant that no test noticed. Exits with 0 only if there is none but those that
`allowed.toml` explains. JOBS: how many processes (default: one for each processor).
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from tools.mutate.allowed import Allowed, load
from tools.mutate.rooms import ROOMS, Room
from tools.mutate.runner import LATE, Fate, run

_FORM = "{:<10} {:>8} {:>8} {:>6} {:>9} {:>8}"


def main(names: Sequence[str]) -> int:
    """Run the rooms of these names, or all; the exit code."""
    unknown = [name for name in names if name not in ROOMS]
    if unknown:
        print(f"no room {', '.join(unknown)}; there are {', '.join(ROOMS)}", file=sys.stderr)
        return 2
    jobs = int(os.environ.get("JOBS") or os.cpu_count() or 1)
    print(_FORM.format("room", "mutants", "killed", "late", "survived", "allowed"))
    return max(judge(ROOMS[name], load(), jobs) for name in names or ROOMS)


def judge(room: Room, allowed: Sequence[Allowed], jobs: int) -> int:
    """One line for the room, one for each thing that is wrong with it; 0 if there is none."""
    # Each room in a process of its own: tests and modules are loaded once, and do not meet those of other rooms.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        fates, failed = pool.submit(run, room, jobs).result()
    ours = [entry for entry in allowed if entry.module in room.modules]
    living = [fate for fate in fates if fate.lives]
    survivors = [fate for fate in living if not any(entry.fits(fate) for entry in ours)]
    stale = [entry for entry in ours if not any(entry.fits(fate) for fate in living)]
    late = sum(fate.end == LATE for fate in fates)
    killed = len(fates) - len(living) - late
    print(
        _FORM.format(room.name, len(fates), killed, late, len(survivors), len(living) - len(survivors)),
        flush=True,
    )
    for fate in survivors:
        print(f"  {_place(fate)} {fate.end}\n    {fate.was}\n    → {fate.becomes}")
    for entry in stale:
        print(f"  {entry.module}.{entry.function}: allowed, and is not there or was killed\n    {entry.was}")
    for test in failed:
        print(f"  fails without any mutant: {test}")
    return int(bool(survivors or stale or failed or not fates))


def _place(fate: Fate) -> str:
    return f"{fate.module}.{fate.function}, line {fate.line}:"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
