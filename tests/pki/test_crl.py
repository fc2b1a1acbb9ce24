# SPDX-License-Identifier: Apache-2.0
"""Revocation lists: whose they are, whether they are current, and whom they revoke."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509 as theirs
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import vectors
from tests.pki import authority
from tests.pki.authority import ALGORITHMS, NOW, certificate
from ttee.codec import der
from ttee.errors import (
    BindingError,
    CertificateError,
    EndorsementError,
    MalformedEvidenceError,
    RevokedError,
    SignatureError,
    TteeError,
)
from ttee.pki.crl import MAX_SIZE, Crl, check_crl, check_not_revoked, load_crl
from ttee.testing import x509

ISSUER = certificate("issuer")


def made(**faults: Any) -> bytes:
    fields: dict[str, Any] = {
        "issuer": x509.name(CN="issuer"),
        "signer": authority.signer("issuer"),
        "begin": NOW - timedelta(days=1),
        "end": NOW + timedelta(days=1),
        "revoked": {},
    }
    return x509.crl(**{**fields, **faults})


def listing(*serials: int) -> Crl:
    return load_crl(made(revoked=dict.fromkeys(serials, NOW)), what="list")


def refused(data: bytes, kind: type[TteeError], words: str, issuer: Any = ISSUER, **how: Any) -> TteeError:
    crl = load_crl(data, what="list")
    with pytest.raises(TteeError) as caught:
        check_crl(crl, issuer, **{"at": NOW, "algorithms": ALGORITHMS, "what": "list", **how})
    assert type(caught.value) is kind, caught.value.message
    assert words in caught.value.message, caught.value.message
    return caught.value


def parts(**replaced: bytes) -> bytes:
    """A list put together anew, some of its parts replaced or left out; its signature does not matter."""
    tbs = der.sequence(made(revoked={5: NOW}))[0][2]
    names = ("version", "algorithm", "issuer", "begin", "end", "revoked", "extensions")
    found = {
        name: der.encode(tag, content)
        for name, (tag, _, content, _) in zip(names, der.elements(tbs), strict=True)
    }
    found |= replaced
    return x509.sequence(x509.sequence(*found.values()), found["algorithm"], x509.bits(b"signature"))


def entry(serial: bytes) -> bytes:
    """One revoked certificate, with the shortest time."""
    return x509.sequence(serial, x509.moment(NOW))


def test_genuine_lists_read_as_another_reader_reads_them() -> None:
    for name in ("intel-dcap/pcs/pckcrl", "intel-dcap/pcs/rootcrl.der", "sgx/intel-qvl-sample/rootCaCrl.der"):
        data = vectors.read(name)
        ours, other = load_crl(data, what=name), theirs.load_der_x509_crl(data)
        assert ours.tbs == other.tbs_certlist_bytes
        assert ours.signature == other.signature
        assert ours.issuer == other.issuer.public_bytes()
        assert (ours.window.start, ours.window.end) == (other.last_update_utc, other.next_update_utc)
        assert ours.number == other.extensions.get_extension_for_class(theirs.CRLNumber).value.crl_number
        assert {int.from_bytes(serial) for serial in ours.revoked} == {entry.serial_number for entry in other}


def test_a_current_list_of_the_issuer_is_accepted() -> None:
    check_crl(listing(5), ISSUER, at=NOW, algorithms=ALGORITHMS, what="list")
    for edge in (NOW - timedelta(days=1), NOW + timedelta(days=1)):
        check_crl(listing(), ISSUER, at=edge, algorithms=ALGORITHMS, what="list")


def test_a_list_that_is_not_current_is_refused_with_its_address() -> None:
    for faults in ({"begin": NOW + timedelta(seconds=1)}, {"end": NOW - timedelta(seconds=1)}):
        error = refused(made(**faults), EndorsementError, "not current", get="https://maker.example/crl")
        assert "https://maker.example/crl" in str(error.hint)
        assert refused(made(**faults), EndorsementError, "not current").hint == "get it again"


def test_a_list_of_another_issuer_is_refused() -> None:
    refused(made(issuer=x509.name(CN="other")), EndorsementError, "is of 'other', not of 'issuer'")
    refused(
        made(), EndorsementError, "not of 'root'", issuer=certificate("root"), get="https://maker.example"
    )


def test_a_list_that_the_issuer_did_not_sign_is_refused() -> None:
    refused(made(signer=authority.signer("stranger")), SignatureError, "does not verify")
    refused(made(signer=x509.ecdsa(authority.KEYS["issuer"])), CertificateError, "ecdsa-p256-sha384")
    unknown = x509.Signer(x509.sequence(b"\6\3\x2a\3\4"), authority.signer("issuer").sign)
    refused(made(signer=unknown), CertificateError, "does not fit")


def test_an_issuer_that_may_not_sign_lists_cannot() -> None:
    ca = x509.basic_constraints(ca=True)
    mute = certificate("issuer", extensions=(ca, x509.key_usage(5)))
    refused(made(), CertificateError, "may not sign", issuer=mute)
    unsaid = certificate("issuer", extensions=(ca,))
    check_crl(listing(), unsaid, at=NOW, algorithms=ALGORITHMS, what="list")


@pytest.mark.parametrize("serial", [0, 1, 0x7F, 0x80, 0xFF, 0x8000, (1 << 159) + 1])
def test_a_serial_number_on_the_list_is_revoked(serial: int) -> None:
    leaf = certificate("leaf", serial=serial)
    with pytest.raises(RevokedError) as caught:
        check_not_revoked(leaf, listing(7, serial, 9), what="the leaf")
    assert "leaf" in caught.value.message
    check_not_revoked(leaf, listing(serial + 1, serial ^ 0x10000), what="the leaf")
    check_not_revoked(leaf, listing(), what="the leaf")


def test_a_list_of_another_issuer_says_nothing_about_a_certificate() -> None:
    with pytest.raises(BindingError):
        check_not_revoked(certificate("issuer"), listing(), what="the issuer")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "cannot be read"),
        (made() + b"\0", "cannot be read"),
        (made()[:-1], "cannot be read"),
        (parts(version=b"\2\1\0"), "version 2"),
        (parts(version=b""), "tag"),
        (parts(end=b""), "a time"),
        (parts(extensions=b""), "version 2"),
        (parts(end=b"", revoked=b""), "version 2"),
        (parts(end=b"\5\0"), "time"),
        (parts(extensions=b"\xa1\2\x30\0"), "tag"),
        (parts(revoked=x509.sequence(b"\2\1\5")), "tag"),
        (parts(revoked=x509.sequence(x509.sequence(b"\5\0"))), "without a serial number"),
        (parts(revoked=x509.sequence(x509.sequence(b"\2\5\1"))), "without a serial number"),
        (parts(revoked=x509.sequence(x509.sequence())), "without a serial number"),
        (parts(revoked=x509.sequence(entry(b"\2\0\1"))), "without a serial number"),
        (parts(revoked=x509.sequence(entry(b"\5\1\1"))), "without a serial number"),
        (parts(revoked=x509.sequence(entry(der.encode(2, b"\1" * 22)))), "without a serial number"),
        (parts(revoked=x509.sequence(x509.sequence(b"\2\x05" + bytes(19)))), "without a serial number"),
        (parts(issuer=b"\5\0"), "tag"),
        (parts(extensions=der.encode(0xA0, x509.sequence(x509.sequence(b"\6\1\x2a")))), "without a value"),
        (
            parts(
                extensions=der.encode(0xA0, x509.sequence(x509.extension("2.5.29.28", b"", critical=True)))
            ),
            "2.5.29.28: a delta",
        ),
        (
            parts(extensions=der.encode(0xA0, x509.sequence(x509.extension("2.5.29.20", b"\2\1\xff")))),
            "integer",
        ),
    ],
)
def test_what_is_no_list_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(EndorsementError, match=words):
        load_crl(data, what="list")


def test_entries_have_serial_numbers_of_up_to_160_bits() -> None:
    for serial in (b"\1", b"\0" + b"\xff" * 20):
        found = load_crl(parts(revoked=x509.sequence(entry(der.encode(2, serial)))), what="list")
        assert found.revoked == {serial}


def test_an_extension_may_say_that_it_is_not_critical() -> None:
    uncritical = x509.sequence(der.encode_oid("1.2.3"), x509.boolean(False), x509.octets(b"\5\0"))
    assert load_crl(parts(extensions=der.encode(0xA0, x509.sequence(uncritical))), what="list").number is None


def test_two_algorithms_that_differ_are_refused() -> None:
    tbs, algorithm, signature = (x[2] for x in der.sequence(made()))
    assert algorithm
    odd = x509.sequence(der.encode(0x30, tbs), x509.sequence(b"\6\3\x2a\3\4"), der.encode(3, signature))
    with pytest.raises(EndorsementError, match="two signature algorithms"):
        load_crl(odd, what="list")


def test_a_list_has_a_greatest_size_and_an_owner_of_its_faults() -> None:
    with pytest.raises(MalformedEvidenceError, match="at most"):
        load_crl(bytes(MAX_SIZE + 1), what="list", error=MalformedEvidenceError)
    with pytest.raises(EndorsementError, match="cannot be read"):
        load_crl(bytes(MAX_SIZE), what="list")


def test_a_list_without_entries_or_number_is_one() -> None:
    assert load_crl(parts(revoked=b""), what="list").revoked == frozenset()
    plain = parts(extensions=der.encode(0xA0, x509.sequence(x509.extension("1.2.3", b"\5\0"))))
    assert load_crl(plain, what="list").number is None


MADE = made(revoked=dict.fromkeys(range(9), NOW))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_the_bytes_it_ends_in_a_list_or_a_named_error(data: st.DataObject) -> None:
    mutated = bytearray(MADE)
    for _ in range(data.draw(st.integers(1, 3))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(EndorsementError):
        load_crl(bytes(mutated), what="list")
