# SPDX-License-Identifier: Apache-2.0
"""The end of a QEMU process, also when we are interrupted while it starts."""

from __future__ import annotations

import subprocess
import sys

INTERRUPTED_AT_START = """
import sys, threading, time
from ttee.tee.riscv import qemu

wait = threading.Event.wait

def interrupted(event, timeout=None):
    threading.Event.wait = wait
    raise KeyboardInterrupt

threading.Event.wait = interrupted       # what Thread.start does last
try:
    qemu._start(["--version"], [], sys.stderr.buffer)
except KeyboardInterrupt:
    time.sleep(0.5)                      # until the thread waits for its next order
    print("interrupted")
"""


def test_a_signal_while_the_starting_thread_starts_does_not_keep_us_from_ending() -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_AT_START], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "interrupted\n"
