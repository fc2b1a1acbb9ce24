# SPDX-License-Identifier: Apache-2.0
"""From reset to the host: what is measured, which keys come of it, and what stops a machine from starting."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.tee.riscv.keys import Keys
from tests.tee.riscv.puppet import DEVICE_SECRET, Puppet
from ttee.errors import TeeDiedError
from ttee.tee.keystone import eddsa
from ttee.tee.riscv.firmware import MONITOR_SVN, Firmware
from ttee.tee.riscv.machine import SECRET_PAGE, Machine

MAKER = bytes(range(100, 132))
"""Seed of somebody who signs monitors."""


def by_maker(firmware: Firmware, *, seed: bytes = MAKER) -> tuple[bytes, bytes]:
    message = b"ttee/monitor/1" + firmware.monitor_hash + firmware.monitor_svn.to_bytes(8, "little")
    return eddsa.public_key(MAKER), eddsa.sign(seed, message)


def test_the_report_names_the_monitor_that_python_measures_and_the_keys_that_python_derives(
    firmware: Firmware, puppet: Puppet
) -> None:
    report, _ = puppet.evidence(bytes(64))
    keys = Keys(DEVICE_SECRET, firmware.monitor_hash)
    assert report[1160:1224] == firmware.monitor_hash
    assert report[1224:1256] == keys.monitor_public
    assert report[1320:1352] == keys.device_public


def test_the_device_endorses_the_monitor_and_the_monitor_signs_the_report(puppet: Puppet) -> None:
    report, _ = puppet.evidence(bytes(64))
    monitor_public, device_public = report[1224:1256], report[1320:1352]
    eddsa.verify(device_public, report[1256:1320], report[1160:1256])
    eddsa.verify(monitor_public, report[1096:1160], report[: 72 + 64])


def test_after_boot_the_device_secret_is_nowhere_in_memory(machine: Machine) -> None:
    assert not any(machine.read(SECRET_PAGE, 4096))
    assert DEVICE_SECRET not in bytes(machine.ram)
    assert DEVICE_SECRET[:16] not in bytes(machine.ram)


def test_the_boot_rom_leaves_no_word_on_its_stack(machine: Machine) -> None:
    """The monitor's own stack grows down from the same place, but by far less than 64 KiB."""
    assert not any(machine.read(0x801E_0000, 0xF000))


def test_another_monitor_has_another_key_and_the_same_device(firmware: Firmware, puppet_code: bytes) -> None:
    unused = len(firmware.monitor) - 1  # padding
    patched = evolve(firmware, monitor=firmware.monitor[:unused] + b"\x01")
    with Machine(patched, DEVICE_SECRET) as machine:
        report, _ = Puppet(machine, puppet_code).evidence(bytes(64))
    keys = Keys(DEVICE_SECRET, firmware.monitor_hash)
    assert report[1160:1224] == patched.monitor_hash != firmware.monitor_hash
    assert report[1224:1256] != keys.monitor_public
    assert report[1320:1352] == keys.device_public


def test_a_monitor_signed_by_its_maker_boots_with_keys_bound_to_the_maker(
    firmware: Firmware, puppet_code: bytes
) -> None:
    authority, signature = by_maker(firmware)
    with Machine(firmware, DEVICE_SECRET, authority=authority, authority_signature=signature) as machine:
        report, _ = Puppet(machine, puppet_code).evidence(bytes(64))
    assert report[1224:1256] == Keys(DEVICE_SECRET, firmware.monitor_hash, authority).monitor_public


def test_a_monitor_whose_makers_signature_is_wrong_does_not_boot(firmware: Firmware) -> None:
    authority, signature = by_maker(firmware, seed=bytes(32))
    with pytest.raises(TeeDiedError, match="boot: monitor authority signature is wrong"):
        Machine(firmware, DEVICE_SECRET, authority=authority, authority_signature=signature)


def test_a_makers_signature_with_s_plus_l_does_not_boot(firmware: Firmware) -> None:
    authority, signature = by_maker(firmware)
    s = int.from_bytes(signature[32:], "little") + eddsa.L
    with pytest.raises(TeeDiedError, match="signature is wrong"):
        Machine(
            firmware,
            DEVICE_SECRET,
            authority=authority,
            authority_signature=signature[:32] + s.to_bytes(32, "little"),
        )


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("01" + "00" * 31, id="identity"),
        pytest.param("00" * 31 + "80", id="order 4"),
        pytest.param("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", id="order 8"),
        pytest.param("ee" + "ff" * 30 + "7f", id="not canonical"),
        pytest.param("02" + "00" * 31, id="not on the curve"),
    ],
)
def test_a_maker_with_a_degenerate_key_does_not_boot(firmware: Firmware, key: str) -> None:
    """With A of small order, R = A or the identity and S = 0 satisfy the equation for many messages."""
    with pytest.raises(TeeDiedError, match="signature is wrong"):
        Machine(
            firmware,
            DEVICE_SECRET,
            authority=bytes.fromhex(key),
            authority_signature=bytes([1]) + bytes(63),
        )


def test_a_machine_without_a_device_secret_does_not_boot(firmware: Firmware) -> None:
    with pytest.raises(TeeDiedError, match="boot: no device secret"):
        Machine(firmware, bytes(32))


def test_a_descriptor_with_another_security_version_than_the_monitors_does_not_boot(
    firmware: Firmware,
) -> None:
    with pytest.raises(TeeDiedError, match="boot: descriptor of another monitor"):
        Machine(evolve(firmware, monitor_svn=MONITOR_SVN + 1), DEVICE_SECRET)


@pytest.mark.parametrize("size", [0, 4095, 0x10_0000 + 4096])
def test_a_descriptor_with_an_impossible_size_does_not_boot(firmware: Firmware, size: int) -> None:
    image = firmware.monitor[:size].ljust(size, b"\0")
    with pytest.raises(TeeDiedError, match="boot: monitor size out of range"):
        Machine(evolve(firmware, monitor=image), DEVICE_SECRET)


def test_a_machine_without_a_monitor_does_not_boot(firmware: Firmware) -> None:
    with pytest.raises(TeeDiedError, match="boot: descriptor of another monitor"):
        Machine(evolve(firmware, monitor=bytes(4096)), DEVICE_SECRET)


@pytest.mark.parametrize(
    ("hart", "words"),
    [
        ("rv64,zkr=false,h=false", "monitor: this hart has no entropy source"),
        ("rv64,zkr=true,h=true", "monitor: the table of CSRs does not cover the hypervisor extension"),
    ],
)
def test_a_hart_that_the_monitor_cannot_master_does_not_boot(
    firmware: Firmware, hart: str, words: str
) -> None:
    with pytest.raises(TeeDiedError, match=words):
        Machine(firmware, DEVICE_SECRET, extra=["-cpu", hart])


def test_debug_mode_has_other_keys_says_so_and_leaves_enclaves_open(
    firmware: Firmware, puppet_code: bytes
) -> None:
    with Machine(firmware, DEVICE_SECRET, debug=True) as machine:
        puppet = Puppet(machine, puppet_code)
        report, claims = puppet.evidence(bytes(64))
        assert machine.mailbox.load(puppet.epm) == int.from_bytes(puppet_code[:8], "little")
    assert report[1224:1256] == Keys(DEVICE_SECRET, firmware.monitor_hash, mode=2).monitor_public
    assert b"debug\xf5" in claims
