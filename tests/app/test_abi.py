# SPDX-License-Identifier: Apache-2.0
"""A module that is no app is refused before it is bundled, by the name of what is wrong."""

from __future__ import annotations

import pytest

from tests.app.wat import ECHO, app, module
from ttee.app.abi import IMPORTS, check_module
from ttee.app.bundle import Limits
from ttee.errors import ModuleError

LIMITS = Limits(memory=2 * 65536)
ALLOC = '(func (export "alloc") (param i32) (result i32) (i32.const 0))'
HANDLE = '(func (export "handle") (param i32 i32) (result i64) (i64.const 0))'
MEMORY = '(memory (export "memory") 1 2)'


def test_an_app_may_import_all_that_the_abi_has() -> None:
    lines = [
        f'(import "ttee" "{name}" (func (param {" ".join(kind.params)}) (result {" ".join(kind.results)})))'
        for name, kind in IMPORTS.items()
    ]
    read = check_module(app("\n".join(lines)), LIMITS)
    assert [wanted.name for wanted in read.imports] == list(IMPORTS)


def test_an_app_may_import_nothing() -> None:
    assert check_module(module(ECHO), LIMITS).imports == ()


@pytest.mark.parametrize(
    ("data", "message", "hint"),
    [
        (
            app('(import "env" "puts" (func (param i32)))'),
            "imports 'env' 'puts'",
            "may import from 'ttee' only: random, log",
        ),
        (
            app('(import "wasi_snapshot_preview1" "fd_write" (func))'),
            "'wasi_snapshot_preview1' 'fd_write'",
            "without a C library",
        ),
        (app('(import "ttee" "rando" (func))'), "not in the ABI", "did you mean 'random'"),
        (app('(import "ttee" "socket" (func))'), "not in the ABI", "there are random, log"),
        (
            app('(import "ttee" "log" (func (param i32)))'),
            r"'log' with the type \(i32\) -> \(\)",
            "(i32, i32) -> ()",
        ),
        (app('(import "ttee" "log" (global i32))'), "'log' as a global", "function"),
        (module(f"(module {MEMORY} {HANDLE})"), "no function 'alloc'", "TTEE_HANDLE"),
        (module(f"(module {MEMORY} {ALLOC})"), "no function 'handle'", "TTEE_HANDLE"),
        (
            module(f'(module {MEMORY} {ALLOC} (func (export "handle") (param i32 i32)))'),
            r"'handle' with the type \(i32, i32\) -> \(\)",
            "(i32, i32) -> (i64)",
        ),
        (
            module(f'(module {MEMORY} {ALLOC} (global (export "handle") i32 (i32.const 0)))'),
            "'handle' as a global",
            "the type is",
        ),
        (app('(func (export "_initialize") (param i32))'), "'_initialize' with the type", "() -> ()"),
        (app("(func $start) (start $start)"), "start function", "_initialize"),
        (module(f"(module {ALLOC} {HANDLE})"), "does not export its memory", "linkers"),
        (module(f"(module (memory 1 2) {ALLOC} {HANDLE})"), "does not export its memory", "linkers"),
        (app("", memory="1"), "no maximum", "--max-memory=131072"),
        (app("", memory="3 3"), "starts with 3 pages of memory; limits.memory allows 2", "raise"),
        (app("", memory="1 3"), "may grow to 3 pages; limits.memory allows 2", "--max-memory=131072"),
    ],
)
def test_what_is_wrong_is_named_with_the_next_step(data: bytes, message: str, hint: str) -> None:
    with pytest.raises(ModuleError, match=message) as refusal:
        check_module(data, LIMITS)
    assert hint in str(refusal.value.hint)
    assert str(refusal.value.where).startswith("module")


def test_names_of_an_attacker_do_not_reach_the_terminal_as_they_are() -> None:
    with pytest.raises(ModuleError) as refusal:
        check_module(app(r'(import "\1b[2J" "x" (func))'), LIMITS)
    assert "\x1b" not in refusal.value.message
