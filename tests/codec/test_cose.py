# SPDX-License-Identifier: Apache-2.0
"""A COSE_Sign1 has one signer, one protected algorithm and its payload inside; any other is refused by name."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from ttee.codec import cbor, cose
from ttee.errors import MalformedEvidenceError, SignatureError, TteeError

KEYS = {
    cose.ES256: ec.derive_private_key(7, ec.SECP256R1()),
    cose.ES384: ec.derive_private_key(7, ec.SECP384R1()),
    cose.ES512: ec.derive_private_key(7, ec.SECP521R1()),
}
KEY = KEYS[cose.ES384]
MESSAGE = cose.sign(b"a payload", KEY)
PROTECTED = MESSAGE.protected


def parse(data: bytes, **options: Any) -> cose.Sign1:
    return cose.parse(data, what="the document", max_size=10_000, **options)


def refused(*items: cbor.VendorValue, **options: Any) -> TteeError:
    with pytest.raises(MalformedEvidenceError) as caught:
        parse(cbor.dumps_vendor([*items]), **options)
    assert "the document" in (caught.value.where or "")
    return caught.value


@pytest.mark.parametrize("algorithm", cose.ALGORITHMS)
@pytest.mark.parametrize("tagged", [True, False])
def test_what_a_key_signs_verifies_with_and_without_the_tag(algorithm: int, tagged: bool) -> None:
    key = KEYS[algorithm]
    signed = cose.sign(b"a payload", key, algorithm=algorithm, headers={4: b"a key id"}, external_aad=b"aad")
    message = parse(cose.encode(signed, tagged=tagged))
    assert message == signed
    assert message.headers == {1: algorithm, 4: b"a key id"}
    cose.verify(message, key.public_key(), external_aad=b"aad")
    with pytest.raises(SignatureError, match="does not verify"):
        cose.verify(message, key.public_key())


def test_the_signed_bytes_are_those_of_rfc_9052() -> None:
    signed = bytes.fromhex("846a5369676e61747572653144a1013822404961207061796c6f6164")
    assert MESSAGE.signed() == signed


def test_every_flipped_bit_of_protected_header_payload_and_signature_is_refused() -> None:
    encoded = cose.encode(MESSAGE)
    untouched = encoded.index(cbor.dumps_vendor({}), 6)  # the unprotected header is nobody's word
    for bit in range(0, 8 * len(encoded), 3):
        if bit // 8 == untouched:
            continue
        altered = bytearray(encoded)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises((MalformedEvidenceError, SignatureError)):
            cose.verify(parse(bytes(altered)), KEY.public_key())


def test_another_key_has_not_signed_it() -> None:
    with pytest.raises(SignatureError, match="does not verify"):
        cose.verify(MESSAGE, ec.derive_private_key(8, ec.SECP384R1()).public_key())


def test_a_key_on_another_curve_is_refused() -> None:
    with pytest.raises(SignatureError, match="ES384 needs a key on secp384r1, this one is on secp256r1"):
        cose.verify(MESSAGE, KEYS[cose.ES256].public_key())


@pytest.mark.parametrize("signature", [b"", bytes(95), bytes(97), b"\x30\x65" + bytes(101)])
def test_a_signature_is_r_and_s_and_not_der(signature: bytes) -> None:
    with pytest.raises(SignatureError, match="has 96 bytes"):
        cose.verify(evolve(MESSAGE, signature=signature), KEY.public_key())


@pytest.mark.parametrize("fill", [b"\x00", b"\xff"])
def test_an_r_and_s_out_of_range_verify_nothing(fill: bytes) -> None:
    with pytest.raises(SignatureError, match="does not verify"):
        cose.verify(evolve(MESSAGE, signature=fill * 96), KEY.public_key())


def test_it_is_an_array_of_four() -> None:
    assert "array of four" in refused(PROTECTED, {}, b"p").message
    assert "array of four" in refused(PROTECTED, {}, b"p", b"s", b"more").message
    with pytest.raises(MalformedEvidenceError, match="array of four"):
        parse(cbor.dumps_vendor({}))


def test_each_of_the_four_has_its_kind() -> None:
    assert "headers" in refused("text", {}, b"p", b"s").message
    assert "headers" in refused(PROTECTED, b"", b"p", b"s").message
    assert "payload and signature" in refused(PROTECTED, {}, None, b"s").message  # detached
    assert "payload and signature" in refused(PROTECTED, {}, b"p", []).message
    assert "not a map" in refused(cbor.dumps_vendor([]), {}, b"p", b"s").message


def test_only_the_algorithms_that_are_asked_for_are_taken() -> None:
    headers: list[cbor.VendorValue] = [{}, {1: -8}, {1: "ES384"}, {1: True}, {1: None}, {4: b"kid"}]
    for header in headers:
        assert "names the algorithm" in refused(cbor.dumps_vendor(header), {}, b"p", b"s").message
    assert "names the algorithm None" in refused(b"", {}, b"p", b"s").message
    assert "ES512 (-36)" in refused(PROTECTED, {}, b"p", b"s", algorithms=(cose.ES512,)).message


def test_an_algorithm_that_is_not_protected_does_not_count() -> None:
    assert "names the algorithm None" in refused(cbor.dumps_vendor({}), {1: -35}, b"p", b"s").message


def test_a_header_that_stands_in_both_places_is_refused() -> None:
    assert "both protected and unprotected" in refused(PROTECTED, {1: -35}, b"p", b"s").message


def test_critical_headers_are_refused_wherever_they_stand() -> None:
    critical = cbor.dumps_vendor({1: -35, 2: [4]})
    assert "critical" in refused(critical, {}, b"p", b"s").message
    assert "critical" in refused(PROTECTED, {2: [4]}, b"p", b"s").message


def test_other_tags_and_two_tags_are_refused() -> None:
    encoded = cose.encode(MESSAGE)
    for head in (cbor.tag_head(17), cbor.tag_head(98), cose.TAG * 2):
        with pytest.raises(MalformedEvidenceError, match="tag"):
            parse(head + encoded)


def test_bytes_behind_it_are_refused() -> None:
    with pytest.raises(MalformedEvidenceError, match="1 bytes after its end"):
        parse(cose.encode(MESSAGE) + b"\0")


def test_an_oversized_one_is_refused_before_it_is_read() -> None:
    with pytest.raises(MalformedEvidenceError, match="at most 10000"):
        parse(bytes(10_001))


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=300),
    st.binary(max_size=300),
    st.binary(max_size=300),
    st.integers(0, 920),
    st.binary(max_size=3),
)
def test_the_usual_form_reads_as_any_other(
    one: bytes, two: bytes, three: bytes, at: int, noise: bytes
) -> None:
    """The short way takes nothing that the long way refuses, and reads the same."""
    usual = cbor.dumps_vendor([one, {}, two, three])
    for data in (usual, usual[:at] + noise + usual[at + len(noise) :], usual[:at], usual + noise):
        found = cose._usual_form(data)
        if found is not None:
            again = cbor.loads_vendor(data, what="it", max_size=1000)
            assert again == [found[0], {}, found[1], found[2]]
        else:
            assert data != usual


def test_a_large_message_is_read_the_long_way() -> None:
    large = cose.sign(bytes(70_000), KEY)
    assert cose._usual_form(cose.encode(large)) is None
    assert cose.parse(cose.encode(large), what="it", max_size=100_000) == large


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=120), st.integers(0, 200))
def test_any_bytes_and_any_truncation_end_in_a_named_error(data: bytes, cut: int) -> None:
    for hostile in (data, b"\x84" + data, cose.encode(MESSAGE)[:cut] + data):
        try:
            message = parse(hostile)
        except MalformedEvidenceError:
            continue
        assert cose.encode(message) in (hostile, hostile[1:])
