# SPDX-License-Identifier: Apache-2.0
"""An evil enclave against everybody else.

Anybody may start an enclave, so its author may be the attacker. He runs in U-mode with memory of his own
and pages that he shares with the host; he wants the host's memory, another enclave's, the monitor's, a
device, or a privileged register. Each try ends his enclave: PMP opens nothing but his own memory, and
U-mode has no privileged instructions. The host is told the cause of the fault, and goes on.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.attacks.hands import ATTACKS_BASE, Died, EvilEnclave, HostHand, csr_instruction
from tests.attacks.test_01_host_reads import CLOSED
from ttee.tee.riscv.mailbox import Call, Cause, SbiError

Breed = Callable[..., EvilEnclave]
Attempt = Callable[..., tuple[int, int] | Died]

FOREIGN = CLOSED | {
    "mailbox": 0x8020_0000,
    "host's code": 0x8040_0000,
    "host's attacks": ATTACKS_BASE,
    "console (UART)": 0x1000_0000,
    "power switch (finisher)": 0x0010_0000,
    "address 0": 0,
    "the last address": 2**64 - 8,
}


@pytest.mark.parametrize("address", FOREIGN.values(), ids=FOREIGN.keys())
def test_nothing_that_is_not_its_own_can_be_touched(attempt: Attempt, address: int) -> None:
    assert attempt("load", address) == Died(Cause.LOAD_ACCESS)
    assert attempt("store", address, 0x5555) == Died(Cause.STORE_ACCESS)
    assert attempt("load_32", address) == Died(Cause.LOAD_ACCESS)
    assert attempt("store_32", address, 0x5555) == Died(Cause.STORE_ACCESS)
    assert attempt("amo", address, 1) in (Died(Cause.STORE_ACCESS), Died(Cause.LOAD_ACCESS))
    assert attempt("jump", address) == Died(Cause.FETCH_ACCESS)


@pytest.mark.parametrize(
    ("attack", "cause"),
    [("load", Cause.LOAD_ACCESS), ("store", Cause.STORE_ACCESS), ("jump", Cause.FETCH_ACCESS)],
)
def test_another_enclave_cannot_be_touched(
    evil: EvilEnclave, attempt: Attempt, attack: str, cause: Cause
) -> None:
    """Neither its memory nor the pages that it shares with the host."""
    for address in (evil.epm, evil.scratch, evil.epm_end - 8, evil.utm):
        assert attempt(attack, address) == Died(cause)
    assert not isinstance(evil.attack("load", evil.epm), Died)  # while the victim itself has no trouble


def test_the_edges_of_its_own_memory_are_exact(breed: Breed) -> None:
    evil = breed()
    for own in (evil.epm, evil.epm_end - 8, evil.utm, evil.utm + evil.handle.record.utm_size - 8):
        assert not isinstance(evil.attack("load", own), Died)
    evil.handle.destroy()
    for distance in range(1, 8):  # one byte or more outside
        for address in (evil.epm - distance, evil.epm_end - 8 + distance, evil.utm - distance):
            below = evil.machine.read(evil.epm - 8, 8)
            for attack, cause in (("load", Cause.LOAD_ACCESS), ("store", Cause.STORE_ACCESS)):
                again = breed()
                assert (again.epm, again.utm) == (evil.epm, evil.utm)
                assert again.attack(attack, address, 2**64 - 1) == Died(cause)
                again.handle.destroy()
            assert evil.machine.read(evil.epm - 8, 8) == below


def test_shared_pages_are_never_code(breed: Breed) -> None:
    """The host writes there: could the enclave be lured to run it, the host would run as the enclave."""
    evil = breed()
    evil.handle.utm[4096:4100] = (0x0000_8067).to_bytes(4, "little")  # ret
    assert evil.attack("jump", evil.utm + 4096) == Died(Cause.FETCH_ACCESS)


PRIVILEGED = {
    "mret": 0x3020_0073,
    "sret": 0x1020_0073,
    "wfi": 0x1050_0073,
    "sfence.vma": 0x1200_0073,
    "ebreak": 0x0010_0073,
    "cbo.inval (a0)": 0x0005_200F,
    "cbo.zero (a0)": 0x0045_200F,
    "fadd.d fa0, fa0, fa0": 0x02A5_7553,
    "fld fa0, 0(a0)": 0x0005_3507,
    "hlv.d a0, (a0)": 0x6C05_4573,
    "uret": 0x0020_0073,
}


@pytest.mark.parametrize("word", PRIVILEGED.values(), ids=PRIVILEGED.keys())
def test_privileged_and_disabled_instructions_end_it(evil: EvilEnclave, word: int) -> None:
    """Were `wfi` allowed, it could sleep the host's time away; were floating point, it could read the
    host's registers.
    """
    died = evil.execute(word, evil.scratch)
    assert died in (Died(Cause.ILLEGAL_INSTRUCTION), Died(Cause.BREAKPOINT))


@pytest.mark.parametrize("word", [0x0FF0_000F, 0x0000_100F], ids=["fence", "fence.i"])
def test_fences_are_harmless(evil: EvilEnclave, word: int) -> None:
    assert not isinstance(evil.execute(word), Died)


CSRS = {
    "fcsr": 0x003,
    "seed": 0x015,
    "vstart": 0x008,
    "sstatus": 0x100,
    "sie": 0x104,
    "stvec": 0x105,
    "senvcfg": 0x10A,
    "sscratch": 0x140,
    "sepc": 0x141,
    "satp": 0x180,
    "mstatus": 0x300,
    "medeleg": 0x302,
    "mtvec": 0x305,
    "mcounteren": 0x306,
    "mscratch, which points to the registers of whoever runs": 0x340,
    "mip": 0x344,
    "pmpcfg0": 0x3A0,
    "pmpaddr3": 0x3B3,
    "mseccfg": 0x747,
    "tselect": 0x7A0,
    "tdata1": 0x7A1,
    "dcsr": 0x7B0,
    "mcycle": 0xB00,
    "mhartid": 0xF14,
    "cycle": 0xC00,
    "instret": 0xC02,
    "hpmcounter3": 0xC03,
}


@pytest.mark.parametrize("csr", CSRS.values(), ids=CSRS.keys())
def test_no_privileged_register_can_be_read_or_written(breed: Breed, csr: int) -> None:
    assert breed().execute(csr_instruction(csr, write=False)) == Died(Cause.ILLEGAL_INSTRUCTION)
    assert breed().execute(csr_instruction(csr, write=True), 2**64 - 1) == Died(Cause.ILLEGAL_INSTRUCTION)


def test_the_clock_is_the_one_register_that_it_has(evil: EvilEnclave) -> None:
    time = 0xC01
    first = evil.execute(csr_instruction(time, write=False))
    second = evil.execute(csr_instruction(time, write=False))
    assert not isinstance(first, Died)
    assert not isinstance(second, Died)
    assert second[0] >= first[0] > 0


def test_of_all_registers_that_user_mode_can_name_only_the_clock_answers(breed: Breed) -> None:
    """All 1024 of them, by their numbers: whatever a chip adds later must not be open by accident."""
    answered = set()
    evil = breed()
    for csr in (number for number in range(4096) if number >> 8 & 3 == 0):
        if isinstance(evil.execute(csr_instruction(csr, write=False)), Died):
            evil.handle.destroy()
            evil = breed()
        else:
            answered.add(csr)
    assert answered == {0xC01}


def test_the_host_learns_the_cause_of_a_fault_and_nothing_else(host: HostHand, evil: EvilEnclave) -> None:
    """An address or an instruction would tell the host what the enclave was doing."""
    stval, scause = 0x143, 0x142
    host.execute(csr_instruction(stval, write=True), 0x1111)
    evil.tell("load", 0xDEAD_BEE8)
    result = host.mailbox.sbi(Call.RESUME, evil.id)
    assert (result.error, result.value) == (SbiError.FAULTED, Cause.LOAD_ACCESS)
    for csr in (stval, scause, 0x141):
        answer = host.execute(csr_instruction(csr, write=False))
        assert isinstance(answer, tuple)
        assert answer[0] != 0xDEAD_BEE8


def test_a_faulted_enclave_does_not_come_back(host: HostHand, evil: EvilEnclave) -> None:
    evil.attack("load", 0)
    assert host.mailbox.sbi(Call.RESUME, evil.id).error == SbiError.NOT_RUNNABLE
    assert host.mailbox.sbi(Call.RUN, evil.id).error == SbiError.NOT_FRESH
