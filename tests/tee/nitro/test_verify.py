# SPDX-License-Identifier: Apache-2.0
"""Nitro documents: the shared vectors, every named check passing and failing, and every forgery we know."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from importlib import resources
from typing import Any

import pytest
from attrs import evolve
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import vectors
from ttee.codec import cose
from ttee.errors import (
    AnchorError,
    CertificateError,
    EndorsementError,
    FreshnessError,
    MalformedEvidenceError,
    NotAuthenticError,
    RevokedError,
    SignatureError,
    TteeError,
    UsageError,
)
from ttee.model import Anchor, Assurance, Claims, Endorsements, Evidence, Status
from ttee.pki.cache import forget_all
from ttee.tee.nitro import TEE, chain, checks, evidence, verify
from ttee.testing import x509
from ttee.testing.nitro import LEVELS, NOW, Vendor, named_key

VENDOR = Vendor.named("a cloud")
ENCLAVE = VENDOR.enclave()
NONCE = b"a nonce"
DOCUMENT = ENCLAVE.document(nonce=NONCE, user_data=b"some data", public_key=b"a key")
LISTS = {f"crl.{level}": VENDOR.crl(level) for level in LEVELS}
GIVEN = VENDOR.endorsements(**LISTS)


def wrapped(document: bytes) -> Evidence:
    return Evidence(evidence.NAME, {"document": document})


def verified(
    document: bytes = DOCUMENT, given: Endorsements = GIVEN, at: datetime = NOW, **options: Any
) -> Claims:
    return verify.verify(wrapped(document), given, at=at, **{"nonce": NONCE, **options})


def refused(
    document: bytes = DOCUMENT, given: Endorsements = GIVEN, at: datetime = NOW, **options: Any
) -> TteeError:
    """The same error with and without what is remembered."""
    caught = []
    for _ in range(2):
        with pytest.raises(TteeError) as raised:
            verified(document, given, at, **options)
        caught.append(raised.value)
        forget_all()
    assert str(caught[0]) == str(caught[1])
    return caught[0]


def document(**fields: Any) -> bytes:
    return ENCLAVE.document(nonce=NONCE, **fields)


def fails(error: TteeError, kind: type[TteeError], check: Any) -> bool:
    return (type(error), error.check) == (kind, check.id)


# --- the shared vectors ---------------------------------------------------------------------------


def test_every_shared_vector_has_its_expected_result() -> None:
    manifest = {each["id"]: each for each in json.loads(vectors.read("MANIFEST.json"))["cases"]}
    cases = vectors.cases("nitro")
    assert len(cases) == 12
    for case in cases:
        wanted = manifest[case.id]
        at = datetime.fromisoformat(wanted["verification_time"])
        try:
            claims = verify.verify(wrapped(case.inputs["document"]), Endorsements(), at=at)
        except (MalformedEvidenceError, NotAuthenticError):
            assert not case.valid, case.id
            continue
        assert case.valid, case.id
        expected = wanted["expected"]
        assert claims.debug == expected["debug_mode_pcrs_zero"]
        assert claims.details["module_id"] == expected["module_id"]
        made = datetime.fromisoformat(expected["timestamp"])
        assert claims.details["timestamp"] == round(made.timestamp() * 1000)
        assert (claims.user_data or b"").hex().startswith(expected["user_data_prefix"])
        assert claims.nonce is None
        assert claims.assurance is Assurance.SILICON
        skipped = [check.id for check in claims.checks if check.status is Status.SKIPPED]
        assert skipped == [checks.REVOCATION.id, checks.NONCE.id]


def test_the_pinned_root_is_the_one_of_the_vectors_and_of_its_page() -> None:
    folder = resources.files("ttee.tee.nitro").joinpath("roots")
    name = "aws-nitro-enclaves-g1.pem"
    assert folder.joinpath(name).read_bytes() == vectors.read("nitro/AWS_NitroEnclaves_Root-G1.pem")
    digest = chain.pinned().roots[0].digest
    assert digest is not None
    assert f"`{name}` | C=US, O=Amazon, OU=AWS, CN=aws.nitro-enclaves | `{digest.hex()}`" in folder.joinpath(
        "README.md"
    ).read_text("utf-8")


# --- what passes ----------------------------------------------------------------------------------


def test_a_genuine_document_passes_every_check() -> None:
    claims = verified()
    of_documents = [spec.id for spec in checks.CHECKS if spec is not checks.STATEMENT]  # dstack's alone
    assert [check.id for check in claims.checks] == of_documents
    assert {check.status for check in claims.checks} == {Status.PASS}
    assert claims.assurance is Assurance.SIMULATED
    assert claims.fresh
    assert (claims.nonce, claims.user_data, claims.details["public_key"]) == (NONCE, b"some data", b"a key")
    assert claims.debug is False
    assert claims.pins == {"app": ("pcr0",)}
    assert [reliance.kind for reliance in claims.relied_on] == [
        "anchor",
        *["certificate"] * 4,
        *["endorsement"] * 4,
    ]


def test_a_tagged_document_says_the_same() -> None:
    assert verified(cose.TAG + DOCUMENT) == verified()


def test_what_is_remembered_changes_nothing() -> None:
    forget_all()
    cold = verified()
    assert verified() == cold
    chain._ENDORSED.clear()  # the authorities are still known
    assert verified() == cold


def test_an_anchor_says_how_real_it_is() -> None:
    silicon = evolve(GIVEN, anchors=(VENDOR.anchor(Assurance.SILICON),))
    assert verified(given=silicon).assurance is Assurance.SILICON
    assert verified().assurance is Assurance.SIMULATED


def test_the_signer_of_an_image_can_be_pinned_as_well() -> None:
    pcrs = {**ENCLAVE.content().pcrs, 8: b"\1" * 48}
    assert verified(document(pcrs=pcrs)).pins == {"app": ("pcr0", "pcr8")}


def test_debug_mode_is_a_claim() -> None:
    assert verified(document(pcrs={index: bytes(48) for index in range(16)})).debug is True


# --- steps 1 and 2: the document ------------------------------------------------------------------


def test_at_is_needed() -> None:
    with pytest.raises(UsageError, match="at which moment"):
        verify.verify(wrapped(DOCUMENT), GIVEN)


@pytest.mark.parametrize("parts", [{}, {"quote": b""}, {"document": DOCUMENT, "more": b""}])
def test_other_parts_are_not_nitro_evidence(parts: dict[str, bytes]) -> None:
    with pytest.raises(MalformedEvidenceError, match="is document, perhaps with dstack"):
        verify.verify(Evidence(evidence.NAME, parts), GIVEN, at=NOW)


def test_evidence_without_parts_has_nothing() -> None:
    with pytest.raises(MalformedEvidenceError, match="not nothing"):
        verify.verify(Evidence(evidence.NAME, {}), GIVEN, at=NOW)


def test_the_envelope_is_checked() -> None:
    assert fails(refused(DOCUMENT + b"\0"), MalformedEvidenceError, checks.ENVELOPE)
    unsigned = ENCLAVE.sign(evidence.encode(ENCLAVE.content()), unprotected={4: b"kid"})
    assert fails(refused(unsigned), MalformedEvidenceError, checks.ENVELOPE)


def test_the_fields_are_checked() -> None:
    assert fails(refused(document(module_id="")), MalformedEvidenceError, checks.FIELDS)


# --- step 3: the root -----------------------------------------------------------------------------


def test_aws_has_not_certified_this() -> None:
    error = refused(given=evolve(GIVEN, anchors=()))
    assert fails(error, AnchorError, checks.ROOT)
    assert error.hint == "pinned: AWS Nitro Enclaves root G1"
    other = Anchor("keystone", VENDOR.anchor().key, Assurance.SILICON)
    assert fails(refused(given=evolve(GIVEN, anchors=(other,))), AnchorError, checks.ROOT)


def test_aws_is_refused_where_the_policy_pins_another_root() -> None:
    at = datetime.fromisoformat("2025-12-25T16:04:19Z")
    with pytest.raises(AnchorError) as caught:
        verify.verify(wrapped(vectors.read("nitro/dstack_prod.cose.bin")), GIVEN, at=at)
    assert caught.value.check == checks.ROOT.id


def test_a_bundle_in_another_order_is_refused() -> None:
    root, region, zone, instance = VENDOR.bundle()
    for bundle in ((instance, zone, region, root), (region, zone, instance), (region, root, zone, instance)):
        assert fails(refused(document(cabundle=bundle)), AnchorError, checks.ROOT)
    assert fails(refused(document(cabundle=(root, zone, region, instance))), CertificateError, checks.PATH)
    assert fails(refused(document(cabundle=(root, region, instance))), CertificateError, checks.PATH)


def test_a_root_that_cannot_be_read_is_refused() -> None:
    error = refused(document(cabundle=(b"\x30", *VENDOR.bundle()[1:])))
    assert fails(error, MalformedEvidenceError, checks.ROOT)


# --- step 4: the path -----------------------------------------------------------------------------


def bundle(level: str, **faults: Any) -> bytes:
    return document(cabundle=VENDOR.bundle(**{level: VENDOR.authority(level, **faults)}))


def leaf(**faults: Any) -> bytes:
    return document(certificate=ENCLAVE.certificate(**faults))


@pytest.mark.parametrize("level", LEVELS)
def test_an_authority_that_cannot_be_read_is_refused(level: str) -> None:
    error = refused(document(cabundle=VENDOR.bundle(**{level: VENDOR.authority(level) + b"\0"})))
    assert fails(error, MalformedEvidenceError, checks.ROOT if level == "root" else checks.PATH)


@pytest.mark.parametrize("level", LEVELS[1:])
def test_an_authority_that_the_one_above_did_not_sign_is_refused(level: str) -> None:
    error = refused(bundle(level, signer=x509.ecdsa(named_key("a stranger"))))
    assert fails(error, SignatureError, checks.PATH)


def test_an_enclave_that_its_instance_did_not_sign_for_is_refused() -> None:
    assert fails(refused(leaf(signer=x509.ecdsa(named_key("a stranger")))), SignatureError, checks.PATH)
    assert fails(refused(leaf(issuer=VENDOR.subject("zone"))), CertificateError, checks.PATH)
    assert fails(refused(document(certificate=b"\x30")), MalformedEvidenceError, checks.PATH)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    "extensions",
    [
        (x509.key_usage(0, 5, 6),),
        (x509.basic_constraints(ca=False), x509.key_usage(0, 5, 6)),
        (x509.basic_constraints(ca=True), x509.key_usage(0, 6)),
        (x509.basic_constraints(ca=True),),
        (
            x509.basic_constraints(ca=True),
            x509.key_usage(5),
            x509.extension("1.2.3", b"\x05\0", critical=True),
        ),
    ],
    ids=["no constraints", "not a CA", "not for certificates", "no usage", "unknown critical"],
)
def test_an_authority_that_may_not_sign_certificates_is_refused(
    level: str, extensions: tuple[bytes, ...]
) -> None:
    assert fails(refused(bundle(level, extensions=extensions)), CertificateError, checks.PATH)


@pytest.mark.parametrize("level", ["root", "region", "zone"])
def test_a_path_longer_than_an_authority_allows_is_refused(level: str) -> None:
    below = len(LEVELS) - 1 - LEVELS.index(level)
    extensions = (x509.basic_constraints(ca=True, path_length=below - 1), x509.key_usage(5, 6))
    assert fails(refused(bundle(level, extensions=extensions)), CertificateError, checks.PATH)


@pytest.mark.parametrize(
    "extensions",
    [
        (x509.basic_constraints(ca=True, path_length=0), x509.key_usage(0)),
        (x509.basic_constraints(ca=False), x509.key_usage(5)),
        (
            x509.basic_constraints(ca=False),
            x509.key_usage(0),
            x509.extension("1.2.3", b"\x05\0", critical=True),
        ),
    ],
    ids=["a CA", "not for data", "unknown critical"],
)
def test_a_leaf_that_may_not_sign_documents_is_refused(extensions: tuple[bytes, ...]) -> None:
    assert fails(refused(leaf(extensions=extensions)), CertificateError, checks.PATH)


def test_an_enclave_that_certifies_another_is_refused() -> None:
    """A leaf has no say over certificates, whatever it signs."""
    other = VENDOR.enclave("another")
    forged = other.certificate(
        issuer=x509.name(C="US", O="Somebody", OU=VENDOR.name, CN=ENCLAVE.name),
        signer=x509.ecdsa(ENCLAVE.key),
    )
    data = other.document(nonce=NONCE, certificate=forged, cabundle=(*VENDOR.bundle(), ENCLAVE.certificate()))
    assert fails(refused(data), CertificateError, checks.PATH)


def test_other_signature_algorithms_are_refused() -> None:
    by_sha256 = x509.ecdsa(VENDOR.keys["instance"], SHA256())
    assert fails(refused(leaf(signer=by_sha256)), CertificateError, checks.PATH)
    by_sha256 = x509.ecdsa(VENDOR.keys["zone"], SHA256())
    assert fails(refused(bundle("instance", signer=by_sha256)), CertificateError, checks.PATH)


@pytest.mark.parametrize("level", LEVELS)
def test_authorities_that_are_not_valid_now_are_refused(level: str) -> None:
    for window in ({"begin": NOW + timedelta(seconds=1)}, {"end": NOW - timedelta(seconds=1)}):
        assert fails(refused(bundle(level, **window)), CertificateError, checks.PATH)


def test_an_enclave_whose_time_is_over_is_refused() -> None:
    given = VENDOR.endorsements()
    verified(given=given, at=NOW + timedelta(hours=3))
    assert fails(refused(given=given, at=NOW + timedelta(hours=3, seconds=1)), CertificateError, checks.PATH)
    assert fails(refused(given=given, at=NOW - timedelta(seconds=4)), CertificateError, checks.PATH)


def test_what_is_remembered_expires_with_what_it_rests_on() -> None:
    verified()
    with pytest.raises(CertificateError):
        verified(at=NOW + timedelta(hours=4))
    short = bundle("zone", end=NOW + timedelta(hours=1))
    verified(short)
    with pytest.raises(CertificateError):
        verified(short, at=NOW + timedelta(hours=2))


# --- step 5: revocation ---------------------------------------------------------------------------


def test_without_a_list_revocation_is_named_as_not_checked() -> None:
    claims = verified(given=VENDOR.endorsements())
    assert [check.id for check in claims.checks if check.status is Status.SKIPPED] == [checks.REVOCATION.id]
    assert any(note.startswith("revocation of the certificates") for note in claims.not_checked)
    assert claims.details["revocation_checked"] is False
    assert verified().details["revocation_checked"] is True


def test_certificates_of_no_list_are_named() -> None:
    claims = verified(given=VENDOR.endorsements(crl=LISTS["crl.root"]))
    assert [note for note in claims.not_checked if "revocation" in note] == [
        "revocation of an enclave: no list of its issuer was given",
        "revocation of instance.nitro-enclaves: no list of its issuer was given",
        "revocation of zone.nitro-enclaves: no list of its issuer was given",
    ]
    assert claims.details["revocation_checked"] is False


def test_certificates_that_name_no_list_need_none() -> None:
    """AWS publishes lists of zones and regions, and none of the instances and enclaves below them."""
    named = VENDOR.endorsements(**{name: LISTS[name] for name in ("crl.root", "crl.region")})
    assert verified(given=named).details["revocation_checked"] is True
    below = VENDOR.endorsements(**{name: LISTS[name] for name in ("crl.zone", "crl.instance")})
    assert verified(given=below).details["revocation_checked"] is False


@pytest.mark.parametrize(("level", "serial"), [("root", 2), ("region", 3), ("zone", 4), ("instance", 0x123)])
def test_a_revoked_certificate_is_refused(level: str, serial: int) -> None:
    revoked = VENDOR.crl(level, revoked={99: NOW, serial: NOW})
    error = refused(given=VENDOR.endorsements(**{**LISTS, f"crl.{level}": revoked}))
    assert fails(error, RevokedError, checks.REVOCATION)
    carried = Evidence(evidence.NAME, {"document": DOCUMENT}, {"crl": revoked})
    with pytest.raises(RevokedError):
        verify.verify(carried, VENDOR.endorsements(), at=NOW)


def test_a_list_that_is_not_current_is_stale() -> None:
    for window in ({"begin": NOW + timedelta(seconds=1)}, {"end": NOW - timedelta(seconds=1)}):
        stale = VENDOR.endorsements(crl=VENDOR.crl("zone", **window))
        assert fails(refused(given=stale), EndorsementError, checks.REVOCATION)


def test_a_list_that_somebody_else_signed_is_refused() -> None:
    forged = VENDOR.crl("zone", signer=x509.ecdsa(VENDOR.keys["region"]))
    assert fails(refused(given=VENDOR.endorsements(crl=forged)), SignatureError, checks.REVOCATION)


def test_lists_of_other_regions_are_left_alone() -> None:
    other = Vendor.named("another cloud").crl("region", revoked={3: NOW})
    verified(given=VENDOR.endorsements(**LISTS, **{"crl.other": other}))


def test_a_list_that_cannot_be_read_is_refused() -> None:
    assert fails(refused(given=VENDOR.endorsements(crl=b"nothing")), EndorsementError, checks.REVOCATION)


def test_documents_of_other_names_are_no_lists() -> None:
    verified(given=VENDOR.endorsements(**LISTS, vek=b"nothing", crls=b"nothing"))


def test_what_is_remembered_expires_with_the_lists() -> None:
    soon = VENDOR.endorsements(crl=VENDOR.crl("root", end=NOW + timedelta(hours=1)))
    verified(given=soon)
    with pytest.raises(EndorsementError):
        verified(given=soon, at=NOW + timedelta(hours=2))


# --- step 6: the enclave's key --------------------------------------------------------------------


def test_a_key_on_another_curve_is_refused() -> None:
    for key in (ec.derive_private_key(7, ec.SECP256R1()), rsa.generate_private_key(65537, 2048)):
        assert fails(refused(leaf(key=x509.public(key))), CertificateError, checks.LEAF_KEY)


def test_a_leaf_that_does_not_say_what_its_key_is_for_is_refused() -> None:
    error = refused(leaf(extensions=(x509.basic_constraints(ca=False),)))
    assert fails(error, CertificateError, checks.LEAF_KEY)


# --- step 7: the signature ------------------------------------------------------------------------


def test_another_key_has_not_signed_it() -> None:
    other = evolve(ENCLAVE, key=named_key("a stranger"))
    data = other.document(nonce=NONCE, certificate=ENCLAVE.certificate())
    assert fails(refused(data), SignatureError, checks.SIGNATURE)


def test_a_signature_in_der_form_is_refused() -> None:
    payload = evidence.encode(ENCLAVE.content(nonce=NONCE))
    signature = cose.sign(payload, ENCLAVE.key).signature
    numbers = int.from_bytes(signature[:48]), int.from_bytes(signature[48:])
    in_der = encode_dss_signature(*numbers)
    assert decode_dss_signature(in_der) == numbers
    assert fails(refused(ENCLAVE.sign(payload, signature=in_der)), SignatureError, checks.SIGNATURE)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 8 * len(DOCUMENT) - 1))
def test_every_flipped_bit_is_refused(bit: int) -> None:
    data = bytearray(DOCUMENT)
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises((MalformedEvidenceError, NotAuthenticError)):
        verified(bytes(data))


# --- step 8: time ---------------------------------------------------------------------------------


def made_at(moment: datetime, **faults: Any) -> bytes:
    certificate = ENCLAVE.certificate(**faults)
    return document(timestamp=round(moment.timestamp() * 1000), certificate=certificate)


def test_a_document_older_than_three_hours_is_stale() -> None:
    for age, ok in ((timedelta(hours=3), True), (timedelta(hours=3, milliseconds=1), False)):
        data = made_at(NOW - age, begin=NOW - timedelta(days=1), end=NOW + timedelta(days=1))
        if ok:
            verified(data)
        else:
            assert fails(refused(data), FreshnessError, checks.TIME)


def test_a_document_from_the_future_is_refused_beyond_what_clocks_differ() -> None:
    for ahead, ok in ((timedelta(minutes=5), True), (timedelta(minutes=5, milliseconds=1), False)):
        data = made_at(NOW + ahead)
        if ok:
            verified(data)
        else:
            assert fails(refused(data), FreshnessError, checks.TIME)


def test_a_document_made_outside_its_certificates_time_is_refused() -> None:
    soon = {"begin": NOW - timedelta(seconds=3), "end": NOW + timedelta(seconds=3)}
    verified(made_at(NOW + timedelta(seconds=3), **soon))
    for moment in (NOW - timedelta(seconds=3, milliseconds=1), NOW + timedelta(seconds=3, milliseconds=1)):
        error = refused(made_at(moment, **soon))
        assert fails(error, FreshnessError, checks.TIME)
        assert "its certificate is valid" in error.message


# --- step 9: freshness ----------------------------------------------------------------------------


def test_another_nonce_is_a_replay() -> None:
    assert fails(refused(nonce=b"another"), FreshnessError, checks.NONCE)
    error = refused(ENCLAVE.document())
    assert fails(error, FreshnessError, checks.NONCE)
    assert "missing" in error.message


def test_without_a_nonce_freshness_is_named_as_not_checked() -> None:
    claims = verified(nonce=None)
    assert (claims.fresh, claims.nonce) == (False, NONCE)
    assert claims.checks[-1].status is Status.SKIPPED
    assert any("freshness" in note for note in claims.not_checked)


def test_the_longest_nonce_is_taken() -> None:
    longest = bytes(range(256)) * 4
    assert verified(ENCLAVE.document(nonce=longest), nonce=longest).fresh


@pytest.mark.parametrize("nonce", [b"", bytes(1025)])
def test_an_impossible_nonce_is_the_callers_error(nonce: bytes) -> None:
    with pytest.raises(UsageError, match="1 to 1024 bytes"):
        verified(nonce=nonce)


def test_the_entry_of_the_registry_is_complete() -> None:
    assert TEE.name == "aws-nitro"
    assert TEE.checks == checks.CHECKS
    assert all(spec.id.startswith("nitro.") for spec in TEE.checks)
