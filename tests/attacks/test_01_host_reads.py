# SPDX-License-Identifier: Apache-2.0
"""Host software against memory that is not its own.

The attacker controls the operating system: any instruction in S-mode and U-mode, at any moment. He wants to
read, change or run an enclave, the monitor or the boot ROM. PMP stops him (docs/spec/riscv.md, section 1,
*PMP entries*): the monitor sets its entries before it reads an enclave's images, and opens memory again
only after wiping it.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.attacks.hands import ATTACKS_BASE, EVERY_WAY, EvilEnclave, HostHand, csr_instruction
from ttee.tee.riscv.mailbox import Call, Cause, Fault, SbiError, SbiResult

U_MODE_CALL = Cause.CALL_FROM_U

CLOSED = {
    "monitor, first byte": 0x8000_0000,
    "monitor, stack": 0x801F_EFF8,
    "monitor, last word": 0x801F_FFF8,
    "device secret's page": 0x801F_F000,
    "timer (CLINT)": 0x0200_4000,
    "boot ROM": 0x2000_0000,
    "monitor descriptor": 0x2010_0000,
    "end of the flash": 0x23FF_FFF8,
    "interrupt controller (PLIC)": 0x0C00_0000,
    "clock (RTC)": 0x0010_1000,
    "fw_cfg, which could write to any memory": 0x1010_0000,
    "virtio": 0x1000_1000,
    "PCIe": 0x3000_0000,
    "QEMU's own boot ROM": 0x0000_1000,
    "nothing": 0x4000_0000,
}


@pytest.mark.parametrize("address", CLOSED.values(), ids=CLOSED.keys())
def test_what_belongs_to_the_monitor_is_closed_to_every_access(host: HostHand, address: int) -> None:
    assert host.refusals(address) == EVERY_WAY


@pytest.mark.parametrize("address", CLOSED.values(), ids=CLOSED.keys())
def test_it_is_closed_to_the_hosts_user_mode_too(host: HostHand, address: int) -> None:
    assert host.as_user("load", address)[0] == Cause.LOAD_ACCESS
    assert host.as_user("store", address)[0] == Cause.STORE_ACCESS
    assert host.as_user("jump", address)[0] == Cause.FETCH_ACCESS


def test_the_hosts_own_memory_is_open_in_both_modes(host: HostHand) -> None:
    """The control: without it, the tests above could pass because nothing works at all."""
    assert host.refusals(ATTACKS_BASE + 0x8000) == {
        "fetch"
    }  # no PMP there, only zeros, which are no instruction
    assert host.as_user("load", ATTACKS_BASE)[0] == U_MODE_CALL


def touch(enclave: EvilEnclave) -> list[int]:
    first, last = enclave.epm, enclave.epm_end - 8
    return [first, enclave.handle.record.runtime, enclave.scratch, last]


def test_before_it_is_created_an_enclave_is_ordinary_memory(host: HostHand, evil: EvilEnclave) -> None:
    """Images are laid by the host, and so they are public: what is secret comes later, through the channel."""
    place = evil.epm
    evil.handle.destroy()
    assert host.mailbox.store(place, 0x1122) is None
    assert host.mailbox.load(place) == 0x1122


def test_a_created_enclave_is_closed_before_it_ever_runs(host: HostHand, evil: EvilEnclave) -> None:
    evil.handle.destroy()
    handle = host.machine.create_enclave(*evil.images, epm_size=64 << 10, utm_size=8 << 10)
    try:
        assert host.refusals(handle.record.epm) == EVERY_WAY
        assert host.refusals(handle.record.epm + handle.record.epm_size - 8) == EVERY_WAY
    finally:
        handle.destroy()


def test_a_stopped_enclave_is_closed(host: HostHand, evil: EvilEnclave) -> None:
    for address in touch(evil):
        assert host.refusals(address) == EVERY_WAY
        assert host.as_user("load", address)[0] == Cause.LOAD_ACCESS
        assert host.as_user("store", address)[0] == Cause.STORE_ACCESS
        assert host.as_user("jump", address)[0] == Cause.FETCH_ACCESS


def test_an_interrupted_enclave_is_closed(host: HostHand, evil: EvilEnclave) -> None:
    evil.tell("spin")
    assert host.mailbox.sbi(Call.RESUME, evil.id) == SbiResult(SbiError.INTERRUPTED)
    for address in touch(evil):
        assert host.refusals(address) == EVERY_WAY


def test_an_enclave_that_faulted_stays_closed_until_it_is_wiped(host: HostHand, evil: EvilEnclave) -> None:
    evil.attack("jump", 0)
    for address in touch(evil):
        assert host.refusals(address) == EVERY_WAY


def test_an_enclave_that_exited_stays_closed_until_it_is_wiped(host: HostHand, evil: EvilEnclave) -> None:
    evil.tell("call_monitor", 7, 0, 0, 0, 0, 0, Call.EXIT, 0x08424B45)
    assert evil.handle.resume() == SbiResult(SbiError.OK, 7)
    for address in touch(evil):
        assert host.refusals(address) == EVERY_WAY


@pytest.mark.parametrize("width", [2, 4, 8])
def test_accesses_that_straddle_the_edge_are_refused_and_change_nothing(
    host: HostHand, evil: EvilEnclave, width: int
) -> None:
    """A misaligned access is two accesses; the half outside must not be written, and the half inside not be
    read.
    """
    machine = host.machine
    below = evil.epm
    inside = machine.read(below, 8)
    for back in range(1, width):
        machine.write(below - 8, b"outside!")
        assert isinstance(host.mailbox.load(below - back, width), Fault)
        assert isinstance(host.mailbox.store(below - back, 2**64 - 1, width), Fault)
        assert machine.read(below, 8) == inside
    if evil.epm_end < machine.pool.end:  # at the end of RAM there is no outside
        for back in range(1, width):
            assert isinstance(host.mailbox.load(evil.epm_end - back, width), Fault)


def test_code_that_straddles_the_edge_is_not_fetched(
    host: HostHand, breed: Callable[..., EvilEnclave]
) -> None:
    """Four bytes of instruction, two of them in the enclave."""
    evil = breed()
    host.machine.write(evil.epm - 2, b"\x13\x05")  # the first half of `addi a0, x0, imm`
    fault = host.mailbox.fetch(evil.epm - 2)
    assert fault == Fault(Cause.FETCH_ACCESS, evil.epm)


def test_store_conditional_into_an_enclave_fails_after_a_reservation_outside(
    host: HostHand, evil: EvilEnclave
) -> None:
    before = host.machine.read(evil.scratch, 8)
    result = host.attack("store_conditional", evil.scratch, 0x666, ATTACKS_BASE + 0x8000)
    assert isinstance(result, Fault) or result[0] != 0
    assert host.machine.read(evil.scratch, 8) == before


def test_a_reservation_does_not_outlive_a_switch_of_worlds(evil: EvilEnclave) -> None:
    """The enclave reserves, the host writes elsewhere; were the reservation kept, host and enclave could
    signal by it.
    """
    lr_a0, sc_a0_a1 = 0x1005_352F, 0x18B5_352F  # lr.d a0, (a0); sc.d a0, a1, (a0)
    place = evil.scratch + 64
    assert evil.execute(lr_a0, place) == (0, 0)
    assert evil.execute(sc_a0_a1, place, 5) == (1, 5)  # 1: failed
    assert evil.get(place, 8) == bytes(8)


def test_what_a_destroyed_enclave_leaves_behind_is_zero(host: HostHand, evil: EvilEnclave) -> None:
    """He waits until the enclave is gone and reads what it kept."""
    evil.put(evil.scratch, b"the enclave's secret")
    assert b"the enclave's secret" in host.machine.read(evil.epm, 64 << 10)
    record = evil.handle.record
    evil.handle.destroy()
    assert host.mailbox.load(evil.scratch) == 0
    assert host.machine.read(record.epm, record.epm_size) == bytes(record.epm_size)
    assert host.machine.read(record.utm, record.utm_size) == bytes(record.utm_size)


def test_a_refused_creation_leaves_nothing_behind_either(host: HostHand, evil: EvilEnclave) -> None:
    """A record whose config is wrong is refused after its memory was closed: it opens again wiped, not as
    it was.
    """
    record = evil.handle.record
    evil.handle.destroy()
    host.machine.write(record.epm, evil.images[0] + b"no config page")
    assert host.machine.create(record).error == SbiError.ILLEGAL_ARGUMENT
    assert host.machine.read(record.epm, record.epm_size) == bytes(record.epm_size)
    assert host.mailbox.load(record.epm) == 0


def test_the_seed_of_the_random_generator_is_the_monitors(host: HostHand) -> None:
    """Reading `seed` would drain entropy, and tell what the next key is made from."""
    result = host.execute(csr_instruction(0x015, write=True))
    assert isinstance(result, Fault)
    assert result.cause == Cause.ILLEGAL_INSTRUCTION
