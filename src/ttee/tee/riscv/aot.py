# SPDX-License-Identifier: Apache-2.0
"""Ahead of time: an app's module becomes machine code, and so does the enclave runtime that serves it.

Both are flat images that run wherever the host puts them; the same input gives the same bytes in any folder.
Results are kept in the user's cache folder. docs/decisions/0010 says how the app is kept inside its memory.

I/O: runs wasm2c and Zig's compilers, writes to the cache folder and to a temporary one.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import struct
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from ttee.errors import ModuleError, TeeError
from ttee.tee.riscv import sections, toolchain, wasm2c
from ttee.tee.riscv.elf import flat_image
from ttee.tee.riscv.firmware import cache_folder
from ttee.tee.riscv.measure import padded
from ttee.tee.riscv.sources import firmware_sources

CPU: Final = "generic_rv64+m+a+c+zicsr+zba+zbb+unaligned_scalar_mem"
"""What the runtime and apps may use of the hart. WebAssembly allows unaligned accesses, so the hart must."""

MAX_FRAME: Final = 16384
"""Bytes of one function's stack frame; the guard below it (firmware/runtime/layout.h) takes more."""

IMAGE_FLAGS: Final = (
    "-target",
    "riscv64-freestanding-none",
    f"-mcpu={CPU}",
    "-std=c17",
    "-O2",
    "-ffreestanding",
    "-fPIE",
    "-pie",
    "-fvisibility=hidden",
    "-fomit-frame-pointer",
    "-mcmodel=medany",
    "-ffunction-sections",
    "-fdata-sections",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
    "-g0",
    "-Wl,--gc-sections",
    "-Wl,--strip-all",
    "-Wl,--entry=start",
)
_RUNTIME_FLAGS: Final = ("-Wall", "-Wextra", "-Werror")
_APP_FLAGS: Final = (
    "-fno-strict-aliasing",
    "-ffp-contract=off",
    "-Wno-everything",
    "-Werror",
    f"-Wframe-larger-than={MAX_FRAME}",
)
_CRYPTO_FLAGS: Final = ("-fPIC",)
_MAX_C: Final = 64 << 20
_LIMITS: Final = ("--cpu=400", f"--as={8 << 30}", f"--fsize={256 << 20}", "--core=0")
"""For the compiler, when it compiles what came from a stranger's module."""
_MODULE_AT_FAULT: Final = re.compile(
    r"(module\.[ch]|instance\.c|wasm\.h):\d+.* error: |ld\.lld: error: undefined"
)
_SOURCE: Final = "docs/spec/app-abi.md"


def build_runtime(sources: Path | None = None, *, cache: Path | None = None) -> bytes:
    """The enclave runtime of `sources` (default: this installation's), in whole pages.

    Raises TeeError when the compiler does, TeeUnavailableError without one.
    """
    sources = sources or firmware_sources()
    parts = [*_RUNTIME_FLAGS, *_CRYPTO_FLAGS, *toolchain.ZIG_FLAGS]
    return _kept("runtime", _key(sources, parts), cache, lambda: compile_runtime(sources))


def compile_app(module: bytes, *, sources: Path | None = None, cache: Path | None = None) -> bytes:
    """The app image of a WebAssembly module, in whole pages: machine code, data, and room for its variables.

    Raises ModuleError for a module that is malformed, breaks the app ABI or is more than the compiler takes;
    TeeUnavailableError without wasm2c or the cross compiler.
    """
    sources = sources or firmware_sources()
    parts = [*_APP_FLAGS, wasm2c.version(), hashlib.sha256(module).hexdigest()]
    return _kept("app", _key(sources, parts), cache, lambda: translate_and_link(module, sources))


def compile_runtime(sources: Path) -> bytes:
    """As `build_runtime`, without the cache."""
    with _scratch() as scratch:
        crypto = scratch / "crypto.o"
        toolchain.run_zig(
            [
                "build-obj",
                *toolchain.ZIG_FLAGS,
                *_CRYPTO_FLAGS,
                f"-mcpu={CPU}",
                f"-femit-bin={crypto}",
                "crypto/runtime.zig",
            ],
            folder=sources,
            scratch=scratch,
        )
        files = sorted(path.name for path in (sources / "runtime").iterdir() if path.suffix in {".S", ".c"})
        inputs: list[str | Path] = [*(f"runtime/{name}" for name in files), crypto]
        return _link(inputs, "runtime/image.ld", _RUNTIME_FLAGS, folder=sources, scratch=scratch)


def translate_and_link(module: bytes, sources: Path, *, flags: Sequence[str] = ()) -> bytes:
    """As `compile_app`, without the cache; `flags` go to the C compiler."""
    translation = wasm2c.translate(module)
    if len(translation.body) > _MAX_C:
        raise ModuleError(
            f"the module becomes more than {_MAX_C} bytes of C", where="module", hint="make it smaller"
        )
    with _scratch() as scratch:
        (scratch / "module.h").write_text(translation.header, "ascii")
        (scratch / "module.c").write_text(source_of(translation), "ascii")
        app = sources / "runtime" / "app"
        try:
            image = _link(
                ["module.c", app / "divide.c", app / "header.S"],
                sources / "runtime" / "image.ld",
                [*_APP_FLAGS, f"-I{app}", "-I.", *flags],
                folder=scratch,
                scratch=scratch,
                limits=_LIMITS,
            )
        except TeeError as error:
            raise _explained(error, (scratch, sources)) from None
    if struct.unpack_from("<8sI", image) != (b"TTEEAPP1", len(image)):
        raise TeeError("the app image has a wrong header", where="app image, offset 0")
    return image


def source_of(translation: wasm2c.Translation) -> str:
    """The C of an app: what must be known of the module in advance, the module, and its one instance."""
    module = translation.module
    defines = [f"#define TTEE_TABLE_ENTRIES {module.table_entries}u"]
    if module.imports:
        defines.append("#define TTEE_IMPORTS")
    if module.initializes:
        defines.append("#define TTEE_INITIALIZE")
    types = ", ".join(map(str, module.type_numbers))
    return "\n".join(
        [
            *defines,
            '#include "wasm-rt.h"',
            f"static const uint32_t wasm_types[] = {{{types}, 0}};",
            '#include "wasm.h"',
            '#include "module.h"',
            translation.body,
            '#include "instance.c"\n',
        ]
    )


def link_image(inputs: Iterable[Path], script: Path, flags: Sequence[str] = ()) -> bytes:
    """Compile and link other code as apps are; for measurements and tests. Raises TeeError."""
    with _scratch() as scratch:
        return _link(inputs, script, flags, folder=scratch, scratch=scratch)


def _link(
    inputs: Iterable[str | Path],
    script: str | Path,
    flags: Sequence[str],
    *,
    folder: Path,
    scratch: Path,
    limits: Sequence[str] = (),
) -> bytes:
    elf = scratch / "image.elf"
    arguments = ["cc", *IMAGE_FLAGS, *flags, "-T", str(script), *map(str, inputs), "-o", str(elf)]
    toolchain.run_zig(arguments, folder=folder, scratch=scratch, limits=limits)
    return padded(flat_image(elf.read_bytes(), 0, relocates_itself=True))


def _explained(error: TeeError, folders: Iterable[Path]) -> TeeError | ModuleError:
    """The module's fault, where the compiler says so; without the names of our folders."""
    said = error.message
    for folder in folders:
        said = said.replace(f"{folder}/", "")
    lines = [line for line in said.splitlines() if _MODULE_AT_FAULT.search(line)]
    if not lines:
        return TeeError(said, where=error.where, hint=error.hint)
    if any("stack frame size" in line for line in lines):
        return ModuleError(
            f"a function of the module needs more than {MAX_FRAME} bytes of stack for itself",
            where="module, code section",
            hint="split it, or give it fewer variables",
        )
    shown = "; ".join(re.sub(r"[^ -~]", "?", line)[:200] for line in lines[:3])
    return ModuleError(f"the module does not fit the app ABI: {shown}", where="module", source=_SOURCE)


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ttee-aot-") as place:
        yield Path(place)


def _kept(kind: str, key: str, cache: Path | None, make: Callable[[], bytes]) -> bytes:
    """What `make` returns, from the cache if it was made before. Two that make it at once make the same."""
    path = (cache or cache_folder()) / kind / f"{key}.bin"
    with contextlib.suppress(OSError):
        return path.read_bytes()
    image = make()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix="new-") as place:
            ready = Path(place, path.name)
            ready.write_bytes(image)
            ready.replace(path)
    except OSError as error:
        raise TeeError(
            f"the {kind} image cannot be kept: {error}", hint="set XDG_CACHE_HOME to a writable folder"
        ) from error
    return image


def _key(sources: Path, parts: Iterable[str]) -> str:
    """A digest of everything that an image depends on."""
    digest = hashlib.sha256()
    for part in (toolchain.compiler_version(), *IMAGE_FLAGS, *parts):
        digest.update(part.encode() + b"\0")
    ours = [Path(str(module.__file__)) for module in (sections, wasm2c)] + [Path(__file__)]
    files = sorted(path for path in (sources / "runtime").rglob("*") if path.is_file())
    for path in (*files, sources / "crypto" / "runtime.zig", *ours):
        content = path.read_bytes()
        digest.update(f"{path.name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:32]
