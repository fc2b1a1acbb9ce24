# SPDX-License-Identifier: Apache-2.0
"""Asking who breaks one TEE, beside doing nothing: whole processes, from their start to their end.

- the package: `python -c "import ttee"`.
- who: the same, then the knowledge, the rules of a TEE, and the cuts of one property. The knowledge was read before, as
  the package was compiled before.
- the command's help: what loading click and reading options takes, before anything is asked.
- who, by the command: all six properties, explained. There is no goal for it: its help alone takes as long as the goal.

Processes are timed by what they and their children use of the processor: others on the machine count for little.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from figures import Goal, in_turn, show

RUNS = 30
TWICE = 2.0
TEE = "intel-tdx"
COMMAND = str(Path(sys.executable).with_name("ttee"))
WHO = f"""
from ttee.trust.answers import ask
from ttee.trust.model.build import build
from ttee.trust.shipped import deployment_of, shipped
model = build(deployment_of(None, {TEE!r}, shipped()), shipped())
print(ask.who(model, model.goal("confidentiality")).count)
"""


def main() -> bool:
    """Whether the goal is met."""
    package, who, told, command = in_turn(
        [
            ("the package", _process("-c", "import ttee")),
            ("who", _process("-c", WHO)),
            ("the command's help", _process(COMMAND, "trust", "who", "--help")),
            ("who, by the command", _process(COMMAND, "trust", "who", TEE)),
        ],
        runs=RUNS,
        warm_up=2,
        clock=_children,
    )
    return show(f"Who breaks {TEE}", [package, who, told, command], [Goal(who, package, TWICE)])


def _process(*arguments: str) -> Callable[[], object]:
    keeping = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return lambda: subprocess.run(
        [sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, env=keeping
    )


def _children() -> float:
    """The time that processes took which have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
