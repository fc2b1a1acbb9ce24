# SPDX-License-Identifier: Apache-2.0
"""Certificates and lists are found in whatever form they come, and in nothing else."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttee.pki.found import MAX_SIZE, Found, find, issued
from ttee.testing import x509
from ttee.testing.intel import Vendor

VENDOR = Vendor.random()
ROOT, SIGNER, CRL = VENDOR.root(), VENDOR.signer(), VENDOR.crl()
CRL_PEM = x509.pem(CRL).replace(b" CERTIFICATE-", b" X509 CRL-")


def contents(data: bytes) -> tuple[list[bytes], list[bytes]]:
    found = find(data)
    return [each.der for each in found.certificates], [each.der for each in found.crls]


@pytest.mark.parametrize("content", [ROOT, CRL], ids=["certificate", "list"])
def test_one_is_found_in_each_form(content: bytes) -> None:
    crl = content == CRL
    pem = CRL_PEM if crl else x509.pem(ROOT)
    json_of = {"texts": json.dumps({"a": pem.decode(), "b": None, "c": "text", "d": content.hex()}).encode()}
    for form in (
        content,
        pem,
        content.hex().encode(),
        content.hex().upper().encode() + b"\n",
        b64encode(content),
    ):
        assert contents(form) == (([], [content]) if crl else ([content], []))
    assert contents(json_of["texts"]) == (([], [content] * 2) if crl else ([content] * 2, []))


def test_several_are_found_in_their_order_with_text_between() -> None:
    bundle = b"two\r\n" + x509.pem(SIGNER) + b"and" + CRL_PEM + x509.pem(ROOT).replace(b"\n", b"\r\n")
    assert contents(bundle) == ([SIGNER, ROOT], [CRL])


def test_what_is_broken_is_passed_over() -> None:
    broken = x509.pem(SIGNER).replace(b"MII", b"M=I", 1) + x509.pem(SIGNER[:-1]) + x509.pem(ROOT)
    assert contents(broken) == ([ROOT], [])
    assert contents(CRL_PEM.replace(b"X509 CRL", b"CERTIFICATE")) == ([], [])
    assert (
        contents(b"") == contents(b"{") == contents(b"[]") == contents(b"{}") == contents(b"abc") == ([], [])
    )


def test_a_file_that_is_too_large_is_not_looked_at() -> None:
    pem = x509.pem(ROOT)
    assert contents(pem + b" " * (MAX_SIZE - len(pem))) == ([ROOT], [])
    assert contents(pem + b" " * (MAX_SIZE - len(pem) + 1)) == ([], [])


@pytest.mark.parametrize(
    "text", [b"-----BEGIN CERTIFICATE-----", b"-----BEGIN CERTIFICATE-----A", b"A", b"a0", b" "]
)
def test_millions_of_beginnings_without_an_end_are_nothing(text: bytes) -> None:
    assert find(text * ((4 << 20) // len(text))) == Found()


@given(st.binary(max_size=400))
def test_anything_else_is_nothing(data: bytes) -> None:
    assert find(data) == Found()


@given(st.integers(0, len(ROOT) * 8 - 1))
def test_a_certificate_with_a_bit_changed_was_not_issued(bit: int) -> None:
    changed = bytearray(SIGNER)
    changed[bit // 8 % len(SIGNER)] ^= 1 << bit % 8
    (root,) = find(ROOT).certificates
    for certificate in find(bytes(changed)).certificates:
        assert not issued(certificate, root)


def test_who_signed_is_told_by_name_and_key() -> None:
    (root,), (signer,), (crl,) = find(ROOT).certificates, find(SIGNER).certificates, find(CRL).crls
    assert issued(signer, root)
    assert issued(crl, root)
    assert issued(root, root)
    assert not issued(root, signer)
    (twin,) = find(Vendor.random().root()).certificates
    assert twin.subject == root.subject
    assert not issued(signer, twin)
    assert not issued(crl, twin)
