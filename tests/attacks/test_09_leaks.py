# SPDX-License-Identifier: Apache-2.0
"""Secrets in registers, across a switch of worlds.

The attacker fills every register he has before he enters an enclave, or is left by one, and looks at every
register after: something of the other world may have been left there, or something of his may change how
the other world runs (a delegated trap, a page table, a counter). General registers are saved and replaced;
control registers are in one table (`WORLD_CSRS` in firmware/monitor/world.c). That table is read here: an
entry that is added without saying here how to poison it fails. The debug port is our witness, not an
attacker.
"""

from __future__ import annotations

import re
import struct
import threading
from collections.abc import Callable, Iterator

import pytest
from attrs import frozen

from tests.attacks.gdb import Debugger
from tests.attacks.hands import DEVICE_SECRET, SCRATCH, Attacks, EvilEnclave, HostHand, csr_instruction
from ttee.tee.riscv.firmware import Firmware
from ttee.tee.riscv.machine import Machine
from ttee.tee.riscv.mailbox import SBI_TTEE, Call, SbiError
from ttee.tee.riscv.sources import firmware_sources

X, F, CSR, X_AFTER, F_AFTER, CSR_AFTER, END = 0, 32, 64, 72, 104, 136, 200
A0, A1, A6, A7 = 10, 11, 16, 17
BLOCK = SCRATCH + 0x1000
ROOT = 0x8033_0000
IDENTITY = 8 << 60 | ROOT >> 12
"""Sv39, with RAM where it is: a value of `satp` that the host can have while it runs."""

SSIP, ALL_SIE = 1 << 1, 0x222
BLOCK_CSRS = {
    "sepc": 0x8040_1230,
    "scause": 0x0BAD_0001,
    "stval": 0x0BAD_0002,
    "senvcfg": 1,
    "scounteren": 5,
    "stvec": 0x8041_2340,
    "satp": IDENTITY,
    "sie": ALL_SIE,
}
"""In the order of attacks.S, with the poison for each."""

MACHINE_ONLY = None
HOW_TO_POISON = {
    "medeleg": MACHINE_ONLY,
    "mideleg": MACHINE_ONLY,
    "mcounteren": MACHINE_ONLY,
    "menvcfg": MACHINE_ONLY,
    "mie": "sie",
    "mip": "sip",
    "sscratch": "sscratch",
    **{name: name for name in BLOCK_CSRS if name != "sie"},
}


def number(text: str, defines: dict[str, str]) -> int:
    text = defines.get(text, text).strip("() ")
    value, _, shift = text.partition("<<")
    return int(value, 0) << int(shift or "0", 0)


def world_table() -> dict[str, tuple[int, int]]:
    """The monitor's table: what each register holds at the host's start, and in an enclave."""
    source = (firmware_sources() / "monitor" / "world.c").read_text()
    plain = re.sub(r"UINT64_C\((.*?)\)", r"\1", source)
    defines = {name: value.split("/*")[0].strip() for name, value in DEFINE.findall(plain)}
    rows = re.findall(r"^ +X\((\w+), ([^,]+), ([^)]+)\)", source, re.MULTILINE)
    return {name: (number(host, defines), number(enclave, defines)) for name, host, enclave in rows}


DEFINE = re.compile(r"^#define (\w+) (.+)$", re.MULTILINE)
TABLE = world_table()


@pytest.fixture(scope="module")
def machine(firmware: Firmware) -> Iterator[Machine]:
    with Machine(firmware, DEVICE_SECRET, gdb=True) as machine:
        machine.write(ROOT, bytes(4096))
        machine.write(ROOT + 16, struct.pack("<Q", 0x8000_0000 >> 12 << 10 | 0xCF))
        yield machine


def poison(n: int) -> int:
    return 0x0BAD_C0DE_0000_0000 | n


def secret(n: int) -> int:
    return 0x5EC_2E70_0000_0000 + n


def poisoned_call(host: HostHand, function: int, argument: int) -> list[int]:
    """Call the monitor with every register of the host set; the block with what they were afterwards."""
    words = [0] * END
    words[X : X + 32] = [poison(n) for n in range(32)]
    words[X + A0], words[X + A6], words[X + A7] = argument, function, SBI_TTEE
    words[F : F + 32] = [poison(0x100 + n) for n in range(32)]
    words[CSR : CSR + len(BLOCK_CSRS)] = list(BLOCK_CSRS.values())
    host.machine.write(BLOCK, struct.pack(f"<{END}Q", *words))
    host.execute(csr_instruction(0x144, write=True), SSIP)
    result = host.attack("poisoned_call", BLOCK)
    assert isinstance(result, tuple), "what the host keeps in its registers was not restored, and it fell"
    return list(struct.unpack(f"<{END}Q", host.machine.read(BLOCK, 8 * END)))


def assert_all_is_the_hosts(words: list[int]) -> None:
    """But for the two results, the host has all that it had, and nothing else."""
    for n in range(1, 32):
        if n not in (A0, A1, A6, A7):
            assert words[X_AFTER + n] == poison(n), f"x{n}"
    assert words[X_AFTER + A6 : X_AFTER + A7 + 1] == words[X + A6 : X + A7 + 1]
    assert words[F_AFTER : F_AFTER + 32] == [poison(0x100 + n) for n in range(32)]
    assert dict(zip(BLOCK_CSRS, words[CSR_AFTER:], strict=False)) == BLOCK_CSRS


def test_an_enclave_begins_with_zeros_but_for_what_it_must_know(host: HostHand, attacks: Attacks) -> None:
    handle = host.machine.create_enclave(
        attacks.image, b"TTEECFG1".ljust(4096, b"\0"), b"", epm_size=64 << 10, utm_size=8 << 10
    )
    try:
        words = poisoned_call(host, Call.RUN, handle.id)
        assert words[X_AFTER + A0 : X_AFTER + A1 + 1] == [SbiError.EDGE_CALL, 1]
        assert_all_is_the_hosts(words)
        record = handle.record
        given = [
            record.epm,
            record.epm_size,
            record.runtime,
            record.user,
            record.free,
            record.utm,
            record.utm_size,
        ]
        expected = [0] * 32
        expected[A1 : A7 + 1] = given
        assert list(handle.utm.cast("Q")[128:160])[1:] == expected[1:]
    finally:
        handle.destroy()


def test_an_enclave_that_stops_leaves_nothing_and_finds_everything(host: HostHand, evil: EvilEnclave) -> None:
    """It fills its registers with secrets and stops; the host looks, poisons, and resumes."""
    evil.tell("stop_with_secrets", secret(0))
    words = poisoned_call(host, Call.RESUME, evil.id)
    assert words[X_AFTER + A0 : X_AFTER + A1 + 1] == [SbiError.EDGE_CALL, 1]
    assert_all_is_the_hosts(words)
    words = poisoned_call(host, Call.RESUME, evil.id)
    assert_all_is_the_hosts(words)
    kept = list(evil.words[128:160])
    for n in (1, 2, 3, 4, 6, 7, 12, 13, 14, 15, *range(18, 32)):
        assert kept[n] == secret(n), f"x{n}"
    assert kept[A0] == kept[A1] == 0  # the answer to its call


def test_an_enclave_that_is_interrupted_leaves_nothing_and_finds_everything(
    host: HostHand, evil: EvilEnclave
) -> None:
    """Between any two of its instructions; even its results are its own."""
    evil.tell("spin_with_secrets", secret(0))
    evil.words[12] = 0
    for _ in range(3):
        words = poisoned_call(host, Call.RESUME, evil.id)
        assert words[X_AFTER + A0 : X_AFTER + A1 + 1] == [SbiError.INTERRUPTED, 0]
        assert_all_is_the_hosts(words)
    evil.words[12] = 1
    assert_all_is_the_hosts(poisoned_call(host, Call.RESUME, evil.id))
    kept = list(evil.words[128:160])
    for n in (1, 2, 3, 4, 6, 7, 11, 12, 13, 14, 15, *range(18, 32)):
        assert kept[n] == secret(n), f"x{n}"


def test_an_enclave_that_faults_leaves_nothing(host: HostHand, evil: EvilEnclave) -> None:
    evil.tell("fault_with_secrets", secret(0))
    words = poisoned_call(host, Call.RESUME, evil.id)
    assert words[X_AFTER + A0] == SbiError.FAULTED
    assert_all_is_the_hosts(words)


def test_an_enclave_that_exits_leaves_nothing(host: HostHand, evil: EvilEnclave) -> None:
    evil.tell("call_monitor", 0, secret(1), secret(2), secret(3), secret(4), secret(5), Call.EXIT, SBI_TTEE)
    words = poisoned_call(host, Call.RESUME, evil.id)
    assert words[X_AFTER + A0] == SbiError.OK
    assert_all_is_the_hosts(words)


def test_the_monitor_leaves_nothing_of_its_own(host: HostHand, evil: EvilEnclave) -> None:
    """It has just signed, with its secret key in registers."""
    assert evil.sbi(Call.EVIDENCE, evil.scratch, 2048, evil.scratch).error == SbiError.OK
    evil.tell("count", 1)
    words = poisoned_call(host, Call.RESUME, evil.id)
    assert_all_is_the_hosts(words)
    assert_all_is_the_hosts(poisoned_call(host, Call.DESTROY, 77))


@frozen
class Witness:
    """What the debug port saw in each register of the table."""

    host_before: dict[str, int]
    inside: dict[str, int]
    status_inside: int
    privilege_inside: int
    afterwards: dict[str, int]
    known: frozenset[str]


@pytest.fixture(scope="module")
def witness(machine: Machine, host: HostHand, attacks: Attacks) -> Witness:
    """Enters a spinning enclave from a poisoned host, and stops the processor inside."""
    evil = EvilEnclave(machine, attacks)
    evil.tell("spin")
    spin = evil.epm + attacks.offsets["spin"]
    port = Debugger(machine)
    after: list[int] = []
    with port:
        known = port.registers
        before = {name: port.register(name) for name in TABLE}
        port.break_at(spin)
        entering = threading.Thread(target=lambda: after.extend(poisoned_call(host, Call.RESUME, evil.id)))
        entering.start()
        port.go()
        inside = {name: port.register(name) for name in TABLE}
        status, privilege = port.register("mstatus"), port.register("priv")
        port.unbreak(spin)
    entering.join()
    assert after[X_AFTER + A0] == SbiError.INTERRUPTED
    afterwards = dict(zip(BLOCK_CSRS, after[CSR_AFTER:], strict=False))
    afterwards["sscratch"] = BLOCK  # it was needed to find the block again, and led there
    sip = host.execute(csr_instruction(0x144, write=True), 0)
    assert isinstance(sip, tuple)
    afterwards["sip"] = sip[0] & SSIP
    with port:
        afterwards |= {
            name: port.register(name) for name, how in HOW_TO_POISON.items() if how is MACHINE_ONLY
        }
    evil.handle.destroy()
    return Witness(before, inside, status, privilege, afterwards, known)


POISON = BLOCK_CSRS | {"sscratch": BLOCK, "sip": SSIP}


@pytest.mark.parametrize("name", TABLE)
def test_in_an_enclave_a_register_holds_what_the_table_says(witness: Witness, name: str) -> None:
    """Whatever the host had put there."""
    host_value, inside = TABLE[name]
    if HOW_TO_POISON[name] is MACHINE_ONLY:
        assert witness.host_before[name] == host_value
    assert witness.inside[name] == inside


@pytest.mark.parametrize("name", TABLE)
def test_afterwards_a_register_is_as_the_host_left_it(witness: Witness, name: str) -> None:
    how = HOW_TO_POISON[name]
    if how is MACHINE_ONLY:
        assert witness.afterwards[name] == witness.host_before[name]
    else:
        assert witness.afterwards[how] == POISON[how]


def test_an_enclave_runs_in_user_mode_with_all_extensions_off(witness: Witness) -> None:
    """mstatus: no floating point, no vectors, no access to other modes' memory, no interrupts of the host."""
    fs, vs, xs, mprv, sum_, mxr, sie, spp = (
        3 << 13,
        3 << 9,
        3 << 15,
        1 << 17,
        1 << 18,
        1 << 19,
        1 << 1,
        1 << 8,
    )
    assert witness.privilege_inside == 0
    assert witness.status_inside & (fs | vs | xs | mprv | sum_ | mxr | sie | spp) == 0


def test_an_enclave_has_no_counter_but_the_clock(witness: Witness) -> None:
    """Both registers say so; each alone would do, until somebody changes the other."""
    time_only = 1 << 1
    assert witness.inside["mcounteren"] == witness.inside["scounteren"] == time_only


SUPERVISOR = re.compile(
    "satp|scontext|stimecmp|siselect|sireg|stopei|stopi|scountovf|vs.*|h[a-z]+|.*stateen.*|"
    "s(status|ie|ip|tvec|counteren|envcfg|scratch|epc|cause|tval)"
)


def test_the_table_has_every_register_that_the_host_can_change(witness: Witness) -> None:
    """The processor's own list of supervisor registers, against the table. mstatus travels with the context."""
    supervisor = {name for name in witness.known if SUPERVISOR.fullmatch(name)}
    views = {"sstatus": "mstatus", "sie": "mie", "sip": "mip"}
    assert {views.get(name, name) for name in supervisor} <= {*TABLE, "mstatus"}
    assert {"satp", "stvec", "sscratch", "scounteren"} <= supervisor


def test_the_random_generator_never_repeats_itself(breed: Callable[..., EvilEnclave]) -> None:
    """Two enclaves, many draws: nothing twice, nothing zero."""
    draws = []
    for evil in (breed(), breed()):
        for _ in range(20):
            assert evil.sbi(Call.RANDOM, evil.scratch, 64).error == SbiError.OK
            draws.append(evil.get(evil.scratch, 64))
    assert len(set(draws)) == len(draws) == 40
    assert bytes(64) not in draws


def test_not_even_a_generator_that_is_put_back_repeats_itself(machine: Machine, evil: EvilEnclave) -> None:
    """Somebody with hands on the chips copies the monitor's memory, waits for a draw, and puts the copy back.

    The next draw is another all the same: each one takes fresh entropy from the processor.
    """
    variables = machine.view(0x8000_0000, 0x1E_0000)
    before = bytes(variables)
    draws = []
    for _ in range(2):
        variables[:] = before
        assert evil.sbi(Call.RANDOM, evil.scratch, 64).error == SbiError.OK
        draws.append(evil.get(evil.scratch, 64))
    assert draws[0] != draws[1]
