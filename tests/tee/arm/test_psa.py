# SPDX-License-Identifier: Apache-2.0
"""PSA tokens: the shared vector, every check passing and failing, and what an attacker does to a token."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests import vectors
from ttee.codec import cbor, cose
from ttee.codec.cbor import VendorValue
from ttee.errors import (
    EndorsementError,
    FreshnessError,
    MalformedEvidenceError,
    NotAuthenticError,
    SignatureError,
    TteeError,
    UsageError,
)
from ttee.model import Assurance, Endorsements, Evidence, Status
from ttee.tee.arm.psa import TEE, checks, evidence
from ttee.tee.recognise import recognise
from ttee.testing.arm import Device

DEVICE = Device.named("a sensor")
PINNED = DEVICE.endorsements()
NONCE = bytes(range(32))
TOKEN = DEVICE.token(nonce=NONCE)


def wrapped(token: bytes) -> Evidence:
    return Evidence("arm-psa", {"token": token})


def refused(token: bytes, endorsements: Endorsements = PINNED, nonce: bytes | None = NONCE) -> TteeError:
    with pytest.raises(TteeError) as caught:
        TEE.verify(wrapped(token), endorsements, nonce=nonce)
    return caught.value


def changed(change: dict[int | str, VendorValue], *, without: int | None = None, profile: str = "") -> bytes:
    """A token whose device signed other claims than its profile has."""
    content = DEVICE.content(nonce=NONCE, **({"profile": profile} if profile else {}))
    claims = cbor.loads_vendor(evidence.encode(content), what="claims", max_size=1 << 16)
    assert isinstance(claims, dict)
    claims.update(change)
    claims.pop(without if without is not None else "", None)
    return DEVICE.sign(cbor.dumps_vendor(claims))


def test_the_shared_vector_has_its_expected_result() -> None:
    (case,) = vectors.cases("psa")
    claims = TEE.verify(
        recognise(case.inputs["token"]), Endorsements(documents={"iak": case.inputs["key"]}), nonce=bytes(64)
    )
    assert case.valid
    assert claims.fresh
    assert claims.details["client_id"] == 3002
    assert claims.details["boot_seed"] == bytes(range(0xA0, 0xC0))
    assert claims.details["certification_reference"] == "0604565272829-10010"
    assert claims.assurance is Assurance.SIMULATED
    (step,) = [check for check in claims.checks if check.id == checks.STRENGTH.id]
    assert step.status is Status.SKIPPED


@pytest.mark.parametrize("profile", [*evidence.PROFILES, evidence.OLD_PROFILE])
@pytest.mark.parametrize("algorithm", [cose.ES256, cose.ES384, cose.ES512])
def test_a_genuine_token_of_each_profile_passes_every_check(profile: str, algorithm: int) -> None:
    device = Device.named("another sensor", algorithm)
    token = device.token(nonce=NONCE, profile=profile)
    claims = TEE.verify(recognise(token), device.endorsements(), nonce=NONCE)
    assert [check.id for check in claims.checks] == [spec.id for spec in checks.CHECKS]
    assert {check.status for check in claims.checks} == {Status.PASS}
    assert claims.details["profile"] == profile
    assert claims.debug is False
    assert claims.nonce == claims.user_data == NONCE


def test_an_old_device_may_leave_out_its_profile_and_measure_nothing() -> None:
    content = DEVICE.content(nonce=NONCE, profile=evidence.OLD_PROFILE, components=())
    claims = cbor.loads_vendor(evidence.encode(content), what="claims", max_size=1 << 16)
    assert isinstance(claims, dict)
    del claims[-75000]
    found = TEE.verify(recognise(DEVICE.sign(cbor.dumps_vendor(claims))), PINNED, nonce=NONCE)
    assert found.details["software"] == ()
    assert any("measured none" in note for note in found.not_checked)


def test_a_boot_seed_stands_where_the_draft_or_the_rfc_put_it() -> None:
    claims = TEE.verify(wrapped(changed({2397: bytes(32)}, without=268)), PINNED)
    assert claims.details["boot_seed"] == bytes(32)


def test_inspecting_shows_every_field_and_verifies_nothing() -> None:
    assert TEE.describe is not None
    assert (
        TEE.describe(wrapped(DEVICE.sign(evidence.encode(DEVICE.content()), signature=b"")))["signature"]
        == b""
    )


@pytest.mark.parametrize(
    "token", [b"", TOKEN[:-1], TOKEN + b"\0", b"\xd2\x80", cbor.tag_head(61) + TOKEN, bytes(1 << 17)]
)
def test_another_envelope_is_malformed(token: bytes) -> None:
    problem = refused(token)
    assert isinstance(problem, MalformedEvidenceError)
    assert problem.check == checks.ENVELOPE.id
    with pytest.raises(MalformedEvidenceError):
        recognise(token)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({265: "http://arm.com/psa/9.0.0"}, "profile"),
        ({10: bytes(16)}, "nonce"),
        ({256: bytes(33)}, "instance id"),
        ({2396: bytes(31)}, "implementation id"),
        ({2394: 1 << 31}, "client id"),
        ({2395: 0x3100}, "lifecycle"),
        ({268: bytes(7)}, "boot seed"),
        ({2398: 5}, "certification reference"),
        ({2399: {}}, "software components"),
        ({2399: [{2: bytes(32), 5: bytes(32), 6: "sha-3"}]}, "hash algorithm"),
        ({2400: "\n"}, "verification service"),
    ],
)
def test_a_claim_that_is_not_as_it_must_be_is_named(change: dict[int | str, VendorValue], name: str) -> None:
    problem = refused(changed(change))
    assert isinstance(problem, MalformedEvidenceError)
    assert problem.check == checks.CLAIMS.id
    assert name in (problem.where or "")


@pytest.mark.parametrize("claim", [265, 10, 256, 2396, 2394, 2395, 2399])
def test_a_claim_that_is_missing_is_missed(claim: int) -> None:
    assert refused(changed({}, without=claim)).check == checks.CLAIMS.id


def test_a_profile_with_the_numbers_of_another_is_refused() -> None:
    problem = refused(changed({-75000: evidence.PROFILES[0]}, profile=evidence.OLD_PROFILE))
    assert isinstance(problem, MalformedEvidenceError)


def test_a_token_of_two_profiles_at_once_is_refused() -> None:
    """Two readers would take two nonces from it."""
    problem = refused(changed({10: bytes(32)}, profile=evidence.OLD_PROFILE))
    assert isinstance(problem, MalformedEvidenceError)
    assert problem.check == checks.CLAIMS.id


def test_measurements_and_the_word_that_there_are_none_do_not_go_together() -> None:
    problem = refused(changed({-75007: 1}, profile=evidence.OLD_PROFILE))
    assert isinstance(problem, MalformedEvidenceError)
    assert problem.check == checks.CLAIMS.id


def test_without_any_key_the_error_names_what_would_mend_it() -> None:
    problem = refused(TOKEN, Endorsements())
    assert isinstance(problem, EndorsementError)
    assert problem.check == checks.DEVICE_KEY.id
    assert "`iak`" in (problem.hint or "")


def test_a_key_of_cca_vouches_for_no_psa_device() -> None:
    other = Endorsements(anchors=(evolve(DEVICE.anchor(), tee="arm-cca"),))
    assert isinstance(refused(TOKEN, other), EndorsementError)


def test_a_token_of_another_device_is_refused() -> None:
    problem = refused(Device.named("another").token(nonce=NONCE))
    assert isinstance(problem, SignatureError)
    assert problem.check == checks.SIGNATURE.id


def test_an_algorithm_for_another_curve_than_the_keys_is_refused() -> None:
    header = cbor.dumps_vendor({1: cose.ES384})
    problem = refused(DEVICE.sign(evidence.encode(DEVICE.content(nonce=NONCE)), protected=header))
    assert isinstance(problem, SignatureError)


@pytest.mark.parametrize("state", [0x0000, 0x10FF, 0x2000, 0x5000, 0x6000])
def test_a_device_whose_key_lies_open_does_not_attest(state: int) -> None:
    problem = refused(DEVICE.token(nonce=NONCE, lifecycle=state))
    assert isinstance(problem, NotAuthenticError)
    assert problem.check == checks.LIFECYCLE.id


def test_a_device_that_is_debugged_says_so() -> None:
    assert TEE.verify(wrapped(DEVICE.token(lifecycle=0x4000)), PINNED).debug is True


def test_a_measurement_of_another_size_than_its_algorithm_is_left_to_the_policy() -> None:
    odd: VendorValue = [{1: "SPE", 2: bytes(48), 5: bytes(32), 6: "SHA256"}]
    claims = TEE.verify(wrapped(changed({2399: odd})), PINNED)
    assert claims.details["sizes_agree"] is False
    (step,) = [check for check in claims.checks if check.id == checks.SIZES.id]
    assert step.status is Status.SKIPPED
    assert any("how some measurements were made" in note for note in claims.not_checked)


def test_without_a_nonce_freshness_is_listed_as_not_checked() -> None:
    claims = TEE.verify(wrapped(TOKEN), PINNED)
    assert not claims.fresh
    assert claims.checks[-1].status is Status.SKIPPED
    assert any("replay" in note for note in claims.not_checked)


def test_another_nonce_is_a_replay() -> None:
    problem = refused(TOKEN, nonce=bytes(32))
    assert isinstance(problem, FreshnessError)
    assert problem.check == checks.NONCE.id


def test_a_nonce_of_another_size_is_the_callers_mistake() -> None:
    assert isinstance(refused(TOKEN, nonce=bytes(16)), UsageError)


def test_claims_that_nobody_here_knows_are_named() -> None:
    claims = TEE.verify(wrapped(changed({77777: 1})), PINNED)
    assert any("77777" in note for note in claims.not_checked)


def test_other_parts_than_a_token_are_refused() -> None:
    with pytest.raises(MalformedEvidenceError):
        TEE.verify(Evidence("arm-psa", {}), PINNED)


@given(st.integers(0, len(TOKEN) - 1))
def test_a_token_cut_anywhere_is_malformed(size: int) -> None:
    assert isinstance(refused(TOKEN[:size]), MalformedEvidenceError)


@given(st.integers(8, 8 * len(TOKEN) - 1))
def test_a_token_with_any_bit_changed_is_refused_by_name(bit: int) -> None:
    altered = bytearray(TOKEN)
    altered[bit // 8] ^= 1 << bit % 8
    assert isinstance(refused(bytes(altered)), MalformedEvidenceError | NotAuthenticError)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_malformed(data: bytes) -> None:
    assert isinstance(refused(b"\xd2\x84" + data), MalformedEvidenceError)
