# SPDX-License-Identifier: Apache-2.0
"""The host lies to `create`.

The attacker passes the monitor a creation record of his choice. He wants an enclave whose memory is also
somebody else's: the monitor's, another enclave's, his own; or he wants the monitor to read, wipe or open
what it should not. The monitor copies the record once and checks it with arithmetic that cannot wrap
(firmware/monitor/bounds.h); a refusal changes nothing. `allowed` below says the same rules a second time,
over Python's unbounded integers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from attrs import evolve
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.attacks.hands import DEVICE_SECRET, EVERY_WAY, Attacks, Died, EvilEnclave, HostHand, evil_config
from ttee.tee.riscv.enclave import CreationRecord
from ttee.tee.riscv.firmware import Firmware
from ttee.tee.riscv.machine import HOST_BASE, MAILBOX_BASE, MONITOR_BASE, POOL_BASE, RECORD_BASE, Machine
from ttee.tee.riscv.mailbox import Call, Cause, Fault, SbiError, SbiResult
from ttee.tee.riscv.measure import padded

PAGE = 4096
RAM_SIZE = 16 << 20
RAM_END = 0x8000_0000 + RAM_SIZE
TOP = 1 << 64
SLOTS = 8

EPM = 0x80C0_0000
UTM = 0x80B0_0000
VALID = CreationRecord(
    epm=EPM,
    epm_size=0x10000,
    utm=UTM,
    utm_size=0x2000,
    runtime=EPM + PAGE,
    user=EPM + 2 * PAGE,
    free=EPM + 3 * PAGE,
)


def is_power_of_two(n: int) -> bool:
    return n > 0 and n.bit_count() == 1


def overlap(a: range, b: range) -> bool:
    return max(a.start, b.start) < min(a.stop, b.stop)


def allowed(record: CreationRecord, taken: list[range]) -> SbiError:
    """What the specification says about a record, while the ranges `taken` belong to living enclaves."""
    epm = range(record.epm, record.epm + record.epm_size)
    utm = range(record.utm, record.utm + record.utm_size)
    for region in (epm, utm):
        size = region.stop - region.start
        if size < PAGE or not is_power_of_two(size) or region.start % size:
            return SbiError.ILLEGAL_ARGUMENT
        if region.start < POOL_BASE or region.stop > RAM_END:
            return SbiError.ILLEGAL_ARGUMENT
    if record.reserved or any(at % PAGE for at in (record.runtime, record.user, record.free)):
        return SbiError.ILLEGAL_ARGUMENT
    if not epm.start < record.runtime < record.user <= record.free <= epm.stop:
        return SbiError.ILLEGAL_ARGUMENT
    if record.user - record.runtime != PAGE:
        return SbiError.ILLEGAL_ARGUMENT
    if overlap(epm, utm) or any(overlap(mine, theirs) for mine in (epm, utm) for theirs in taken):
        return SbiError.OVERLAP
    return SbiError.OK


@pytest.fixture(scope="module")
def machine(firmware: Firmware) -> Iterator[Machine]:
    """Little RAM, so that all of it can be compared."""
    with Machine(firmware, DEVICE_SECRET, ram_size=RAM_SIZE) as machine:
        yield machine


def snapshot(machine: Machine) -> list[bytes]:
    """All RAM but what moves by itself: the monitor's variables and stack, mailbox, record, and the host's
    stack.
    """
    parts = [
        (MONITOR_BASE, len(machine.firmware.monitor)),
        (RECORD_BASE + PAGE, 0x804F_0000 - RECORD_BASE - PAGE),
        (POOL_BASE, RAM_END - POOL_BASE),
    ]
    return [machine.read(start, size) for start, size in parts]


def lay_images(machine: Machine, record: CreationRecord) -> None:
    """A config page where the record says it is, if that can be at all."""
    if POOL_BASE <= record.runtime <= RAM_END - PAGE:
        machine.write(record.runtime, evil_config())


@pytest.fixture(autouse=True)
def clean(machine: Machine) -> Iterator[None]:
    yield
    for slot in range(SLOTS):
        machine.mailbox.sbi(Call.DESTROY, slot)


def test_the_valid_record_is_accepted(machine: Machine) -> None:
    """The control; the records below differ from it in one lie each."""
    lay_images(machine, VALID)
    assert machine.create(VALID) == SbiResult(SbiError.OK, 0)


LIES = {
    "EPM over the monitor": evolve(VALID, epm=MONITOR_BASE, runtime=MONITOR_BASE + PAGE),
    "EPM over the mailbox": evolve(VALID, epm=MAILBOX_BASE, runtime=MAILBOX_BASE + PAGE),
    "EPM over the host": evolve(VALID, epm=HOST_BASE),
    "EPM below RAM": evolve(VALID, epm=0x7FFF_0000),
    "EPM over the boot ROM": evolve(VALID, epm=0x2000_0000),
    "EPM behind the end of RAM": evolve(VALID, epm=RAM_END),
    "EPM across the end of RAM": evolve(VALID, epm=RAM_END - 0x8000),
    "EPM at 0": evolve(VALID, epm=0),
    "EPM that wraps around": evolve(VALID, epm=TOP - 0x10000),
    "EPM that wraps around onto the monitor": evolve(VALID, epm=TOP - 0x8000_0000, epm_size=1 << 63),
    "EPM of all memory there could be": evolve(VALID, epm=0, epm_size=1 << 63),
    "EPM of size 0": evolve(VALID, epm_size=0),
    "EPM of size 1": evolve(VALID, epm_size=1),
    "EPM below a page": evolve(VALID, epm_size=2048),
    "EPM of the largest number": evolve(VALID, epm_size=TOP - 1),
    "EPM that is no power of two": evolve(VALID, epm_size=0x18000),
    "EPM that is not aligned to its size": evolve(VALID, epm=EPM + 0x8000),
    "EPM that is not aligned to a page": evolve(VALID, epm=EPM + 8),
    "UTM over the monitor": evolve(VALID, utm=MONITOR_BASE),
    "UTM over the monitor's timer": evolve(VALID, utm=0x0200_0000),
    "UTM over the boot ROM": evolve(VALID, utm=0x2000_0000),
    "UTM over the console": evolve(VALID, utm=0x1000_0000, utm_size=PAGE),
    "UTM over the mailbox": evolve(VALID, utm=MAILBOX_BASE),
    "UTM of size 0": evolve(VALID, utm_size=0),
    "UTM that is no power of two": evolve(VALID, utm_size=0x3000),
    "UTM that wraps around": evolve(VALID, utm=TOP - 0x2000),
    "UTM of the largest number": evolve(VALID, utm_size=TOP - 1),
    "no runtime": evolve(VALID, runtime=EPM, user=EPM + PAGE),
    "config before the EPM": evolve(VALID, runtime=EPM - PAGE, user=EPM),
    "config of two pages": evolve(VALID, user=EPM + 3 * PAGE),
    "config of no page": evolve(VALID, user=EPM + PAGE),
    "config behind the app": evolve(VALID, runtime=EPM + 2 * PAGE, user=EPM + PAGE),
    "app behind free memory": evolve(VALID, free=EPM + PAGE),
    "free memory behind the EPM": evolve(VALID, free=EPM + 0x11000),
    "free memory that wraps around": evolve(VALID, free=TOP - PAGE),
    "free memory in the monitor": evolve(VALID, free=MONITOR_BASE),
    "config in the monitor": evolve(VALID, runtime=MONITOR_BASE, user=MONITOR_BASE + PAGE),
    "config off its page": evolve(VALID, runtime=EPM + PAGE + 8, user=EPM + 2 * PAGE + 8),
    "free memory off its page": evolve(VALID, free=EPM + 3 * PAGE + 1),
    "something in `reserved`": evolve(VALID, reserved=1),
}


@pytest.mark.parametrize("record", LIES.values(), ids=LIES.keys())
def test_a_lie_is_refused_and_changes_nothing(host: HostHand, record: CreationRecord) -> None:
    lay_images(host.machine, record)
    before = snapshot(host.machine)
    assert allowed(record, []) == SbiError.ILLEGAL_ARGUMENT
    assert host.machine.create(record) == SbiResult(SbiError.ILLEGAL_ARGUMENT, 0)
    assert snapshot(host.machine) == before
    assert host.refusals(MONITOR_BASE) == EVERY_WAY
    assert not isinstance(host.mailbox.load(EPM), Fault)  # nothing was closed, either
    assert not isinstance(host.mailbox.load(UTM), Fault)


OVERLAPS = {
    "the same EPM": evolve(VALID, utm=UTM + 0x10000),
    "an EPM around it": evolve(VALID, epm_size=0x20000, utm=UTM + 0x10000),
    "an EPM within it": evolve(VALID, epm_size=0x4000, utm=UTM + 0x10000),
    "an EPM over its UTM": evolve(
        VALID, epm=UTM, runtime=UTM + PAGE, user=UTM + 2 * PAGE, free=UTM + 3 * PAGE, utm=UTM + 0x10000
    ),
    "a UTM over its EPM": evolve(
        VALID, epm=EPM + 0x10000, runtime=EPM + 0x11000, user=EPM + 0x12000, free=EPM + 0x13000, utm=EPM
    ),
    "the same UTM, so that two enclaves could talk past everybody": evolve(
        VALID, epm=EPM + 0x10000, runtime=EPM + 0x11000, user=EPM + 0x12000, free=EPM + 0x13000
    ),
}


@pytest.mark.parametrize("record", OVERLAPS.values(), ids=OVERLAPS.keys())
def test_memory_of_a_living_enclave_is_not_given_away(host: HostHand, record: CreationRecord) -> None:
    lay_images(host.machine, VALID)
    assert host.machine.create(VALID).error == SbiError.OK
    before = snapshot(host.machine)
    assert host.machine.create(record) == SbiResult(SbiError.OVERLAP, 0)
    assert snapshot(host.machine) == before
    assert host.refusals(EPM) == EVERY_WAY


def test_an_enclave_that_shares_its_own_memory_with_the_host_is_refused(machine: Machine) -> None:
    record = evolve(VALID, utm=EPM + 0xE000)
    lay_images(machine, record)
    assert machine.create(record) == SbiResult(SbiError.OVERLAP, 0)


RECORD_PLACES = {
    "in the monitor": MONITOR_BASE,
    "just below host memory": MAILBOX_BASE - 8,
    "in the boot ROM": 0x2000_0000,
    "in the timer": 0x0200_4000,
    "in no memory at all": 0x4000_0000,
    "at 0": 0,
    "across the end of RAM": RAM_END - 64,
    "across the end of all addresses": TOP - 64,
    "off its alignment": RECORD_BASE + 4,
    "in an enclave": EPM + 0x8000,
    "half in an enclave": EPM - 64,
}


@pytest.mark.parametrize("place", RECORD_PLACES.values(), ids=RECORD_PLACES.keys())
def test_a_record_is_read_from_host_memory_only(machine: Machine, place: int) -> None:
    """Else the monitor would read for the host what the host cannot read, and answer with what it found
    there.
    """
    lay_images(machine, VALID)
    assert machine.create(VALID).error == SbiError.OK
    other = evolve(
        VALID,
        epm=EPM + 0x10000,
        runtime=EPM + 0x11000,
        user=EPM + 0x12000,
        free=EPM + 0x13000,
        utm=UTM + 0x2000,
    )
    if place in (EPM + 0x8000, EPM - 64):
        machine.write(place, other.encode())
    before = snapshot(machine)
    assert machine.mailbox.sbi(Call.CREATE, place) == SbiResult(SbiError.ILLEGAL_ARGUMENT, 0)
    assert snapshot(machine) == before


def test_a_record_may_lie_in_the_memory_that_it_gives_away(machine: Machine) -> None:
    """It was copied before that memory was touched, so it means what it said."""
    lay_images(machine, VALID)
    machine.write(EPM + 0x8000, VALID.encode())
    assert machine.mailbox.sbi(Call.CREATE, EPM + 0x8000).error == SbiError.OK
    assert machine.read(EPM + 0x8000, 128) == bytes(128)


def test_a_record_that_changes_while_it_is_read_is_judged_by_what_was_copied(host: HostHand) -> None:
    """He flips the record between a good one and one that hands him the monitor, as fast as he can, while
    calling.

    Whatever mixture the monitor copied, it checks and uses the same copy: never is the bad half obeyed.
    """
    machine = host.machine
    lay_images(machine, VALID)
    bad = evolve(VALID, epm=MONITOR_BASE, epm_size=0x20_0000, free=MONITOR_BASE).encode()
    good = VALID.encode()
    stop = threading.Event()

    def flip() -> None:
        view = machine.view(RECORD_BASE, len(good))
        while not stop.is_set():
            view[:] = bad
            view[:] = good

    attacker = threading.Thread(target=flip)
    attacker.start()
    try:
        for _ in range(40):
            result = machine.mailbox.sbi(Call.CREATE, RECORD_BASE)
            assert result.error in (SbiError.OK, SbiError.ILLEGAL_ARGUMENT)
            if result.error == SbiError.OK:
                assert isinstance(host.mailbox.load(EPM), Fault)
                machine.mailbox.sbi(Call.DESTROY, result.value)
                lay_images(machine, VALID)
    finally:
        stop.set()
        attacker.join()
    assert host.refusals(MONITOR_BASE) == EVERY_WAY


def test_the_ninth_enclave_finds_no_place_and_the_eighth_may_go(machine: Machine) -> None:
    def nth(n: int) -> CreationRecord:
        base = EPM + n * 0x10000
        return evolve(
            VALID,
            epm=base,
            runtime=base + PAGE,
            user=base + 2 * PAGE,
            free=base + 3 * PAGE,
            utm=UTM + n * 0x2000,
        )

    for n in range(SLOTS):
        lay_images(machine, nth(n))
        assert machine.create(nth(n)) == SbiResult(SbiError.OK, n)
    lay_images(machine, nth(8))
    before = snapshot(machine)
    assert machine.create(nth(8)) == SbiResult(SbiError.NO_FREE_RESOURCE, 0)
    assert snapshot(machine) == before
    assert machine.mailbox.sbi(Call.DESTROY, 3).error == SbiError.OK
    assert machine.create(nth(8)) == SbiResult(SbiError.OK, 3)


def test_all_eight_are_closed_to_the_host_and_to_each_other(
    host: HostHand, breed: Callable[..., EvilEnclave]
) -> None:
    """Every PMP entry counts, the last slot's too."""
    all_eight = [breed() for _ in range(SLOTS)]
    for enclave in all_eight:
        assert host.refusals(enclave.epm) == EVERY_WAY
    for number, enclave in enumerate(all_eight):
        victim = all_eight[(number + 1) % SLOTS]
        assert enclave.attack("load", victim.epm) == Died(Cause.LOAD_ACCESS)


def places() -> st.SearchStrategy[int]:
    """Addresses near all edges, and any others."""
    edges = [0, MONITOR_BASE, MAILBOX_BASE, POOL_BASE, EPM, UTM, RAM_END, TOP - PAGE, 1 << 63]
    near = st.builds(
        lambda edge, pages, bytes_: (edge + pages * PAGE + bytes_) % TOP,
        st.sampled_from(edges),
        st.integers(-20, 20),
        st.sampled_from([0, 0, 0, 0, 8, -8, 1]),
    )
    return near | st.integers(0, TOP - 1)


def sizes() -> st.SearchStrategy[int]:
    return st.sampled_from([1 << bit for bit in range(10, 24)]) | places()


def records() -> st.SearchStrategy[CreationRecord]:
    """Records that are mostly right, for only those get far; and any others."""
    in_order = st.builds(
        lambda epm, epm_size, utm, utm_size, runtime, app: CreationRecord(
            epm=epm - epm % epm_size,
            epm_size=epm_size,
            utm=utm - utm % utm_size,
            utm_size=utm_size,
            runtime=epm - epm % epm_size + runtime * PAGE,
            user=epm - epm % epm_size + (runtime + 1) * PAGE,
            free=epm - epm % epm_size + (runtime + 1 + app) * PAGE,
        ),
        st.integers(POOL_BASE - 0x10000, RAM_END),
        st.sampled_from([1 << bit for bit in range(12, 20)]),
        st.integers(POOL_BASE - 0x10000, RAM_END),
        st.sampled_from([1 << bit for bit in range(12, 20)]),
        st.integers(0, 20),
        st.integers(0, 20),
    )
    anything = st.builds(
        CreationRecord,
        *(places(), sizes(), places(), sizes(), places(), places(), places()),
        reserved=st.sampled_from([0, 0, 0, 1, TOP - 1]),
    )
    one_lie = st.builds(
        lambda record, name, value: evolve(record, **{name: value}),
        in_order,
        st.sampled_from(["epm", "epm_size", "utm", "utm_size", "runtime", "user", "free"]),
        places(),
    )
    return in_order | one_lie | anything


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(VALID)
@given(records())
def test_the_monitor_allows_what_the_model_allows(host: HostHand, record: CreationRecord) -> None:
    """Any record, beside one living enclave. The two judges must agree, refusals must change nothing."""
    machine = host.machine
    lay_images(machine, VALID)
    first = machine.create(VALID)
    assert first.error == SbiError.OK
    taken = [range(VALID.epm, VALID.epm + VALID.epm_size), range(VALID.utm, VALID.utm + VALID.utm_size)]
    expected = allowed(record, taken)
    if expected == SbiError.OK:
        lay_images(machine, record)
    edges = [machine.read(place, PAGE) for place in (MONITOR_BASE, HOST_BASE, EPM, RAM_END - PAGE)]
    result = machine.create(record)
    try:
        assert result.error == expected
        if expected == SbiError.OK:
            assert host.refusals(record.epm) == EVERY_WAY
            assert host.refusals(record.epm + record.epm_size - 8) == EVERY_WAY
            assert machine.read(record.free, record.epm + record.epm_size - record.free).count(0) == (
                record.epm + record.epm_size - record.free
            )
            machine.mailbox.sbi(Call.DESTROY, result.value)
        else:
            assert [machine.read(p, PAGE) for p in (MONITOR_BASE, HOST_BASE, EPM, RAM_END - PAGE)] == edges
    finally:
        machine.mailbox.sbi(Call.DESTROY, first.value)


def test_an_image_that_changes_after_creation_is_not_what_runs(machine: Machine, attacks: Attacks) -> None:
    """Measured memory is closed before it is measured: there is no moment between the two for the host to
    use.
    """
    evil = EvilEnclave(machine, attacks)
    image = machine.read(evil.epm, len(padded(attacks.image)))
    assert image == padded(attacks.image)
    assert machine.mailbox.store(evil.epm, 0x73) is not None
    assert machine.read(evil.epm, len(image)) == image
    evil.handle.destroy()
