# SPDX-License-Identifier: Apache-2.0
"""Where files of this user are kept: XDG base directories, for the user's eyes only."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from ttee.errors import UsageError


def state_dir() -> Path:
    """What outlives a login: device secrets, logs, records. `TTEE_STATE_DIR`, or `$XDG_STATE_HOME/ttee`."""
    if chosen := os.environ.get("TTEE_STATE_DIR"):
        return _private(Path(chosen))
    return _private(_xdg("XDG_STATE_HOME", Path.home() / ".local" / "state") / "ttee")


def runtime_dir() -> Path:
    """Sockets. `TTEE_RUNTIME_DIR`, or `$XDG_RUNTIME_DIR/ttee`, or one among the temporary files."""
    if chosen := os.environ.get("TTEE_RUNTIME_DIR"):
        return _private(Path(chosen))
    fallback = Path(tempfile.gettempdir()) / f"ttee-{os.getuid()}"
    if (base := os.environ.get("XDG_RUNTIME_DIR")) and Path(base).is_dir():
        fallback = Path(base) / "ttee"
    return _private(fallback)


def cache_dir() -> Path:
    """What can be had again: endorsements. `TTEE_CACHE_DIR`, or `$XDG_CACHE_HOME/ttee`."""
    if chosen := os.environ.get("TTEE_CACHE_DIR"):
        return _private(Path(chosen))
    return _private(_xdg("XDG_CACHE_HOME", Path.home() / ".cache") / "ttee")


def endorsements_dir() -> Path:
    """Where answers of endorsement services are kept."""
    return _private(cache_dir() / "endorsements")


def tee_state_dir(tee: str) -> Path:
    """Where a TEE keeps what outlives its instances, such as the secret of this machine's device."""
    return _private(state_dir() / "tee" / tee)


def _xdg(variable: str, default: Path) -> Path:
    """The base directory specification: relative paths are invalid and count as unset."""
    value = os.environ.get(variable, "")
    return Path(value) if value.startswith("/") else default


def _private(path: Path) -> Path:
    """Make the folder if need be, with mode 0700. Raises UsageError if it may be somebody else's."""
    path = path.absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise UsageError(
                "this folder belongs to somebody else, or is none", where=str(path), hint="name another one"
            )
        if stat.S_IMODE(found.st_mode) & 0o077:
            path.chmod(0o700)
    except OSError as problem:
        raise UsageError(
            f"cannot use the folder: {problem.strerror}",
            where=str(path),
            hint="TTEE_STATE_DIR, TTEE_RUNTIME_DIR and TTEE_CACHE_DIR name others",
        ) from None
    return path
