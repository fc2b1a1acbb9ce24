# SPDX-License-Identifier: Apache-2.0
"""What passes by a hair and what fails by one: keys, firmware ids, answers about revocation, signed XML."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from cryptography import x509 as theirs
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA224, SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from ttee.codec import der
from ttee.errors import CertificateError, EndorsementError, MalformedEvidenceError, TteeError
from ttee.model import Claims, Status
from ttee.pki.certificate import load_certificate
from ttee.pki.path import Root
from ttee.pki.trusted import Trusted
from ttee.tee.nvidia import TEE, checks, evidence, xmldsig
from ttee.tee.nvidia.ocsp import MAX_SIZE, counts, load_answers
from ttee.tee.nvidia.rim import load_rim
from ttee.testing import x509
from ttee.testing.nvidia import NOW, Vendor, named_key, ocsp_answer

VENDOR = Vendor.named("a GPU maker")
GPU = VENDOR.gpu()
NONCE = bytes(range(32))
MODEL, ROOT, KEY = VENDOR.authority("model"), VENDOR.authority("root"), VENDOR.key("root")
OTHER_KEYS = [ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)]


def verified(chain: bytes | None = None, nonce: bytes | None = NONCE, **documents: bytes) -> Claims:
    packed = evidence.pack([(GPU.report(NONCE), chain or GPU.chain())])
    return TEE.verify(packed, VENDOR.endorsements(documents), nonce=nonce, at=NOW)


def refused(kind: type[TteeError], words: str, **given: Any) -> None:
    with pytest.raises(kind, match=words) as caught:
        verified(**given)
    assert type(caught.value) is kind


def status(claims: Claims, check: str) -> Status:
    return next(each.status for each in claims.checks if each.id == check)


def test_the_nonce_is_a_claim_once_it_was_asked_for() -> None:
    assert verified().nonce == NONCE
    assert verified(nonce=None).nonce is None


# --- devices ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", OTHER_KEYS)
def test_a_device_has_a_key_on_p384(key: x509.PrivateKey) -> None:
    refused(CertificateError, "not on P-384", chain=GPU.chain(GPU.leaf(key=x509.public(key))))


@pytest.mark.parametrize(("oid", "size"), [("2.16.840.1.101.3.4.2.1", 48), ("2.16.840.1.101.3.4.2.2", 47)])
def test_a_firmware_id_is_a_sha384(oid: str, size: int) -> None:
    fwid = x509.sequence(der.encode_oid(oid), x509.octets(GPU.firmware[:size]))
    info = x509.sequence(der.encode_integer(1), x509.public(GPU.key), fwid)
    extensions = (
        x509.basic_constraints(ca=False),
        x509.key_usage(0),
        x509.extension("2.23.133.5.4.1", info),
    )
    refused(MalformedEvidenceError, "SHA-384", chain=GPU.chain(GPU.leaf(extensions=extensions)))


# --- answers about revocation -------------------------------------------------------------------------


def answer(digest: HashAlgorithm, of_ids: HashAlgorithm) -> bytes:
    """An answer about the model's certificate, with any hash for its signature and for its ids."""
    subject, above = (theirs.load_der_x509_certificate(each) for each in (MODEL, ROOT))
    builder = ocsp.OCSPResponseBuilder().add_response(
        subject, above, of_ids, ocsp.OCSPCertStatus.GOOD, NOW, None, None, None
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, above)
    return builder.sign(KEY, digest).public_bytes(Encoding.DER)


def test_an_answer_has_a_greatest_size() -> None:
    refused(EndorsementError, "more than", ocsp=bytes(MAX_SIZE + 1))
    refused(EndorsementError, "not an OCSP response", ocsp=bytes(MAX_SIZE))


def test_an_answer_signed_as_nvidia_does_not_sign_is_refused() -> None:
    assert verified(ocsp=answer(SHA384(), SHA256())).relied_on
    refused(CertificateError, "another algorithm", ocsp=answer(SHA512(), SHA256()))


def test_an_answer_whose_ids_are_of_an_unknown_hash_is_about_nobody() -> None:
    claims = verified(ocsp=answer(SHA384(), SHA224()))
    assert not any(each.kind == "endorsement" for each in claims.relied_on)
    assert status(claims, checks.ANSWER_NONCE.id) is Status.SKIPPED


@pytest.mark.parametrize(
    ("begin", "end"), [(NOW - timedelta(days=3), NOW + timedelta(days=1)), (NOW - timedelta(hours=1), NOW)]
)
def test_an_answer_counts_until_its_next_update(begin: datetime, end: datetime) -> None:
    claims = verified(ocsp=ocsp_answer(MODEL, ROOT, KEY, begin=begin, end=end))
    assert status(claims, checks.REVOCATION.id) is Status.PASS


def test_a_responders_key_may_sign_unless_it_says_otherwise() -> None:
    responder = named_key("a responder")
    purpose = x509.extension("2.5.29.37", x509.sequence(der.encode_oid("1.3.6.1.5.5.7.3.9")))

    def given(*extensions: bytes) -> bytes:
        certificate = x509.certificate(
            subject=x509.name(CN="responder"),
            issuer=VENDOR.subject("root"),
            key=x509.public(responder),
            signer=x509.ecdsa(KEY),
            serial=77,
            extensions=(x509.basic_constraints(ca=False), purpose, *extensions),
        )
        return ocsp_answer(MODEL, ROOT, responder, responder=certificate)

    assert verified(ocsp=given()).relied_on
    refused(CertificateError, "OCSPSigning", ocsp=given(x509.key_usage(1)))


def test_an_answer_is_kept_if_it_is_about_the_certificate_and_of_that_time() -> None:
    model, root = (load_certificate(each, what="certificate") for each in (MODEL, ROOT))
    until = NOW + timedelta(hours=1)
    (found,) = load_answers({"ocsp": ocsp_answer(MODEL, ROOT, KEY, begin=NOW, end=until)})
    assert counts(found, model, root, NOW)
    assert counts(found, model, root, until)
    for at in (NOW - timedelta(seconds=1), until + timedelta(seconds=1)):
        assert not counts(found, model, root, at)
    other = load_certificate(VENDOR.authority("model", serial=12), what="another")
    assert not counts(found, other, root, NOW)


# --- reference values ---------------------------------------------------------------------------------

RIM = VENDOR.rim("1.0", {0: [bytes(48)]})
GOOD = (
    '<s:Resource active="True" alternatives="1" index="0" size="48" type="Measurement" '
    f'h:Hash0="{"00" * 48}"></s:Resource>'
)
SECOND = GOOD.replace('index="0"', 'index="1"')


def load(data: bytes) -> dict[int, tuple[bytes, ...]]:
    anchor = VENDOR.anchor()
    roots = Trusted((anchor,), (Root("theirs", key=sha256(anchor.key).digest()),))
    return dict(load_rim(data, "rim.driver", roots, NOW).measurements)


@pytest.mark.parametrize("key", OTHER_KEYS)
def test_reference_values_are_signed_on_p384(key: x509.PrivateKey) -> None:
    with pytest.raises(CertificateError, match="not on P-384"):
        load(VENDOR.rim("1.0", {0: [bytes(48)]}, key=x509.public(key)))


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (GOOD + GOOD, "there twice"),
        (GOOD + "</s:Payload><s:Payload>" + SECOND, "2 elements Payload"),
        (GOOD + SECOND.replace("s:Resource", "s:Other"), "in its payload"),
        (GOOD + SECOND.replace('index="1"', 'index="+1"'), "index, alternatives and size"),
        (GOOD + SECOND.replace('"True"', '"yes"'), "neither active nor not"),
        (
            GOOD
            + SECOND.replace('alternatives="1"', 'alternatives="0"').partition(" h:Hash0")[0]
            + "></s:Resource>",
            "0 alternatives",
        ),
        (GOOD.replace("></s:R", "><q:note></q:note></s:R"), "'q' is not declared"),
    ],
)
def test_signed_reference_values_of_another_form_are_refused(payload: str, words: str) -> None:
    assert load(VENDOR.rim("1.0", {}, payload=GOOD + SECOND)).keys() == {0, 1}
    with pytest.raises(EndorsementError, match=words):
        load(VENDOR.rim("1.0", {}, payload=payload))


def test_signed_xml_of_another_kind_is_no_reference_values() -> None:
    other = VENDOR.rim("1.0", {}, payload=GOOD, root="Other")
    with pytest.raises(EndorsementError, match="root is not a SoftwareIdentity"):
        load(other)


def test_an_element_of_no_namespace_may_stand_where_nobody_reads() -> None:
    noted = GOOD.replace("></s:R", "><note></note></s:R")
    assert load(VENDOR.rim("1.0", {}, payload=noted)).keys() == {0}


# --- signed XML ---------------------------------------------------------------------------------------


def nested(depth: int) -> bytes:
    return b"<a>" * depth + b"</a>" * depth


def many(count: int) -> bytes:
    return b"<a>" + b"<b/>" * (count - 1) + b"</a>"


def scoped(count: int) -> bytes:
    return b"<a " + b" ".join(b'xmlns:n%d="u"' % number for number in range(count)) + b"/>"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (nested(xmldsig.MAX_DEPTH), "0 signatures"),
        (nested(xmldsig.MAX_DEPTH + 1), "too many elements"),
        (many(xmldsig.MAX_ELEMENTS), "0 signatures"),
        (many(xmldsig.MAX_ELEMENTS + 1), "too many elements"),
        (scoped(xmldsig.MAX_NAMESPACES), "0 signatures"),
        (scoped(xmldsig.MAX_NAMESPACES + 1), "too many namespaces"),
        (b'<a xmlns:p="u" xmlns:q="u" p:x="1" q:x="2"/>', "there twice"),
        (b"", "not XML signed"),
        (bytes(xmldsig.MAX_SIZE), "not XML signed"),
        (bytes(xmldsig.MAX_SIZE + 1), "more than"),
        (RIM.replace(b"ds:SignatureValue>", b"ds:Other>"), "does not consist of"),
        (RIM.replace(b"xml-c14n11", b"xml-c14n", 1), "CanonicalizationMethod is not"),
        (RIM.replace(b"></ds:SignatureMethod>", b"><a/></ds:SignatureMethod>"), "SignatureMethod is not"),
    ],
)
def test_what_is_too_much_or_another_shape_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(EndorsementError, match=words):
        xmldsig.load(data, "rim")


def signed_by(*certificates: bytes, kind: str = "X509Certificate") -> bytes:
    """The same document, with other certificates beside its signature."""
    head, _, rest = RIM.partition(b"<ds:X509Data>")
    inside = b"".join(f"<ds:{kind}>{b64encode(each).decode()}</ds:{kind}>".encode() for each in certificates)
    return head + b"<ds:X509Data>" + inside + rest[rest.index(b"</ds:X509Data>") :]


def test_a_signature_brings_one_to_eight_certificates() -> None:
    for count in (1, 8):
        assert xmldsig.load(signed_by(*[MODEL] * count), "rim").certificates == (MODEL,) * count
    for data in (signed_by(), signed_by(*[MODEL] * 9), signed_by(MODEL, kind="X509CRL")):
        with pytest.raises(EndorsementError, match="1 to 8 certificates"):
            xmldsig.load(data, "rim")
