# SPDX-License-Identifier: Apache-2.0
"""No second signature can be made out of a first one; degenerate keys and signatures are refused by name."""

from __future__ import annotations

from hashlib import sha3_512, sha512

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tee.keystone import reference
from ttee.errors import SignatureError, WeakKeyError
from ttee.tee.keystone import eddsa

SEED = bytes(range(32))
PUBLIC = eddsa.public_key(SEED)
MESSAGE = b"the monitor and its key"
SIGNATURE = eddsa.sign(SEED, MESSAGE)


def sha3(data: bytes) -> bytes:
    return sha3_512(data).digest()


@settings(max_examples=5, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=100))
def test_the_reference_is_rfc_8032_and_ours_is_the_reference_with_sha3(seed: bytes, message: bytes) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    assert reference.sign(seed, message, lambda data: sha512(data).digest()) == (public, key.sign(message))
    assert reference.sign(seed, message, sha3) == (eddsa.public_key(seed), eddsa.sign(seed, message))


@settings(max_examples=50, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=1200))
def test_what_a_key_signs_verifies(seed: bytes, message: bytes) -> None:
    eddsa.verify(eddsa.public_key(seed), eddsa.sign(seed, message), message)


def test_a_plain_ed25519_signature_is_not_one_of_keystone() -> None:
    key = Ed25519PrivateKey.from_private_bytes(SEED)
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    with pytest.raises(SignatureError):
        eddsa.verify(public, key.sign(MESSAGE), MESSAGE)


def test_every_flipped_bit_of_a_signature_is_refused() -> None:
    for bit in range(512):
        altered = bytearray(SIGNATURE)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SignatureError):
            eddsa.verify(PUBLIC, bytes(altered), MESSAGE)


def test_every_flipped_bit_of_a_key_is_refused() -> None:
    for bit in range(256):
        altered = bytearray(PUBLIC)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises((SignatureError, WeakKeyError)):
            eddsa.verify(bytes(altered), SIGNATURE, MESSAGE)


def test_the_malleated_signature_that_keystone_takes_is_refused() -> None:
    s = int.from_bytes(SIGNATURE[32:], "little") + reference.L
    with pytest.raises(SignatureError, match="not below"):
        eddsa.verify(PUBLIC, SIGNATURE[:32] + s.to_bytes(32, "little"), MESSAGE)


@pytest.mark.parametrize("index", range(8))
def test_a_key_of_small_order_signs_for_nobody(index: int) -> None:
    """Under such a key the identity as R and zero as S would verify every eighth message."""
    weak = reference.encode(reference.torsion_points()[index])
    for r in reference.torsion_points():
        with pytest.raises(WeakKeyError):
            eddsa.verify(weak, reference.encode(r) + bytes(32), MESSAGE)
    with pytest.raises(WeakKeyError):
        eddsa.check_public_key(weak)


def test_a_key_with_a_part_of_small_order_is_refused() -> None:
    for torsion in reference.torsion_points()[1:]:
        mixed = reference.encode(reference.add(reference.decode(PUBLIC), torsion))
        with pytest.raises(WeakKeyError):
            eddsa.verify(mixed, SIGNATURE, MESSAGE)


def test_keys_that_are_not_canonical_are_refused() -> None:
    for y in range(19):  # y + p fits into 255 bits for these y only
        for sign in (0, 1):
            encoded = (reference.P + y | sign << 255).to_bytes(32, "little")
            with pytest.raises(WeakKeyError):
                eddsa.verify(encoded, SIGNATURE, MESSAGE)


def test_a_commitment_with_a_part_of_small_order_is_refused() -> None:
    """[8]S B = [8]R + [8]h A would hold: verifiers that multiply by the cofactor take it."""
    secret, prefix = reference.expand(SEED, sha3)
    r = int.from_bytes(sha3(prefix + MESSAGE), "little") % reference.L
    for torsion in reference.torsion_points()[1:]:
        big_r = reference.encode(reference.add(reference.multiply(r, reference.BASE), torsion))
        h = int.from_bytes(sha3(big_r + PUBLIC + MESSAGE), "little") % reference.L
        s = (r + h * secret) % reference.L
        with pytest.raises(SignatureError):
            eddsa.verify(PUBLIC, big_r + s.to_bytes(32, "little"), MESSAGE)


@pytest.mark.parametrize("y", [0, 1])
def test_commitments_of_small_order_are_refused_in_every_encoding(y: int) -> None:
    """The key's holder can choose R as the identity (S = hA); a strict verifier does not take it."""
    secret, _ = reference.expand(SEED, sha3)
    for encoded in (y, y + reference.P, y | 1 << 255, y + reference.P | 1 << 255):
        big_r = encoded.to_bytes(32, "little")
        h = int.from_bytes(sha3(big_r + PUBLIC + MESSAGE), "little") % reference.L
        with pytest.raises(SignatureError):
            eddsa.verify(PUBLIC, big_r + (h * secret % reference.L).to_bytes(32, "little"), MESSAGE)


def test_s_is_below_the_order_and_not_equal_to_it() -> None:
    assert eddsa.L == reference.L
    for s in (reference.L, reference.L + 1, 2**256 - 1):
        with pytest.raises(SignatureError, match="not below"):
            eddsa.verify(PUBLIC, SIGNATURE[:32] + s.to_bytes(32, "little"), MESSAGE)
    with pytest.raises(SignatureError, match="does not verify"):
        eddsa.verify(PUBLIC, SIGNATURE[:32] + (reference.L - 1).to_bytes(32, "little"), MESSAGE)


def test_a_zero_s_is_refused() -> None:
    with pytest.raises(SignatureError, match="zero"):
        eddsa.verify(PUBLIC, SIGNATURE[:32] + bytes(32), MESSAGE)


@pytest.mark.parametrize("size", [0, 63, 65])
def test_a_signature_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(SignatureError, match="64 bytes"):
        eddsa.verify(PUBLIC, bytes(size), MESSAGE)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(WeakKeyError, match="32 bytes"):
        eddsa.verify(bytes(size), SIGNATURE, MESSAGE)
    with pytest.raises(ValueError, match="seed has 32 bytes"):
        eddsa.public_key(bytes(size))
