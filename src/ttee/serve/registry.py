# SPDX-License-Identifier: Apache-2.0
"""The instances that run on this machine for this user: one folder each, and a lock that their process holds.

A process that dies, however it dies, lets go of its lock; no process id is believed for being written down.
"""

from __future__ import annotations

import difflib
import fcntl
import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from attrs import frozen

from ttee.codec import hex, json  # noqa: A004 (the name of the encoding)
from ttee.errors import InstanceError
from ttee.places import runtime_dir, state_dir

SCHEMA = "ttee.instance/1"
MAX_RECORD = 64 * 1024
MAX_SOCKET_PATH = 107
"""What the kernel takes for the path of a unix socket, in bytes (unix(7))."""
STOP_PATIENCE = 10.0
"""Seconds between asking an instance to end and making it."""
_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")


@frozen(slots=True)
class Record:
    """A running instance. `app` is its measurement, 48 bytes; `url` is None unless it has a TCP port."""

    name: str
    tee: str
    app: bytes
    address: str
    url: str | None
    pid: int
    started: str

    @property
    def bundle(self) -> Path:
        """A copy of the bundle that it runs."""
        return home_of(self.name) / "app.bundle"

    @property
    def log(self) -> Path:
        """What it, and the process around it, have written."""
        return home_of(self.name) / "log"

    def as_json(self) -> dict[str, json.JsonValue]:
        """`ttee.instance/1`."""
        return {
            "schema": SCHEMA,
            "name": self.name,
            "tee": self.tee,
            "app": self.app.hex(),
            "address": self.address,
            "url": self.url,
            "pid": self.pid,
            "started": self.started,
        }


def home_of(name: str) -> Path:
    """The folder of the instance `name`, which need not exist. Raises InstanceError for what is no name."""
    if not _NAME.fullmatch(name):
        raise InstanceError(
            f"{name[:80]!r} cannot be the name of an instance",
            hint="names have 1 to 64 characters of a-z 0-9 -, and start with a letter",
        )
    return state_dir() / "instances" / name


def socket_of(name: str) -> Path:
    """Where the instance `name` listens. Raises InstanceError if no socket can have so long a path."""
    path = runtime_dir() / f"{name}.sock"
    if len(os.fsencode(path)) > MAX_SOCKET_PATH:
        raise InstanceError(
            f"a socket's path has at most {MAX_SOCKET_PATH} bytes",
            where=str(path),
            hint="set TTEE_RUNTIME_DIR to a shorter folder, or use a shorter --name",
        )
    return path


@contextmanager
def claimed(name: str) -> Iterator[Path]:
    """Hold the name `name`: yields its folder, fresh but for what its files held. Raises InstanceError."""
    home = home_of(name)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not _lock(handle, fcntl.LOCK_EX, patience=1.0):
            raise taken(name)
        _tidy(name)
        try:
            yield home
        finally:
            _tidy(name)
    finally:
        os.close(handle)


def taken(name: str) -> InstanceError:
    """The error for a name that a running instance has."""
    return InstanceError(
        f"an instance called {name!r} runs already",
        hint=f"`ttee stop {name}` ends it; `--name` gives the new one another name",
    )


def publish(record: Record) -> None:
    """Let others find the instance; all at once, so that nobody reads half of it."""
    path = home_of(record.name) / "record.json"
    fresh = path.with_suffix(".new")
    fresh.write_text(json.pretty(record.as_json()))
    fresh.replace(path)


def running() -> tuple[list[Record], list[str]]:
    """The instances that run, by name; and the names of those that crashed, which are tidied up just now."""
    found, crashed = [], []
    with suppress(FileNotFoundError):
        for home in sorted((state_dir() / "instances").iterdir()):
            if _NAME.fullmatch(home.name):
                record, fell = _look(home.name)
                found += [record] if record else []
                crashed += [home.name] if fell else []
    return found, crashed


def find(name: str) -> Record:
    """The running instance `name`. Raises InstanceError: what became of it, or a similar name."""
    record, crashed = _look(name)
    if record:
        return record
    if crashed:
        raise InstanceError(
            f"the instance {name!r} ended unexpectedly",
            hint=f"`ttee logs {name}` shows its last words; `ttee run` starts it again",
        )
    near = difflib.get_close_matches(name, [record.name for record in running()[0]], n=1)
    raise InstanceError(
        f"no instance called {name!r} runs here" + (f"; did you mean {near[0]!r}?" if near else ""),
        hint=f"it has ended; `ttee logs {name}` shows its last words"
        if (home_of(name) / "log").exists()
        else "`ttee ps` lists the running ones, `ttee run APP` starts one",
    )


def runs(name: str) -> bool:
    """Whether an instance of that name runs, or is being started."""
    return _is_held(name)


def stop(record: Record) -> None:
    """End an instance: ask it, and make it after `STOP_PATIENCE`. Returns once it has ended."""
    try:
        process = os.pidfd_open(record.pid)
    except ProcessLookupError:
        process = -1
    try:
        # The lock is still held while we hold the process: so this process id is that of the instance.
        if process >= 0 and _is_held(record.name):
            signal.pidfd_send_signal(process, signal.SIGTERM)
            if not _ends(record.name, STOP_PATIENCE):
                signal.pidfd_send_signal(process, signal.SIGKILL)
                _ends(record.name, STOP_PATIENCE)
    except ProcessLookupError:
        pass
    finally:
        if process >= 0:
            os.close(process)
    _look(record.name)


def _look(name: str) -> tuple[Record | None, bool]:
    """The record of `name` if it runs; whether it left one behind without running, which is tidied up."""
    home = home_of(name)
    if not (home / "record.json").exists():
        return None, False
    if _is_held(name):
        return _read(home / "record.json"), False
    with suppress(InstanceError), claimed(name):
        return None, True
    return None, False


def _read(path: Path) -> Record | None:
    try:
        value = json.loads(
            path.read_bytes(), what="record", max_size=MAX_RECORD, max_depth=1, error=InstanceError
        )
        if not isinstance(value, dict) or value.pop("schema", None) != SCHEMA:
            return None
        value["app"] = hex.decode(str(value["app"]), what="app", size=48, error=InstanceError)  # type: ignore[assignment]
        return Record(**value)  # type: ignore[arg-type]  # our own file, in a folder that only we can write to
    except (OSError, InstanceError, TypeError, KeyError):
        return None


def _tidy(name: str) -> None:
    """Remove what a running instance has, and keep its log."""
    for leftover in ("record.json", "record.new", "app.bundle"):
        (home_of(name) / leftover).unlink(missing_ok=True)
    socket_of(name).unlink(missing_ok=True)
    shutil.rmtree(home_of(name) / "work", ignore_errors=True)


def _is_held(name: str) -> bool:
    try:
        handle = os.open(home_of(name) / "lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _lock(handle, fcntl.LOCK_SH)
    finally:
        os.close(handle)


def _lock(handle: int, kind: int, patience: float = 0.0) -> bool:
    """Try for `patience` seconds: somebody who only looks holds a shared lock for a moment."""
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(0.02)
        else:
            return True


def _ends(name: str, patience: float) -> bool:
    end = time.monotonic() + patience
    while _is_held(name):
        if time.monotonic() >= end:
            return False
        time.sleep(0.02)
    return True
