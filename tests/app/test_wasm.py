# SPDX-License-Identifier: Apache-2.0
"""Modules are read strictly, each byte once: any bytes give a structure or a ModuleError."""

from __future__ import annotations

import pytest
import wasmtime
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.app.wat import ECHO, module
from ttee.app.wasm import FunctionType, Kind, Memory, read_module
from ttee.errors import ModuleError

HEADER = b"\0asm\1\0\0\0"

RICH = """
(module
  (type $binary (func (param i32 i32) (result i32)))
  (import "ttee" "log" (func $log (param i32 i32)))
  (memory (export "memory") 1 3)
  (table 4 4 funcref)
  (global $g (mut i32) (i32.const -5))
  (global f64 (f64.const 1.5))
  (global i64 (i64.const -9223372036854775808))
  (global f32 (f32.const 0))
  (elem (i32.const 1) $add $pair)
  (elem $later func $add)
  (data (i32.const 8) "hello")
  (data $passive "world")
  (func $add (type $binary) (i32.add (local.get 0) (local.get 1)))
  (func $pair (result i32 i64) (i32.const 1) (i64.const 2))
  (func (export "f") (param i32) (result i32) (local i64 i64 f32)
    (block $out
      (loop $again
        (br_table $out $again $out (local.get 0)))
      (if (i32.eqz (local.get 0)) (then (nop)) (else (unreachable))))
    (memory.init $passive (i32.const 0) (i32.const 0) (i32.const 1))
    (data.drop $passive)
    (memory.copy (i32.const 0) (i32.const 1) (i32.const 2))
    (memory.fill (i32.const 0) (i32.const 1) (i32.const 2))
    (table.init $later (i32.const 0) (i32.const 0) (i32.const 1))
    (elem.drop $later)
    (table.copy (i32.const 0) (i32.const 1) (i32.const 1))
    (drop (memory.grow (i32.const 1)))
    (i64.store offset=8 (i32.const 0) (i64.extend8_s (i64.const 7)))
    (drop (i32.trunc_sat_f32_s (f32.const 1)))
    (call $log (memory.size) (global.get $g))
    (call_indirect (type $binary) (i32.const 1) (i32.const 2) (i32.const 1))))
"""


def section(number: int, content: bytes) -> bytes:
    assert len(content) < 128
    return bytes([number, len(content)]) + content


def function(code: bytes) -> bytes:
    """A module with a memory and one function of type () -> (), made of these bytes."""
    body = b"\0" + code
    return (
        HEADER
        + section(1, b"\1\x60\0\0")
        + section(3, b"\1\0")
        + section(5, b"\1\0\1")
        + section(10, bytes([1, len(body)]) + body)
    )


def test_the_structure_is_what_the_text_says() -> None:
    read = read_module(module(RICH))
    assert [(i.module, i.name, i.kind, str(i.type)) for i in read.imports] == [
        ("ttee", "log", Kind.FUNCTION, "(i32, i32) -> ()")
    ]
    assert read.exports["f"].type == FunctionType(("i32",), ("i32",))
    assert read.exports["memory"].kind is Kind.MEMORY
    assert read.memory is not None
    assert (read.memory.minimum, read.memory.maximum) == (1, 3)
    assert read.start is None


def test_the_empty_module_has_nothing() -> None:
    read = read_module(HEADER)
    assert (read.imports, read.exports, read.memory) == ((), {}, None)


def test_a_start_function_is_reported() -> None:
    assert read_module(module("(module (func $f) (start $f))")).start == 18


def test_imports_of_all_kinds_are_named() -> None:
    imports = '(import "a" "t" (table 1 funcref)) (import "a" "m" (memory 1)) (import "a" "g" (global i32))'
    read = read_module(module(f"(module {imports})"))
    assert [i.kind for i in read.imports] == [Kind.TABLE, Kind.MEMORY, Kind.GLOBAL]
    assert read.memory == Memory(1, None, 24)


@pytest.mark.parametrize(
    ("text", "feature"),
    [
        ("(module (func (drop (v128.const i32x4 0 0 0 0))))", "SIMD"),
        ("(module (func (param v128)))", "SIMD"),
        ("(module (func (param externref)))", "reference types"),
        ("(module (func (drop (ref.null func))))", "reference types"),
        ("(module (table 1 externref))", "something else than functions"),
        ("(module (func return_call 0))", "tail calls"),
        ("(module (memory 1 1 shared))", "shared or 64-bit"),
        ("(module (memory 1 1 shared) (func (atomic.fence)))", "shared or 64-bit"),
        ("(module (memory i64 1))", "shared or 64-bit"),
        ("(module (func (atomic.fence)))", "threads"),
        ("(module (memory 1) (memory 1))", "second memory"),
        ("(module (table 1 funcref) (table 1 funcref))", "second table"),
        ("(module (table 65537 funcref))", "at most 65536"),
        (
            "(module (table 1 funcref) (func (drop (table.grow 0 (ref.null 0) (i32.const 1)))))",
            "reference types",
        ),
        (
            "(module (table 1 funcref) (elem (table 0) (i32.const 0) funcref (ref.null func)))",
            "reference types",
        ),
        ("(module (tag))", "no section 13"),
        ("(module (type (struct)))", "no function type"),
        ("(module (global i32 (i32.add (i32.const 1) (i32.const 2))))", "more than one instruction"),
    ],
)
def test_features_that_some_compiler_lacks_are_refused_by_name(text: str, feature: str) -> None:
    with pytest.raises(ModuleError, match=feature) as refusal:
        read_module(module(text))
    assert str(refusal.value.where).startswith("module, byte ")
    assert str(refusal.value.source).startswith("WebAssembly Core Specification 2.0, section ")


@pytest.mark.parametrize(
    ("data", "where", "message"),
    [
        (b"", 0, "does not start as"),
        (b"\x7fELF\1\1\1\0", 0, "does not start as"),
        (b"\0asm\2\0\0\0", 0, "does not start as"),
        (HEADER + b"\1", 9, "cut short"),
        (HEADER + b"\1\5\0", 8, "section 1 has 5 bytes, 1 are left"),
        (HEADER + b"\1\x80\x80\x80\x80\x80\0", 9, "more than 32 bits"),
        (HEADER + b"\1\xff\xff\xff\xff\x1f", 9, "more than 32 bits"),
        (HEADER + section(1, b"\0\0"), 11, "goes on after its contents"),
        (HEADER + section(1, b"\0") * 2, 11, "twice or too late"),
        (HEADER + section(3, b"\0") + section(1, b"\0"), 11, "twice or too late"),
        (HEADER + section(1, b"\x7f"), 10, "127 items cannot stand in 0 bytes"),
        (HEADER + section(1, b"\1\x60\1\x11\0"), 13, "0x11 is no value type"),
        (HEADER + section(2, b"\1\2\xff\xff\0\0\0"), 11, "not UTF-8"),
        (HEADER + section(2, b"\1\xe9\x07"), 11, "1001 bytes"),
        (HEADER + section(2, b"\1\0\0\4\0"), 13, "neither function, table"),
        (HEADER + section(2, b"\1\0\0\0\0"), 14, "no type 0; there are 0"),
        (HEADER + section(3, b"\1\0"), 11, "no type 0; there are 0"),
        (
            HEADER + section(1, b"\1\x60\0\0") + section(3, b"\1\0"),
            18,
            "1 functions are declared, 0 have code",
        ),
        (HEADER + section(5, b"\1\1\2\1"), 11, "2 to 1 pages"),
        (HEADER + section(5, b"\1\0\x81\x80\4"), 11, "at most 65536"),
        (HEADER + section(6, b"\1\x7f\2\x41\0\x0b"), 12, "neither constant nor mutable"),
        (HEADER + section(6, b"\1\x7f\0\x42\0\x0b"), 13, "no constant of the type i32"),
        (HEADER + section(7, b"\1\1m\2\0"), 14, "no memory 0; there are 0"),
        (HEADER + section(5, b"\1\0\1") + section(7, b"\2\1m\2\0\1m\2\0"), 20, "'m' is exported twice"),
        (HEADER + section(8, b"\0"), 10, "no function 0"),
        (HEADER + section(9, b"\1\0\x41\0\x0b\0"), 11, "a table that is not there"),
        (HEADER + section(11, b"\1\0\x41\0\x0b\0"), 11, "a memory that is not there"),
        (HEADER + section(11, b"\1\3"), 11, "no known kind"),
        (HEADER + section(12, b"\1"), 11, "1 data segments are announced, 0 are there"),
        (HEADER + section(10, b"\1\2\0\x0b"), 11, "not declared"),
        (HEADER + section(0, b"\5name"), 11, "5 bytes are needed, and 4 are left"),
        (function(b""), 28, "cut short"),
        (function(b"\1"), 29, "cut short"),
        (function(b"\x0b\1"), 29, "after the end of its function"),
        (function(b"\5\x0b"), 28, "an else without an if"),
        (function(b"\x27\x0b"), 28, "instruction 0x27 is none"),
        (function(b"\6\x0b"), 28, "exception handling"),
        (function(b"\xfb\x0b"), 28, "garbage collection"),
        (function(b"\xfc\x12\x0b"), 28, "0xfc 18 of no feature"),
        (function(b"\xfc\x08\0\0\x0b"), 30, "no data segment 0"),
        (function(b"\xfc\x0d\0\x0b"), 30, "no element segment 0"),
        (function(b"\x0c\1\x0b"), 29, "no enclosing block 1; there are 1"),
        (function(b"\x10\1\x0b"), 29, "no function 1; there are 1"),
        (function(b"\x11\0\0\x0b"), 30, "no table 0; there are 0"),
        (function(b"\x20\0\x0b"), 29, "no local 0; there are 0"),
        (function(b"\x23\0\x0b"), 29, "no global 0; there are 0"),
        (function(b"\x28\4\0\x0b"), 29, "alignment"),
        (function(b"\x3f\1\x0b"), 29, "no memory 1; there are 1"),
        (function(b"\2\1\x0b\x0b"), 29, "a block of a type that is not there"),
        (function(b"\2\x7b\x0b\x0b"), 29, "SIMD"),
        (function(b"\x41\xff\xff\xff\xff\x0f\x1a\x0b"), 29, "more than 32 bits"),
    ],
)
def test_malformed_modules_are_refused_with_the_offset(data: bytes, where: int, message: str) -> None:
    with pytest.raises(ModuleError, match=message) as refusal:
        read_module(data)
    assert refusal.value.where == f"module, byte {where}"


def test_locals_are_counted_and_not_made() -> None:
    body = b"\1\xff\xff\xff\xff\x0f\x7f\x0b"
    data = (
        HEADER + section(1, b"\1\x60\0\0") + section(3, b"\1\0") + section(10, bytes([1, len(body)]) + body)
    )
    with pytest.raises(ModuleError, match="more than 50000 locals"):
        read_module(data)


def test_deep_nesting_is_refused() -> None:
    code = b"\2\x40" * 2000
    body = b"\0" + code
    with pytest.raises(ModuleError, match="deeper than 1000"):
        read_module(
            HEADER
            + section(1, b"\1\x60\0\0")
            + section(3, b"\1\0")
            + b"\x0a"
            + (b"\xa4\x1f" + b"\1" + b"\xa1\x1f" + body)
        )


@given(st.binary(max_size=200).map(lambda tail: HEADER + tail) | st.binary(max_size=20))
@example(b"")
def test_any_bytes_are_a_module_or_a_module_error(data: bytes) -> None:
    try:
        read_module(data)
    except ModuleError:
        return


BEYOND = "at most 65536|reference types|else than functions|more than one instruction|no constant of the type"


@pytest.fixture(scope="module")
def engine() -> wasmtime.Engine:
    """Another reader, with the same features switched on as far as it has switches."""
    config = wasmtime.Config()
    config.wasm_gc = False
    config.wasm_function_references = False
    config.wasm_exceptions = False
    config.wasm_simd = False
    config.wasm_relaxed_simd = False
    config.wasm_tail_call = False
    config.wasm_threads = False
    config.wasm_memory64 = False
    config.wasm_multi_memory = False
    return wasmtime.Engine(config)


@settings(max_examples=1500)
@given(st.data())
def test_what_another_reader_accepts_after_a_mutation_is_read_and_the_rest_raises_nothing_else(
    engine: wasmtime.Engine, data: st.DataObject
) -> None:
    """The other reader checks types as well, so it may refuse what we read; never the other way round."""
    original = module(data.draw(st.sampled_from([RICH, ECHO])))
    at = data.draw(st.integers(0, len(original) - 1))
    mutated = original[:at] + data.draw(st.binary(max_size=3)) + original[at + data.draw(st.integers(0, 2)) :]
    try:
        read_module(mutated)
    except ModuleError:
        try:
            wasmtime.Module.validate(engine, mutated)
        except wasmtime.WasmtimeError:
            return
        # What is left are our own bounds, and features that the other reader cannot switch off.
        with pytest.raises(ModuleError, match=BEYOND):
            read_module(mutated)
