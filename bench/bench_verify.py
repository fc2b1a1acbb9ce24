# SPDX-License-Identifier: Apache-2.0
"""Verification of every kind of evidence, beside what it is held against, in one process.

    python bench/bench_verify.py [keystone] [intel] [p384] [tpm]

Each part says what it measures, in `bench/verification/`. Peers are measured in turn with their subjects, in the same
minute, by the processor's time; ratios are those of the fastest tenth of each, so that others on the machine count for
little. Still, with two busy neighbours on each core, Python loses five to ten points against OpenSSL: measure on a
quiet machine; the load is printed. Goals that are known to be missed, and why: docs/decisions/0016-cold-intel.md.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

PARTS = ("keystone", "intel", "p384", "tpm")


def main() -> int:
    """0 if every goal of the parts that were named is met; all of them by default."""
    met = [import_module(f"verification.{part}").main() for part in sys.argv[1:] or PARTS]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
