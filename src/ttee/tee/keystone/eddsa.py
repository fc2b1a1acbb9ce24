# SPDX-License-Identifier: Apache-2.0
"""Keystone's signatures: `eddsa-ed25519-sha3-512-keystone`.

EdDSA over edwards25519 as in RFC 8032, section 5.1, with SHA3-512 wherever the RFC has SHA-512
(keystone:sm/src/ed25519). No library verifies that, so this module does it over libsodium's group operations.

`verify` is stricter than Keystone's own, so that nobody can make a second signature out of a first one:
- S < L, so S + L is refused (Keystone looks at three bits of S only).
- A is canonical, on the curve, and in the subgroup of prime order: no point of small or mixed order.
- R is compared as bytes with [S]B - [h]A, which is canonical and in that subgroup; the identity is refused.

`sign` is not constant-time in Python: it is for tests and simulations, and no production key belongs here.
"""

from __future__ import annotations

from hashlib import sha3_512

from nacl.bindings import (
    crypto_core_ed25519_is_valid_point,
    crypto_core_ed25519_scalar_add,
    crypto_core_ed25519_scalar_mul,
    crypto_core_ed25519_scalar_reduce,
    crypto_core_ed25519_sub,
    crypto_scalarmult_ed25519_base_noclamp,
    crypto_scalarmult_ed25519_noclamp,
)
from nacl.exceptions import RuntimeError as SodiumError

from ttee.errors import SignatureError, WeakKeyError

ALGORITHM = "eddsa-ed25519-sha3-512-keystone"
SOURCE = "RFC 8032, section 5.1.7, with SHA3-512; keystone:sm/src/ed25519"

L = 2**252 + 27742317777372353535851937790883648493
"""The order of the base point (RFC 8032, section 5.1)."""

_IDENTITY = b"\x01" + bytes(31)


def public_key(seed: bytes) -> bytes:
    """The 32-byte public key of a 32-byte seed. Raises ValueError for another size."""
    secret, _ = _expand(seed)
    return crypto_scalarmult_ed25519_base_noclamp(secret)


def sign(seed: bytes, message: bytes) -> bytes:
    """The 64-byte signature R || S of `message` by the key of `seed` (32 bytes)."""
    secret, prefix = _expand(seed)
    public = crypto_scalarmult_ed25519_base_noclamp(secret)
    r = crypto_core_ed25519_scalar_reduce(sha3_512(prefix + message).digest())
    big_r = crypto_scalarmult_ed25519_base_noclamp(r)
    h = crypto_core_ed25519_scalar_reduce(sha3_512(big_r + public + message).digest())
    return big_r + crypto_core_ed25519_scalar_add(r, crypto_core_ed25519_scalar_mul(h, secret))


def verify(public: bytes, signature: bytes, message: bytes) -> None:
    """Return if `signature` (64 bytes) is that of `message` by `public` (32 bytes).

    Raises SignatureError if it is not, WeakKeyError if `public` is not a key that anybody should use.
    """
    if len(signature) != 64:
        raise SignatureError(f"a signature has 64 bytes, this one has {len(signature)}", source=SOURCE)
    big_r, s = signature[:32], signature[32:]
    if int.from_bytes(s, "little") >= L:
        raise SignatureError(
            "the signature's S is not below the group's order: it was altered", source=SOURCE
        )
    h = crypto_core_ed25519_scalar_reduce(sha3_512(big_r + public + message).digest())
    try:
        expected = crypto_core_ed25519_sub(
            crypto_scalarmult_ed25519_base_noclamp(s), crypto_scalarmult_ed25519_noclamp(h, public)
        )
    except (SodiumError, ValueError, TypeError):
        check_public_key(public)
        raise SignatureError("the signature is degenerate: S is zero", source=SOURCE) from None
    if expected != big_r or big_r == _IDENTITY:
        raise SignatureError("the signature does not verify", source=SOURCE)


def check_public_key(public: bytes) -> None:
    """Return if `public` is canonical, on the curve, and of prime order; else raise WeakKeyError."""
    if len(public) != 32:
        raise WeakKeyError(f"a public key has 32 bytes, this one has {len(public)}", source=SOURCE)
    if not crypto_core_ed25519_is_valid_point(public):
        raise WeakKeyError(
            f"{public.hex()} is not a public key: not canonical, not on the curve, or not of prime order",
            source=SOURCE,
        )


def _expand(seed: bytes) -> tuple[bytes, bytes]:
    """Secret scalar (clamped, then reduced, as libsodium wants it) and prefix: RFC 8032, section 5.1.5."""
    if len(seed) != 32:
        raise ValueError(f"a seed has 32 bytes, this one has {len(seed)}")
    digest = sha3_512(seed).digest()
    clamped = bytes([digest[0] & 0xF8]) + digest[1:31] + bytes([digest[31] & 0x3F | 0x40])
    return crypto_core_ed25519_scalar_reduce(clamped + bytes(32)), digest[32:]
