# SPDX-License-Identifier: Apache-2.0
"""The same module in wasmtime: what WebAssembly says should happen."""

from __future__ import annotations

import wasmtime


class TrapError(Exception):
    """The module trapped."""


def answer(module: bytes, request: bytes) -> bytes:
    """What `handle` replies to `request`, without any imports. Raises TrapError."""
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    exports = wasmtime.Instance(store, wasmtime.Module(engine, module), []).exports(store)
    memory, alloc, handle = exports["memory"], exports["alloc"], exports["handle"]
    assert isinstance(memory, wasmtime.Memory)
    assert isinstance(alloc, wasmtime.Func)
    assert isinstance(handle, wasmtime.Func)
    try:
        at = alloc(store, len(request))
        memory.write(store, request, at)
        reply = handle(store, at, len(request)) & (1 << 64) - 1
        return bytes(memory.read(store, reply >> 32, (reply >> 32) + (reply & 0xFFFFFFFF)))
    except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
        raise TrapError(str(error)) from None
