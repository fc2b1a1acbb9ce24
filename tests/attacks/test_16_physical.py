# SPDX-License-Identifier: Apache-2.0
"""THE ATTACKS THAT SUCCEED: hands on the chips.

The attacker owns the machine's body: probes on the memory bus, a debug port, a screwdriver. PMP is a rule
for the processor's own instructions. It does not encrypt, authenticate or hide DRAM, so everything that is
in DRAM is his: enclaves, channel keys, the monitor's signing key. Each test here is an attack that works,
so that nobody believes otherwise (docs/threat-model.md). On QEMU, whoever runs the machine has these hands.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
import threading
from collections.abc import Iterator

import pytest
from attrs import evolve
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from nacl.bindings import (
    crypto_core_ed25519_scalar_add,
    crypto_core_ed25519_scalar_mul,
    crypto_core_ed25519_scalar_reduce,
    crypto_scalarmult_ed25519_base_noclamp,
)

from tests.attacks.gdb import Debugger
from tests.attacks.hands import DEVICE_SECRET, Attacks, EvilEnclave, HostHand, evil_config
from tests.attacks.test_19_impostors import VICTIM, policy_of
from tests.tee.riscv.apps import Running, running
from ttee.channel.sealed import ReplyStatus, open_request
from ttee.connect import connect
from ttee.guest.statement import Statement
from ttee.model import Evidence, Tier
from ttee.tee.keystone import eddsa
from ttee.tee.keystone import evidence as keystone
from ttee.tee.riscv.claims import MonitorClaims
from ttee.tee.riscv.claims import digest as claims_digest
from ttee.tee.riscv.enclave import EnclaveHandle
from ttee.tee.riscv.evidence import Parts
from ttee.tee.riscv.firmware import Firmware
from ttee.tee.riscv.machine import MONITOR_BASE, Machine
from ttee.tee.riscv.mailbox import Call, Operation, SbiError
from ttee.tee.riscv.measure import enclave_measurement

pytestmark = pytest.mark.succeeds

MONITOR = range(MONITOR_BASE, MONITOR_BASE + 0x20_0000)


@pytest.fixture(scope="module")
def machine(firmware: Firmware) -> Iterator[Machine]:
    with Machine(firmware, DEVICE_SECRET, ram_size=16 << 20, gdb=True) as machine:
        yield machine


def take_evidence(evil: EvilEnclave, report_data: bytes = bytes(64)) -> tuple[bytes, bytes]:
    evil.put(evil.scratch, report_data)
    result = evil.sbi(Call.EVIDENCE, evil.scratch + 64, 2048, evil.scratch)
    assert result.error == SbiError.OK
    evidence = evil.get(evil.scratch + 64, result.value)
    return evidence[:1352], evidence[1352:]


def test_a_probe_on_the_bus_reads_an_enclave(host: HostHand, evil: EvilEnclave) -> None:
    """What software is refused, a probe reads."""
    evil.put(evil.scratch, b"the enclave's secret")
    assert host.as_user("load", evil.scratch)[0] == 5
    assert b"the enclave's secret" in host.machine.read(evil.epm, 64 << 10)


def test_a_probe_on_the_bus_changes_a_running_enclave(evil: EvilEnclave) -> None:
    """Code, too: his instructions run under the measurement of somebody else's."""
    measured = take_evidence(evil)[0][:64]
    evil.put(evil.scratch, b"balance: 1 EUR  ")
    evil.machine.write(evil.scratch, b"balance: 9999999")
    assert evil.get(evil.scratch, 16) == b"balance: 9999999"
    load = evil.epm + evil._attacks.offsets["load"]
    evil.machine.write(load, struct.pack("<II", 0x02A0_0513, 0x0000_8067))  # li a0, 42; ret
    assert evil.attack("load", 0) == (42, 0)
    assert take_evidence(evil)[0][:64] == measured


def stolen_key(machine: Machine, public: bytes) -> bytes:
    """The monitor's secret key, 64 bytes, by trying every place in its memory."""
    memory = machine.read(MONITOR.start, len(MONITOR))
    for at in range(0, len(memory) - 64, 8):
        candidate = memory[at : at + 64]
        if candidate[0] & 7 == 0 and candidate[31] & 0xC0 == 0x40:  # a clamped scalar
            scalar = crypto_core_ed25519_scalar_reduce(candidate[:32] + bytes(32))
            if crypto_scalarmult_ed25519_base_noclamp(scalar) == public:
                return candidate
    pytest.fail("the monitor's key is not in DRAM: then docs/threat-model.md is too pessimistic")


def sign_as(secret: bytes, public: bytes, message: bytes) -> bytes:
    """The scheme of ttee.tee.keystone.eddsa, from an expanded key."""
    scalar = crypto_core_ed25519_scalar_reduce(secret[:32] + bytes(32))
    nonce = crypto_core_ed25519_scalar_reduce(hashlib.sha3_512(secret[32:] + message).digest())
    big_r = crypto_scalarmult_ed25519_base_noclamp(nonce)
    h = crypto_core_ed25519_scalar_reduce(hashlib.sha3_512(big_r + public + message).digest())
    return big_r + crypto_core_ed25519_scalar_add(nonce, crypto_core_ed25519_scalar_mul(h, scalar))


def test_the_monitors_key_is_stolen_and_signs_for_an_enclave_that_never_ran(evil: EvilEnclave) -> None:
    """A report over any measurement and any data, under the genuine device's chain. It verifies.

    Nothing in it is wrong: the pinned device key endorsed that monitor, whose key made this signature.
    """
    genuine = keystone.parse(take_evidence(evil)[0])
    secret = stolen_key(evil.machine, genuine.sm_public_key)
    forged = evolve(genuine, enclave_hash=hashlib.sha3_512(b"the app you trust").digest(), data=b"\x42" * 64)
    forged = evolve(forged, enclave_signature=sign_as(secret, genuine.sm_public_key, forged.enclave_signed))
    parsed = keystone.parse(keystone.encode(forged))
    eddsa.verify(genuine.device_key, parsed.sm_signature, parsed.sm_signed)
    eddsa.verify(parsed.sm_public_key, parsed.enclave_signature, parsed.enclave_signed)
    assert parsed.enclave_hash != genuine.enclave_hash


class Thief:
    """Between client and instance: passes the real evidence on with a channel key of his own, signed again."""

    def __init__(self, app: Running, machine: Machine) -> None:
        self.app, self.machine = app, machine
        self.channel = X25519PrivateKey.generate()
        self.overheard: list[bytes] = []

    def evidence(self, nonce: bytes) -> Evidence:
        parts = self.app.enclave.attest(nonce)
        statement = evolve(
            Statement.decode(parts["statement"]), channel_key=self.channel.public_key().public_bytes_raw()
        )
        claims = evolve(MonitorClaims.decode(parts["claims"]), report_data=statement.report_data).encode()
        report = evolve(keystone.parse(parts["report"]), data=claims_digest(claims))
        secret = stolen_key(self.machine, report.sm_public_key)
        signature = sign_as(secret, report.sm_public_key, report.enclave_signed)
        forged = keystone.encode(evolve(report, enclave_signature=signature))
        return Parts(forged, claims, statement.encode(), parts["log"]).evidence()

    def call(self, sealed: bytes) -> bytes:
        opened = open_request(self.channel, self.app.bundle.measurement, sealed)
        self.overheard.append(opened.payload)
        return opened.seal_reply(ReplyStatus.OK, b"thank you")


def test_with_the_stolen_key_he_sits_in_the_middle_and_the_clients_own_policy_affirms(
    machine: Machine,
) -> None:
    """The client pinned everything: device, monitor, enclave, app; it asked with a fresh nonce. All of it holds."""
    with running(machine, VICTIM.module, name="victim") as app:
        thief = Thief(app, machine)
        session = connect(thief, policy_of(VICTIM))
        assert session.verdict.status is Tier.AFFIRMING
        assert session.call(b"my secret") == b"thank you"
    assert thief.overheard == [b"my secret"]


def test_a_clients_words_can_be_read_while_the_app_holds_them(machine: Machine) -> None:
    """Sealed on the way, in the clear where they are used; the echo app keeps its last request in its memory."""
    with running(machine, VICTIM.module, name="victim") as app:
        app.ask(b"what the client said, sealed all the way")
        record = app.enclave.handle.record
        assert b"what the client said, sealed all the way" in machine.read(record.epm, record.epm_size)


def test_the_key_is_still_good_on_every_later_boot_of_that_monitor(
    firmware: Firmware, evil: EvilEnclave
) -> None:
    """It is derived, not made anew: one theft lasts until the monitor, or the device's secret, is replaced."""
    public = keystone.parse(take_evidence(evil)[0]).sm_public_key
    with Machine(firmware, DEVICE_SECRET, ram_size=16 << 20) as again:
        assert stolen_key(again, public) == stolen_key(evil.machine, public)


def test_sealing_keys_are_stolen_with_it(evil: EvilEnclave) -> None:
    """CDI_Seal lies beside the key. From it and a measurement, which is public, any app's sealing keys
    follow.
    """
    evil.put(evil.scratch, struct.pack("<6Q", evil.scratch + 64, 0, 0, 0, 0, 0))
    assert evil.sbi(Call.DERIVE, evil.scratch).error == SbiError.OK
    key = evil.get(evil.scratch + 64, 32)
    memory = evil.machine.read(MONITOR.start, len(MONITOR))
    candidates = {memory[at : at + 32] for at in range(0, len(memory), 4)}
    assert any(derived(cdi, evil.handle.measurement) == key for cdi in candidates if len(set(cdi)) > 20)


def derived(cdi: bytes, measurement: bytes) -> bytes:
    """docs/spec/riscv.md, section 3, *Sealing keys*, policy 0."""
    prk = hmac.digest(measurement, cdi, "sha3_512")
    return hmac.digest(prk, b"ttee/seal/measurement/1\x01", "sha3_512")[:32]


def test_the_debug_port_reads_everything(machine: Machine, evil: EvilEnclave) -> None:
    evil.put(evil.scratch, b"the enclave's secret")
    with Debugger(machine) as port:
        assert port.memory(evil.scratch, 20) == b"the enclave's secret"
        assert port.memory(MONITOR.start + 8, 8) == b"TTEEIMG1"


def test_a_glitch_that_skips_one_instruction_leaves_an_enclave_open(
    machine: Machine, host: HostHand, attacks: Attacks
) -> None:
    """A pulse at the right moment makes the processor skip an instruction: the one that closes the door.

    The monitor goes on, and measures memory that is still open. Host software changes it then, and the
    enclave runs the attacker's instructions under a genuine measurement.
    """
    csrw_pmpcfg0, mask = 0x3A00_1073, 0xFFF0_7FFF
    code = machine.firmware.monitor
    words = ((at, int.from_bytes(code[at : at + 4], "little")) for at in range(0, len(code), 2))
    doors = [MONITOR.start + at for at, word in words if word & mask == csrw_pmpcfg0]
    created: list[EnclaveHandle] = []

    def create() -> None:
        created.append(
            machine.create_enclave(attacks.image, evil_config(), b"", epm_size=65536, utm_size=8192)
        )

    with Debugger(machine) as port:
        for door in doors:
            port.break_at(door)
        caller = threading.Thread(target=create)
        caller.start()
        port.go()
        assert port.register("pc") in doors
        port.set_register("pc", port.register("pc") + 4)
        for door in doors:
            port.unbreak(door)
    caller.join()
    handle = created[0]
    try:
        load = handle.record.epm + attacks.offsets["load"]
        assert host.mailbox.store(load, 0x0000_8067_02A0_0513) is None  # li a0, 42; ret
        victim = EvilEnclave.enter(handle, attacks)
        assert victim.attack("load", 0) == (42, 0)
        assert take_evidence(victim)[0][:64] == enclave_measurement(attacks.image, evil_config(), b"")
    finally:
        handle.destroy()


def test_memory_chips_remember_after_the_machine_has_stopped(firmware: Firmware, attacks: Attacks) -> None:
    """Cold boot: he cuts the power, cools the chips, and reads them elsewhere. No monitor is left to
    refuse.
    """
    with Machine(firmware, DEVICE_SECRET, ram_size=16 << 20) as victim:
        evil = EvilEnclave(victim, attacks)
        evil.put(evil.scratch, b"the enclave's secret")
        victim.qemu.close()
        assert b"the enclave's secret" in bytes(victim.ram)


def test_a_snapshot_brings_back_a_spent_state(machine: Machine, evil: EvilEnclave) -> None:
    """He copies an enclave's memory, lets it spend its one coin, and puts the copy back. It has the coin
    again.
    """
    evil.put(evil.scratch, b"coins: 1")
    before = machine.read(evil.epm, 64 << 10)
    evil.put(evil.scratch, b"coins: 0")
    machine.write(evil.epm, before)
    assert evil.get(evil.scratch, 8) == b"coins: 1"


def device_seed(secret: bytes) -> bytes:
    """docs/spec/riscv.md, section 2, step 2."""
    prk = hmac.digest(bytes(72), secret, "sha3_512")
    return hmac.digest(prk, b"ttee/device-key/1\x01", "sha3_512")[:32]


def test_whoever_makes_the_device_can_make_its_key_again(evil: EvilEnclave) -> None:
    """The device's maker kept a copy of the secret: he needs no device to be that device."""
    seed = device_seed(DEVICE_SECRET)
    genuine = keystone.parse(take_evidence(evil)[0])
    assert eddsa.public_key(seed) == genuine.device_key
    forged = evolve(genuine, sm_hash=hashlib.sha3_512(b"a monitor of mine").digest())
    forged = evolve(forged, sm_signature=eddsa.sign(seed, forged.sm_signed))
    eddsa.verify(genuine.device_key, forged.sm_signature, forged.sm_signed)


def test_an_instruction_counter_tells_the_host_how_long_an_enclave_thought(
    firmware: Firmware, attacks: Attacks
) -> None:
    """A loop whose length is a secret: software alone reads it off, to the instruction. No probe is needed."""
    with Machine(firmware, DEVICE_SECRET, ram_size=16 << 20, icount=True) as machine:
        evil = EvilEnclave(machine, attacks)
        counted = []
        for rounds in (1000, 1001, 1101):
            evil.tell("count", rounds)
            counted.append(machine.mailbox.request(Operation.RESUME, evil.id).instructions)
        assert counted[1] - counted[0] == 2  # instructions of one round
        assert counted[2] - counted[1] == 200
