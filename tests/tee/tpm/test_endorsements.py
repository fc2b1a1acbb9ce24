# SPDX-License-Identifier: Apache-2.0
"""The authorities above TPM keys: asked for where certificates say, or found among files; and what roots are pinned."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import resources

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests import vectors
from ttee.endorse.address import parse_mirror
from ttee.endorse.fetcher import Web
from ttee.endorse.gather import Gathered, gather
from ttee.errors import AnchorError, CertificateError, RevokedError, TteeError, UsageError
from ttee.model import Anchor, Assurance, Claims, Endorsements, Evidence
from ttee.pki.certificate import load_certificate, load_pem_chain
from ttee.tee.sources import File
from ttee.tee.tpm import TEE, endorsements
from ttee.tee.tpm.activation import make_credential
from ttee.tee.tpm.endorsements import climb
from ttee.tee.tpm.makers import DIGESTS, HOSTS, OwnRoot, Pinned, own_roots
from ttee.testing import x509
from ttee.testing.services.server import Fault, Services, serve
from ttee.testing.services.tpm import Authorities
from ttee.testing.tpm import NOW, Key, Tpm, Vendor, platform_certificate, sized

NONCE = b"a nonce"


@cache
def vendor() -> Vendor:
    return Vendor.random()


@cache
def tpm() -> Tpm:
    return vendor().tpm(Key.random(), Key.random())


@cache
def certified() -> Evidence:
    """A quote with a certificate of its key, and nothing above it."""
    return tpm().evidence(NONCE, ak_certificate=tpm().ak_certificate())


@contextmanager
def asking(maker: Authorities) -> Iterator[tuple[Services, Web]]:
    with serve(maker) as services:
        web = Web([parse_mirror(each) for each in services.mirrors], timeout=5, sleep=lambda _: None)
        try:
            yield services, web
        finally:
            web.close()


def verified(evidence: Evidence, given: Gathered | dict[str, bytes], *more: Anchor) -> Claims:
    documents = given.documents if isinstance(given, Gathered) else given
    return TEE.verify(evidence, Endorsements((vendor().anchor(), *more), documents), nonce=NONCE, at=NOW)


def adopted(evidence: Evidence, *files: bytes) -> dict[str, bytes]:
    return dict(
        endorsements.adopt(
            evidence, [File(f"file {i}", data, named=True) for i, data in enumerate(files)], NOW
        )
    )


# --- asking -------------------------------------------------------------------------------------------


def test_authorities_are_asked_for_one_above_the_other_and_then_their_lists() -> None:
    with asking(Authorities(vendor())) as (services, web):
        claims = verified(certified(), gather(certified(), fetcher=web, at=NOW))
    assert [url.rpartition("/")[2] for url in services.asked] == ["issuer.crt", "root.crt", "issuer.crl"]
    assert any(each.kind == "endorsement" for each in claims.relied_on)
    assert [name.rpartition(" ")[2] for name in claims.editions] == ["issued", "number"]


def test_a_key_that_its_maker_took_back_is_found_out_by_asking() -> None:
    with asking(Authorities(vendor(), revoked=(0x77,))) as (_, web), pytest.raises(RevokedError):
        verified(certified(), gather(certified(), fetcher=web, at=NOW))


def test_without_authorities_nobody_vouches_for_the_key() -> None:
    with asking(Authorities(vendor())) as (services, web):
        services.faults["root.crt"] = Fault.UNKNOWN
        gathered = gather(certified(), fetcher=web, at=NOW)
    with pytest.raises(AnchorError):
        verified(certified(), gathered)


def test_another_certificate_in_the_answer_is_not_taken() -> None:
    with asking(Authorities(Vendor.random())) as (_, web):
        gathered = gather(certified(), fetcher=web, at=NOW)
    assert not gathered.documents
    assert "there is no certificate in the answer" in gathered.asked[0].problem


def test_evidence_cannot_send_us_anywhere_but_to_makers() -> None:
    elsewhere = tpm().ak_certificate(
        extensions=(
            x509.basic_constraints(ca=False),
            x509.key_usage(0),
            x509.issuer_at("http://evil.example/a"),
        )
    )
    assert endorsements.sources(tpm().evidence(NONCE, ak_certificate=elsewhere), {}, NOW) == ()


def test_a_quote_without_certificates_asks_nothing() -> None:
    assert endorsements.sources(tpm().evidence(NONCE), {}, NOW) == ()


# --- files ----------------------------------------------------------------------------------------------


def test_certificates_and_authorities_are_found_among_files_in_any_order() -> None:
    """The quote came with its key alone; the certificate of the key lies among the files of other machines."""
    bare = tpm().evidence(NONCE)
    other = vendor().tpm(Key.random(), Key.random())
    chain, strange = load_pem_chain(vendor().chain(), what="chain", size=range(2, 3)), Vendor.random()
    own, files = (
        tpm().ak_certificate(),
        [other.ak_certificate(), strange.chain(), b"text", vendor().crl(), strange.crl()],
    )
    for offered in ([*files, chain[0].der, chain[1].der, own], [own, chain[1].der, chain[0].der, *files]):
        found = adopted(bare, *offered)
        assert found["ak_certificate"] == own
        assert verified(bare, found).details["ak_subject"] == "a key of a TPM"
        assert any(name.startswith("crl.") for name in found)


def test_certificates_that_a_stranger_wrote_for_genuine_names_and_keys_are_not_in_the_way() -> None:
    stranger = x509.ecdsa(ec.generate_private_key(ec.SECP256R1()))
    issuer, root = load_pem_chain(vendor().chain(), what="chain", size=range(2, 3))
    genuine = [tpm().ak_certificate(), issuer.der, root.der]
    twins = [
        x509.certificate(
            subject=each.subject,
            issuer=each.issuer,
            key=each.spki,
            signer=stranger,
            extensions=[
                x509.extension(oid, e.value, critical=e.critical) for oid, e in each.extensions.items()
            ],
        )
        for each in (load_certificate(der, what="one") for der in genuine)
    ]
    bare = tpm().evidence(NONCE)
    for offered in ([*twins, *genuine], [*genuine, *twins], *([each, *genuine, each] for each in twins)):
        assert verified(bare, adopted(bare, *offered)).details["ak_subject"] == "a key of a TPM"


def test_a_stray_certificate_of_the_key_does_not_spoil_another_way() -> None:
    """Each way that is offered must hold: so none is added to evidence that has one."""
    challenge = make_credential(tpm().ek.spki, tpm().ak.name)
    stray = Tpm(Vendor.random(), tpm().ak, tpm().ek).ak_certificate()
    activated = tpm().evidence(
        NONCE, activation=tpm().activate(challenge), ek_certificate=tpm().ek_certificate()
    )
    found = adopted(activated, stray, challenge.record(), vendor().chain())
    assert "ak_certificate" not in found
    assert verified(activated, found).fresh


def test_of_two_authorities_of_one_name_and_key_the_one_that_is_pinned_is_taken() -> None:
    """As STMicroelectronics' root, which has a certificate of its own and one of GlobalSign's."""
    issuer, root = load_pem_chain(vendor().chain(), what="chain", size=range(2, 3))
    stranger = Vendor.random("another maker")
    crossed = load_certificate(
        x509.certificate(
            subject=vendor().subject("root"),
            issuer=stranger.subject("root"),
            key=x509.public(vendor().root),
            signer=x509.ecdsa(stranger.root),
            extensions=(x509.basic_constraints(ca=True), x509.key_usage(5, 6)),
        ),
        what="crossed",
    )
    own = (OwnRoot(root.digest, Pinned("a maker", Assurance.SILICON)),)
    for pool in ([issuer, root, crossed], [issuer, crossed, root]):
        assert climb(tpm().ek_certificate(), pool, own)[-1].der == root.der
    (_, above) = load_pem_chain(stranger.chain(), what="chain", size=range(2, 3))
    other = (OwnRoot(above.digest, Pinned("another maker", Assurance.SILICON)),)
    for pool in ([issuer, root, crossed, above], [above, crossed, root, issuer]):
        assert climb(tpm().ek_certificate(), pool, other)[-1].der == above.der


def test_an_endorsement_keys_certificate_is_found_by_what_was_sealed_for_it() -> None:
    challenge = make_credential(tpm().ek.spki, tpm().ak.name)
    activated = tpm().evidence(NONCE, activation=tpm().activate(challenge))
    other = make_credential(tpm().ek.spki, tpm().ak.name)
    found = adopted(
        activated,
        other.record(),
        b"{}",
        challenge.record(),
        tpm().ek_certificate(),
        vendor().chain(),
        b'{"ek": 1}',
    )
    assert found["activation_record"] == challenge.record()
    claims = verified(activated, found)
    assert claims.details["tpm_manufacturer"] == "id:54544545"


def test_what_was_sealed_is_not_taken_from_a_folder() -> None:
    """Whoever fills it could have sealed a secret for a key of their own; nobody signs such a record."""
    challenge = make_credential(tpm().ek.spki, tpm().ak.name)
    activated = tpm().evidence(NONCE, activation=tpm().activate(challenge))
    given = (challenge.record(), tpm().ek_certificate(), vendor().chain())
    found = endorsements.adopt(activated, [File("in a folder", data) for data in given], NOW)
    assert "activation_record" not in found
    with pytest.raises(TteeError):
        verified(activated, dict(found))


def test_a_platform_certificates_issuer_is_found_by_its_signature() -> None:
    maker = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.certificate(
        subject=x509.name(CN="a maker of machines"),
        issuer=x509.name(CN="a maker of machines"),
        key=x509.public(maker),
        signer=x509.ecdsa(maker),
        extensions=(x509.basic_constraints(ca=False),),
    )
    ek = load_certificate(tpm().ek_certificate(), what="EK")
    platform = platform_certificate(
        ek.issuer, ek.serial, x509.name(CN="a maker of machines"), x509.ecdsa(maker)
    )
    challenge = make_credential(tpm().ek.spki, tpm().ak.name)
    evidence = tpm().evidence(
        NONCE, activation=tpm().activate(challenge), ek_certificate=ek.der, platform_certificate=platform
    )
    found = adopted(evidence, vendor().chain(), issuer, challenge.record())
    assert found["platform_issuer"] == issuer
    pinned = Anchor(TEE.name, x509.public(maker), Assurance.SIMULATED)
    renamed = platform_certificate(ek.issuer, ek.serial, x509.name(CN="another"), x509.ecdsa(maker))
    with pytest.raises(CertificateError, match="another issuer") as caught:
        verified(Evidence(TEE.name, {**evidence.parts, "platform_certificate": renamed}), found, pinned)
    assert caught.value.check == "tpm.platform.certificate"
    assert "tpm.platform.certificate" in {check.id for check in verified(evidence, found, pinned).checks}


def test_what_is_malformed_adopts_nothing() -> None:
    assert adopted(tpm().evidence(NONCE, ak=b"no key"), tpm().ak_certificate()) == {}
    assert adopted(tpm().evidence(NONCE, ak_certificate=b"no certificate"), vendor().chain()) == {}


# --- anchors --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["TPM2B_PUBLIC", "TPMT_PUBLIC", "key", "certificate"])
def test_an_anchor_is_given_in_each_form_that_tools_write(form: str) -> None:
    key = tpm().ak
    data = {
        "TPM2B_PUBLIC": sized(key.area),
        "TPMT_PUBLIC": key.area,
        "key": key.spki,
        "certificate": x509.pem(tpm().ak_certificate()),
    }[form]
    assert endorsements.anchor_key(data) == key.spki


@pytest.mark.parametrize("data", [b"", b"\0\1", b"\0\x23\0\1", b"text"])
def test_a_file_without_a_key_is_no_anchor(data: bytes) -> None:
    with pytest.raises(UsageError):
        endorsements.anchor_key(data)


# --- pinned roots ---------------------------------------------------------------------------------------


def test_a_root_that_is_pinned_by_its_digest_has_to_come_along() -> None:
    """As Infineon's, Nuvoton's, Intel's and AMD's: nothing but the digest comes with this package."""
    issuer, root = load_pem_chain(vendor().chain(), what="chain", size=range(2, 3))
    own = (OwnRoot(root.digest, Pinned("a maker", Assurance.SILICON)),)
    leaf = tpm().ek_certificate()
    assert [each.der for each in climb(leaf, [issuer, root], own)] == [leaf, issuer.der, root.der]
    assert [each.der for each in climb(leaf, [issuer], own)] == [leaf, issuer.der]
    carried = (OwnRoot(root.digest, Pinned("a maker", Assurance.SILICON), root),)
    assert [each.der for each in climb(leaf, [issuer], carried)] == [leaf, issuer.der, root.der]


def test_each_pinned_digest_is_listed_with_its_origin() -> None:
    readme = resources.files("ttee.tee.tpm").joinpath("roots", "README.md").read_text("utf-8")
    assert all(f"`{root.digest.hex()}`" in readme for root in own_roots())
    assert set(re.findall("`([0-9a-f]{64})`", readme)) == {root.digest.hex() for root in own_roots()}
    assert len({root.digest for root in own_roots()}) == len(own_roots())
    assert DIGESTS


def test_googles_keys_name_googles_hosts_and_their_authorities_are_found_among_files() -> None:
    folder = vectors.root() / "tpm" / "ekcert"
    files = [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]
    (leaf,) = load_pem_chain(
        (folder / "pca_tpm_rsa_sign_cert.pem").read_bytes(), what="leaf", size=range(1, 2)
    )
    evidence = Evidence(TEE.name, {"ak_certificate": leaf.der})
    (asked,) = endorsements.sources(evidence, {}, NOW)
    host = asked.url.split("/")[2]
    assert HOSTS.fullmatch(host)
    chain = load_pem_chain(adopted(evidence, *files)["chain.ak_certificate"], what="chain", size=range(1, 7))
    assert chain[-1].digest in {root.digest for root in own_roots()}


@pytest.mark.parametrize("name", ["lenovo", "Intel_nuc1", "plat_cert1"])
def test_genuine_platform_certificates_are_read_and_their_issuers_are_not_among_the_vectors(
    name: str,
) -> None:
    """`plat_cert1` has a holder's serial number that is written in decimal digits: it is read, and names no TPM."""
    folder = vectors.root() / "tpm" / "platformcert"
    evidence = Evidence(TEE.name, {"platform_certificate": (folder / f"{name}.cer").read_bytes()})
    assert "platform_issuer" not in adopted(
        evidence, (folder / "IntelSigningKey_20April2017.cer").read_bytes()
    )
