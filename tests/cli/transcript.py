# SPDX-License-Identifier: Apache-2.0
"""Golden transcripts: what somebody types, and what they see.

    # a remark
    $ ttee verify tampered.evidence.json --policy policy.toml
    a line of stdout
    ! a line of stderr
    ? 4

Commands run in a shell, in a folder of their own, with the real program. `[..]` stands for anything within a line,
a line `...` for any lines. `?` gives the exit code; without it, it is 0.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from attrs import define, field

PROGRAM = Path(sys.executable).with_name("ttee")
TIMEOUT = 120


@define(slots=True)
class Step:
    """One command, and what is expected of it."""

    command: str
    line: int
    stdout: list[str] = field(factory=list)
    stderr: list[str] = field(factory=list)
    code: int = 0


def read(path: Path) -> list[Step]:
    """The steps of a transcript."""
    steps: list[Step] = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("$ "):
            steps.append(Step(line[2:], number))
        elif line.startswith("#"):
            continue
        elif line.startswith("? "):
            steps[-1].code = int(line[2:])
        elif line == "!" or line.startswith("! "):
            steps[-1].stderr.append(line[2:])
        elif steps:
            steps[-1].stdout.append(line)
    for step in steps:
        while step.stdout and not step.stdout[-1]:
            step.stdout.pop()  # the empty line before the next command
    return steps


def play(steps: list[Step], folder: Path, environment: Mapping[str, str]) -> None:
    """Run the steps in `folder`, one after the other. Raises AssertionError with what was seen."""
    path = f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"
    for step in steps:
        with subprocess.Popen(
            ["sh", "-c", step.command],
            cwd=folder,
            env={**os.environ, **environment, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                stdout, stderr = process.communicate(timeout=TIMEOUT)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        seen = stdout + "".join(f"! {line}\n" for line in stderr.splitlines()) + f"? {process.returncode}"
        where = f"line {step.line}: $ {step.command}\n{seen}"
        assert process.returncode == step.code, where
        assert matches(step.stdout, stdout), f"stdout differs, {where}"
        assert matches(step.stderr, stderr), f"stderr differs, {where}"


def matches(expected: list[str], seen: str) -> bool:
    """Whether `seen` is as the lines say."""
    pattern = "".join(
        r"(?:.*\n)*" if line == "..." else ".*".join(map(re.escape, line.split("[..]"))) + r"\n"
        for line in expected
    )
    text = "".join(f"{line.rstrip()}\n" for line in seen.splitlines())
    return re.fullmatch(pattern, text.rstrip("\n") + "\n" if text.strip() else "") is not None
