# SPDX-License-Identifier: Apache-2.0
"""A Keystone device and monitor in software, to make reports with.

device = Device.random()
monitor = device.boot(b"my monitor")
report = monitor.report(enclave_hash, data)      # a Report; `evidence.encode` gives its bytes
"""

from __future__ import annotations

import os
from hashlib import sha3_512

from attrs import field, frozen

from ttee.model import Anchor, Assurance
from ttee.tee.keystone import eddsa
from ttee.tee.keystone.evidence import MAX_DATA, Report


@frozen(slots=True)
class Device:
    """A device: a 32-byte seed, and the key pair made from it."""

    seed: bytes = field(repr=False)

    @classmethod
    def random(cls) -> Device:
        """A device like no other."""
        return cls(os.urandom(32))

    @classmethod
    def named(cls, name: str) -> Device:
        """The same device each time: whoever knows the name holds its key."""
        return cls(sha3_512(b"ttee/testing/device/1" + name.encode()).digest()[:32])

    @property
    def key(self) -> bytes:
        """The public key."""
        return eddsa.public_key(self.seed)

    def anchor(self, tee: str, assurance: Assurance = Assurance.EMULATED) -> Anchor:
        """What a policy holds that pins this device for `tee`."""
        return Anchor(tee, self.key, assurance, "made by ttee.testing")

    def boot(self, monitor: bytes) -> Monitor:
        """Measure a monitor's image and make its key."""
        return self.boot_measured(sha3_512(monitor).digest())

    def boot_measured(self, monitor_hash: bytes) -> Monitor:
        """The same, for a measurement (64 bytes) that the caller chooses."""
        seed = sha3_512(self.seed + monitor_hash).digest()[:32]
        key = eddsa.public_key(seed)
        return Monitor(seed, monitor_hash, key, eddsa.sign(self.seed, monitor_hash + key), self.key)


@frozen(slots=True)
class Monitor:
    """A monitor as one device endorsed it."""

    seed: bytes = field(repr=False)
    hash: bytes
    key: bytes
    signature: bytes
    device_key: bytes

    def report(self, enclave_hash: bytes, data: bytes) -> Report:
        """A report over an enclave's measurement (64 bytes) and up to 1024 bytes of data."""
        signed = enclave_hash + len(data).to_bytes(8, "little") + data
        return Report(
            enclave_hash=enclave_hash,
            data=data,
            slack=bytes(MAX_DATA - len(data)),
            enclave_signature=eddsa.sign(self.seed, signed),
            sm_hash=self.hash,
            sm_public_key=self.key,
            sm_signature=self.signature,
            device_key=self.device_key,
        )
