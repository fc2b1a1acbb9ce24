# SPDX-License-Identifier: Apache-2.0
"""The worker process, from the launcher's side: started, asked one thing at a time, ended. I/O."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from contextlib import ExitStack
from copy import copy
from threading import Lock
from typing import IO, Final

from ttee.codec import json, problem
from ttee.errors import (
    AppTrappedError,
    MalformedEvidenceError,
    TeeDiedError,
    TeeError,
    TeeTimeoutError,
    TteeError,
)
from ttee.guest.abi import one_line
from ttee.tee.local.frames import LONGEST, TO_LAUNCHER, BrokenError, Frames, Kind

MAX_LINES: Final = 1000
"""Console lines that are kept until somebody asks; older ones are dropped."""
_LAST_LINES: Final = 5
_LAST_WORDS: Final = 2000


class WorkerProcess:
    """A worker process, asked one thing at a time."""

    def __init__(self) -> None:
        """Start it. It ends when we close its socket, or end ourselves."""
        self._lock = Lock()
        self._lines: deque[str] = deque(maxlen=MAX_LINES)
        self._last_lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._ended: TeeError | None = None
        with ExitStack() as failure:
            self._words: IO[bytes] = failure.enter_context(tempfile.TemporaryFile())
            ours, theirs = socket.socketpair()
            failure.enter_context(ours)
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "ttee.tee.local.worker", str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=self._words,
                    start_new_session=True,  # Ctrl-C is ours to handle
                )
            self._connection = ours
            self._frames = Frames(ours, TO_LAUNCHER)
            failure.pop_all()

    @property
    def process_id(self) -> int:
        """Of the process."""
        return self._process.pid

    def ask(self, kind: Kind, payload: bytes, timeout: float) -> bytes:
        """The answer, within `timeout` seconds. Raises what the worker answers with, and TeeError."""
        with self._lock:
            if self._ended is not None:
                raise copy(self._ended)
            deadline = time.monotonic() + timeout
            try:
                self._frames.send(kind, payload, deadline=deadline)
                answer, payload = self._answer(deadline)
            except TimeoutError:
                raise copy(self._end(_late(timeout))) from None
            except BrokenError as reason:
                raise copy(self._end(self._death(str(reason)))) from None
            except BaseException:  # Ctrl-C: the next answer would be that to this request
                self._end(TeeDiedError("a request was interrupted, and the app ended with it"))
                raise
            if answer is Kind.PROBLEM:
                raise self._problem(payload)
            return payload

    def lines(self) -> list[str]:
        """The console lines since the last call. Raises TeeDiedError when there are none and never will be."""
        taken = [self._lines.popleft() for _ in range(len(self._lines))]
        if not taken and self._process.poll() is not None:
            raise copy(self._ended) if self._ended else self._death("it ended")
        return taken

    def close(self) -> None:
        """Kill it, and wait for its end. Not under the lock: whoever waits for an answer sees it die."""
        self._process.kill()
        self._process.wait()
        with self._lock:
            self._ended = self._ended or TeeDiedError("the instance was closed")
            self._connection.close()
            self._words.close()

    def _answer(self, deadline: float) -> tuple[Kind, bytes]:
        """The answer or problem, after whatever the app had to log."""
        while True:
            kind, payload = self._frames.receive(deadline=deadline)
            if kind is not Kind.LINE:
                return kind, payload
            line = one_line(payload)
            self._lines.append(line)
            self._last_lines.append(line)

    def _problem(self, payload: bytes) -> TteeError:
        """The worker's error; a trap is the end of it."""
        try:
            error = problem.decode(json.loads(payload, what="answer", max_size=LONGEST[Kind.PROBLEM]))
        except MalformedEvidenceError:
            error = None
        if error is None:
            return copy(self._end(self._death("it answered with an error that has no name")))
        if not isinstance(error, AppTrappedError):
            return error
        log = "".join(f"\n  {line}" for line in self._last_lines)
        message = error.message + (f"; its last log lines:{log}" if log else "")
        return copy(self._end(AppTrappedError(message, hint=error.hint, source=error.source)))

    def _end(self, error: TeeError) -> TeeError:
        """End the process; `error` is what everybody is told from now on."""
        self._ended = error
        self._process.kill()
        self._process.wait()
        return error

    def _death(self, reason: str) -> TeeDiedError:
        """What became of the process, with its last words."""
        self._process.kill()
        status = self._process.wait()
        how = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
        said = ""
        if not self._words.closed:
            self._words.seek(0)
            said = one_line(self._words.read()[-_LAST_WORDS:].strip())
        return TeeDiedError(
            f"the process that ran the app ended ({how}; {reason})" + (f": {said}" if said else ""),
            hint="start it again",
        )


def _late(timeout: float) -> TeeTimeoutError:
    return TeeTimeoutError(
        f"the app did not answer within {timeout:g} s, and was ended",
        hint="raise the timeout, or look at the app's log",
    )
