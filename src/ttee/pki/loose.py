# SPDX-License-Identifier: Apache-2.0
"""The public key in a file that people have, in whatever form; and certificates as a file, in PEM."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from ttee.errors import UsageError
from ttee.pki.certificate import Certificate
from ttee.pki.found import find
from ttee.pki.signature import load_public_key

MAX_SIZE = 1 << 20
_KEY = re.compile(rb"-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\s]++-----END PUBLIC KEY-----")
_PRIVATE = re.compile(rb"-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----")


def pem(found: Iterable[Certificate]) -> bytes:
    """Certificates in PEM, in their order."""
    return b"".join(
        b"-----BEGIN CERTIFICATE-----\n%s-----END CERTIFICATE-----\n" % _lines(each.der) for each in found
    )


def key_of(data: bytes) -> bytes:
    """The SubjectPublicKeyInfo of the one key that a file holds: a certificate's, or a public key in PEM or DER.

    Raises UsageError.
    """
    if len(data) > MAX_SIZE:
        raise UsageError(f"a file of {len(data)} bytes is no public key")
    if _PRIVATE.search(data):
        raise UsageError(
            "this file has a private key",
            hint="give the public key, or its certificate; nobody needs the private one to verify",
        )
    keys = {each.spki for each in find(data).certificates}
    if not keys and data[:1] == b"\x30":
        keys = {_spki(data)}
    for block in _KEY.findall(data):
        try:
            key = load_pem_public_key(block)
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


def _lines(content: bytes) -> bytes:
    text = binascii.b2a_base64(content, newline=False)
    return b"".join(text[at : at + 64] + b"\n" for at in range(0, len(text), 64))
