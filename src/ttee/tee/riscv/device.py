# SPDX-License-Identifier: Apache-2.0
"""This machine's own device, made of its secret (UDS).

Whoever can read that secret can forge any report; on an emulated machine that is its owner anyway.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.hashes import SHA3_512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ttee.tee.keystone import eddsa
from ttee.tee.secret import device_secret

__all__ = ["device_key", "device_secret"]

_INFO: Final = b"ttee/device-key/1"


def device_key(secret: bytes) -> bytes:
    """The device's public key, 32 bytes (docs/spec/riscv.md, section 2): what a policy pins."""
    seed = HKDF(SHA3_512(), 32, salt=None, info=_INFO).derive(secret)
    return eddsa.public_key(seed)
