# SPDX-License-Identifier: Apache-2.0
"""The statement of a runtime about its app, and the report data that ties it to evidence.

docs/spec/report-data.md, section "Report data". The statement counts only because its digest was signed.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
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

_SHAPE: Final = cbor.MapShape(
    {"app": bytes, "nonce": bytes, "registers": list, "user_data": bytes, "channel_key": bytes}, SOURCE
)
_REGISTERS: Final = [runtime_registers.SIZE] * runtime_registers.COUNT
_MAX_SIZE: Final = 1024
_NONCE_HEAD: Final = slice(61, 63)
"""Behind the map's head, `app` with its 50 bytes, and the key `nonce`: fixed, since a measurement has one size."""
_OF_32_BYTES: Final = b"\x58\x20"
"""The head of a byte string of 32 bytes (RFC 8949, section 3.1, major type 2)."""


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
        if data[_NONCE_HEAD] != _OF_32_BYTES:
            return _decoded(data)
        try:
            same = _around_nonce(data[: _NONCE_HEAD.stop], data[_NONCE_HEAD.stop + 32 :])
        except MalformedEvidenceError:
            return _decoded(data)  # which raises as well, and speaks of these bytes
        nonce = data[_NONCE_HEAD.stop : _NONCE_HEAD.stop + 32]
        return cls(same.app, nonce, same.registers, same.user_data, same.channel_key)

    @property
    def report_data(self) -> bytes:
        """The 64 bytes that a TEE signs for this statement."""
        return report_data_of(self.encode())

    def _problem(self) -> tuple[str, str] | None:
        if len(self.app) != MEASUREMENT:
            return "app", f"must have {MEASUREMENT} bytes, and has {len(self.app)}"
        if self.nonce and not MIN_NONCE <= len(self.nonce) <= MAX_NONCE:
            return "nonce", f"must have 0 or {MIN_NONCE} to {MAX_NONCE} bytes, and has {len(self.nonce)}"
        if [*map(len, self.registers)] != _REGISTERS:
            return "registers", "must be four of 48 bytes each"
        if len(self.user_data) > MAX_USER_DATA:
            return "user_data", f"may have {MAX_USER_DATA} bytes, and has {len(self.user_data)}"
        if len(self.channel_key) != CHANNEL_KEY:
            return "channel_key", f"must have {CHANNEL_KEY} bytes, and has {len(self.channel_key)}"
        return None


@lru_cache(maxsize=runtime_registers.REMEMBERED)
def _around_nonce(before: bytes, after: bytes) -> Statement:
    """The statement with a nonce of zeros: the others of an instance differ from it in their nonce alone.

    `before` ends with the head of a byte string of 32 bytes, where a well-formed statement has its nonce. So the next
    32 bytes are the nonce, whatever they are, and the statement is well formed with them exactly when with zeros.
    """
    return _decoded(before + bytes(32) + after)


def _decoded(data: bytes) -> Statement:
    value = _SHAPE.loads(data, what="statement", max_size=_MAX_SIZE)
    value["registers"] = tuple(value["registers"])
    return Statement(**value)


def report_data_of(statement: bytes) -> bytes:
    """The 64 bytes that a TEE signs for the statement in these bytes."""
    return hashlib.sha512(b"ttee/report-data/1" + statement).digest()
