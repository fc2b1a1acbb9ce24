# SPDX-License-Identifier: Apache-2.0
"""The host's page tables against enclaves.

The attacker owns `satp`. He maps an address of his onto an enclave's frame, lets the processor walk through
the enclave's memory as if it were a page table, or leaves his translation on when he enters an enclave, so
that it would run on his pages. PMP checks physical addresses, after translation and at each step of a walk;
and the monitor turns translation off for enclaves (`satp` in firmware/monitor/world.c).
"""

from __future__ import annotations

import struct

import pytest

from tests.attacks.hands import Died, EvilEnclave, HostHand, csr_instruction
from ttee.tee.riscv.mailbox import Cause, Fault

ROOT, MIDDLE, LEAF = 0x8033_0000, 0x8033_1000, 0x8033_2000
SATP = 8 << 60 | ROOT >> 12  # Sv39
WINDOW = 0x4000_0000
"""A virtual address that the host maps wherever it likes; RAM keeps its place."""

V, R, W, X, U, A, D = (1 << bit for bit in (0, 1, 2, 3, 4, 6, 7))
ALL = V | R | W | X | A | D


def entry(address: int, flags: int) -> bytes:
    return struct.pack("<Q", address >> 12 << 10 | flags)


def map_window(host: HostHand, frame: int, flags: int = ALL) -> None:
    """ROOT: 1 GiB of RAM where it is, and the window through two more tables."""
    write = host.machine.write
    for table in (ROOT, MIDDLE, LEAF):
        write(table, bytes(4096))
    write(ROOT + 8 * 2, entry(0x8000_0000, ALL))
    write(ROOT + 8 * 1, entry(MIDDLE, V))
    write(MIDDLE, entry(LEAF, V))
    write(LEAF, entry(frame, flags))


def through(host: HostHand, what: str, value: int = 0) -> tuple[int, int]:
    result = host.attack(f"translated_{what}", SATP, WINDOW, value)
    assert not isinstance(result, Fault)
    return result


def test_the_window_works_on_the_hosts_own_memory(host: HostHand) -> None:
    """The control: what the attacker maps, he can read and write."""
    map_window(host, 0x8034_0000)
    host.machine.write(0x8034_0000, b"8 bytes.")
    assert through(host, "load") == (0, int.from_bytes(b"8 bytes.", "little"))
    assert through(host, "store", 5)[0] == 0
    assert host.machine.read(0x8034_0000, 8) == struct.pack("<Q", 5)


@pytest.mark.parametrize(
    ("what", "cause"),
    [("load", Cause.LOAD_ACCESS), ("store", Cause.STORE_ACCESS), ("jump", Cause.FETCH_ACCESS)],
)
@pytest.mark.parametrize("victim", ["enclave", "monitor"])
def test_mapping_a_closed_frame_does_not_open_it(
    host: HostHand, evil: EvilEnclave, victim: str, what: str, cause: Cause
) -> None:
    frame = evil.epm if victim == "enclave" else 0x8000_0000
    before = host.machine.read(frame, 4096)
    map_window(host, frame)
    assert through(host, what, 0x666)[0] == cause
    assert host.machine.read(frame, 4096) == before


def test_the_walker_does_not_read_its_tables_from_an_enclave(host: HostHand, evil: EvilEnclave) -> None:
    """Were a walk allowed there, the host could read the enclave's words as page table entries, and find
    out what they are.

    The enclave even helps: it lays down a proper entry for the host's own memory.
    """
    evil.put(evil.scratch, entry(0x8034_0000, ALL))
    map_window(host, 0x8034_0000)
    host.machine.write(MIDDLE, entry(evil.scratch, V))
    assert through(host, "load")[0] == Cause.LOAD_ACCESS
    assert through(host, "store")[0] == Cause.STORE_ACCESS
    assert through(host, "jump")[0] == Cause.FETCH_ACCESS


def test_the_walker_does_not_set_bits_in_an_enclave(host: HostHand, evil: EvilEnclave) -> None:
    """A walk may write: it sets the accessed and dirty bits of the entry it used."""
    evil.put(evil.scratch, entry(0x8034_0000, V | R | W))  # neither accessed nor dirty
    before = host.machine.read(evil.epm, 64 << 10)
    map_window(host, 0x8034_0000)
    host.machine.write(MIDDLE, entry(evil.scratch, V))
    assert through(host, "store", 1)[0] == Cause.STORE_ACCESS
    assert host.machine.read(evil.epm, 64 << 10) == before


def test_a_stale_translation_does_not_survive_the_closing_of_a_frame(
    host: HostHand, evil: EvilEnclave
) -> None:
    """He reads a frame through his mapping first, so that the processor remembers it, and has it made an
    enclave then.
    """
    record = evil.handle.record
    evil.handle.destroy()
    map_window(host, record.epm)
    assert through(host, "load")[0] == 0
    handle = host.machine.create_enclave(*evil.images, epm_size=record.epm_size, utm_size=record.utm_size)
    try:
        assert handle.record.epm == record.epm
        assert through(host, "load")[0] == Cause.LOAD_ACCESS
    finally:
        handle.destroy()


def test_an_enclave_does_not_run_on_the_hosts_page_tables(host: HostHand, evil: EvilEnclave) -> None:
    """He enters the enclave with translation on, all its addresses mapped to a copy that he controls.

    The enclave finds its own memory, at its own addresses; and finds the page tables on again nowhere.
    """
    secret = 0x0123_4567_89AB_CDEF
    evil.put(evil.scratch, struct.pack("<Q", secret))
    write = host.machine.write
    for table in (ROOT, MIDDLE, LEAF):
        write(table, bytes(4096))
    write(ROOT + 8 * 2, entry(MIDDLE, V))
    for number in range(512):  # 1 GiB in steps of 2 MiB, all as it is ...
        write(MIDDLE + 8 * number, entry(0x8000_0000 + (number << 21), ALL))
    fake = 0x8100_0000
    write(MIDDLE + 8 * ((evil.epm - 0x8000_0000) >> 21), entry(fake, ALL | U))  # ... but for the enclave
    write(fake, b"\x73\0\0\0" * 1024)
    satp = 0x180
    try:
        assert host.execute(csr_instruction(satp, write=True), SATP) == (0, 0)
        assert evil.attack("load", evil.scratch) == (secret, 0)
        assert not isinstance(evil.attack("store", evil.scratch, 1), Died)
        assert host.execute(csr_instruction(satp, write=True), 0) == (
            SATP,
            0,
        )  # and the host has its own back
    finally:
        host.execute(csr_instruction(satp, write=True), 0)
    assert evil.get(evil.scratch, 8) == struct.pack("<Q", 1)
