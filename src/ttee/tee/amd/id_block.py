# SPDX-License-Identifier: Apache-2.0
"""How a report names the keys that signed for its guest: the digests in `id_key_digest`, `author_key_digest`."""

from __future__ import annotations

import struct
from hashlib import sha384

from cryptography.hazmat.primitives.asymmetric import ec

from ttee.errors import UsageError

SOURCE = "AMD 56860, section Public key formats (ECDSA P-384)"
_P384 = 2
_PUBLIC_KEY = struct.Struct("<I72s72s880x")


def key_digest(key: ec.EllipticCurvePublicKey) -> bytes:
    """The 48 bytes by which reports name `key`. Raises UsageError for a key that is not on P-384."""
    if not isinstance(key.curve, ec.SECP384R1):
        raise UsageError(f"ID and author keys are on P-384, this one is on {key.curve.name}", source=SOURCE)
    point = key.public_numbers()
    return sha384(
        _PUBLIC_KEY.pack(_P384, point.x.to_bytes(72, "little"), point.y.to_bytes(72, "little"))
    ).digest()
