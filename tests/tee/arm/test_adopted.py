# SPDX-License-Identifier: Apache-2.0
"""Device keys among files: the one that signed is taken, else those that could have; and anchors in each form."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from ttee.codec import cbor, cose, json
from ttee.errors import AnchorError, EndorsementError, SignatureError, TteeError, UsageError
from ttee.model import Endorsements, Evidence
from ttee.tee.arm.adopted import anchor_key
from ttee.tee.arm.cca import TEE as CCA
from ttee.tee.arm.psa import TEE as PSA
from ttee.tee.base import Tee
from ttee.tee.sources import File
from ttee.testing import x509
from ttee.testing.arm import Device, Machine, named_key, spki
from ttee.testing.nitro import NOW

MACHINE, DEVICE = Machine.named("a machine"), Device.named("a device")
TOKEN = {CCA.name: MACHINE.token(), PSA.name: DEVICE.token()}
KEY = {CCA.name: MACHINE.key, PSA.name: DEVICE.key}
STRANGERS = [named_key("a stranger", cose.ES384), named_key("another", cose.ES256)]


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def jwk(key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    numbers, size = key.public_key().public_numbers(), (key.key_size + 7) // 8
    x, y = (urlsafe_b64encode(n.to_bytes(size)).decode().rstrip("=") for n in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": f"P-{key.key_size}", "x": x, "y": y}


def cose_key(key: ec.EllipticCurvePrivateKey, **changed: Any) -> bytes:
    numbers, size = key.public_key().public_numbers(), (key.key_size + 7) // 8
    curve = {256: 1, 384: 2, 521: 3}[key.key_size]
    usual: dict[int | str, Any] = {
        1: 2,
        -1: curve,
        -2: numbers.x.to_bytes(size),
        -3: numbers.y.to_bytes(size),
    }
    return cbor.dumps_vendor({**usual, **{int(number): value for number, value in changed.items()}})


def adopted(tee: Tee, *files: bytes) -> dict[str, bytes]:
    assert tee.adopt is not None
    found = tee.adopt(
        Evidence(tee.name, {"token": TOKEN[tee.name]}),
        [File("a file", data, named=True) for data in files],
        NOW,
    )
    return dict(found)


def verified(tee: Tee, documents: dict[str, bytes]) -> object:
    return tee.verify(Evidence(tee.name, {"token": TOKEN[tee.name]}), Endorsements((), documents))


both = pytest.mark.parametrize("tee", [CCA, PSA], ids=lambda tee: tee.name)


@both
def test_the_key_that_signed_is_found_in_any_form_and_order(tee: Tee) -> None:
    key, others = KEY[tee.name], [pem(each) for each in STRANGERS]
    forms = [pem(key), spki(key), json.dumps(jwk(key)), json.dumps([{"pkey": jwk(key)}])]
    for form in forms:
        for files in ([*others, b"text", b"{}", form], [form, b"[]", *others]):
            assert list(adopted(tee, *files).values()) == [form]
            assert verified(tee, adopted(tee, *files))


@both
def test_keys_that_could_have_signed_are_handed_on_so_that_the_error_says_who_did_not(tee: Tee) -> None:
    fitting = next(each for each in STRANGERS if each.key_size == KEY[tee.name].key_size)
    found = adopted(tee, *map(pem, STRANGERS))
    assert list(found.values()) == [pem(fitting)]
    with pytest.raises(SignatureError):
        verified(tee, found)
    more = adopted(tee, pem(fitting), pem(named_key("a third", cose.ES384 if tee is CCA else cose.ES256)))
    with pytest.raises(AnchorError):
        verified(tee, more)


@both
def test_keys_of_other_devices_and_other_files_are_left_alone(tee: Tee) -> None:
    key = KEY[tee.name]
    elsewhere = json.dumps([{"instance-id": "01" + "00" * 32, "pkey": jwk(key)}])
    certificate = x509.certificate(
        subject=x509.name(CN="a"), issuer=x509.name(CN="a"), key=spki(key), signer=x509.ecdsa(STRANGERS[0])
    )
    private = json.dumps({**jwk(key), "d": "AAAA"})
    found = adopted(tee, elsewhere, certificate, x509.pem(certificate), private, cose_key(key))
    assert found == {}
    with pytest.raises(EndorsementError):
        verified(tee, found)


@both
def test_a_key_in_a_folder_is_not_taken(tee: Tee) -> None:
    """Who else may write there could put a key of their own beside the token that it signed."""
    assert tee.adopt is not None
    evidence = Evidence(tee.name, {"token": TOKEN[tee.name]})
    found = dict(tee.adopt(evidence, [File("folder/key.pem", pem(KEY[tee.name]))], NOW))
    assert found == {}
    with pytest.raises(EndorsementError) as problem:
        verified(tee, found)
    assert "--endorsements FILE" in (problem.value.hint or "")


@both
def test_of_a_malformed_token_no_key_is_adopted(tee: Tee) -> None:
    assert tee.adopt is not None
    key = File("key", pem(KEY[tee.name]), named=True)
    assert tee.adopt(Evidence(tee.name, {"token": b"\xd9"}), [key], NOW) == {}
    assert tee.adopt(Evidence(tee.name, {}), [key], NOW) == {}


@pytest.mark.parametrize(
    "key", [MACHINE.key, DEVICE.key, named_key("third", cose.ES512)], ids=lambda key: key.key_size
)
def test_an_anchor_is_given_in_each_form_that_makers_hand_out(key: ec.EllipticCurvePrivateKey) -> None:
    forms = [pem(key), spki(key), json.dumps(jwk(key)), json.dumps([{"pkey": jwk(key)}]), cose_key(key)]
    assert {anchor_key(form) for form in forms} == {spki(key)}
    assert CCA.anchor_key is PSA.anchor_key is anchor_key


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        json.dumps([{"pkey": jwk(MACHINE.key)}, {"pkey": jwk(DEVICE.key)}]),
        json.dumps({**jwk(MACHINE.key), "d": "AAAA"}),
        cose_key(MACHINE.key, **{"1": 1}),
        cose_key(MACHINE.key, **{"-1": 6}),
        cose_key(MACHINE.key, **{"-3": b"short"}),
        cose_key(MACHINE.key, **{"-3": True}),
        cose_key(MACHINE.key) + b"\0",
        b"\xa0",
        bytes(1 << 21),
        rsa.generate_private_key(65537, 2048)
        .public_key()
        .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    ],
    ids=range(13),
)
def test_what_is_no_one_key_is_no_anchor(data: bytes) -> None:
    with pytest.raises(UsageError):
        anchor_key(data)


@given(st.binary(max_size=100))
def test_arbitrary_bytes_are_a_named_error(data: bytes) -> None:
    for first in (b"", b"{", b"\xa4", b"\x30"):
        with pytest.raises(TteeError):
            anchor_key(first + data)
