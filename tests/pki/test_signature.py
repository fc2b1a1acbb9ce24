# SPDX-License-Identifier: Apache-2.0
"""Signature algorithms: which there are, by name, and that nothing else verifies."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ttee.codec import der
from ttee.codec.der import DerError
from ttee.errors import CertificateError, SignatureError, WeakKeyError
from ttee.pki import signature
from ttee.pki.signature import Scheme, algorithm_name, load_point, load_public_key, parse_scheme
from ttee.testing import x509

DATA = b"what is signed"
P256, P384, P521 = (ec.generate_private_key(curve()) for curve in (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1))
RSA = rsa.generate_private_key(65537, 2048)


def spki(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return x509.public(key)


def scheme(signer: x509.Signer) -> Scheme:
    return parse_scheme(der.only(signer.algorithm, der.SEQUENCE))


# --- keys -----------------------------------------------------------------------------------------


def test_keys_of_the_kinds_in_use_are_read() -> None:
    for key in (P256, P384, P521, RSA):
        assert load_public_key(spki(key), what="it") == key.public_key()


def test_other_keys_are_refused() -> None:
    ed = ed25519.Ed25519PrivateKey.generate().public_key()
    for bad in (b"", spki(P256)[:-1], ed.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)):
        with pytest.raises(CertificateError):
            load_public_key(bad, what="it")
    k1 = ec.generate_private_key(ec.SECP256K1())
    with pytest.raises(CertificateError, match="nobody here uses"):
        load_public_key(spki(k1), what="it")


def test_short_rsa_keys_are_weak() -> None:
    short = rsa.generate_private_key(65537, 1024)  # noqa: S505 (what is refused)
    with pytest.raises(WeakKeyError, match="1024 bits"):
        load_public_key(spki(short), what="it")


def test_points_are_on_their_curve() -> None:
    point = P256.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]
    assert load_point(ec.SECP256R1(), point, what="it") == P256.public_key()
    for bad in (bytes(64), b"\xff" * 64, point[:-1] + bytes([point[-1] ^ 1]), point[:-1], point + b"\0"):
        with pytest.raises(WeakKeyError):
            load_point(ec.SECP256R1(), bad, what="it")


# --- schemes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "signer", "name"),
    [
        (P256, x509.ecdsa(P256, SHA256()), "ecdsa-p256-sha256"),
        (P256, x509.ecdsa(P256, SHA384()), "ecdsa-p256-sha384"),
        (P384, x509.ecdsa(P384, SHA384()), "ecdsa-p384-sha384"),
        (RSA, x509.pss(RSA, SHA384()), "rsa-pss-sha384"),
        (RSA, x509.pss(RSA, SHA256(), 20), "rsa-pss-sha256"),
        (RSA, x509.pkcs1(RSA), "rsa-pkcs1-sha384"),
    ],
)
def test_each_scheme_has_its_name_and_verifies(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, signer: x509.Signer, name: str
) -> None:
    public = load_public_key(spki(key), what="it")
    found = scheme(signer)
    assert algorithm_name(public, found) == name
    good = signer.sign(DATA)
    signature.verify_signature(public, found, good, DATA, what="it")
    for bad, data in ((good, DATA + b"!"), (good[:-1], DATA), (b"", DATA), (bytes(len(good)), DATA)):
        with pytest.raises(SignatureError):
            signature.verify_signature(public, found, bad, data, what="it")


def test_the_salt_has_the_length_that_the_certificate_names() -> None:
    signer = x509.pss(RSA, SHA384(), 48)
    with pytest.raises(SignatureError):
        signature.verify_signature(
            RSA.public_key(), Scheme("rsa-pss", "sha384", 32), signer.sign(DATA), DATA, what="it"
        )


def test_a_scheme_fits_one_kind_of_key() -> None:
    ecdsa, pkcs1 = scheme(x509.ecdsa(P256, SHA256())), scheme(x509.pkcs1(RSA))
    assert algorithm_name(RSA.public_key(), ecdsa) is None
    assert algorithm_name(P256.public_key(), pkcs1) is None
    assert algorithm_name(RSA.public_key(), Scheme("1.2.3")) is None
    for key, wrong in ((RSA, ecdsa), (P256, pkcs1)):
        with pytest.raises(SignatureError, match="another kind"):
            signature.verify_signature(key.public_key(), wrong, b"", DATA, what="it")


def hash_id(number: int, parameters: bytes = b"") -> bytes:
    return x509.sequence(der.encode_oid(f"2.16.840.1.101.3.4.2.{number}"), parameters)


def pss(*fields: tuple[int, bytes]) -> bytes:
    whole = x509.sequence(*(der.encode(der.context(number), content) for number, content in fields))
    return der.encode_oid("1.2.840.113549.1.1.10") + whole


MGF1 = der.encode_oid("1.2.840.113549.1.1.8")
SALT = der.encode_integer(48)


def test_schemes_of_weak_hashes_have_no_name() -> None:
    for oid in ("1.2.840.113549.1.1.5", "1.2.840.10045.4.1", "1.2.840.113549.1.1.4", "1.3.101.112"):
        found = parse_scheme(der.encode_oid(oid))
        assert found == Scheme(oid)
        assert algorithm_name(RSA.public_key(), found) is None


def test_pss_parameters_are_read_in_full() -> None:
    good = pss((0, hash_id(2)), (1, x509.sequence(MGF1, hash_id(2))), (2, SALT), (3, der.encode_integer(1)))
    assert parse_scheme(good) == Scheme("rsa-pss", "sha384", 48)
    without_trailer = pss((0, hash_id(1)), (1, x509.sequence(MGF1, hash_id(1))), (2, SALT))
    assert parse_scheme(without_trailer) == Scheme("rsa-pss", "sha256", 48)


@pytest.mark.parametrize(
    "identifier",
    [
        b"",
        b"\5\0",
        der.encode_oid("1.2.840.10045.4.3.2") + b"\5\0" + b"\5\0",
        der.encode_oid("1.2.840.113549.1.1.11"),
        pss(),
        pss((0, hash_id(2)), (1, x509.sequence(MGF1, hash_id(2)))),
        pss((0, hash_id(2)), (1, x509.sequence(MGF1, hash_id(1))), (2, SALT)),
        pss((0, hash_id(4)), (1, x509.sequence(MGF1, hash_id(4))), (2, SALT)),
        pss((0, hash_id(2)), (1, x509.sequence(der.encode_oid("1.2.3"), hash_id(2))), (2, SALT)),
        pss((0, hash_id(2, b"\5\1a")), (1, x509.sequence(MGF1, hash_id(2))), (2, SALT)),
        pss((0, hash_id(2)), (1, x509.sequence(MGF1, hash_id(2))), (2, der.encode_integer(-1))),
        pss((0, hash_id(2)), (1, x509.sequence(MGF1, hash_id(2))), (2, SALT), (3, der.encode_integer(2))),
        pss((0, x509.sequence()), (1, x509.sequence(MGF1, hash_id(2))), (2, SALT)),
        pss((0, hash_id(2)), (1, x509.sequence(MGF1, hash_id(2))), (2, SALT), (4, SALT)),
    ],
)
def test_malformed_identifiers_are_refused(identifier: bytes) -> None:
    with pytest.raises(DerError):
        parse_scheme(identifier)


def test_identifiers_with_other_parameters_are_of_no_known_scheme() -> None:
    for oid, parameters in (("1.2.840.10045.4.3.2", b"\5\0"), ("1.2.840.113549.1.1.11", b"\5\1a")):
        found = parse_scheme(der.encode_oid(oid) + parameters)
        assert algorithm_name(P256.public_key(), found) is None
        assert algorithm_name(RSA.public_key(), found) is None


# --- raw ECDSA ------------------------------------------------------------------------------------


def raw(key: ec.EllipticCurvePrivateKey, digest: HashAlgorithm) -> bytes:
    size = (key.curve.key_size + 7) // 8
    r, s = decode_dss_signature(key.sign(DATA, ec.ECDSA(digest)))
    return r.to_bytes(size) + s.to_bytes(size)


def test_raw_signatures_take_the_curves_own_hash() -> None:
    signature.verify_ecdsa_raw(P256.public_key(), raw(P256, SHA256()), DATA, what="it")
    signature.verify_ecdsa_raw(P384.public_key(), raw(P384, SHA384()), DATA, what="it")
    for key, digest in ((P256, SHA384()), (P384, SHA256()), (P256, SHA512())):
        with pytest.raises(SignatureError):
            signature.verify_ecdsa_raw(key.public_key(), raw(key, digest), DATA, what="it")


def test_raw_signatures_have_their_size_and_range() -> None:
    good, key = raw(P256, SHA256()), P256.public_key()
    for bad in (
        good[:-1],
        good + b"\0",
        good[:32] + b"\0" + good[32:],  # the same numbers, written at greater length
        b"",
        bytes(64),
        good[:32] + bytes(32),
        bytes(32) + good[32:],
        b"\xff" * 64,
    ):
        with pytest.raises(SignatureError):
            signature.verify_ecdsa_raw(key, bad, DATA, what="it")
    der_form = P256.sign(DATA, ec.ECDSA(SHA256()))
    with pytest.raises(SignatureError):
        signature.verify_ecdsa_raw(key, der_form, DATA, what="it")


def test_raw_signatures_of_p_521_are_in_nobodys_use() -> None:
    with pytest.raises(SignatureError, match="secp521r1"):
        signature.verify_ecdsa_raw(P521.public_key(), raw(P521, SHA512()), DATA, what="it")


def test_pkcs1_signatures_do_not_pass_for_pss() -> None:
    good = RSA.sign(DATA, padding.PKCS1v15(), SHA384())
    with pytest.raises(SignatureError):
        signature.verify_signature(RSA.public_key(), Scheme("rsa-pss", "sha384", 48), good, DATA, what="it")
