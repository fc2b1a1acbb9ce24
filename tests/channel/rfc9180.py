# SPDX-License-Identifier: Apache-2.0
"""RFC 9180's base mode for our one suite, written from the RFC's text: a second opinion on the library's."""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

_KEM = b"KEM" + (0x0020).to_bytes(2, "big")
_HPKE = b"HPKE" + b"".join(n.to_bytes(2, "big") for n in (0x0020, 0x0001, 0x0003))


def hkdf_sha256(ikm: bytes, info: bytes, size: int = 32) -> bytes:
    """RFC 5869 with an empty salt."""
    return _expand(_extract(b"", ikm), info, size)


def sender(ephemeral: bytes, recipient_public: bytes, info: bytes) -> tuple[bytes, bytes, bytes]:
    """SetupBaseS with a chosen ephemeral key: enc, key, base nonce (section 5.1.1)."""
    secret = X25519PrivateKey.from_private_bytes(ephemeral)
    enc = secret.public_key().public_bytes_raw()
    dh = secret.exchange(X25519PublicKey.from_public_bytes(recipient_public))
    return (enc, *_schedule(_shared(dh, enc + recipient_public), info))


def recipient(enc: bytes, private: bytes, info: bytes) -> tuple[bytes, bytes]:
    """SetupBaseR: key, base nonce."""
    secret = X25519PrivateKey.from_private_bytes(private)
    dh = secret.exchange(X25519PublicKey.from_public_bytes(enc))
    return _schedule(_shared(dh, enc + secret.public_key().public_bytes_raw()), info)


def _shared(dh: bytes, context: bytes) -> bytes:
    """ExtractAndExpand, section 4.1."""
    prk = _labeled_extract(_KEM, b"", b"eae_prk", dh)
    return _labeled_expand(_KEM, prk, b"shared_secret", context, 32)


def _schedule(shared_secret: bytes, info: bytes) -> tuple[bytes, bytes]:
    """KeySchedule in mode 0, section 5.1."""
    context = (
        b"\0"
        + _labeled_extract(_HPKE, b"", b"psk_id_hash", b"")
        + _labeled_extract(_HPKE, b"", b"info_hash", info)
    )
    secret = _labeled_extract(_HPKE, shared_secret, b"secret", b"")
    return _labeled_expand(_HPKE, secret, b"key", context, 32), _labeled_expand(
        _HPKE, secret, b"base_nonce", context, 12
    )


def _labeled_extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return _extract(salt, b"HPKE-v1" + suite + label + ikm)


def _labeled_expand(suite: bytes, prk: bytes, label: bytes, info: bytes, size: int) -> bytes:
    return _expand(prk, size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, size)


def _extract(salt: bytes, ikm: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), ikm, sha256)


def _expand(prk: bytes, info: bytes, size: int) -> bytes:
    assert size <= 32
    return hmac.digest(prk, info + b"\1", sha256)[:size]


class Vector(NamedTuple):
    """One base-mode vector; `ciphertext` is that of sequence number 0."""

    info: bytes
    ephemeral: bytes
    recipient: bytes
    recipient_public: bytes
    enc: bytes
    key: bytes
    base_nonce: bytes
    plaintext: bytes
    aad: bytes
    ciphertext: bytes


# RFC 9180, appendix A.2.1: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305
A_2_1 = Vector(
    info=b"Ode on a Grecian Urn",
    ephemeral=bytes.fromhex("f4ec9b33b792c372c1d2c2063507b684ef925b8c75a42dbcbf57d63ccd381600"),
    recipient=bytes.fromhex("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb"),
    recipient_public=bytes.fromhex("4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a"),
    enc=bytes.fromhex("1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a"),
    key=bytes.fromhex("ad2744de8e17f4ebba575b3f5f5a8fa1f69c2a07f6e7500bc60ca6e3e3ec1c91"),
    base_nonce=bytes.fromhex("5c4d98150661b848853b547f"),
    plaintext=b"Beauty is truth, truth beauty",
    aad=b"Count-0",
    ciphertext=bytes.fromhex(
        "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28"
    ),
)
