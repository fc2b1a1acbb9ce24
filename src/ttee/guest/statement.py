# SPDX-License-Identifier: Apache-2.0
"""The statement of a runtime about its app, and the report data that ties it to evidence.

docs/spec/report-data.md, section "Report data". The statement counts only because its digest was signed.
"""

from __future__ import annotations

import hashlib
from typing import Final

from attrs import frozen

from ttee.codec import cbor
from ttee.errors import MalformedEvidenceError
from ttee.guest import registers as runtime_registers

MIN_NONCE: Final = 16
MAX_NONCE: Final = 64
MAX_USER_DATA: Final = 64
CHANNEL_KEY: Final = 32
MEASUREMENT: Final = 48
SOURCE: Final = "docs/spec/report-data.md"

_KEYS: Final = frozenset({"app", "nonce", "registers", "user_data", "channel_key"})
_MAX_SIZE: Final = 1024


@frozen(slots=True)
class Statement:
    """What a runtime says about its app. Raises MalformedEvidenceError when a field is out of its bounds."""

    app: bytes
    """The app's measurement, 48 bytes."""
    nonce: bytes
    """The verifier's challenge, 16 to 64 bytes; empty when the app asked for the evidence itself."""
    registers: tuple[bytes, ...]
    """The four runtime registers, 48 bytes each."""
    user_data: bytes
    """What the app passed to `report`, up to 64 bytes; empty when a verifier asked."""
    channel_key: bytes
    """X25519 public key of the sealed channel, 32 bytes."""

    def __attrs_post_init__(self) -> None:
        """Refuse what the specification does not allow."""
        problem = self._problem()
        if problem is not None:
            raise MalformedEvidenceError(
                f"the statement's {problem[0]} {problem[1]}",
                where=f"statement, key {problem[0]}",
                source=SOURCE,
            )

    def encode(self) -> bytes:
        """The canonical bytes."""
        return cbor.dumps(
            {
                "app": self.app,
                "nonce": self.nonce,
                "registers": list(self.registers),
                "user_data": self.user_data,
                "channel_key": self.channel_key,
            }
        )

    @classmethod
    def decode(cls, data: bytes) -> Statement:
        """The statement of exactly these bytes. Raises MalformedEvidenceError."""
        value = cbor.loads(data, what="statement", max_size=_MAX_SIZE, max_depth=2)
        if not isinstance(value, dict) or value.keys() != _KEYS:
            raise MalformedEvidenceError(
                f"the statement is not a map with exactly the keys {', '.join(sorted(_KEYS))}",
                where="statement",
                source=SOURCE,
            )
        match value:
            case {
                "app": bytes(app),
                "nonce": bytes(nonce),
                "registers": [*registers],
                "user_data": bytes(user_data),
                "channel_key": bytes(channel_key),
            }:
                values = tuple(register for register in registers if isinstance(register, bytes))
                if len(values) == len(registers):
                    return cls(app, nonce, values, user_data, channel_key)
        raise MalformedEvidenceError(
            "the statement may hold byte strings only, and an array of them under registers",
            where="statement",
            source=SOURCE,
        )

    @property
    def report_data(self) -> bytes:
        """The 64 bytes that a TEE signs for this statement."""
        return report_data_of(self.encode())

    def _problem(self) -> tuple[str, str] | None:
        if len(self.app) != MEASUREMENT:
            return "app", f"must have {MEASUREMENT} bytes, and has {len(self.app)}"
        if self.nonce and not MIN_NONCE <= len(self.nonce) <= MAX_NONCE:
            return "nonce", f"must have 0 or {MIN_NONCE} to {MAX_NONCE} bytes, and has {len(self.nonce)}"
        if [len(register) for register in self.registers] != [
            runtime_registers.SIZE
        ] * runtime_registers.COUNT:
            return "registers", "must be four of 48 bytes each"
        if len(self.user_data) > MAX_USER_DATA:
            return "user_data", f"may have {MAX_USER_DATA} bytes, and has {len(self.user_data)}"
        if len(self.channel_key) != CHANNEL_KEY:
            return "channel_key", f"must have {CHANNEL_KEY} bytes, and has {len(self.channel_key)}"
        return None


def report_data_of(statement: bytes) -> bytes:
    """The 64 bytes that a TEE signs for the statement in these bytes."""
    return hashlib.sha512(b"ttee/report-data/1" + statement).digest()
