# SPDX-License-Identifier: Apache-2.0
"""A CCA token: two COSE_Sign1, of the platform and of the realm. No cryptography.

Sources: RMM specification (DEN0137), section A7.2; draft-ffm-rats-cca-token, section 4; draft-ietf-rats-msg-wrap.

    399({44234: platform, 44241: realm})                          as RMM 1.0 writes it
    907({44234: [263, platform], 44241: [263, realm]})            a collection of conceptual messages

What the parts claim is in `claims.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from ttee.codec import cbor, cose
from ttee.codec.cbor import VendorValue
from ttee.errors import MalformedEvidenceError
from ttee.model import ClaimValue, Evidence
from ttee.tee.arm.cca.claims import (
    SOURCE,
    odd_in_platform,
    odd_in_realm,
    parse_platform,
    parse_realm,
    platform_details,
    realm_details,
)

NAME = "arm-cca"
MAX_SIZE = 128 * 1024

LEGACY, COLLECTION = 399, 907
"""The tags that a token may have."""
PLATFORM, REALM = 44234, 44241
EAT_CWT = 263
"""The CoAP content format of application/eat+cwt."""

_TWO_FROM_PLATFORM, _REALM_KEY = b"\xa2" + cbor.dumps(PLATFORM), cbor.dumps(REALM)
_TAGS = {cbor.tag_head(tag): tag for tag in (LEGACY, COLLECTION)}


@frozen(slots=True)
class Token:
    """The two signed parts, as bytes, and the tag they came under."""

    tag: int
    platform: bytes
    realm: bytes


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


def _malformed(message: str, where: str) -> MalformedEvidenceError:
    return MalformedEvidenceError(f"CCA token, {where}: {message}", where=f"token, {where}", source=SOURCE)
