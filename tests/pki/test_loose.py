# SPDX-License-Identifier: Apache-2.0
"""The public key in a file: of a certificate, or by itself, in PEM or DER; and nothing that could be another."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.pki.authority import KEYS, certificate
from ttee.errors import UsageError
from ttee.pki.certificate import load_pem_chain
from ttee.pki.loose import MAX_SIZE, key_of, pem
from ttee.testing import x509

ROOT = certificate("root")
SPKI = x509.public(KEYS["root"])
PUBLIC = KEYS["root"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    "data",
    [
        ROOT.der,
        x509.pem(ROOT.der),
        b"The root:\n" + x509.pem(ROOT.der),
        SPKI,
        PUBLIC,
        PUBLIC + x509.pem(ROOT.der),
    ],
    ids=["DER", "PEM", "text", "key in DER", "key in PEM", "both"],
)
def test_a_key_is_found_in_each_form(data: bytes) -> None:
    assert key_of(data) == SPKI


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no key",
        bytes(MAX_SIZE + 1),
        x509.pem(ROOT.der) + x509.pem(certificate("issuer").der),
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        SPKI + b"\0",
    ],
    ids=["empty", "text", "huge", "two keys", "malformed", "trailing byte"],
)
def test_a_file_without_one_key_is_no_anchor(data: bytes) -> None:
    with pytest.raises(UsageError):
        key_of(data)


def test_a_private_key_is_not_taken_and_not_shown() -> None:
    secret = KEYS["root"].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(UsageError, match="private key") as caught:
        key_of(secret + PUBLIC)
    assert secret.splitlines()[1].decode() not in str(caught.value)


def test_certificates_are_written_as_they_are_read() -> None:
    chain = (certificate("leaf"), certificate("issuer"), ROOT)
    assert load_pem_chain(pem(chain), what="chain", size=range(3, 4)) == chain


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_a_named_error(data: bytes) -> None:
    with pytest.raises(UsageError):
        key_of(b"\x30" + data)
