# SPDX-License-Identifier: Apache-2.0
"""An app whose author is the attacker: one module with many attacks, chosen by the first word of a request.

A request is three u32: which attack, and its arguments $a and $b. An attack that returns answers with its
result, 8 bytes.
"""

from __future__ import annotations

import struct
from functools import cache

from tests.app.wat import module

PAGE = 65536
LOADS = {
    "i32.load8_s": 1, "i32.load8_u": 1, "i32.load16_s": 2, "i32.load16_u": 2, "i32.load": 4, "f32.load": 4,
    "i64.load8_s": 1, "i64.load8_u": 1, "i64.load16_s": 2, "i64.load16_u": 2, "i64.load32_s": 4,
    "i64.load32_u": 4, "i64.load": 8, "f64.load": 8,
}  # fmt: skip
STORES = {
    "i32.store8": 1, "i32.store16": 2, "i32.store": 4, "f32.store": 4, "i64.store8": 1, "i64.store16": 2,
    "i64.store32": 4, "i64.store": 8, "f64.store": 8,
}  # fmt: skip
FARTHEST = 4294967295
"""The largest offset that an instruction can carry."""

OFFSETS = {"": 0, " far": FARTHEST}


def _as_i64(name: str, expression: str) -> str:
    return {
        "i32": f"(i64.extend_i32_u {expression})",
        "i64": expression,
        "f32": f"(i64.extend_i32_u (i32.reinterpret_f32 {expression}))",
        "f64": f"(i64.reinterpret_f64 {expression})",
    }[name[:3]]


def _access(name: str, offset: int) -> str:
    where = f"{name} offset={offset}"
    if name in LOADS:
        return _as_i64(name, f"({where} (local.get $a))")
    return f"({where} (local.get $a) ({name[:3]}.const 1)) (i64.const 1)"


MEMORY_ACCESSES = {
    f"{name}{label}": _access(name, offset) for name in (*LOADS, *STORES) for label, offset in OFFSETS.items()
}

BULK = {
    "memory.fill": "(memory.fill (local.get $a) (i32.const 0xAA) (local.get $b)) (i64.const 1)",
    "memory.copy to": "(memory.copy (local.get $a) (i32.const 0) (local.get $b)) (i64.const 1)",
    "memory.copy from": "(memory.copy (i32.const 0) (local.get $a) (local.get $b)) (i64.const 1)",
    "memory.init to": "(memory.init $words (local.get $a) (i32.const 0) (local.get $b)) (i64.const 1)",
    "memory.init from": "(memory.init $words (i32.const 0) (local.get $a) (local.get $b)) (i64.const 1)",
}

IMPORTS = {
    "random": "(call $random (local.get $a) (local.get $b)) (i64.const 1)",
    "log": "(call $log (local.get $a) (local.get $b)) (i64.const 1)",
    "extend name": "(i64.extend_i32_s (call $extend (local.get $a) (local.get $b) (i32.const 0) (i32.const 1)))",
    "extend payload": "(i64.extend_i32_s (call $extend (i32.const 0) (i32.const 1) (local.get $a) (local.get $b)))",
    "derive_key path": "(call $derive_key (local.get $a) (local.get $b) (i32.const 0)) (i64.const 1)",
    "seal in": "(i64.extend_i32_s (call $seal (local.get $a) (local.get $b) (i32.const 0) (i32.const 4096)))",
    "seal out": "(i64.extend_i32_s (call $seal (i32.const 0) (i32.const 1) (local.get $a) (local.get $b)))",
    "unseal in": "(i64.extend_i32_s (call $unseal (local.get $a) (local.get $b) (i32.const 0) (i32.const 4096)))",
    "unseal out": "(i64.extend_i32_s (call $unseal (i32.const 0) (i32.const 99) (local.get $a) (local.get $b)))",
    "report data": "(i64.extend_i32_s (call $report (local.get $a) (local.get $b) (i32.const 0) (i32.const 60000)))",
    "report out": "(i64.extend_i32_s (call $report (i32.const 0) (i32.const 1) (local.get $a) (local.get $b)))",
}

OTHERS = {
    "derive_key": "(call $derive_key (i32.const 0) (local.get $a) (local.get $b)) (i64.load (local.get $b))",
    "grow": "(i64.extend_i32_s (memory.grow (local.get $a)))",
    "size": "(i64.extend_i32_u (memory.size))",
    "call a number": "(call_indirect (type $number) (i32.add (local.get $a) (global.get $numbers)))",
    "recurse": "(call $recurse (local.get $a))",
    "recurse, then report": "(call $recurse_report (local.get $a))",
    "keep on the stack": """(call $keep (i64.or (i64.shl (i64.extend_i32_u (local.get $a)) (i64.const 32))
      (i64.extend_i32_u (local.get $b))) (i32.const 50))""",
    "loop": "(loop $again (br $again)) (i64.const 1)",
    "divide": "(i64.extend_i32_s (i32.div_s (local.get $a) (local.get $b)))",
    "unreachable": "(unreachable)",
    "to integer": "(i64.trunc_f64_s (f64.reinterpret_i64 (i64.const 0x7ff8000000000000)))",
}

ATTACKS = {**MEMORY_ACCESSES, **BULK, **IMPORTS, **OTHERS}
NUMBERS = {name: index for index, name in enumerate(ATTACKS)}

ELSEWHERE = 0xDEAD
"""What the reply's address and length are when the request says attack number 0xDEAD: $a and $b."""


REPORTED = 64
"""Where "recurse, then report" leaves the length of its report."""


def _mixed(expression: str) -> str:
    """Something done after a call that no compiler turns into a loop."""
    return f"(i64.mul (i64.xor {expression} (i64.const 5)) (i64.const 3))"


@cache
def evil_module() -> bytes:
    """Memory: 1 page, at most 3. The table: all attacks, a number, an entry of another type, two empty
    ones.
    """
    functions = "\n".join(
        f"(func $f{index} (param $a i32) (param $b i32) (result i64) {body})"
        for index, body in enumerate(ATTACKS.values())
    )
    names = " ".join(f"$f{index}" for index in range(len(ATTACKS)))
    return module(f"""(module
      (import "ttee" "random" (func $random (param i32 i32)))
      (import "ttee" "log" (func $log (param i32 i32)))
      (import "ttee" "extend" (func $extend (param i32 i32 i32 i32) (result i32)))
      (import "ttee" "derive_key" (func $derive_key (param i32 i32 i32)))
      (import "ttee" "seal" (func $seal (param i32 i32 i32 i32) (result i32)))
      (import "ttee" "unseal" (func $unseal (param i32 i32 i32 i32) (result i32)))
      (import "ttee" "report" (func $report (param i32 i32 i32 i32) (result i32)))
      (type $attack (func (param i32 i32) (result i64)))
      (type $number (func (result i64)))
      (memory (export "memory") 1 3)
      (data $words "passive bytes")
      (global $numbers i32 (i32.const {len(ATTACKS)}))
      (table {len(ATTACKS) + 4} {len(ATTACKS) + 4} funcref)
      (elem (i32.const 0) {names} $good $wrong)
      (func $good (result i64) (i64.const 77))
      (func $wrong (param i64) (result i64) (local.get 0))
      (func $recurse (param $n i32) (result i64)
        (if (result i64) (local.get $n)
          (then {_mixed("(call $recurse (i32.sub (local.get $n) (i32.const 1)))")})
          (else (i64.const 0))))
      (func $recurse_report (param $n i32) (result i64)
        (if (result i64) (local.get $n)
          (then {_mixed("(call $recurse_report (i32.sub (local.get $n) (i32.const 1)))")})
          (else
            (i32.store (i32.const {REPORTED})
              (call $report (i32.const 0) (i32.const 1) (i32.const 1024) (i32.const 60000)))
            (i64.const 0))))
      (func $keep (param $secret i64) (param $n i32) (result i64)
        (if (result i64) (local.get $n)
          (then (i64.rotl {_mixed("(call $keep (local.get $secret) (i32.sub (local.get $n) (i32.const 1)))")}
            (local.get $secret)))
          (else (i64.const 1))))
      {functions}
      (func (export "alloc") (param i32) (result i32) (i32.const 256))
      (func (export "handle") (param $at i32) (param $n i32) (result i64)
        (local $which i32) (local $a i32) (local $b i32) (local $result i64)
        (local.set $which (i32.load (local.get $at)))
        (local.set $a (i32.load offset=4 (local.get $at)))
        (local.set $b (i32.load offset=8 (local.get $at)))
        (if (i32.eq (local.get $which) (i32.const {ELSEWHERE}))
          (then (return (i64.or
            (i64.shl (i64.extend_i32_u (local.get $a)) (i64.const 32)) (i64.extend_i32_u (local.get $b))))))
        (local.set $result
          (call_indirect (type $attack) (local.get $a) (local.get $b) (local.get $which)))
        (i64.store (i32.const 128) (local.get $result))
        (i64.const {128 << 32 | 8})))""")


def attack_request(name: str, a: int = 0, b: int = 0) -> bytes:
    """What makes the app perform an attack."""
    return struct.pack("<3I", NUMBERS[name], a & 0xFFFFFFFF, b & 0xFFFFFFFF)
