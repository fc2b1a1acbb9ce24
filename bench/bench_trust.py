# SPDX-License-Identifier: Apache-2.0
"""Residual trust: finding cuts, starting, and ending a verdict with what can still break it.

    python bench/bench_trust.py [cuts] [start] [statement]

Each part says what it measures, in `bench/residual/`. Goals that are known to be missed, and why:
docs/decisions/0018-trust-beside-evidence.md.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

PARTS = ("cuts", "start", "statement")


def main() -> int:
    """0 if every goal of the parts that were named is met; all of them by default."""
    met = [import_module(f"residual.{part}").main() for part in sys.argv[1:] or PARTS]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
