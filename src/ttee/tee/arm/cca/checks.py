# SPDX-License-Identifier: Apache-2.0
"""What the verifier of CCA tokens checks, and what each check is for (behind `ttee explain`)."""

from __future__ import annotations

from ttee.model import CheckSpec

_RMM = "RMM specification (DEN0137), section A7.2"
_DRAFT = "draft-ffm-rats-cca-token, section 4"

ENVELOPE = CheckSpec(
    id="cca.token.envelope",
    title="The token is a platform part and a realm part, and nothing else",
    guards="Tokens that two readers read differently, or of which a part was left out.",
    remedy="Copy the token again, in binary, from where the realm got it.",
    source=f"{_RMM}.1; draft-ietf-rats-msg-wrap, section 3.3",
)
PLATFORM_CLAIMS = CheckSpec(
    id="cca.platform.claims",
    title="Each claim of the platform is there, with the type and length that it has to have",
    guards="Claims that a reader would make up when they are missing, or take for something else.",
    remedy="Refuse the token: no CCA platform writes this.",
    source=f"{_RMM}.3; {_DRAFT}.7",
)
REALM_CLAIMS = CheckSpec(
    id="cca.realm.claims",
    title="Each claim of the realm is there, with the type and length that it has to have",
    guards="Claims that a reader would make up when they are missing, or take for something else.",
    remedy="Refuse the token: no realm management monitor writes this.",
    source=f"{_RMM}.2; {_DRAFT}.8",
)
PROFILES = CheckSpec(
    id="cca.profiles",
    title="Platform and realm follow the same edition of the format",
    guards="A part of one edition read by the rules of another, where the key is encoded otherwise.",
    remedy="Refuse the token: its parts were not made together.",
    source=f"{_DRAFT}.7.1 and 4.8.1",
)
DEVICE_KEY = CheckSpec(
    id="cca.cpak.known",
    title="The caller trusts a key for this platform",
    guards="Platforms that anybody simulates with a key of his own: a token that names its device proves nothing.",
    remedy="Get the platform's public key (CPAK) from its maker, and give it as an anchor or as the document `cpak`.",
    source=f"{_DRAFT}.7.2 and 4.7.3; RFC 9334, section 7.4",
)
STRENGTH = CheckSpec(
    id="cca.cpak.strength",
    title="That key is not one whose private half is published",
    guards="Tokens that anybody makes with a test key out of the firmware's sources.",
    remedy="Provision the platform with a key of its own.",
    source="docs/threat-model.md",
)
PLATFORM_SIGNATURE = CheckSpec(
    id="cca.platform.signature",
    title="That key signed the platform part",
    guards="Platform claims that no such platform made.",
    remedy="Refuse the token: it was altered, or made elsewhere.",
    source="RFC 9052, section 4.4; RFC 9053, section 2.1 (r || s)",
)
BINDING = CheckSpec(
    id="cca.binding",
    title="The platform's challenge is the digest of the realm's key",
    guards="A forged realm part beside the platform part of a genuine token: nothing else ties them together.",
    remedy="Refuse the token: its parts do not belong together.",
    source=f"{_RMM}; {_DRAFT}.9.1",
)
REALM_SIGNATURE = CheckSpec(
    id="cca.realm.signature",
    title="The realm's key, which the platform vouches for, signed the realm part",
    guards="Realm claims that this platform's monitor did not make.",
    remedy="Refuse the token: it was altered, or made elsewhere.",
    source="RFC 9052, section 4.4; RFC 9053, section 2.1 (r || s)",
)
LIFECYCLE = CheckSpec(
    id="cca.platform.lifecycle",
    title="The platform is in a state in which it attests: secured, or debugged outside its root of trust alone",
    guards="Tokens of a platform in manufacture or repair, or out of service: its key lies open.",
    remedy="Do not use this platform; its maker can say what state 0x30xx needs.",
    source=f"{_DRAFT}.7.5",
)
SIZES = CheckSpec(
    id="cca.measurements.sizes",
    title="Each measurement has the size of the hash algorithm that is named for it",
    guards="Measurements compared with values that were made in another way.",
    remedy="Compare such measurements as bytes alone, or have the firmware mended.",
    source=f"{_RMM}.2.5",
)
NONCE = CheckSpec(
    id="cca.realm.nonce",
    title="The realm's challenge is the one that was asked for",
    guards="Replay: an old token, made for somebody else, shown as the present state.",
    remedy="Ask for a token over a fresh random challenge of 64 bytes, and verify with the same.",
    source=f"RFC 9334, section 10.2; {_DRAFT}.8.2",
)

CHECKS = (
    ENVELOPE,
    PLATFORM_CLAIMS,
    REALM_CLAIMS,
    PROFILES,
    DEVICE_KEY,
    STRENGTH,
    PLATFORM_SIGNATURE,
    BINDING,
    REALM_SIGNATURE,
    LIFECYCLE,
    SIZES,
    NONCE,
)
