# SPDX-License-Identifier: Apache-2.0
"""How far a long command is: one line on stderr, where that is a terminal, after the first second."""

from __future__ import annotations

import os
import sys
import time
from typing import Self

from ttee.cli.output import fit

_FIRST = 1.0
_EVERY = 0.2
_WIPE = "\r\x1b[2K"


class Progress:
    """Counts steps. A context manager: at its end the line is gone."""

    def __init__(self) -> None:
        """Nothing is shown yet."""
        self._shown = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._start = time.monotonic()
        self._next = self._start + _FIRST
        self._there = False
        self._done = self._bad = 0

    def step(self, is_bad: bool) -> None:
        """One more is done."""
        self._done += 1
        self._bad += is_bad
        if not self._shown or (now := time.monotonic()) < self._next:
            return
        self._next = now + _EVERY
        rate = self._done / (now - self._start)
        sys.stderr.write(f"{_WIPE}{self._done:,} verified, {self._bad:,} bad, {rate:,.0f} a second")
        sys.stderr.flush()
        self._there = True

    def above(self, text: str) -> None:
        """Text of a result, on stdout."""
        self._wipe()
        sys.stdout.write(fit(text, sys.stdout))
        sys.stdout.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        """Leave nothing on the line."""
        self._wipe()

    def _wipe(self) -> None:
        if self._there:
            sys.stderr.write(_WIPE)
            sys.stderr.flush()
            self._there = False
