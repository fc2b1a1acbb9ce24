# SPDX-License-Identifier: Apache-2.0
"""Arm in software: CCA platforms with realms, and PSA devices, whose tokens can have any fault asked for.

machine = Machine.named("a server")
token = machine.token(challenge=nonce)               # CCA
endorsements = machine.endorsements()                # pins the machine's CPAK
device = Device.named("a sensor")
token = device.token(nonce=nonce)                    # PSA
"""

from __future__ import annotations

from hashlib import new, sha256, sha384, sha512
from typing import Any

from attrs import evolve, field, frozen
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ttee.codec import cbor, cose
from ttee.model import Anchor, Assurance, Endorsements
from ttee.tee.arm.cca import claims
from ttee.tee.arm.cca import evidence as cca
from ttee.tee.arm.fields import Component
from ttee.tee.arm.psa import evidence as psa

SECURED = 0x3000
CURVES: dict[int, ec.EllipticCurve] = {
    cose.ES256: ec.SECP256R1(),
    cose.ES384: ec.SECP384R1(),
    cose.ES512: ec.SECP521R1(),
}


def named_key(name: str, algorithm: int = cose.ES384) -> ec.EllipticCurvePrivateKey:
    """The same key each time: whoever knows the name holds it."""
    secret = int.from_bytes(sha384(b"ttee/testing/arm/1" + name.encode()).digest()[:31]) + 1
    return ec.derive_private_key(secret, CURVES[algorithm])


def spki(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The SubjectPublicKeyInfo of a key."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def instance_id(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The id of a device, made from its key as Arm recommends."""
    return b"\x01" + sha256(spki(key)).digest()


def component(kind: str, version: str = "1.0.0") -> Component:
    """A software component with made-up measurement and signer."""
    return Component(
        kind, sha256(f"{kind} {version}".encode()).digest(), sha256(b"signer").digest(), version, "sha-256"
    )


@frozen(slots=True)
class Machine:
    """A CCA platform: its key (CPAK), and the key of the monitor that runs on it (RAK)."""

    name: str
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    monitor_key: ec.EllipticCurvePrivateKey = field(repr=False)
    profile: str = claims.PROFILE_2022

    @classmethod
    def named(cls, name: str, profile: str = claims.PROFILE_2022) -> Machine:
        """The same machine each time."""
        return cls(name, named_key(f"{name}/cpak"), named_key(f"{name}/rak"), profile)

    def realm_key(self) -> bytes:
        """The monitor's public key, encoded as the profile asks for."""
        numbers = self.monitor_key.public_key().public_numbers()
        x, y = numbers.x.to_bytes(48), numbers.y.to_bytes(48)
        if self.profile == claims.PROFILE_2022:
            return b"\x04" + x + y
        return cbor.dumps_vendor({1: 2, -1: 2, -2: x, -3: y})

    def realm(self, **fields: Any) -> claims.Realm:
        """What the monitor says of a realm; `fields` replace those of `Realm`."""
        usual: dict[str, Any] = {
            "challenge": bytes(64),
            "personalization": bytes(64),
            "hash_name": "sha-512",
            "initial_measurement": sha512(b"a realm").digest(),
            "extensible_measurements": (bytes(64),) * claims.REGISTERS,
            "public_key": self.realm_key(),
            "public_key_hash": "sha-256",
            "profile": claims.PROFILES.get(self.profile),
            "memory_encryption": "private" if self.profile == claims.PROFILE_2024 else None,
        }
        return claims.Realm(**usual | fields)

    def platform(self, realm: claims.Realm | None = None, **fields: Any) -> claims.Platform:
        """What the platform says of itself, bound to `realm`; `fields` replace those of `Platform`."""
        realm = realm or self.realm()
        usual: dict[str, Any] = {
            "profile": self.profile,
            "challenge": new(realm.public_key_hash.replace("-", ""), realm.public_key).digest(),
            "implementation_id": sha256(b"an implementation").digest(),
            "instance_id": instance_id(self.key),
            "config": b"\x01",
            "lifecycle": SECURED,
            "hash_name": "sha-256",
            "components": (component("BL2"), component("RMM")),
            "service": "https://verifier.example",
        }
        return claims.Platform(**usual | fields)

    def sign(
        self,
        platform: bytes,
        realm: bytes,
        *,
        tag: int = cca.LEGACY,
        platform_faults: dict[str, Any] | None = None,
        realm_faults: dict[str, Any] | None = None,
    ) -> bytes:
        """A token over payloads as they stand; the faults replace fields of `cose.Sign1`."""
        parts = [
            cose.encode(evolve(cose.sign(payload, key), **faults or {}), tagged=True)
            for payload, key, faults in (
                (platform, self.key, platform_faults),
                (realm, self.monitor_key, realm_faults),
            )
        ]
        return cca.encode_token(cca.Token(tag, *parts))

    def token(self, *, platform: dict[str, Any] | None = None, **fields: Any) -> bytes:
        """A signed token; `fields` replace those of `Realm`, `platform` those of `Platform`."""
        realm = self.realm(**fields)
        below = self.platform(realm, **platform or {})
        tag = cca.LEGACY if self.profile == claims.PROFILE_2022 else cca.COLLECTION
        return self.sign(claims.encode_platform(below), claims.encode_realm(realm), tag=tag)

    def anchor(self, assurance: Assurance = Assurance.SIMULATED) -> Anchor:
        """What a policy holds that pins this machine."""
        return Anchor(cca.NAME, spki(self.key), assurance, "made by ttee.testing")

    def endorsements(self, **documents: bytes) -> Endorsements:
        """All that a token needs."""
        return Endorsements(anchors=(self.anchor(),), documents=documents)


@frozen(slots=True)
class Device:
    """A PSA device and its key (IAK)."""

    name: str
    algorithm: int
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def named(cls, name: str, algorithm: int = cose.ES256) -> Device:
        """The same device each time."""
        return cls(name, algorithm, named_key(f"{name}/iak", algorithm))

    def content(self, **fields: Any) -> psa.Token:
        """What the device says; `fields` replace those of `Token`."""
        usual: dict[str, Any] = {
            "profile": psa.PROFILES[0],
            "nonce": bytes(32),
            "instance_id": instance_id(self.key),
            "implementation_id": sha256(b"a chip").digest(),
            "client_id": 1,
            "lifecycle": SECURED,
            "components": (component("SPE"), component("NSPE")),
            "boot_seed": sha256(b"a boot").digest(),
            "certification": "0604565272829-10010",
            "service": "https://verifier.example",
        }
        return psa.Token(**usual | fields)

    def sign(self, payload: bytes, **faults: Any) -> bytes:
        """A token over a payload as it stands; `faults` replace the fields of `cose.Sign1`."""
        signed = cose.sign(payload, self.key, algorithm=self.algorithm)
        return cose.encode(evolve(signed, **faults), tagged=True)

    def token(self, **fields: Any) -> bytes:
        """A signed token; `fields` replace those of `Token`."""
        return self.sign(psa.encode(self.content(**fields)))

    def anchor(self, assurance: Assurance = Assurance.SIMULATED) -> Anchor:
        """What a policy holds that pins this device."""
        return Anchor(psa.NAME, spki(self.key), assurance, "made by ttee.testing")

    def endorsements(self, **documents: bytes) -> Endorsements:
        """All that a token needs."""
        return Endorsements(anchors=(self.anchor(),), documents=documents)
