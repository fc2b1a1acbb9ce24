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
    return _private(_xdg("XDG_STATE_HOME", ".local/state") / "ttee")


def runtime_dir() -> Path:
    """Sockets. `TTEE_RUNTIME_DIR`, or `$XDG_RUNTIME_DIR/ttee`, or one among the temporary files."""
    if chosen := os.environ.get("TTEE_RUNTIME_DIR"):
        return _private(Path(chosen))
    fallback = Path(tempfile.gettempdir()) / f"ttee-{os.getuid()}"
    if (base := os.environ.get("XDG_RUNTIME_DIR")) and Path(base).is_dir():
        fallback = Path(base) / "ttee"
    return _private(fallback)


def endorsements_dir() -> Path:
    """Where answers of endorsement services are kept: in `TTEE_CACHE_DIR`, or `$XDG_CACHE_HOME/ttee`; not made here.

    What is in there is public, signed, and can be had again, so that the folder may be shared, or read-only.
    """
    if chosen := os.environ.get("TTEE_CACHE_DIR"):
        return Path(chosen).absolute() / "endorsements"
    return _xdg("XDG_CACHE_HOME", ".cache") / "ttee" / "endorsements"


def tee_state_dir(tee: str) -> Path:
    """Where a TEE keeps what outlives its instances, such as the secret of this machine's device."""
    return _private(state_dir() / "tee" / tee)


def _xdg(variable: str, default: str) -> Path:
    """The base directory specification: relative paths are invalid and count as unset. Raises UsageError."""
    value = os.environ.get(variable, "")
    if value.startswith("/"):
        return Path(value)
    try:
        return Path.home() / default
    except RuntimeError:  # no HOME, and a user whom the system does not know
        raise UsageError(
            "this user has no home folder", where=variable, hint=f"set HOME, or {variable}"
        ) from None


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
            hint="TTEE_STATE_DIR and TTEE_RUNTIME_DIR name others",
        ) from None
    return path
