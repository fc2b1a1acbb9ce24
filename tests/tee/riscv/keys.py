# SPDX-License-Identifier: Apache-2.0
"""What the boot ROM derives from a known device secret, recomputed (docs/spec/riscv.md, sections 2 and 3)."""

from __future__ import annotations

import hashlib
import hmac

from attrs import frozen

from ttee.tee.keystone.eddsa import public_key


def sha3(*parts: bytes) -> bytes:
    return hashlib.sha3_512(b"".join(parts)).digest()


def hkdf(ikm: bytes, salt: bytes, info: bytes) -> bytes:
    prk = hmac.digest(salt or bytes(64), ikm, "sha3_512")
    return hmac.digest(prk, info + b"\x01", "sha3_512")[:32]


@frozen
class Keys:
    """The chain of one device with one monitor. `authority` is the monitor's maker, if it is signed."""

    device_secret: bytes
    monitor_hash: bytes
    authority: bytes = b""
    mode: int = 1

    @property
    def _who(self) -> bytes:
        return (sha3(self.authority) if self.authority else self.monitor_hash) + bytes([self.mode])

    @property
    def device_public(self) -> bytes:
        return public_key(hkdf(self.device_secret, b"", b"ttee/device-key/1"))

    @property
    def monitor_public(self) -> bytes:
        cdi = hkdf(self.device_secret, sha3(self.monitor_hash, self._who), b"CDI_Attest")
        return public_key(hkdf(cdi, b"", b"ttee/monitor-key/1"))

    @property
    def cdi_seal(self) -> bytes:
        return hkdf(self.device_secret, sha3(self._who), b"CDI_Seal")

    def seal_by_measurement(self, measurement: bytes, path: bytes) -> bytes:
        return hkdf(self.cdi_seal, measurement, b"ttee/seal/measurement/1" + path)

    def seal_by_authority(self, authority: bytes, svn: int, path: bytes) -> bytes:
        salt = sha3(authority, svn.to_bytes(8, "little"))
        return hkdf(self.cdi_seal, salt, b"ttee/seal/authority/1" + path)
