# SPDX-License-Identifier: Apache-2.0
"""Before the monitor runs: another monitor, another mode, another descriptor, no secret.

The attacker flashes what he likes. He wants his own monitor to have the genuine one's key, or a monitor in
debug mode, which leaves enclaves open, to pass for one in normal mode. The boot ROM measures before it
starts anything; keys follow from measurement, authority and mode (docs/spec/riscv.md, section 2), so
another monitor has other keys, and the device says so. And for an honest witness, the same machine run
twice gives the same bytes.
"""

from __future__ import annotations

import struct

import pytest
from attrs import evolve

from tests.attacks.hands import DEVICE_SECRET, EVERY_WAY, Attacks, EvilEnclave, HostHand
from tests.attacks.test_16_physical import device_seed
from ttee.codec import cbor
from ttee.errors import TeeDiedError
from ttee.tee.keystone import eddsa
from ttee.tee.keystone import evidence as keystone
from ttee.tee.riscv.firmware import Firmware
from ttee.tee.riscv.machine import Machine
from ttee.tee.riscv.mailbox import Call, Operation, SbiError
from ttee.tee.riscv.measure import monitor_hash

RAM = 16 << 20
OWNER_SEED = b"\x07" * 31 + b"\x01"
OWNER = eddsa.public_key(OWNER_SEED)


def evidence_of(machine: Machine, attacks: Attacks) -> tuple[keystone.Report, dict[str, object]]:
    evil = EvilEnclave(machine, attacks)
    result = evil.sbi(Call.EVIDENCE, evil.scratch, 2048, evil.scratch)
    assert result.error == SbiError.OK
    raw = evil.get(evil.scratch, result.value)
    claims = cbor.loads(raw[1352:], what="claims", max_size=1024, max_depth=2)
    assert isinstance(claims, dict)
    return keystone.parse(raw[:1352]), dict(claims)


def sealing_key(machine: Machine, attacks: Attacks) -> bytes:
    evil = EvilEnclave(machine, attacks)
    evil.put(evil.scratch, struct.pack("<6Q", evil.scratch + 64, 0, 0, 0, 0, 0))
    assert evil.sbi(Call.DERIVE, evil.scratch).error == SbiError.OK
    return evil.get(evil.scratch + 64, 32)


def patched(firmware: Firmware) -> Firmware:
    """The genuine monitor with one changed byte, in the zeros after its code."""
    assert firmware.monitor[-1] == 0
    return evolve(firmware, monitor=firmware.monitor[:-1] + b"\x01")


def test_a_patched_monitor_has_another_key_and_the_device_says_so(
    firmware: Firmware, attacks: Attacks
) -> None:
    with Machine(firmware, DEVICE_SECRET, ram_size=RAM) as machine:
        genuine, _ = evidence_of(machine, attacks)
        seal = sealing_key(machine, attacks)
    with Machine(patched(firmware), DEVICE_SECRET, ram_size=RAM) as machine:
        evil, _ = evidence_of(machine, attacks)
        evil_seal = sealing_key(machine, attacks)
    assert genuine.sm_hash == firmware.monitor_hash
    assert evil.sm_hash == monitor_hash(patched(firmware).monitor)
    assert evil.sm_hash != genuine.sm_hash
    assert evil.sm_public_key != genuine.sm_public_key
    assert evil_seal != seal
    eddsa.verify(genuine.device_key, evil.sm_signature, evil.sm_signed)  # the device tells the truth about it


def test_a_debug_monitor_says_so_and_has_neither_the_key_nor_the_seals(
    firmware: Firmware, attacks: Attacks
) -> None:
    """In debug mode enclaves are open to the host. The same monitor, so the same hash; the claims tell."""
    with Machine(firmware, DEVICE_SECRET, ram_size=RAM) as machine:
        normal, claims = evidence_of(machine, attacks)
        seal = sealing_key(machine, attacks)
    with Machine(firmware, DEVICE_SECRET, ram_size=RAM, debug=True) as machine:
        debug, debug_claims = evidence_of(machine, attacks)
        debug_seal = sealing_key(machine, attacks)
        host = HostHand(machine, attacks)
        open_one = EvilEnclave(machine, attacks)
        assert not isinstance(host.mailbox.load(open_one.epm), type(host.mailbox.load(0x8000_0000)))
        assert host.refusals(0x8000_0000) == EVERY_WAY
    assert (claims["debug"], debug_claims["debug"]) == (False, True)
    assert debug.sm_public_key != normal.sm_public_key
    assert debug_seal != seal


def refuses_to_boot(firmware: Firmware, secret: bytes = DEVICE_SECRET, **how: object) -> str:
    with pytest.raises(TeeDiedError) as died:
        Machine(firmware, secret, ram_size=RAM, **how).close()  # type: ignore[arg-type]
    return died.value.message


def monitor_message(firmware: Firmware, svn: int) -> bytes:
    return b"ttee/monitor/1" + firmware.monitor_hash + struct.pack("<Q", svn)


def test_a_signed_monitor_boots_and_keeps_its_seals_over_an_update(
    firmware: Firmware, attacks: Attacks
) -> None:
    """The control, and what an authority is for."""
    seals, keys = [], []
    for version in (firmware, patched(firmware)):
        signature = eddsa.sign(OWNER_SEED, monitor_message(version, 1))
        with Machine(
            version, DEVICE_SECRET, ram_size=RAM, authority=OWNER, authority_signature=signature
        ) as machine:
            seals.append(sealing_key(machine, attacks))
            keys.append(evidence_of(machine, attacks)[0].sm_public_key)
    assert seals[0] == seals[1]
    assert keys[0] != keys[1]


def test_a_monitor_that_its_authority_did_not_sign_does_not_boot(firmware: Firmware) -> None:
    """He names the authority, whose seals he wants, and has no signature of theirs for his monitor."""
    genuine = eddsa.sign(OWNER_SEED, monitor_message(firmware, 1))
    for signature in (bytes(64), genuine, eddsa.sign(OWNER_SEED, monitor_message(patched(firmware), 2))):
        said = refuses_to_boot(patched(firmware), authority=OWNER, authority_signature=signature)
        assert "monitor authority signature is wrong" in said


def test_a_descriptor_cannot_claim_a_newer_monitor_than_there_is(firmware: Firmware) -> None:
    """The security version stands in the image, and is measured with it."""
    assert "descriptor of another monitor" in refuses_to_boot(evolve(firmware, monitor_svn=99))


def test_without_a_device_secret_nothing_boots(firmware: Firmware) -> None:
    """An all-zero secret is anybody's."""
    assert "no device secret" in refuses_to_boot(firmware, bytes(32))


def test_a_monitor_that_was_not_started_by_the_boot_rom_has_no_key(firmware: Firmware) -> None:
    """The monitor's first act is to look for the boot ROM's hand-over; without one, it ends the machine."""
    jump_to_monitor = struct.pack("<III", 0x0010_0293, 0x01F2_9293, 0x0002_8067)  # li t0, 1 << 31; jr t0
    assert "not started by the boot ROM" in refuses_to_boot(evolve(firmware, boot=jump_to_monitor))


def test_the_same_machine_run_twice_gives_the_same_evidence_and_counts(
    firmware: Firmware, attacks: Attacks
) -> None:
    """With the clock tied to instructions and a fixed seed, a run can be repeated by anybody, byte for
    byte.
    """
    runs = []
    for _ in range(2):
        with Machine(firmware, DEVICE_SECRET, ram_size=RAM, icount=True, seed=1) as machine:
            evil = EvilEnclave(machine, attacks)
            evil.tell("call_monitor", evil.scratch, 64, 0, 0, 0, 0, Call.RANDOM, 0x08424B45)
            reply = machine.mailbox.request(Operation.RESUME, evil.id)
            drawn = evil.get(evil.scratch, 64)
            report, claims = evidence_of(machine, attacks)
            runs.append((reply.instructions, drawn, report, claims))
    assert runs[0] == runs[1]


def test_with_another_seed_the_randomness_is_another(firmware: Firmware, attacks: Attacks) -> None:
    """So what is equal above is equal because of the seed, and not because the generator is stuck."""
    drawn = set()
    for seed in (1, 2):
        with Machine(firmware, DEVICE_SECRET, ram_size=RAM, icount=True, seed=seed) as machine:
            evil = EvilEnclave(machine, attacks)
            assert evil.sbi(Call.RANDOM, evil.scratch, 64).error == SbiError.OK
            drawn.add(evil.get(evil.scratch, 64))
    assert len(drawn) == 2


def test_the_device_secret_is_nowhere_after_the_boot(firmware: Firmware, attacks: Attacks) -> None:
    """It was read once and wiped, with all that led from it to the keys: not even a probe finds it."""
    with Machine(firmware, DEVICE_SECRET, ram_size=RAM) as machine:
        evidence_of(machine, attacks)
        memory = bytes(machine.ram)
    seed = device_seed(DEVICE_SECRET)
    for secret in (DEVICE_SECRET, DEVICE_SECRET[:16], seed, seed[:16], eddsa._expand(seed)[1]):
        assert secret not in memory
