# SPDX-License-Identifier: Apache-2.0
"""What the two parts of a CCA token claim, to and from typed structures. No cryptography.

Sources: RMM specification (DEN0137), section A7.2; draft-ffm-rats-cca-token, section 4.

    platform   10 challenge, 256 instance id, 265 profile, 2395 lifecycle, 2396 implementation id,
               2399 software components, 2400 verification service, 2401 configuration, 2402 hash algorithm
    realm      10 challenge, 265 profile, 44235 personalization, 44236 hash algorithm, 44237 public key,
               44238 initial measurement, 44239 extensible measurements, 44240 hash algorithm of the key
    of 2024    platform: 2394 client id; realm: 256 instance id, 44243 memory encryption policy
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from ttee.codec import cbor
from ttee.codec.cbor import VendorValue
from ttee.errors import MalformedEvidenceError
from ttee.model import ClaimValue
from ttee.tee.arm.fields import (
    DIGEST_SIZES,
    Component,
    Fields,
    encode_components,
    lifecycle_name,
    odd_sizes,
    software_claims,
)

SOURCE = "RMM specification (DEN0137), section A7.2; draft-ffm-rats-cca-token, section 4"
CHALLENGE = 64
REGISTERS = 4

PROFILE_2022 = "http://arm.com/CCA-SSD/1.0.0"
PROFILE_2023 = "tag:arm.com,2023:cca_platform#1.0.0"
PROFILE_2024 = "tag:arm.com,2024:cca_platform#2.0.0"
PROFILES: Mapping[str, str | None] = {
    PROFILE_2022: None,
    PROFILE_2023: "tag:arm.com,2023:realm#1.0.0",
    PROFILE_2024: "tag:arm.com,2024:realm#2.0.0",
}
"""Platform profiles, and the realm profile that goes with each; the first one's realms name none."""

_MEMORY_ENCRYPTION = ("shared", "private")
_CURVES = {1: ("P-256", 32), 2: ("P-384", 48), 3: ("P-521", 66)}


@frozen(slots=True)
class Platform:
    """What the platform says of itself."""

    profile: str
    challenge: bytes
    implementation_id: bytes
    instance_id: bytes
    config: bytes
    lifecycle: int
    hash_name: str
    components: tuple[Component, ...]
    service: str | None = None
    unread: tuple[str, ...] = ()
    """Claims that nobody here knows."""


@frozen(slots=True)
class Realm:
    """What the realm management monitor says of a realm."""

    challenge: bytes
    personalization: bytes
    hash_name: str
    initial_measurement: bytes
    extensible_measurements: tuple[bytes, ...]
    public_key: bytes
    """The realm attestation key as it was encoded, which is what the platform's challenge is the digest of."""
    public_key_hash: str
    profile: str | None = None
    memory_encryption: str | None = None
    unread: tuple[str, ...] = ()

    def point(self) -> tuple[str, bytes]:
        """Curve and x || y of the public key. Raises MalformedEvidenceError."""
        return _raw_point(self.public_key) if self.profile is None else _cose_key(self.public_key)


def parse_platform(payload: bytes) -> Platform:
    """The platform's claims. Raises MalformedEvidenceError."""
    fields = Fields(payload, "platform token", SOURCE)
    profile = fields.text(265, "profile")
    if profile not in PROFILES:
        raise fields.malformed(f"{ascii(profile)[:80]} is no profile that is known here", "profile")
    if 2394 in fields:
        fields.number(2394, "client id", range(1, 2))
    return Platform(
        profile=profile,
        challenge=fields.octets(10, "challenge", DIGEST_SIZES),
        implementation_id=fields.octets(2396, "implementation id", (32,)),
        instance_id=fields.instance_id(256, "instance id"),
        config=fields.octets(2401, "configuration", range(1, 4097)),
        lifecycle=fields.lifecycle(2395, "lifecycle"),
        hash_name=fields.hash_name(2402, "hash algorithm"),
        components=fields.components(2399, "software components"),
        service=fields.text(2400, "verification service") if 2400 in fields else None,
        unread=fields.unread,
    )


def encode_platform(platform: Platform) -> bytes:
    """What `parse_platform` reads."""
    value: dict[int | str, VendorValue] = {
        265: platform.profile,
        10: platform.challenge,
        2396: platform.implementation_id,
        256: platform.instance_id,
        2401: platform.config,
        2395: platform.lifecycle,
        2402: platform.hash_name,
        2399: encode_components(platform.components),
    }
    if platform.service is not None:
        value[2400] = platform.service
    if platform.profile == PROFILE_2024:
        value[2394] = 1
    return cbor.dumps_vendor(value)


def parse_realm(payload: bytes) -> Realm:
    """The realm's claims. Raises MalformedEvidenceError."""
    fields = Fields(payload, "realm token", SOURCE)
    profile = fields.text(265, "profile") if 265 in fields else None
    if profile not in PROFILES.values():
        raise fields.malformed(f"{ascii(profile)[:80]} is no profile that is known here", "profile")
    name = "extensible measurements"
    registers = fields.take(44239, name)
    if not isinstance(registers, list) or len(registers) != REGISTERS:
        raise fields.malformed(f"{name} are not {REGISTERS}", name)
    if 256 in fields:
        fields.instance_id(256, "instance id")
    policy = None
    if 44243 in fields:
        policy = _MEMORY_ENCRYPTION[fields.number(44243, "memory encryption policy", range(2))]
    return Realm(
        challenge=fields.octets(10, "challenge", (CHALLENGE,)),
        personalization=fields.octets(44235, "personalization", (64,)),
        hash_name=fields.hash_name(44236, "hash algorithm"),
        initial_measurement=fields.octets(44238, "initial measurement", DIGEST_SIZES),
        extensible_measurements=tuple(_register(fields, name, each) for each in registers),
        public_key=fields.octets(44237, "public key", range(1, 257)),
        public_key_hash=fields.hash_name(44240, "hash algorithm of the key"),
        profile=profile,
        memory_encryption=policy,
        unread=fields.unread,
    )


def _register(fields: Fields, name: str, value: VendorValue) -> bytes:
    if not isinstance(value, bytes) or len(value) not in DIGEST_SIZES:
        raise fields.malformed(f"one of the {name} is not 32, 48 or 64 bytes", name)
    return value


def encode_realm(realm: Realm) -> bytes:
    """What `parse_realm` reads."""
    value: dict[int | str, VendorValue] = {
        10: realm.challenge,
        44235: realm.personalization,
        44236: realm.hash_name,
        44237: realm.public_key,
        44238: realm.initial_measurement,
        44239: list(realm.extensible_measurements),
        44240: realm.public_key_hash,
    }
    if realm.profile is not None:
        value[265] = realm.profile
    if realm.memory_encryption is not None:
        value[44243] = _MEMORY_ENCRYPTION.index(realm.memory_encryption)
    return cbor.dumps_vendor(value)


def _raw_point(data: bytes) -> tuple[str, bytes]:
    """The key of 2022: an uncompressed point of P-384."""
    if len(data) != 97 or data[0] != 4:
        raise _malformed("the public key is not an uncompressed point of P-384", "realm token, public key")
    return "P-384", data[1:]


def _cose_key(data: bytes) -> tuple[str, bytes]:
    """The key since 2023: a COSE_Key of type EC2 (RFC 9053, section 7.1.1)."""
    where = "realm token, public key"
    value = cbor.loads_vendor(data, what=where, max_size=256, max_depth=2)
    if not isinstance(value, dict) or value.get(1) != 2:
        raise _malformed("the public key is not a COSE_Key of type EC2", where)
    number, x, y = value.get(-1), value.get(-2), value.get(-3)
    curve, size = _CURVES.get(number, ("", 0)) if type(number) is int else ("", 0)
    if not size or not isinstance(x, bytes) or not isinstance(y, bytes) or {len(x), len(y)} != {size}:
        raise _malformed("the public key is not a point of P-256, P-384 or P-521", where)
    return curve, x + y


def platform_details(platform: Platform) -> dict[str, ClaimValue]:
    """What only CCA says, by the names that policies use: of the platform."""
    return {
        "platform_profile": platform.profile,
        "implementation_id": platform.implementation_id,
        "instance_id": platform.instance_id,
        "platform_config": platform.config,
        "platform_hash": platform.hash_name,
        "lifecycle": lifecycle_name(platform.lifecycle),
        "lifecycle_value": platform.lifecycle,
        "verification_service": platform.service,
        **software_claims(platform.components),
    }


def realm_details(realm: Realm) -> dict[str, ClaimValue]:
    """The same, of the realm."""
    return {
        "realm_profile": realm.profile,
        "realm_initial_measurement": realm.initial_measurement,
        "personalization": realm.personalization,
        "realm_hash": realm.hash_name,
        "memory_encryption": realm.memory_encryption,
        **{f"rem{index}": each for index, each in enumerate(realm.extensible_measurements)},
    }


def odd_in_platform(platform: Platform) -> tuple[str, ...]:
    """Which of its measurements have another size than the hash algorithm that is named for them."""
    return odd_sizes(
        {
            f"component {index}": (each.measurement, each.hash_name or platform.hash_name)
            for index, each in enumerate(platform.components)
        }
    )


def odd_in_realm(realm: Realm) -> tuple[str, ...]:
    """The same, in the realm."""
    named = {"rim": realm.initial_measurement}
    named |= {f"rem{index}": each for index, each in enumerate(realm.extensible_measurements)}
    return odd_sizes({name: (value, realm.hash_name) for name, value in named.items()})


def _malformed(message: str, where: str) -> MalformedEvidenceError:
    return MalformedEvidenceError(f"CCA token, {where}: {message}", where=f"token, {where}", source=SOURCE)
