# SPDX-License-Identifier: Apache-2.0
"""A bundle has one encoding, and one measurement."""

from __future__ import annotations

import hashlib
import string

import cbor2
import pytest
from attrs import evolve
from hypothesis import example, given
from hypothesis import strategies as st

from ttee.app.bundle import MAX_SVN, PAGE, Bundle, Limits
from ttee.errors import BundleError

HELLO = Bundle("hello", "0.1.0", 1, b"", Limits(), b"\0asm")

bundles = st.builds(
    Bundle,
    name=st.from_regex(r"[a-z][a-z0-9-]{0,63}", fullmatch=True, alphabet=string.printable),
    version=st.text(string.digits + ".", min_size=1, max_size=64),
    svn=st.integers(0, MAX_SVN),
    authority=st.sampled_from([b"", bytes(range(32))]),
    limits=st.builds(
        Limits,
        memory=st.integers(1, 256).map(lambda pages: pages * PAGE),
        stack=st.integers(4 << 10, 1 << 20),
        request=st.integers(1, 256 << 10),
        reply=st.integers(1, 256 << 10),
    ),
    module=st.binary(min_size=1, max_size=100),
)


@given(bundles)
def test_decoding_gives_back_what_was_encoded(bundle: Bundle) -> None:
    assert Bundle.decode(bundle.encode()) == bundle


def test_the_measurement_is_the_digest_of_the_specified_bytes() -> None:
    expected = (
        bytes.fromhex("a8")
        + b"\x63abi\x01"
        + b"\x63svn\x01"
        + b"\x64name\x65hello"
        + b"\x66limits\xa4"
        + (b"\x65reply\x1a\0\1\0\0" + b"\x65stack\x1a\0\1\0\0")
        + (b"\x66memory\x1a\0\x10\0\0" + b"\x67request\x1a\0\1\0\0")
        + b"\x66module\x44\0asm"
        + b"\x66schema\x6dttee.bundle/1"
        + b"\x67version\x650.1.0"
        + b"\x69authority\x40"
    )
    assert HELLO.encode() == expected
    assert HELLO.measurement == hashlib.sha384(expected).digest()


@given(st.binary(max_size=300))
@example(b"")
def test_any_bytes_are_a_bundle_or_a_bundle_error(data: bytes) -> None:
    try:
        Bundle.decode(data)
    except BundleError:
        return


@given(bundles, st.data())
def test_a_bundle_cut_short_or_extended_is_refused(bundle: Bundle, data: st.DataObject) -> None:
    encoded = bundle.encode()
    with pytest.raises(BundleError):
        Bundle.decode(encoded[: data.draw(st.integers(0, len(encoded) - 1))])
    with pytest.raises(BundleError):
        Bundle.decode(encoded + data.draw(st.binary(min_size=1, max_size=8)))


def test_another_order_of_keys_is_refused() -> None:
    fields = cbor2.loads(HELLO.encode())
    with pytest.raises(BundleError, match="deterministic"):
        Bundle.decode(cbor2.dumps(dict(reversed(fields.items()))))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"schema": "ttee.bundle/2"}, "schema"),
        ({"abi": 2}, "abi"),
        ({"abi": True}, "wrong type"),
        ({"svn": -1}, "svn"),
        ({"name": "Hello"}, "name"),
        ({"name": "hello\n"}, "name"),
        ({"name": b"hello"}, "wrong type"),
        ({"version": ""}, "version"),
        ({"version": "1\x1b[31m"}, "version"),
        ({"authority": bytes(31)}, "authority"),
        ({"module": b""}, "module"),
        ({"limits": []}, "limits is not a map"),
        ({"limits": {"reply": 1, "stack": 4096, "memory": 65537, "request": 1}}, "whole pages"),
        ({"limits": {"reply": 1, "stack": 4096, "memory": 65536, "request": 0}}, "request"),
        ({"limits": {"reply": 1, "stack": 4095, "memory": 65536, "request": 1}}, "stack"),
        ({"colour": "red"}, "exactly the keys"),
    ],
)
def test_each_field_is_held_to_its_bounds(change: dict[str, object], complaint: str) -> None:
    fields = cbor2.loads(HELLO.encode())
    with pytest.raises(BundleError, match=complaint):
        Bundle.decode(cbor2.dumps(fields | change, canonical=True))


def test_a_bundle_out_of_bounds_cannot_be_made() -> None:
    with pytest.raises(BundleError, match=r"limits\.memory"):
        evolve(HELLO, limits=Limits(memory=1))
