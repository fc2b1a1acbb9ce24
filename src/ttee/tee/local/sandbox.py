# SPDX-License-Identifier: Apache-2.0
"""One app in wasmtime: bounded memory, stack and fuel; its imports lead to the guest services, nowhere else."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import wasmtime
from wasmtime import TrapCode

from ttee.app.abi import IMPORTS, INITIALIZE, MODULE
from ttee.codec.printable import printable
from ttee.errors import AppTrappedError, ModuleError
from ttee.guest.abi import TrapError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ttee.app.bundle import Limits
    from ttee.app.wasm import FunctionType
    from ttee.guest.abi import Services

SMALLEST_STACK: Final = 64 << 10
"""Bytes; wasmtime's own frames need some."""

_REASONS: Final = {
    TrapCode.STACK_OVERFLOW: "stack overflow",
    TrapCode.MEMORY_OUT_OF_BOUNDS: "out of bounds",
    TrapCode.TABLE_OUT_OF_BOUNDS: "out of bounds",
    TrapCode.INDIRECT_CALL_TO_NULL: "call through a wrong type or an empty entry",
    TrapCode.BAD_SIGNATURE: "call through a wrong type or an empty entry",
    TrapCode.INTEGER_OVERFLOW: "integer overflow",
    TrapCode.INTEGER_DIVISION_BY_ZERO: "division by zero",
    TrapCode.BAD_CONVERSION_TO_INTEGER: "no integer for this number",
    TrapCode.UNREACHABLE: "unreachable code",
}
_U32: Final = 0xFFFFFFFF
_U64: Final = 0xFFFFFFFFFFFFFFFF


class Sandbox:
    """An instance of a module that keeps to the ABI. The app's own faults raise AppTrappedError."""

    def __init__(
        self, module: bytes, limits: Limits, services: Callable[[Sandbox], Services], *, fuel: int
    ) -> None:
        """Compile; `services` makes the imports over this app's memory. Raises ModuleError."""
        self._fuel = fuel
        self._store = wasmtime.Store(wasmtime.Engine(_config(limits)))
        self._store.set_limits(memory_size=limits.memory, instances=1, tables=1, memories=1)
        try:
            self._module = wasmtime.Module(self._store.engine, module)
        except wasmtime.WasmtimeError as problem:
            raise ModuleError(
                f"the module is not valid: {_plain(problem)}",
                where="module",
                hint="no engine runs it: report it to the makers of its compiler",
            ) from None
        self._linker = wasmtime.Linker(self._store.engine)
        imports = services(self)
        for name, kind in IMPORTS.items():
            self._linker.define_func(MODULE, name, _function_type(kind), getattr(imports, name))
        self._exports: Any = {}

    def start(self) -> None:
        """Instantiate, and call `_initialize` if there is one."""
        with self._running():
            self._exports = self._linker.instantiate(self._store, self._module).exports(self._store)
            if INITIALIZE in self._exports:
                self._exports[INITIALIZE](self._store)

    def alloc(self, size: int) -> int:
        """Room for a request: its address, or 0."""
        with self._running():
            return int(self._exports["alloc"](self._store, size)) & _U32

    def handle(self, address: int, length: int) -> int:
        """The app's answer, as the ABI packs it: unsigned, 64 bits. Burns of what `alloc` has left."""
        with self._running(refuel=False):
            return int(self._exports["handle"](self._store, address, length)) & _U64

    def check(self, address: int, length: int) -> None:
        """Raise TrapError for a range that leaves linear memory."""
        if address + length > self._exports["memory"].data_len(self._store):
            raise TrapError("out of bounds")

    def read(self, address: int, length: int) -> bytes:
        """The bytes of a range that was checked."""
        return bytes(self._exports["memory"].read(self._store, address, address + length))

    def write(self, address: int, data: bytes) -> None:
        """Set a range that was checked."""
        if data:
            self._exports["memory"].write(self._store, data, address)

    @contextmanager
    def _running(self, *, refuel: bool = True) -> Iterator[None]:
        if refuel:
            self._store.set_fuel(self._fuel)
        try:
            yield
        except wasmtime.Trap as trap:
            if trap.trap_code is TrapCode.OUT_OF_FUEL:
                raise AppTrappedError(
                    f"the app was ended: out of fuel; one request may burn {self._fuel}",
                    hint="does it loop for ever? If it needs more, launch it with more fuel",
                ) from None
            code = trap.trap_code
            raise trapped(_REASONS.get(code, code.name.lower()) if code else _plain(trap)) from None
        except wasmtime.WasmtimeError as problem:
            raise trapped(_plain(problem)) from None
        except TrapError as problem:
            raise trapped(str(problem)) from None


def trapped(reason: str) -> AppTrappedError:
    """What to raise when the app broke the rules."""
    return AppTrappedError(
        f"the app was ended: trap: {reason}",
        hint="mend the app and start it again; its state is gone",
        source="docs/spec/app-abi.md",
    )


def _config(limits: Limits) -> wasmtime.Config:
    """Deterministic, single-threaded, and with no feature that apps cannot use anyway."""
    config = wasmtime.Config()
    config.consume_fuel = True
    config.max_wasm_stack = max(limits.stack, SMALLEST_STACK)
    config.memory_reservation = limits.memory
    config.memory_guard_size = 0
    config.cranelift_nan_canonicalization = True
    config.parallel_compilation = False
    for feature in (
        "gc",
        "function_references",
        "exceptions",
        "tail_call",
        "threads",
        "memory64",
        "multi_memory",
    ):
        setattr(config, f"wasm_{feature}", False)
    config.wasm_relaxed_simd = False
    config.wasm_simd = False
    return config


def _function_type(kind: FunctionType) -> wasmtime.FuncType:
    types = {"i32": wasmtime.ValType.i32, "i64": wasmtime.ValType.i64}
    return wasmtime.FuncType(
        [types[name]() for name in kind.params], [types[name]() for name in kind.results]
    )


def _plain(problem: Exception) -> str:
    """The first line of the engine's words, fit for a terminal."""
    line = next(iter(str(problem).strip().splitlines()), type(problem).__name__)
    return printable(line[:300])
