# SPDX-License-Identifier: Apache-2.0
"""The compiler for apps: C and Zig to WebAssembly, by the `ziglang` wheel. I/O: runs it.

It runs in the app folder, with names relative to it, and writes to a scratch directory only; nothing of the place
or the time gets into the module.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ttee.codec.printable import printable
from ttee.errors import BuildError, TeeUnavailableError

if TYPE_CHECKING:
    from ttee.app.bundle import Limits

SOURCE: Final = "docs/spec/app.md"
SDK: Final = Path(__file__).parent / "sdk"
"""Where ttee.h and ttee.zig are."""

_CPU: Final = "mvp+bulk_memory+bulk_memory_opt+multivalue+mutable_globals+nontrapping_fptoint+sign_ext"
"""Every feature that each TEE's compiler takes, and no other."""
_TIMEOUT: Final = 300.0
_MAX_MESSAGES: Final = 8000
_ENVIRONMENT: Final = ("PATH", "HOME", "XDG_CACHE_HOME", "ZIG_GLOBAL_CACHE_DIR", "TMPDIR")
"""What the compiler sees of the environment: nothing that changes its output."""
_CACHE_PATH = re.compile(r"[^\s:]*/o/[0-9a-f]{32}/")
_LINE_ENDS = re.compile(r"\\\r?\n")
_NAME = re.compile(r"(?:\\.|[^\s\\])+")
# Comments and strings of Zig, so that their words do not count; then words.
_ZIG_TOKEN = re.compile(r"""//[^\n]*|\\\\[^\n]*|@?"(?:[^"\\\n]|\\.)*+"?|'(?:[^'\\\n]|\\.)*+'?|@?\w+""")
_NOT_ZIG = frozenset({"asm", "@cImport", "@cInclude"})


def compile_app(folder: Path, source: str, limits: Limits) -> tuple[bytes, str]:
    """The module of `source`, named relative to `folder`, and what the compiler had to say.

    Raises BuildError with the compiler's message, TeeUnavailableError without a compiler.
    """
    if find_spec("ziglang") is None:
        raise TeeUnavailableError(
            "the compiler (ziglang) is not installed",
            hint="pip install 'ttee[build]'; or build a .wasm file, and name it as `module`",
        )
    with tempfile.TemporaryDirectory(prefix="ttee-build-") as scratch:
        output, dependencies = Path(scratch, "app.wasm"), Path(scratch, "app.d")
        if source.endswith(".zig"):
            _no_ways_out(folder)
            arguments = _zig_arguments(source, limits, output)
        else:
            arguments = _c_arguments(source, limits, output, dependencies)
        messages = _run(arguments, folder, scratch)
        if dependencies.exists():
            _check_dependencies(folder, dependencies.read_text(errors="surrogateescape"), source)
        return output.read_bytes(), messages


def _c_arguments(source: str, limits: Limits, output: Path, dependencies: Path) -> list[str]:
    return [
        *("cc", "-target", "wasm32-freestanding", f"-mcpu={_CPU}"),
        *("-std=c17", "-O2", "-ffreestanding", "-fvisibility=hidden", "-g0", "-s"),
        "-fno-gnu-inline-asm",  # .incbin reads any file, and tells nobody
        *("-Wall", "-Werror=date-time", "-isystem", str(SDK), "-MD", "-MF", str(dependencies)),
        *("-Wl,--no-entry", f"-Wl,-z,stack-size={limits.stack}", f"-Wl,--max-memory={limits.memory}"),
        *(f"./{source}", "-o", str(output)),
    ]


def _zig_arguments(source: str, limits: Limits, output: Path) -> list[str]:
    return [
        *("build-exe", "-target", "wasm32-freestanding", "-mcpu", _CPU, "-O", "ReleaseSafe", "-fstrip"),
        *("-fno-entry", "-rdynamic", "--stack", str(limits.stack), f"--max-memory={limits.memory}"),
        *("--dep", "ttee.zig", f"-Mroot=./{source}", f"-Mttee.zig={SDK / 'ttee.zig'}"),
        *("--color", "off", f"-femit-bin={output}"),
    ]


def _run(arguments: list[str], folder: Path, scratch: str) -> str:
    make_cache_folder()
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "ziglang", *arguments],
            cwd=folder,
            env={**environment, "ZIG_LOCAL_CACHE_DIR": scratch, "LC_ALL": "C", "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BuildError(f"the compiler did not finish within {_TIMEOUT:.0f} s", where=str(folder)) from None
    messages = _readable(done.stderr.decode(errors="replace"))
    if done.returncode:
        raise BuildError(
            f"the compiler refused the app:\n{messages}", where=str(folder), hint=_hint_about(messages)
        )
    return messages


def make_cache_folder() -> None:
    """Make the folder in which Zig keeps what builds share; where it cannot, it may try for ever.

    Raises TeeUnavailableError.
    """
    chosen, base = os.environ.get("ZIG_GLOBAL_CACHE_DIR"), os.environ.get("XDG_CACHE_HOME")
    place = Path(chosen) if chosen else (Path(base) if base else Path.home() / ".cache") / "zig"
    try:
        place.mkdir(parents=True, exist_ok=True)
        why = "" if os.access(place, os.W_OK | os.X_OK) else "Permission denied"
    except OSError as problem:
        why = problem.strerror or type(problem).__name__
    if why:
        raise TeeUnavailableError(
            f"the compiler has nowhere to keep its cache: {why}",
            where=str(place),
            hint="set XDG_CACHE_HOME to a folder that can be written",
        )


def _readable(messages: str) -> str:
    """The compiler's messages without control characters, or paths that are not the app's."""
    shown = _CACHE_PATH.sub("", messages.replace(f"{SDK}/", ""))
    shown = re.sub(r"(?m)(^| )\./", r"\1", shown)
    shown = printable(shown.replace("\t", " "), keep="\n")
    return shown.strip()[:_MAX_MESSAGES]


def _hint_about(messages: str) -> str:
    if "memory too small" in messages:
        return "raise limits.memory in ttee.toml, or use less: its stack and data do not fit"
    if "undefined symbol" in messages:
        return "apps have no C library: write the function, or use what ttee.h has"
    return "mend the source, then build again"


def _check_dependencies(folder: Path, listed: str, source: str) -> None:
    """Refuse files from elsewhere: with them, the folder alone would not give the same bundle."""
    spec = find_spec("ziglang")
    homes = [folder.resolve(), SDK.resolve()]
    homes += [Path(place).resolve() for place in (spec.submodule_search_locations or [])] if spec else []
    _, _, names = _LINE_ENDS.sub(" ", listed).partition(": ")
    for found in _NAME.findall(names):
        name = re.sub(r"\\(.)", r"\1", found).replace("$$", "$")
        path = (folder / name).resolve()
        if not any(path.is_relative_to(home) for home in homes):
            raise outside(name, source)


def _no_ways_out(folder: Path) -> None:
    """Zig refuses names that lead out of the folder; but it follows links, and its assembly (.incbin) and C do not."""
    home = folder.resolve()
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place, name)
            if path.is_symlink() and not path.resolve().is_relative_to(home):
                raise outside(str(path.relative_to(folder)), str(folder))
            if path.suffix == ".zig" and path.is_file():
                _only_zig(path, str(path.relative_to(folder)))


def _only_zig(path: Path, name: str) -> None:
    text = path.read_text(errors="replace")
    for found in _ZIG_TOKEN.finditer(text):
        if found[0] in _NOT_ZIG:
            raise BuildError(
                f"{found[0]} is not for apps: what it reads need not be in the app folder",
                where=f"{name}:{text.count(chr(10), 0, found.start()) + 1}",
                hint="write it in Zig",
                source=SOURCE,
            )


def outside(name: str, where: str) -> BuildError:
    """What to raise about a file that the app folder does not contain."""
    return BuildError(
        f"{name} is outside the app folder",
        where=where,
        hint="copy it into the folder: the folder alone must give the bundle",
        source=SOURCE,
    )
