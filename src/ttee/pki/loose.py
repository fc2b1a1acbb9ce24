# SPDX-License-Identifier: Apache-2.0
"""What a file of unknown kind holds, as far as X.509 goes: certificates, revocation lists, public keys.

People have these in PEM or DER, one or several in a file, with text between. Nothing found here is verified, and a
file that holds none is no error: it is another file.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Iterator

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from ttee.errors import TteeError, UsageError
from ttee.pki import crl as crls
from ttee.pki.certificate import MAX_SIZE, Certificate, load_certificate
from ttee.pki.crl import Crl, load_crl
from ttee.pki.signature import load_public_key

MAX_FOUND = 64
"""Certificates that are looked for in one file."""
_BLOCK = re.compile(
    rb"-----BEGIN (CERTIFICATE|X509 CRL|PUBLIC KEY)-----([A-Za-z0-9+/=\s]{1,6291456})-----END \1-----"
)
_PRIVATE = re.compile(rb"-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----")


def certificates(data: bytes) -> tuple[Certificate, ...]:
    """The certificates in a file, in their order; what cannot be read is left out."""
    found = []
    for content in _contents(data, b"CERTIFICATE", MAX_SIZE):
        try:
            found.append(load_certificate(content, what="certificate"))
        except TteeError:
            continue
    return tuple(found)


def revocation_list(data: bytes) -> Crl | None:
    """The revocation list that a file is; None if it is none."""
    for content in _contents(data, b"X509 CRL", crls.MAX_SIZE):
        try:
            return load_crl(content, what="CRL")
        except TteeError:
            return None
    return None


def pem(found: Iterable[Certificate]) -> bytes:
    """Certificates in PEM, in their order."""
    return b"".join(
        b"-----BEGIN CERTIFICATE-----\n%s-----END CERTIFICATE-----\n" % _lines(each.der) for each in found
    )


def key_of(data: bytes) -> bytes:
    """The SubjectPublicKeyInfo of the one key that a file holds: a certificate's, or a public key in PEM or DER.

    Raises UsageError.
    """
    if _PRIVATE.search(data):
        raise UsageError(
            "this file has a private key",
            hint="give the public key, or its certificate; nobody needs the private one to verify",
        )
    keys = {each.spki for each in certificates(data)}
    if not keys and data[:1] == b"\x30":
        keys = {_spki(data)}
    for block in _BLOCK.finditer(data):
        if block[1] == b"PUBLIC KEY":
            try:
                key = load_pem_public_key(block[0])
            except (ValueError, UnsupportedAlgorithm):
                raise UsageError("this public key in PEM cannot be read") from None
            keys.add(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    if len(keys) != 1:
        raise UsageError(
            f"this file holds {len(keys) or 'no'} public keys, and an anchor is one",
            hint="give a certificate or a public key, in PEM or DER",
        )
    return keys.pop()


def _spki(data: bytes) -> bytes:
    key = load_public_key(data, what="this file", error=UsageError)
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _contents(data: bytes, label: bytes, largest: int) -> Iterator[bytes]:
    """The DER in a file: itself, or that in its PEM blocks of this label."""
    if data[:1] == b"\x30":
        if len(data) <= largest:
            yield data
        return
    if b"-----BEGIN " + label not in data:
        return
    count = 0
    for block in _BLOCK.finditer(data):
        if block[1] != label:
            continue
        if (count := count + 1) > MAX_FOUND:
            return
        try:
            yield binascii.a2b_base64(b"".join(block[2].split()), strict_mode=True)
        except binascii.Error:
            continue


def _lines(content: bytes) -> bytes:
    text = binascii.b2a_base64(content, newline=False)
    return b"".join(text[at : at + 64] + b"\n" for at in range(0, len(text), 64))
