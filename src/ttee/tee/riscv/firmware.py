# SPDX-License-Identifier: Apache-2.0
"""Builds the boot ROM, the monitor and the host from source, the same bytes everywhere, and keeps them in a cache.

I/O: reads the sources, runs the compiler, writes to the user's cache folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from ttee.errors import TeeError
from ttee.tee.riscv import toolchain
from ttee.tee.riscv.measure import monitor_hash, padded
from ttee.tee.riscv.sources import firmware_sources

MONITOR_SVN = 1
"""The monitor's security version: raised whenever a flaw is mended that an older monitor has."""

FLAGS = (
    "-Iinclude",
    f"-DMONITOR_SVN={MONITOR_SVN}",
    *("-Wconversion", "-Wshadow", "-Wstrict-prototypes", "-Wvla"),
    *("-fsanitize=undefined", "-fsanitize-trap=undefined"),  # undefined behaviour ends the machine
)
"""How all C of the firmware is compiled, beyond what the toolchain says for every program."""

_ROOMS = ("boot", "crypto", "host", "include", "lib", "monitor")
_IMAGES = {"boot": 0x2000_0000, "monitor": 0x8000_0000, "host": 0x8040_0000}


@frozen(slots=True)
class Firmware:
    """The images of one build. `monitor` is padded to whole pages, as it is measured."""

    boot: bytes
    monitor: bytes
    host: bytes
    monitor_svn: int = MONITOR_SVN

    @property
    def monitor_hash(self) -> bytes:
        """What the boot ROM will find when it measures the monitor: 64 bytes."""
        return monitor_hash(self.monitor)


def build_firmware(sources: Path | None = None, *, cache: Path | None = None) -> Firmware:
    """The firmware of `sources` (default: this installation's), built now or by an earlier call.

    Safe when several processes build at once. Raises TeeError when the compiler does, TeeUnavailableError without one.
    """
    sources = sources or firmware_sources()
    folder = (cache or cache_folder()) / "firmware" / _key(sources)
    try:
        if not folder.is_dir():
            with _lock(folder.with_suffix(".lock")):
                if not folder.is_dir():
                    _build_into(folder, sources)
        boot, monitor, host = ((folder / f"{name}.bin").read_bytes() for name in ("boot", "monitor", "host"))
    except OSError as error:
        hint = f"remove {folder}, or set XDG_CACHE_HOME to a folder that can be written"
        raise TeeError(f"the firmware cannot be kept: {error}", hint=hint) from error
    return Firmware(boot, monitor, host)


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/ttee`, by default `~/.cache/ttee`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "ttee"


def compile_firmware(sources: Path, scratch: Path) -> Firmware:
    """Build without a cache; `scratch` receives intermediate files. Raises TeeError."""
    crypto = scratch / "crypto.o"
    toolchain.zig_object("crypto/rom.zig", crypto, folder=sources)
    images = {}
    for name, base in _IMAGES.items():
        images[name] = toolchain.link(
            [*inputs(sources, name), *([crypto] if name == "boot" else [])],
            folder=sources,
            script=f"{name}/{name}.ld",
            base=base,
            scratch=scratch,
            flags=FLAGS,
        )
    return Firmware(boot=images["boot"], monitor=padded(images["monitor"]), host=images["host"])


def _build_into(folder: Path, sources: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="build-") as place:
        scratch, ready = Path(place, "scratch"), Path(place, "ready")
        scratch.mkdir()
        ready.mkdir()
        firmware = compile_firmware(sources, scratch)
        for name in _IMAGES:
            (ready / f"{name}.bin").write_bytes(getattr(firmware, name))
        ready.rename(folder)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def inputs(sources: Path, room: str) -> list[str]:
    """The assembly and C of one image, relative to `sources`, in the order in which they are linked."""
    files = [*sorted((sources / room).glob("*.S")), *sorted((sources / room).glob("*.c"))]
    return [*(str(path.relative_to(sources)) for path in files), "lib/string.c"]


def _key(sources: Path) -> str:
    """A digest of everything that the images depend on."""
    digest = hashlib.sha256()
    parts = [
        toolchain.compiler_version(),
        toolchain.CPU,
        toolchain.CRYPTO_CPU,
        *toolchain.C_FLAGS,
        *toolchain.ZIG_FLAGS,
        *FLAGS,
    ]
    for part in parts:
        digest.update(part.encode() + b"\0")
    for room in _ROOMS:
        for path in sorted(path for path in (sources / room).iterdir() if path.is_file()):
            content = path.read_bytes()
            digest.update(f"{room}/{path.name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:32]
