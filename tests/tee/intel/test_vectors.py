# SPDX-License-Identifier: Apache-2.0
"""The shared vectors of SGX and TDX: 53 cases, each with its expected result."""

from __future__ import annotations

import pytest

from tests import vectors
from tests.tee.intel.cases import PREPRODUCTION, VectorCase, all_cases, named
from ttee.errors import (
    BindingError,
    CertificateError,
    EndorsementError,
    MalformedEvidenceError,
    NotAuthenticError,
    SignatureError,
    TcbError,
    TteeError,
)
from ttee.model import Assurance, Evidence
from ttee.pki.cache import forget_all
from ttee.tee.intel import checks
from ttee.tee.intel.verify import verify

REJECTED = {
    "tcb_level_not_found": (TcbError, checks.TCB_LEVEL),
    "certificate_not_yet_valid": (CertificateError, checks.PCK_CHAIN),
    "quote_signature_bit": (SignatureError, checks.QUOTE_SIGNATURE),
    "signed_body_report_data": (SignatureError, checks.QUOTE_SIGNATURE),
    "attestation_key_bit": (BindingError, checks.QE_BINDING),
    "qe_report_bit": (SignatureError, checks.QE_SIGNATURE),
    "qe_report_signature_bit": (SignatureError, checks.QE_SIGNATURE),
    "qe_auth_data_bit": (BindingError, checks.QE_BINDING),
    "pck_chain_byte": (SignatureError, checks.PCK_CHAIN),
    "header_version_9": (MalformedEvidenceError, checks.QUOTE_FORM),
    "key_type_p384": (NotAuthenticError, checks.QUOTE_ALGORITHM),
    "qe_vendor_id": (NotAuthenticError, checks.QUOTE_ALGORITHM),
    "truncated_half": (MalformedEvidenceError, checks.QUOTE_FORM),
    "after_next_update": (EndorsementError, checks.TCB_INFO_CURRENT),
    "before_issue": (EndorsementError, checks.TCB_INFO_CURRENT),
    "tcb_info_upgraded": (SignatureError, checks.TCB_INFO_SIGNATURE),
    "qe_identity_edited": (SignatureError, checks.QE_IDENTITY_SIGNATURE),
    "wrong_pck_crl": (EndorsementError, checks.PCK_CRL),
    "tcb_info_other_fmspc": (EndorsementError, checks.TCB_INFO_PLATFORM),
}
"""Reasons of the manifest, as we name them."""


def outcome(case: VectorCase) -> object:
    try:
        return case.verify()
    except TteeError as error:
        return type(error), error.message, error.where, error.check, error.source


def test_there_are_53_of_them() -> None:
    assert len(all_cases()) == 53


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.id)
def test_a_shared_vector_has_its_expected_result(case: VectorCase) -> None:
    reason = str(case.expected.get("reason", ""))
    if case.expected["result"] == "valid" or reason == "policy_debug":
        claims = case.verify()
        assert claims.assurance is Assurance.SILICON or case.endorsements.anchors
        assert claims.debug is (
            reason == "policy_debug"
        )  # authentic: whether that is acceptable, policies say
        status = case.expected.get("tcb_status", case.expected.get("platform_tcb_level_status"))
        assert claims.details["tcb_status"] == ("UpToDate" if status == "see AttestationApp" else status)
        if "advisory_ids" in case.expected:
            assert claims.details["advisory_ids"] == tuple(case.expected["advisory_ids"])
        return
    with pytest.raises(TteeError) as caught:
        case.verify()
    kind, check = (
        REJECTED[reason] if case.id != PREPRODUCTION else (MalformedEvidenceError, checks.QUOTE_FORM)
    )
    assert type(caught.value) is kind
    assert caught.value.check == check.id
    assert caught.value.source


def test_what_is_remembered_changes_no_result() -> None:
    """Cold, then warm, then in another order: the same claims and the same errors, to the byte."""
    forget_all()
    cold = []
    for case in all_cases():
        forget_all()
        cold.append(outcome(case))
    warm = [outcome(case) for case in all_cases()]
    again = [outcome(case) for case in reversed(all_cases())][::-1]
    assert cold == warm == again


def test_what_is_remembered_expires_with_what_it_rests_on() -> None:
    """The same quote and collateral: verified, remembered, and stale at a later moment all the same."""
    fresh, stale = named("phala_b0c06f"), named("phala_b0c06f~after_next_update")
    assert (fresh.quote, fresh.collateral) == (stale.quote, stale.collateral)
    fresh.verify()
    with pytest.raises(EndorsementError):
        stale.verify()
    fresh.verify()


def test_padding_is_named() -> None:
    claims = named("gcp_cos113@2025-07").verify()
    assert claims.details["padding"] == 3065
    assert "3065 zeros behind the quote: padding, which nothing covers" in claims.not_checked


def test_a_genuine_event_log_gives_the_quoted_registers() -> None:
    case = named("gcp_cos113@2025-07")
    log = vectors.read("eventlog/ccel_data.dat")
    evidence = Evidence("intel-tdx", {"quote": case.quote, "ccel": log})
    claims = verify(evidence, case.endorsements, at=case.at)
    check = next(check for check in claims.checks if check.id == checks.CCEL.id)
    assert check.detail == "44 events give RTMR 0, RTMR 1, RTMR 2"
    assert not any("registers" in each or "RTMR" in each for each in claims.not_checked)


def test_an_event_log_of_another_boot_is_refused() -> None:
    case = named("phala_b0c06f")
    evidence = Evidence("intel-tdx", {"quote": case.quote, "ccel": vectors.read("eventlog/ccel_data.dat")})
    with pytest.raises(BindingError) as caught:
        verify(evidence, case.endorsements, at=case.at)
    assert caught.value.check == checks.CCEL.id
