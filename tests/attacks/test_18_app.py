# SPDX-License-Identifier: Apache-2.0
"""An evil app against the runtime that serves it.

The app's author is the attacker; the app is translated to machine code and runs beside the runtime, in one
enclave, in one mode. He wants out of his linear memory: to the runtime's keys, to its code, to other
clients' requests. Loads and stores reach no address below linear memory, and above it nothing that U-mode
may touch, so PMP ends what leaves it; bulk operations, calls through tables, the stack and every range that
he passes to the runtime are checked (firmware/runtime). He must not hang his host, either.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

import pytest

from tests.app.wat import module
from tests.attacks.evil_app import (
    BULK,
    ELSEWHERE,
    IMPORTS,
    LOADS,
    MEMORY_ACCESSES,
    PAGE,
    REPORTED,
    STORES,
    attack_request,
    evil_module,
)
from tests.attacks.hands import EVERY_WAY, HostHand
from tests.tee.riscv.apps import NONCE, Running, running
from ttee.channel.sealed import ReplyStatus, seal_request
from ttee.errors import AppTrappedError, ModuleError, TeeTimeoutError
from ttee.tee.riscv import aot
from ttee.tee.riscv.machine import Machine

U32 = 0xFFFFFFFF
Start = Callable[[], Running]


@pytest.fixture
def start(machine: Machine) -> Iterator[Start]:
    """Starts the evil app, in an enclave of its own."""
    open_ones = []

    def begin() -> Running:
        open_ones.append(running(machine, evil_module(), memory=3 * PAGE))
        return open_ones[-1].__enter__()

    yield begin
    for one in open_ones:
        one.__exit__(None, None, None)


@pytest.fixture(scope="module")
def survivor(machine: Machine) -> Iterator[Running]:
    """One that is only given what it must survive."""
    with running(machine, evil_module(), memory=3 * PAGE) as evil:
        yield evil


def perform(evil: Running, name: str, a: int = 0, b: int = 0) -> int:
    reply = evil.ask(attack_request(name, a, b))
    assert reply.status is ReplyStatus.OK
    return int(struct.unpack("<q", reply.payload)[0])


def ends(machine: Machine, name: str, a: int = 0, b: int = 0) -> str:
    """The attack ends the instance for good; how."""
    with running(machine, evil_module(), memory=3 * PAGE) as evil:
        before = evil.statement().channel_key
        with pytest.raises(AppTrappedError) as trapped:
            perform(evil, name, a, b)
        with pytest.raises(AppTrappedError):  # and it stays ended
            evil.enclave.call(seal_request(before, evil.bundle.measurement, b"hello")[0])
        return trapped.value.message


SIZES = {**LOADS, **STORES}


@pytest.mark.parametrize("name", [name for name in MEMORY_ACCESSES if " far" not in name])
def test_accesses_up_to_the_last_byte_are_fine(survivor: Running, name: str) -> None:
    """The control, and the border exactly where it should be."""
    perform(survivor, name, PAGE - SIZES[name])
    perform(survivor, name, 0)


@pytest.mark.parametrize("name", MEMORY_ACCESSES)
def test_accesses_beyond_the_last_byte_end_the_app(machine: Machine, name: str) -> None:
    """In all widths: one byte too far, and as far as 2^32 + 2^32 - 2 leads."""
    width = SIZES[name.removesuffix(" far")]
    for address in (U32,) if " far" in name else (PAGE - width + 1, U32):
        said = ends(machine, name, address)
        assert "left its memory" in said


@pytest.mark.parametrize(
    "address", [PAGE, 2 * PAGE, 3 * PAGE, 16 << 20, 1 << 30, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_0000]
)
def test_nothing_lies_open_anywhere_above_its_memory(machine: Machine, address: int) -> None:
    """Other enclaves, the end of RAM, and nothing at all: whatever a sum of two 32-bit numbers can name."""
    ends(machine, "i64.load", address)
    ends(machine, "i64.load far", address + 1 & U32)
    ends(machine, "i64.store", address)


@pytest.mark.parametrize(
    ("address", "length"),
    [(0, PAGE + 1), (PAGE, 1), (PAGE - 1, 2), (U32, 1), (1, U32), (U32, U32), (0x8000_0000, 0x8000_0000)],
)
@pytest.mark.parametrize("name", BULK)
def test_bulk_operations_are_checked_as_a_whole(
    machine: Machine, name: str, address: int, length: int
) -> None:
    assert "out of bounds" in ends(machine, name, address, length)


@pytest.mark.parametrize(
    ("address", "length"), [(PAGE, 1), (PAGE - 1, 2), (0, PAGE + 1), (U32, 1), (1, U32), (U32, U32)]
)
@pytest.mark.parametrize("name", IMPORTS)
def test_the_runtime_does_not_follow_a_range_out_of_memory(
    machine: Machine, name: str, address: int, length: int
) -> None:
    """He asks the runtime, which may touch all of the enclave, to read or write for him."""
    assert "out of bounds" in ends(machine, name, address, length)


@pytest.mark.parametrize("place", [PAGE - 31, PAGE, U32 - 31, U32])
def test_a_key_is_written_into_his_memory_only(machine: Machine, place: int) -> None:
    assert "out of bounds" in ends(machine, "derive_key", 1, place)


def test_a_path_longer_than_its_buffer_ends_the_app(machine: Machine) -> None:
    """129 bytes for a buffer of 128 on the runtime's stack."""
    assert "out of bounds" in ends(machine, "derive_key", 129, 512)


def test_the_longest_path_is_fine(survivor: Running) -> None:
    perform(survivor, "derive_key", 128, 512)


@pytest.mark.parametrize(
    ("address", "length"), [(PAGE, 1), (PAGE - 1, 2), (U32, 8), (8, U32 - 1), (0, PAGE + 1)]
)
def test_a_reply_from_outside_of_his_memory_ends_the_app(machine: Machine, address: int, length: int) -> None:
    """The runtime would seal whatever it found there, to whoever asked."""
    with (
        running(machine, evil_module(), memory=3 * PAGE) as evil,
        pytest.raises(AppTrappedError, match="out of bounds"),
    ):
        evil.ask(struct.pack("<3I", ELSEWHERE, address, length))


def test_a_reply_above_his_limit_is_refused(machine: Machine) -> None:
    with running(machine, evil_module(), memory=3 * PAGE, reply=100) as evil:
        assert evil.ask(struct.pack("<3I", ELSEWHERE, 0, 100)).status is ReplyStatus.OK
        assert evil.ask(struct.pack("<3I", ELSEWHERE, 0, 101)).status is ReplyStatus.REFUSED


def test_an_allocator_that_points_outside_ends_the_app(machine: Machine) -> None:
    """The runtime writes the next client's request to where the app's `alloc` says."""
    for place in (PAGE, -1, PAGE - 2):
        evil_alloc = module(f"""(module (memory (export "memory") 1 1)
          (func (export "alloc") (param i32) (result i32) (i32.const {place}))
          (func (export "handle") (param i32 i32) (result i64) (i64.const 0)))""")
        with running(machine, evil_alloc) as evil, pytest.raises(AppTrappedError, match="out of bounds"):
            evil.ask(b"a secret of the client")


def test_growing_ends_at_his_limit_and_new_memory_is_empty(start: Start) -> None:
    evil = start()
    perform(evil, "i64.store", PAGE - 8)
    assert perform(evil, "grow", 3) == -1
    assert perform(evil, "grow", U32) == -1
    assert perform(evil, "grow", 1) == 1
    assert perform(evil, "i64.load", PAGE) == 0
    assert perform(evil, "i64.load", 2 * PAGE - 8) == 0
    assert perform(evil, "i64.load", PAGE - 8) == 1  # what was there is there
    assert perform(evil, "grow", 1) == 2
    assert perform(evil, "grow", 1) == -1
    assert perform(evil, "size") == 3
    with pytest.raises(AppTrappedError, match="left its memory"):
        perform(evil, "i64.load", 3 * PAGE - 7)


CALLS = {0: None, 1: "another type", 2: "an empty entry", 3: "an empty entry", 4: "beyond", U32: "beyond"}


@pytest.mark.parametrize("index", CALLS)
def test_calls_through_a_table_lead_to_functions_of_that_type_only(
    machine: Machine, survivor: Running, index: int
) -> None:
    if CALLS[index] is None:
        assert perform(survivor, "call a number", index) == 77
    else:
        assert "wrong type" in ends(machine, "call a number", index)


def test_recursion_ends_at_the_stacks_limit(machine: Machine, survivor: Running) -> None:
    """Below the stack lie the app's tables and the runtime's image: it must end before."""
    assert perform(survivor, "recurse", 3) == ((((0 ^ 5) * 3) ^ 5) * 3 ^ 5) * 3
    assert "stack overflow" in ends(machine, "recurse", 10_000_000)


def test_calling_the_runtime_with_no_stack_left_harms_nobody(machine: Machine) -> None:
    """He recurses to the last frame that fits, then has the runtime do its deepest work on what is left.

    Found by halving: the deepest recursion that returns, to the exact frame. Below the limit is a guard,
    which is the runtime's to use; the app's image lies below that, and stays as it is.
    """

    def survives(depth: int) -> bool:
        with running(machine, evil_module(), memory=3 * PAGE, stack=4096) as evil:
            record = evil.enclave.handle.record
            evil.ask(attack_request("size"))
            before = machine.read(record.epm, record.free - record.epm)
            try:
                perform(evil, "recurse, then report", depth)
            except AppTrappedError:
                return False
            after = machine.read(record.epm, record.free - record.epm)
            assert perform(evil, "i64.load32_s", REPORTED) > 1352
            changed = [
                at for at in range(0, len(after), 4096) if after[at : at + 4096] != before[at : at + 4096]
            ]
            assert all(at + record.epm < record.runtime for at in changed)  # the runtime's own variables
            return True

    assert "stack overflow" in ends(machine, "recurse, then report", 100_000)
    low, high = 1, 4096
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if survives(middle) else (low, middle)
    assert 50 < low < high < 4096


@pytest.mark.parametrize(
    ("name", "a", "b"),
    [("divide", 1, 0), ("divide", 0x8000_0000, U32), ("unreachable", 0, 0), ("to integer", 0, 0)],
)
def test_what_has_no_result_ends_the_app(machine: Machine, name: str, a: int, b: int) -> None:
    assert "trap" in ends(machine, name, a, b)


def test_an_app_that_never_answers_is_cancelled_at_the_deadline(start: Start) -> None:
    evil = start()
    message, _ = seal_request(evil.statement().channel_key, evil.bundle.measurement, attack_request("loop"))
    with pytest.raises(TeeTimeoutError):
        evil.enclave.call(message, timeout=0.05)


def test_what_an_ended_app_knew_is_wiped_before_the_host_is_told(machine: Machine, host: HostHand) -> None:
    """The client's request and the app's memory; the enclave stays closed until it is destroyed."""
    with running(machine, evil_module(), memory=3 * PAGE) as evil:
        record = evil.enclave.handle.record
        with pytest.raises(AppTrappedError):
            evil.ask(attack_request("unreachable") + b"what the client said")
        assert b"what the client said" not in machine.read(record.epm, record.epm_size)
        assert host.refusals(record.epm + record.epm_size - 8) == EVERY_WAY


def test_the_clients_words_are_gone_after_each_request(start: Start, machine: Machine) -> None:
    """Outside of the app's own memory, no copy of a request outlives it."""
    evil = start()
    record = evil.enclave.handle.record
    evil.ask(attack_request("size") + b"what the client said")
    memory = machine.read(
        record.epm, record.epm_size - PAGE
    )  # all but linear memory, which ends where the EPM ends
    assert b"what the client said" not in memory


def test_what_an_app_kept_on_its_stack_is_gone_after_each_request(start: Start, machine: Machine) -> None:
    """Its locals lie on the enclave's stack, outside of linear memory, fifty times over. The runtime wipes it."""
    evil = start()
    record = evil.enclave.handle.record
    high, low = 0x1234_ABCD, 0x5678_EF91
    perform(evil, "keep on the stack", high, low)
    memory = machine.read(record.epm, record.epm_size - PAGE)
    assert struct.pack("<II", low, high) not in memory


FORBIDDEN = {
    "a function of the operating system": '(import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))',
    "an unknown function of ours": '(import "ttee" "open" (func (param i32)))',
    "a memory": '(import "ttee" "memory" (memory 1))',
    "a global": '(import "ttee" "random" (global i32))',
    "a table": '(import "ttee" "log" (table 1 funcref))',
    "our function under another type": '(import "ttee" "random" (func (param i64 i64)))',
}


@pytest.mark.parametrize("what", FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_what_is_not_on_the_list_cannot_be_imported(what: str) -> None:
    memory = "" if "memory" in what else '(memory (export "memory") 1 1)'
    export = '(export "memory" (memory 0))' if "memory" in what else ""
    evil = module(f"""(module {what} {memory} {export}
      (func (export "alloc") (param i32) (result i32) (i32.const 0))
      (func (export "handle") (param i32 i32) (result i64) (i64.const 0)))""")
    with pytest.raises(ModuleError):
        aot.compile_app(evil)


def test_names_in_a_module_do_not_become_code() -> None:
    """wasm2c copies names into the C that it writes. He names an export so that it ends a comment, or a
    string.
    """
    name = '*/ ; int evil(void) { __asm__("ecall"); } /* \\"'
    evil = module(f"""(module (memory (export "memory") 1 1)
      (func (export "{name.replace(chr(34), "").replace(chr(92), "")}") (result i32) (i32.const 1))
      (func (export "alloc") (param i32) (result i32) (i32.const 0))
      (func (export "handle") (param i32 i32) (result i64) (i64.const 0)))""")
    plain = module("""(module (memory (export "memory") 1 1)
      (func (result i32) (i32.const 1))
      (func (export "alloc") (param i32) (result i32) (i32.const 0))
      (func (export "handle") (param i32 i32) (result i64) (i64.const 0)))""")
    assert aot.compile_app(evil) == aot.compile_app(plain)


def test_an_app_cannot_answer_a_verifiers_nonce(survivor: Running) -> None:
    """Evidence that an app asks for itself has no nonce: nobody takes it for an answer of the runtime's."""
    length = perform(survivor, "report data", 0, 64)
    assert length > 1352
    assert survivor.statement().nonce == NONCE
