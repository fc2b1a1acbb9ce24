# SPDX-License-Identifier: Apache-2.0
"""The life of an enclave: what it starts with, what it can ask the monitor for, and how it ends."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from attrs import evolve

from tests.tee.riscv.keys import Keys
from tests.tee.riscv.puppet import DEVICE_SECRET, Puppet, config_page
from ttee.errors import TeeError, TeeTimeoutError
from ttee.tee.keystone import eddsa
from ttee.tee.riscv.claims import MonitorClaims
from ttee.tee.riscv.firmware import Firmware
from ttee.tee.riscv.machine import HOST_BASE, MONITOR_BASE, POOL_BASE, RECORD_BASE, Machine
from ttee.tee.riscv.mailbox import SBI_TIME, SBI_TTEE, Call, Operation, Reply, SbiError, SbiResult
from ttee.tee.riscv.measure import enclave_measurement

ILLEGAL = SbiResult(SbiError.ILLEGAL_ARGUMENT)
FOREVER = 1 << 62
SIGNER = bytes(range(50, 82))


# --- the start -----------------------------------------------------------------------------------------


def test_an_enclave_starts_with_its_addresses_in_registers_and_zeros_in_all_others(puppet: Puppet) -> None:
    r = puppet.handle.record
    expected = [0] * 32
    expected[11:18] = [r.epm, r.epm_size, r.runtime, r.user, r.free, r.utm, r.utm_size]
    assert puppet.entry_registers == expected


def test_the_measurement_is_what_python_computes_from_the_three_images(puppet: Puppet) -> None:
    report, _ = puppet.evidence(bytes(64))
    assert report[:64] == enclave_measurement(*puppet.images) == puppet.handle.measurement


def test_free_memory_and_shared_pages_are_zeroed_before_the_enclave_sees_them(
    machine: Machine, puppet_code: bytes
) -> None:
    """The host left something there, hoping that the enclave would take it for its own."""
    end = 0x8000_0000 + len(machine.ram)
    machine.write(end - 0x10000, b"\xee" * 0x10000)
    machine.write(POOL_BASE, b"\xee" * 0x4000)
    puppet = Puppet(machine, puppet_code)
    assert puppet.handle.record.epm == end - 0x10000
    assert puppet.copy_out(puppet.scratch, 4096) == bytes(4096)
    assert not any(puppet.handle.utm[8192:])


# --- what it can ask for -------------------------------------------------------------------------------


def test_the_claims_say_what_the_monitor_knows_and_the_report_signs_their_digest(puppet: Puppet) -> None:
    report_data = hashlib.sha512(b"anything").digest()
    report, claims = puppet.evidence(report_data)
    assert MonitorClaims.decode(claims) == MonitorClaims(
        svn=1,
        debug=False,
        app_svn=1,
        profile="ttee/riscv/1",
        epm_size=puppet.handle.record.epm_size,
        platform="qemu-virt",
        utm_size=puppet.handle.record.utm_size,
        authority=b"",
        registers=(bytes(48),) * 4,
        report_data=report_data,
    )
    assert int.from_bytes(report[64:72], "little") == 64
    assert report[72:136] == hashlib.sha512(b"ttee/riscv-claims/1" + claims).digest()
    assert not any(report[136:1096])


def test_registers_extend_as_sha384_of_what_was_and_what_comes(puppet: Puppet) -> None:
    digests = [hashlib.sha384(bytes([n])).digest() for n in range(3)]
    expected = [bytes(48)] * 4
    for register, digest in ((0, digests[0]), (3, digests[1]), (3, digests[2])):
        puppet.copy_in(puppet.scratch, digest)
        assert puppet.sbi(Call.EXTEND, register, puppet.scratch) == SbiResult(SbiError.OK)
        expected[register] = hashlib.sha384(expected[register] + digest).digest()
    _, claims = puppet.evidence(bytes(64))
    assert MonitorClaims.decode(claims).registers == tuple(expected)
    assert puppet.sbi(Call.EXTEND, 4, puppet.scratch) == ILLEGAL


def test_random_bytes_differ_each_time_and_fill_exactly_what_was_asked(puppet: Puppet) -> None:
    seen = set()
    for size in (1, 31, 64, 64):
        puppet.copy_in(puppet.scratch, bytes(80))
        assert puppet.sbi(Call.RANDOM, puppet.scratch, size) == SbiResult(SbiError.OK)
        data = puppet.copy_out(puppet.scratch, 80)
        assert not any(data[size:])
        seen.add(data)
    assert len(seen) == 4
    assert puppet.sbi(Call.RANDOM, puppet.scratch, 65) == ILLEGAL


def derive(puppet: Puppet, *, policy: int, svn: int = 0, path: bytes = b"ttee/seal/1") -> bytes | SbiResult:
    at = puppet.scratch
    words = (at + 512, policy, svn, at + 256, len(path), 0)
    puppet.copy_in(at, b"".join(word.to_bytes(8, "little") for word in words))
    puppet.copy_in(at + 256, path or b"\0")
    result = puppet.sbi(Call.DERIVE, at)
    return puppet.copy_out(at + 512, 32) if result == SbiResult(SbiError.OK) else result


def signed_puppet(machine: Machine, code: bytes, *, svn: int = 3, signer: bytes = SIGNER) -> Puppet:
    config = config_page(authority=eddsa.public_key(SIGNER), svn=svn)
    measurement = enclave_measurement(code, config, b"app")
    signature = eddsa.sign(signer, b"ttee/enclave/1" + measurement + svn.to_bytes(8, "little"))
    return Puppet(machine, code, config=config, signature=signature)


def test_sealing_keys_are_those_of_the_specification(
    firmware: Firmware, machine: Machine, puppet_code: bytes
) -> None:
    keys = Keys(DEVICE_SECRET, firmware.monitor_hash)
    puppet = signed_puppet(machine, puppet_code)
    authority = eddsa.public_key(SIGNER)
    assert derive(puppet, policy=0, path=b"a") == keys.seal_by_measurement(puppet.handle.measurement, b"a")
    assert derive(puppet, policy=0, path=b"") == keys.seal_by_measurement(puppet.handle.measurement, b"")
    for svn in (0, 2, 3):
        assert derive(puppet, policy=1, svn=svn) == keys.seal_by_authority(authority, svn, b"ttee/seal/1")


def test_an_app_cannot_have_the_key_of_a_newer_version_nor_of_no_authority(
    machine: Machine, puppet_code: bytes
) -> None:
    assert derive(signed_puppet(machine, puppet_code), policy=1, svn=4) == ILLEGAL
    unsigned = Puppet(machine, puppet_code)
    assert derive(unsigned, policy=1, svn=0) == ILLEGAL
    assert derive(unsigned, policy=2) == ILLEGAL
    assert derive(unsigned, policy=0, path=bytes(257)) == ILLEGAL


def test_an_app_that_names_an_authority_needs_its_signature(machine: Machine, puppet_code: bytes) -> None:
    with pytest.raises(TeeError, match="illegal argument"):
        signed_puppet(machine, puppet_code, signer=bytes(32))
    assert signed_puppet(machine, puppet_code).evidence(bytes(64))[1].count(eddsa.public_key(SIGNER)) == 1


def test_pointers_count_only_inside_the_enclaves_own_memory(puppet: Puppet) -> None:
    r = puppet.handle.record
    end = r.epm + r.epm_size
    puppet.copy_in(puppet.scratch, bytes(64))
    outside = (0, MONITOR_BASE, HOST_BASE, r.utm, r.epm - 8, end - 8, end, (1 << 64) - 8)
    for address in outside:
        assert puppet.sbi(Call.RANDOM, address, 64) == ILLEGAL, hex(address)
        assert puppet.sbi(Call.EXTEND, 0, address) == ILLEGAL, hex(address)
        assert puppet.sbi(Call.DERIVE, address) == ILLEGAL, hex(address)
        assert puppet.sbi(Call.EVIDENCE, address, 4096, puppet.scratch) == ILLEGAL, hex(address)
        assert puppet.sbi(Call.EVIDENCE, puppet.scratch, 4096, address) == ILLEGAL, hex(address)
    for capacity in (0, 1352, 1739, (1 << 64) - 1, (1 << 64) - puppet.scratch):
        assert puppet.sbi(Call.EVIDENCE, puppet.scratch, capacity, puppet.scratch) == ILLEGAL, capacity
    assert puppet.sbi(Call.EVIDENCE, puppet.scratch, 1740, puppet.scratch) == SbiResult(SbiError.OK, 1740)


def test_derive_checks_the_pointers_inside_its_record_too(puppet: Puppet) -> None:
    at = puppet.scratch
    for out, path, reserved in (
        (HOST_BASE, at, 0),
        (puppet.handle.record.utm, at, 0),
        (at, MONITOR_BASE, 0),
        (at, (1 << 64) - 8, 0),
        (at, at, 1),
    ):
        puppet.copy_in(at, b"".join(word.to_bytes(8, "little") for word in (out, 0, 0, path, 16, reserved)))
        assert puppet.sbi(Call.DERIVE, at) == ILLEGAL


def test_calls_of_the_wrong_world_and_unknown_ones_are_refused(machine: Machine, puppet: Puppet) -> None:
    for call in (Call.CREATE, Call.DESTROY, Call.RUN, Call.RESUME):
        assert puppet.sbi(call) == SbiResult(SbiError.WRONG_CALLER)
    for function in (Call.RANDOM, Call.STOP, Call.EXIT, Call.EXTEND, Call.EVIDENCE, Call.DERIVE, 3002):
        assert machine.mailbox.sbi(function) == SbiResult(SbiError.WRONG_CALLER)
    for function in (0, 1, 1999, 4000, (1 << 64) - 1):
        assert machine.mailbox.sbi(function) == SbiResult(SbiError.NOT_SUPPORTED)
        assert puppet.sbi(function) == SbiResult(SbiError.NOT_SUPPORTED)
    assert machine.mailbox.sbi(2004) == SbiResult(SbiError.NOT_SUPPORTED)
    assert puppet.sbi(3002, puppet.scratch, puppet.scratch, 64) == SbiResult(SbiError.NOT_SUPPORTED)
    assert puppet.sbi(0, extension=SBI_TIME) == SbiResult(SbiError.NOT_SUPPORTED)
    assert machine.mailbox.sbi(0, extension=0x10) == SbiResult(SbiError.NOT_SUPPORTED)


# --- creation ------------------------------------------------------------------------------------------


def test_every_lie_in_a_creation_record_is_refused(machine: Machine, puppet_code: bytes) -> None:
    """Sizes, alignment, order, wrap-around, and the monitor's, the host's and nobody's memory."""
    puppet = Puppet(machine, puppet_code)
    good = puppet.handle.record
    puppet.handle.destroy()
    top = 1 << 64
    size, utm_size = good.epm_size, good.utm_size
    lies: dict[str, dict[str, Any]] = {
        "EPM over the monitor": {"epm": MONITOR_BASE},
        "EPM over the host": {"epm": HOST_BASE},
        "EPM over the mailbox": {"epm": 0x8020_0000},
        "EPM in no memory": {"epm": 0x9000_0000},
        "EPM below RAM": {"epm": 0},
        "EPM at the end of the address space": {"epm": top - size},
        "EPM not aligned": {"epm": good.epm - 4096},
        "EPM not a power of two": {"epm_size": size - 4096},
        "EPM too small": {"epm_size": 2048},
        "EPM of no size": {"epm_size": 0},
        "EPM of half the address space": {"epm": 0, "epm_size": 1 << 63},
        "UTM over the monitor": {"utm": MONITOR_BASE},
        "UTM over the host": {"utm": HOST_BASE},
        "UTM over CLINT": {"utm": 0x0200_0000},
        "UTM at the end of the address space": {"utm": top - utm_size},
        "UTM not aligned": {"utm": good.utm + 4096},
        "UTM not a power of two": {"utm_size": 12288},
        "UTM of no size": {"utm_size": 0},
        "config before the runtime": {"runtime": good.epm},
        "config below the EPM": {"runtime": good.epm - 4096},
        "config not aligned": {"runtime": good.runtime + 1},
        "config of two pages": {"user": good.user + 4096, "free": good.free + 4096},
        "config of no page": {"user": good.runtime},
        "app before the config": {"user": good.epm},
        "free before the app": {"free": good.user - 4096},
        "free past the end": {"free": good.epm + size + 4096},
        "free at the end of the address space": {"free": top - 4096},
        "a reserved word": {"reserved": 1},
    }
    for lie, change in lies.items():
        assert machine.create(evolve(good, **change)) == ILLEGAL, lie
    for utm in (good.epm, good.epm + size - utm_size):
        assert machine.create(evolve(good, utm=utm)) == SbiResult(SbiError.OVERLAP)
    machine.write(good.epm, b"".join(image.ljust(4096, b"\0") for image in puppet.images))
    assert machine.create(good) == SbiResult(SbiError.OK, 0)


def test_enclaves_cannot_be_laid_over_each_other(machine: Machine, puppet_code: bytes) -> None:
    first = Puppet(machine, puppet_code).handle.record
    spare = evolve(
        first,
        epm=first.epm - first.epm_size,
        utm=first.utm + first.utm_size,
        runtime=first.runtime - first.epm_size,
        user=first.user - first.epm_size,
        free=first.free - first.epm_size,
    )
    assert machine.create(first) == SbiResult(SbiError.OVERLAP)
    assert machine.create(evolve(spare, utm=first.utm)) == SbiResult(SbiError.OVERLAP)
    assert machine.create(evolve(spare, utm=first.epm)) == SbiResult(SbiError.OVERLAP)
    over = evolve(
        first,
        epm=first.utm,
        epm_size=16384,
        runtime=first.utm + 4096,
        user=first.utm + 8192,
        free=first.utm + 8192,
    )
    assert machine.create(evolve(over, utm=spare.utm)) == SbiResult(SbiError.OVERLAP)


def test_the_creation_record_itself_must_lie_in_the_hosts_memory(machine: Machine, puppet: Puppet) -> None:
    for address in (
        0,
        MONITOR_BASE,
        0x801F_FFC0,
        puppet.epm,
        puppet.epm + puppet.handle.record.epm_size - 64,
        puppet.epm - 64,
        0x8000_0000 + len(machine.ram) - 64,
        (1 << 64) - 128,
        RECORD_BASE + 1,
    ):
        assert machine.mailbox.sbi(Call.CREATE, address) == ILLEGAL, hex(address)


def test_a_config_page_without_its_magic_is_no_enclave(machine: Machine, puppet_code: bytes) -> None:
    with pytest.raises(TeeError, match="refused to create the enclave: illegal argument"):
        Puppet(machine, puppet_code, config=bytes(4096))
    assert Puppet(machine, puppet_code).handle.id == 0


# --- running, stopping, ending ---------------------------------------------------------------------------


def raw_resume(machine: Machine, puppet: Puppet) -> Reply:
    """One call to the monitor: back after one slice at the latest."""
    return machine.mailbox.request(Operation.SBI, puppet.handle.id, 0, 0, 0, 0, 0, Call.RESUME, SBI_TTEE)


def test_an_enclave_is_run_once_resumed_while_it_lives_and_never_after_its_exit(
    machine: Machine, puppet: Puppet
) -> None:
    assert puppet.handle.run() == SbiResult(SbiError.NOT_FRESH)
    assert puppet.obey(7, 42) == SbiResult(SbiError.EDGE_CALL, 42)
    puppet.words[0:8] = memoryview(
        b"".join(n.to_bytes(8, "little") for n in (0, 9, 0, 0, 0, 0, 0, Call.EXIT))
    ).cast("Q")
    puppet.words[8] = SBI_TTEE
    assert puppet.handle.resume() == SbiResult(SbiError.OK, 9)
    assert puppet.handle.resume() == SbiResult(SbiError.NOT_RUNNABLE)
    assert puppet.handle.run() == SbiResult(SbiError.NOT_FRESH)
    puppet.handle.destroy()
    assert machine.mailbox.run(puppet.handle.id) == ILLEGAL
    assert machine.mailbox.sbi(Call.DESTROY, puppet.handle.id) == ILLEGAL


def test_a_fresh_enclave_cannot_be_resumed_and_unknown_ones_cannot_be_anything(
    machine: Machine, puppet_code: bytes
) -> None:
    handle = machine.create_enclave(puppet_code, config_page(), b"", epm_size=1 << 16, utm_size=1 << 14)
    assert handle.resume() == SbiResult(SbiError.NOT_RUNNABLE)
    for unknown in (1, 7, 8, 1 << 32, (1 << 64) - 1):
        for call in (Call.RUN, Call.RESUME, Call.DESTROY):
            assert machine.mailbox.sbi(call, unknown) == ILLEGAL


def test_a_stuck_enclave_is_interrupted_and_can_go_on_or_be_destroyed(
    machine: Machine, puppet: Puppet
) -> None:
    """One slice is 10 ms; the raw call returns after it, while `resume` of the mailbox goes on until the deadline."""
    puppet.words[0], puppet.words[1] = 4, FOREVER
    reply = raw_resume(machine, puppet)
    assert reply.status == SbiError.INTERRUPTED
    assert reply.ticks >= 100_000
    with pytest.raises(TeeTimeoutError, match="interrupted after"):
        puppet.handle.resume(timeout=0.05)
    with pytest.raises(TeeTimeoutError, match="interrupted after"):
        puppet.handle.resume(timeout=0.05)
    puppet.handle.destroy()


def test_an_interrupted_enclave_goes_on_as_if_nothing_had_happened(puppet: Puppet) -> None:
    puppet.copy_in(puppet.scratch, b"kept over many slices")
    assert puppet.spin(200_000_000) == SbiResult(SbiError.EDGE_CALL, 1)
    assert puppet.copy_out(puppet.scratch, 21) == b"kept over many slices"


def test_the_hosts_timer_does_not_stop_an_enclave(firmware: Firmware, puppet_code: bytes) -> None:
    """Else the host could stop it after any instruction it likes, and watch it step by step."""
    with Machine(firmware, DEVICE_SECRET, icount=True) as machine:
        puppet = Puppet(machine, puppet_code)
        machine.mailbox.sbi(0, 0, extension=SBI_TIME)  # a deadline long past
        puppet.words[0], puppet.words[1] = 4, 100_000
        reply = raw_resume(machine, puppet)
        assert reply.status == SbiError.EDGE_CALL
        assert reply.instructions > 100_000


def test_with_a_counted_clock_and_a_seed_two_runs_are_the_same_to_the_last_instruction(
    firmware: Firmware, puppet_code: bytes
) -> None:
    def story() -> tuple[bytes, bytes, bytes, int]:
        with Machine(firmware, DEVICE_SECRET, icount=True, seed=7) as machine:
            puppet = Puppet(machine, puppet_code)
            puppet.sbi(Call.RANDOM, puppet.scratch, 64)
            dice = puppet.copy_out(puppet.scratch, 64)
            puppet.words[0], puppet.words[1] = 4, 1_000_000
            reply = machine.mailbox.request(Operation.RESUME, puppet.handle.id)
            return (*puppet.evidence(dice), dice, reply.instructions)

    assert story() == story()
