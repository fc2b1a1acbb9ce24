# SPDX-License-Identifier: Apache-2.0
"""An enclave that does not give the processor back.

The attacker writes the enclave, and wants the machine: he spins, never stops, or keeps the monitor busy
with calls. The monitor's own timer ends his slice after 10 ms (docs/spec/riscv.md, section 3); the host
then decides whether he runs on. The host in turn wants to stop an enclave at an instruction of its choice,
by a storm of interrupts; but while an enclave runs, no interrupt counts except the monitor's.
"""

from __future__ import annotations

import threading

import pytest

from tests.attacks.hands import EVERY_WAY, EvilEnclave, HostHand, csr_instruction
from ttee.errors import TeeTimeoutError
from ttee.tee.riscv.mailbox import SBI_TIME, SBI_TTEE, Call, Operation, SbiError, SbiResult

SLICE = 100_000
"""Ticks of the 10 MHz clock: 10 ms."""
INTERRUPTED = SbiResult(SbiError.INTERRUPTED)


def test_an_enclave_that_spins_is_interrupted_and_the_host_goes_on(host: HostHand, evil: EvilEnclave) -> None:
    evil.tell("spin")
    assert host.mailbox.sbi(Call.RESUME, evil.id) == INTERRUPTED
    assert host.mailbox.load(0x8040_0000) != 0
    assert host.refusals(evil.epm) == EVERY_WAY


def test_it_can_be_destroyed_then_and_its_memory_is_wiped(host: HostHand, evil: EvilEnclave) -> None:
    evil.put(evil.scratch, b"secret")
    evil.tell("spin")
    assert host.mailbox.sbi(Call.RESUME, evil.id) == INTERRUPTED
    record = evil.handle.record
    evil.handle.destroy()
    assert host.machine.read(record.epm, record.epm_size) == bytes(record.epm_size)


def test_a_slice_is_never_shorter_than_it_should_be(host: HostHand, evil: EvilEnclave) -> None:
    """A host that could cut slices short would watch an enclave step by step. Its own deadline waits."""
    evil.tell("spin")
    for deadline in (0, 1, 2**63, 2**64 - 1):
        host.mailbox.sbi(0, deadline, extension=SBI_TIME)
        reply = host.mailbox.request(Operation.SBI, evil.id, *(0,) * 5, Call.RESUME, SBI_TTEE)
        assert reply.status == SbiError.INTERRUPTED
        assert reply.ticks >= SLICE


def test_pending_interrupts_of_the_host_do_not_stop_an_enclave(host: HostHand, evil: EvilEnclave) -> None:
    """He raises his software interrupt, enables all he has, and enters: the enclave runs its whole slice."""
    sip, sie = 0x144, 0x104
    host.execute(csr_instruction(sip, write=True), 1 << 1)
    enabled = host.execute(csr_instruction(sie, write=True), 0x222)
    try:
        evil.tell("spin")
        reply = host.mailbox.request(Operation.SBI, evil.id, *(0,) * 5, Call.RESUME, SBI_TTEE)
        assert (reply.status, reply.ticks >= SLICE) == (SbiError.INTERRUPTED, True)
    finally:
        host.execute(csr_instruction(sip, write=True), 0)
        assert isinstance(enabled, tuple)
        host.execute(csr_instruction(sie, write=True), enabled[0])


def test_the_hosts_deadline_that_passes_meanwhile_is_not_lost(host: HostHand, evil: EvilEnclave) -> None:
    """Else an enclave could make the host sleep for ever. It comes in the middle of a slice, and waits for
    the end.
    """
    stip = 1 << 5
    evil.tell("spin")
    for ticks in (SLICE // 2, SLICE // 10):
        result = host.attack("resume_with_deadline", evil.id, ticks)
        assert isinstance(result, tuple)
        assert result[0] == SbiError.INTERRUPTED
        assert result[1] & stip


def test_a_deadline_that_is_still_to_come_comes(host: HostHand, evil: EvilEnclave) -> None:
    """The slice's own end is not mistaken for it."""
    evil.tell("spin")
    result = host.attack("resume_with_deadline", evil.id, 100 * SLICE)
    assert isinstance(result, tuple)
    assert result[1] & 1 << 5 == 0


def test_calling_the_monitor_without_end_does_not_hold_the_slice_up(
    host: HostHand, evil: EvilEnclave
) -> None:
    """The monitor is not interrupted while it works; so the slice ends right after the call that outlasted
    it.
    """
    jal_back = 0xFFDF_F06F  # j .-4
    evil.machine.write(evil.scratch, (0x0000_0073).to_bytes(4, "little") + jal_back.to_bytes(4, "little"))
    evil.tell("jump", evil.scratch, 0, 0, 0, 0, 0, Call.RANDOM, SBI_TTEE)
    reply = host.mailbox.request(Operation.SBI, evil.id, *(0,) * 5, Call.RESUME, SBI_TTEE)
    assert reply.status == SbiError.INTERRUPTED


def test_an_app_that_never_answers_ends_as_a_timeout(evil: EvilEnclave) -> None:
    """The way the launcher calls: with a deadline, after which the enclave is not resumed."""
    evil.tell("spin")
    with pytest.raises(TeeTimeoutError, match="interrupted"):
        evil.handle.resume(timeout=0.05)


def test_somebody_else_may_cancel_it(host: HostHand, evil: EvilEnclave) -> None:
    evil.tell("spin")
    threading.Timer(0.02, host.mailbox.cancel).start()
    assert evil.handle.resume(timeout=5) == INTERRUPTED


def test_a_storm_of_timer_calls_leaves_the_monitor_unmoved(host: HostHand, evil: EvilEnclave) -> None:
    """Hundreds of deadlines in the past, each a trap into the monitor and an interrupt of the host's."""
    for n in range(300):
        assert host.mailbox.sbi(0, n, extension=SBI_TIME) == SbiResult(SbiError.OK)
    assert evil.attack("load", evil.scratch) == (0, 0)
