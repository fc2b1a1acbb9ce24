# SPDX-License-Identifier: Apache-2.0
"""From a WebAssembly module to C, through wasm2c of the WebAssembly Binary Toolkit (Debian: wabt 1.0.32).

Modules come from strangers. wasm2c copies names into its output unescaped, so every name that is not ours is
taken out first; it runs within limits of time, memory and output; and of what it writes only the module's own
part is used: the preamble above it, which gives instructions their meaning, is ours (runtime/app/wasm.h).

I/O: runs wasm2c in a temporary folder.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

from attrs import frozen

from ttee.codec.printable import printable
from ttee.errors import ModuleError, TeeError, TeeUnavailableError
from ttee.tee.riscv.sections import Stripped, strip

VERSION: Final = "1.0.32"

_PREAMBLE_END: Final = "static bool s_module_initialized = false;\n"
_PREAMBLE_SHA256: Final = "b00ae1a3d2f037728dbc273d22e4e26f9fcce55ca1703c34526a03bc09aee686"
_LIMITS: Final = ("--cpu=30", f"--as={2 << 30}", f"--fsize={64 << 20}", "--core=0", "--nproc=4096")
_TIMEOUT: Final = 60.0
_GROWS: Final = "wasm_rt_grow_memory("
_FUNCTION_BEGINS: Final = "FUNC_PROLOGUE;"
_CALL: Final = re.compile(r"\bw2c_\w+\(instance\b|\bCALL_INDIRECT\(|\bwasm_rt_grow_memory\(")
_HINT: Final = "apt-get install wabt"


@frozen(slots=True)
class Translation:
    """A module in C: `header` declares its imports and exports, `body` is its functions and data."""

    header: str
    body: str
    module: Stripped


@cache
def version() -> str:
    """wasm2c's version. Raises TeeUnavailableError when it is missing, or another than the one we know."""
    if shutil.which("wasm2c") is None or shutil.which("prlimit") is None:
        raise TeeUnavailableError("wasm2c (Debian package wabt) is not installed", hint=_HINT)
    done = subprocess.run(
        ["wasm2c", "--version"], capture_output=True, text=True, timeout=_TIMEOUT, check=False
    )
    if done.stdout.strip() != VERSION:
        raise TeeUnavailableError(
            f"wasm2c is of version {done.stdout.strip()[:40]!r}, and only {VERSION} is known to us",
            hint=f"install the Debian package wabt {VERSION}",
        )
    return VERSION


def translate(module: bytes) -> Translation:
    """`module` in C. Raises ModuleError if it is malformed or breaks the app ABI, TeeUnavailableError."""
    version()
    stripped = strip(module)
    with tempfile.TemporaryDirectory(prefix="ttee-wasm2c-") as place:
        folder = Path(place)
        (folder / "module.wasm").write_bytes(stripped.module)
        _run(folder)
        header, source = ((folder / name).read_text("ascii") for name in ("module.h", "module.c"))
    preamble, end, body = source.partition(_PREAMBLE_END)
    if not end or hashlib.sha256(preamble.encode()).hexdigest() != _PREAMBLE_SHA256:
        raise TeeUnavailableError(
            f"this wasm2c {VERSION} writes other code than Debian's",
            hint=f"install the Debian package wabt {VERSION}",
        )
    return Translation(header, end + _following_memory(body), stripped)


def _following_memory(body: str) -> str:
    """Mark, in a module that grows, every call: behind it memory may be elsewhere (firmware/runtime/app/wasm.h)."""
    if _GROWS not in body:
        return body
    lines, inside = [], False
    for line in body.splitlines():
        inside = (inside or _FUNCTION_BEGINS in line) and not line.startswith("}")
        lines.append(f"{line} MEMORY_MAY_MOVE;" if inside and _CALL.search(line) else line)
    return "\n".join(lines)


def _run(folder: Path) -> None:
    command = ["wasm2c", "--no-debug-names", "-n", "app", "module.wasm", "-o", "module.c"]
    try:
        done = subprocess.run(
            ["prlimit", *_LIMITS, "--", *command],
            cwd=folder,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ModuleError(
            f"wasm2c did not finish within {_TIMEOUT:g} s", where="module", hint="make it smaller"
        ) from None
    except OSError as error:
        raise TeeError(f"wasm2c cannot be started: {error}", hint=_HINT) from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        how = signal.Signals(-done.returncode).name if done.returncode < 0 else f"status {done.returncode}"
        why = printable(said[0][:300]) if said else "it used up its limits"
        raise ModuleError(f"wasm2c cannot translate the module ({how}): {why}", where="module")
