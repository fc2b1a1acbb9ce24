# SPDX-License-Identifier: Apache-2.0
"""Whether a module keeps to the app ABI, version 1 (docs/spec/app-abi.md), before it is bundled or run."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Final

from ttee.app.bundle import PAGE, Limits
from ttee.app.wasm import FunctionType, Import, Kind, Module, read_module
from ttee.errors import ModuleError

SOURCE: Final = "docs/spec/app-abi.md"
MODULE: Final = "ttee"
INITIALIZE: Final = "_initialize"


def _type(params: int, *results: str) -> FunctionType:
    return FunctionType(("i32",) * params, results)


IMPORTS: Final = {
    "random": _type(2),
    "log": _type(2),
    "extend": _type(4, "i32"),
    "derive_key": _type(3),
    "seal": _type(4, "i32"),
    "unseal": _type(4, "i32"),
    "report": _type(4, "i32"),
}
"""What a module may import from `ttee`."""

EXPORTS: Final = {"alloc": _type(1, "i32"), "handle": _type(2, "i64")}
"""What a module must export, beside `memory`."""


def check_module(data: bytes, limits: Limits) -> Module:
    """The structure of an app's module. Raises ModuleError with the import, export or limit that is wrong."""
    module = read_module(data)
    for wanted in module.imports:
        _check_import(wanted)
    for name, expected in EXPORTS.items():
        _check_function(module, name, expected)
    if INITIALIZE in module.exports:
        _check_function(module, INITIALIZE, _type(0))
    if module.start is not None:
        raise _refused("it has a start function", module.start, f"export it as `{INITIALIZE}` instead")
    _check_memory(module, limits)
    return module


def _check_import(wanted: Import) -> None:
    name = f"{wanted.module[:64]!r} {wanted.name[:64]!r}"
    if wanted.module != MODULE:
        hint = f"apps may import from {MODULE!r} only: {', '.join(IMPORTS)}"
        if wanted.module.startswith("wasi"):
            hint += "; build for wasm32-freestanding (wasm32-unknown-unknown), without a C library"
        raise _refused(f"it imports {name}", wanted.offset, hint)
    if wanted.name not in IMPORTS:
        near = get_close_matches(wanted.name, IMPORTS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(IMPORTS)}"
        raise _refused(f"it imports {name}, which is not in the ABI", wanted.offset, hint)
    if wanted.kind is not Kind.FUNCTION:
        raise _refused(
            f"it imports {name} as a {wanted.kind.name.lower()}", wanted.offset, "it is a function"
        )
    if wanted.type != IMPORTS[wanted.name]:
        raise _refused(
            f"it imports {name} with the type {wanted.type}",
            wanted.offset,
            f"the type is {IMPORTS[wanted.name]}",
        )


def _check_function(module: Module, name: str, expected: FunctionType) -> None:
    export = module.exports.get(name)
    if export is None:
        hint = "TTEE_HANDLE of ttee.h, or ttee.app of ttee.zig, makes the exports"
        raise _refused(f"it exports no function {name!r} of the type {expected}", None, hint)
    if export.type != expected:
        found = f"with the type {export.type}" if export.type else f"as a {export.kind.name.lower()}"
        raise _refused(f"it exports {name!r} {found}", export.offset, f"the type is {expected}")


def _check_memory(module: Module, limits: Limits) -> None:
    export = module.exports.get("memory")
    if module.memory is None or export is None or export.kind is not Kind.MEMORY:
        raise _refused(
            "it does not export its memory as 'memory'", None, "linkers do so unless told otherwise"
        )
    pages, where = limits.memory // PAGE, module.memory.offset
    hint = f"link it with --max-memory={limits.memory}, or change limits.memory in ttee.toml"
    if module.memory.maximum is None:
        raise _refused("its memory has no maximum", where, hint)
    if module.memory.minimum > pages:
        raise _refused(
            f"it starts with {module.memory.minimum} pages of memory; limits.memory allows {pages}",
            where,
            "raise limits.memory in ttee.toml",
        )
    if module.memory.maximum > pages:
        message = f"its memory may grow to {module.memory.maximum} pages; limits.memory allows {pages}"
        raise _refused(message, where, hint)


def _refused(message: str, offset: int | None, hint: str) -> ModuleError:
    where = "module" if offset is None else f"module, byte {offset}"
    return ModuleError(f"the module is no app: {message}", where=where, hint=hint, source=SOURCE)
