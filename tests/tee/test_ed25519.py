# SPDX-License-Identifier: Apache-2.0
"""Anchors of TEEs whose devices sign with Ed25519, in the forms that people keep keys in."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from ttee.codec import json
from ttee.errors import UsageError
from ttee.tee import tee_named
from ttee.tee.ed25519 import anchor_key
from ttee.testing import x509

KEY = Ed25519PrivateKey.generate()
RAW = KEY.public_key().public_bytes_raw()
X = urlsafe_b64encode(RAW).decode().rstrip("=")
JWK = {"kty": "OKP", "crv": "Ed25519", "x": X}


@pytest.mark.parametrize(
    "data",
    [
        KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(JWK),
        json.dumps({**JWK, "kid": "a device"}),
    ],
    ids=["PEM", "DER", "JWK", "JWK with a name"],
)
def test_a_key_is_found_in_each_form(data: bytes) -> None:
    assert anchor_key(data) == RAW


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) + b"\0",
        KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        x509.public(ec.generate_private_key(ec.SECP256R1())),
        b"{}",
        json.dumps({**JWK, "crv": "X25519"}),
        json.dumps({**JWK, "d": X}),
        json.dumps({**JWK, "x": 1}),
        json.dumps({**JWK, "x": X[:-2]}),
    ],
    ids=range(10),
)
def test_what_is_no_ed25519_key_is_no_anchor(data: bytes) -> None:
    with pytest.raises(UsageError):
        anchor_key(data)


@given(st.binary(max_size=64))
def test_arbitrary_bytes_are_a_named_error(data: bytes) -> None:
    for first in (b"{", b"-", b"\x30\x2a"):
        with pytest.raises(UsageError):
            anchor_key(first + data)


@pytest.mark.parametrize("name", ["keystone", "riscv", "local"])
def test_the_tees_of_ed25519_devices_read_such_files_and_no_documents(name: str) -> None:
    assert tee_named(name).anchor_key is anchor_key
    assert tee_named(name).documents == ()
