# SPDX-License-Identifier: Apache-2.0
"""What an app seals, only that app opens, only here, and only unaltered."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt

from ttee.guest.sealing import OVERHEAD, KeyPolicy, Sealer


def sealer(secret: bytes = b"machine", *, svn: int = 5, policy: KeyPolicy = KeyPolicy.MEASUREMENT) -> Sealer:
    """A TEE that grants what is bound to its svn or an older one."""

    def derive(kind: KeyPolicy, asked: int, path: bytes) -> bytes | None:
        if asked > svn:
            return None
        return hashlib.sha256(repr((secret, kind, asked, path)).encode()).digest()

    return Sealer(derive, policy=policy, svn=svn)


@given(st.binary(max_size=300))
def test_what_is_sealed_can_be_opened_again(content: bytes) -> None:
    blob = sealer().seal(content)
    assert len(blob) == len(content) + OVERHEAD
    assert sealer().unseal(blob) == content


def test_the_blob_is_as_specified() -> None:
    key = hashlib.sha256(repr((b"machine", KeyPolicy.AUTHORITY, 5, b"ttee/seal/1")).encode()).digest()
    one = Sealer(
        lambda *_: key, policy=KeyPolicy.AUTHORITY, svn=5, random=lambda length: bytes(range(length))
    )
    blob = one.seal(b"content")
    header = b"TTEESEAL" + b"\1" + bytes(7) + (5).to_bytes(8, "little") + bytes(range(24))
    assert blob[:48] == header
    assert crypto_aead_xchacha20poly1305_ietf_decrypt(blob[48:], header, bytes(range(24)), key) == b"content"


@given(st.data())
def test_one_altered_bit_anywhere_is_noticed(data: st.DataObject) -> None:
    blob = bytearray(sealer().seal(b"content"))
    bit = data.draw(st.integers(0, 8 * len(blob) - 1))
    blob[bit // 8] ^= 1 << bit % 8
    assert sealer().unseal(bytes(blob)) is None


@given(st.binary(max_size=120))
def test_any_bytes_are_refused_quietly(blob: bytes) -> None:
    assert sealer().unseal(blob) is None


def test_another_machine_cannot_open_it() -> None:
    assert sealer(b"other").unseal(sealer().seal(b"content")) is None


def test_a_newer_version_reads_what_an_older_one_sealed_and_never_the_reverse() -> None:
    assert sealer(svn=6).unseal(sealer(svn=5).seal(b"content")) == b"content"
    assert sealer(svn=5).unseal(sealer(svn=6).seal(b"content")) is None


def test_keys_of_the_app_differ_by_path_and_from_those_of_sealing() -> None:
    one = sealer()
    assert one.app_key(b"a") == one.app_key(b"a")
    assert one.app_key(b"a") != one.app_key(b"b")
    assert one.app_key(b"") != one._own_key(b"ttee/seal/1")
