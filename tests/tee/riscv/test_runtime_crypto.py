# SPDX-License-Identifier: Apache-2.0
"""The enclave runtime's cryptography, built for this machine, against hashlib, `cryptography`, PyNaCl and an RFC."""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from hypothesis import given
from hypothesis import strategies as st
from nacl import bindings

from ttee.channel.sealed import OpenedRequest, PendingReply, ReplyStatus
from ttee.tee.riscv.sources import firmware_sources

SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
Shim = ctypes.CDLL


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Shim:
    """firmware/crypto/runtime.zig as a shared library."""
    library = tmp_path_factory.mktemp("shim") / "runtime.so"
    arguments = ["build-lib", "-dynamic", "-O", "ReleaseSafe", "-fstrip", f"-femit-bin={library}"]
    subprocess.run(
        [sys.executable, "-m", "ziglang", *arguments, str(firmware_sources() / "crypto" / "runtime.zig")],
        cwd=library.parent,
        check=True,
    )
    loaded = ctypes.CDLL(str(library))
    for function in (loaded.rt_hpke_open, loaded.rt_unseal):
        function.restype = ctypes.c_bool
    return loaded


def size(value: int) -> ctypes.c_size_t:
    return ctypes.c_size_t(value)


def room(content: bytes | int) -> ctypes.Array[ctypes.c_char]:
    """A buffer that the shim may write to."""
    return ctypes.create_string_buffer(content, len(content) if isinstance(content, bytes) else content)


@pytest.mark.parametrize(("name", "length"), [("sha256", 32), ("sha384", 48), ("sha512", 64)])
@given(data=st.binary(max_size=400))
def test_hashes(shim: Shim, name: str, length: int, data: bytes) -> None:
    out = room(length)
    getattr(shim, f"rt_{name}")(out, data, size(len(data)))
    assert out.raw == hashlib.new(name, data).digest()


def test_wipe(shim: Shim) -> None:
    buffer = room(b"secret, and the rest")
    shim.rt_wipe(buffer, size(6))
    assert buffer.raw == bytes(6) + b", and the rest"


@given(secret=st.binary(min_size=32, max_size=32))
def test_public_keys(shim: Shim, secret: bytes) -> None:
    out = room(32)
    shim.rt_x25519_public(out, secret)
    assert out.raw == X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def hpke_open(shim: Shim, message: bytes, secret: bytes, info: bytes) -> bytes | None:
    """The plaintext, or None; a message that cannot be opened is not left decrypted."""
    public = X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
    buffer = room(message)
    if not shim.rt_hpke_open(buffer, size(len(message)), secret, public, info, size(len(info))):
        if len(message) >= 48:
            assert buffer.raw[32:-16] in (bytes(len(message) - 48), message[32:-16])
        return None
    return buffer.raw[32:-16]


@given(
    secret=st.binary(min_size=32, max_size=32),
    plaintext=st.binary(max_size=600),
    info=st.binary(max_size=100),
)
def test_hpke_opens_what_cryptography_seals(shim: Shim, secret: bytes, plaintext: bytes, info: bytes) -> None:
    key = X25519PrivateKey.from_private_bytes(secret)
    message = SUITE.encrypt(plaintext, key.public_key(), info=info)
    assert hpke_open(shim, message, secret, info) == plaintext
    assert hpke_open(shim, message, secret, info + b"!") is None
    assert hpke_open(shim, message[:-1], secret, info) is None


@given(at=st.integers(0, 32 + 40 + 16 - 1), bit=st.integers(0, 7))
def test_hpke_refuses_every_altered_bit(shim: Shim, at: int, bit: int) -> None:
    """Also the top bit of enc, which X25519 ignores: the shared secret is bound to the bytes of enc."""
    secret = hashlib.sha256(b"receiver").digest()
    public = X25519PrivateKey.from_private_bytes(secret).public_key()
    message = bytearray(SUITE.encrypt(bytes(40), public, info=b"info"))
    message[at] ^= 1 << bit
    assert hpke_open(shim, bytes(message), secret, b"info") is None


@pytest.mark.parametrize("enc", [bytes(32), b"\1" + bytes(31), (2**255 - 19).to_bytes(32, "little")])
def test_hpke_refuses_points_of_small_order(shim: Shim, enc: bytes) -> None:
    assert hpke_open(shim, enc + bytes(272), b"k" * 32, b"") is None


@pytest.mark.parametrize("length", [0, 1, 31, 32, 47])
def test_hpke_refuses_what_is_too_short(shim: Shim, length: int) -> None:
    assert hpke_open(shim, bytes(length), b"k" * 32, b"") is None


def test_hpke_derives_the_key_and_nonce_of_the_rfc(shim: Shim) -> None:
    """RFC 9180, appendix A.2.1. The RFC seals with associated data, which we never do, so its message is sealed again
    with the key and the nonce that the RFC gives."""
    info = bytes.fromhex("4f6465206f6e2061204772656369616e2055726e")
    secret = bytes.fromhex("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb")
    enc = bytes.fromhex("1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a")
    key = ChaCha20Poly1305(bytes.fromhex("ad2744de8e17f4ebba575b3f5f5a8fa1f69c2a07f6e7500bc60ca6e3e3ec1c91"))
    nonce = bytes.fromhex("5c4d98150661b848853b547f")
    sealed = "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28"
    text = key.decrypt(nonce, bytes.fromhex(sealed), b"Count-0")
    assert text == b"Beauty is truth, truth beauty"
    assert hpke_open(shim, enc + key.encrypt(nonce, text, b""), secret, info) == text


@given(payload=st.binary(max_size=700), key=st.binary(min_size=32, max_size=32))
def test_replies_are_what_clients_open(shim: Shim, payload: bytes, key: bytes) -> None:
    digest = hashlib.sha256(b"request").digest()
    plaintext = bytes(4) + len(payload).to_bytes(4, "little") + payload
    plaintext += bytes(-len(plaintext) % 256)
    buffer = room(plaintext + bytes(16))
    shim.rt_reply_seal(buffer, size(len(plaintext)), key, digest)
    assert buffer.raw == OpenedRequest(b"", key, digest).seal_reply(ReplyStatus.OK, payload)
    assert PendingReply(key, digest).open(buffer.raw).payload == payload


@given(content=st.binary(max_size=300), header=st.binary(max_size=64))
def test_sealed_blobs_are_xchacha20_poly1305(shim: Shim, content: bytes, header: bytes) -> None:
    key, nonce = os.urandom(32), os.urandom(24)
    buffer = room(content + bytes(16))
    shim.rt_seal(buffer, size(len(content)), header, size(len(header)), nonce, key)
    assert buffer.raw == bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(content, header, nonce, key)
    tag = buffer.raw[len(content) :]
    opened = room(buffer.raw)
    assert shim.rt_unseal(opened, size(len(content)), tag, header, size(len(header)), nonce, key)
    assert opened.raw[: len(content)] == content
    opened = room(buffer.raw)
    assert not shim.rt_unseal(
        opened, size(len(content)), tag, header + b"!", size(len(header) + 1), nonce, key
    )
    assert opened.raw[: len(content)] == bytes(len(content))


def test_everything_that_the_shim_exports_is_declared_and_tested() -> None:
    declared = (firmware_sources() / "runtime" / "crypto.h").read_text()
    source = (firmware_sources() / "crypto" / "runtime.zig").read_text()
    exported = set(re.findall(r"^export fn (\w+)", source, re.MULTILINE))
    tested = set(re.findall(r"shim\.(rt_\w+)", Path(__file__).read_text()))
    assert exported == tested | {"rt_sha256", "rt_sha384", "rt_sha512"}
    assert exported == set(re.findall(r"\brt_\w+", declared))
