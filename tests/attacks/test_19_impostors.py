# SPDX-License-Identifier: Apache-2.0
"""Impostors: genuine device, genuine signatures, and something else than what the client wants to talk to.

The attacker owns a genuine device, and runs what he likes on it: the victim's app with one change, his own
runtime that says that it is the victim's, a patched monitor, the genuine monitor in debug mode. All of that
is measured and signed as it is, so verification succeeds: the evidence is authentic. What stops him is the
client's policy (docs/spec/policy.md, *What must be pinned*).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from attrs import evolve
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tests.app.wat import ECHO, module
from tests.attacks.hands import DEVICE_SECRET, Attacks, EvilEnclave
from tests.tee.riscv.apps import NONCE, Running, bundled, running
from ttee.app.bundle import Bundle
from ttee.appraise import Policy, appraise, parse_policy, starting_policy
from ttee.channel.sealed import open_request, seal_request
from ttee.connect import connect
from ttee.errors import AnchorError, ChannelError, RefusedError
from ttee.guest.registers import Event, encode_log, event_digest, replay
from ttee.guest.statement import Statement
from ttee.model import Anchor, Assurance, Endorsements, Evidence, Status, Tier, Verdict
from ttee.tee.keystone import eddsa
from ttee.tee.keystone.verify import verify as verify_keystone
from ttee.tee.riscv import aot
from ttee.tee.riscv.config import config_page
from ttee.tee.riscv.device import device_key
from ttee.tee.riscv.firmware import Firmware
from ttee.tee.riscv.launch import measure
from ttee.tee.riscv.machine import Machine
from ttee.tee.riscv.mailbox import Call, SbiError
from ttee.tee.riscv.measure import monitor_hash
from ttee.tee.riscv.verify import verify

AT = "2026-11-21T12:00:00Z"
ANCHOR = Anchor("riscv", device_key(DEVICE_SECRET), Assurance.EMULATED)
VICTIM = bundled(module(ECHO), name="victim")
BASE_POINT = b"\x09" + bytes(31)
"""A channel key that anybody has: the base point."""


def policy_of(bundle: Bundle) -> Policy:
    """What the victim's client wrote down: the app, its enclave, its monitor, the device."""
    text = starting_policy("mine", "riscv", measure(bundle), app=bundle.measurement, anchors=[ANCHOR])
    return parse_policy(text.encode(), where="mine")


def judge(evidence: Evidence, policy: Policy | None = None) -> Verdict:
    claims = verify(evidence, Endorsements(anchors=(ANCHOR,)), nonce=NONCE)  # authentic, each time
    return appraise(claims, [policy or policy_of(VICTIM)], at=AT)


def failed(verdict: Verdict) -> set[str]:
    """The checks that stop it."""
    return {check.id for check in verdict.checks if check.status is Status.FAIL}


def evidence_of(app: Running) -> Evidence:
    return Evidence("riscv", app.enclave.attest(NONCE))


def test_the_victim_itself_is_affirmed(machine: Machine) -> None:
    """The control."""
    with running(machine, VICTIM.module, name="victim") as app:
        verdict = judge(evidence_of(app))
    assert (verdict.status, failed(verdict)) == (Tier.AFFIRMING, set())


def test_a_patched_app_is_refused(machine: Machine) -> None:
    """One more byte in its data."""
    patched = module(
        ECHO.replace(
            '(memory (export "memory") 1 2)', '(memory (export "memory") 1 2) (data (i32.const 9) "!")'
        )
    )
    with running(machine, patched, name="victim") as app:
        verdict = judge(evidence_of(app))
    assert failed(verdict) == {"policy.app.measurement", "policy.riscv.enclave-hash"}


@pytest.mark.parametrize(
    "change", [{"stack": 8192}, {"svn": 1}, {"request": 100}, {"version": "2"}, {"name": "victim2"}]
)
def test_other_settings_are_another_app(machine: Machine, change: dict[str, object]) -> None:
    with running(machine, VICTIM.module, **{"name": "victim", **change}) as app:  # type: ignore[arg-type]
        assert "policy.app.measurement" in failed(judge(evidence_of(app)))


def test_a_patched_monitor_is_refused(firmware: Firmware) -> None:
    """It signs whatever it likes; the device says that it is another one."""
    patched = evolve(firmware, monitor=firmware.monitor[:-1] + b"\x01")
    with Machine(patched, DEVICE_SECRET) as machine, running(machine, VICTIM.module, name="victim") as app:
        verdict = judge(evidence_of(app))
    assert failed(verdict) == {"policy.riscv.monitor-hash"}
    assert verdict.claims.details["monitor_hash"] == monitor_hash(patched.monitor)


def test_the_genuine_monitor_in_debug_mode_is_refused(firmware: Firmware) -> None:
    """Everything is what it should be, but for the mode: the host reads the enclave along."""
    with (
        Machine(firmware, DEVICE_SECRET, debug=True) as machine,
        running(machine, VICTIM.module, name="victim") as app,
    ):
        verdict = judge(evidence_of(app))
    assert failed(verdict) == {"policy.debug"}


# ---- The attacker's own runtime, around the victim's config page and app ----


@contextmanager
def posing(machine: Machine, attacks: Attacks) -> Iterator[EvilEnclave]:
    app = aot.compile_app(VICTIM.module)
    evil = EvilEnclave(machine, attacks, config=config_page(VICTIM), app=app, epm_size=1 << 20)
    try:
        yield evil
    finally:
        evil.handle.destroy()


def false_evidence(evil: EvilEnclave, channel_key: bytes = BASE_POINT, nonce: bytes = NONCE) -> Evidence:
    """What the victim's runtime would say, from a runtime that is not the victim's; the monitor signs for
    it.
    """
    config = config_page(VICTIM)
    events = (
        Event(0, "app", VICTIM.measurement),
        Event(0, "config", hashlib.sha384(config).digest()),
        Event(0, "system-ready", b""),
    )
    for event in events:
        evil.put(evil.scratch, event_digest(event.name, event.payload))
        assert evil.sbi(Call.EXTEND, event.register, evil.scratch).error == SbiError.OK
    statement = Statement(VICTIM.measurement, nonce, replay(events), b"", channel_key)
    evil.put(evil.scratch, statement.report_data)
    result = evil.sbi(Call.EVIDENCE, evil.scratch + 64, 2048, evil.scratch)
    assert result.error == SbiError.OK
    signed = evil.get(evil.scratch + 64, result.value)
    parts = {
        "report": signed[:1352],
        "claims": signed[1352:],
        "statement": statement.encode(),
        "log": encode_log(events),
    }
    return Evidence("riscv", parts)


def test_a_runtime_that_says_it_is_the_victims_app_is_authentic_and_refused(
    machine: Machine, attacks: Attacks
) -> None:
    """It states the victim's measurement, and a channel key of the attacker's. Only what was measured gives
    it away.
    """
    with posing(machine, attacks) as evil:
        evidence = false_evidence(evil)
    verdict = judge(evidence)
    assert verdict.claims.app == VICTIM.measurement
    assert failed(verdict) == {"policy.riscv.enclave-hash"}


WEAK_POLICY = f"""
schema = "ttee.policy/1"
name = "pins the app's word only"
insecure-emulated = true
[app]
measurements = ["{VICTIM.measurement.hex()}"]
[tee.riscv]
anchors = [{{ key = "{ANCHOR.key.hex()}" }}]
monitor-hash = ["MONITOR"]
"""


def test_a_policy_that_takes_the_runtimes_word_for_the_app_is_no_policy(
    machine: Machine, attacks: Attacks, firmware: Firmware
) -> None:
    """Somebody pins what the app should be, and forgets to pin who says so. The attacker hopes for that."""
    text = WEAK_POLICY.replace("MONITOR", firmware.monitor_hash.hex())
    with posing(machine, attacks) as evil:
        evidence = false_evidence(evil)
    verdict = judge(evidence, parse_policy(text.encode(), where="weak"))
    assert failed(verdict) == {"policy.pinned.app"}


def test_a_policy_that_pins_an_authority_is_not_met_by_an_enclave_without_one(
    machine: Machine, attacks: Attacks, firmware: Firmware
) -> None:
    owner = eddsa.public_key(b"\x21" * 32)
    text = WEAK_POLICY.replace("MONITOR", firmware.monitor_hash.hex()) + f'authority = ["{owner.hex()}"]\n'
    with posing(machine, attacks) as evil:
        evidence = false_evidence(evil)
    assert {"policy.riscv.authority", "policy.pinned.app"} <= failed(
        judge(evidence, parse_policy(text.encode(), where="weak"))
    )


class ManInTheMiddle:
    """Serves clients with an enclave of his own, whose channel key he holds."""

    def __init__(self, evil: EvilEnclave) -> None:
        self.evil = evil
        self.secret = X25519PrivateKey.generate()
        self.overheard: list[bytes] = []

    def evidence(self, nonce: bytes) -> Evidence:
        return false_evidence(self.evil, self.secret.public_key().public_bytes_raw(), nonce)

    def call(self, sealed: bytes) -> bytes:
        self.overheard.append(open_request(self.secret, VICTIM.measurement, sealed).payload)
        return b""


def test_a_client_tells_an_impostor_nothing(machine: Machine, attacks: Attacks) -> None:
    """The whole way: connect, verify, appraise. It ends before the first request is sealed."""
    with posing(machine, attacks) as evil:
        impostor = ManInTheMiddle(evil)
        with pytest.raises(RefusedError) as refused:
            connect(impostor, policy_of(VICTIM)).call(b"my secret")
    assert refused.value.check == "policy.riscv.enclave-hash"
    assert impostor.overheard == []


def test_without_a_policy_he_would_have_heard_it(machine: Machine, attacks: Attacks) -> None:
    """Why one verifies before one talks: a client that takes the key from unappraised evidence tells him
    all.
    """
    with posing(machine, attacks) as evil:
        impostor = ManInTheMiddle(evil)
        claims = verify(impostor.evidence(bytes(32)), Endorsements(anchors=(ANCHOR,)), nonce=bytes(32))
        assert claims.channel_key is not None
        impostor.call(seal_request(claims.channel_key, VICTIM.measurement, b"my secret")[0])
    assert impostor.overheard == [b"my secret"]


def test_evidence_of_one_instance_does_not_open_a_channel_to_another(machine: Machine) -> None:
    """He shows the evidence of A and passes the messages to B, another instance of the same app: B cannot
    open them.
    """
    with (
        running(machine, VICTIM.module, name="victim") as a,
        running(machine, VICTIM.module, name="victim") as b,
    ):

        class Crossed:
            def evidence(self, nonce: bytes) -> Evidence:
                return Evidence("riscv", a.enclave.attest(nonce))

            def call(self, sealed: bytes) -> bytes:
                return b.enclave.call(sealed)

        session = connect(Crossed(), policy_of(VICTIM))
        with pytest.raises(ChannelError):
            session.call(b"my secret")


def test_riscv_evidence_does_not_pass_as_plain_keystone_evidence(machine: Machine) -> None:
    """Keystone's verifier knows no debug mode and no emulator; the same device key pinned for `riscv` is
    none for it.
    """
    with running(machine, VICTIM.module, name="victim") as app:
        report = evidence_of(app).parts["report"]
    with pytest.raises(AnchorError):
        verify_keystone(Evidence("keystone", {"report": report}), Endorsements(anchors=(ANCHOR,)))
