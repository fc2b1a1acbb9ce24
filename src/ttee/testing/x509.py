# SPDX-License-Identifier: Apache-2.0
"""Certificates and revocation lists with any content, faults included, written as plain DER.

Libraries refuse to make what vendors and attackers make all the same: serial number 0, expired windows,
wrong algorithms, extensions that contradict each other. For tests only.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from attrs import frozen
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ttee.codec import der

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
END = datetime(2045, 1, 1, tzinfo=UTC)
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_ATTRIBUTES = {
    "CN": "2.5.4.3",
    "C": "2.5.4.6",
    "L": "2.5.4.7",
    "ST": "2.5.4.8",
    "O": "2.5.4.10",
    "OU": "2.5.4.11",
}
_HASHES = {"sha256": "2.16.840.1.101.3.4.2.1", "sha384": "2.16.840.1.101.3.4.2.2"}


def sequence(*items: bytes) -> bytes:
    """A SEQUENCE."""
    return der.encode(der.SEQUENCE, *items)


def boolean(value: bool) -> bytes:
    """A BOOLEAN."""
    return der.encode(der.BOOLEAN, b"\xff" if value else b"\0")


def bits(content: bytes, unused: int = 0) -> bytes:
    """A BIT STRING."""
    return der.encode(der.BIT_STRING, bytes([unused]), content)


def octets(*content: bytes) -> bytes:
    """An OCTET STRING."""
    return der.encode(der.OCTET_STRING, *content)


def moment(at: datetime) -> bytes:
    """A UTCTime up to 2049, a GeneralizedTime after (RFC 5280, section 4.1.2.5)."""
    text = at.astimezone(UTC).strftime("%Y%m%d%H%M%SZ").encode()
    if at.year < 2050:
        return der.encode(der.UTC_TIME, text[2:])
    return der.encode(der.GENERALIZED_TIME, text)


def name(**attributes: str) -> bytes:
    """A Name, in the order given: `name(C="US", CN="…")`."""
    return sequence(
        *(
            der.encode(der.SET, sequence(der.encode_oid(_ATTRIBUTES[kind]), _text(kind, text.encode())))
            for kind, text in attributes.items()
        )
    )


def _text(kind: str, text: bytes) -> bytes:
    return der.encode(der.PRINTABLE_STRING if kind == "C" else der.UTF8_STRING, text)


def extension(dotted: str, value: bytes, *, critical: bool = False) -> bytes:
    """One Extension; `value` is the DER inside its OCTET STRING."""
    return sequence(der.encode_oid(dotted), *([boolean(True)] if critical else []), octets(value))


def basic_constraints(*, ca: bool, path_length: int | None = None) -> bytes:
    """The extension that says who may sign certificates."""
    parts = [boolean(True)] if ca else []
    return extension(
        "2.5.29.19",
        sequence(*parts, *([der.encode_integer(path_length)] if path_length is not None else [])),
        critical=True,
    )


def key_usage(*used: int) -> bytes:
    """The extension that says what the key is for, by bit numbers: 0 signs data, 5 certificates, 6 CRLs."""
    value = sum(0x80 >> bit for bit in used)
    unused = 7 - max(used, default=0)
    return extension("2.5.29.15", bits(bytes([value]), unused), critical=True)


def crl_points(url: str) -> bytes:
    """The extension that says where the issuer's revocation list is."""
    name = der.encode(der.context(0), der.encode(der.context(6, constructed=False), url.encode()))
    return extension("2.5.29.31", sequence(sequence(der.encode(der.context(0), name))))


def issuer_at(url: str) -> bytes:
    """The extension that says where the issuer's certificate is."""
    where = der.encode(der.context(6, constructed=False), url.encode())
    return extension("1.3.6.1.5.5.7.1.1", sequence(sequence(der.encode_oid("1.3.6.1.5.5.7.48.2"), where)))


@frozen(slots=True)
class Signer:
    """An algorithm with its parameters, in DER, and how to sign with it."""

    algorithm: bytes
    sign: Callable[[bytes], bytes]


def pss(key: rsa.RSAPrivateKey, digest: HashAlgorithm | None = None, salt: int | None = None) -> Signer:
    """RSASSA-PSS with MGF1 over the same hash (RFC 4055), SHA-384 when left out, as AMD does."""
    digest = digest or SHA384()
    salt = digest.digest_size if salt is None else salt
    hash_id = sequence(der.encode_oid(_HASHES[digest.name]), der.encode(der.NULL))
    parameters = sequence(
        der.encode(der.context(0), hash_id),
        der.encode(der.context(1), sequence(der.encode_oid("1.2.840.113549.1.1.8"), hash_id)),
        der.encode(der.context(2), der.encode_integer(salt)),
        der.encode(der.context(3), der.encode_integer(1)),
    )
    scheme = padding.PSS(padding.MGF1(digest), salt)
    return Signer(
        sequence(der.encode_oid("1.2.840.113549.1.1.10"), parameters),
        lambda data: key.sign(data, scheme, digest),
    )


def pkcs1(key: rsa.RSAPrivateKey) -> Signer:
    """RSASSA-PKCS1-v1_5 with SHA-384."""
    algorithm = sequence(der.encode_oid("1.2.840.113549.1.1.12"), der.encode(der.NULL))
    return Signer(algorithm, lambda data: key.sign(data, padding.PKCS1v15(), SHA384()))


def ecdsa(key: ec.EllipticCurvePrivateKey, digest: HashAlgorithm | None = None) -> Signer:
    """ECDSA, with SHA-384 when left out."""
    digest = digest or SHA384()
    number = {SHA256.name: 2, SHA384.name: 3}[digest.name]
    scheme = ec.ECDSA(digest)
    return Signer(
        sequence(der.encode_oid(f"1.2.840.10045.4.3.{number}")), lambda data: key.sign(data, scheme)
    )


def public(key: PrivateKey) -> bytes:
    """The SubjectPublicKeyInfo of a key."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def certificate(
    *,
    subject: bytes,
    issuer: bytes,
    key: bytes,
    signer: Signer,
    serial: int = 1,
    begin: datetime = BEGIN,
    end: datetime = END,
    extensions: Iterable[bytes] = (),
    version: int = 3,
) -> bytes:
    """A certificate in DER: `key` is the subject's SubjectPublicKeyInfo, `signer` the issuer's."""
    listed = b"".join(extensions)
    tbs = sequence(
        der.encode(der.context(0), der.encode_integer(version - 1)) if version > 1 else b"",
        der.encode_integer(serial),
        signer.algorithm,
        issuer,
        sequence(moment(begin), moment(end)),
        subject,
        key,
        der.encode(der.context(3), sequence(listed)) if listed else b"",
    )
    return sequence(tbs, signer.algorithm, bits(signer.sign(tbs)))


def crl(
    *,
    issuer: bytes,
    signer: Signer,
    begin: datetime,
    end: datetime,
    revoked: Mapping[int, datetime] | None = None,
    number: int = 1,
) -> bytes:
    """A revocation list in DER; `revoked` has the moment for each serial number."""
    entries = b"".join(
        sequence(der.encode_integer(serial), moment(at)) for serial, at in (revoked or {}).items()
    )
    tbs = sequence(
        der.encode_integer(1),
        signer.algorithm,
        issuer,
        moment(begin),
        moment(end),
        sequence(entries) if entries else b"",
        der.encode(der.context(0), sequence(extension("2.5.29.20", der.encode_integer(number)))),
    )
    return sequence(tbs, signer.algorithm, bits(signer.sign(tbs)))


def pem(der: bytes) -> bytes:
    """A certificate in PEM."""
    text = b64encode(der).decode()
    lines = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n".encode()
