# SPDX-License-Identifier: Apache-2.0
"""A proof that cannot fail proves nothing: a wrong monitor is refuted, with inputs that show why."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tools.prove import bounds
from tools.prove.image import build_probe
from tools.prove.solve import solve

from ttee.tee.riscv.sources import firmware_sources

MISTAKES = {
    "a size that is added, and overflows": (
        "base - outer <= outer_size - size",
        "base + size <= outer + outer_size",
        "is_inside",
    ),
    "one byte too many": (
        "base - outer <= outer_size - size",
        "base - outer <= outer_size - size + 1",
        "is_inside",
    ),
    "a neighbour taken for an overlap": ("b - a < a_size", "b - a <= a_size", "overlaps"),
    "half of a neighbour": (": a - b < b_size", ": a - b < b_size / 2", "overlaps"),
    "half the alignment": ("&& (base & (size - 1)) == 0", "&& (base & (size / 2 - 1)) == 0", "is_napot"),
    "a pmpaddr that covers twice as much": ("((size >> 3) - 1)", "((size >> 2) - 1)", "napot"),
    "free memory beyond the EPM": (
        "r->free - r->epm <= r->epm_size",
        "r->free - r->epm <= r->epm_size + 4096",
        "is_layout",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_wrong_check_is_refuted_by_inputs(mistake: str, tmp_path: Path) -> None:
    right, wrong, function = MISTAKES[mistake]
    sources = tmp_path / "firmware"
    shutil.copytree(firmware_sources(), sources)
    header = sources / "monitor" / "bounds.h"
    text = header.read_text()
    assert text.count(right) == 1
    header.write_text(text.replace(right, wrong))
    goals = [
        goal for goal in bounds.goals(build_probe(sources, tmp_path)) if goal.name.startswith(f"{function}:")
    ]
    proofs = [solve(goal) for goal in goals]
    assert any(proof.counterexample for proof in proofs)


def test_the_ranges_of_the_monitor_as_it_is_are_right_for_all_inputs(tmp_path: Path) -> None:
    goals = list(bounds.goals(build_probe(firmware_sources(), tmp_path)))
    quick = [goal for goal in goals if goal.name.startswith(("is_range", "is_inside", "overlaps"))]
    assert len(quick) == 7
    assert all(solve(goal).proved for goal in quick)
