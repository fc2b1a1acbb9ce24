# SPDX-License-Identifier: Apache-2.0
"""One room: its tests are collected and run once; then each mutant is put in place in a fork, and meets the tests.

A mutant meets only the tests that reach its lines, the quickest first, until one fails. It is killed if one fails,
if the process dies, or if it takes much longer than the tests did before (counted apart).
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from types import FrameType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from attrs import define, field, frozen
from tools.mutate.mutants import Mutant
from tools.mutate.rooms import Room
from tools.mutate.swap import Subject, memories, subject

from ttee.pki.cache import forget_all

KILLED, SURVIVED, LATE, UNREACHED = "killed", "survived", "late", "unreached"
_PATIENCE = float(os.environ.get("TTEE_MUTATE_PATIENCE", "5"))
"""Seconds, on top of ten times what the tests took before."""


@frozen
class Fate:
    """How a mutant ended."""

    module: str
    function: str
    line: int
    was: str
    becomes: str
    end: str

    @property
    def lives(self) -> bool:
        """Whether no test noticed."""
        return self.end in {SURVIVED, UNREACHED}


@define
class _Reach:
    """Which tests reach which lines, and how long each takes."""

    seconds: dict[str, float] = field(factory=dict)
    lines: dict[tuple[str, int], set[str]] = field(factory=dict)

    def tests(self, path: str, lines: Iterable[int]) -> list[str]:
        """The tests that reach one of these lines, the quickest first."""
        found: set[str] = set()
        for line in lines:
            found |= self.lines.get((path, line), set())
        return sorted(found, key=lambda name: (self.seconds[name], name))


class _Gate:
    """A pytest plugin that runs the mutants in place of the tests."""

    def __init__(self, room: Room, jobs: int) -> None:
        self._room = room
        self._jobs = jobs
        self._subjects: list[Subject] = []
        self._forget: list[Callable[[], object]] = []
        self.fates: list[Fate] = []
        self.failed: list[str] = []

    def pytest_collection(self) -> None:
        """Before the tests are imported: the same examples each time, and few."""
        from hypothesis import Phase, settings  # noqa: PLC0415 (pytest has to see it first)

        settings.register_profile(
            "mutate",
            database=None,
            deadline=None,
            derandomize=True,
            max_examples=25,
            phases=(Phase.explicit, Phase.generate),
        )
        settings.load_profile("mutate")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the tests as they are, then the mutants."""
        if session.testsfailed:
            raise session.Interrupted(f"{session.testsfailed} errors during collection")
        items = {item.nodeid: item for item in session.items}
        self._subjects = [subject(name) for name in self._room.modules]
        self._forget = memories(self._room.package)
        reach = self._measure(session.items)
        items = {name: item for name, item in items.items() if name not in self.failed}
        if self._survives_unchanged(items, reach):
            self._run(items, reach)
        return True

    def _measure(self, items: Sequence[pytest.Item]) -> _Reach:
        reach = _Reach()
        paths = {each.path for each in self._subjects}
        for position, item in enumerate(items):
            seen: set[tuple[str, int]] = set()
            following = items[position + 1] if position + 1 < len(items) else None
            self._forget_all()
            began = time.perf_counter()
            with _traced(paths, seen):
                passed = _passes(item, following)
            reach.seconds[item.nodeid] = time.perf_counter() - began
            if not passed:
                self.failed.append(item.nodeid)
                continue
            for place in seen:
                reach.lines.setdefault(place, set()).add(item.nodeid)
        return reach

    def _survives_unchanged(self, items: dict[str, pytest.Item], reach: _Reach) -> bool:
        """Whether the tests pass in the way in which mutants meet them: else all would be killed, and prove nothing."""
        ordered = sorted(items, key=lambda name: (reach.seconds[name], name))
        _, status = os.waitpid(self._fork(None, [items[name] for name in ordered], 3600), 0)
        if status:
            self.failed.append("in a fork, the quickest first: the tests depend on their order")
        return status == 0

    def _run(self, items: dict[str, pytest.Item], reach: _Reach) -> None:
        waiting = [(each, mutant) for each in self._subjects for mutant in each.mutants]
        total, running = len(waiting), dict[int, tuple[Subject, Mutant]]()
        waiting.reverse()
        while waiting or running:
            if waiting and len(running) < self._jobs:
                where, mutant = waiting.pop()
                tests = [items[name] for name in reach.tests(where.path, mutant.lines)]
                if not tests:
                    self._end(where, mutant, UNREACHED, total)
                    continue
                limit = _PATIENCE + 10 * sum(reach.seconds[item.nodeid] for item in tests)
                running[self._fork((where, mutant), tests, limit)] = where, mutant
                continue
            pid, status = os.wait()
            if pid in running:
                late = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM
                self._end(*running.pop(pid), LATE if late else SURVIVED if status == 0 else KILLED, total)

    def _end(self, where: Subject, mutant: Mutant, end: str, total: int) -> None:
        self.fates.append(
            Fate(where.name, mutant.function, mutant.lines.start, mutant.was, mutant.becomes, end)
        )
        if sys.__stderr__ is not None and sys.__stderr__.isatty():
            sys.__stderr__.write(f"\r{self._room.name}: {len(self.fates)} of {total} ")
            sys.__stderr__.flush()

    def _fork(self, change: tuple[Subject, Mutant] | None, tests: Sequence[pytest.Item], limit: float) -> int:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pid = os.fork()
        if pid:
            return pid
        status = 2
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, limit)
            if change is not None:
                change[0].put(change[1])
            status = int(not self._all_pass(tests))
        finally:
            os._exit(status)

    def _all_pass(self, tests: Sequence[pytest.Item]) -> bool:
        for position, item in enumerate(tests):
            self._forget_all()
            if not _passes(item, tests[position + 1] if position + 1 < len(tests) else None):
                return False
        return True

    def _forget_all(self) -> None:
        forget_all()
        for forget in self._forget:
            forget()


def _passes(item: pytest.Item, following: pytest.Item | None) -> bool:
    reports = runtestprotocol(item, log=False, nextitem=following)
    return not any(report.failed for report in reports)


class _traced:  # noqa: N801 (used as a function)
    """Note each line of `paths` that is reached."""

    def __init__(self, paths: set[str], seen: set[tuple[str, int]]) -> None:
        self._paths = paths
        self._seen = seen

    def __enter__(self) -> None:
        sys.settrace(self._call)

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _call(self, frame: FrameType, event: str, argument: Any) -> Any:  # noqa: ARG002 (as settrace calls it)
        if frame.f_code.co_filename not in self._paths:
            return None
        self._seen.add((frame.f_code.co_filename, frame.f_lineno))
        return self._line

    def _line(self, frame: FrameType, event: str, argument: Any) -> Any:  # noqa: ARG002 (as settrace calls it)
        self._seen.add((frame.f_code.co_filename, frame.f_lineno))
        return self._line


def run(room: Room, jobs: int) -> tuple[list[Fate], list[str]]:
    """The fates of all mutants of a room, in the order of its lines; and the tests that fail without any."""
    gate = _Gate(room, jobs)
    said = io.StringIO()
    with tempfile.TemporaryDirectory(prefix="ttee-mutate-") as scratch, contextlib.redirect_stdout(said):
        options = ["-q", "--capture=sys", f"--basetemp={scratch}/tests", "-p", "no:cacheprovider"]
        pytest.main([*options, "-p", "no:xdist", *room.tests], plugins=[gate])
    if not gate.fates and not gate.failed:
        gate.failed.append(said.getvalue())
    gate.fates.sort(key=lambda fate: (room.modules.index(fate.module), fate.line, fate.was, fate.becomes))
    return gate.fates, gate.failed
