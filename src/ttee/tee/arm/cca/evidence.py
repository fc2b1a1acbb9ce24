# SPDX-License-Identifier: Apache-2.0
"""A CCA token: two COSE_Sign1, of the platform and of the realm, to and from typed structures. No cryptography.

Sources: RMM specification (DEN0137), section A7.2; draft-ffm-rats-cca-token, section 4; draft-ietf-rats-msg-wrap.

    399({44234: platform, 44241: realm})                          as RMM 1.0 writes it
    907({44234: [263, platform], 44241: [263, realm]})            a collection of conceptual messages

    platform   10 challenge, 256 instance id, 265 profile, 2395 lifecycle, 2396 implementation id,
               2399 software components, 2400 verification service, 2401 configuration, 2402 hash algorithm
    realm      10 challenge, 265 profile, 44235 personalization, 44236 hash algorithm, 44237 public key,
               44238 initial measurement, 44239 extensible measurements, 44240 hash algorithm of the key
    of 2024    platform: 2394 client id; realm: 256 instance id, 44243 memory encryption policy
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from ttee.codec import cbor, cose
from ttee.codec.cbor import VendorValue
from ttee.errors import MalformedEvidenceError
from ttee.model import ClaimValue, Evidence
from ttee.tee.arm.fields import (
    DIGEST_SIZES,
    Component,
    Fields,
    encode_components,
    lifecycle_name,
    odd_sizes,
    software_claims,
)

NAME = "arm-cca"
SOURCE = "RMM specification (DEN0137), section A7.2; draft-ffm-rats-cca-token, section 4"
MAX_SIZE = 128 * 1024
CHALLENGE = 64
REGISTERS = 4

LEGACY, COLLECTION = 399, 907
"""The tags that a token may have."""
PLATFORM, REALM = 44234, 44241
EAT_CWT = 263
"""The CoAP content format of application/eat+cwt."""

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
_TWO_FROM_PLATFORM, _REALM_KEY = b"\xa2" + cbor.dumps(PLATFORM), cbor.dumps(REALM)
_TAGS = {cbor.tag_head(tag): tag for tag in (LEGACY, COLLECTION)}


@frozen(slots=True)
class Token:
    """The two signed parts, as bytes, and the tag they came under."""

    tag: int
    platform: bytes
    realm: bytes


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


def parse_token(data: bytes) -> Token:
    """The two parts of a token. Raises MalformedEvidenceError: other tags, a part missing, anything more."""
    if len(data) > MAX_SIZE:
        raise _malformed(f"it has {len(data)} bytes; at most {MAX_SIZE} are read", f"byte {MAX_SIZE}")
    tag = _TAGS.get(data[:3])
    if tag is None:
        raise _malformed(f"it has neither the tag {LEGACY} nor {COLLECTION}", "byte 0")
    if tag == LEGACY and (usual := _usual_form(data)) is not None:
        return Token(tag, *usual)
    value = cbor.loads_vendor(data[3:], what="token", max_size=MAX_SIZE, max_depth=3)
    if not isinstance(value, dict) or value.keys() != {PLATFORM, REALM}:
        raise _malformed(f"it is not a map of {PLATFORM} (platform) and {REALM} (realm) alone", "byte 3")
    platform, realm = (_part(tag, value[key], key) for key in (PLATFORM, REALM))
    return Token(tag, platform, realm)


def _usual_form(data: bytes) -> tuple[bytes, bytes] | None:
    """Platform and realm part of 399({44234: bytes, 44241: bytes}), by the heads alone; None for any other form."""
    if data[3:7] != _TWO_FROM_PLATFORM:
        return None
    platform = cbor.short_bytes(data, 7)
    if platform is None or data[platform[1] : platform[1] + 3] != _REALM_KEY:
        return None
    realm = cbor.short_bytes(data, platform[1] + 3)
    return (platform[0], realm[0]) if realm is not None and realm[1] == len(data) else None


def _part(tag: int, value: VendorValue, key: int) -> bytes:
    if tag == COLLECTION:
        if not isinstance(value, list) or len(value) != 2 or value[0] != EAT_CWT:
            raise _malformed(f"the part is not [{EAT_CWT}, bytes]", str(key))
        value = value[1]
    if not isinstance(value, bytes):
        raise _malformed("the part is not a byte string", str(key))
    return value


def encode_token(token: Token) -> bytes:
    """The bytes of `token`, which `parse_token` reads."""
    parts: dict[int | str, VendorValue] = {PLATFORM: token.platform, REALM: token.realm}
    if token.tag == COLLECTION:
        parts = {key: [EAT_CWT, part] for key, part in parts.items()}
    return cbor.tag_head(token.tag) + cbor.dumps_vendor(parts)


def parse_sign1(data: bytes, what: str) -> cose.Sign1:
    """The COSE_Sign1 of one part. Raises MalformedEvidenceError."""
    return cose.parse(data, what=what, max_size=MAX_SIZE)


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


def wrap(data: bytes) -> Evidence | None:
    """Evidence out of a raw token; None for anything else. Whether it is well formed shows later."""
    if data[:3] in _TAGS and all(cbor.dumps(key) in data[:MAX_SIZE] for key in (PLATFORM, REALM)):
        return Evidence(NAME, {"token": data})
    return None


def describe(evidence: Evidence) -> Mapping[str, ClaimValue]:
    """Every field of the token, UNVERIFIED. Raises MalformedEvidenceError."""
    token = parse_token(evidence.parts.get("token", b""))
    signed = [
        parse_sign1(part, what)
        for part, what in ((token.platform, "platform token"), (token.realm, "realm token"))
    ]
    platform, realm = parse_platform(signed[0].payload), parse_realm(signed[1].payload)
    return {
        **platform_details(platform),
        **realm_details(realm),
        "sizes_agree": not (odd_in_realm(realm) + odd_in_platform(platform)),
        "challenge": realm.challenge,
        "platform_challenge": platform.challenge,
        "realm_public_key": realm.public_key,
        "realm_public_key_hash": realm.public_key_hash,
        "platform_signature": signed[0].signature,
        "realm_signature": signed[1].signature,
    }


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
