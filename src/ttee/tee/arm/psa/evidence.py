# SPDX-License-Identifier: Apache-2.0
"""A PSA token: one COSE_Sign1 over claims about a device and what it booted. No cryptography.

Source: RFC 9783, section 4 and, for the numbers of older devices, its section 4.6.

                              RFC 9783       PSA_IOT_PROFILE_1
    nonce                     10             -75008            32, 48 or 64 bytes
    instance id               256            -75009            01 and 32 bytes
    profile                   265            -75000            may be missing in the old one
    boot seed                 268 or 2397    -75004            8 to 32 bytes
    client id                 2394           -75001            who asked: above 0 a secure partition
    lifecycle                 2395           -75002
    implementation id         2396           -75003            32 bytes
    certification reference   2398           -75005
    software components       2399           -75006            or 1 in -75007: nothing was measured
    verification service      2400           -75010
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

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

NAME = "arm-psa"
SOURCE = "RFC 9783, section 4"
MAX_SIZE = 64 * 1024
OLD_PROFILE = "PSA_IOT_PROFILE_1"
PROFILES = ("tag:psacertified.org,2023:psa#tfm", "http://arm.com/psa/2.0.0")
"""RFC 9783, and the draft that came before it."""


@frozen(slots=True)
class _Numbers:
    """Where one profile keeps its claims."""

    nonce: int
    instance: int
    profile: int
    boot_seed: int
    client: int
    lifecycle: int
    implementation: int
    certification: int
    components: int
    service: int


_NEW = _Numbers(10, 256, 265, 268, 2394, 2395, 2396, 2398, 2399, 2400)
_OLD = _Numbers(-75008, -75009, -75000, -75004, -75001, -75002, -75003, -75005, -75006, -75010)
_DRAFT_BOOT_SEED, _NOTHING_MEASURED = 2397, -75007
_CLIENTS = range(-(1 << 31), 1 << 31)


@frozen(slots=True)
class Token:
    """What a device says of itself."""

    profile: str
    nonce: bytes
    instance_id: bytes
    implementation_id: bytes
    client_id: int
    lifecycle: int
    components: tuple[Component, ...]
    boot_seed: bytes | None = None
    certification: str | None = None
    service: str | None = None
    unread: tuple[str, ...] = ()
    """Claims that nobody here knows."""


def parse_sign1(data: bytes) -> cose.Sign1:
    """The COSE_Sign1 in `data`. Raises MalformedEvidenceError."""
    return cose.parse(data, what="token", max_size=MAX_SIZE)


def parse(payload: bytes) -> Token:
    """The claims. Raises MalformedEvidenceError."""
    fields = Fields(payload, "token", SOURCE)
    old = _OLD.nonce in fields
    at = _OLD if old else _NEW
    if old and _NEW.nonce in fields:
        raise fields.malformed("it has a nonce in the numbers of both profiles", "nonce")
    if _NOTHING_MEASURED in fields and at.components in fields:
        raise fields.malformed(
            "it lists software, and says that none was measured", "no software measurements"
        )
    profile = OLD_PROFILE if old and at.profile not in fields else fields.text(at.profile, "profile")
    if profile not in ((OLD_PROFILE,) if old else PROFILES):
        raise fields.malformed(f"{ascii(profile)[:80]} is no profile that is known here", "profile")
    seed = _DRAFT_BOOT_SEED if not old and at.boot_seed not in fields else at.boot_seed
    if old and at.components not in fields:
        fields.number(_NOTHING_MEASURED, "no software measurements", range(1, 2))
        components: tuple[Component, ...] = ()
    else:
        components = fields.components(at.components, "software components")
    return Token(
        profile=profile,
        nonce=fields.octets(at.nonce, "nonce", DIGEST_SIZES),
        instance_id=fields.instance_id(at.instance, "instance id"),
        implementation_id=fields.octets(at.implementation, "implementation id", (32,)),
        client_id=fields.number(at.client, "client id", _CLIENTS),
        lifecycle=fields.lifecycle(at.lifecycle, "lifecycle"),
        components=components,
        boot_seed=fields.octets(seed, "boot seed", range(8, 33)) if seed in fields else None,
        certification=fields.text(at.certification, "certification reference")
        if at.certification in fields
        else None,
        service=fields.text(at.service, "verification service") if at.service in fields else None,
        unread=fields.unread,
    )


def encode(token: Token) -> bytes:
    """The claims' bytes, which `parse` reads."""
    at = _OLD if token.profile == OLD_PROFILE else _NEW
    value: dict[int | str, VendorValue] = {
        at.profile: token.profile,
        at.nonce: token.nonce,
        at.instance: token.instance_id,
        at.implementation: token.implementation_id,
        at.client: token.client_id,
        at.lifecycle: token.lifecycle,
    }
    if token.components:
        value[at.components] = encode_components(token.components)
    else:
        value[_NOTHING_MEASURED] = 1
    optional: dict[int | str, VendorValue] = {
        at.boot_seed: token.boot_seed,
        at.certification: token.certification,
        at.service: token.service,
    }
    return cbor.dumps_vendor(value | {key: each for key, each in optional.items() if each is not None})


def wrap(data: bytes) -> Evidence | None:
    """Evidence out of a raw token: a COSE_Sign1 whose payload names a PSA profile; None for anything else."""
    if data.removeprefix(cose.TAG)[:1] != b"\x84" or len(data) > MAX_SIZE:
        return None
    try:
        fields = Fields(parse_sign1(data).payload, "token", SOURCE)
        known = _OLD.nonce in fields or fields.text(_NEW.profile, "profile") in PROFILES
    except MalformedEvidenceError:
        return None
    return Evidence(NAME, {"token": data}) if known else None


def describe(evidence: Evidence) -> Mapping[str, ClaimValue]:
    """Every field of the token, UNVERIFIED. Raises MalformedEvidenceError."""
    message = parse_sign1(evidence.parts.get("token", b""))
    token = parse(message.payload)
    return MappingProxyType({**details(token), "nonce": token.nonce, "signature": message.signature})


def details(token: Token) -> dict[str, ClaimValue]:
    """What only PSA says, by the names that policies use."""
    return {
        "profile": token.profile,
        "implementation_id": token.implementation_id,
        "instance_id": token.instance_id,
        "client_id": token.client_id,
        "lifecycle": lifecycle_name(token.lifecycle),
        "lifecycle_value": token.lifecycle,
        "boot_seed": token.boot_seed,
        "certification_reference": token.certification,
        "verification_service": token.service,
        **software_claims(token.components),
        "sizes_agree": not odd(token),
    }


def odd(token: Token) -> tuple[str, ...]:
    """Which measurements have another size than the hash algorithm that is named for them."""
    return odd_sizes(
        {
            f"component {index}": (each.measurement, each.hash_name)
            for index, each in enumerate(token.components)
        }
    )
