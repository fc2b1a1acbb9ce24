# SPDX-License-Identifier: Apache-2.0
"""Sealed blobs: what an app keeps for its later runs (docs/spec/app-abi.md, "Sealed blob").

XChaCha20-Poly1305 comes from PyNaCl: `cryptography` has the 12-byte nonce only, too short to be drawn at random.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from enum import IntEnum
from typing import Final, TypeAlias

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

KEY: Final = 32
TAG: Final = 16
_HEADER: Final = struct.Struct("<8sB7xQ24s")
OVERHEAD: Final = _HEADER.size + TAG
"""A blob is this many bytes longer than its content."""
_MAGIC: Final = b"TTEESEAL"
_PATH: Final = b"ttee/seal/1"
_APP_PATH: Final = b"ttee/derive/1"


class KeyPolicy(IntEnum):
    """What a key is bound to."""

    MEASUREMENT = 0
    AUTHORITY = 1


Derive: TypeAlias = Callable[[KeyPolicy, int, bytes], bytes | None]
"""The TEE's key derivation, of policy, svn and path: 32 bytes, or None when this app may not have them."""


class Sealer:
    """Seals and derives keys for one app."""

    def __init__(
        self,
        derive: Derive,
        *,
        policy: KeyPolicy,
        svn: int,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """`policy` and `svn`: what new keys are bound to; the TEE must grant them."""
        self._derive = derive
        self._policy = policy
        self._svn = svn
        self._random = random

    def app_key(self, path: bytes) -> bytes:
        """The app's own key of that path, 32 bytes; paths of their own keep it apart from those of sealing."""
        return self._own_key(_APP_PATH + path)

    def seal(self, content: bytes) -> bytes:
        """The blob: `OVERHEAD` bytes longer than its content."""
        nonce = self._random(24)
        header = _HEADER.pack(_MAGIC, self._policy, self._svn, nonce)
        return header + crypto_aead_xchacha20poly1305_ietf_encrypt(
            content, header, nonce, self._own_key(_PATH)
        )

    def unseal(self, blob: bytes) -> bytes | None:
        """The content, or None when this app did not seal it here, or somebody altered it."""
        if len(blob) < OVERHEAD:
            return None
        header = blob[: _HEADER.size]
        magic, policy, svn, nonce = _HEADER.unpack(header)
        if magic != _MAGIC or policy not in list(KeyPolicy) or any(header[9:16]):
            return None
        key = self._derive(KeyPolicy(policy), svn, _PATH)
        if key is None:
            return None
        try:
            return crypto_aead_xchacha20poly1305_ietf_decrypt(blob[_HEADER.size :], header, nonce, key)
        except CryptoError:
            return None

    def _own_key(self, path: bytes) -> bytes:
        key = self._derive(self._policy, self._svn, path)
        if key is None:
            raise RuntimeError("the TEE refuses the app its own keys")
        return key
