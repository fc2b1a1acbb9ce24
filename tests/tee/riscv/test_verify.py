# SPDX-License-Identifier: Apache-2.0
"""RISC-V evidence: every named check passing and failing; what a liar can try, with or without keys."""

from __future__ import annotations

from contextlib import suppress

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from ttee.codec import cbor
from ttee.errors import (
    AnchorError,
    BindingError,
    EvidenceError,
    FreshnessError,
    MalformedEvidenceError,
    NotAuthenticError,
    SignatureError,
    TteeError,
    UsageError,
    WeakKeyError,
)
from ttee.guest.registers import Event, encode_log, replay
from ttee.model import Assurance, Endorsements, Evidence, Status
from ttee.tee.keystone import checks as keystone_checks
from ttee.tee.keystone import evidence as keystone
from ttee.tee.riscv import checks
from ttee.tee.riscv.claims import MonitorClaims
from ttee.tee.riscv.evidence import PARTS, describe
from ttee.tee.riscv.verify import verify
from ttee.testing.keystone import Device
from ttee.testing.riscv import APP, CONFIG, SoftwareTee

TEE = SoftwareTee(
    device=Device.named("a device"),
    events=(Event(3, "bid", b"\x01\x02"), Event(3, "bid", b"\x03")),
    user_data=b"result",
)
GENUINE = TEE.evidence()
PINNED = Endorsements(anchors=(TEE.anchor(),))


def refused(
    evidence: Evidence | SoftwareTee, endorsements: Endorsements = PINNED
) -> tuple[type[TteeError], str | None]:
    """The error and the id of the check that raised it."""
    if isinstance(evidence, SoftwareTee):
        evidence = evidence.evidence()
    with pytest.raises(TteeError) as caught:
        verify(evidence, endorsements, nonce=TEE.nonce)
    assert caught.value.where or caught.value.hint or isinstance(caught.value, SignatureError | WeakKeyError)
    return type(caught.value), caught.value.check


def replaced(**parts: bytes) -> Evidence:
    return Evidence("riscv", {**GENUINE.parts, **parts})


# --- the genuine article --------------------------------------------------------------------------


def test_genuine_evidence_passes_every_check() -> None:
    claims = verify(GENUINE, PINNED, nonce=TEE.nonce)
    assert {check.id for check in claims.checks} == {spec.id for spec in checks.CHECKS}
    assert {check.status for check in claims.checks} == {Status.PASS}


def test_the_claims_say_what_the_evidence_says() -> None:
    claims = verify(GENUINE, PINNED, nonce=TEE.nonce)
    assert claims.tee == "riscv"
    assert claims.app == APP
    assert claims.nonce == TEE.nonce
    assert claims.fresh
    assert claims.user_data == b"result"
    assert claims.channel_key == TEE.channel_key
    assert claims.registers == replay(TEE.all_events())
    assert claims.events == TEE.all_events()
    assert claims.debug is False
    assert claims.pins == {"app": ("enclave_hash", "authority"), "platform": ("monitor_hash",)}
    monitor = TEE.device.boot_measured(TEE.monitor_hash)
    assert claims.details == {
        "enclave_hash": TEE.enclave_hash,
        "monitor_hash": TEE.monitor_hash,
        "monitor_key": monitor.key,
        "device_key": TEE.device.key,
        "monitor_svn": 1,
        "app_svn": 1,
        "platform": "qemu-virt",
        "authority": b"",
        "epm_size": 1 << 21,
        "utm_size": 1 << 17,
        "config_digest": CONFIG,
    }


def test_the_result_is_the_same_every_time() -> None:
    assert repr(verify(GENUINE, PINNED, nonce=TEE.nonce)) == repr(
        verify(TEE.evidence(), PINNED, nonce=TEE.nonce)
    )


@pytest.mark.parametrize(
    ("platform", "anchored", "expected"),
    [
        ("qemu-virt", Assurance.SILICON, Assurance.EMULATED),
        ("qemu-virt", Assurance.EMULATED, Assurance.EMULATED),
        ("qemu-virt", Assurance.SIMULATED, Assurance.SIMULATED),
        ("visionfive-2", Assurance.SILICON, Assurance.SILICON),
        ("visionfive-2", Assurance.EMULATED, Assurance.EMULATED),
    ],
)
def test_an_emulator_is_never_hardware_whatever_its_anchor_says(
    platform: str, anchored: Assurance, expected: Assurance
) -> None:
    tee = evolve(TEE, platform=platform)
    claims = verify(tee.evidence(), Endorsements(anchors=(tee.anchor(anchored),)), nonce=tee.nonce)
    assert claims.assurance is expected


def test_a_key_that_anybody_holds_makes_a_simulation() -> None:
    tee = evolve(TEE, device=Device(bytes(32)), platform="visionfive-2")
    anchors = (tee.anchor(Assurance.SILICON),)
    assert refused(tee, Endorsements(anchors=anchors)) == (WeakKeyError, keystone_checks.STRENGTH.id)
    claims = verify(tee.evidence(), Endorsements(anchors=anchors, development=True), nonce=tee.nonce)
    assert claims.assurance is Assurance.SIMULATED


def test_evidence_that_the_app_asked_for_has_no_nonce() -> None:
    tee = evolve(TEE, nonce=b"")
    claims = verify(tee.evidence(), PINNED)
    assert (claims.nonce, claims.fresh) == (None, False)
    assert refused(tee) == (FreshnessError, checks.NONCE.id)


def test_without_a_nonce_freshness_is_named_as_not_checked() -> None:
    claims = verify(GENUINE, PINNED)
    assert (claims.fresh, claims.nonce) == (False, TEE.nonce)
    assert (claims.checks[-1].id, claims.checks[-1].status) == (checks.NONCE.id, Status.SKIPPED)
    assert any("freshness" in note for note in claims.not_checked)


# --- each check failing: parts and forms ----------------------------------------------------------


@pytest.mark.parametrize("name", PARTS)
def test_no_part_may_be_missing(name: str) -> None:
    parts = {key: value for key, value in GENUINE.parts.items() if key != name}
    assert refused(Evidence("riscv", parts)) == (MalformedEvidenceError, checks.PARTS.id)


def test_no_part_may_be_added_and_no_other_tee_may_pose() -> None:
    assert refused(replaced(extra=b"")) == (MalformedEvidenceError, checks.PARTS.id)
    assert refused(Evidence("keystone", GENUINE.parts)) == (MalformedEvidenceError, checks.PARTS.id)


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("report", keystone_checks.SIZE),
        ("claims", checks.CLAIMS_FORM),
        ("statement", checks.STATEMENT_FORM),
        ("log", checks.LOG_FORM),
    ],
)
def test_no_part_may_be_cut_or_extended(name: str, check: object) -> None:
    expected = (MalformedEvidenceError, getattr(check, "id"))  # noqa: B009 (CheckSpec, by any of two rooms)
    for size in range(0, len(GENUINE.parts[name]), 7):
        assert refused(replaced(**{name: GENUINE.parts[name][:size]})) == expected
    assert refused(replaced(**{name: GENUINE.parts[name] + b"\0"})) == expected


def test_the_data_length_is_checked() -> None:
    report = bytearray(GENUINE.parts["report"])
    report[64:72] = b"\xff" * 8
    assert refused(replaced(report=bytes(report))) == (MalformedEvidenceError, keystone_checks.DATA_LENGTH.id)


@pytest.mark.parametrize(
    "change",
    [
        {"profile": "ttee/riscv/2"},
        {"profile": "ttee/local/1"},
        {"svn": -1},
        {"svn": True},
        {"app_svn": -1},
        {"app_svn": False},
        {"debug": 0},
        {"epm_size": 4097},
        {"epm_size": 2048},
        {"epm_size": True},
        {"epm_size": -4096},
        {"utm_size": 0},
        {"utm_size": "4096"},
        {"platform": ""},
        {"platform": "x" * 65},
        {"platform": "qemu\x1b[2J"},
        {"platform": "qemu-v\u0131rt"},
        {"authority": bytes(31)},
        {"authority": bytes(33)},
        {"registers": [bytes(48)] * 3},
        {"registers": [bytes(48)] * 5},
        {"registers": [bytes(48)] * 3 + [bytes(47)]},
        {"registers": [bytes(48)] * 3 + ["x" * 48]},
        {"report_data": bytes(63)},
        {"extra": 1},
    ],
    ids=str,
)
def test_claims_of_another_form_are_refused_even_when_signed(change: dict[str, cbor.Encodable]) -> None:
    tee = evolve(TEE, claims=TEE.altered_claims(**change))
    assert refused(tee) == (MalformedEvidenceError, checks.CLAIMS_FORM.id)


@pytest.mark.parametrize(
    "change",
    [
        {"svn": 0, "app_svn": 0},
        {"svn": (1 << 64) - 1, "app_svn": (1 << 64) - 1},
        {"epm_size": 4096, "utm_size": 4096},
        {"epm_size": 1 << 63},
        {"platform": "q"},
        {"platform": "q" * 64},
        {"authority": bytes(32)},
    ],
    ids=str,
)
def test_claims_at_the_edge_of_their_form_are_accepted(change: dict[str, cbor.Encodable]) -> None:
    tee = evolve(TEE, claims=TEE.altered_claims(**change))
    verify(tee.evidence(), PINNED, nonce=TEE.nonce)


def test_a_security_version_that_no_monitor_can_write_is_named() -> None:
    """CBOR as it is read here has no such number; claims that are made otherwise do not pass either."""
    claims, why = MonitorClaims.decode(TEE.evidence().parts["claims"]), "must be an unsigned 64-bit integer"
    assert evolve(claims, svn=1 << 64).problem() == ("svn", why)
    assert evolve(claims, app_svn=1 << 64).problem() == ("app_svn", why)


def test_claims_with_a_key_left_out_are_refused_even_when_signed() -> None:
    value = cbor.loads(GENUINE.parts["claims"], what="claims", max_size=1000)
    assert isinstance(value, dict)
    for key in value:
        short = cbor.dumps({k: v for k, v in value.items() if k != key})
        assert refused(evolve(TEE, claims=short)) == (MalformedEvidenceError, checks.CLAIMS_FORM.id)
    assert refused(evolve(TEE, claims=cbor.dumps([]))) == (MalformedEvidenceError, checks.CLAIMS_FORM.id)


@pytest.mark.parametrize(
    "change",
    [
        {"nonce": bytes(15)},
        {"nonce": bytes(65)},
        {"app": bytes(47)},
        {"user_data": bytes(65)},
        {"channel_key": b""},
    ],
    ids=str,
)
def test_statements_of_another_form_are_refused_even_when_signed(change: dict[str, cbor.Encodable]) -> None:
    tee = evolve(TEE, statement=TEE.altered_statement(**change))
    assert refused(tee) == (MalformedEvidenceError, checks.STATEMENT_FORM.id)


# --- each check failing: keys and signatures ------------------------------------------------------


def test_a_device_that_nobody_pinned_is_refused() -> None:
    assert refused(evolve(TEE, device=Device.named("a stranger"))) == (AnchorError, keystone_checks.PINNED.id)
    assert refused(TEE, Endorsements()) == (AnchorError, keystone_checks.PINNED.id)


def test_a_plain_keystone_device_vouches_for_no_claims() -> None:
    """Keystone's monitor signs any data an enclave likes, the digest of claims it made up included."""
    keystone_only = Endorsements(anchors=(TEE.device.anchor("keystone"),))
    assert refused(TEE, keystone_only) == (AnchorError, keystone_checks.PINNED.id)


def test_a_patched_monitor_without_the_devices_signature_is_refused() -> None:
    report = keystone.parse(GENUINE.parts["report"])
    patched = keystone.encode(evolve(report, sm_hash=b"\x66" * 64))
    assert refused(replaced(report=patched)) == (SignatureError, keystone_checks.MONITOR_SIGNATURE.id)


def test_a_patched_enclave_without_the_monitors_signature_is_refused() -> None:
    report = keystone.parse(GENUINE.parts["report"])
    patched = keystone.encode(evolve(report, enclave_hash=b"\x66" * 64))
    assert refused(replaced(report=patched)) == (SignatureError, keystone_checks.ENCLAVE_SIGNATURE.id)


# --- each check failing: what belongs together ----------------------------------------------------


def test_claims_that_the_report_does_not_sign_are_refused() -> None:
    """The host wants `debug` to read false, or a higher security version."""
    assert refused(replaced(claims=TEE.altered_claims(svn=9))) == (BindingError, checks.CLAIMS_BINDING.id)
    assert refused(evolve(TEE, data=TEE.nonce)) == (BindingError, checks.CLAIMS_BINDING.id)
    assert refused(evolve(TEE, data=b"")) == (BindingError, checks.CLAIMS_BINDING.id)


def test_a_statement_that_the_claims_do_not_carry_is_refused() -> None:
    """A relay wants its own channel key in somebody else's evidence."""
    own_key = replaced(statement=TEE.altered_statement(channel_key=bytes(32)))
    assert refused(own_key) == (BindingError, checks.STATEMENT_BINDING.id)


def test_parts_of_two_answers_do_not_mix() -> None:
    later = evolve(TEE, nonce=b"\x77" * 32).evidence()
    assert refused(replaced(statement=later.parts["statement"])) == (
        BindingError,
        checks.STATEMENT_BINDING.id,
    )
    assert refused(replaced(claims=later.parts["claims"])) == (BindingError, checks.CLAIMS_BINDING.id)
    assert refused(replaced(report=later.parts["report"])) == (BindingError, checks.CLAIMS_BINDING.id)


def test_a_runtime_that_states_other_registers_is_refused() -> None:
    tee = evolve(TEE, statement=TEE.altered_statement(registers=[bytes(48)] * 4))
    assert refused(tee) == (BindingError, checks.STATEMENT_REGISTERS.id)


@pytest.mark.parametrize(
    "events",
    [
        TEE.all_events()[:-1],
        (*TEE.all_events(), Event(3, "bid", b"")),
        (*TEE.all_events()[:3], TEE.events[1], TEE.events[0]),
        (*TEE.all_events()[:3], Event(2, "bid", b"\x01\x02"), TEE.events[1]),
        (*TEE.all_events()[:3], Event(3, "bie", b"\x01\x02"), TEE.events[1]),
        (),
    ],
    ids=["left out", "added", "reordered", "moved", "renamed", "emptied"],
)
def test_a_log_that_does_not_give_the_registers_is_refused(events: tuple[Event, ...]) -> None:
    assert refused(replaced(log=encode_log(events))) == (BindingError, checks.LOG_REPLAY.id)


APP_EVENT, CONFIG_EVENT, READY = TEE.all_events()[:3]


@pytest.mark.parametrize(
    "identity",
    [
        (),
        (READY,),
        (APP_EVENT, READY),
        (CONFIG_EVENT, READY),
        (APP_EVENT, CONFIG_EVENT),
        (CONFIG_EVENT, APP_EVENT, READY),
        (APP_EVENT, APP_EVENT, CONFIG_EVENT, READY),
        (APP_EVENT, CONFIG_EVENT, CONFIG_EVENT, READY),
        (READY, APP_EVENT, CONFIG_EVENT),
        (Event(0, "app", bytes(48)), CONFIG_EVENT, READY),
        (Event(3, "app", APP), Event(3, "config", CONFIG), Event(3, "system-ready", b"")),
        (APP_EVENT, CONFIG_EVENT, Event(3, "system-ready", b"")),
    ],
)
def test_a_runtime_that_does_not_say_plainly_which_app_it_runs_is_refused(
    identity: tuple[Event, ...],
) -> None:
    assert refused(evolve(TEE, identity=identity)) == (BindingError, checks.LOG_IDENTITY.id)


def test_the_runtime_cannot_speak_for_an_app_that_it_did_not_start() -> None:
    tee = evolve(TEE, statement=TEE.altered_statement(app=b"\x66" * 48))
    assert refused(tee) == (BindingError, checks.LOG_IDENTITY.id)


def test_the_app_cannot_rename_itself_after_system_ready() -> None:
    """Events named like identity events, in the app's own register, are the app's own affair."""
    tee = evolve(TEE, events=(Event(3, "app", b"\x66" * 48), Event(3, "system-ready", b"")))
    assert verify(tee.evidence(), PINNED, nonce=tee.nonce).app == APP


# --- each check failing: freshness ----------------------------------------------------------------


def test_a_replayed_report_is_refused() -> None:
    assert refused(evolve(TEE, nonce=b"\x77" * 32)) == (FreshnessError, checks.NONCE.id)


@pytest.mark.parametrize("nonce", [b"", bytes(15), bytes(65)])
def test_an_impossible_nonce_is_the_callers_error(nonce: bytes) -> None:
    """An empty nonce would match evidence that nobody's nonce is in."""
    with pytest.raises(UsageError, match="16 to 64 bytes"):
        verify(evolve(TEE, nonce=b"").evidence(), PINNED, nonce=nonce)


@pytest.mark.parametrize("size", [16, 64])
def test_a_nonce_may_have_16_to_64_bytes(size: int) -> None:
    tee = evolve(TEE, nonce=b"n" * size)
    assert verify(tee.evidence(), PINNED, nonce=tee.nonce).fresh


# --- properties -----------------------------------------------------------------------------------


def test_no_bit_of_signed_evidence_can_be_flipped() -> None:
    """Every bit of claims, statement and log, and every signed bit of the report."""
    report_is_signed = [*range(72 + 64), *range(1096, 1320)]
    flipped = 0
    for name in PARTS:
        part = GENUINE.parts[name]
        for at in report_is_signed if name == "report" else range(len(part)):
            for bit in range(8):
                altered = bytearray(part)
                altered[at] ^= 1 << bit
                with pytest.raises(EvidenceError):
                    verify(replaced(**{name: bytes(altered)}), PINNED, nonce=TEE.nonce)
                flipped += 1
    assert flipped == 8 * (360 + sum(len(GENUINE.parts[name]) for name in PARTS[1:]))


@given(st.sampled_from(PARTS), st.binary(max_size=1400))
def test_arbitrary_bytes_in_place_of_a_part_are_refused_by_name(name: str, data: bytes) -> None:
    with pytest.raises((MalformedEvidenceError, NotAuthenticError)):
        verify(replaced(**{name: data}), PINNED, nonce=TEE.nonce)


@given(st.binary(max_size=600))
def test_arbitrary_bytes_are_claims_or_malformed(data: bytes) -> None:
    try:
        claims = MonitorClaims.decode(data)
    except MalformedEvidenceError:
        return
    assert claims.encode() == data


@given(st.binary(min_size=64, max_size=64), st.integers(0, 400))
def test_claims_known_but_for_their_report_data_are_read_as_they_would_be_alone(
    report_data: bytes, at: int
) -> None:
    """An enclave repeats everything but the report data; what is remembered of it must never show."""
    genuine = GENUINE.parts["claims"]
    claims = evolve(MonitorClaims.decode(genuine), report_data=report_data)
    encoded = claims.encode()
    assert MonitorClaims.decode(encoded) == claims
    at %= len(encoded)
    altered = encoded[:at] + bytes([encoded[at] ^ 0x20]) + encoded[at + 1 :]
    with suppress(MalformedEvidenceError):
        assert MonitorClaims.decode(altered).encode() == altered
    for other in (encoded[:at], encoded[:-1], encoded + b"\0"):
        with pytest.raises(MalformedEvidenceError):
            MonitorClaims.decode(other)


def test_the_specifications_order_of_keys_is_the_canonical_one() -> None:
    value = cbor.loads(GENUINE.parts["claims"], what="claims", max_size=1000)
    assert isinstance(value, dict)
    assert list(value) == (
        [
            "svn",
            "debug",
            "app_svn",
            "profile",
            "epm_size",
            "platform",
            "utm_size",
            "authority",
            "registers",
            "report_data",
        ]
    )


def test_inspection_shows_every_field_and_believes_nothing() -> None:
    fields = describe(evolve(TEE, device=Device.random()).evidence())
    assert fields["claims.platform"] == "qemu-virt"
    assert fields["statement.app"] == APP
    assert fields["log.0"] == (0, "app", APP)
    assert fields["report.enclave_hash"] == TEE.enclave_hash
