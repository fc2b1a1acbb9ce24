# SPDX-License-Identifier: Apache-2.0
"""Answers about revocation: good ones, revoked and held certificates, and answers that nobody may give."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ReasonFlags, ocsp
from hypothesis import given
from hypothesis import strategies as st

from ttee.codec import der
from ttee.errors import CertificateError, EndorsementError, RevokedError, SignatureError, TteeError
from ttee.model import Claims
from ttee.tee.nvidia import TEE, checks, evidence
from ttee.tee.nvidia.rim import open_rim
from ttee.testing import x509
from ttee.testing.nvidia import LEVELS, NOW, Vendor, named_key, ocsp_answer

VENDOR = Vendor.named("a GPU maker")
GPU = VENDOR.gpu()
PACKED = evidence.pack([GPU.answer()])
MODEL, ROOT, KEY = VENDOR.authority("model"), VENDOR.authority("root"), VENDOR.key("root")
RESPONDER = named_key("a responder")
ANSWER = ocsp_answer(MODEL, ROOT, KEY)
REVOKED = ocsp.OCSPCertStatus.REVOKED


def verified(answer: bytes, **more: bytes) -> Claims:
    return TEE.verify(PACKED, VENDOR.endorsements({"ocsp": answer, **more}), at=NOW)


def refused(answer: bytes) -> TteeError:
    with pytest.raises(TteeError) as caught:
        verified(answer)
    assert caught.value.check == checks.REVOCATION.id
    return caught.value


def responder(**faults: Any) -> bytes:
    """A certificate of somebody who may answer for the root."""
    usual: dict[str, Any] = {
        "subject": x509.name(CN="responder"),
        "issuer": VENDOR.subject("root"),
        "key": x509.public(RESPONDER),
        "signer": x509.ecdsa(KEY),
        "serial": 77,
        "extensions": (
            x509.basic_constraints(ca=False),
            x509.key_usage(0),
            x509.extension("2.5.29.37", x509.sequence(der.encode_oid("1.3.6.1.5.5.7.3.9"))),
        ),
    }
    return x509.certificate(**usual | faults)


def test_a_good_answer_covers_its_certificate_and_the_others_are_listed() -> None:
    claims = verified(ocsp_answer(MODEL, ROOT, KEY))
    assert any(each.name == "ocsp: a GPU maker model" for each in claims.relied_on)
    assert len([note for note in claims.not_checked if note.startswith("revocation of")]) == 3
    assert claims.details["revocation_checked"] is False


def test_answers_about_all_but_the_devices_own_certificate_are_a_claim() -> None:
    answers = {
        f"ocsp.{below}": ocsp_answer(VENDOR.authority(below), VENDOR.authority(above), VENDOR.key(above))
        for above, below in pairwise(LEVELS)
    }
    assert verified(ANSWER, **answers).details["revocation_checked"] is True
    assert verified(ANSWER, **answers, **VENDOR.rims(GPU)).details["revocation_checked"] is False
    leaf = ocsp_answer(GPU.leaf(), VENDOR.authority("boot ROM"), VENDOR.key("boot ROM"))
    assert verified(leaf).details["revocation_checked"] is False
    assert TEE.verify(PACKED, VENDOR.endorsements(), at=NOW).details["revocation_checked"] is False


def test_a_responder_that_the_issuer_certified_may_answer() -> None:
    assert verified(ocsp_answer(MODEL, ROOT, RESPONDER, responder=responder())).details["device_count"] == 1


def test_the_issuer_may_come_with_its_own_answer() -> None:
    assert verified(ocsp_answer(MODEL, ROOT, KEY, responder=ROOT)).details["device_count"] == 1


def test_a_signer_of_reference_values_can_be_revoked_too() -> None:
    rims = {"rim.driver": VENDOR.rims(GPU)["rim.driver"]}
    signer = open_rim(rims["rim.driver"], "rim.driver").path[0].der
    claims = verified(ocsp_answer(signer, ROOT, KEY), **rims)
    assert any(each.name == "ocsp: a GPU maker rim" for each in claims.relied_on)
    with pytest.raises(RevokedError, match="a GPU maker rim"):
        verified(ocsp_answer(signer, ROOT, KEY, status=REVOKED), **rims)


def test_a_signer_of_reference_values_that_no_answer_is_about_is_listed() -> None:
    claims = verified(ocsp_answer(MODEL, ROOT, KEY), **VENDOR.rims(GPU))
    assert any("rim.driver" in note for note in claims.not_checked)


@pytest.mark.parametrize(
    ("reason", "word"), [(ReasonFlags.key_compromise, "revoked"), (ReasonFlags.certificate_hold, "on hold")]
)
def test_revoked_and_on_hold_are_told_apart(reason: ReasonFlags, word: str) -> None:
    problem = refused(ocsp_answer(MODEL, ROOT, KEY, status=REVOKED, reason=reason))
    assert isinstance(problem, RevokedError)
    assert word in problem.message


def test_a_certificate_that_the_service_does_not_know_is_refused() -> None:
    assert isinstance(
        refused(ocsp_answer(MODEL, ROOT, KEY, status=ocsp.OCSPCertStatus.UNKNOWN)), CertificateError
    )


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        (NOW + timedelta(hours=1), None),
        (NOW - timedelta(days=2), None),
        (NOW - timedelta(days=9), NOW - timedelta(days=2)),
    ],
)
def test_an_answer_of_another_time_is_not_current(begin: Any, end: Any) -> None:
    problem = refused(ocsp_answer(MODEL, ROOT, KEY, begin=begin, end=end))
    assert isinstance(problem, EndorsementError)
    assert "ocsp.ndis.nvidia.com" in (problem.hint or "")


def test_an_answer_that_its_signer_did_not_sign_is_refused() -> None:
    assert isinstance(refused(ANSWER[:-1] + bytes([ANSWER[-1] ^ 1])), SignatureError)


@pytest.mark.parametrize(
    "fault",
    [
        {"extensions": (x509.basic_constraints(ca=False), x509.key_usage(0))},
        {"signer": x509.ecdsa(RESPONDER)},
        {"issuer": VENDOR.subject("model")},
        {"end": NOW - timedelta(days=1)},
    ],
)
def test_a_responder_that_may_not_answer_is_refused(fault: dict[str, Any]) -> None:
    problem = refused(ocsp_answer(MODEL, ROOT, RESPONDER, responder=responder(**fault)))
    assert isinstance(problem, CertificateError | SignatureError | EndorsementError)


def test_an_answer_that_there_is_none_is_not_taken_for_a_good_one() -> None:
    unsuccessful = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
    with pytest.raises(EndorsementError, match="TRY_LATER"):
        verified(unsuccessful.public_bytes(Encoding.DER))


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_a_named_error(data: bytes) -> None:
    with pytest.raises(EndorsementError):
        verified(data)


@given(st.integers(0, 8 * len(ANSWER) - 1))
def test_an_answer_with_any_bit_changed_vouches_for_nothing_or_is_refused_by_name(bit: int) -> None:
    changed = bytearray(ANSWER)
    changed[bit // 8] ^= 1 << bit % 8
    try:
        claims = verified(bytes(changed))
    except TteeError:
        return
    assert not any(each.name.startswith("ocsp") for each in claims.relied_on)
