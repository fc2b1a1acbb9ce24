# SPDX-License-Identifier: Apache-2.0
"""WebAssembly means the same in an enclave as anywhere: compared with wasmtime, value by value and trap by trap."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from hashlib import shake_128

import pytest

from tests.app.wat import app, module
from tests.tee.riscv.apps import running
from tests.tee.riscv.oracle import TrapError, answer
from ttee.errors import AppTrappedError
from ttee.tee.riscv.firmware import Firmware
from ttee.tee.riscv.machine import Machine

TWO, ONE = ("(i64.load (local.get $x))", "(i64.load offset=8 (local.get $x))"), "(i64.load (local.get $x))"
I32 = ["add", "sub", "mul", "and", "or", "xor", "shl", "shr_s", "shr_u", "rotl", "rotr"]
I32 += ["eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u"]
I1 = ["clz", "ctz", "popcnt", "eqz", "extend8_s", "extend16_s"]
F2 = ["add", "sub", "mul", "div", "min", "max", "copysign", "eq", "ne", "lt", "gt", "le", "ge"]
F1 = ["abs", "neg", "ceil", "floor", "trunc", "nearest", "sqrt"]


@pytest.fixture(scope="module")
def machine(firmware: Firmware) -> Iterator[Machine]:
    with Machine(firmware, b"semantics".ljust(32)) as machine:
        yield machine


def expressions() -> list[str]:
    """Every numeric instruction, of two 64-bit operands at $x, as an i64."""
    a, b = TWO
    wide = {"i64": (a, b), "i32": (f"(i32.wrap_i64 {a})", f"(i32.wrap_i64 {b})")}
    wide["f64"] = (f"(f64.reinterpret_i64 {a})", f"(f64.reinterpret_i64 {b})")
    wide["f32"] = (f"(f32.reinterpret_i32 {wide['i32'][0]})", f"(f32.reinterpret_i32 {wide['i32'][1]})")
    comparing = {"eq", "ne", "eqz"} | {n for n in (*I32, *F2) if n[:2] in ("lt", "gt", "le", "ge")}

    def widened(kind: str, expression: str) -> str:
        match kind:
            case "i32":
                return f"(i64.extend_i32_u {expression})"
            case "f32":
                return f"(i64.extend_i32_u (i32.reinterpret_f32 {expression}))"
            case "f64":
                return f"(i64.reinterpret_f64 {expression})"
        return expression

    out = []
    for kind, (x, y) in wide.items():
        binary, unary = (I32, I1) if kind.startswith("i") else (F2, F1)
        calls = [(name, f"({kind}.{name} {x} {y})") for name in binary]
        calls += [(name, f"({kind}.{name} {x})") for name in unary]
        out += [widened("i32" if name in comparing else kind, call) for name, call in calls]
    out.append(widened("i64", f"(i64.extend32_s {a})"))
    for to in ("i32", "i64"):
        for source in ("f32", "f64"):
            out += [widened(to, f"({to}.trunc_sat_{source}_{sign} {wide[source][0]})") for sign in "su"]
            out += [widened(source, f"({source}.convert_{to}_{sign} {wide[to][0]})") for sign in "su"]
    out.append(widened("f32", f"(f32.demote_f64 {wide['f64'][0]})"))
    out.append(widened("f64", f"(f64.promote_f32 {wide['f32'][0]})"))
    return out


def evaluating(every: list[str]) -> bytes:
    """An app that takes pairs of u64 and answers, for each pair, the value of every expression."""
    stores = "\n".join(
        f"(i64.store (local.get $out) {expression})(local.set $out (i32.add (local.get $out) (i32.const 8)))"
        for expression in every
    )
    return module(
        f"""(module
          (memory (export "memory") 40 40)
          (func (export "alloc") (param i32) (result i32) (i32.const 1024))
          (func (export "handle") (param $at i32) (param $n i32) (result i64)
            (local $x i32) (local $out i32)
            (local.set $x (local.get $at))
            (local.set $out (i32.const 131072))
            (loop $next
              {stores}
              (local.set $x (i32.add (local.get $x) (i32.const 16)))
              (br_if $next (i32.lt_u (local.get $x) (i32.add (local.get $at) (local.get $n)))))
            (i64.or
              (i64.shl (i64.const 131072) (i64.const 32))
              (i64.extend_i32_u (i32.sub (local.get $out) (i32.const 131072))))))"""
    )


def interesting() -> list[int]:
    """Bit patterns at the edges of every type, and some at random."""
    edges = [0, 1, 2, 31, 32, 63, 64, 0x7F, 0x80, 0x7FFF, 0x8000]
    words = [*edges, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 63, (1 << 64) - 1, (1 << 63) - 1]
    reals = [0.0, 0.5, 1.0, 1.5, 2.5, 3.5, 0.49999999999999994, 4503599627370495.5, 4503599627370497.5]
    reals += [2147483647.0, 2147483648.0, 4294967295.0, 4294967296.0, 9.223372036854775e18, 2.0**63, 2.0**64]
    reals += [1e-310, 5e-324, 1.7976931348623157e308, 0.1, math.pi, math.inf, 1e16, 8388607.5, 8388608.0]
    doubles = [struct.unpack("<Q", struct.pack("<d", s * r))[0] for r in reals for s in (1, -1)]
    singles = [
        struct.unpack("<I", struct.pack("<f", s * r))[0]
        for r in (*(r for r in reals if r < 3e38), math.inf, 1e-40, 1e-45)
        for s in (1, -1)
    ]
    nans = [0x7FF8000000000000, 0x7FC00000]
    return [*words, *doubles, *singles, *nans, *struct.unpack("<40Q", shake_128(b"values").digest(320))]


def is_nan(bits: int) -> bool:
    double = bits & ~(1 << 63) > 0x7FF0000000000000
    return double or (bits < 1 << 32 and bits & 0x7FFFFFFF > 0x7F800000)


def test_every_numeric_instruction_gives_what_wasmtime_gives(machine: Machine) -> None:
    every = expressions()
    code = evaluating(every)
    values = interesting()
    chosen = [values[at % len(values)] for at in struct.unpack("<800H", shake_128(b"pairs").digest(1600))]
    pairs = [(a, b) for a, b in zip(chosen[::2], chosen[1::2], strict=True)]
    pairs += [(a, b) for a in values for b in (a, 0, values[-1])]
    size = 256 * 1024
    with running(machine, code, memory=40 << 16, reply=size, request=65536) as instance:
        step = size // (8 * len(every))
        for start in range(0, len(pairs), step):
            batch = pairs[start : start + step]
            request = b"".join(struct.pack("<QQ", *pair) for pair in batch)
            ours = struct.unpack(f"<{len(batch) * len(every)}Q", instance.ask(request).payload)
            theirs = struct.unpack(f"<{len(batch) * len(every)}Q", answer(code, request))
            for at, (got, expected) in enumerate(zip(ours, theirs, strict=True)):
                pair, expression = batch[at // len(every)], every[at % len(every)]
                both_nan = "f" in expression and is_nan(got) and is_nan(expected)
                assert got == expected or both_nan, f"{expression} of {pair[0]:#x}, {pair[1]:#x}: {got:#x}"


TRAPS = {
    "division by zero": "(i64.extend_i32_u (i32.div_u (i32.const 1) (i32.sub (local.get $length) (i32.const 4))))",
    "division that overflows": "(i64.div_s (i64.const 0x8000000000000000) (i64.sub (i64.const 3) (i64.const 4)))",
    "remainder of zero": "(i64.rem_u (i64.const 1) (i64.load (i32.const 0)))",
    "unreachable code": "(unreachable)",
    "a number that is no integer": "(i64.trunc_f64_s (f64.const nan))",
    "an integer that does not fit": "(i64.extend_i32_u (i32.trunc_f32_u (f32.const -1)))",
    "a load beyond memory": "(i64.load (i32.const 65536))",
    "a load that straddles the end": "(i64.load (i32.const 65532))",
    "a load that nobody needs": "(drop (i64.load (i32.const 65532))) (i64.const 0)",
    "a load at the largest address": "(i64.load offset=0xffffffff (i32.const -1))",
    "a store beyond memory": "(i32.store8 offset=0xff00 (i32.const 0x100) (i32.const 1)) (i64.const 0)",
    "a store that straddles the end": "(i64.store (i32.const 65529) (i64.const -1)) (i64.const 0)",
    "a store into what memory could grow to": "(i32.store (i32.const 0x18000) (i32.const 1)) (i64.const 0)",
    "a fill beyond memory": "(memory.fill (i32.const 65530) (i32.const 1) (i32.const 7)) (i64.const 0)",
    "a copy from beyond memory": "(memory.copy (i32.const 0) (i32.const 65535) (i32.const 2)) (i64.const 0)",
    "a copy of four gigabytes": "(memory.copy (i32.const 8) (i32.const 0) (i32.const -1)) (i64.const 0)",
    "a call through no entry": "(call_indirect (type $nothing) (i32.const 3)) (i64.const 0)",
    "a call through an empty entry": "(call_indirect (type $nothing) (i32.const 1)) (i64.const 0)",
    "a call through a wrong type": "(call_indirect (type $other) (i32.const 7) (i32.const 0)) (i64.const 0)",
    "a segment that was dropped": (
        "(call $drop) (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1)) (i64.const 1)"
    ),
    "a segment read beyond its end": "(memory.init $d (i32.const 0) (i32.const 1) (i32.const 4)) (i64.const 0)",
    "a table filled beyond its end": "(table.init $e (i32.const 2) (i32.const 0) (i32.const 2)) (i64.const 0)",
    "a table copied beyond its end": "(table.copy (i32.const 2) (i32.const 0) (i32.const 2)) (i64.const 0)",
    "recursion without end": "(call $deep (i64.const 1))",
    "recursion through a table": "(call_indirect (type $nothing) (i32.const 2)) (i64.const 0)",
}
AROUND = """
  (type $nothing (func))
  (type $other (func (param i32)))
  (table 3 3 funcref)
  (elem (i32.const 0) $noop)
  (elem (i32.const 2) $again)
  (elem $e func $noop $noop)
  (data $d "abcd")
  (func $noop)
  (func $drop (data.drop $d))
  (func $again
    (call_indirect (type $nothing) (i32.const 2))
    (i32.store (i32.const 0) (i32.const 1)))
  (func $deep (param i64) (result i64)
    (i64.xor
      (i64.mul (call $deep (i64.add (local.get 0) (i64.const 1))) (i64.const 3))
      (local.get 0)))
"""


@pytest.mark.parametrize("handle", TRAPS.values(), ids=TRAPS)
def test_what_traps_elsewhere_ends_the_enclave(machine: Machine, handle: str) -> None:
    code = app(AROUND, handle=handle)
    with pytest.raises(TrapError):
        answer(code, b"ping")
    with running(machine, code) as instance:
        with pytest.raises(AppTrappedError):
            instance.ask(b"ping")
        with pytest.raises(AppTrappedError):
            instance.enclave.echo(b"still there?")


def test_a_trap_says_on_the_console_what_it_was(machine: Machine) -> None:
    with running(machine, app("", handle="(unreachable)")) as instance:
        with pytest.raises(AppTrappedError, match="unreachable code"):
            instance.ask(b"")
        assert instance.enclave.console() == ["trap: unreachable code"]


EDGES = {
    "the last eight bytes": "(i64.store (i32.const 65528) (i64.const 7)) (i64.const 0xfff800000008)",
    "nothing at the very end": "(memory.fill (i32.const 65536) (i32.const 1) (i32.const 0)) (i64.const 0)",
    "an empty reply at the very end": "(i64.const 0x1000000000000)",
    "overlapping copies": """(i64.store (local.get $at) (i64.const 0x0807060504030201))
        (memory.copy (i32.add (local.get $at) (i32.const 3)) (local.get $at) (i32.const 8))
        (memory.copy (local.get $at) (i32.add (local.get $at) (i32.const 1)) (i32.const 8))
        (i64.or (i64.shl (i64.extend_i32_u (local.get $at)) (i64.const 32)) (i64.const 16))""",
    "unaligned accesses": """(i64.store (i32.const 2001) (i64.const 0x1122334455667788))
        (i32.store offset=3 (i32.const 2000) (i32.load16_u (i32.const 2005)))
        (i64.const 0x7d000000010)""",
    "growing keeps contents and adds zeros": """(i64.store (i32.const 65528) (i64.const 0x4142434445464748))
        (i32.store (i32.const 0) (memory.size))
        (i32.store (i32.const 4) (memory.grow (i32.const 1)))
        (i32.store (i32.const 8) (memory.size))
        (i32.store (i32.const 12) (memory.grow (i32.const 1)))
        (i64.store (i32.const 16) (i64.load (i32.const 65528)))
        (i64.store (i32.const 24) (i64.load (i32.const 65536)))
        (i64.store (i32.const 131064) (i64.const 9))
        (i64.store (i32.const 32) (i64.load (i32.const 131064)))
        (i64.const 40)""",
    "a callee that grows memory under its caller": """(i64.store (i32.const 2048) (i64.const 5))
        (call_indirect (type $v) (i32.const 0))
        (call $grow)
        (i64.store (i32.const 2056) (i64.load (i32.const 2048)))
        (i64.store offset=8 (i32.const 2056) (i64.extend_i32_u (memory.size)))
        (i64.const 0x80000000020)""",
    "equal types under two names": "(call_indirect (type $same) (i32.const 0)) (i64.const 0)",
}
GROWING = """
  (type $v (func))
  (type $same (func))
  (table 1 1 funcref)
  (elem (i32.const 0) $nothing)
  (func $nothing)
  (func $grow (drop (memory.grow (i32.const 1))))
"""


@pytest.mark.parametrize("handle", EDGES.values(), ids=EDGES)
def test_what_is_just_allowed_works(machine: Machine, handle: str) -> None:
    code = app(GROWING, handle=handle)
    with running(machine, code) as instance:
        assert instance.ask(b"ping").payload == answer(code, b"ping")


def test_a_deep_but_bounded_recursion_fits_the_declared_stack(machine: Machine) -> None:
    """1000 frames need less than 64 KiB; 100000 do not, and must not reach what lies below the stack."""
    code = app(
        """(func $mix (param i32) (result i64)
             (if (result i64) (i32.eqz (local.get 0))
               (then (i64.const 0))
               (else (i64.xor (i64.extend_i32_u (local.get 0))
                       (i64.mul (i64.const 3) (call $mix (i32.sub (local.get 0) (i32.const 1))))))))""",
        handle="""(i64.store (i32.const 0) (call $mix (i32.load (local.get $at)))) (i64.const 8)""",
    )
    with running(machine, code, stack=65536) as instance:
        depth = struct.pack("<I", 1000)
        assert instance.ask(depth).payload == answer(code, depth)
        with pytest.raises(AppTrappedError, match="stack overflow"):
            instance.ask(struct.pack("<I", 100000))


def test_a_trap_at_the_start_is_told(machine: Machine) -> None:
    code = app('(func (export "_initialize") (unreachable))')
    with pytest.raises(AppTrappedError, match="unreachable"), running(machine, code):
        pass


def test_memory_is_kept_between_requests(machine: Machine) -> None:
    code = app(
        "(global $count (mut i64) (i64.const 0))",
        handle="""(global.set $count (i64.add (global.get $count) (i64.const 1)))
                  (i64.store (i32.const 0) (global.get $count)) (i64.const 8)""",
    )
    with running(machine, code) as instance:
        assert [instance.ask(b"").payload[0] for _ in range(3)] == [1, 2, 3]
