# SPDX-License-Identifier: Apache-2.0
"""Certificates, read strictly; what others read leniently is refused, and what makers really write is not."""

from __future__ import annotations

import warnings
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256

import pytest
from cryptography import x509 as theirs
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import vectors
from tests.pki import authority
from tests.pki.authority import NOW
from ttee.codec import der
from ttee.errors import CertificateError, EndorsementError, MalformedEvidenceError, TteeError
from ttee.pki.certificate import (
    MAX_SIZE,
    common_name,
    load_certificate,
    load_padded_certificate,
    load_pem_chain,
)
from ttee.testing import x509

GENUINE = (
    "intel-dcap/pcs/TrustedRootCA.der",
    "sgx/intel-qvl-sample/pckCert.pem",
    "snp/ca/ask_ark_milan.pem",
    "azure-vtpm/azure-virtual-tpm-root-2023.pem",
)
MADE = [authority.der(role) for role in ("leaf", "issuer", "root")]


def refused(data: bytes, words: str = "") -> None:
    with pytest.raises(MalformedEvidenceError) as caught:
        load_certificate(data, what="it")
    assert words in caught.value.message, caught.value.message
    assert caught.value.source or "bytes" in caught.value.message


def rebuilt(*parts: bytes, version: bytes = b"\xa0\3\2\1\2") -> bytes:
    """A certificate whose TBS is the leaf's, all but its first parts replaced."""
    tbs = der.sequence(authority.der("leaf"))[0][2]
    rest = [der.encode(tag, content) for tag, _, content, _ in der.elements(tbs)]
    whole = x509.sequence(version, *parts, *rest[1 + len(parts) :])
    return x509.sequence(whole, rest[2], x509.bits(b"signature"))


def replaced(index: int, part: bytes) -> bytes:
    """The leaf with another part at `index` of its TBS; its signature does not matter."""
    tbs = der.sequence(authority.der("leaf"))[0][2]
    found = [der.encode(tag, content) for tag, _, content, _ in der.elements(tbs)]
    algorithm = found[2]
    found[index] = part
    return x509.sequence(x509.sequence(*found), algorithm, x509.bits(b"signature"))


@pytest.mark.parametrize("name", GENUINE)
def test_genuine_certificates_read_as_another_reader_reads_them(name: str) -> None:
    data = vectors.read(name)
    pem = data if data.startswith(b"-----") else x509.pem(data)
    for ours, other in zip(
        load_pem_chain(pem, what=name, size=range(1, 5)), theirs.load_pem_x509_certificates(pem), strict=True
    ):
        assert ours.der == other.public_bytes(Encoding.DER)
        assert ours.tbs == other.tbs_certificate_bytes
        assert ours.signature == other.signature
        assert ours.serial == other.serial_number
        assert (ours.subject, ours.issuer) == (other.subject.public_bytes(), other.issuer.public_bytes())
        assert ours.validity.start == other.not_valid_before_utc
        assert ours.validity.end == other.not_valid_after_utc
        spki = other.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        assert ours.spki == spki
        assert {oid: each.critical for oid, each in ours.extensions.items()} == {
            each.oid.dotted_string: each.critical for each in other.extensions
        }
        constraints = other.extensions.get_extension_for_class(theirs.BasicConstraints).value
        assert (ours.is_ca, ours.path_length) == (constraints.ca, constraints.path_length)
        assert ours.digest == sha256(ours.der).digest()
        assert ours.key_digest == sha256(ours.spki).digest()


def test_a_serial_number_of_zero_is_read_without_a_warning() -> None:
    """AMD's chips have it; other readers warn, and are about to refuse."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert authority.certificate("leaf", serial=0).serial == 0


def test_what_a_certificate_says() -> None:
    leaf, issuer, _ = authority.chain()
    assert (leaf.common_name, leaf.issuer_common_name) == ("leaf", "issuer")
    assert (leaf.is_ca, issuer.is_ca, issuer.path_length) == (False, True, 0)
    assert (leaf.key_usage, issuer.key_usage) == (frozenset({0}), frozenset({5, 6}))
    assert authority.certificate("leaf", extensions=(x509.basic_constraints(ca=False),)).key_usage is None


def test_a_common_name_counts_only_if_there_is_one() -> None:
    assert common_name(x509.name(CN="a", O="b")) == "a"
    assert common_name(x509.name(O="b")) == ""
    assert common_name(x509.name(CN="a")[:-1]) == ""
    twice = x509.sequence(*[der.elements(der.only(x509.name(CN="a"), der.SEQUENCE))[0][2]] * 2)
    assert common_name(twice) == ""
    assert common_name(x509.sequence(der.encode(der.SET, x509.sequence(b"\6\1\1", b"\4\1a")))) == ""
    for half in (x509.sequence(), x509.sequence(b"\6\1\1")):
        assert common_name(x509.sequence(der.encode(der.SET, half))) == ""


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not one element"),
        (b"\x30\0", "0 elements where 3"),
        (authority.der("leaf") + b"\0", "cannot be read"),
        (authority.der("leaf")[:-1], "cannot be read"),
        (authority.der("leaf", version=2), "than 3"),
        (authority.der("leaf", version=1), "version 3 without"),
        (authority.der("leaf", extensions=()), "version 3"),
        (authority.der("leaf", serial=-1), "integer"),
        (authority.der("leaf", serial=1 << 161), "integer"),
        (rebuilt(der.encode(der.OCTET_STRING, b"1")), "tag"),
        (rebuilt(b"\2\1\1", x509.sequence(der.encode_oid("1.2.3"))), "two signature algorithms"),
        (rebuilt(version=b"\xa1\3\2\1\2"), "than 3"),
        (replaced(3, b"\5\0"), "tag"),
        (replaced(4, x509.sequence(x509.moment(NOW))), "not two times"),
        (replaced(5, b"\5\0"), "tag"),
        (replaced(6, b"\5\0"), "tag"),
        (authority.der("leaf", extensions=[x509.key_usage(0)] * 2), "twice"),
        (authority.der("leaf", extensions=[x509.sequence(der.encode_oid("1.2.3"))]), "without a value"),
        (
            authority.der(
                "leaf",
                extensions=[x509.sequence(der.encode_oid("1.2.3"), x509.boolean(False), x509.octets(b""))],
            ),
            "default value",
        ),
        (
            authority.der(
                "leaf", extensions=[x509.extension("2.5.29.19", x509.sequence(x509.boolean(False)))]
            ),
            "default value",
        ),
        (authority.der("leaf", extensions=[x509.extension("2.5.29.19", b"\5\0")]), "not one element"),
        (authority.der("leaf", extensions=[x509.extension("2.5.29.15", b"\5\0")]), "not one element"),
        (
            authority.der("leaf", extensions=[x509.extension(f"1.2.{i}", b"") for i in range(65)]),
            "more than 64",
        ),
    ],
)
def test_what_is_no_certificate_is_refused(data: bytes, words: str) -> None:
    refused(data, words)


def test_a_certificate_has_a_greatest_size() -> None:
    refused(bytes(MAX_SIZE + 1), "at most")
    refused(bytes(MAX_SIZE), "cannot be read")


def test_the_caller_says_whose_fault_it_is() -> None:
    with pytest.raises(EndorsementError):
        load_certificate(b"", what="it", error=EndorsementError)


def test_bytes_behind_a_certificate_are_told_apart_where_makers_put_them() -> None:
    good = authority.der("leaf")
    found, padding = load_padded_certificate(good + bytes(7), what="it")
    assert (found.der, padding) == (good, bytes(7))
    with pytest.raises(MalformedEvidenceError):
        load_padded_certificate(b"\x30", what="it")


def test_keys_of_other_kinds_are_refused() -> None:
    ed25519 = x509.sequence(x509.sequence(der.encode_oid("1.3.101.112")), x509.bits(bytes(32)))
    for key in (ed25519, x509.sequence(b"\5\0"), x509.public(authority.KEYS["leaf"])[:-1] + b"\0"):
        odd = authority.certificate("leaf", key=key) if key != x509.sequence(b"\5\0") else None
        if odd is not None:
            with pytest.raises(CertificateError, match="public key"):
                _ = odd.public_key


def test_a_chain_in_pem_has_nothing_between_its_certificates() -> None:
    leaf, issuer, root = (x509.pem(authority.der(role)) for role in ("leaf", "issuer", "root"))
    whole = leaf + b"\r\n\n" + issuer + root
    assert [each.common_name for each in load_pem_chain(whole, what="it", size=range(3, 4))] == [
        "leaf",
        "issuer",
        "root",
    ]
    for bad in (
        leaf + b"x" + issuer + root,
        leaf + issuer,
        whole + leaf,
        b"",
        whole + b"\0",
        whole.replace(b"BEGIN", b"BEGUN", 1),
        leaf + issuer + b"-----BEGIN CERTIFICATE-----\nQUI\n-----END CERTIFICATE-----\n",
        leaf + issuer + b"-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n",
    ):
        with pytest.raises(MalformedEvidenceError):
            load_pem_chain(bad, what="it", size=range(3, 4))
    with pytest.raises(MalformedEvidenceError, match="is not a chain of 3"):
        load_pem_chain(whole + leaf, what="it", size=range(3, 4))
    largest = 2 * MAX_SIZE * 3
    with pytest.raises(MalformedEvidenceError, match="too many"):
        load_pem_chain(b" " * (largest + 1), what="it", size=range(1, 3))
    with pytest.raises(MalformedEvidenceError, match="is not a chain"):
        load_pem_chain(b" " * largest, what="it", size=range(1, 3))


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_whatever_the_bytes_it_ends_in_a_certificate_or_a_named_error(data: st.DataObject) -> None:
    good = bytearray(data.draw(st.sampled_from(MADE)))
    for _ in range(data.draw(st.integers(1, 3))):
        good[data.draw(st.integers(0, len(good) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(TteeError):
        found = load_certificate(bytes(good), what="it")
        assert found.der == good
        _ = found.common_name
        _ = found.public_key
    with suppress(TteeError):
        load_certificate(bytes(good[: data.draw(st.integers(0, len(good)))]), what="it")


def test_windows_are_those_of_the_certificate() -> None:
    odd = authority.certificate("leaf", begin=NOW, end=NOW + timedelta(days=1))
    assert NOW in odd.validity
    assert NOW + timedelta(days=1, seconds=1) not in odd.validity
