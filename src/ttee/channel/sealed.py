# SPDX-License-Identifier: Apache-2.0
"""Sealed messages, both sides (docs/spec/channel.md): HPKE to the TEE's channel key, a reply key per request.

Pure: bytes in, bytes out. Nothing here verifies evidence: `channel_key` counts only if its caller took it
from evidence that was verified and found affirming.
"""

from __future__ import annotations

import hashlib
import os
from enum import IntEnum

from attrs import field, frozen
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ttee.errors import ChannelError, RequestTooLargeError, WeakKeyError

SOURCE = "docs/spec/channel.md"
BLOCK = 256
"""Plaintexts are padded to a multiple of this, so that the host learns lengths in coarse steps only."""
MAX_PAYLOAD = 256 * 1024
"""The largest request or reply that any manifest may allow (docs/spec/app.md)."""
ENC_SIZE = 32
TAG_SIZE = 16
REPLY_KEY_SIZE = 32
REQUEST_HEAD = REPLY_KEY_SIZE + 4
REPLY_HEAD = 8


def request_size(payload: int) -> int:
    """The length of the message that seals a request of `payload` bytes."""
    return ENC_SIZE + _blocks(REQUEST_HEAD + payload) + TAG_SIZE


def reply_size(payload: int) -> int:
    """The length of the message that seals a reply of `payload` bytes."""
    return _blocks(REPLY_HEAD + payload) + TAG_SIZE


def _blocks(size: int) -> int:
    return size + -size % BLOCK


MAX_REQUEST = request_size(MAX_PAYLOAD)
MAX_REPLY = reply_size(MAX_PAYLOAD)

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_REQUEST_INFO = b"ttee/channel/1 request"
_REPLY_INFO = b"ttee/channel/1 reply"
_NONCE = bytes(12)  # constant, because each reply key is used once


class ReplyStatus(IntEnum):
    """What became of a request that could be opened."""

    OK = 0
    REFUSED = 1


@frozen(slots=True)
class Reply:
    """What the app answered: `payload` is the answer, or the reason why it refused."""

    status: ReplyStatus
    payload: bytes


@frozen(slots=True)
class PendingReply:
    """What a client keeps of a request until its reply comes."""

    _reply_key: bytes = field(repr=False)
    _request_digest: bytes

    def open(self, message: bytes) -> Reply:
        """Open the reply to this very request. Raises ChannelError if it is not one."""
        if len(message) > MAX_REPLY:
            raise _unopened("reply", f"it has {len(message)} bytes, more than any sealed reply")
        try:
            plaintext = _reply_cipher(self._reply_key).decrypt(_NONCE, message, self._request_digest)
        except InvalidTag:
            raise _unopened("reply", "it was altered, or answers another request") from None
        status = int.from_bytes(plaintext[:4], "little")
        if status not in list(ReplyStatus):
            raise _unopened("reply", f"the TEE gave it the unknown status {status}")
        payload = _unpadded(plaintext, REPLY_HEAD)
        if payload is None:
            raise _unopened("reply", "its length or padding is wrong")
        return Reply(ReplyStatus(status), payload)


@frozen(slots=True)
class OpenedRequest:
    """A request as the TEE sees it, with what it needs to answer."""

    payload: bytes = field(repr=False)
    _reply_key: bytes = field(repr=False)
    _request_digest: bytes

    def seal_reply(self, status: ReplyStatus, payload: bytes) -> bytes:
        """Seal the one reply to this request. Raises RequestTooLargeError above `MAX_PAYLOAD`."""
        _check_size("reply", payload)
        head = status.to_bytes(4, "little") + len(payload).to_bytes(4, "little")
        return _reply_cipher(self._reply_key).encrypt(_NONCE, _padded(head + payload), self._request_digest)


def seal_request(channel_key: bytes, app: bytes, payload: bytes) -> tuple[bytes, PendingReply]:
    """Seal `payload` to the TEE that holds `channel_key` (32 bytes) and runs `app` (its 48-byte measurement).

    Returns the message and what opens its reply. Raises RequestTooLargeError, and WeakKeyError for a
    channel key that is no X25519 key, or one with which anybody shares a secret.
    """
    _check_size("request", payload)
    reply_key = os.urandom(REPLY_KEY_SIZE)
    plaintext = _padded(reply_key + len(payload).to_bytes(4, "little") + payload)
    try:
        message = _SUITE.encrypt(plaintext, X25519PublicKey.from_public_bytes(channel_key), info=_info(app))
    except ValueError:
        raise WeakKeyError(
            "the channel key is not a usable X25519 key",
            where="statement, channel_key",
            hint="the TEE is broken or is not one: do not use it",
            source="RFC 7748, section 6.1",
        ) from None
    return message, PendingReply(reply_key, hashlib.sha256(message).digest())


def open_request(private_key: X25519PrivateKey, app: bytes, message: bytes) -> OpenedRequest:
    """Open a request inside the TEE. Whatever is wrong with it, the ChannelError is the same."""
    if len(message) > MAX_REQUEST:
        raise _unopened("request")
    try:
        plaintext = _SUITE.decrypt(message, private_key, info=_info(app))
    except (InvalidTag, ValueError):
        raise _unopened("request") from None
    payload = _unpadded(plaintext, REQUEST_HEAD)
    if payload is None:
        raise _unopened("request")
    return OpenedRequest(payload, plaintext[:REPLY_KEY_SIZE], hashlib.sha256(message).digest())


def _info(app: bytes) -> bytes:
    return _REQUEST_INFO + app


def _reply_cipher(reply_key: bytes) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(HKDF(SHA256(), 32, salt=None, info=_REPLY_INFO).derive(reply_key))


def _padded(plaintext: bytes) -> bytes:
    return plaintext.ljust(_blocks(len(plaintext)), b"\0")


def _unpadded(plaintext: bytes, head: int) -> bytes | None:
    """The payload behind `head` bytes, the last four of which are its length; None unless all is exact."""
    end = head + int.from_bytes(plaintext[head - 4 : head], "little")
    exact = len(plaintext) == _blocks(end) and not any(plaintext[end:])
    return plaintext[head:end] if exact else None


def _check_size(what: str, payload: bytes) -> None:
    if len(payload) > MAX_PAYLOAD:
        raise RequestTooLargeError(
            f"a {what} of {len(payload)} bytes is more than the {MAX_PAYLOAD} that a sealed message holds",
            source=SOURCE,
        )


def _unopened(what: str, why: str = "") -> ChannelError:
    return ChannelError(
        f"the sealed {what} cannot be opened" + (f": {why}" if why else ""),
        hint="connect again, which asks for fresh evidence and so for the present key",
        source=SOURCE,
    )
