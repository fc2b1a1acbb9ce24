# SPDX-License-Identifier: Apache-2.0
"""What the verifier of PSA tokens checks, and what each check is for (behind `ttee explain`)."""

from __future__ import annotations

from ttee.model import CheckSpec

_RFC = "RFC 9783, section"

ENVELOPE = CheckSpec(
    id="psa.token.envelope",
    title="The token is one COSE_Sign1 with ECDSA, and nothing else",
    guards="Tokens that two readers read differently, and algorithms that nobody agreed on.",
    remedy="Copy the token again, in binary, from where the device made it.",
    source=f"RFC 9052, section 4.2; {_RFC} 5.2",
)
CLAIMS = CheckSpec(
    id="psa.token.claims",
    title="Each claim is there, with the type and length that its profile asks for",
    guards="Claims that a reader would make up when they are missing, or take for something else.",
    remedy="Refuse the token: no PSA device writes this.",
    source=f"{_RFC} 4",
)
DEVICE_KEY = CheckSpec(
    id="psa.iak.known",
    title="The caller trusts a key for this device",
    guards="Devices that anybody simulates with a key of his own: a token that names its device proves nothing.",
    remedy="Get the device's public key (IAK) from its maker, and give it as an anchor or as the document `iak`.",
    source=f"{_RFC} 6; RFC 9334, section 7.4",
)
STRENGTH = CheckSpec(
    id="psa.iak.strength",
    title="That key is not one whose private half is published",
    guards="Tokens that anybody makes with a test key out of the firmware's sources.",
    remedy="Provision the device with a key of its own.",
    source="docs/threat-model.md",
)
SIGNATURE = CheckSpec(
    id="psa.token.signature",
    title="That key signed the token",
    guards="Tokens that no such device made.",
    remedy="Refuse the token: it was altered, or made elsewhere.",
    source="RFC 9052, section 4.4; RFC 9053, section 2.1 (r || s)",
)
LIFECYCLE = CheckSpec(
    id="psa.lifecycle",
    title="The device is in a state in which it attests: secured, or debugged outside its root of trust alone",
    guards="Tokens of a device in manufacture or repair, or out of service: its key lies open.",
    remedy="Do not use this device; its maker can say what state 0x30xx needs.",
    source=f"{_RFC} 4.3.1",
)
SIZES = CheckSpec(
    id="psa.measurements.sizes",
    title="Each measurement has the size of the hash algorithm that is named for it",
    guards="Measurements compared with values that were made in another way.",
    remedy="Compare such measurements as bytes alone, or have the firmware mended.",
    source=f"{_RFC} 4.4.1",
)
NONCE = CheckSpec(
    id="psa.token.nonce",
    title="The token's nonce is the one that was asked for",
    guards="Replay: an old token, made for somebody else, shown as the present state.",
    remedy="Ask for a token over a fresh random nonce of 32, 48 or 64 bytes, and verify with the same.",
    source=f"{_RFC} 4.1.1; RFC 9334, section 10.2",
)

CHECKS = (ENVELOPE, CLAIMS, DEVICE_KEY, STRENGTH, SIGNATURE, LIFECYCLE, SIZES, NONCE)
