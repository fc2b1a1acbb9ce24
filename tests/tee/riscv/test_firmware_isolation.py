# SPDX-License-Identifier: Apache-2.0
"""The PMP table of docs/spec/riscv.md, section 1, tried out from both sides."""

from __future__ import annotations

import pytest

from tests.tee.riscv.puppet import DEVICE_SECRET, Puppet
from ttee.tee.riscv.firmware import Firmware
from ttee.tee.riscv.machine import HOST_BASE, MAILBOX_BASE, MONITOR_BASE, POOL_BASE, SECRET_PAGE, Machine
from ttee.tee.riscv.mailbox import Call, Cause, Fault, SbiError, SbiResult

FINISHER, CLINT, PLIC, UART = 0x0010_0000, 0x0200_0000, 0x0C00_0000, 0x1000_0000
VIRTIO, FW_CFG, FLASH, PCIE = 0x1000_1000, 0x1010_0000, 0x2000_0000, 0x3000_0000

CLOSED = {
    "monitor": MONITOR_BASE,
    "monitor's last page": SECRET_PAGE,
    "CLINT": CLINT,
    "flash": FLASH,
    "end of flash": FLASH + 0x03FF_FFF8,
    "PLIC": PLIC,
    "virtio": VIRTIO,
    "fw_cfg, whose DMA knows no PMP": FW_CFG,
    "PCIe": PCIE,
}


@pytest.mark.parametrize("address", CLOSED.values(), ids=CLOSED.keys())
def test_the_host_cannot_load_store_or_fetch(machine: Machine, address: int) -> None:
    assert machine.mailbox.load(address) == Fault(Cause.LOAD_ACCESS, address)
    assert machine.mailbox.store(address, 0) == Fault(Cause.STORE_ACCESS, address)
    assert machine.mailbox.fetch(address) == Fault(Cause.FETCH_ACCESS, address)


def test_the_host_has_its_own_memory_and_its_console(machine: Machine) -> None:
    assert machine.mailbox.store(POOL_BASE, 0x1234) is None
    assert machine.mailbox.load(POOL_BASE) == 0x1234
    assert machine.mailbox.load(HOST_BASE, 1) == machine.firmware.host[0]
    for letter in b"hello\n":
        assert machine.mailbox.store(UART, letter, 1) is None
    machine.mailbox.load(MAILBOX_BASE)
    assert machine.console == "hello\n"


def test_what_the_host_stores_by_width_is_what_it_loads(machine: Machine) -> None:
    for width in (1, 2, 4, 8):
        machine.mailbox.store(POOL_BASE, 0)
        machine.mailbox.store(POOL_BASE, 0xF1F2F3F4F5F6F7F8, width)
        assert machine.mailbox.load(POOL_BASE) == 0xF1F2F3F4F5F6F7F8 % (1 << 8 * width)


def test_an_enclave_is_closed_to_the_host_from_creation_to_destruction(
    machine: Machine, puppet: Puppet
) -> None:
    last = puppet.epm + puppet.handle.record.epm_size - 8
    for address in (puppet.epm, last):
        assert machine.mailbox.load(address) == Fault(Cause.LOAD_ACCESS, address)
        assert machine.mailbox.store(address, 0) == Fault(Cause.STORE_ACCESS, address)
        assert machine.mailbox.fetch(address) == Fault(Cause.FETCH_ACCESS, address)
    puppet.handle.destroy()
    assert machine.mailbox.load(puppet.epm) == 0
    assert machine.mailbox.load(last) == 0
    assert not any(machine.read(puppet.epm, puppet.handle.record.epm_size))


ELSEWHERE = {
    **CLOSED,
    "mailbox": MAILBOX_BASE,
    "host": HOST_BASE,
    "host's pool": POOL_BASE + 0x10_0000,
    "UART": UART,
    "finisher": FINISHER,
    "nothing": 0x7000_0000,
    "the end of the address space": (1 << 64) - 8,
}


@pytest.mark.parametrize("address", ELSEWHERE.values(), ids=ELSEWHERE.keys())
def test_an_enclave_that_reaches_outside_is_ended(machine: Machine, puppet_code: bytes, address: int) -> None:
    for action, cause in (
        ("load", Cause.LOAD_ACCESS),
        ("store", Cause.STORE_ACCESS),
        ("jump", Cause.FETCH_ACCESS),
    ):
        puppet = Puppet(machine, puppet_code)
        ended = puppet.store(address, 0) if action == "store" else getattr(puppet, action)(address)
        assert ended == SbiResult(SbiError.FAULTED, cause), action
        assert puppet.handle.resume() == SbiResult(SbiError.NOT_RUNNABLE)
        puppet.handle.destroy()


def test_an_enclave_cannot_reach_another_nor_its_shared_pages(machine: Machine, puppet_code: bytes) -> None:
    victim = Puppet(machine, puppet_code)
    for address in (victim.epm, victim.handle.record.utm):
        attacker = Puppet(machine, puppet_code)
        assert attacker.load(address) == SbiResult(SbiError.FAULTED, Cause.LOAD_ACCESS)
        attacker.handle.destroy()
    assert victim.spin(1).error == SbiError.EDGE_CALL


def test_shared_pages_are_never_executable_for_the_enclave(puppet: Puppet) -> None:
    assert puppet.jump(puppet.handle.record.utm) == SbiResult(SbiError.FAULTED, Cause.FETCH_ACCESS)


def test_eight_enclaves_live_side_by_side_and_there_is_no_room_for_a_ninth(
    firmware: Firmware, puppet_code: bytes
) -> None:
    with Machine(firmware, DEVICE_SECRET) as machine:
        puppets = [Puppet(machine, puppet_code) for _ in range(8)]
        assert sorted(puppet.handle.id for puppet in puppets) == list(range(8))
        for index, puppet in enumerate(puppets):
            assert puppet.store(puppet.scratch, index).error == SbiError.EDGE_CALL
        for index, puppet in enumerate(puppets):
            assert puppet.copy_out(puppet.scratch, 8) == index.to_bytes(8, "little")
            assert machine.mailbox.load(puppet.epm) == Fault(Cause.LOAD_ACCESS, puppet.epm)
        utm, epm = machine.pool.shared(4096), machine.pool.private(16384)
        record = puppets[0].handle.record
        ninth = type(record)(
            epm.start, 16384, utm.start, 4096, epm.start + 4096, epm.start + 8192, epm.start + 12288
        )
        assert machine.create(ninth).error == SbiError.NO_FREE_RESOURCE
        puppets[3].handle.destroy()
        machine.write(epm.start + 4096, b"TTEECFG1")
        assert machine.create(ninth) == SbiResult(SbiError.OK, 3)
        assert machine.mailbox.sbi(Call.DESTROY, 3).error == SbiError.OK
