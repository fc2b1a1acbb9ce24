# SPDX-License-Identifier: Apache-2.0
"""The cross toolchain: Zig's compilers from the `ziglang` wheel, told to build the same bytes in any directory.

All inputs are named relative to the folder they are compiled in, and nothing of the build's place or time gets into
the flat images. I/O: runs the compiler.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from ttee.app.compiler import make_cache_folder
from ttee.errors import TeeError, TeeUnavailableError
from ttee.tee.riscv.elf import flat_image

CPU = "generic_rv64+m+a+c+zicsr+zifencei"
"""What the C of the boot ROM, the monitor and the host may use of the hart."""

CRYPTO_CPU = f"{CPU}+zba+zbb+unaligned_scalar_mem"
"""What the ROM's cryptography may use, too: SHA-3 takes a third fewer instructions with rotations and and-not."""

C_FLAGS = (
    "-target",
    "riscv64-freestanding-none",
    "-std=c17",
    "-O2",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-ffreestanding",
    "-fno-pic",
    "-mcmodel=medany",
    "-nostdlib",
    "-static",
    "-ffunction-sections",
    "-fdata-sections",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
    "-g0",
    "-Wl,--gc-sections",
    "-Wl,--strip-all",
)
ZIG_FLAGS = (
    "-target",
    "riscv64-freestanding-none",
    "-O",
    "ReleaseSafe",
    "-fstrip",
    "-mcmodel=medany",
    "-fno-stack-check",
    "-fno-unwind-tables",
    "-ffunction-sections",
    "-fdata-sections",
)
_STEERING = frozenset({"CPATH", "ZIG_LIB_DIR"})
"""Variables that put other headers before the compiler's own: what is measured must not depend on them."""
_TIMEOUT = 600.0


@cache
def compiler_version() -> str:
    """The version of the `ziglang` wheel. Raises TeeUnavailableError when it is not installed."""
    if find_spec("ziglang") is None:
        raise TeeUnavailableError(
            "the cross compiler (ziglang) is not installed", hint="pip install 'ttee[riscv]'"
        )
    return metadata.version("ziglang")


def zig_object(source: str, output: Path, *, folder: Path, cpu: str = CRYPTO_CPU) -> None:
    """Compile one Zig file, `source` relative to `folder`, into an object. Raises TeeError."""
    arguments = ["build-obj", *ZIG_FLAGS, f"-mcpu={cpu}", f"-femit-bin={output}", source]
    run_zig(arguments, folder=folder, scratch=output.parent)


def link(
    inputs: Sequence[str | Path],
    *,
    folder: Path,
    script: str,
    base: int,
    scratch: Path,
    cpu: str = CPU,
    flags: Sequence[str] = (),
) -> bytes:
    """Compile C and assembly (relative to `folder`), link them with objects, and return the flat image.

    `script` is the linker script, relative to `folder`; the image starts and is entered at `base`. Raises TeeError.
    """
    elf = link_elf(inputs, folder=folder, script=script, scratch=scratch, cpu=cpu, flags=flags)
    return flat_image(elf, base)


def link_elf(
    inputs: Sequence[str | Path],
    *,
    folder: Path,
    script: str,
    scratch: Path,
    cpu: str = CPU,
    flags: Sequence[str] = (),
    symbols: bool = False,
) -> bytes:
    """The same, as ELF; with the names of functions and variables, which change no other byte, if asked for."""
    with tempfile.TemporaryDirectory(dir=scratch) as place:
        output = Path(place, "image.elf")
        common = [flag for flag in C_FLAGS if not (symbols and flag == "-Wl,--strip-all")]
        arguments = [
            "cc",
            *common,
            f"-mcpu={cpu}",
            *flags,
            "-T",
            script,
            *map(str, inputs),
            "-o",
            str(output),
        ]
        run_zig(arguments, folder=folder, scratch=scratch)
        return output.read_bytes()


def run_zig(arguments: Sequence[str], *, folder: Path, scratch: Path, limits: Sequence[str] = ()) -> None:
    """Run one of Zig's compilers in `folder`; `scratch` keeps its cache. Raises TeeError with what it said.

    `limits`: options of prlimit(1) to run it under, for code that comes from strangers.
    """
    compiler_version()
    make_cache_folder()
    under = ["prlimit", *limits, "--"] if limits else []
    environment = {name: value for name, value in os.environ.items() if name not in _STEERING}
    environment["ZIG_LOCAL_CACHE_DIR"] = str(scratch / "zig-cache")
    try:
        done = subprocess.run(
            [*under, sys.executable, "-m", "ziglang", *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TeeError(f"the cross compiler did not finish: {error}") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()[-4000:]
        raise TeeError(
            f"the cross compiler failed with status {done.returncode}:\n{said}", where=arguments[0]
        )
