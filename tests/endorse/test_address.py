# SPDX-License-Identifier: Apache-2.0
"""Which addresses are asked: those of public hosts by https, and mirrors that the user named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttee.endorse.address import is_loopback, parse_mirror, resolve, same_host
from ttee.errors import FetchError, UsageError

PCS = "https://api.trustedservices.intel.com"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://certificates.example/a",
        "file:///etc/passwd",
        "https://127.0.0.1/a",
        "https://[::1]/a",
        "https://localhost/a",
        "https://router/a",
        "https://169.254.169.254/latest/meta-data",
        "https://certificates.example:8443/a",
        "https://user:secret@certificates.example/a",
        "https://certificates.example/a#b",
        "https://certificates.example/a b",
        "https://certificates.example/\r\nX: y",
        "https://[broken",
        "https://" + "a" * 3000,
        "certificates.example/a",
        "",
    ],
)
def test_an_address_that_a_stranger_could_abuse_is_not_asked(url: str) -> None:
    with pytest.raises(FetchError, match="not asked"):
        resolve(url)


def test_a_list_that_a_certificate_names_by_http_is_asked_for_by_https() -> None:
    assert resolve("http://crl.certificates.example/a.crl") == "https://crl.certificates.example/a.crl"


def test_the_longest_mirror_answers_for_an_address() -> None:
    mirrors = [
        parse_mirror(f"{PCS}=https://pccs.local:8081"),
        parse_mirror(f"{PCS}/sgx/certification/v4/=http://localhost:9/v4/"),
    ]
    assert resolve(f"{PCS}/tdx/certification/v4/tcb?fmspc=0", mirrors) == (
        "https://pccs.local:8081/tdx/certification/v4/tcb?fmspc=0"
    )
    assert resolve(f"{PCS}/sgx/certification/v4/pckcrl?ca=platform", mirrors) == (
        "http://localhost:9/v4/pckcrl?ca=platform"
    )
    assert resolve(f"{PCS}.evil.example/x", mirrors) == f"{PCS}.evil.example/x"


def test_a_mirror_of_an_http_address_is_one_of_its_https_address() -> None:
    mirrors = [parse_mirror("http://crl.example.com=http://127.0.0.1:1")]
    assert resolve("https://crl.example.com/a", mirrors) == "http://127.0.0.1:1/a"


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "https://a.example",
        "a.example=https://b.example",
        "https://a.example=http://b.example",
        "https://a.example=https://u:p@b.example",
        "https://a.example=https://b.example/?q",
        "https://a.example=https://b.example:port",
        "https://=https://b.example",
    ],
)
def test_a_mirror_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_mirror(text)


def test_hosts_are_compared_with_their_ports_and_schemes() -> None:
    assert same_host("https://a.example/x", "https://a.example/y")
    assert not same_host("https://a.example/x", "http://a.example/x")
    assert not same_host("https://a.example/x", "https://a.example:444/x")
    assert not same_host("https://a.example/x", "https://[broken")
    assert is_loopback("::1")
    assert not is_loopback("a.example")


@given(st.text(max_size=200))
def test_any_text_is_an_https_address_or_refused(text: str) -> None:
    try:
        asked = resolve(text)
    except FetchError:
        return
    assert asked.startswith("https://")
