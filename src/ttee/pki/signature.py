# SPDX-License-Identifier: Apache-2.0
"""Signature algorithms, by the names of an allow-list: key, padding or curve, and hash, all three.

    ecdsa-p256-sha256  ecdsa-p384-sha384  …  rsa-pkcs1-sha256  …  rsa-pss-sha384  …

SHA-1, MD5 and RSA below 2048 bits have no name, and so are in no list.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from attrs import frozen
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key

from ttee.codec import der
from ttee.errors import CertificateError, SignatureError, TteeError, WeakKeyError
from ttee.pki.cache import memo

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey
RSA_BITS = range(2048, 8193)

_CURVES = {"secp256r1": "p256", "secp384r1": "p384", "secp521r1": "p521"}
_SIZES = {"secp256r1": 32, "secp384r1": 48, "secp521r1": 66}
_HASHES: Mapping[str, type[hashes.HashAlgorithm]] = MappingProxyType(
    {"sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512}
)
_HASH_OIDS = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
_ECDSA_OIDS = {
    "1.2.840.10045.4.3.2": "sha256",
    "1.2.840.10045.4.3.3": "sha384",
    "1.2.840.10045.4.3.4": "sha512",
}
_PKCS1_OIDS = {
    "1.2.840.113549.1.1.11": "sha256",
    "1.2.840.113549.1.1.12": "sha384",
    "1.2.840.113549.1.1.13": "sha512",
}
_RSA = frozenset({"rsa-pkcs1", "rsa-pss"})
_PSS_OID = "1.2.840.113549.1.1.10"
_MGF1_OID = "1.2.840.113549.1.1.8"


@frozen(slots=True)
class Scheme:
    """A signature algorithm as a certificate names it: `family` is ecdsa, rsa-pkcs1, rsa-pss or, for any other,
    its object identifier."""

    family: str
    hash: str = ""
    salt: int = 0


def load_public_key(spki: bytes, *, what: str, error: type[TteeError] = CertificateError) -> PublicKey:
    """The key of a SubjectPublicKeyInfo: EC on P-256, P-384 or P-521, or RSA.

    Raises `error` for other kinds and malformed ones, WeakKeyError for RSA outside of 2048 to 8192 bits.
    """
    try:
        key = load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm):
        raise error(f"{what} has a public key that cannot be read", where=what) from None
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size not in RSA_BITS:
            raise WeakKeyError(f"{what} has an RSA key of {key.key_size} bits", where=what)
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        return key
    raise error(f"{what} has a public key of a kind that nobody here uses", where=what)


def load_point(curve: ec.EllipticCurve, point: bytes, *, what: str) -> ec.EllipticCurvePublicKey:
    """The key of an uncompressed point x || y, without the leading 04. Raises WeakKeyError: not on the curve."""
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\x04" + point)
    except ValueError:
        raise WeakKeyError(f"{what} is not a point of {curve.name}", where=what) from None


@memo(64)
def parse_scheme(identifier: bytes) -> Scheme:
    """The scheme of an AlgorithmIdentifier (the content of its SEQUENCE). Raises DerError."""
    found = der.elements(identifier, at_most=2)
    if not found:
        raise der.DerError("an empty algorithm identifier")
    name = der.oid(der.expect(found[0], der.OID))
    parameters = found[1:]
    if name in _ECDSA_OIDS and not parameters:
        return Scheme("ecdsa", _ECDSA_OIDS[name])
    if name in _PKCS1_OIDS and der.shape(parameters, der.NULL) == [b""]:
        return Scheme("rsa-pkcs1", _PKCS1_OIDS[name])
    if name == _PSS_OID:
        return _pss(*der.shape(parameters, der.SEQUENCE))
    return Scheme(name)


def _pss(parameters: bytes) -> Scheme:
    """RSASSA-PSS-params (RFC 4055, section 3.1): one hash for both, given in full, and the trailer 1."""
    fields = {element[0] & 0x1F: element[2] for element in der.elements(parameters, at_most=4)}
    if not {0, 1, 2} <= fields.keys() <= {0, 1, 2, 3} or fields.get(3, b"\x02\x01\x01") != b"\x02\x01\x01":
        raise der.DerError("RSA-PSS parameters that are incomplete or unknown (SHA-1 is the default)")
    hash_name = _hash_name(fields[0])
    mgf, of = der.shape(der.sequence(fields[1]), der.OID, der.SEQUENCE)
    if der.oid(mgf) != _MGF1_OID or _hash_name(der.encode(der.SEQUENCE, of)) != hash_name:
        raise der.DerError("RSA-PSS with another mask than MGF1 with the same hash")
    return Scheme("rsa-pss", hash_name, der.natural(der.only(fields[2], der.INTEGER), below=256))


def _hash_name(identifier: bytes) -> str:
    found = der.sequence(identifier)
    name = der.oid(der.expect(found[0], der.OID)) if found else ""
    if name not in _HASH_OIDS or (found[1:] and der.shape(found[1:], der.NULL) != [b""]):
        raise der.DerError(f"the hash algorithm {name}, which is not accepted")
    return _HASH_OIDS[name]


def algorithm_name(key: PublicKey, scheme: Scheme) -> str | None:
    """The name in allow-lists of `scheme` used with `key`; None if they do not fit."""
    if isinstance(key, rsa.RSAPublicKey):
        return f"{scheme.family}-{scheme.hash}" if scheme.family in _RSA else None
    return f"ecdsa-{_CURVES[key.curve.name]}-{scheme.hash}" if scheme.family == "ecdsa" else None


def verify_signature(key: PublicKey, scheme: Scheme, signature: bytes, data: bytes, *, what: str) -> None:
    """Return if `signature` (of an X.509 structure) is that of `data`. Raises SignatureError."""
    if algorithm_name(key, scheme) is None:
        raise SignatureError(f"the signature of {what} is of another kind than its issuer's key", where=what)
    algorithm = _HASHES[scheme.hash]()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, data, _padding(scheme, algorithm), algorithm)
        else:
            key.verify(signature, data, ec.ECDSA(algorithm))
    except InvalidSignature:
        raise SignatureError(f"the signature of {what} does not verify", where=what) from None


def _padding(scheme: Scheme, algorithm: hashes.HashAlgorithm) -> padding.AsymmetricPadding:
    if scheme.family == "rsa-pss":
        return padding.PSS(padding.MGF1(algorithm), scheme.salt)
    return padding.PKCS1v15()


_ECDSA_SHA256, _ECDSA_SHA384 = ec.ECDSA(hashes.SHA256()), ec.ECDSA(hashes.SHA384())


def verify_ecdsa_raw(key: ec.EllipticCurvePublicKey, signature: bytes, data: bytes, *, what: str) -> None:
    """Return if r || s, each of the curve's size and big-endian, is the signature of `data`; else SignatureError.

    The hash is the curve's own: SHA-256 for P-256, SHA-384 for P-384. 0 < r, s < n is OpenSSL's to check.
    """
    curve = key.curve.name
    size, scheme = (32, _ECDSA_SHA256) if curve == "secp256r1" else (_SIZES[curve], _ECDSA_SHA384)
    if len(signature) != 2 * size or curve == "secp521r1":
        raise SignatureError(f"the signature of {what} is not r || s of {curve}", where=what)
    r, s = int.from_bytes(signature[:size]), int.from_bytes(signature[size:])
    try:
        key.verify(encode_dss_signature(r, s), data, scheme)
    except InvalidSignature:
        raise SignatureError(f"the signature of {what} does not verify", where=what) from None
