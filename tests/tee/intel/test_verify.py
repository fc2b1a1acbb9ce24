# SPDX-License-Identifier: Apache-2.0
"""Every check of an Intel quote, passing and failing, against a vendor in software that makes any fault."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from attrs import evolve
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given, settings
from hypothesis import strategies as st

from ttee.codec import der
from ttee.errors import (
    AnchorError,
    BindingError,
    CertificateError,
    EndorsementError,
    FreshnessError,
    MalformedEvidenceError,
    NotAuthenticError,
    RevokedError,
    SignatureError,
    TcbError,
    TteeError,
    UsageError,
    WeakKeyError,
)
from ttee.model import Assurance, CheckSpec, Claims, Endorsements, Evidence, Status
from ttee.tee.intel import checks, quote, verify
from ttee.tee.intel.quote import (
    PCK_LEAF,
    PLATFORM_MANIFEST,
    PPID,
    PPID_RSA_3072,
    SGX,
    TDX,
)
from ttee.testing import eventlog, intel, x509
from ttee.testing.intel import NOW, Machine, Vendor, sgx_report, td_report

VENDOR = Vendor.random()
OTHER = Vendor.random()
SERVER = VENDOR.machine(TDX)
ENCLAVES = VENDOR.machine(SGX)
GOOD = VENDOR.endorsements(SERVER)
ONE = SERVER.quote()
NONCE = b"a nonce of this verification"
LATER = NOW + timedelta(days=15)


def claims(
    data: bytes,
    endorsements: Endorsements = GOOD,
    *,
    tee: str = TDX,
    nonce: bytes | None = None,
    at: datetime = NOW,
    parts: dict[str, bytes] | None = None,
) -> Claims:
    return verify.verify(Evidence(tee, {"quote": data, **(parts or {})}), endorsements, nonce=nonce, at=at)


def refused(data: bytes, endorsements: Endorsements = GOOD, **how: Any) -> TteeError:
    with pytest.raises(TteeError) as caught:
        claims(data, endorsements, **how)
    assert caught.value.source
    return caught.value


def check_refused(error: TteeError, kind: type[TteeError], check: CheckSpec) -> None:
    assert (type(error), error.check) == (kind, check.id), error.message


def flip(data: bytes, at: int, mask: int = 1) -> bytes:
    return data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]


# --- genuine --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tee", "version"), [(SGX, 3), (SGX, 4), (SGX, 5), (TDX, 4), (TDX, 5)])
@pytest.mark.parametrize("kind", ["platform", "processor"])
def test_a_genuine_quote_passes_every_check(tee: str, version: int, kind: str) -> None:
    machine = VENDOR.machine(tee, kind=kind)
    found = claims(
        machine.quote(version=version, report_data=NONCE), VENDOR.endorsements(machine), tee=tee, nonce=NONCE
    )
    logs = {checks.CCEL, checks.EVENT_LOG, checks.STATEMENT}  # none was given
    expected = [spec for spec in (checks.SGX_CHECKS if tee == SGX else checks.TDX_CHECKS) if spec not in logs]
    assert [check.id for check in found.checks] == [check.id for check in expected]
    assert all(check.status is Status.PASS and check.detail for check in found.checks)
    assert found.fresh
    assert found.assurance is Assurance.SILICON
    assert found.details["tcb_status"] == "UpToDate"
    assert found.details["pck_ca"] == f"Intel SGX PCK {kind.title()} CA"
    assert found.relied_on[0].kind == "anchor"


def test_claims_are_what_the_report_says() -> None:
    report = td_report(version_15=True, report_data=NONCE.ljust(64, b"\0"))
    found = claims(SERVER.quote(version=5, report=report))
    assert found.registers == report.rtmrs
    assert found.user_data == report.report_data
    assert found.debug is False
    assert not found.fresh
    assert [check.id for check in found.checks if check.status is Status.SKIPPED] == [checks.NONCE.id]
    assert any("replay" in note for note in found.not_checked)
    for field in (
        "mr_td",
        "mr_seam",
        "mr_config_id",
        "td_attributes",
        "xfam",
        "tee_tcb_svn_2",
        "mr_service_td",
    ):
        assert found.details[field] == getattr(report, field)
    enclave = claims(ENCLAVES.quote(), VENDOR.endorsements(ENCLAVES), tee=SGX)
    assert enclave.registers is None
    assert enclave.details["mr_enclave"] == sgx_report().mr_enclave
    assert set(enclave.pins["app"]) <= enclave.details.keys()
    assert set(found.pins["app"] + found.pins["platform"]) <= found.details.keys()


@pytest.mark.parametrize(
    ("report", "debug"),
    [
        (td_report(td_attributes=bytes([0, 0, 0, 0x10, 0, 0, 0, 0])), False),
        (td_report(td_attributes=bytes([1, 0, 0, 0x10, 0, 0, 0, 0])), True),
        (td_report(td_attributes=bytes([0x20, 0, 0, 0x10, 0, 0, 0, 0])), True),
        (sgx_report(attributes=b"\x05" + bytes(15)), False),
        (sgx_report(attributes=b"\x07" + bytes(15)), True),
    ],
)
def test_debug_mode_is_a_claim_and_no_error(report: Any, debug: bool) -> None:
    machine = SERVER if isinstance(report, type(td_report())) else ENCLAVES
    found = claims(machine.quote(report=report), VENDOR.endorsements(machine), tee=machine.tee)
    assert found.debug is debug


def test_attributes_that_have_no_known_meaning_are_a_claim() -> None:
    def details(**changes: Any) -> Any:
        return claims(SERVER.quote(report=td_report(**changes))).details

    assert details()["sept_ve_disable"] is True
    assert details(td_attributes=bytes(8))["sept_ve_disable"] is False
    assert details()["reserved_td_attributes"] is False
    assert details(td_attributes=b"\0\1" + bytes(6))["reserved_td_attributes"] is True
    assert details()["reserved_xfam"] is False
    assert details(xfam=bytes(8))["reserved_xfam"] is True  # x87 and SSE are always there
    assert details(xfam=b"\xff" * 8)["reserved_xfam"] is True


def test_collateral_may_also_come_with_the_evidence() -> None:
    evidence = Evidence(TDX, {"quote": SERVER.quote()}, GOOD.documents)
    found = verify.verify(evidence, Endorsements(anchors=GOOD.anchors), at=NOW)
    assert found.details["tcb_status"] == "UpToDate"


# --- the quote ------------------------------------------------------------------------------------


def test_a_moment_is_needed() -> None:
    for moment in (None, NOW.replace(tzinfo=None)):
        with pytest.raises(UsageError, match="at which moment"):
            verify.verify(Evidence(TDX, {"quote": SERVER.quote()}), GOOD, at=moment)


def test_a_nonce_has_a_size() -> None:
    with pytest.raises(UsageError):
        claims(SERVER.quote(), nonce=b"short")


def test_evidence_of_another_tee_is_malformed() -> None:
    check_refused(refused(SERVER.quote(), tee=SGX), MalformedEvidenceError, checks.QUOTE_FORM)
    check_refused(refused(ENCLAVES.quote(), tee=TDX), MalformedEvidenceError, checks.QUOTE_FORM)


@pytest.mark.parametrize("parts", [{}, {"report": b""}, {"quote": b"", "other": b""}])
def test_evidence_of_other_parts_is_malformed(parts: dict[str, bytes]) -> None:
    with pytest.raises(MalformedEvidenceError) as caught:
        verify.verify(Evidence(TDX, parts), GOOD, at=NOW)
    assert caught.value.check == checks.QUOTE_FORM.id


def test_an_enclave_has_no_event_log() -> None:
    error = refused(ENCLAVES.quote(), tee=SGX, parts={"ccel": b"log"})
    check_refused(error, MalformedEvidenceError, checks.QUOTE_FORM)


def test_another_vendor_or_key_type_is_not_intels() -> None:
    check_refused(refused(flip(SERVER.quote(), 12)), NotAuthenticError, checks.QUOTE_ALGORITHM)
    check_refused(refused(flip(SERVER.quote(), 2)), NotAuthenticError, checks.QUOTE_ALGORITHM)


def test_a_nonce_must_be_the_whole_report_data() -> None:
    good = SERVER.quote(report_data=NONCE)
    assert claims(good, nonce=NONCE).nonce == NONCE
    for other in (NONCE[:-1], NONCE + b"\1", bytes(16), NONCE.upper()):
        check_refused(refused(good, nonce=other), FreshnessError, checks.NONCE)


def test_a_quote_that_another_key_signed_is_refused() -> None:
    good = SERVER.quote()
    parsed = quote.parse(good)
    forged = good.replace(parsed.signature, intel.sign(OTHER.keys["root"], parsed.signed))
    check_refused(refused(forged), SignatureError, checks.QUOTE_SIGNATURE)


@pytest.mark.parametrize(
    "signature", [bytes(64), b"\xff" * 64, bytes(32) + b"\1" * 32, b"\1" * 32 + bytes(32)]
)
def test_degenerate_signatures_are_refused(signature: bytes) -> None:
    good = SERVER.quote()
    forged = good.replace(quote.parse(good).signature, signature)
    check_refused(refused(forged), SignatureError, checks.QUOTE_SIGNATURE)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_bit_of_what_is_signed_can_be_changed(data: st.DataObject) -> None:
    covered = len(quote.parse(ONE).signed)
    at = data.draw(st.integers(0, covered - 1))
    forged = flip(ONE, at, 1 << data.draw(st.integers(0, 7)))
    assert isinstance(refused(forged), NotAuthenticError | MalformedEvidenceError | TcbError)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_bit_behind_it_can_be_changed(data: st.DataObject) -> None:
    """Signatures, keys, lengths, certificates; but for PEM's own slack: line ends, and its final NUL."""
    begin, end = len(quote.parse(ONE).signed), ONE.index(b"-----BEGIN")
    forged = flip(ONE, data.draw(st.integers(begin, end - 1)), 1 << data.draw(st.integers(0, 7)))
    assert isinstance(refused(forged), NotAuthenticError | MalformedEvidenceError | EndorsementError)


# --- the quoting enclave --------------------------------------------------------------------------


def test_a_report_that_the_platform_did_not_sign_is_refused() -> None:
    elsewhere = evolve(SERVER, pck_key=OTHER.keys["root"])
    forged = elsewhere.quote(certification=(5, SERVER.chain()))
    check_refused(refused(forged), SignatureError, checks.QE_SIGNATURE)


def test_an_attestation_key_that_the_quoting_enclave_did_not_make_is_refused() -> None:
    mine = evolve(SERVER, attestation_key=OTHER.keys["root"])
    forged = mine.quote(qe_report=SERVER.qe_report())
    check_refused(refused(forged), BindingError, checks.QE_BINDING)


def test_the_second_half_of_the_quoting_enclaves_report_data_is_zero() -> None:
    half = SERVER.qe_report().report_data[:32]
    forged = SERVER.quote(qe_report=SERVER.qe_report(report_data=half + b"\1" + bytes(31)))
    check_refused(refused(forged), BindingError, checks.QE_BINDING)


@pytest.mark.parametrize("size", [0, 1, 33, 1000])
def test_authentication_data_have_any_length_and_are_bound(size: int) -> None:
    auth = bytes(size)
    assert claims(SERVER.quote(auth=auth)).details["qe_tcb_status"] == "UpToDate"
    forged = SERVER.quote(auth=auth + b"!", qe_report=SERVER.qe_report(auth))
    check_refused(refused(forged), BindingError, checks.QE_BINDING)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mr_signer": bytes(32)}, "MRSIGNER"),
        ({"isv_prod_id": 1}, "product 1"),
        ({"misc_select": b"\1\0\0\0"}, "MISCSELECT"),
        ({"attributes": b"\x19" + bytes(15)}, "attributes"),
        ({"attributes": b"\x13" + bytes(15)}, "attributes"),
    ],
)
def test_another_enclave_is_not_intels(changes: dict[str, Any], words: str) -> None:
    error = refused(SERVER.quote(qe_report=SERVER.qe_report(**changes)))
    check_refused(error, BindingError, checks.QE_IDENTITY)
    assert words in error.message


def test_a_quoting_enclave_in_debug_mode_is_refused_even_if_its_identity_allows_it() -> None:
    allowing = VENDOR.endorsements(
        SERVER, qe_identity={"attributes": "13" + "00" * 15, "attributesMask": "FF" * 16}
    )
    forged = SERVER.quote(qe_report=SERVER.qe_report(attributes=b"\x13" + bytes(15)))
    error = refused(forged, allowing)
    check_refused(error, BindingError, checks.QE_IDENTITY)
    assert "debug" in error.message


def test_bits_under_the_identitys_mask_are_free() -> None:
    free = SERVER.qe_report(attributes=b"\x11" + bytes(7) + b"\xff" * 8)
    assert claims(SERVER.quote(qe_report=free)).details["qe_tcb_status"] == "UpToDate"


def test_an_attestation_key_that_is_no_point_is_refused() -> None:
    nowhere = b"\1" * 64
    binding = sha256(nowhere + bytes(range(32))).digest() + bytes(32)
    good = SERVER.quote(qe_report=SERVER.qe_report(report_data=binding))
    forged = good.replace(quote.parse(good).key, nowhere)
    with pytest.raises(WeakKeyError):
        claims(forged)


# --- the PCK certificate --------------------------------------------------------------------------


def chained(*certificates: bytes, machine: Machine = SERVER) -> bytes:
    return machine.quote(certification=(5, intel.chain_pem(*certificates).encode()))


def test_a_chain_to_another_root_is_refused_and_the_root_is_named() -> None:
    machine = OTHER.machine(TDX)
    error = refused(machine.quote())
    check_refused(error, AnchorError, checks.PCK_CHAIN)
    assert OTHER.root() != VENDOR.root()


def test_the_root_inside_the_quote_is_no_anchor_without_ones_own() -> None:
    """Intel's root is pinned where no anchor is: a whole vendor of somebody's own counts for nothing."""
    error = refused(SERVER.quote(), Endorsements(documents=GOOD.documents))
    check_refused(error, AnchorError, checks.TCB_SIGNER)


@pytest.mark.parametrize(
    ("faults", "kind"),
    [
        ({"begin": NOW + timedelta(days=1)}, CertificateError),
        ({"end": NOW - timedelta(days=1)}, CertificateError),
        ({"subject": intel.name("Intel SGX PCK Platform CA")}, CertificateError),
        ({"issuer": intel.name("Intel SGX PCK Processor CA")}, CertificateError),
        ({"signer": x509.ecdsa(OTHER.keys["root"], SHA256())}, SignatureError),
        ({"signer": x509.ecdsa(VENDOR.keys["platform"])}, CertificateError),
        ({"extensions": (x509.basic_constraints(ca=False), x509.key_usage(0, 1))}, CertificateError),
        (
            {
                "extensions": (
                    x509.basic_constraints(ca=True),
                    x509.key_usage(0, 1),
                    SERVER.extension(),
                )
            },
            CertificateError,
        ),
        (
            {"extensions": (x509.basic_constraints(ca=False), x509.key_usage(5), SERVER.extension())},
            CertificateError,
        ),
        (
            {"extensions": (SERVER.extension(), x509.extension("1.2.3.4", b"\5\0", critical=True))},
            CertificateError,
        ),
    ],
)
def test_a_pck_certificate_that_intel_would_not_issue_is_refused(
    faults: dict[str, Any], kind: type[TteeError]
) -> None:
    forged = chained(SERVER.pck(**faults), VENDOR.authority(), VENDOR.root())
    check_refused(refused(forged), kind, checks.PCK_CHAIN)


@pytest.mark.parametrize(
    "faults",
    [
        {"end": NOW - timedelta(days=1)},
        {"subject": intel.name("Intel SGX PCK Certificate")},
        {"extensions": (x509.basic_constraints(ca=False), x509.key_usage(5, 6))},
        {"extensions": (x509.basic_constraints(ca=True, path_length=0), x509.key_usage(0))},
        {"extensions": (x509.key_usage(5, 6),)},
    ],
)
def test_an_authority_that_intel_would_not_certify_is_refused(faults: dict[str, Any]) -> None:
    forged = chained(
        SERVER.pck(**({"issuer": faults["subject"]} if "subject" in faults else {})),
        VENDOR.authority(**faults),
        VENDOR.root(),
    )
    check_refused(refused(forged), CertificateError, checks.PCK_CHAIN)


def test_an_enclaves_authority_cannot_be_the_signer_of_collateral() -> None:
    """Both are certified by the root; only one of them may certify platforms."""
    ours = evolve(SERVER, kind="platform")
    forged = chained(
        ours.pck(
            issuer=intel.name("Intel SGX TCB Signing"),
            signer=x509.ecdsa(VENDOR.keys["signer"], SHA256()),
        ),
        VENDOR.signer(),
        VENDOR.root(),
    )
    check_refused(refused(forged), CertificateError, checks.PCK_CHAIN)


def test_a_name_alone_makes_no_authority() -> None:
    """A CA below the root by another name: Intel has two kinds, and says by name which one it is."""
    odd = intel.name("Intel SGX Something CA")
    forged = chained(SERVER.pck(issuer=odd), VENDOR.authority(subject=odd), VENDOR.root())
    check_refused(refused(forged), CertificateError, checks.PCK_CHAIN)


def test_a_chain_is_three_certificates_in_order() -> None:
    leaf, authority, root = SERVER.pck(), VENDOR.authority(), VENDOR.root()
    for chain in ((leaf, authority), (leaf, authority, root, root), (leaf,)):
        check_refused(refused(chained(*chain)), MalformedEvidenceError, checks.PCK_CHAIN)
    check_refused(refused(chained(leaf, root, authority)), AnchorError, checks.PCK_CHAIN)
    assert isinstance(refused(chained(authority, leaf, root)), NotAuthenticError)


def test_another_root_of_the_same_key_is_still_checked() -> None:
    """An anchor pins a key: what its certificate says beside that must be signed by it."""
    forged = chained(
        SERVER.pck(), VENDOR.authority(), VENDOR.root(signer=x509.ecdsa(OTHER.keys["root"], SHA256()))
    )
    check_refused(refused(forged), SignatureError, checks.PCK_CHAIN)
    renamed = chained(
        SERVER.pck(),
        VENDOR.authority(issuer=intel.name("Root")),
        VENDOR.root(subject=intel.name("Root"), issuer=intel.name("Root")),
    )
    check_refused(refused(renamed), CertificateError, checks.PCK_CHAIN)


def test_revoked_platforms_authorities_and_signers_are_refused() -> None:
    serial = SERVER.serial
    good = SERVER.quote()
    cases = [
        ({"pck_crl": VENDOR.crl("platform", [1, serial, 9]).hex()}, checks.PCK_REVOKED),
        ({"root_ca_crl": VENDOR.crl("root", [2]).hex()}, checks.PCK_REVOKED),
        ({"root_ca_crl": VENDOR.crl("root", [4]).hex()}, checks.ROOT_CRL),
        ({"root_ca_crl": VENDOR.crl("root", [1]).hex()}, checks.ROOT_CRL),
    ]
    for changes, check in cases:
        check_refused(refused(good, VENDOR.endorsements(SERVER, **changes)), RevokedError, check)
    others = VENDOR.endorsements(SERVER, pck_crl=VENDOR.crl("platform", [serial + 1, serial << 8]).hex())
    assert claims(good, others).details["tcb_status"] == "UpToDate"


@pytest.mark.parametrize("role", ["root", "platform"])
@pytest.mark.parametrize(
    ("faults", "kind"),
    [
        ({"begin": NOW + timedelta(days=1)}, EndorsementError),
        ({"end": NOW - timedelta(days=1)}, EndorsementError),
        ({"issuer": intel.name("Intel SGX PCK Processor CA")}, EndorsementError),
        ({"signer": x509.ecdsa(OTHER.keys["root"], SHA256())}, SignatureError),
        ({"signer": x509.ecdsa(VENDOR.keys["root"])}, CertificateError),
    ],
)
def test_revocation_lists_must_be_the_issuers_and_current(
    role: str, faults: dict[str, Any], kind: type[TteeError]
) -> None:
    name, check = ("root_ca_crl", checks.ROOT_CRL) if role == "root" else ("pck_crl", checks.PCK_CRL)
    stale = VENDOR.endorsements(SERVER, **{name: VENDOR.crl(role, **faults).hex()})
    error = refused(SERVER.quote(), stale)
    check_refused(error, kind, check)
    if kind is EndorsementError:
        assert "https://" in str(error.hint)


def test_an_authority_that_may_not_sign_lists_cannot_vouch_for_one() -> None:
    mute = VENDOR.authority(extensions=(x509.basic_constraints(ca=True, path_length=0), x509.key_usage(5)))
    check_refused(refused(chained(SERVER.pck(), mute, VENDOR.root())), CertificateError, checks.PCK_CRL)


# --- certification data ---------------------------------------------------------------------------


def test_a_quote_without_certificates_needs_them_among_the_endorsements() -> None:
    for kind, content in (
        (PPID, SERVER.ppid + bytes(20)),
        (PPID_RSA_3072, bytes(404)),
        (PLATFORM_MANIFEST, b"x"),
    ):
        data = SERVER.quote(certification=(kind, content))
        error = refused(data)
        check_refused(error, EndorsementError, checks.PCK_CHAIN)
        assert "pckcert" in str(error.hint)
        given = VENDOR.endorsements(SERVER, pck_certificate_chain=SERVER.chain().decode())
        assert claims(data, given).details["fmspc"] == SERVER.fmspc


def test_a_plain_ppid_is_that_of_the_certificate() -> None:
    data = SERVER.quote(certification=(PPID, bytes(36)))
    given = VENDOR.endorsements(SERVER, pck_certificate_chain=SERVER.chain().decode())
    check_refused(refused(data, given), BindingError, checks.PCK_CHAIN)


def test_a_quote_with_its_leaf_alone_takes_the_authority_from_the_endorsements() -> None:
    data = SERVER.quote(certification=(PCK_LEAF, x509.pem(SERVER.pck()) + b"\0"))
    assert claims(data).details["fmspc"] == SERVER.fmspc
    parts = VENDOR.collateral(SERVER)
    del parts["pck_crl_issuer_chain"]
    without = evolve(GOOD, documents={"collateral": json.dumps(parts).encode()})
    check_refused(refused(data, without), EndorsementError, checks.PCK_CHAIN)


# --- the collateral -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tcb_info_issuer_chain", "qe_identity_issuer_chain"])
@pytest.mark.parametrize(
    ("faults", "kind"),
    [
        ({"end": NOW - timedelta(days=1)}, EndorsementError),
        ({"begin": NOW + timedelta(days=1)}, EndorsementError),
        ({"subject": intel.name("Intel SGX PCK Certificate")}, CertificateError),
        ({"signer": x509.ecdsa(OTHER.keys["root"], SHA256())}, SignatureError),
        ({"extensions": (x509.basic_constraints(ca=True), x509.key_usage(0))}, CertificateError),
        ({"extensions": (x509.basic_constraints(ca=False), x509.key_usage(5))}, CertificateError),
    ],
)
def test_the_signer_of_collateral_must_be_intels(
    name: str, faults: dict[str, Any], kind: type[TteeError]
) -> None:
    forged = VENDOR.endorsements(SERVER, **{name: intel.chain_pem(VENDOR.signer(**faults), VENDOR.root())})
    check_refused(refused(SERVER.quote(), forged), kind, checks.TCB_SIGNER)


def test_the_root_above_the_signer_has_intels_name() -> None:
    ours = intel.name("Root")
    chain = intel.chain_pem(VENDOR.signer(issuer=ours), VENDOR.root(subject=ours, issuer=ours))
    forged = VENDOR.endorsements(
        SERVER,
        tcb_info_issuer_chain=chain,
        qe_identity_issuer_chain=chain,
        root_ca_crl=VENDOR.crl(issuer=ours).hex(),
    )
    error = refused(SERVER.quote(), forged)
    check_refused(error, CertificateError, checks.TCB_SIGNER)


@pytest.mark.parametrize(
    "key", [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)]
)
def test_collateral_is_signed_on_p256(key: x509.PrivateKey) -> None:
    chain = intel.chain_pem(VENDOR.signer(key=x509.public(key)), VENDOR.root())
    error = refused(SERVER.quote(), VENDOR.endorsements(SERVER, tcb_info_issuer_chain=chain))
    check_refused(error, CertificateError, checks.TCB_INFO_SIGNATURE)
    assert "is not on P-256" in error.message


def test_a_platforms_key_cannot_sign_collateral() -> None:
    parts = VENDOR.collateral(SERVER)
    parts["tcb_info_issuer_chain"] = intel.chain_pem(SERVER.pck(), VENDOR.authority(), VENDOR.root())
    forged = evolve(GOOD, documents={"collateral": json.dumps(parts).encode()})
    check_refused(refused(SERVER.quote(), forged), EndorsementError, checks.COLLATERAL_FORM)


@pytest.mark.parametrize(
    ("which", "signature", "current"),
    [
        ("tcb_info", checks.TCB_INFO_SIGNATURE, checks.TCB_INFO_CURRENT),
        ("qe_identity", checks.QE_IDENTITY_SIGNATURE, checks.QE_IDENTITY_CURRENT),
    ],
)
def test_documents_are_intels_byte_for_byte_and_current(
    which: str, signature: CheckSpec, current: CheckSpec
) -> None:
    parts = VENDOR.collateral(SERVER)
    spaced = {**parts, which: parts[which] + " "}
    error = refused(SERVER.quote(), evolve(GOOD, documents={"collateral": json.dumps(spaced).encode()}))
    check_refused(error, SignatureError, signature)
    for changes in ({"issueDate": "2026-01-02T00:00:00Z"}, {"nextUpdate": "2025-12-31T23:59:59Z"}):
        stale = VENDOR.endorsements(SERVER, **{which: changes})
        error = refused(SERVER.quote(), stale)
        check_refused(error, EndorsementError, current)
        assert "https://api.trustedservices.intel.com/tdx/" in str(error.hint)


def test_documents_are_current_up_to_the_second_of_their_next_update() -> None:
    edge = VENDOR.endorsements(SERVER, tcb_info={"nextUpdate": "2026-01-01T00:00:00Z"})
    assert claims(SERVER.quote(), edge).details["tcb_status"] == "UpToDate"
    check_refused(
        refused(SERVER.quote(), edge, at=NOW + timedelta(seconds=1)),
        EndorsementError,
        checks.TCB_INFO_CURRENT,
    )


def test_collateral_for_the_other_tee_is_refused() -> None:
    mixed = VENDOR.collateral(ENCLAVES)
    info = {name: mixed[name] for name in ("tcb_info", "tcb_info_signature")}
    identity = {name: mixed[name] for name in ("qe_identity", "qe_identity_signature")}
    for part, check in ((info, checks.TCB_INFO_CURRENT), (identity, checks.QE_IDENTITY_CURRENT)):
        parts = {**VENDOR.collateral(SERVER), **part}
        given = evolve(GOOD, documents={"collateral": json.dumps(parts).encode()})
        check_refused(refused(SERVER.quote(), given), EndorsementError, check)


@pytest.mark.parametrize("change", [{"fmspc": "00806F050000"}, {"pceId": "0001"}])
def test_tcb_info_of_another_kind_of_platform_is_refused(change: dict[str, str]) -> None:
    error = refused(SERVER.quote(), VENDOR.endorsements(SERVER, tcb_info=change))
    check_refused(error, EndorsementError, checks.TCB_INFO_PLATFORM)
    assert "fmspc=B0C06F000000" in str(error.hint)


def test_nothing_is_verified_without_collateral() -> None:
    error = refused(SERVER.quote(), Endorsements(anchors=GOOD.anchors))
    check_refused(error, EndorsementError, checks.COLLATERAL_FORM)
    assert "https://" in str(error.hint)


# --- the TCB --------------------------------------------------------------------------------------


def test_a_module_that_intel_does_not_list_is_refused() -> None:
    faults: tuple[dict[str, Any], ...] = (
        {"mr_signer_seam": b"\1" + bytes(47)},
        {"seam_attributes": b"\1" + bytes(7)},
        {"tee_tcb_svn": bytes([5, 9, 3]) + bytes(13)},
        {"tee_tcb_svn": bytes([1, 1, 3]) + bytes(13)},
    )
    for changes in faults:
        error = refused(SERVER.quote(report=td_report(**changes)))
        check_refused(error, TcbError, checks.TDX_MODULE)


def test_a_platform_below_every_level_is_not_supported() -> None:
    for changes in ({"components": bytes([3] * 8) + bytes(8)}, {"pce_svn": 9}):
        machine = evolve(SERVER, **changes)
        error = refused(machine.quote(), GOOD)
        check_refused(error, TcbError, checks.TCB_LEVEL)
        assert "all signatures hold" in str(error.hint)


def test_a_quoting_enclave_below_every_level_is_not_supported() -> None:
    error = refused(SERVER.quote(qe_report=SERVER.qe_report(isv_svn=3)))
    check_refused(error, TcbError, checks.TCB_LEVEL)


def test_an_old_platform_is_authentic_and_its_status_a_claim() -> None:
    old = evolve(SERVER, components=bytes([4] * 8) + bytes(8))
    found = claims(old.quote(qe_report=old.qe_report(isv_svn=5)), GOOD)
    assert found.details["tcb_status"] == "OutOfDate"
    assert found.details["advisory_ids"] == ("INTEL-SA-00001", "INTEL-SA-00002")
    assert found.details["qe_tcb_status"] == "OutOfDate"


# --- the event log --------------------------------------------------------------------------------


def test_a_log_that_is_none_is_malformed() -> None:
    error = refused(SERVER.quote(), parts={"ccel": b"not a log"})
    check_refused(error, MalformedEvidenceError, checks.CCEL)


def test_a_log_of_pcrs_says_nothing_about_a_trust_domain() -> None:
    log = eventlog.tcg2(eventlog.boot(), ("sha384",))
    error = refused(SERVER.quote(), parts={"ccel": log})
    check_refused(error, MalformedEvidenceError, checks.CCEL)
    assert "a log of PCRs" in error.message


# --- every check is here --------------------------------------------------------------------------


def test_checks_are_explained() -> None:
    ids = [check.id for check in checks.TDX_CHECKS]
    assert len(set(ids)) == len(ids)
    for check in checks.TDX_CHECKS:
        assert check.title
        assert check.guards
        assert check.remedy
        assert check.source
        assert der.SOURCE not in check.source
