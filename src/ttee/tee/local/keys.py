# SPDX-License-Identifier: Apache-2.0
"""Keys of apps in the local TEE (docs/spec/local.md, section "Keys"). The machine's owner can make them all."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ttee.guest.sealing import Derive, KeyPolicy, Sealer

if TYPE_CHECKING:
    from ttee.app.bundle import Bundle


def sealer_for(bundle: Bundle, secret: bytes) -> Sealer:
    """What seals for this app: bound to its authority and security version, or else to its measurement."""
    policy = KeyPolicy.AUTHORITY if bundle.authority else KeyPolicy.MEASUREMENT
    return Sealer(derivation(bundle, secret), policy=policy, svn=bundle.svn)


def derivation(bundle: Bundle, secret: bytes) -> Derive:
    """The keys that this app may have."""
    measurement = bundle.measurement

    def derive(policy: KeyPolicy, svn: int, path: bytes) -> bytes | None:
        if policy is KeyPolicy.MEASUREMENT:
            return _hkdf(secret, measurement, b"ttee/seal/measurement/1" + path)
        if not bundle.authority or svn > bundle.svn:
            return None
        salt = hashlib.sha384(bundle.authority + svn.to_bytes(8, "little")).digest()
        return _hkdf(secret, salt, b"ttee/seal/authority/1" + path)

    return derive


def _hkdf(secret: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(SHA384(), 32, salt=salt, info=info).derive(secret)
