# SPDX-License-Identifier: Apache-2.0
"""Keystone reports: the shared vectors, every named check passing and failing, and every forgery we know."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests import vectors
from tests.tee.keystone import reference
from ttee.errors import (
    AnchorError,
    FreshnessError,
    MalformedEvidenceError,
    NotAuthenticError,
    SignatureError,
    TteeError,
    UsageError,
    WeakKeyError,
)
from ttee.model import Anchor, Assurance, Endorsements, Evidence, Status
from ttee.tee.keystone import TEE, checks, eddsa, evidence, verify, weak_keys
from ttee.testing.keystone import Device

TEST_KEY = bytes.fromhex("0faad4ff01178583baa588966f7c1ff32564dd17d7dc2b46cb50a84a69270b4c")
DEVICE = Device.named("a genuine device")
NONCE = b"a nonce of 24 bytes here"
REPORT = DEVICE.boot(b"a monitor").report(b"\x11" * 64, NONCE)
PINNED = Endorsements(anchors=(DEVICE.anchor("keystone", Assurance.SILICON),))


def wrapped(report: evidence.Report | bytes) -> Evidence:
    data = report if isinstance(report, bytes) else evidence.encode(report)
    return Evidence("keystone", {"report": data})


def refused(report: evidence.Report | bytes, endorsements: Endorsements = PINNED) -> TteeError:
    with pytest.raises(TteeError) as caught:
        verify.verify(wrapped(report), endorsements, nonce=NONCE)
    return caught.value


# --- the shared vectors ---------------------------------------------------------------------------


def test_every_shared_vector_has_its_expected_result() -> None:
    cases = vectors.cases("keystone")
    assert len(cases) == 10
    for case in cases:
        device = Anchor("keystone", case.inputs["device_key"])
        test_devices = Endorsements(anchors=(device,), development=True)
        try:
            claims = verify.verify(wrapped(case.inputs["report"]), test_devices, nonce=b"nonce-shared\0")
        except (MalformedEvidenceError, NotAuthenticError):
            assert not case.valid, case.id
        else:
            assert case.valid, case.id
            assert claims.user_data == b"nonce-shared\0"


def test_the_published_test_key_is_refused_unless_developing_and_then_worth_a_simulation() -> None:
    report = wrapped(vectors.read("keystone/report_ok.bin"))
    assert vectors.read("keystone/test_dev_public_key.bin") == TEST_KEY
    anchors = (Anchor("keystone", TEST_KEY, Assurance.SILICON),)
    with pytest.raises(WeakKeyError, match="published test key") as caught:
        verify.verify(report, Endorsements(anchors=anchors))
    assert caught.value.check == checks.STRENGTH.id
    claims = verify.verify(report, Endorsements(anchors=anchors, development=True))
    assert claims.assurance is Assurance.SIMULATED
    skipped = [check.id for check in claims.checks if check.status is Status.SKIPPED]
    assert skipped == [checks.STRENGTH.id, checks.NONCE.id]


# --- each check, passing and failing --------------------------------------------------------------


def test_a_genuine_report_passes_every_check() -> None:
    claims = verify.verify(wrapped(REPORT), PINNED, nonce=NONCE)
    assert [check.id for check in claims.checks] == [spec.id for spec in checks.CHECKS]
    assert {check.status for check in claims.checks} == {Status.PASS}
    assert claims.assurance is Assurance.SILICON
    assert claims.fresh
    assert claims.details["enclave_hash"] == b"\x11" * 64
    assert claims.details["monitor_hash"] == REPORT.sm_hash
    assert claims.details["monitor_key"] == REPORT.sm_public_key
    assert claims.details["device_key"] == DEVICE.key
    assert claims.user_data == claims.details["data"] == NONCE


def test_the_size_is_checked() -> None:
    error = refused(evidence.encode(REPORT) + b"\0")
    assert (type(error), error.check) == (MalformedEvidenceError, checks.SIZE.id)


def test_the_data_length_is_checked() -> None:
    data = bytearray(evidence.encode(REPORT))
    data[evidence.DATA_LEN] = (1025).to_bytes(8, "little")
    error = refused(bytes(data))
    assert (type(error), error.check) == (MalformedEvidenceError, checks.DATA_LENGTH.id)


def test_without_a_pinned_key_nothing_is_authentic() -> None:
    error = refused(REPORT, Endorsements())
    assert (type(error), error.check) == (AnchorError, checks.PINNED.id)
    assert DEVICE.key.hex() in (error.hint or "")


def test_the_key_inside_the_report_is_no_anchor() -> None:
    stranger = Device.named("a stranger").boot(b"a monitor").report(b"\x11" * 64, NONCE)
    error = refused(stranger)
    assert (type(error), error.check) == (AnchorError, checks.PINNED.id)
    posing = evolve(stranger, device_key=DEVICE.key)
    error = refused(posing)
    assert (type(error), error.check) == (SignatureError, checks.MONITOR_SIGNATURE.id)


def test_a_device_pinned_for_another_tee_vouches_for_nothing_here() -> None:
    error = refused(REPORT, Endorsements(anchors=(DEVICE.anchor("riscv"),)))
    assert (type(error), error.check) == (AnchorError, checks.PINNED.id)


def test_another_key_inside_the_report_is_noted_and_changes_nothing() -> None:
    changed = evolve(REPORT, device_key=b"\x77" * 32)
    claims = verify.verify(wrapped(changed), PINNED, nonce=NONCE)
    assert claims.details == verify.verify(wrapped(REPORT), PINNED, nonce=NONCE).details
    assert any("ANOTHER" in note for note in claims.not_checked)


def test_one_of_several_pinned_devices_is_enough() -> None:
    others = tuple(Device.named(f"device {n}").anchor("keystone") for n in range(3))
    endorsements = Endorsements(anchors=others + PINNED.anchors)
    for report in (REPORT, evolve(REPORT, device_key=others[0].key)):
        claims = verify.verify(wrapped(report), endorsements, nonce=NONCE)
        assert claims.details["device_key"] == DEVICE.key
        assert claims.assurance is Assurance.SILICON


def test_of_several_pinned_devices_the_one_that_the_report_names_is_blamed() -> None:
    others = tuple(Device.named(f"device {n}").anchor("keystone") for n in range(3))
    error = refused(evolve(REPORT, sm_signature=bytes(64)), Endorsements(anchors=others + PINNED.anchors))
    assert (type(error), error.check) == (SignatureError, checks.MONITOR_SIGNATURE.id)


@pytest.mark.parametrize("size", [1, 1024])
def test_a_nonce_may_have_1_to_1024_bytes(size: int) -> None:
    report = DEVICE.boot(b"a monitor").report(b"\x11" * 64, b"n" * size)
    claims = verify.verify(wrapped(report), PINNED, nonce=b"n" * size)
    assert claims.fresh
    assert f"report bytes {72 + size} to 1095" in claims.not_checked[0]


@pytest.mark.parametrize("seed", [bytes(32), b"\xff" * 32, bytes(range(32))])
def test_a_guessable_device_key_is_refused(seed: bytes) -> None:
    device = Device(seed)
    report = device.boot(b"a monitor").report(b"\x11" * 64, NONCE)
    error = refused(report, Endorsements(anchors=(device.anchor("keystone"),)))
    assert (type(error), error.check) == (WeakKeyError, checks.STRENGTH.id)


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (bytes(32), "all-zero"),
        (b"\x01" + bytes(31), "repeated"),
        (b"\xab\xcd" * 16, "repeated"),
        (bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "prime order"),
        (b"short", "repeated"),
        (bytes(range(31)), "32 bytes"),
    ],
)
def test_a_pinned_key_that_is_degenerate_is_refused(key: bytes, why: str) -> None:
    error = refused(
        evolve(REPORT, device_key=key.ljust(32, b"\0")), Endorsements(anchors=(Anchor("keystone", key),))
    )
    if len(key) == 32:
        assert (type(error), error.check) == (WeakKeyError, checks.STRENGTH.id)
        assert why in error.message
    else:
        assert type(error) is AnchorError


def test_the_list_of_known_keys_is_what_it_says() -> None:
    import hmac

    def device_key(secret: bytes) -> bytes:
        """docs/spec/riscv.md, section 2: HKDF-SHA3-512, one block."""
        extracted = hmac.digest(bytes(64), secret, "sha3_512")
        return eddsa.public_key(hmac.digest(extracted, b"ttee/device-key/1\x01", "sha3_512")[:32])

    guesses = (bytes(32), b"\xff" * 32, bytes(range(32)))
    expected = {TEST_KEY, *map(eddsa.public_key, guesses), *map(device_key, guesses)}
    assert set(weak_keys.KNOWN) == expected


def test_a_key_has_twelve_bytes_of_its_own_at_least() -> None:
    weak_keys.refuse_weak_key(bytes(range(12)) + bytes(20))
    with pytest.raises(WeakKeyError, match="repeated bytes"):
        weak_keys.refuse_weak_key(bytes(range(11)) + bytes(21))


def test_the_monitor_signature_is_checked() -> None:
    other = evolve(REPORT, sm_hash=b"\x22" * 64)
    error = refused(other)
    assert (type(error), error.check) == (SignatureError, checks.MONITOR_SIGNATURE.id)


def test_the_enclave_signature_is_checked() -> None:
    error = refused(evolve(REPORT, enclave_hash=b"\x12" * 64))
    assert (type(error), error.check) == (SignatureError, checks.ENCLAVE_SIGNATURE.id)


def test_a_monitor_section_cannot_be_swapped_for_that_of_another_monitor() -> None:
    other = DEVICE.boot(b"another monitor").report(b"\x11" * 64, NONCE)
    swapped = evolve(
        REPORT, sm_hash=other.sm_hash, sm_public_key=other.sm_public_key, sm_signature=other.sm_signature
    )
    error = refused(swapped)
    assert (type(error), error.check) == (SignatureError, checks.ENCLAVE_SIGNATURE.id)


def test_a_monitor_key_of_small_order_signs_nothing_even_when_the_device_vouches_for_it() -> None:
    weak = b"\x01" + bytes(31)
    signature = eddsa.sign(DEVICE.seed, REPORT.sm_hash + weak)
    forged = evolve(REPORT, sm_public_key=weak, sm_signature=signature, enclave_signature=weak + bytes(32))
    error = refused(forged)
    assert (type(error), error.check) == (WeakKeyError, checks.ENCLAVE_SIGNATURE.id)


@pytest.mark.parametrize("field", ["sm_signature", "enclave_signature"])
def test_a_malleated_signature_is_refused(field: str) -> None:
    signature: bytes = getattr(REPORT, field)
    s = (int.from_bytes(signature[32:], "little") + reference.L).to_bytes(32, "little")
    forged = evolve(REPORT, **{field: signature[:32] + s})
    assert type(refused(forged)) is SignatureError


def test_another_nonce_is_a_replay() -> None:
    with pytest.raises(FreshnessError) as caught:
        verify.verify(wrapped(REPORT), PINNED, nonce=b"another nonce of 24 byte")
    assert caught.value.check == checks.NONCE.id


def test_without_a_nonce_freshness_is_named_as_not_checked() -> None:
    claims = verify.verify(wrapped(REPORT), PINNED)
    assert (claims.fresh, claims.nonce) == (False, None)
    assert claims.checks[-1].id == checks.NONCE.id
    assert claims.checks[-1].status is Status.SKIPPED
    assert any("freshness" in note for note in claims.not_checked)


@pytest.mark.parametrize("nonce", [b"", bytes(1025)])
def test_an_impossible_nonce_is_the_callers_error(nonce: bytes) -> None:
    with pytest.raises(UsageError, match="1 to 1024 bytes"):
        verify.verify(wrapped(REPORT), PINNED, nonce=nonce)


def test_bytes_behind_the_data_are_not_signed_and_the_claims_say_so() -> None:
    claims = verify.verify(wrapped(evolve(REPORT, slack=b"x" * len(REPORT.slack))), PINNED, nonce=NONCE)
    assert any("NOT zeros" in note for note in claims.not_checked)
    claims = verify.verify(wrapped(REPORT), PINNED, nonce=NONCE)
    assert any("they are zeros" in note for note in claims.not_checked)


@pytest.mark.parametrize("parts", [{}, {"quote": b""}, {"report": b"", "claims": b""}])
def test_other_parts_are_not_keystone_evidence(parts: dict[str, bytes]) -> None:
    with pytest.raises(MalformedEvidenceError, match="one part"):
        verify.verify(Evidence("keystone", parts), PINNED)


# --- properties -----------------------------------------------------------------------------------


def test_no_bit_of_the_signed_report_can_be_flipped() -> None:
    """All of them: the enclave section up to the end of its data, its signature, and the monitor section."""
    data = evidence.encode(REPORT)
    signed = [*range(72 + len(NONCE)), *range(1096, 1320)]
    for at in signed:
        for bit in range(8):
            altered = bytearray(data)
            altered[at] ^= 1 << bit
            with pytest.raises((NotAuthenticError, MalformedEvidenceError)):
                verify.verify(wrapped(bytes(altered)), PINNED, nonce=NONCE)


def test_no_truncation_is_a_report() -> None:
    data = evidence.encode(REPORT)
    for size in range(evidence.SIZE):
        with pytest.raises(MalformedEvidenceError):
            verify.verify(wrapped(data[:size]), PINNED, nonce=NONCE)


@given(st.binary(min_size=evidence.SIZE, max_size=evidence.SIZE) | st.binary(max_size=2000))
def test_arbitrary_bytes_are_refused_by_name(data: bytes) -> None:
    with pytest.raises((NotAuthenticError, MalformedEvidenceError)):
        verify.verify(wrapped(data), PINNED, nonce=NONCE)


def test_the_result_is_the_same_whether_or_not_the_chain_was_seen_before() -> None:
    verify.forget_chains()
    first = verify.verify(wrapped(REPORT), PINNED, nonce=NONCE)
    assert verify.verify(wrapped(REPORT), PINNED, nonce=NONCE) == first
    assert repr(verify.verify(wrapped(REPORT), PINNED, nonce=NONCE)) == repr(first)


def test_a_failed_chain_is_not_remembered_as_good() -> None:
    verify.forget_chains()
    forged = evolve(REPORT, sm_signature=bytes(64))
    first, second = refused(forged), refused(forged)
    assert (first.check, first.message) == (second.check, second.message)
    verify.verify(wrapped(REPORT), PINNED, nonce=NONCE)
    assert refused(forged).check == first.check


# --- the entry in the registry --------------------------------------------------------------------


def test_raw_reports_are_recognised_in_both_forms() -> None:
    data = evidence.encode(REPORT)
    assert TEE.wrap(data) == wrapped(REPORT)
    assert TEE.wrap(evidence.to_json(REPORT)) == wrapped(REPORT)
    assert TEE.wrap(data[:-1]) is None
    assert TEE.wrap(b'{"quote": 1}') is None
    with pytest.raises(MalformedEvidenceError):
        TEE.wrap(b'{"security_monitor": {}}')


def test_inspection_shows_every_field_and_needs_no_keys() -> None:
    assert TEE.describe is not None
    fields = TEE.describe(wrapped(REPORT))
    assert fields["enclave_hash"] == b"\x11" * 64
    assert fields["device_key"] == DEVICE.key
    with pytest.raises(MalformedEvidenceError):
        TEE.describe(Evidence("keystone", {}))
