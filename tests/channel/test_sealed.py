# SPDX-License-Identifier: Apache-2.0
"""Sealed messages: what goes in comes out, for the two ends and nobody else."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from hypothesis import given
from hypothesis import strategies as st

from tests.channel import rfc9180
from ttee.channel.sealed import (
    BLOCK,
    MAX_PAYLOAD,
    MAX_REPLY,
    MAX_REQUEST,
    ReplyStatus,
    open_request,
    seal_request,
)
from ttee.errors import ChannelError, RequestTooLargeError, WeakKeyError

APP = bytes(range(48))
KEY = X25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
payloads = st.binary(max_size=1000)


@given(payloads, payloads, st.sampled_from(ReplyStatus))
def test_a_request_and_its_reply_arrive_as_they_were_sent(
    request: bytes, answer: bytes, status: ReplyStatus
) -> None:
    message, pending = seal_request(PUBLIC, APP, request)
    opened = open_request(KEY, APP, message)
    assert opened.payload == request
    reply = pending.open(opened.seal_reply(status, answer))
    assert (reply.status, reply.payload) == (status, answer)


@given(payloads)
def test_the_host_sees_lengths_in_steps_of_256_bytes(payload: bytes) -> None:
    message, pending = seal_request(PUBLIC, APP, payload)
    assert (len(message) - 32 - 16) % BLOCK == 0
    reply = open_request(KEY, APP, message).seal_reply(ReplyStatus.OK, payload)
    assert (len(reply) - 16) % BLOCK == 0
    assert pending.open(reply).payload == payload


@pytest.mark.parametrize(("length", "blocks"), [(0, 1), (220, 1), (221, 2), (476, 2), (477, 3)])
def test_the_plaintext_is_padded_to_the_next_block_and_no_further(length: int, blocks: int) -> None:
    message, _ = seal_request(PUBLIC, APP, bytes(length))
    assert len(message) == 32 + blocks * BLOCK + 16


@given(st.data())
def test_any_flipped_bit_of_a_request_keeps_it_shut(data: st.DataObject) -> None:
    message, _ = seal_request(PUBLIC, APP, b"bid 100")
    with pytest.raises(ChannelError):
        open_request(KEY, APP, flipped(message, data.draw(st.integers(0, len(message) * 8 - 1))))


def test_every_flipped_bit_of_a_reply_keeps_it_shut() -> None:
    message, pending = seal_request(PUBLIC, APP, b"bid 100")
    reply = open_request(KEY, APP, message).seal_reply(ReplyStatus.OK, b"you won")
    for bit in range(len(reply) * 8):
        with pytest.raises(ChannelError):
            pending.open(flipped(reply, bit))


@given(st.binary(max_size=700))
def test_arbitrary_bytes_are_no_message(junk: bytes) -> None:
    _, pending = seal_request(PUBLIC, APP, b"")
    with pytest.raises(ChannelError):
        open_request(KEY, APP, junk)
    with pytest.raises(ChannelError):
        pending.open(junk)


def test_a_request_sealed_for_another_app_or_key_is_not_opened() -> None:
    message, _ = seal_request(PUBLIC, bytes(48), b"for another app")
    with pytest.raises(ChannelError):
        open_request(KEY, APP, message)
    message, _ = seal_request(X25519PrivateKey.generate().public_key().public_bytes_raw(), APP, b"")
    with pytest.raises(ChannelError):
        open_request(KEY, APP, message)


def test_a_reply_to_another_request_is_not_taken_for_this_one() -> None:
    first, first_pending = seal_request(PUBLIC, APP, b"same words")
    second, second_pending = seal_request(PUBLIC, APP, b"same words")
    replies = [open_request(KEY, APP, m).seal_reply(ReplyStatus.OK, b"answer") for m in (first, second)]
    with pytest.raises(ChannelError, match="another request"):
        first_pending.open(replies[1])
    with pytest.raises(ChannelError, match="another request"):
        second_pending.open(replies[0])


def test_all_failures_to_open_a_request_look_alike() -> None:
    """A host that learns why would have an oracle."""
    good, _ = seal_request(PUBLIC, APP, b"x")
    malformed = [b"", bytes(32), good[:-1], good + b"\0", flipped(good, 0), flipped(good, 400)]
    malformed += [sealed_raw(p) for p in plaintexts_of_wrong_shape()]
    messages = set()
    for message in malformed:
        with pytest.raises(ChannelError) as caught:
            open_request(KEY, APP, message)
        messages.add((str(caught.value), caught.value.where))
    assert len(messages) == 1


@pytest.mark.parametrize("head", [(7, 0), (0, 249), (0, 2**32 - 1), (0, 0, 1)])
def test_a_reply_of_wrong_shape_is_refused_even_from_the_tee(head: tuple[int, ...]) -> None:
    """Unknown status; longer than the message; dirty padding."""
    message, pending = seal_request(PUBLIC, APP, b"")
    plaintext = b"".join(n.to_bytes(4, "little") for n in head).ljust(BLOCK, b"\0")
    key = rfc9180.hkdf_sha256(pending._reply_key, b"ttee/channel/1 reply")
    reply = ChaCha20Poly1305(key).encrypt(bytes(12), plaintext, hashlib.sha256(message).digest())
    with pytest.raises(ChannelError):
        pending.open(reply)


def test_more_than_a_message_holds_is_refused_before_it_is_sealed() -> None:
    message, pending = seal_request(PUBLIC, APP, bytes(MAX_PAYLOAD))
    assert len(message) <= MAX_REQUEST
    opened = open_request(KEY, APP, message)
    reply = opened.seal_reply(ReplyStatus.OK, bytes(MAX_PAYLOAD))
    assert len(reply) <= MAX_REPLY
    assert pending.open(reply).payload == bytes(MAX_PAYLOAD)
    with pytest.raises(RequestTooLargeError):
        seal_request(PUBLIC, APP, bytes(MAX_PAYLOAD + 1))
    with pytest.raises(RequestTooLargeError):
        opened.seal_reply(ReplyStatus.OK, bytes(MAX_PAYLOAD + 1))


def test_more_than_a_message_holds_is_not_opened_even_if_a_key_holder_sealed_it() -> None:
    message, pending = seal_request(PUBLIC, APP, b"")
    size = (MAX_PAYLOAD + BLOCK).to_bytes(4, "little")
    room = bytes(MAX_PAYLOAD + BLOCK)
    with pytest.raises(ChannelError):
        open_request(KEY, APP, sealed_raw(padded(bytes(32) + size + room)))
    key = rfc9180.hkdf_sha256(pending._reply_key, b"ttee/channel/1 reply")
    digest = hashlib.sha256(message).digest()
    reply = ChaCha20Poly1305(key).encrypt(bytes(12), padded(bytes(4) + size + room), digest)
    with pytest.raises(ChannelError, match="more than any"):
        pending.open(reply)


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(32), (1).to_bytes(32, "little"), bytes(33)])
def test_a_channel_key_that_anybody_could_hold_is_refused(key: bytes) -> None:
    """Wrong sizes, and points of small order, whose shared secret is zero."""
    with pytest.raises(WeakKeyError):
        seal_request(key, APP, b"secret")


def test_no_secret_shows_in_a_representation() -> None:
    message, pending = seal_request(PUBLIC, APP, b"my secret bid")
    opened = open_request(KEY, APP, message)
    assert repr(pending._reply_key) not in repr(pending)
    assert "secret bid" not in repr(opened)
    assert repr(opened._reply_key) not in repr(opened)


# --- the standard -----------------------------------------------------------------------------------


def test_the_reference_below_reproduces_rfc_9180_appendix_a_2_1() -> None:
    v = rfc9180.A_2_1
    enc, key, nonce = rfc9180.sender(v.ephemeral, v.recipient_public, v.info)
    assert (enc, key, nonce) == (v.enc, v.key, v.base_nonce)
    assert ChaCha20Poly1305(key).encrypt(nonce, v.plaintext, v.aad) == v.ciphertext
    assert rfc9180.recipient(enc, v.recipient, v.info) == (key, nonce)


def test_our_library_speaks_rfc_9180() -> None:
    """Every message of the appendix has associated data, which the single shot has not; so: its keys."""
    v = rfc9180.A_2_1
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
    ciphertext = ChaCha20Poly1305(v.key).encrypt(v.base_nonce, v.plaintext, b"")
    recipient = X25519PrivateKey.from_private_bytes(v.recipient)
    assert suite.decrypt(v.enc + ciphertext, recipient, info=v.info) == v.plaintext
    sealed = suite.encrypt(v.plaintext, X25519PublicKey.from_public_bytes(v.recipient_public), info=v.info)
    key, nonce = rfc9180.recipient(sealed[:32], v.recipient, v.info)
    assert ChaCha20Poly1305(key).decrypt(nonce, sealed[32:], b"") == v.plaintext


@given(payloads)
def test_a_request_is_what_the_specification_says_byte_for_byte(payload: bytes) -> None:
    message, pending = seal_request(PUBLIC, APP, payload)
    key, nonce = rfc9180.recipient(message[:32], bytes(range(32)), b"ttee/channel/1 request" + APP)
    plaintext = ChaCha20Poly1305(key).decrypt(nonce, message[32:], b"")
    assert plaintext[:32] == pending._reply_key
    assert int.from_bytes(plaintext[32:36], "little") == len(payload)
    assert plaintext[36 : 36 + len(payload)] == payload
    assert not any(plaintext[36 + len(payload) :])


def flipped(message: bytes, bit: int) -> bytes:
    changed = bytearray(message)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def padded(plaintext: bytes) -> bytes:
    return plaintext.ljust(-(-len(plaintext) // BLOCK) * BLOCK, b"\0")


def sealed_raw(plaintext: bytes) -> bytes:
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
    return suite.encrypt(plaintext, KEY.public_key(), info=b"ttee/channel/1 request" + APP)


def plaintexts_of_wrong_shape() -> list[bytes]:
    def shaped(length: int, size: int, last: int = 0) -> bytes:
        return (bytes(32) + length.to_bytes(4, "little")).ljust(size - 1, b"\0") + bytes([last])

    return [
        b"",
        bytes(35),
        shaped(221, BLOCK),  # longer than what is there
        shaped(2**32 - 1, BLOCK),
        shaped(3, BLOCK, last=1),  # dirty padding
        shaped(3, 2 * BLOCK),  # a block too many
        shaped(3, 200),  # not padded
    ]
