# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's reports: the shared vectors, every check passing and failing, and what an attacker does."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import vectors
from ttee.errors import (
    AnchorError,
    BindingError,
    CertificateError,
    EndorsementError,
    FreshnessError,
    MalformedEvidenceError,
    NotAuthenticError,
    SignatureError,
    TteeError,
    UsageError,
)
from ttee.model import Assurance, Check, Endorsements, Evidence, Status
from ttee.pki.cache import forget_all
from ttee.pki.certificate import load_certificate
from ttee.tee.nvidia import TEE, checks, evidence
from ttee.tee.nvidia.ocsp_questions import nonce_for
from ttee.tee.nvidia.verify import binding
from ttee.tee.recognise import recognise
from ttee.testing import x509
from ttee.testing.nvidia import NOW, Vendor, named_key, ocsp_answer

VENDOR = Vendor.named("a GPU maker")
GPU = VENDOR.gpu()
NONCE = bytes(range(32))
ANSWER = GPU.answer(NONCE)
PINNED = VENDOR.endorsements()
ROOT, ROOT_KEY = VENDOR.authority("root"), VENDOR.key("root")
MODEL = load_certificate(VENDOR.authority("model"), what="model")
ANSWERS = {"ocsp": ocsp_answer(MODEL.der, ROOT, ROOT_KEY, nonce=nonce_for(NONCE, MODEL))}
COMPLETE = VENDOR.endorsements(VENDOR.rims(GPU) | ANSWERS | {"cpu-report-data": binding([ANSWER])})
THEN = datetime(2025, 6, 1, tzinfo=UTC)


def packed(*answers: tuple[bytes, bytes]) -> Evidence:
    return evidence.pack(answers or [ANSWER])


def refused(given: Evidence, endorsements: Endorsements = PINNED, nonce: bytes | None = NONCE) -> TteeError:
    with pytest.raises(TteeError) as caught:
        TEE.verify(given, endorsements, nonce=nonce, at=NOW)
    return caught.value


def step(found: tuple[Check, ...], spec: str) -> Check:
    return next(check for check in found if check.id == spec)


# --- the shared vectors ---------------------------------------------------------------------------


def test_every_shared_vector_has_its_expected_result() -> None:
    cases = vectors.cases("nvidia")
    assert len(cases) == 11
    for case in cases:
        given_parts = Evidence("nvidia-gpu", {"report": case.inputs["report"], "chain": case.inputs["chain"]})
        try:
            claims = TEE.verify(given_parts, Endorsements(), at=THEN)
        except NotAuthenticError:
            assert not case.valid, case.id
        else:
            assert case.valid, case.id
            assert claims.assurance is Assurance.SILICON


@pytest.mark.parametrize(("name", "count"), [("hopper_sdk", 1), ("hopper_multi", 4), ("switch_ls10", 1)])
def test_what_nvidias_tools_write_is_recognised_and_authentic(name: str, count: int) -> None:
    claims = TEE.verify(recognise(vectors.read(f"nvidia/{name}.evidence.json")), Endorsements(), at=THEN)
    assert claims.details["device_count"] == count


def test_a_report_with_a_byte_behind_it_is_malformed() -> None:
    """Such a one was published; the byte is signed by nobody."""
    report = vectors.read("nvidia/hopper_nvtrust.spdm.bin")
    chain = vectors.read("nvidia/hopper_nvtrust.chain.pem")
    assert isinstance(refused(packed((report + b"\n", chain)), Endorsements()), MalformedEvidenceError)


# --- genuine reports ------------------------------------------------------------------------------


def test_a_genuine_report_with_all_endorsements_passes_every_check() -> None:
    claims = TEE.verify(packed(), COMPLETE, nonce=NONCE, at=NOW)
    assert [check.id for check in claims.checks] == [spec.id for spec in checks.CHECKS]
    assert {check.status for check in claims.checks} == {Status.PASS}
    assert claims.details["measurements_agree"] is True
    assert claims.details["driver_version"] == "550.90.07"
    assert claims.details["vbios_version"] == "96.00.9F.00.01"
    assert claims.assurance is Assurance.SIMULATED
    assert claims.fresh


def test_what_was_not_given_is_skipped_and_listed() -> None:
    claims = TEE.verify(packed(), PINNED, at=NOW)
    skipped = {check.id for check in claims.checks if check.status is Status.SKIPPED}
    given = {
        spec.id for spec in (checks.FORMAT, checks.PATH, checks.FIRMWARE, checks.SIGNATURE, checks.DEVICES)
    }
    assert skipped == {spec.id for spec in checks.CHECKS} - given
    for word in ("replay", "rim.driver", "copied", "revocation"):
        assert any(word in note for note in claims.not_checked)


def test_cached_and_uncached_claims_are_the_same() -> None:
    forget_all()
    first = TEE.verify(packed(), COMPLETE, nonce=NONCE, at=NOW)
    assert TEE.verify(packed(), COMPLETE, nonce=NONCE, at=NOW) == first


def test_inspecting_shows_every_field_and_verifies_nothing() -> None:
    assert TEE.describe is not None
    shown = TEE.describe(packed())
    assert shown["nonce"] == NONCE
    assert shown["measurement_0"] == GPU.measurements()[0]


def test_inspecting_shows_all_devices() -> None:
    assert TEE.describe is not None
    other = VENDOR.gpu("another GPU")
    shown = TEE.describe(packed(ANSWER, other.answer(NONCE, measurements={0: b"another"})))
    assert shown["measurement_0"] == GPU.measurements()[0]
    assert shown["device_2_measurement_0"] == b"another"


def test_a_moment_is_needed() -> None:
    with pytest.raises(UsageError):
        TEE.verify(packed(), PINNED)


# --- each check fails -----------------------------------------------------------------------------


def lied(at: int, value: bytes) -> bytes:
    report = ANSWER[0]
    return report[:at] + value + report[at + len(value) :]


@pytest.mark.parametrize(
    "report",
    [
        b"",
        ANSWER[0][:-1],
        ANSWER[0] + b"\0",
        lied(0, b"\x12"),
        lied(37, b"\x10"),
        lied(41, b"\x0f"),
        lied(41, b"\x11"),
        lied(42, b"\xff\xff\xff"),
        lied(45, b"\x00"),
        lied(45, b"\x02"),
        lied(46, b"\x02"),
        lied(47, b"\xff\xff"),
        lied(50, b"\xff\xff"),
        GPU.report(measurements={}),
        bytes(1 << 17),
    ],
)
def test_lengths_that_lie_are_malformed(report: bytes) -> None:
    problem = refused(packed((report, ANSWER[1])))
    assert isinstance(problem, MalformedEvidenceError)
    assert problem.check == checks.FORMAT.id
    assert problem.where


def test_an_opaque_field_may_not_be_there_twice_or_cut() -> None:
    whole = evidence.encode(GPU.content(opaque={1: b"a", 2: b"b"}))
    twice = whole.replace(b"\x02\0\x01\0b", b"\x01\0\x01\0b") + bytes(96)
    cut = whole.replace(b"\x02\0\x01\0b", b"\x02\0\x09\0b") + bytes(96)
    for report in (twice, cut):
        assert refused(packed((report, ANSWER[1]))).check == checks.FORMAT.id


@pytest.mark.parametrize(
    "parts", [{}, {"report": b""}, {"report": b"", "chain": b"", "more": b"", "chain.2": b""}]
)
def test_other_parts_are_refused(parts: dict[str, bytes]) -> None:
    assert isinstance(refused(Evidence("nvidia-gpu", parts)), MalformedEvidenceError)


def test_a_root_that_nobody_pinned_is_no_anchor() -> None:
    problem = refused(packed(Vendor.named("another").gpu().answer(NONCE)))
    assert isinstance(problem, AnchorError)
    assert problem.check == checks.PATH.id
    assert isinstance(refused(packed(), Endorsements()), AnchorError)


def test_a_leaf_that_is_an_authority_or_of_another_key_is_refused() -> None:
    authority = GPU.leaf(extensions=(x509.basic_constraints(ca=True), x509.key_usage(5)))
    assert isinstance(refused(packed((ANSWER[0], GPU.chain(authority)))), CertificateError)
    forged = GPU.leaf(signer=x509.ecdsa(named_key("a forger")))
    assert isinstance(refused(packed((ANSWER[0], GPU.chain(forged)))), SignatureError)


def test_a_certificate_of_other_firmware_is_not_bound_to_the_report() -> None:
    old = VENDOR.gpu(firmware=bytes(48))
    problem = refused(packed((ANSWER[0], old.chain())))
    assert isinstance(problem, BindingError)
    assert problem.check == checks.FIRMWARE.id


def test_a_certificate_without_firmware_does_not_fit_a_report_that_names_one() -> None:
    plain = GPU.leaf(extensions=(x509.basic_constraints(ca=False), x509.key_usage(0)))
    problem = refused(packed((ANSWER[0], GPU.chain(plain))))
    assert isinstance(problem, BindingError)


def test_a_report_without_firmware_is_not_compared_and_says_so() -> None:
    opaque = {evidence.DRIVER: b"1\0"}
    claims = TEE.verify(packed((GPU.report(NONCE, opaque=opaque), GPU.chain())), PINNED, at=NOW)
    assert step(claims.checks, checks.FIRMWARE.id).status is Status.SKIPPED
    assert any(note.startswith("firmware id of device 1") for note in claims.not_checked)


def test_a_report_that_the_device_did_not_sign_is_refused() -> None:
    other = VENDOR.gpu("another GPU")
    problem = refused(packed((other.report(NONCE), GPU.chain())))
    assert isinstance(problem, SignatureError)
    assert problem.check == checks.SIGNATURE.id


def test_another_nonce_is_a_replay() -> None:
    problem = refused(packed(), nonce=bytes(32))
    assert isinstance(problem, FreshnessError)
    assert problem.check == checks.NONCE.id
    assert isinstance(refused(packed(), nonce=bytes(16)), UsageError)


def test_one_device_shown_twice_is_not_two() -> None:
    problem = refused(packed(ANSWER, ANSWER))
    assert isinstance(problem, BindingError)
    assert problem.check == checks.DEVICES.id


def test_devices_asked_with_two_nonces_are_not_one_machine() -> None:
    second = VENDOR.gpu("a second GPU").answer(bytes(32))
    assert refused(packed(ANSWER, second), nonce=None).check == checks.DEVICES.id


@pytest.mark.parametrize("field", [evidence.PDI, evidence.GPU_PDIS])
def test_devices_that_name_other_partners_are_not_one_machine(field: int) -> None:
    answers = []
    for name, partner in (("one", b"switch A"), ("two", b"switch B")):
        gpu = VENDOR.gpu(name)
        answers.append(gpu.answer(NONCE, opaque={evidence.FWID: gpu.firmware, field: partner}))
    problem = refused(packed(*answers))
    assert problem.check == checks.DEVICES.id
    assert ("the GPUs are" if field == evidence.PDI else "the switches are") in problem.message


def test_the_nonce_is_claimed_if_it_was_asked_for() -> None:
    assert TEE.verify(packed(), PINNED, nonce=NONCE, at=NOW).nonce == NONCE
    unasked = TEE.verify(packed(), PINNED, at=NOW)
    assert unasked.nonce is None
    assert unasked.user_data == NONCE


def test_an_answer_about_nobody_here_is_no_answer_to_our_questions() -> None:
    stranger = Vendor.named("another maker")
    answer = ocsp_answer(stranger.authority("model"), stranger.authority("root"), stranger.key("root"))
    claims = TEE.verify(packed(), VENDOR.endorsements({"ocsp": answer}), nonce=NONCE, at=NOW)
    assert step(claims.checks, checks.ANSWER_NONCE.id).status is Status.SKIPPED
    assert len([note for note in claims.not_checked if "no answer is about it" in note]) == 4


def test_reference_values_need_a_version_in_the_report() -> None:
    silent = packed((GPU.report(NONCE, opaque={evidence.FWID: GPU.firmware}), GPU.chain()))
    for name in ("rim.driver", "rim.vbios"):
        problem = refused(silent, VENDOR.endorsements({name: VENDOR.rims(GPU)[name]}))
        assert isinstance(problem, EndorsementError)
        assert "has None" in problem.message


def test_a_switch_has_no_driver_but_a_vbios_all_the_same() -> None:
    opaque = {
        evidence.FWID: GPU.firmware,
        evidence.VBIOS: b"96.00.9F.00.01\0",
        evidence.GPU_PDIS: b"a GPU of 8",
    }
    switch = packed((GPU.report(NONCE, opaque=opaque), GPU.chain()))
    rims = VENDOR.rims(GPU)
    given = VENDOR.endorsements(rims)
    claims = TEE.verify(switch, given, nonce=NONCE, at=NOW)
    assert claims.details["measurements_agree"] is True
    other = VENDOR.endorsements({"rim.vbios": VENDOR.rim("1.2", {0: [bytes(48)]})})
    assert isinstance(refused(switch, other), EndorsementError)


def test_several_devices_claim_what_they_have_in_common() -> None:
    second = VENDOR.gpu("a second GPU", driver="9.9")
    claims = TEE.verify(packed(ANSWER, second.answer(NONCE)), PINNED, nonce=NONCE, at=NOW)
    assert claims.details["device_count"] == 2
    assert claims.details["vbios_version"] == "96.00.9F.00.01"
    assert "driver_version" not in claims.details


# --- reference values -----------------------------------------------------------------------------


def test_reference_values_of_another_version_name_the_one_that_is_needed() -> None:
    rims = VENDOR.rims(VENDOR.gpu(driver="1.2.3"))
    problem = refused(packed(), VENDOR.endorsements(rims))
    assert isinstance(problem, EndorsementError)
    assert problem.check == checks.DRIVER_RIM.id
    assert "550.90.07" in problem.message


@pytest.mark.parametrize("name", ["rim.driver", "rim.vbios"])
def test_reference_values_that_were_altered_are_refused(name: str) -> None:
    rims = VENDOR.rims(GPU)
    rims[name] = rims[name].replace(b'name="M', b'name="N', 1)
    problem = refused(packed(), VENDOR.endorsements(rims))
    assert isinstance(problem, SignatureError)
    assert problem.check == {"rim.driver": checks.DRIVER_RIM.id, "rim.vbios": checks.VBIOS_RIM.id}[name]


def test_reference_values_of_nvidia_do_not_count_for_another_makers_device() -> None:
    foreign = {"rim.driver": vectors.read("nvidia/rim/NV_GPU_DRIVER_GH100_550.144.03.xml")}
    assert isinstance(refused(packed(), VENDOR.endorsements(foreign)), AnchorError)


def test_measurements_that_differ_are_a_claim() -> None:
    changed = GPU.measurements() | {3: bytes(48)}
    answer = GPU.answer(NONCE, measurements=changed)
    claims = TEE.verify(packed(answer), VENDOR.endorsements(VENDOR.rims(GPU)), nonce=NONCE, at=NOW)
    assert claims.details["measurements_agree"] is False
    assert step(claims.checks, checks.MEASUREMENTS.id).status is Status.SKIPPED
    assert any("device 1: 3" in note for note in claims.not_checked)


def test_a_measurement_that_is_missing_differs() -> None:
    fewer = {index: value for index, value in GPU.measurements().items() if index != 3}
    answer = GPU.answer(NONCE, measurements=fewer)
    claims = TEE.verify(packed(answer), VENDOR.endorsements(VENDOR.rims(GPU)), nonce=NONCE, at=NOW)
    assert claims.details["measurements_agree"] is False


def test_any_alternative_is_right() -> None:
    rims = VENDOR.rims(GPU)
    rims["rim.vbios"] = VENDOR.rim("96.00.9f.00.01", {0: [bytes(48), GPU.measurements()[0]]})
    claims = TEE.verify(packed(), VENDOR.endorsements(rims), nonce=NONCE, at=NOW)
    assert claims.details["measurements_agree"] is True


@pytest.mark.parametrize(
    ("status", "index", "agree"), [(b"\x55", 35, True), (b"\xaa", 35, False), (b"\x55", 34, False)]
)
def test_the_video_decoder_counts_only_if_it_is_on(status: bytes, index: int, agree: bool) -> None:
    rims = VENDOR.rims(GPU)
    rims["rim.vbios"] = VENDOR.rim("96.00.9f.00.01", {0: [GPU.measurements()[0]], index: [bytes(48)]})
    opaque = {**GPU.content().opaque, evidence.NVDEC0: status}
    claims = TEE.verify(packed(GPU.answer(NONCE, opaque=opaque)), VENDOR.endorsements(rims), at=NOW)
    assert claims.details["measurements_agree"] is agree


def test_driver_and_vbios_may_not_both_speak_of_one_index() -> None:
    rims = VENDOR.rims(GPU)
    rims["rim.vbios"] = VENDOR.rim("96.00.9f.00.01", {8: [GPU.measurements()[8]]})
    problem = refused(packed(), VENDOR.endorsements(rims))
    assert isinstance(problem, EndorsementError)
    assert "8" in problem.message


# --- whose GPU it is ------------------------------------------------------------------------------


def test_a_report_copied_from_another_machine_is_not_what_the_cpu_vouches_for() -> None:
    """Authentic in everything; only the CPU's TEE knows that it is not of its own GPU."""
    copied = VENDOR.gpu("a GPU elsewhere").answer(NONCE)
    problem = refused(packed(copied), COMPLETE)
    assert isinstance(problem, EndorsementError | BindingError)
    only_cpu = VENDOR.endorsements({"cpu-report-data": binding([ANSWER])})
    problem = refused(packed(copied), only_cpu)
    assert isinstance(problem, BindingError)
    assert problem.check == checks.BINDING.id


def test_report_data_beside_the_evidence_vouches_for_nothing() -> None:
    brought = Evidence("nvidia-gpu", packed().parts, {"cpu-report-data": binding([ANSWER])})
    claims = TEE.verify(brought, PINNED, at=NOW)
    assert step(claims.checks, checks.BINDING.id).status is Status.SKIPPED


# --- hostile bytes --------------------------------------------------------------------------------


@given(st.integers(0, len(ANSWER[0]) - 1))
def test_a_report_cut_anywhere_is_malformed(size: int) -> None:
    assert isinstance(refused(packed((ANSWER[0][:size], ANSWER[1]))), MalformedEvidenceError)


@given(st.integers(0, 8 * len(ANSWER[0]) - 1))
def test_a_report_with_any_bit_changed_is_refused_by_name(bit: int) -> None:
    changed = bytearray(ANSWER[0])
    changed[bit // 8] ^= 1 << bit % 8
    problem = refused(packed((bytes(changed), ANSWER[1])))
    assert isinstance(problem, MalformedEvidenceError | NotAuthenticError)


@pytest.mark.parametrize(
    "value",
    [
        [],
        [5],
        [{"certificate": "AA=="}],
        [{"certificate": "AA==", "evidence": 5}],
        [{"certificate": "AA==", "evidence": "A"}],
        [{"certificate": "", "evidence": b64encode(b"x").decode()}] * 17,
    ],
)
def test_other_json_is_not_taken_for_evidence(value: Any) -> None:
    assert evidence.wrap(json.dumps(value).encode()) is None
