# SPDX-License-Identifier: Apache-2.0
"""X.509 certificates (RFC 5280, section 4), read strictly. Nothing is verified here.

Why not `cryptography`'s reader: AMD's certificates have the serial number 0, which it is about to refuse, and
Azure's carry bytes behind their end. Keys and signatures are its work (`signature.py`).
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from hashlib import sha256
from types import MappingProxyType

from attrs import frozen

from ttee.codec import der
from ttee.errors import CertificateError, MalformedEvidenceError, TteeError
from ttee.pki.cache import memo
from ttee.pki.signature import PublicKey, Scheme, load_public_key, parse_scheme
from ttee.pki.window import Window

SOURCE = "RFC 5280, section 4.1"
MAX_SIZE = 16 * 1024
MAX_EXTENSIONS = 64

COMMON_NAME = "2.5.4.3"
BASIC_CONSTRAINTS, KEY_USAGE = "2.5.29.19", "2.5.29.15"
DIGITAL_SIGNATURE, KEY_CERT_SIGN, CRL_SIGN = 0, 5, 6
"""Bits of keyUsage."""

_TEXTS = {der.UTF8_STRING: "utf-8", der.PRINTABLE_STRING: "ascii", 0x14: "latin-1", 0x16: "ascii"}
_PEM = re.compile(rb"\s*-----BEGIN CERTIFICATE-----\s+([A-Za-z0-9+/=\r\n]+)-----END CERTIFICATE-----\s*")


@frozen(slots=True)
class Extension:
    """An extension: whether it is critical, and the DER of its value."""

    critical: bool
    value: bytes


@frozen(slots=True)
class Certificate:
    """A certificate as it reads. `issuer`, `subject` and `spki` are DER."""

    der: bytes
    tbs: bytes
    """What the signature covers."""
    serial: int
    scheme: Scheme
    issuer: bytes
    subject: bytes
    validity: Window
    spki: bytes
    extensions: Mapping[str, Extension]
    signature: bytes
    is_ca: bool
    path_length: int | None
    key_usage: frozenset[int] | None
    """The bits that are set; None without that extension."""

    @property
    def digest(self) -> bytes:
        """SHA-256 of the DER."""
        return sha256(self.der).digest()

    @property
    def key_digest(self) -> bytes:
        """SHA-256 of the SubjectPublicKeyInfo."""
        return sha256(self.spki).digest()

    @property
    def common_name(self) -> str:
        """The subject's only common name; empty if there is none, or several."""
        return common_name(self.subject)

    @property
    def issuer_common_name(self) -> str:
        """The issuer's only common name; empty if there is none, or several."""
        return common_name(self.issuer)

    @property
    def public_key(self) -> PublicKey:
        """The subject's key. Raises CertificateError, WeakKeyError."""
        return _public_key(self.spki)


def load_certificate(
    data: bytes, *, what: str, error: type[TteeError] = MalformedEvidenceError
) -> Certificate:
    """The certificate that `data`, DER, is from its first to its last byte. Raises `error`."""
    if len(data) > MAX_SIZE:
        raise error(f"{what} has {len(data)} bytes; at most {MAX_SIZE} are read", where=what)
    with der.named(what, error):
        return _parse(data)


def load_padded_certificate(
    data: bytes, *, what: str, error: type[TteeError] = MalformedEvidenceError
) -> tuple[Certificate, bytes]:
    """The certificate that `data` begins with, and the bytes behind it. Raises `error`."""
    with der.named(what, error):
        _, _, _, end = der.first(data)
    return load_certificate(data[:end], what=what, error=error), data[end:]


def load_pem_chain(
    data: bytes, *, what: str, size: range, error: type[TteeError] = MalformedEvidenceError
) -> tuple[Certificate, ...]:
    """The certificates in PEM, in their order; nothing but white space between them. `size`: how many.

    Raises `error`.
    """
    if len(data) > 2 * MAX_SIZE * size.stop:
        raise error(f"{what} has {len(data)} bytes, too many for {size.stop - 1} certificates", where=what)
    found: list[Certificate] = []
    at = 0
    while at < len(data):
        block = _PEM.match(data, at)
        if block is None or len(found) + 1 >= size.stop:
            raise error(
                f"{what} is not a chain of {_count(size)} in PEM",
                where=f"{what}, byte {at}",
                source="RFC 7468",
            )
        name = f"{what}, certificate {len(found)}"
        try:
            content = binascii.a2b_base64(block[1].replace(b"\r", b"").replace(b"\n", b""), strict_mode=True)
        except binascii.Error:
            raise error(f"{name} is not base64", where=f"{what}, byte {at}", source="RFC 7468") from None
        found.append(load_certificate(content, what=name, error=error))
        at = block.end()
    if len(found) not in size:
        raise error(f"{what} has {len(found)} certificates instead of {_count(size)}", where=what)
    return tuple(found)


@memo(256)
def common_name(name: bytes) -> str:
    """The only common name of a Name (DER); empty if there is none, several, or the Name is malformed."""
    try:
        values = [value for attribute, value in name_attributes(name) if attribute == COMMON_NAME]
    except der.DerError:
        return ""
    return values[0] if len(values) == 1 else ""


def name_attributes(name: bytes) -> list[tuple[str, str]]:
    """Types (with dots) and texts of a Name (DER), in their order. Raises DerError."""
    found = []
    for rdn in der.sequence(name):
        for attribute in der.elements(der.expect(rdn, der.SET)):
            parts = der.elements(der.expect(attribute, der.SEQUENCE), at_most=2)
            if len(parts) != 2:
                raise der.DerError("a name with half an attribute", attribute[1])
            kind, value = parts
            try:
                text = value[2].decode(_TEXTS[value[0]])
            except (KeyError, UnicodeDecodeError):
                raise der.DerError("a name that is not text", value[1]) from None
            found.append((der.oid(der.expect(kind, der.OID)), text))
    return found


@memo(64)
def _parse(data: bytes) -> Certificate:
    """Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue }."""
    outer = der.sequence(data)
    tbs, algorithm, signature = der.shape(outer, der.SEQUENCE, der.SEQUENCE, der.BIT_STRING)
    head = len(data) - outer[2][3]  # what stands before the content of the outer SEQUENCE
    parts = der.elements(tbs, at_most=10)
    if len(parts) != 8:
        raise der.DerError("not a certificate of version 3 without unique identifiers")
    version, serial, inner, issuer, validity, subject, spki, extensions = parts
    if version[0] != der.context(0) or version[2] != b"\x02\x01\x02":
        raise der.DerError("a certificate of another version than 3")
    if der.expect(inner, der.SEQUENCE) != algorithm:
        raise der.DerError("two signature algorithms that differ (RFC 5280, section 4.1.1.2)")
    start, end = _two(der.elements(der.expect(validity, der.SEQUENCE), at_most=2))
    for name in (issuer, subject, spki):
        der.expect(name, der.SEQUENCE)
    found = _extensions(der.only(der.expect(extensions, der.context(3)), der.SEQUENCE))
    is_ca, path_length = _basic_constraints(found.get(BASIC_CONSTRAINTS))
    usage = found.get(KEY_USAGE)
    return Certificate(
        der=data,
        tbs=data[head + outer[0][1] : head + outer[0][3]],
        serial=der.natural(der.expect(serial, der.INTEGER), below=1 << 160),
        scheme=parse_scheme(algorithm),
        issuer=tbs[issuer[1] : issuer[3]],
        subject=tbs[subject[1] : subject[3]],
        validity=Window(der.time(start), der.time(end)),
        spki=tbs[spki[1] : spki[3]],
        extensions=MappingProxyType(found),
        signature=der.bits(signature),
        is_ca=is_ca,
        path_length=path_length,
        key_usage=None if usage is None else der.named_bits(der.only(usage.value, der.BIT_STRING)),
    )


def _two(found: list[der.Element]) -> tuple[der.Element, der.Element]:
    if len(found) != 2:
        raise der.DerError("a validity that is not two times")
    return found[0], found[1]


def _extensions(content: bytes) -> dict[str, Extension]:
    found: dict[str, Extension] = {}
    for element in der.elements(content, at_most=MAX_EXTENSIONS):
        name, extension = _extension(der.expect(element, der.SEQUENCE))
        if name in found:
            raise der.DerError(f"the extension {name}, which is there twice", element[1])
        found[name] = extension
    return found


@memo(256)
def _extension(content: bytes) -> tuple[str, Extension]:
    """Most extensions are the same in many certificates."""
    parts = der.elements(content, at_most=3)
    critical = len(parts) == 3
    if critical and not der.boolean(der.expect(parts[1], der.BOOLEAN)):
        raise der.DerError("a default value that is written out")
    if len(parts) < 2:
        raise der.DerError("an extension without a value")
    return der.oid(der.expect(parts[0], der.OID)), Extension(
        critical, der.expect(parts[-1], der.OCTET_STRING)
    )


def _basic_constraints(extension: Extension | None) -> tuple[bool, int | None]:
    """RFC 5280, section 4.2.1.9."""
    if extension is None:
        return False, None
    parts = der.elements(der.only(extension.value, der.SEQUENCE), at_most=2)
    if not parts:
        return False, None
    if not der.boolean(der.expect(parts[0], der.BOOLEAN)):
        raise der.DerError("a default value that is written out")
    return True, der.natural(der.expect(parts[1], der.INTEGER), below=256) if len(parts) == 2 else None


@memo(256)
def _public_key(spki: bytes) -> PublicKey:
    """The same key is asked for by each certificate, CRL and document that it signs."""
    return load_public_key(spki, what="a certificate", error=CertificateError)


def _count(size: range) -> str:
    return f"{size.start} certificates" if len(size) == 1 else f"{size.start} to {size.stop - 1} certificates"
