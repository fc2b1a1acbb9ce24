# SPDX-License-Identifier: Apache-2.0
"""Addresses in certificates: given out only on hosts that the caller names, and as https."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pki.authority import certificate
from ttee.codec import der
from ttee.pki.addresses import AUTHORITY_INFO, CRL_POINTS, can_be_revoked, crl_addresses, issuer_addresses
from ttee.testing import x509

HOSTS = re.compile(r"(lists|more)\.example")


def test_a_list_and_an_issuer_are_where_the_certificate_says() -> None:
    leaf = certificate(
        "leaf",
        extensions=(
            x509.crl_points("http://lists.example/a.crl"),
            x509.issuer_at("https://more.example/a.crt"),
        ),
    )
    assert crl_addresses(leaf, HOSTS) == ("https://lists.example/a.crl",)
    assert issuer_addresses(leaf, HOSTS) == ("https://more.example/a.crt",)


def test_a_certificate_that_says_nothing_has_no_addresses() -> None:
    assert crl_addresses(certificate("leaf"), HOSTS) == ()
    assert issuer_addresses(certificate("leaf"), HOSTS) == ()


def _access(*parts: bytes) -> bytes:
    return x509.extension(AUTHORITY_INFO, x509.sequence(x509.sequence(*parts)))


@pytest.mark.parametrize(
    ("extension", "can"),
    [
        (x509.crl_points("http://elsewhere.example/a.crl"), True),
        (_access(der.encode_oid("1.3.6.1.5.5.7.48.1"), der.encode(0x86, b"http://ocsp.example")), True),
        (x509.issuer_at("http://more.example/a.crt"), False),
        (_access(), True),
        (x509.extension(AUTHORITY_INFO, b"garbage"), True),
    ],
)
def test_who_names_a_list_or_a_service_can_be_revoked(extension: bytes, can: bool) -> None:
    """What cannot be read counts as such a name, so that garbage does not make a certificate good for ever."""
    assert not can_be_revoked(certificate("leaf"))
    assert can_be_revoked(certificate("leaf", extensions=(extension,))) is can


@pytest.mark.parametrize(
    "url",
    [
        "http://elsewhere.example/a.crl",
        "http://lists.example.evil.example/a.crl",
        "http://lists.example@evil.example/a.crl",
        "http://lists.example:8080/a.crl",
        "http://lists.example/a.crl?where=http://evil.example/",
        "http://lists.example/a.crl#b",
        "http://lists.example/a b",
        "http://lists.example/a\r\nHost: evil.example",
        "http://lists.example/ü",
        "http://lists.example",
        "ldap://lists.example/a",
        "file:///etc/passwd",
        f"http://lists.example/{'a' * 600}",
    ],
)
def test_a_stranger_cannot_choose_whom_we_ask(url: str) -> None:
    """What a certificate says is not verified when the question arises."""
    leaf = certificate("leaf", extensions=(x509.crl_points(url), x509.issuer_at(url)))
    assert crl_addresses(leaf, HOSTS) == ()
    assert issuer_addresses(leaf, HOSTS) == ()


@given(st.binary(max_size=64))
def test_extensions_that_are_malformed_have_no_addresses(value: bytes) -> None:
    leaf = certificate(
        "leaf", extensions=(x509.extension(CRL_POINTS, value), x509.extension(AUTHORITY_INFO, value))
    )
    assert crl_addresses(leaf, HOSTS) == ()
    assert issuer_addresses(leaf, HOSTS) == ()
