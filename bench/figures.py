# SPDX-License-Identifier: Apache-2.0
"""What every bench here prints, in the same way: the machine, medians with their spread, and ratios within one run.

Absolute times belong to one machine on one day. Ratios against a peer that is measured in turn with the subject, in the
same process and minute, are what we state.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import frozen


@frozen(slots=True)
class Figure:
    """One thing that was measured. `samples` in seconds, or in instructions when `unit` says so."""

    name: str
    samples: tuple[float, ...]
    unit: str = "s"

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def best(self) -> float:
        """The mean of the fastest tenth: what it takes when nobody else empties the processor's caches meanwhile."""
        fastest = sorted(self.samples)[: max(1, len(self.samples) // 10)]
        return statistics.fmean(fastest)

    def __str__(self) -> str:
        low, high = min(self.samples), max(self.samples)
        spread = f"{_scaled(low, self.unit)} to {_scaled(high, self.unit)}, n={len(self.samples)}"
        return f"{_scaled(self.median, self.unit):>12}   ({spread})"


@frozen(slots=True)
class Goal:
    """A ratio that we promise: `subject / peer`, at most or at least `bound`."""

    subject: Figure
    peer: Figure
    bound: float
    at_most: bool = True
    at_best: bool = False
    """Compare the fastest tenths of both, in the place of their medians."""

    @property
    def ratio(self) -> float:
        if self.at_best:
            return self.subject.best / self.peer.best
        return self.subject.median / self.peer.median

    @property
    def met(self) -> bool:
        return self.ratio <= self.bound if self.at_most else self.ratio >= self.bound


def machine() -> str:
    """One line about the machine and the versions that matter."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="ascii").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    load = os.getloadavg()[0]
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} x {model}, load {load:.1f}, {system}"


def timed(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds that `work` takes, by `clock`; `time.process_time` leaves out what others do on a shared machine."""
    start = clock()
    work()
    return clock() - start


def in_turn(
    subjects: Sequence[tuple[str, Callable[[], object]]],
    *,
    runs: int,
    warm_up: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Figure]:
    """Time all subjects in turn, A B A B …, so that a drift of the machine meets them alike."""
    for _ in range(warm_up):
        for _name, work in subjects:
            work()
    samples: list[list[float]] = [[] for _ in subjects]
    for _ in range(runs):
        for taken, (_name, work) in zip(samples, subjects, strict=True):
            taken.append(timed(work, clock))
    return [Figure(name, tuple(taken)) for (name, _work), taken in zip(subjects, samples, strict=True)]


def show(title: str, figures: Sequence[Figure], goals: Sequence[Goal] = ()) -> bool:
    """Print everything; true if every goal is met."""
    print(f"# {title}\n{machine()}\n")
    width = max(len(figure.name) for figure in figures)
    for figure in figures:
        print(f"  {figure.name:<{width}} {figure}")
    if goals:
        print()
    for goal in goals:
        sign = "at most" if goal.at_most else "at least"
        mark = "ok  " if goal.met else "MISSED"
        print(
            f"  {mark} {goal.subject.name} / {goal.peer.name} = {goal.ratio:.3f}   (goal: {sign} {goal.bound})"
        )
    print()
    sys.stdout.flush()
    return all(goal.met for goal in goals)


def _scaled(value: float, unit: str) -> str:
    if unit != "s":
        return f"{value:,.0f} {unit}"
    for factor, name in ((1, "s"), (1e3, "ms"), (1e6, "us")):
        if value * factor >= 1:
            return f"{value * factor:.3g} {name}"
    return f"{value * 1e9:.3g} ns"
