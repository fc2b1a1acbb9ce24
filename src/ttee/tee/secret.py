# SPDX-License-Identifier: Apache-2.0
"""A machine's own device secret: made once, kept in one file, and never shown.

I/O: reads and writes `device-secret` in a folder of the user's, one folder for each TEE.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import tempfile
from pathlib import Path
from typing import Final

from ttee.errors import TeeError

SECRET_SIZE: Final = 32
_FILE: Final = "device-secret"


def device_secret(state: Path) -> bytes:
    """The device secret in the folder `state`, made now if there is none. Raises TeeError if it is not usable."""
    path = state / _FILE
    try:
        with contextlib.suppress(FileNotFoundError):
            return _read(path)
        _make(path)
        return _read(path)
    except OSError as problem:
        raise TeeError(f"the device secret cannot be kept: {problem.strerror}", where=str(path)) from None


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        secret = file.read(SECRET_SIZE + 1)
    if stat.S_IMODE(mode) & 0o077:
        raise TeeError(
            "others can read the device secret, so anybody may hold it",
            where=str(path),
            hint="remove the file: the next start makes a new device, whose key policies must then pin",
        )
    if len(secret) != SECRET_SIZE:
        raise TeeError(
            f"the device secret has {len(secret)} bytes, not {SECRET_SIZE}",
            where=str(path),
            hint="restore it, or remove it to get a new device",
        )
    return secret


def _make(path: Path) -> None:
    """Write the file whole, then give it its name, unless somebody else did so first."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".device-") as file:  # mode 0600
        file.write(secrets.token_bytes(SECRET_SIZE))
        file.flush()
        os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(file.name)
