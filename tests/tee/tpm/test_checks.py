# SPDX-License-Identifier: Apache-2.0
"""Every check of a TPM quote is listed, passed or skipped; and what it takes to pass the narrow ones."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from hashlib import sha256, sha512
from typing import Any

import pytest
from attrs import evolve

from tests import vectors
from ttee.codec import der
from ttee.errors import (
    AnchorError,
    BindingError,
    EndorsementError,
    MalformedEvidenceError,
    RevokedError,
    SignatureError,
    WeakKeyError,
)
from ttee.eventlog import kinds
from ttee.model import Claims, Endorsements, Evidence, Status
from ttee.pki.certificate import load_certificate, load_pem_chain
from ttee.tee.tpm import TEE, checks, keys, platform
from ttee.tee.tpm.activation import make_credential
from ttee.tee.tpm.certificates import verify_certificate
from ttee.tee.tpm.makers import own_roots
from ttee.testing import eventlog as make
from ttee.testing import x509
from ttee.testing.eventlog import Entry
from ttee.testing.tpm import NOW, Key, Tpm, Vendor, platform_certificate

NONCE = b"a nonce of this test"
FIRST = ["tpm.quote.form", "tpm.quote.magic", "tpm.quote.type", "tpm.ak.attributes"]
QUOTE = [f"tpm.quote.{name}" for name in ("signature", "nonce", "selection", "digest", "bank", "clock")]
LOGS = [f"tpm.log.{name}" for name in ("replay", "separators", "data", "secure-boot", "ima", "canonical")]


@cache
def vendor() -> Vendor:
    return Vendor.random()


@cache
def tpm() -> Tpm:
    return vendor().tpm(Key.random(), Key.random())


def verify(evidence: Evidence, endorsements: Endorsements | None = None, **more: Any) -> Claims:
    return TEE.verify(evidence, endorsements or tpm().pinned(), **{"nonce": NONCE, "at": NOW, **more})


def listed(claims: Claims, status: Status = Status.PASS) -> list[str]:
    return [check.id for check in claims.checks if check.status is status]


def booted(*more: Entry) -> tuple[Tpm, dict[str, Any]]:
    """A TPM after a boot, and its three logs."""
    entries = [*make.boot(), *more]
    files = make.ima_entry("/usr/bin/bash", b"#!")
    imas = {10: sha256(bytes(32) + sha256(files[38:]).digest()).digest()}
    label = Entry(13, 80, make.tlv(80, make.tlv(0, b"an image")))
    pcrs = make.extend([*entries, label], "sha256") | imas
    machine = evolve(tpm(), pcrs={"sha256": pcrs})
    canonical = make.cel_record(0, 13, label.data, kind=1, bank="sha256")
    return machine, {"event_log": make.tcg2(entries), "ima_log": files, "canonical_event_log": canonical}


# --- every check is listed ----------------------------------------------------------------------------


def test_a_quote_with_all_that_belongs_to_it_passes_every_check() -> None:
    machine, logs = booted()
    evidence = machine.evidence(NONCE, [("sha256", range(14))], **logs)
    seen = verify(evidence).details
    last = {name: seen[name] for name in ("clock", "reset_count", "restart_count")}
    ak = sha256(machine.ak.spki).hexdigest()
    last_seen = str({"ak": ak, **last}).replace("'", '"').encode()
    claims = verify(evidence, machine.pinned(last_seen=last_seen))
    assert listed(claims) == [*FIRST, "tpm.ak.trust", *QUOTE, *LOGS]
    assert len(claims.checks) == len(listed(claims))
    assert all(check.detail for check in claims.checks)


def test_what_was_not_checked_is_listed_as_skipped() -> None:
    claims = verify(tpm().evidence(NONCE, ak=tpm().ak.spki), nonce=None)
    assert listed(claims, Status.SKIPPED) == [
        "tpm.ak.attributes",
        "tpm.quote.nonce",
        "tpm.quote.clock",
        *LOGS,
    ]


def test_a_log_without_pcr_7_says_nothing_about_secure_boot() -> None:
    machine, logs = booted()
    claims = verify(machine.evidence(NONCE, [("sha256", (0, 4))], event_log=logs["event_log"]))
    assert listed(claims, Status.SKIPPED) == [
        "tpm.quote.clock",
        "tpm.log.secure-boot",
        "tpm.log.ima",
        "tpm.log.canonical",
    ]


def test_events_that_extend_nothing_are_not_told() -> None:
    machine, logs = booted(Entry(0, kinds.NO_ACTION, b"a remark of the firmware"))
    claims = verify(machine.evidence(NONCE, event_log=logs["event_log"]))
    assert not [event for event in claims.events if "NO_ACTION" in event[1]]


# --- the quote ----------------------------------------------------------------------------------------


def test_a_nonce_may_fill_what_a_tpm_takes() -> None:
    nonce = bytes(range(64))
    assert verify(tpm().evidence(nonce), nonce=nonce).nonce == nonce


def test_a_clock_goes_as_far_as_json_counts() -> None:
    latest = (1 << 53) - 1
    assert verify(tpm().evidence(NONCE, faults={"clock": latest})).details["clock"] == latest
    with pytest.raises(MalformedEvidenceError, match="years"):
        verify(tpm().evidence(NONCE, faults={"clock": latest + 1}))


def test_a_clock_that_may_have_lost_time_is_not_held_against_the_last_one() -> None:
    seen = verify(tpm().evidence(NONCE)).details
    ak = sha256(tpm().ak.spki).hexdigest()
    last_seen = f'{{"ak": "{ak}", "clock": {seen["clock"]!r}, "reset_count": 1, "restart_count": 0}}'.encode()
    unsafe = tpm().evidence(NONCE, faults={"clock": 999, "safe": 0})
    assert verify(unsafe, tpm().pinned(last_seen=last_seen)).fresh


def test_a_bank_that_is_named_without_a_pcr_is_not_the_quotes() -> None:
    claims = verify(tpm().evidence(NONCE, [("sha384", ()), ("sha256", (0, 4))]))
    assert claims.details["pcr_bank"] == "sha256"
    assert claims.pins == {"app": ("pcr4",)}


def test_of_a_quote_that_has_the_firmware_alone_any_pcr_may_be_pinned() -> None:
    assert verify(tpm().evidence(NONCE, [("sha256", (0, 7))])).pins == {"app": ("pcr0", "pcr7")}


# --- keys ---------------------------------------------------------------------------------------------


def test_a_key_without_a_scheme_of_its_own_signs_in_any() -> None:
    area = tpm().ak.area
    free = area[:12] + b"\0\x10" + area[16:]
    digest = sha512(bytes(32 * 8)).digest()
    quote = tpm().quoted([("sha256", range(8))], NONCE, digest=digest)
    for scheme in ("rsassa", "rsapss"):
        signature = tpm().ak.sign(quote, scheme=scheme, hash="sha512")
        assert verify(tpm().evidence(quote=quote, signature=signature, ak=free)).fresh


@pytest.mark.parametrize(
    ("modulus", "exponent", "words"), [(1 << 1023 | 1, 0, "1024 bits"), (1 << 2047 | 1, 4, "cannot be used")]
)
def test_rsa_keys_that_are_short_or_none_are_weak(modulus: int, exponent: int, words: str) -> None:
    size = modulus.bit_length()
    head = tpm().ak.area[:16]
    content = modulus.to_bytes(size // 8)
    area = head + size.to_bytes(2) + exponent.to_bytes(4) + len(content).to_bytes(2) + content
    with pytest.raises(WeakKeyError, match=words):
        keys.load(area, "ak")


# --- who vouches --------------------------------------------------------------------------------------


def test_a_certificate_of_the_endorsement_key_may_stand_beside_the_devices_own() -> None:
    parts: dict[str, Any] = tpm().certify(Key.random("ecdsa"))
    evidence = tpm().evidence(NONCE, ek_certificate=tpm().ek_certificate(), **parts)
    claims = verify(evidence, vendor().endorsements())
    assert "that ek_certificate is of the same TPM" in claims.not_checked
    assert checks.ACTIVATION.id in listed(claims, Status.SKIPPED)


def test_a_key_without_its_public_area_has_no_name_to_vouch_for() -> None:
    """Activation and certification are of names, which are digests of public areas."""
    challenge = make_credential(tpm().ek.spki, tpm().ak.name)
    activated: dict[str, Any] = {
        "ek_certificate": tpm().ek_certificate(),
        "activation": tpm().activate(challenge),
    }
    given = vendor().endorsements(activation_record=challenge.record())
    with pytest.raises(MalformedEvidenceError, match="public area") as caught:
        verify(tpm().evidence(NONCE, ak=tpm().ak.spki, **activated), given)
    assert caught.value.check == checks.ACTIVATION.id
    certified: dict[str, Any] = tpm().certify(Key.random("ecdsa"))
    with pytest.raises(BindingError, match="another key"):
        verify(tpm().evidence(NONCE, ak=tpm().ak.spki, **certified), given)


def test_what_the_result_rests_on_is_listed() -> None:
    evidence = tpm().evidence(NONCE, ak_certificate=tpm().ak_certificate())
    claims = verify(evidence, vendor().endorsements(crl=vendor().crl()))
    assert [(each.kind, each.name) for each in claims.relied_on] == [
        ("root", "made by ttee.testing"),
        ("certificate", "a key of a TPM"),
        ("certificate", "issuer"),
        ("endorsement", "CRL of issuer"),
    ]
    assert not any("what stands behind" in note for note in claims.not_checked)


def test_what_was_remembered_without_a_list_or_with_an_older_one_does_not_count() -> None:
    evidence = tpm().evidence(NONCE, ak_certificate=tpm().ak_certificate())
    fixed = vendor().endorsements(crl=vendor().crl())

    def under(**documents: bytes) -> Endorsements:
        return evolve(fixed, documents={"chain": fixed.documents["chain"], **documents})

    verify(evidence, under())
    with pytest.raises(RevokedError):
        verify(evidence, under(crl=vendor().crl(revoked={0x77: NOW - timedelta(days=1)})))
    verify(evidence, fixed)
    with pytest.raises(EndorsementError):
        verify(evidence, fixed, at=NOW + timedelta(days=16))


def test_googles_path_ends_at_its_own_root_wherever_that_stands_among_ours() -> None:
    (leaf,) = load_pem_chain(
        vectors.read("tpm/ekcert/pca_tpm_ecc_sign_cert.pem"), what="leaf", size=range(1, 2)
    )
    above = x509.pem(vectors.read("tpm/ekcert/ca/gcp_ek_ak_ca_intermediate_v3.crt"))
    root = x509.pem(vectors.read("tpm/ekcert/ca/gcp_ek_ak_ca_root.crt"))
    for chain in (above, above + root):
        for own in (own_roots(), own_roots()[::-1]):
            path = verify_certificate(leaf.der, chain, {}, (), at=NOW, what="ak", usage=0, own=own)
            assert path.root.name == "Google EK/AK CA Root"
            assert [each.kind for each in path.relied_on] == ["root", "certificate", "certificate"]
        with pytest.raises(AnchorError):
            verify_certificate(leaf.der, chain, {}, (), at=NOW, what="ak", usage=0, own=())


# --- platform certificates ----------------------------------------------------------------------------

HOLDER, SERIAL = x509.name(CN="a maker of TPMs"), 7


def info(index: int, part: bytes) -> bytes:
    """A platform certificate, one of its parts replaced (none: left out)."""
    maker = x509.ecdsa(tpm().vendor.issuer)
    whole = platform_certificate(HOLDER, SERIAL, x509.name(CN="maker"), maker)
    outer = [der.encode(tag, content) for tag, _, content, _ in der.sequence(whole)]
    parts = [der.encode(tag, content) for tag, _, content, _ in der.sequence(outer[0])]
    return x509.sequence(x509.sequence(*parts[:index], part, *parts[index + 1 :]), *outer[1:])


def general(name: bytes) -> bytes:
    return x509.sequence(der.encode(der.context(4), name))


@pytest.mark.parametrize(
    ("index", "part", "words"),
    [
        (0, der.encode_integer(0), "attribute certificate of version 2"),
        (3, x509.sequence(der.encode_oid("1.2.3")), "attribute certificate of version 2"),
        (6, b"", "attribute certificate of version 2"),
        (1, x509.sequence(der.encode(der.context(0), general(HOLDER))), "holder without issuer and serial"),
        (2, der.encode(der.context(0)), "issuer without a name"),
        (5, x509.sequence(der.encode(der.GENERALIZED_TIME, b"20260101000000Z")), "not two times"),
    ],
)
def test_a_platform_certificate_of_another_form_is_malformed(index: int, part: bytes, words: str) -> None:
    issuer = load_certificate(vendor().certificate(x509.public(vendor().issuer), 0), what="issuer")
    anchor = evolve(vendor().anchor(), key=issuer.spki)
    with pytest.raises(MalformedEvidenceError, match=words):
        platform.check_platform_certificate(
            info(index, part), issuer, {"platform_issuer": issuer.der}, (anchor,), NOW
        )
    with pytest.raises(SignatureError):  # the same with nothing wrong but its signature
        platform.check_platform_certificate(
            info(4, der.encode_integer(6)), issuer, {"platform_issuer": issuer.der}, (anchor,), NOW
        )
