# SPDX-License-Identifier: Apache-2.0
"""The parts of local evidence and their fields (docs/spec/local.md, section "Evidence"). No cryptography."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from attrs import frozen

from ttee.codec import cbor
from ttee.errors import MalformedEvidenceError
from ttee.guest.registers import COUNT, SIZE, decode_log
from ttee.guest.statement import Statement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ttee.app.bundle import Bundle
    from ttee.model import ClaimValue, Evidence

NAME: Final = "local"
PARTS: Final = ("claims", "signature", "statement", "log")
PROFILE: Final = "ttee/local/1"
SOURCE: Final = "docs/spec/local.md, section Evidence"
_KEYS: Final = frozenset({"profile", "registers", "public_key", "report_data"})
_MAX_CLAIMS: Final = 1024


@frozen(slots=True)
class LocalClaims:
    """What the runtime signs."""

    registers: tuple[bytes, ...]
    public_key: bytes
    report_data: bytes

    def encode(self) -> bytes:
        """The canonical bytes."""
        return cbor.dumps(
            {
                "profile": PROFILE,
                "registers": list(self.registers),
                "public_key": self.public_key,
                "report_data": self.report_data,
            }
        )

    @classmethod
    def decode(cls, data: bytes) -> LocalClaims:
        """The claims of exactly these bytes. Raises MalformedEvidenceError."""
        value = cbor.loads(data, what="claims", max_size=_MAX_CLAIMS, max_depth=2)
        if not isinstance(value, dict) or value.keys() != _KEYS:
            raise _malformed(f"are not a map with exactly the keys {', '.join(sorted(_KEYS))}")
        if value["profile"] != PROFILE:
            raise _malformed(f"are not of the profile {PROFILE}", "profile")
        registers = value["registers"]
        if not isinstance(registers, list) or len(registers) != COUNT:
            raise _malformed(f"must have {COUNT} registers", "registers")
        return cls(
            registers=tuple(_sized(register, SIZE, "registers") for register in registers),
            public_key=_sized(value["public_key"], 32, "public_key"),
            report_data=_sized(value["report_data"], 64, "report_data"),
        )


def signed(claims: bytes) -> bytes:
    """What the signature is over."""
    return b"ttee/local-claims/1" + claims


def config_digest(bundle: Bundle) -> bytes:
    """The payload of the event `config`: SHA-384 of what the manifest says beside the code."""
    limits = bundle.limits
    return hashlib.sha384(
        cbor.dumps(
            {
                "svn": bundle.svn,
                "name": bundle.name,
                "limits": {
                    "reply": limits.reply,
                    "stack": limits.stack,
                    "memory": limits.memory,
                    "request": limits.request,
                },
                "authority": bundle.authority,
            }
        )
    ).digest()


def check_parts(evidence: Evidence) -> Mapping[str, bytes]:
    """The parts. Raises MalformedEvidenceError for another TEE's, missing or additional ones."""
    if evidence.tee != NAME or evidence.parts.keys() != set(PARTS):
        raise MalformedEvidenceError(
            f"{NAME} evidence has the parts {', '.join(PARTS)}; this is {evidence.tee[:64]} evidence with "
            f"{', '.join(evidence.parts)[:200] or 'none'}",
            where="parts",
            source=SOURCE,
        )
    return evidence.parts


def describe(evidence: Evidence) -> Mapping[str, ClaimValue]:
    """Every field of the evidence, UNVERIFIED, for `ttee inspect`. Raises MalformedEvidenceError."""
    parts = check_parts(evidence)
    claims = LocalClaims.decode(parts["claims"])
    statement = Statement.decode(parts["statement"])
    fields: dict[str, ClaimValue] = {
        "claims.profile": PROFILE,
        "claims.public_key": claims.public_key,
        "claims.registers": claims.registers,
        "claims.report_data": claims.report_data,
        "signature": parts["signature"],
        "statement.app": statement.app,
        "statement.nonce": statement.nonce,
        "statement.user_data": statement.user_data,
        "statement.channel_key": statement.channel_key,
        "statement.registers": statement.registers,
    }
    return fields | {f"log.{number}": tuple(event) for number, event in enumerate(decode_log(parts["log"]))}


def _sized(value: cbor.CborValue, size: int, key: str) -> bytes:
    if not isinstance(value, bytes) or len(value) != size:
        raise _malformed(f"must have byte strings of {size} bytes under {key}", key)
    return value


def _malformed(message: str, key: str = "") -> MalformedEvidenceError:
    where = f"claims, key {key}" if key else "claims"
    return MalformedEvidenceError(f"the claims {message}", where=where, source=SOURCE)
