# SPDX-License-Identifier: Apache-2.0
"""SEV-SNP reports: the shared vectors, every named check passing and failing, and every forgery we know."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import vectors
from tests.tee.amd.vendors import vendor, wrapped
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
    TteeError,
    UsageError,
)
from ttee.model import Anchor, Assurance, Claims, Endorsements, Evidence, Status
from ttee.pki.cache import forget_all
from ttee.pki.path import verify_path
from ttee.tee.amd import TEE, certificates, checks, endorsements, evidence, table, verify
from ttee.tee.amd.evidence import VCEK, VLEK
from ttee.tee.amd.products import GENOA, MILAN, PRODUCTS, TURIN, Product
from ttee.testing import x509
from ttee.testing.amd import NOW, Chip, name, tcb

VENDOR = vendor()
CHIP = VENDOR.chip()
NONCE = b"a nonce of 32 bytes, here it is.".ljust(64, b"\0")
REPORT = CHIP.report(report_data=NONCE)
GIVEN = VENDOR.endorsements(CHIP)


def verified(
    report: bytes = REPORT, given: Endorsements = GIVEN, at: datetime = NOW, **options: Any
) -> Claims:
    return verify.verify(wrapped(report), given, at=at, **{"nonce": NONCE, **options})


def refused(
    report: bytes = REPORT, given: Endorsements = GIVEN, at: datetime = NOW, **options: Any
) -> TteeError:
    """The same error with and without what is remembered."""
    caught = []
    for _ in range(2):
        with pytest.raises(TteeError) as raised:
            verified(report, given, at, **options)
        caught.append(raised.value)
        forget_all()
    assert str(caught[0]) == str(caught[1])
    return caught[0]


def given_with(**documents: bytes) -> Endorsements:
    return VENDOR.endorsements(CHIP, **documents)


def without(*names: str) -> Endorsements:
    return evolve(GIVEN, documents={k: v for k, v in GIVEN.documents.items() if k not in names})


def fails(error: TteeError, kind: type[TteeError], check: Any) -> bool:
    return (type(error), error.check) == (kind, check.id)


# --- the shared vectors ---------------------------------------------------------------------------


def expected(case: str) -> dict[str, Any]:
    manifest = json.loads(vectors.read("MANIFEST.json"))
    found: dict[str, Any] = next(each for each in manifest["cases"] if each["id"] == case)
    return found


def test_every_shared_vector_has_its_expected_result() -> None:
    cases = vectors.cases("snp")
    assert len(cases) == 14
    for case in cases:
        wanted = expected(case.id)
        given = Endorsements(documents={"vek": case.inputs["vek"], "chain": case.inputs["ca_chain"]})
        at = datetime.fromisoformat(wanted["verification_time"])
        try:
            claims = verify.verify(wrapped(case.inputs["report"]), given, at=at)
        except (MalformedEvidenceError, NotAuthenticError):
            assert not case.valid, case.id
            continue
        assert case.valid, case.id
        wanted = wanted["expected"]
        details = claims.details
        assert details["product"] == wanted["product"]
        assert {part: details[f"reported_{part}_svn"] for part in wanted["reported_tcb"]} == wanted[
            "reported_tcb"
        ]
        assert details["vmpl"] == wanted["vmpl"]
        assert details["guest_policy"] == int(wanted["guest_policy"], 16)
        assert claims.debug == details["debug_allowed"] == wanted["debug_allowed"]
        assert details["signing_key"] == wanted["signing_key"].lower()
        assert claims.assurance is Assurance.SILICON
        skipped = [check.id for check in claims.checks if check.status is Status.SKIPPED]
        assert skipped == [checks.REVOCATION.id, checks.NONCE.id]


def test_the_shared_vectors_need_nothing_but_the_certificate_of_their_key() -> None:
    report = wrapped(vectors.read("snp/virtee_milan.report.bin"))
    vek = vectors.read("snp/virtee_milan.vek.der")
    assert verify.verify(report, Endorsements(documents={"vek": vek}), at=NOW).details["product"] == "milan"
    with pytest.raises(EndorsementError, match="is missing") as caught:
        verify.verify(report, Endorsements(), at=NOW)
    chip = report.parts["report"][0x1A0:0x1E0].hex()
    levels = "blSPL=3&teeSPL=0&snpSPL=8&ucodeSPL=115"
    assert f"https://kdsintf.amd.com/vcek/v1/Milan/{chip}?{levels} or https:" in (caught.value.hint or "")


# --- the pinned roots -----------------------------------------------------------------------------


@pytest.mark.parametrize("product", PRODUCTS)
def test_the_certificates_that_come_with_us_are_a_chain_of_amd(product: Product) -> None:
    ask, asvk, ark = certificates.shipped(product)
    for certificate, common_name in ((ask, f"SEV-{product.line}"), (asvk, f"SEV-VLEK-{product.line}")):
        assert certificate.common_name == common_name
        window = verify_path(
            (certificate, ark),
            certificates.pinned().roots,
            at=NOW,
            algorithms=certificates.ALGORITHMS,
            what="ours",
            leaf_usage=5,
            leaf_is_ca=True,
        )
        assert window.end > NOW + timedelta(days=3650)
    certificates.require_name(ark.subject, f"ARK-{product.line}", what="ARK")


def test_the_page_on_the_roots_names_each_by_its_digest() -> None:
    from importlib import resources

    folder = resources.files("ttee.tee.amd").joinpath("roots")
    page = folder.joinpath("README.md").read_text("utf-8")
    files = [each for each in folder.iterdir() if each.name.endswith(".pem")]
    assert len(files) == 9
    for file in files:
        (certificate,) = certificates.load(file.read_bytes(), what=file.name)
        assert f"| `{file.name}` | {certificate.common_name} | `{certificate.digest.hex()}` |" in page


# --- what passes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("kind", [VCEK, VLEK])
def test_a_genuine_report_of_any_line_key_and_version_passes_every_check(product: Product, kind: int) -> None:
    chip = vendor(product).chip(kind)
    given = vendor(product).endorsements(chip)
    for version in evidence.VERSIONS:
        claims = verified(chip.report(version, report_data=NONCE), given)
        # No dstack attestation came along, and a cloud's key is of no chip.
        left_out = {checks.STATEMENT} if kind == VCEK else {checks.STATEMENT, checks.CHIP}
        ids = [spec.id for spec in checks.CHECKS if spec not in left_out]
        assert [check.id for check in claims.checks] == ids
        assert {check.status for check in claims.checks} == {Status.PASS}
        assert claims.details["product"] == product.name
        assert claims.details.get("csp_id") == ("Some Cloud" if kind == VLEK else None)
        assert claims.assurance is Assurance.SIMULATED
        assert claims.fresh
        assert claims.user_data == claims.nonce == NONCE
        assert claims.pins == {"app": ("measurement",)}
        assert any("AMD signs no list" in note for note in claims.not_checked)


def test_what_is_remembered_changes_nothing() -> None:
    forget_all()
    cold = verified()
    assert verified() == cold
    forget_all()
    assert verified() == cold


def test_an_anchor_says_how_real_it_is() -> None:
    silicon = evolve(GIVEN, anchors=(VENDOR.anchor(Assurance.SILICON),))
    assert verified(given=silicon).assurance is Assurance.SILICON
    assert verified().assurance is Assurance.SIMULATED
    kinds = {reliance.kind: reliance.digest for reliance in verified().relied_on}
    assert kinds.keys() == {"anchor", "certificate", "endorsement"}


def test_keys_that_signed_for_the_guest_can_be_pinned_as_well() -> None:
    report = CHIP.report(report_data=NONCE, id_key_digest=b"\1" * 48, author_key_digest=b"\2" * 48)
    assert verified(report).pins == {"app": ("measurement", "id_key_digest", "author_key_digest")}


def test_debug_mode_is_a_claim() -> None:
    assert verified().debug is False
    claims = verified(CHIP.report(report_data=NONCE, policy=0x30000 | 1 << 19))
    assert claims.debug is True


def test_bits_that_nobody_knows_are_named() -> None:
    report = CHIP.report(report_data=NONCE, policy=0x30000 | 1 << 40, platform_info=1 << 6)
    notes = verified(report).not_checked
    assert "bits 0x10000000000 of the guest policy: not known here" in notes
    assert "bits 0x40 of the platform information: not known here" in notes


@pytest.mark.parametrize("form", ["DER", "PEM", "bundle"])
def test_the_certificate_is_taken_in_der_and_pem_with_and_without_its_chain(form: str) -> None:
    vek = CHIP.vek()
    chain = VENDOR.chain() if form == "bundle" else b""
    given = given_with(vek=vek if form == "DER" else x509.pem(vek) + chain)
    if form == "bundle":
        given = evolve(given, documents={k: v for k, v in given.documents.items() if k != "chain"})
    assert verified(given=given) == verified(given=given)


# --- steps 1 to 3: the report ---------------------------------------------------------------------


def test_at_is_needed() -> None:
    with pytest.raises(UsageError, match="at which moment"):
        verify.verify(wrapped(REPORT), GIVEN)
    with pytest.raises(UsageError, match="at which moment"):
        verify.verify(wrapped(REPORT), GIVEN, at=datetime(2026, 1, 1))  # noqa: DTZ001 (on purpose)


@pytest.mark.parametrize(
    "parts", [{}, {"quote": b""}, {"report": REPORT, "more": b""}, {"certificates": b""}]
)
def test_other_parts_are_not_sev_snp_evidence(parts: dict[str, bytes]) -> None:
    with pytest.raises(MalformedEvidenceError, match="evidence is report"):
        verify.verify(Evidence(evidence.NAME, parts), GIVEN, at=NOW)


def test_evidence_without_parts_has_nothing() -> None:
    with pytest.raises(MalformedEvidenceError, match="not nothing"):
        verify.verify(Evidence(evidence.NAME, {}), GIVEN, at=NOW)


def test_the_format_is_checked() -> None:
    assert fails(refused(REPORT + b"\0"), MalformedEvidenceError, checks.FORMAT)
    with pytest.raises(MalformedEvidenceError) as caught:
        verify.verify(wrapped(REPORT, certificates=b"\1" * 24), GIVEN, at=NOW)
    assert caught.value.check == checks.FORMAT.id


def test_a_report_that_says_that_it_is_not_signed_is_refused() -> None:
    assert fails(refused(CHIP.report(key_info=7 << 2)), SignatureError, checks.ALGORITHM)
    assert fails(refused(CHIP.report(algorithm=0)), SignatureError, checks.ALGORITHM)
    assert fails(refused(CHIP.report(algorithm=2)), SignatureError, checks.ALGORITHM)


def test_a_report_that_the_host_asked_for_is_refused() -> None:
    report = CHIP.report(report_data=NONCE, vmpl=0xFFFFFFFF)
    assert fails(refused(report), BindingError, checks.REQUESTER)
    for vmpl in range(4):
        assert verified(CHIP.report(report_data=NONCE, vmpl=vmpl)).details["vmpl"] == vmpl


# --- step 4: the certificate ----------------------------------------------------------------------


def test_without_the_certificate_the_error_says_where_it_is() -> None:
    error = refused(given=without("vek"))
    assert fails(error, EndorsementError, checks.CERTIFICATE)
    assert (error.hint or "").startswith("get it from https://kdsintf.amd.com/vcek/v1/Milan/")
    cloud = VENDOR.chip(VLEK)
    error = refused(cloud.report(), without("vek"))
    assert error.hint == "the host has it: ask for an extended report"


@pytest.mark.parametrize(
    "vek", [b"", b"\x30", b"not a certificate", CHIP.vek() + b"\0", x509.pem(CHIP.vek()) * 4]
)
def test_a_certificate_that_cannot_be_read_is_refused(vek: bytes) -> None:
    assert fails(refused(given=given_with(vek=vek)), EndorsementError, checks.CERTIFICATE)


def test_a_certificate_of_the_other_kind_is_refused() -> None:
    cloud = VENDOR.chip(VLEK)
    error = refused(given=given_with(vek=cloud.vek()))
    assert fails(error, CertificateError, checks.CERTIFICATE)
    error = refused(cloud.report(), VENDOR.endorsements(cloud, vek=CHIP.vek()))
    assert fails(error, CertificateError, checks.CERTIFICATE)


def with_extensions(changed: dict[str, bytes | None], chip: Chip = CHIP) -> Endorsements:
    return chip.vendor.endorsements(chip, vek=chip.vek(extensions=chip.extensions(**changed)))


CLOUD = der.encode(0x16, b"Some Cloud")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"5": CLOUD}, "must name a chip, and no cloud"),
        ({"4": None}, "must name a chip, and no cloud"),
        ({"4": None, "5": CLOUD}, "must name a chip, and no cloud"),
        ({"4": bytes(63)}, "VCEK cannot be read"),
        ({"4": der.encode(der.OCTET_STRING, bytes(8))}, "8 bytes instead of 64"),
        ({"2": None}, "for None, no product line"),
        ({"2": der.encode(0x16, b"Naples-B0")}, "for 'Naples-B0', no product line"),
        ({"2": der.encode(der.UTF8_STRING, b"Milan-B0")}, "not one element of tag 0x16"),
        ({"2": der.encode(0x16, b"Milan\n")}, "not a short text"),
        ({"2": der.encode(0x16, b"")}, "not a short text"),
        ({"2": der.encode(0x16, b"Mil\xe4n")}, "not a short text"),
        ({"2": der.encode(0x16, b"M" * 65)}, "not a short text"),
        ({"2": der.encode(0x16, b"M" * 64)}, "no product line"),
        ({"3.3": None}, "no extension 1.3.6.1.4.1.3704.1.3.3 (snpSPL)"),
        ({"3.8": der.encode_integer(256)}, "from 0 to 255"),
        ({"3.8": der.encode_integer(-1)}, "from 0 to 255"),
        ({"3.8": b"\x73"}, "VCEK cannot be read"),
    ],
)
def test_a_certificate_that_says_something_else_is_refused(
    changed: dict[str, bytes | None], why: str
) -> None:
    error = refused(given=with_extensions(changed))
    assert fails(error, CertificateError, checks.CERTIFICATE)
    assert why in error.message


def test_a_cloud_must_have_a_name_and_no_chip() -> None:
    cloud = VENDOR.chip(VLEK)
    wrong: list[dict[str, bytes | None]] = [{"5": None}, {"4": bytes(64)}, {"4": bytes(64), "5": None}]
    for changed in wrong:
        error = refused(cloud.report(), with_extensions(changed, cloud))
        assert fails(error, CertificateError, checks.CERTIFICATE)
        assert "must name a cloud, and no chip" in error.message


def test_the_chips_identity_may_be_wrapped_in_der() -> None:
    verified(given=with_extensions({"4": der.encode(der.OCTET_STRING, CHIP.hwid)}))


def test_turin_has_eight_bytes_of_identity_and_an_fmc() -> None:
    chip = vendor(TURIN).chip()
    report = chip.report(report_data=NONCE)
    assert (
        verified(report, with_extensions({"3.5": None, "3.6": None}, chip)).details["reported_fmc_svn"] == 1
    )
    error = refused(report, with_extensions({"3.9": None}, chip))
    assert "fmcSPL" in error.message
    error = refused(report, with_extensions({"4": bytes(64)}, chip))
    assert fails(error, CertificateError, checks.CERTIFICATE)


@pytest.mark.parametrize(
    "key",
    [
        ec.derive_private_key(7, ec.SECP256R1()),
        rsa.generate_private_key(65537, 2048),
    ],
)
def test_a_key_of_another_kind_is_refused(key: x509.PrivateKey) -> None:
    error = refused(given=given_with(vek=CHIP.vek(key=x509.public(key))))
    assert fails(error, CertificateError, checks.CERTIFICATE)
    assert "no key on P-384" in error.message


@pytest.mark.parametrize(
    "subject",
    [
        name("SEV-VCEK "),
        x509.name(CN="SEV-VCEK"),
        der.encode(
            der.SEQUENCE, der.only(name("SEV-VCEK"), der.SEQUENCE), der.only(x509.name(C="US"), der.SEQUENCE)
        ),
        x509.name(
            OU="Engineering", C="DE", L="Santa Clara", ST="CA", O="Advanced Micro Devices", CN="SEV-VCEK"
        ),
        x509.sequence(),
    ],
)
def test_another_subject_is_refused(subject: bytes) -> None:
    error = refused(given=given_with(vek=CHIP.vek(subject=subject)))
    assert fails(error, CertificateError, checks.CERTIFICATE)


# --- step 5: the product line ---------------------------------------------------------------------


def test_a_processor_of_another_line_is_refused() -> None:
    for cpuid in ((0x19, 0x11, 0), (0x1A, 0x02, 0), (0x17, 0x31, 0)):
        error = refused(CHIP.report(report_data=NONCE, cpuid=cpuid))
        assert fails(error, BindingError, checks.PRODUCT)
    assert "no product line known here" in error.message


def test_an_issuer_of_another_line_is_refused() -> None:
    """A Genoa certificate that Milan's broken ASK signed must not pass for one of Genoa."""
    chip = Chip(vendor(GENOA), VCEK, CHIP.key, CHIP.hwid, CHIP.tcb)
    forged = chip.vek(issuer=name("SEV-Milan"), signer=x509.pss(VENDOR.ask_key))
    report = chip.report(report_data=NONCE)
    both = (VENDOR.anchor(), vendor(GENOA).anchor())
    given = Endorsements(anchors=both, documents={"vek": forged, "chain": VENDOR.chain()})
    error = refused(report, given)
    assert fails(error, CertificateError, checks.PRODUCT)
    assert "SEV-Genoa" in error.message


def test_a_root_of_another_line_is_refused() -> None:
    genoa = vendor(GENOA)
    ask = VENDOR.intermediate(issuer=name("ARK-Genoa"), signer=x509.pss(genoa.ark_key))
    chain = x509.pem(ask) + x509.pem(genoa.ark())
    error = refused(given=evolve(given_with(chain=chain), anchors=(VENDOR.anchor(), genoa.anchor())))
    assert fails(error, CertificateError, checks.CHAIN)
    assert "ARK-Milan" in error.message


# --- step 6: the chain ----------------------------------------------------------------------------


def chain(ask: bytes | None = None, ark: bytes | None = None) -> Endorsements:
    return given_with(chain=x509.pem(ask or VENDOR.intermediate()) + x509.pem(ark or VENDOR.ark()))


def test_amd_has_not_certified_these() -> None:
    """Without an anchor of the policy, AMD's own roots count, and they never saw this vendor's keys."""
    for some in (GIVEN, without("chain")):
        assert fails(refused(given=evolve(some, anchors=())), SignatureError, checks.CHAIN)


def test_an_anchor_for_another_tee_is_none_here() -> None:
    other = Anchor("keystone", VENDOR.anchor().key, Assurance.SILICON)
    assert fails(refused(given=evolve(GIVEN, anchors=(other,))), SignatureError, checks.CHAIN)


def test_amds_own_chips_are_refused_where_the_policy_pins_another_root() -> None:
    documents = {"vek": vectors.read("snp/virtee_milan.vek.der")}
    error = refused(vectors.read("snp/virtee_milan.report.bin"), evolve(GIVEN, documents=documents))
    assert fails(error, AnchorError, checks.CHAIN)


def test_a_root_with_the_right_name_and_another_key_is_refused() -> None:
    stranger = x509.pss(rsa.generate_private_key(65537, 2048))
    ark = VENDOR.ark(key=x509.public(rsa.generate_private_key(65537, 2048)), signer=stranger)
    error = refused(given=chain(ark=ark))
    assert fails(error, AnchorError, checks.CHAIN)
    assert "ends in 'ARK-Milan', which is not pinned" in error.message
    # Beside the genuine one it does no harm.
    verified(given=given_with(chain=x509.pem(VENDOR.intermediate()) + x509.pem(ark) + x509.pem(VENDOR.ark())))


def test_the_pinned_root_of_another_line_does_not_stand_in_the_way() -> None:
    genoa = vendor(GENOA)
    both = x509.pem(VENDOR.intermediate()) + x509.pem(genoa.ark()) + x509.pem(VENDOR.ark())
    verified(given=evolve(given_with(chain=both), anchors=(genoa.anchor(), VENDOR.anchor())))


def test_an_intermediate_that_its_root_did_not_sign_is_refused() -> None:
    ask = VENDOR.intermediate(signer=x509.pss(VENDOR.ask_key))
    assert fails(refused(given=chain(ask)), SignatureError, checks.CHAIN)


def test_a_certificate_that_its_intermediate_did_not_sign_is_refused() -> None:
    vek = CHIP.vek(signer=x509.pss(VENDOR.asvk_key))
    error = refused(given=given_with(vek=vek))
    assert fails(error, SignatureError, checks.CHAIN)
    assert "SEV-Milan did not sign this VCEK" in error.message


@pytest.mark.parametrize(
    "signer",
    [
        x509.pkcs1(VENDOR.ask_key),
        x509.pss(VENDOR.ask_key, SHA256()),
    ],
    ids=["pkcs1", "sha256"],
)
def test_other_signature_algorithms_are_refused(signer: x509.Signer) -> None:
    assert fails(refused(given=given_with(vek=CHIP.vek(signer=signer))), SignatureError, checks.CHAIN)


def test_an_intermediate_signed_by_another_algorithm_is_refused() -> None:
    ask = VENDOR.intermediate(signer=x509.pkcs1(VENDOR.ark_key))
    assert fails(refused(given=chain(ask)), CertificateError, checks.CHAIN)


@pytest.mark.parametrize(
    "extensions",
    [
        (x509.key_usage(5),),
        (x509.basic_constraints(ca=False), x509.key_usage(5)),
        (x509.basic_constraints(ca=True), x509.key_usage(0)),
        (
            x509.basic_constraints(ca=True),
            x509.key_usage(5),
            x509.extension("1.2.3", b"\x05\0", critical=True),
        ),
    ],
)
def test_an_intermediate_that_may_not_sign_certificates_is_refused(extensions: tuple[bytes, ...]) -> None:
    assert fails(
        refused(given=chain(VENDOR.intermediate(extensions=extensions))), CertificateError, checks.CHAIN
    )


def test_a_root_that_allows_no_intermediate_is_refused() -> None:
    extensions = (x509.basic_constraints(ca=True, path_length=0), x509.key_usage(5, 6))
    error = refused(given=chain(ark=VENDOR.ark(extensions=extensions)))
    assert fails(error, CertificateError, checks.CHAIN)


@pytest.mark.parametrize("which", ["vek", "ask", "ark"])
def test_certificates_that_are_not_valid_now_are_stale(which: str) -> None:
    for window in (
        {"begin": NOW + timedelta(seconds=1)},
        {"end": NOW - timedelta(seconds=1)},
    ):
        given = {
            "vek": lambda w=window: given_with(vek=CHIP.vek(**w)),
            "ask": lambda w=window: chain(VENDOR.intermediate(**w)),
            "ark": lambda w=window: chain(ark=VENDOR.ark(**w)),
        }[which]()
        error = refused(given=given)
        assert fails(error, EndorsementError, checks.CHAIN)
        assert "https://kdsintf.amd.com/vcek/v1/Milan/cert_chain" in (error.hint or "")


def test_what_is_remembered_expires_with_the_certificates() -> None:
    given = given_with(vek=CHIP.vek(end=NOW + timedelta(hours=1)))
    verified(given=given)
    with pytest.raises(EndorsementError):
        verified(given=given, at=NOW + timedelta(hours=2))
    verified(given=given)


# --- step 7: revocation ---------------------------------------------------------------------------


def test_without_a_list_revocation_is_named_as_not_checked() -> None:
    claims = verified(given=without("crl"))
    skipped = [check for check in claims.checks if check.status is Status.SKIPPED]
    assert [check.id for check in skipped] == [checks.REVOCATION.id]
    assert "https://kdsintf.amd.com/vcek/v1/Milan/crl" in skipped[0].detail
    assert any("revocation" in note for note in claims.not_checked)
    assert claims.details["revocation_checked"] is False
    assert verified().details["revocation_checked"] is True


def test_a_revoked_intermediate_is_refused() -> None:
    crl = VENDOR.crl(revoked={0x10001: NOW})
    error = refused(given=given_with(crl=crl))
    assert fails(error, RevokedError, checks.REVOCATION)
    cloud = VENDOR.chip(VLEK)
    verified(cloud.report(report_data=NONCE), VENDOR.endorsements(cloud, crl=crl))
    error = refused(cloud.report(), VENDOR.endorsements(cloud, crl=VENDOR.crl(revoked={0x10101: NOW})))
    assert fails(error, RevokedError, checks.REVOCATION)


@pytest.mark.parametrize("serial", [0, 0x7F, 0x80, 1 << 100])
def test_a_revoked_chip_is_refused(serial: int) -> None:
    crl = VENDOR.crl(revoked={5: NOW, serial: NOW})
    error = refused(given=given_with(crl=crl, vek=CHIP.vek(serial=serial)))
    assert fails(error, RevokedError, checks.REVOCATION)
    verified(given=given_with(crl=crl, vek=CHIP.vek(serial=serial + 1)))


def test_a_list_that_is_not_current_is_stale() -> None:
    for window in ({"begin": NOW + timedelta(seconds=1)}, {"end": NOW - timedelta(seconds=1)}):
        error = refused(given=given_with(crl=VENDOR.crl(**window)))
        assert fails(error, EndorsementError, checks.REVOCATION)
        assert "https://kdsintf.amd.com/vcek/v1/Milan/crl" in (error.hint or "")


def test_a_list_that_somebody_else_signed_is_refused() -> None:
    stranger = x509.pss(VENDOR.ask_key)
    assert fails(
        refused(given=given_with(crl=VENDOR.crl(signer=stranger))), SignatureError, checks.REVOCATION
    )
    by_ask = VENDOR.crl(signer=stranger, issuer=name("SEV-Milan"))
    assert fails(refused(given=given_with(crl=by_ask)), EndorsementError, checks.REVOCATION)
    by_other = x509.pkcs1(VENDOR.ark_key)
    assert fails(
        refused(given=given_with(crl=VENDOR.crl(signer=by_other))), CertificateError, checks.REVOCATION
    )


def test_a_list_that_cannot_be_read_is_refused() -> None:
    assert fails(refused(given=given_with(crl=b"nothing")), EndorsementError, checks.REVOCATION)


def test_what_is_remembered_expires_with_the_list() -> None:
    verified()
    with pytest.raises(EndorsementError):
        verified(at=NOW + timedelta(days=16))


# --- steps 8 and 9: chip and TCB ------------------------------------------------------------------


def test_a_certificate_of_another_chip_is_refused() -> None:
    for chip_id in (bytes(63) + b"\1", CHIP.hwid[:-1] + bytes([CHIP.hwid[-1] ^ 1])):
        assert fails(refused(CHIP.report(chip_id=chip_id)), BindingError, checks.CHIP)
    turin = vendor(TURIN).chip()
    padded = turin.report(chip_id=turin.hwid + b"\1" + bytes(55))
    assert fails(refused(padded, vendor(TURIN).endorsements(turin)), BindingError, checks.CHIP)


def test_a_masked_chip_is_named_as_not_checked() -> None:
    claims = verified(CHIP.report(report_data=NONCE, chip_id=bytes(64), key_info=2))
    skipped = [check.id for check in claims.checks if check.status is Status.SKIPPED]
    assert skipped == [checks.CHIP.id]
    assert claims.details["chip_key_masked"] is True


@pytest.mark.parametrize("product", PRODUCTS)
def test_every_component_of_the_tcb_must_be_the_certificates(product: Product) -> None:
    chip = vendor(product).chip(level=bytes([5] * 8))
    given = vendor(product).endorsements(chip)
    high: dict[str, Any] = {"current_tcb": bytes([9] * 8), "committed_tcb": bytes([9] * 8)}
    verified(chip.report(report_data=NONCE, **high), given)
    for place in range(8):
        for value in (4, 6):
            reported = bytes(value if at == place else 5 for at in range(8))
            error = refused(chip.report(report_data=NONCE, reported_tcb=reported, **high), given)
            assert fails(error, BindingError, checks.TCB)


def test_a_component_that_a_certificate_leaves_out_is_zero() -> None:
    reported = bytes([3, 0, 0, 0, 1, 0, 8, 115])
    high: dict[str, Any] = {"current_tcb": reported, "committed_tcb": reported, "reported_tcb": reported}
    report = CHIP.report(report_data=NONCE, **high)
    assert fails(refused(report, with_extensions({"3.6": None})), BindingError, checks.TCB)
    verified(given=with_extensions({"3.6": None}))


# --- step 10: the signature -----------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.integers(0, evidence.SIGNED * 8 - 1))
def test_every_flipped_bit_of_the_signed_part_is_refused(bit: int) -> None:
    data = bytearray(REPORT)
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises((MalformedEvidenceError, NotAuthenticError)):
        verified(bytes(data))


@settings(max_examples=60, deadline=None)
@given(st.integers(evidence.SIGNED * 8, evidence.SIZE * 8 - 1))
def test_every_flipped_bit_of_the_signature_is_refused(bit: int) -> None:
    data = bytearray(REPORT)
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises((MalformedEvidenceError, SignatureError)):
        verified(bytes(data))


def test_another_chips_signature_is_refused() -> None:
    other = evolve(CHIP, key=ec.generate_private_key(ec.SECP384R1()))
    assert fails(refused(other.report(report_data=NONCE)), SignatureError, checks.SIGNATURE)


@pytest.mark.parametrize("part", ["r", "s"])
@pytest.mark.parametrize("value", [0, verify.P384_ORDER, 1 << 384, (1 << 576) - 1])
def test_a_number_out_of_range_is_refused_before_it_is_used(part: str, value: int) -> None:
    changes: dict[str, Any] = {part: value.to_bytes(72, "little")}
    report = evolve(evidence.parse(REPORT), **changes)
    error = refused(evidence.encode(report))
    assert fails(error, SignatureError, checks.SIGNATURE)
    assert "zero, or not below the order" in error.message


def test_a_number_plus_the_order_is_no_second_signature() -> None:
    report = evidence.parse(REPORT)
    larger = int.from_bytes(report.s, "little") + verify.P384_ORDER
    report = evolve(report, s=larger.to_bytes(72, "little"))
    assert fails(refused(evidence.encode(report)), SignatureError, checks.SIGNATURE)


# --- step 11: the order of TCBs -------------------------------------------------------------------


def test_versions_that_contradict_each_other_are_refused() -> None:
    low = tcb(MILAN, bl=3, snp=7, ucode=115)
    wrong: list[dict[str, Any]] = [
        {"committed_tcb": low},
        {"current_tcb": low},
        {"current_tcb": low, "launch_tcb": low},
    ]
    for fields in wrong:
        error = refused(CHIP.report(report_data=NONCE, **fields))
        assert fails(error, BindingError, checks.TCB_ORDER)
    high = tcb(MILAN, bl=3, snp=9, ucode=115)
    error = refused(CHIP.report(report_data=NONCE, launch_tcb=high))
    assert fails(error, BindingError, checks.TCB_ORDER)
    verified(CHIP.report(report_data=NONCE, current_tcb=high, launch_tcb=low))
    verified(CHIP.report(report_data=NONCE, current_tcb=high, committed_tcb=high, launch_tcb=high))


# --- step 12: freshness ---------------------------------------------------------------------------


def test_another_nonce_is_a_replay() -> None:
    assert fails(refused(nonce=b"another"), FreshnessError, checks.NONCE)
    assert fails(refused(nonce=NONCE[:31]), FreshnessError, checks.NONCE)


def test_a_shorter_nonce_has_zeros_behind_it() -> None:
    assert verified(CHIP.report(report_data=b"short".ljust(64, b"\0")), nonce=b"short").nonce == b"short"


def test_without_a_nonce_freshness_is_named_as_not_checked() -> None:
    claims = verified(nonce=None)
    assert (claims.fresh, claims.nonce, claims.user_data) == (False, None, NONCE)
    assert claims.checks[-1].status is Status.SKIPPED
    assert any("freshness" in note for note in claims.not_checked)


@pytest.mark.parametrize("nonce", [b"", bytes(65)])
def test_an_impossible_nonce_is_the_callers_error(nonce: bytes) -> None:
    with pytest.raises(UsageError, match="1 to 64 bytes"):
        verified(nonce=nonce)


# --- certificates that come along -----------------------------------------------------------------


def test_an_extended_report_brings_its_certificates_and_its_list() -> None:
    contents = {
        "vcek": CHIP.vek(),
        "ask": VENDOR.intermediate(),
        "ark": VENDOR.ark(),
        "crl": VENDOR.crl(),
    }
    extended = wrapped(REPORT, certificates=table.encode(contents, page=4096))
    ark_alone = {"chain": x509.pem(VENDOR.ark())}
    claims = verify.verify(extended, evolve(GIVEN, documents=ark_alone), at=NOW, nonce=NONCE)
    assert {check.status for check in claims.checks} == {Status.PASS}


def test_what_the_relying_party_gives_comes_before_what_came_along() -> None:
    revoked = wrapped(REPORT, certificates=table.encode({"crl": VENDOR.crl(revoked={0: NOW})}))
    verify.verify(revoked, GIVEN, at=NOW, nonce=NONCE)
    with pytest.raises(RevokedError):
        verify.verify(revoked, without("crl"), at=NOW, nonce=NONCE)
    carried = Evidence(evidence.NAME, {"report": REPORT}, {"vek": CHIP.vek()})
    verify.verify(carried, without("vek"), at=NOW, nonce=NONCE)


ROOT = VENDOR.ark()


@pytest.mark.parametrize("ask", [b"\x30\x82", b"garbage", ROOT])
def test_a_malformed_ask_of_the_host_is_not_needed(ask: bytes) -> None:
    """AWS hands out such ones beside its VLEK; the right one comes from the relying party, or from us."""
    cloud = VENDOR.chip(VLEK)
    contents = {"vlek": cloud.vek(), "ask": ask, "ark": ask}
    extended = wrapped(cloud.report(report_data=NONCE), certificates=table.encode(contents))
    given = evolve(VENDOR.endorsements(cloud), documents={"chain": VENDOR.chain(VLEK), "crl": VENDOR.crl()})
    claims = verify.verify(extended, given, at=NOW, nonce=NONCE)
    noted = any("was not needed" in note for note in claims.not_checked)
    assert noted is (ask != ROOT)


def test_a_hosts_weak_ask_with_the_right_name_is_passed_over() -> None:
    weak = VENDOR.intermediate(key=x509.public(rsa.generate_private_key(65537, 1024)))  # noqa: S505
    extended = wrapped(REPORT, certificates=table.encode({"ask": weak}))
    verify.verify(extended, GIVEN, at=NOW, nonce=NONCE)
    both = evolve(GIVEN, documents={"vek": CHIP.vek(), "chain": x509.pem(weak) + VENDOR.chain()})
    verified(given=both)


# --- where endorsements are -----------------------------------------------------------------------


def test_each_endorsement_has_its_address() -> None:
    base = "https://kdsintf.amd.com"
    chip = vendor(TURIN).chip()
    where = endorsements.addresses(evidence.parse(chip.report()))
    assert where == {
        "vek": (f"{base}/vcek/v1/Turin/{chip.hwid.hex()}?fmcSPL=1&blSPL=3&teeSPL=0&snpSPL=8&ucodeSPL=115",),
        "chain": (f"{base}/vcek/v1/Turin/cert_chain",),
        "crl": (f"{base}/vcek/v1/Turin/crl",),
    }
    cloud = endorsements.addresses(evidence.parse(vendor(GENOA).chip(VLEK).report()))
    assert cloud == {
        "vek": (),
        "chain": (f"{base}/vlek/v1/Genoa/cert_chain",),
        "crl": (f"{base}/vlek/v1/Genoa/crl",),
    }


def test_what_a_key_service_answers_is_what_a_report_needs() -> None:
    chip = vendor(GENOA).chip()
    answers = vendor(GENOA).key_service(chip, vendor(GENOA).chip(VLEK))
    where = endorsements.addresses(evidence.parse(chip.report()))
    documents = {name: answers[address] for name, (address,) in where.items()}
    given = Endorsements(anchors=(vendor(GENOA).anchor(),), documents=documents)
    assert verified(chip.report(report_data=NONCE), given).fresh


def test_a_report_that_leaves_its_line_open_has_several_addresses() -> None:
    assert [len(each) for each in endorsements.addresses(evidence.parse(CHIP.report(2))).values()] == [
        2,
        2,
        2,
    ]
    turin = endorsements.addresses(evidence.parse(vendor(TURIN).chip().report(2)))
    assert all("/Turin/" in address for each in turin.values() for address in each)
    unknown = endorsements.addresses(evidence.parse(CHIP.report(cpuid=(0x17, 0x31, 0))))
    assert unknown == {"vek": (), "chain": (), "crl": ()}


# --- properties -----------------------------------------------------------------------------------


def test_the_entry_of_the_registry_is_complete() -> None:
    assert TEE.name == "amd-sev-snp"
    assert TEE.checks == checks.CHECKS
    assert all(spec.id.startswith("amd.") for spec in TEE.checks)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["vek", "chain", "crl"]))
def test_any_endorsement_ends_in_a_named_error(data: bytes, which: str) -> None:
    with pytest.raises((EndorsementError, NotAuthenticError)):
        verified(given=given_with(**{which: data}))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["vek", "chain", "crl"]), st.data())
def test_any_change_of_an_endorsement_ends_in_a_named_error(which: str, data: st.DataObject) -> None:
    original = GIVEN.documents[which]
    bit = data.draw(st.integers(0, 8 * len(original) - 1))
    altered = bytearray(original)
    altered[bit // 8] ^= 1 << bit % 8
    try:
        claims = verified(given=given_with(**{which: bytes(altered)}))
    except (EndorsementError, NotAuthenticError, RevokedError):
        return
    assert which == "chain"  # the root's own signature is nobody's concern: its key is pinned
    assert claims.details == verified().details


def test_at_another_time_zone_is_the_same_moment() -> None:
    from zoneinfo import ZoneInfo

    assert verified(at=NOW.astimezone(ZoneInfo("Asia/Tokyo"))) == verified(at=NOW.astimezone(UTC))
