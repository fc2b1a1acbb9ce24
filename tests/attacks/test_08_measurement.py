# SPDX-License-Identifier: Apache-2.0
"""The host loads something else than what was measured, or measures something else than what it loads.

The attacker lays the images, so he may change them; the measurement must then be another. He wants two
different enclaves with one measurement: by a changed byte, by a moved border between images, by memory that
is not measured but not empty either. The monitor hashes all pages and their sizes (docs/spec/riscv.md,
section 3), after the memory is closed, and zeroes the rest. What he changes is found as the monitor's own
number, in its memory, beside ours.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.attacks.hands import Attacks, EvilEnclave, evil_config
from ttee.tee.keystone import eddsa
from ttee.tee.riscv.enclave import CreationRecord
from ttee.tee.riscv.machine import MONITOR_BASE, Machine
from ttee.tee.riscv.mailbox import Call, SbiError, SbiResult
from ttee.tee.riscv.measure import PAGE, enclave_measurement, padded

EPM, UTM = 0x8700_0000, 0x8600_0000
EPM_SIZE, UTM_SIZE = 0x2_0000, 0x2000
REFUSED = SbiResult(SbiError.ILLEGAL_ARGUMENT)


@pytest.fixture(autouse=True)
def clean(machine: Machine) -> Iterator[None]:
    yield
    machine.mailbox.sbi(Call.DESTROY, 0)


def record_of(runtime: bytes, app: bytes) -> CreationRecord:
    config_at = EPM + len(padded(runtime))
    return CreationRecord(
        epm=EPM,
        epm_size=EPM_SIZE,
        utm=UTM,
        utm_size=UTM_SIZE,
        runtime=config_at,
        user=config_at + PAGE,
        free=config_at + PAGE + len(padded(app)),
    )


def measured(machine: Machine, runtime: bytes, config: bytes, app: bytes) -> bytes:
    """What the monitor measures for these images: searched in its memory, where only it writes."""
    machine.write(EPM, padded(runtime) + padded(config) + padded(app))
    result = machine.create(record_of(runtime, app))
    assert result == SbiResult(SbiError.OK, 0)
    expected = enclave_measurement(runtime, config, app)
    found = machine.read(MONITOR_BASE, 0x20_0000).find(expected)
    assert found >= 0, "the monitor measured something else"
    return machine.read(MONITOR_BASE + found, 64)


RUNTIME = bytes(range(256)) * 32  # two pages
APP = b"an app" * 1000


def test_the_monitor_measures_what_we_measure(machine: Machine) -> None:
    assert measured(machine, RUNTIME, evil_config(), APP) == enclave_measurement(RUNTIME, evil_config(), APP)


@pytest.mark.parametrize("page", range(5))
def test_a_change_in_any_page_changes_the_measurement(machine: Machine, page: int) -> None:
    """Two pages of runtime, one of config, two of app; first and last byte of each."""
    images = padded(RUNTIME) + padded(evil_config()) + padded(APP)
    original = enclave_measurement(RUNTIME, evil_config(), APP)
    for at in (page * PAGE + 8, (page + 1) * PAGE - 1):
        changed = bytearray(images)
        changed[at] ^= 1
        runtime, config, app = bytes(changed[:8192]), bytes(changed[8192:12288]), bytes(changed[12288:])
        if config[:8] == b"TTEECFG1":
            if any(config[56:88]):
                continue
            assert measured(machine, runtime, config, app) != original
            machine.mailbox.sbi(Call.DESTROY, 0)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 5 * PAGE - 1), st.integers(1, 255))
def test_any_changed_byte_changes_the_measurement_or_is_refused(machine: Machine, at: int, flip: int) -> None:
    changed = bytearray(padded(RUNTIME) + padded(evil_config()) + padded(APP))
    changed[at] ^= flip
    runtime, config, app = bytes(changed[:8192]), bytes(changed[8192:12288]), bytes(changed[12288:])
    if config[:8] == b"TTEECFG1" and not any(config[56:88]):
        assert measured(machine, runtime, config, app) != enclave_measurement(RUNTIME, evil_config(), APP)
        machine.mailbox.sbi(Call.DESTROY, 0)
    else:  # no config page, or one that names an authority which did not sign
        machine.write(EPM, bytes(changed))
        assert machine.create(record_of(RUNTIME, APP)) == REFUSED


def test_moving_a_border_between_images_changes_the_measurement(machine: Machine) -> None:
    """The same bytes, read as another runtime and another app: the sizes are measured before the pages."""
    code, app = b"\x73" * PAGE, b"\x13" * PAGE
    pages = code + evil_config() + evil_config() + app
    seen = set()
    for first in (1, 2):
        machine.write(EPM, pages)
        config_at = EPM + first * PAGE
        record = evolve(record_of(code, app), runtime=config_at, user=config_at + PAGE, free=EPM + len(pages))
        assert machine.create(record) == SbiResult(SbiError.OK, 0)
        split = pages[: first * PAGE], evil_config(), pages[(first + 1) * PAGE :]
        assert enclave_measurement(*split) in machine.read(MONITOR_BASE, 0x20_0000)
        seen.add(enclave_measurement(*split))
        machine.mailbox.sbi(Call.DESTROY, 0)
    assert len(seen) == 2


def test_an_app_that_ends_earlier_or_later_is_another_app(machine: Machine) -> None:
    """Zero pages at the end are measured: an app cannot be cut where it happens to be zero."""
    short, long = b"app", b"app" + bytes(PAGE)
    one = measured(machine, RUNTIME, evil_config(), short)
    machine.mailbox.sbi(Call.DESTROY, 0)
    assert measured(machine, RUNTIME, evil_config(), long) != one


def test_where_an_enclave_lies_does_not_matter(breed: Callable[..., EvilEnclave]) -> None:
    """The same images elsewhere are the same enclave: the verifier does not know addresses."""
    first, second = breed(), breed()
    assert first.epm != second.epm
    reports = []
    for evil in (first, second):
        assert evil.sbi(Call.EVIDENCE, evil.scratch, 2048, evil.scratch).error == SbiError.OK
        reports.append(evil.get(evil.scratch, 64))
    assert reports[0] == reports[1] == first.handle.measurement


def test_an_enclave_never_sees_what_the_host_left_in_free_memory(
    machine: Machine, breed: Callable[..., EvilEnclave]
) -> None:
    """Memory that is neither measured nor zeroed is a way in for whoever wrote it: a forged heap, a return
    address.
    """
    first = breed()
    record = first.handle.record
    first.handle.destroy()
    machine.write(record.epm, b"\xaa" * record.epm_size)
    machine.write(record.utm, b"\xbb" * record.utm_size)
    second = breed()
    assert second.handle.record == record
    for at in range(record.free, second.epm_end - 2048, 2048):
        assert second.get(at, 2048) == bytes(2048)
    assert second.handle.measurement == first.handle.measurement


def test_an_enclave_never_sees_what_the_host_left_in_its_shared_pages(
    machine: Machine, attacks: Attacks
) -> None:
    machine.write(UTM, b"\xbb" * UTM_SIZE)
    measured(machine, attacks.image, evil_config(), b"")
    assert machine.read(UTM, UTM_SIZE) == bytes(UTM_SIZE)


# ---- Authorities: somebody whose signature the enclave demands for itself ----

SEED = bytes(range(32))
OWNER = eddsa.public_key(SEED)
L = eddsa.L


def signed(machine: Machine, config: bytes, signature: bytes) -> SbiResult:
    machine.write(EPM, padded(RUNTIME) + config + padded(APP))
    return machine.create(evolve(record_of(RUNTIME, APP), signature=signature))


def message(config: bytes, svn: int) -> bytes:
    return b"ttee/enclave/1" + enclave_measurement(RUNTIME, config, APP) + struct.pack("<Q", svn)


def test_the_owners_signature_is_accepted(machine: Machine) -> None:
    """The control."""
    config = evil_config(authority=OWNER, svn=7)
    assert signed(machine, config, eddsa.sign(SEED, message(config, 7))) == SbiResult(SbiError.OK, 0)


def forged_signatures() -> dict[str, bytes]:
    config = evil_config(authority=OWNER, svn=7)
    good = eddsa.sign(SEED, message(config, 7))
    s = int.from_bytes(good[32:], "little")
    other = evil_config(authority=OWNER, svn=8)
    return {
        "none": bytes(64),
        "all ones": b"\xff" * 64,
        "by another key": eddsa.sign(b"\x05" * 32, message(config, 7)),
        "of another enclave": eddsa.sign(SEED, message(evil_config(), 7)),
        "of another version": eddsa.sign(SEED, message(config, 8)),
        "of the next version of this enclave": eddsa.sign(SEED, message(other, 8)),
        "without its label": eddsa.sign(SEED, message(config, 7).removeprefix(b"ttee/enclave/1")),
        "of a monitor": eddsa.sign(SEED, b"ttee/monitor/1" + message(config, 7)[14:]),
        "one bit off in R": bytes([good[0] ^ 1]) + good[1:],
        "one bit off in S": good[:32] + bytes([good[32] ^ 1]) + good[33:],
        "S plus the order of the group": good[:32] + (s + L).to_bytes(32, "little"),
        "S is zero": good[:32] + bytes(32),
        "R is the identity": b"\x01" + bytes(31) + good[32:],
    }


@pytest.mark.parametrize("name", forged_signatures())
def test_an_enclave_that_names_an_authority_does_not_start_without_its_signature(
    machine: Machine, name: str
) -> None:
    assert signed(machine, evil_config(authority=OWNER, svn=7), forged_signatures()[name]) == REFUSED
    assert machine.read(EPM, EPM_SIZE) == bytes(EPM_SIZE)


SMALL_ORDER = {
    "the identity": b"\x01" + bytes(31),
    "order 2": (2**255 - 20).to_bytes(32, "little"),
    "order 4": bytes(32),
    "order 8": bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    "the identity, not canonical": (2**255 - 18).to_bytes(32, "little"),
    "not on the curve": b"\x02" + bytes(31),
}


@pytest.mark.parametrize("key", [key for key in SMALL_ORDER.values() if any(key)])
def test_a_degenerate_key_is_no_authority(machine: Machine, key: bytes) -> None:
    """Under a key of small order, one signature fits many messages: R is the identity, S is zero, nobody
    has a secret.
    """
    config = evil_config(authority=key)
    for r in (b"\x01" + bytes(31), key):
        assert signed(machine, config, r + bytes(32)) == REFUSED


def test_an_authority_of_zeros_is_none_and_its_keys_are_refused(breed: Callable[..., EvilEnclave]) -> None:
    """All zeros is a point of order 4; here it means that nobody owns this enclave."""
    evil = breed(signature=b"\x11" * 64)
    evil.put(evil.scratch, struct.pack("<6Q", evil.scratch + 64, 1, 0, 0, 0, 0))
    assert evil.sbi(Call.DERIVE, evil.scratch) == REFUSED


def owned(breed: Callable[..., EvilEnclave], attacks: Attacks, svn: int, app: bytes = b"") -> EvilEnclave:
    config = evil_config(authority=OWNER, svn=svn)
    measurement = enclave_measurement(attacks.image, config, app)
    signature = eddsa.sign(SEED, b"ttee/enclave/1" + measurement + struct.pack("<Q", svn))
    return breed(config=config, signature=signature, app=app)


def derive(evil: EvilEnclave, policy: int, svn: int, path: bytes = b"") -> bytes | None:
    evil.put(
        evil.scratch, struct.pack("<6Q", evil.scratch + 64, policy, svn, evil.scratch + 128, len(path), 0)
    )
    evil.put(evil.scratch + 128, path)
    result = evil.sbi(Call.DERIVE, evil.scratch)
    return evil.get(evil.scratch + 64, 32) if result.error == SbiError.OK else None


def test_an_older_version_cannot_have_the_newer_ones_keys(
    breed: Callable[..., EvilEnclave], attacks: Attacks
) -> None:
    """He brings back a version with a known flaw, to read what its successor has sealed."""
    old, new = owned(breed, attacks, 3), owned(breed, attacks, 5)
    assert derive(old, 1, 5) is None
    assert derive(old, 1, 4) is None
    assert derive(old, 1, 2**64 - 1) is None
    assert derive(new, 1, 3) == derive(old, 1, 3) is not None
    assert derive(new, 1, 5) != derive(new, 1, 3)


def test_another_app_of_the_same_owner_has_other_keys_of_its_own_but_shares_the_owners(
    breed: Callable[..., EvilEnclave], attacks: Attacks
) -> None:
    one, other = owned(breed, attacks, 1, b"one"), owned(breed, attacks, 1, b"other")
    assert derive(one, 0, 0) != derive(other, 0, 0)
    assert derive(one, 1, 1) == derive(other, 1, 1)


def test_no_key_is_another_key(breed: Callable[..., EvilEnclave], attacks: Attacks) -> None:
    """Policies, versions and paths do not run into each other."""
    evil = owned(breed, attacks, 2)
    asked = [
        (0, 0, b""),
        (1, 0, b""),
        (1, 1, b""),
        (1, 2, b""),
        (0, 0, b"a"),
        (0, 0, b"a\0"),
        (0, 0, b"ttee/seal/1"),
    ]
    keys = [derive(evil, *how) for how in asked]
    assert None not in keys
    assert len(set(keys)) == len(asked)
    assert derive(evil, 0, 99) == keys[0]  # policy 0 ignores the version
