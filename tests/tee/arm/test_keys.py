# SPDX-License-Identifier: Apache-2.0
"""The device keys that a caller gives: their forms, which device they are for, and what is refused with a name."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from hypothesis import given
from hypothesis import strategies as st

from ttee.errors import AnchorError, EndorsementError, TteeError, UsageError, WeakKeyError
from ttee.model import Anchor, Assurance, Endorsements
from ttee.tee.arm.keys import MAX_DOCUMENT, device_keys, key_for
from ttee.testing.arm import Machine, instance_id

MACHINE = Machine.named("a server")
SPKI = MACHINE.anchor().key
INSTANCE, IMPLEMENTATION = instance_id(MACHINE.key), bytes(32)


def text(number: int) -> str:
    return urlsafe_b64encode(number.to_bytes(48)).rstrip(b"=").decode()


NUMBERS = MACHINE.key.public_key().public_numbers()
JWK: dict[str, Any] = {"kty": "EC", "crv": "P-384", "x": text(NUMBERS.x), "y": text(NUMBERS.y)}
PEM = b"-----BEGIN PUBLIC KEY-----\n" + b64encode(SPKI) + b"\n-----END PUBLIC KEY-----\n"


RSA_PEM = (
    rsa.generate_private_key(65537, 2048)
    .public_key()
    .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
)


def keys(data: bytes | Any, name: str = "cpak") -> Any:
    document = data if isinstance(data, bytes) else json.dumps(data).encode()
    return device_keys("arm-cca", "cpak", Endorsements(documents={name: document}))


@pytest.mark.parametrize("data", [SPKI, PEM, JWK, [JWK], [{"pkey": JWK}]])
def test_every_form_gives_the_same_key(data: Any) -> None:
    (key,) = keys(data)
    assert key.spki == SPKI
    assert key.assurance is Assurance.EMULATED  # a document does not say what its device is


def test_a_document_may_have_many_keys_and_be_large() -> None:
    assert len(keys([JWK] * 4096)) == 4096
    assert len(keys(PEM + b"\n" * (MAX_DOCUMENT - len(PEM)))) == 1


def test_all_documents_of_the_name_count_and_no_others() -> None:
    documents = {"cpak": SPKI, "cpak.2": PEM, "cpaks": b"?", "crl": b"?"}
    assert len(device_keys("arm-cca", "cpak", Endorsements(documents=documents))) == 2


def test_a_key_with_ids_is_for_that_device_alone() -> None:
    found = keys([{"instance-id": INSTANCE.hex(), "implementation-id": IMPLEMENTATION.hex(), "pkey": JWK}])
    assert key_for(found, "cpak", INSTANCE, IMPLEMENTATION) == found
    with pytest.raises(AnchorError):
        key_for(found, "cpak", b"\x01" + bytes(32), IMPLEMENTATION)
    with pytest.raises(AnchorError):
        key_for(found, "cpak", INSTANCE, b"\x01" * 32)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30\x00",
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        [],
        [JWK] * 4097,
        [5],
        {"kty": "RSA"},
        JWK | {"kty": "OKP"},
        JWK | {"crv": ["P-384"]},
        JWK | {"y": 5},
        RSA_PEM,
        PEM + b"\n" * (MAX_DOCUMENT + 1 - len(PEM)),
        {"kty": "EC"},
        JWK | {"crv": "P-1"},
        JWK | {"x": 5},
        JWK | {"x": "AA"},
        JWK | {"x": "a+b"},
        JWK | {"d": text(1)},
        [{"pkey": JWK, "more": 1}],
        [{"pkey": 5}],
        [{"pkey": JWK, "instance-id": 5}],
        [{"pkey": JWK, "instance-id": "00"}],
        b'{"kty": "EC", "kty": "EC"}',
        bytes(MAX_DOCUMENT + 1),
    ],
)
def test_what_cannot_be_read_is_named(data: Any) -> None:
    with pytest.raises(EndorsementError) as caught:
        keys(data)
    assert "cpak" in (caught.value.where or "")


def test_the_private_half_of_a_key_is_refused_and_not_repeated() -> None:
    with pytest.raises(EndorsementError) as caught:
        keys(JWK | {"d": text(4711)})
    assert text(4711) not in str(caught.value)


def test_a_point_off_its_curve_is_refused() -> None:
    with pytest.raises(WeakKeyError):
        keys(JWK | {"x": text(5)})


def test_an_anchor_that_is_no_key_is_the_callers_mistake() -> None:
    with pytest.raises(UsageError):
        device_keys("arm-cca", "cpak", Endorsements(anchors=(Anchor("arm-cca", bytes(32)),)))
    other = load_pem_public_key(RSA_PEM).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(UsageError, match="RSA"):
        device_keys("arm-cca", "cpak", Endorsements(anchors=(Anchor("arm-cca", other),)))


@given(st.binary(max_size=200))
def test_arbitrary_documents_end_in_a_named_error(data: bytes) -> None:
    with pytest.raises(TteeError):
        keys(data)
