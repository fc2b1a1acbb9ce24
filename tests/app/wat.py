# SPDX-License-Identifier: Apache-2.0
"""Modules for tests, written as text."""

from __future__ import annotations

import wasmtime

ECHO = """
(module
  (memory (export "memory") 1 2)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "handle") (param $at i32) (param $length i32) (result i64)
    (i64.or
      (i64.shl (i64.extend_i32_u (local.get $at)) (i64.const 32))
      (i64.extend_i32_u (local.get $length)))))
"""
"""Answers with the request."""


def module(text: str) -> bytes:
    """The binary form of `text`."""
    return bytes(wasmtime.wat2wasm(text))


def app(body: str, *, handle: str = "(i64.const 0)", memory: str = "1 2") -> bytes:
    """An app whose `handle` (locals: $at, $length) does `handle`, beside the declarations in `body`."""
    imports = "".join(line for line in body.splitlines(keepends=True) if "(import" in line)
    others = "".join(line for line in body.splitlines(keepends=True) if "(import" not in line)
    return module(
        f"""(module {imports}
          (memory (export "memory") {memory})
          (func (export "alloc") (param i32) (result i32) (i32.const 1024))
          (func (export "handle") (param $at i32) (param $length i32) (result i64) {handle})
          {others})"""
    )
