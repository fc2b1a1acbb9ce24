# SPDX-License-Identifier: Apache-2.0
"""TPM quotes: genuine ones pass, by each way of trusting their key; each named check refuses what it is for."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import cache
from hashlib import sha256
from typing import Any

import pytest
from attrs import evolve
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import vectors
from ttee.errors import (
    AnchorError,
    BindingError,
    CertificateError,
    EndorsementError,
    EvidenceError,
    FreshnessError,
    MalformedEvidenceError,
    NotAuthenticError,
    RevokedError,
    SignatureError,
    TteeError,
    UsageError,
    WeakKeyError,
)
from ttee.eventlog import kinds
from ttee.model import Anchor, Assurance, Claims, Endorsements, Evidence, Status
from ttee.pki.cache import forget_all
from ttee.pki.certificate import MAX_SIZE, load_certificate, load_pem_chain
from ttee.tee.recognise import recognise
from ttee.tee.tpm import TEE, keys
from ttee.tee.tpm.activation import Challenge, make_credential
from ttee.tee.tpm.certificates import verify_certificate
from ttee.tee.tpm.makers import own_roots
from ttee.testing import eventlog as make
from ttee.testing import x509
from ttee.testing.eventlog import Entry
from ttee.testing.tpm import NOW, Key, Tpm, Vendor, platform_certificate, purposes, sized

NONCE = b"a nonce of this test"


@cache
def vendor() -> Vendor:
    return Vendor.random()


@cache
def tpm(scheme: str = "rsassa", hash: str = "sha256") -> Tpm:  # noqa: A002
    return vendor().tpm(Key.random(scheme, hash), ek())


@cache
def ek() -> Key:
    return Key.random()


def verify(evidence: Evidence, endorsements: Endorsements | None = None, **more: Any) -> Claims:
    return TEE.verify(evidence, endorsements or tpm().pinned(), **{"nonce": NONCE, "at": NOW, **more})


def refused(
    kind: type[TteeError],
    check: str | None,
    evidence: Evidence,
    endorsements: Endorsements | None = None,
    **more: Any,
) -> str:
    with pytest.raises(kind) as caught:
        verify(evidence, endorsements, **more)
    assert type(caught.value) is kind
    assert caught.value.check == check
    assert caught.value.where
    return caught.value.message


def booted(**boot: Any) -> tuple[Tpm, bytes]:
    """A TPM after a boot, and the log of it."""
    entries = make.boot(**boot)
    machine = Tpm(vendor(), tpm().ak, ek(), {bank: make.extend(entries, bank) for bank in ("sha1", "sha256")})
    return machine, make.tcg2(entries)


# --- a genuine quote ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scheme", "hash_name"),
    [("rsassa", "sha256"), ("rsapss", "sha256"), ("rsassa", "sha384"), ("rsapss", "sha512")]
    + [("ecdsa", name) for name in ("sha256", "sha384", "sha512")],
)
def test_a_quote_in_any_scheme_is_authentic(scheme: str, hash_name: str) -> None:
    machine = tpm(scheme, hash_name)
    claims = verify(machine.evidence(NONCE), machine.pinned(Assurance.EMULATED))
    assert claims.fresh
    assert claims.nonce == NONCE
    assert claims.assurance is Assurance.EMULATED
    assert claims.details["pcr_selection"] == "sha256:0,1,2,3,4,5,6,7"
    assert claims.details["pcr0"] == bytes(32)
    assert claims.details["firmware_version_1"] == 0x00010002
    assert claims.pins == {"app": ("pcr4",)}


def test_the_logs_story_is_told_as_far_as_pcrs_are_quoted() -> None:
    machine, log = booted()
    claims = verify(machine.evidence(NONCE, [("sha256", range(10))], event_log=log))
    assert claims.details["secure_boot"] is True
    assert (8, "EV_IPL kernel_cmdline: ro quiet", b"ro quiet") in claims.events
    assert (9, "EV_IPL /vmlinuz", b"") in claims.events
    assert claims.details["unexplained_pcrs"] == ()
    less = verify(machine.evidence(NONCE, [("sha256", range(8))], event_log=log))
    assert not [event for event in less.events if event[0] in (8, 9)]
    assert "events of the log for PCR 8, 9: these are not quoted, and the events not told" in less.not_checked


def test_what_nobody_explains_is_said() -> None:
    machine = Tpm(vendor(), tpm().ak, ek(), {"sha256": {14: b"\7" * 32, 17: b"\xff" * 32}})
    claims = verify(machine.evidence(NONCE, [("sha256", (14, 15, 17))]))
    assert claims.details["unexplained_pcrs"] == (14,)
    assert "what extended PCR 14: no log that was given tells" in claims.not_checked
    silent = verify(tpm().evidence(NONCE))
    assert not any("what extended" in note for note in silent.not_checked)


def test_several_banks_and_sha1_alone_are_named_apart() -> None:
    machine, _ = booted()
    both = verify(machine.evidence(NONCE, [("sha1", (0,)), ("sha256", (0,))]))
    assert len(both.details["pcr0"]) == 32  # type: ignore[arg-type]
    assert len(both.details["sha1_pcr0"]) == 20  # type: ignore[arg-type]
    weak = verify(machine.evidence(NONCE, [("sha1", (0, 4))]))
    assert "pcr0" not in weak.details
    assert weak.pins == {"app": ("sha1_pcr4",)}
    assert [check.status for check in weak.checks if check.id == "tpm.quote.bank"] == [Status.SKIPPED]


def test_cached_and_uncached_results_are_the_same() -> None:
    machine, log = booted()
    evidence = machine.evidence(NONCE, event_log=log, ak_certificate=machine.ak_certificate())
    forget_all()
    endorsements = vendor().endorsements()
    first = verify(evidence, endorsements)
    assert verify(evidence, endorsements) == first
    late = NOW + timedelta(days=365 * 40)
    refused(CertificateError, "tpm.ak.trust", evidence, endorsements, at=late)


# --- who vouches for the key --------------------------------------------------------------------------


def test_a_key_is_pinned_by_its_name_too() -> None:
    anchor = Anchor("tpm", tpm().ak.name, Assurance.SILICON)
    assert verify(tpm().evidence(NONCE), Endorsements((anchor,)), at=None).assurance is Assurance.SILICON


def test_nobody_vouches_for_a_stranger() -> None:
    refused(AnchorError, "tpm.ak.trust", tpm().evidence(NONCE), Endorsements())
    other = Anchor("keystone", tpm().ak.spki)
    with pytest.raises(AnchorError):
        verify(tpm().evidence(NONCE), Endorsements((other,)))


def test_a_certificate_of_the_key_vouches_for_it_with_or_without_the_key_beside_it() -> None:
    certificate = tpm().ak_certificate()
    for ak in (sized(tpm().ak.area), tpm().ak.area, tpm().ak.spki, None):
        claims = verify(tpm().evidence(NONCE, ak=ak, ak_certificate=certificate), vendor().endorsements())
        assert claims.details["ak_subject"] == "a key of a TPM"
        assert claims.assurance is Assurance.SIMULATED
    padded = verify(tpm().evidence(NONCE, ak_certificate=certificate + bytes(9)), vendor().endorsements())
    assert "ak_certificate: 9 bytes behind its end, which nobody signed" in padded.not_checked
    with pytest.raises(UsageError, match="moment"):
        verify(tpm().evidence(NONCE, ak_certificate=certificate), vendor().endorsements(), at=None)


def test_a_chain_may_come_with_the_evidence_and_is_no_anchor() -> None:
    evidence = tpm().evidence(NONCE, ak_certificate=tpm().ak_certificate(), chain=vendor().chain())
    verify(evidence, Endorsements((vendor().anchor(),)))
    stranger = Vendor.random()
    refused(AnchorError, "tpm.ak.trust", evidence, stranger.endorsements())
    refused(AnchorError, "tpm.ak.trust", evidence, Endorsements())


@pytest.mark.parametrize(
    ("faults", "kind"),
    [
        ({"end": NOW - timedelta(days=1)}, CertificateError),
        (
            {"extensions": (x509.basic_constraints(ca=False), x509.key_usage(2), purposes("2.23.133.8.3"))},
            CertificateError,
        ),
        ({"extensions": (x509.basic_constraints(ca=False), purposes("2.23.133.8.3"))}, CertificateError),
        (
            {"extensions": (x509.basic_constraints(ca=False), x509.key_usage(0), purposes("2.23.133.8.1"))},
            CertificateError,
        ),
        ({"extensions": (x509.basic_constraints(ca=False), x509.key_usage(0))}, CertificateError),
        (
            {"extensions": (x509.basic_constraints(ca=True), x509.key_usage(0), purposes("2.23.133.8.3"))},
            CertificateError,
        ),
        ({"key": ("another",)}, BindingError),
        ({"signer": ("another",)}, SignatureError),
    ],
)
def test_a_certificate_that_is_not_for_this_key_is_refused(
    faults: dict[str, Any], kind: type[TteeError]
) -> None:
    if "key" in faults:
        faults = {"key": ek().spki}
    if "signer" in faults:
        faults = {"signer": x509.ecdsa(Vendor.random().root, SHA256())}
    evidence = tpm().evidence(NONCE, ak_certificate=tpm().ak_certificate(**faults))
    refused(kind, "tpm.ak.trust", evidence, vendor().endorsements())


def test_revocation_lists_that_are_given_count() -> None:
    evidence = tpm().evidence(NONCE, ak_certificate=tpm().ak_certificate())
    claims = verify(evidence, vendor().endorsements(crl=vendor().crl()))
    assert ("tpm.chain.revocation", Status.PASS) in [(check.id, check.status) for check in claims.checks]
    unlisted = verify(evidence, vendor().endorsements())
    assert ("tpm.chain.revocation", Status.SKIPPED) in [(check.id, check.status) for check in unlisted.checks]
    assert sum(note.startswith("revocation of ") for note in unlisted.not_checked) == 2
    assert sum(note.startswith("revocation of ") for note in claims.not_checked) == 1
    assert (unlisted.details["revocation_checked"], claims.details["revocation_checked"]) == (False, True)
    revoked = vendor().endorsements(crl=vendor().crl(revoked={0x77: NOW - timedelta(days=1)}))
    refused(RevokedError, "tpm.ak.trust", evidence, revoked)
    stale = vendor().endorsements(crl=vendor().crl(end=NOW - timedelta(days=1)))
    refused(EndorsementError, "tpm.ak.trust", evidence, stale)


def test_revocation_counts_as_checked_if_it_was_in_each_way_that_is_offered() -> None:
    both = tpm().evidence(NONCE, ak_certificate=tpm().ak_certificate(), ek_certificate=tpm().ek_certificate())
    assert verify(both, vendor().endorsements(crl=vendor().crl())).details["revocation_checked"] is True
    assert verify(both, vendor().endorsements()).details["revocation_checked"] is False


def test_where_no_certificate_names_a_list_and_none_is_given_nothing_was_checked() -> None:
    bare = (x509.basic_constraints(ca=False), x509.key_usage(0), purposes("2.23.133.8.3"))
    evidence = tpm().evidence(NONCE, ak_certificate=tpm().ak_certificate(extensions=bare))
    assert verify(evidence, vendor().endorsements()).details["revocation_checked"] is False


def test_a_record_of_activation_counts_from_the_verifier_alone() -> None:
    """Somebody with a TPM's certificate, a key of their own and a secret of their own writes the record, too."""
    machine = tpm()
    secret = bytes(32)
    forged = Challenge(b"", b"", sha256(machine.ek.spki).digest(), machine.ak.name, secret).record()
    evidence = machine.evidence(NONCE, ek_certificate=machine.ek_certificate(), activation=secret)
    brought = evolve(evidence, endorsements={"activation_record": forged})
    refused(EndorsementError, None, brought, vendor().endorsements())
    assert verify(brought, vendor().endorsements(activation_record=forged)).checks


@pytest.mark.parametrize("kind", ["rsassa", "ecdsa"])
def test_an_endorsement_key_vouches_for_what_it_was_activated_with(kind: str) -> None:
    machine = vendor().tpm(tpm().ak, ek() if kind == "rsassa" else Key.random("ecdsa"))
    challenge = make_credential(machine.ek.spki, machine.ak.name)
    assert b"secret_sha256" in challenge.record()
    assert challenge.secret.hex() not in repr(challenge) + challenge.record().decode()
    evidence = machine.evidence(
        NONCE, ek_certificate=machine.ek_certificate(), activation=machine.activate(challenge)
    )
    claims = verify(evidence, vendor().endorsements(activation_record=challenge.record()))
    assert claims.details["tpm_model"] == "T-TEE test"
    assert claims.details["tpm_manufacturer"] == "id:54544545"
    wrong = machine.evidence(NONCE, ek_certificate=machine.ek_certificate(), activation=bytes(32))
    refused(
        BindingError, "tpm.ak.activation", wrong, vendor().endorsements(activation_record=challenge.record())
    )
    other = make_credential(machine.ek.spki, b"\0\x0b" + bytes(32))
    refused(
        BindingError, "tpm.ak.activation", evidence, vendor().endorsements(activation_record=other.record())
    )
    refused(EndorsementError, None, evidence, vendor().endorsements())
    bad = vendor().endorsements(activation_record=b"{}")
    refused(EndorsementError, "tpm.ak.activation", evidence, bad)
    with pytest.raises(ValueError, match="INTEGRITY"):
        vendor().tpm(Key.random("ecdsa"), machine.ek).activate(challenge)


def test_an_endorsement_key_alone_says_nothing() -> None:
    evidence = tpm().evidence(NONCE, ek_certificate=tpm().ek_certificate())
    assert "without activation" in refused(MalformedEvidenceError, None, evidence, vendor().endorsements())
    both = tpm().evidence(NONCE, ek_certificate=tpm().ek_certificate(), ak_certificate=tpm().ak_certificate())
    assert "that ek_certificate is of the same TPM" in verify(both, vendor().endorsements()).not_checked


def test_an_endorsement_certificate_says_that_it_is_one() -> None:
    for extensions in ((), (purposes("2.23.133.8.3"),)):
        certificate = vendor().certificate(ek().spki, 2, *extensions)
        evidence = tpm().evidence(NONCE, ek_certificate=certificate)
        refused(CertificateError, "tpm.ek.certificate", evidence, vendor().endorsements())


def test_the_devices_own_key_vouches_for_what_it_certified() -> None:
    iak = Key.random("ecdsa")
    claims = verify(tpm().evidence(NONCE, **dict[str, Any](tpm().certify(iak))), vendor().endorsements())
    assert claims.details["device"] == "a key of a TPM"
    for faults, kind in (
        ({"name": b"\0\x0b" + bytes(32)}, BindingError),
        ({"magic": 0x00544347}, NotAuthenticError),
        ({"kind": 0x801A}, NotAuthenticError),
    ):
        parts: dict[str, Any] = tpm().certify(iak, **faults)
        refused(kind, "tpm.ak.certification", tpm().evidence(NONCE, **parts), vendor().endorsements())
    parts = dict[str, Any](tpm().certify(iak)) | {"certification_signature": Key.random("ecdsa").sign(b"")}
    refused(SignatureError, "tpm.ak.certification", tpm().evidence(NONCE, **parts), vendor().endorsements())


def test_a_platform_certificate_is_of_this_tpm_by_a_pinned_maker() -> None:
    maker, challenge = Key.random("ecdsa"), make_credential(ek().spki, tpm().ak.name)
    issuer = vendor().certificate(maker.spki, 0, subject=x509.name(CN="maker"))
    signer, name = x509.ecdsa(maker.private, SHA256()), x509.name(CN="maker")  # type: ignore[arg-type]
    holder = load_certificate(tpm().ek_certificate(), what="ek")
    good = platform_certificate(holder.issuer, holder.serial, name, signer)

    def evidence(certificate: bytes) -> Evidence:
        parts: dict[str, Any] = {
            "ek_certificate": tpm().ek_certificate(),
            "activation": tpm().activate(challenge),
        }
        return tpm().evidence(NONCE, platform_certificate=certificate, **parts)

    documents = {"activation_record": challenge.record(), "platform_issuer": issuer}
    endorsed = vendor().endorsements(Anchor("tpm", maker.spki), **documents)
    claims = verify(evidence(good), endorsed)
    assert "tpm.platform.certificate" in [check.id for check in claims.checks]
    check = "tpm.platform.certificate"
    refused(AnchorError, check, evidence(good), vendor().endorsements(**documents))
    refused(
        EndorsementError, check, evidence(good), vendor().endorsements(activation_record=challenge.record())
    )
    wrong = platform_certificate(holder.issuer, 5, name, signer)
    refused(BindingError, check, evidence(wrong), endorsed)
    late = platform_certificate(holder.issuer, holder.serial, name, signer, end=NOW - timedelta(days=1))
    refused(CertificateError, check, evidence(late), endorsed)
    renamed = platform_certificate(holder.issuer, holder.serial, x509.name(CN="another"), signer)
    refused(CertificateError, check, evidence(renamed), endorsed)
    forged = platform_certificate(
        holder.issuer, holder.serial, name, x509.ecdsa(Vendor.random().root, SHA256())
    )
    refused(SignatureError, check, evidence(forged), endorsed)
    refused(MalformedEvidenceError, check, evidence(good[:-1]), endorsed)
    assert "20000 bytes" in refused(MalformedEvidenceError, check, evidence(bytes(20000)), endorsed)
    assert "cannot be read" in refused(MalformedEvidenceError, check, evidence(bytes(MAX_SIZE)), endorsed)


@pytest.mark.parametrize("lacking", ["fixedTPM", "fixedParent", "sensitiveDataOrigin", "restricted", "sign"])
def test_a_key_that_software_may_hold_or_that_signs_anything_is_refused(lacking: str) -> None:
    ak = Key(tpm().ak.private, attributes=[name for name in tpm().ak.attributes if name != lacking])
    message = refused(NotAuthenticError, "tpm.ak.attributes", Tpm(vendor(), ak, ek()).evidence(NONCE))
    assert lacking in message


def test_a_key_that_decrypts_is_no_attestation_key() -> None:
    ak = Key(tpm().ak.private, attributes=[*tpm().ak.attributes, "decrypt"])
    refused(NotAuthenticError, "tpm.ak.attributes", Tpm(vendor(), ak, ek()).evidence(NONCE))


# --- the quote ----------------------------------------------------------------------------------------


def test_what_no_tpm_says_is_refused() -> None:
    refused(NotAuthenticError, "tpm.quote.magic", tpm().evidence(NONCE, faults={"magic": 0x00544347}))
    refused(NotAuthenticError, "tpm.quote.type", tpm().evidence(NONCE, faults={"kind": 0x8017}))
    refused(MalformedEvidenceError, "tpm.quote.form", tpm().evidence(NONCE, faults={"safe": 2}))
    refused(MalformedEvidenceError, None, tpm().evidence(NONCE, faults={"clock": 1 << 60}))


def test_another_signature_is_refused() -> None:
    other = Key.random()
    quote = tpm().quoted([("sha256", range(8))], NONCE)
    for signature in (
        other.sign(quote),
        tpm().ak.sign(quote, scheme="rsapss"),
        tpm().ak.sign(quote, hash="sha384"),
        tpm().ak.sign(quote, hash="sha1"),
        tpm("ecdsa").ak.sign(quote),
    ):
        refused(SignatureError, "tpm.quote.signature", tpm().evidence(quote=quote, signature=signature))
    spki_only = tpm().evidence(NONCE, ak=tpm().ak.spki, signature=tpm("ecdsa").ak.sign(quote))
    assert "another kind" in refused(SignatureError, "tpm.quote.signature", spki_only)


def test_another_nonce_or_none_is_refused_and_absence_is_said() -> None:
    for said in (b"another nonce", b"", NONCE[:-1], NONCE + b"\0"):
        refused(FreshnessError, "tpm.quote.nonce", tpm().evidence(said))
    claims = verify(tpm().evidence(b""), nonce=None)
    assert not claims.fresh
    assert "freshness: no nonce was given; the quote may be a replay" in claims.not_checked
    for nonce in (b"", bytes(65)):
        with pytest.raises(UsageError):
            verify(tpm().evidence(NONCE), nonce=nonce)


def test_pcrs_count_only_as_the_signed_selection_names_them() -> None:
    machine, _ = booted()
    zero_to_two = {"sha256": {str(pcr): machine.value("sha256", pcr).hex() for pcr in (0, 1, 2)}}
    relabelled = {"sha256": dict(zip("789", zero_to_two["sha256"].values(), strict=True))}
    more = {"sha256": {**zero_to_two["sha256"], "5": "00" * 32}}
    wrong: list[dict[str, dict[str, str]]] = [
        relabelled,
        more,
        {"sha256": {"0": "00" * 32}},
        {"sha1": {}},
        {},
    ]
    for claimed in wrong:
        evidence = machine.evidence(NONCE, [("sha256", (0, 1, 2))], pcrs=json.dumps(claimed).encode())
        refused(BindingError, "tpm.quote.selection", evidence)
    refused(BindingError, "tpm.quote.selection", machine.evidence(NONCE, []))
    refused(BindingError, "tpm.quote.selection", machine.evidence(NONCE, [("sha256", ())]))


def test_values_that_the_tpm_never_had_are_refused() -> None:
    refused(BindingError, "tpm.quote.digest", tpm().evidence(NONCE, faults={"digest": b"\1" * 32}))


def test_a_clock_that_went_back_is_noticed() -> None:
    claims = verify(tpm().evidence(NONCE))
    seen = {name: claims.details[name] for name in ("clock", "reset_count", "restart_count")}
    seen["ak"] = claims.details["ak_key"].hex()  # type: ignore[union-attr]
    last_seen = json.dumps(seen).encode()
    assert verify(tpm().evidence(NONCE), tpm().pinned(last_seen=last_seen)).fresh
    later = verify(
        tpm().evidence(NONCE, faults={"resets": 2, "clock": 5000}), tpm().pinned(last_seen=last_seen)
    )
    assert "tpm.quote.clock" in [check.id for check in later.checks if check.status is Status.PASS]
    for faults in ({"clock": 999}, {"resets": 0}):
        refused(
            FreshnessError,
            "tpm.quote.clock",
            tpm().evidence(NONCE, faults=faults),
            tpm().pinned(last_seen=last_seen),
        )
    for bad in (
        b"{}",
        b"[]",
        json.dumps(seen | {"clock": "1"}).encode(),
        json.dumps(seen | {"ak": "00"}).encode(),
    ):
        refused(EndorsementError, "tpm.quote.clock", tpm().evidence(NONCE), tpm().pinned(last_seen=bad))


# --- the logs -----------------------------------------------------------------------------------------


def test_a_log_of_another_boot_is_refused() -> None:
    machine, _ = booted()
    _, other = booted(command_line="init=/bin/sh")
    evidence = machine.evidence(NONCE, [("sha256", range(10))], event_log=other)
    assert "PCR 8" in refused(BindingError, "tpm.log.replay", evidence)
    malformed = machine.evidence(NONCE, event_log=other[:-1])
    refused(MalformedEvidenceError, "tpm.log.replay", malformed)


@pytest.mark.parametrize(
    ("entry", "check"),
    [
        (Entry(4, kinds.SEPARATOR, bytes(4)), "tpm.log.separators"),
        (Entry(5, kinds.EFI_ACTION, b"a true digest", b"of something else"), "tpm.log.data"),
        (Entry(7, kinds.DRIVER_CONFIG, make.variable("db", b"")), "tpm.log.secure-boot"),
    ],
)
def test_a_story_that_replays_and_that_no_firmware_tells_is_refused(entry: Entry, check: str) -> None:
    entries = [*make.boot(), entry]
    machine = Tpm(vendor(), tpm().ak, ek(), {"sha256": make.extend(entries, "sha256")})
    refused(BindingError, check, machine.evidence(NONCE, event_log=make.tcg2(entries)))


def test_imas_log_counts_for_the_pcr_that_is_quoted() -> None:
    files = make.ima_entry("/usr/bin/bash", b"#!")
    data = files[38:]  # the template's data: behind PCR, hash, name and size
    value = sha256(bytes(32) + sha256(data).digest()).digest()
    machine = Tpm(vendor(), tpm().ak, ek(), {"sha256": {10: value}})
    claims = verify(machine.evidence(NONCE, [("sha256", (10,))], ima_log=files))
    assert claims.details["unexplained_pcrs"] == ()
    unquoted = machine.evidence(NONCE, [("sha256", (0,))], ima_log=files)
    refused(BindingError, "tpm.log.ima", unquoted)
    longer = machine.evidence(NONCE, [("sha256", (10,))], ima_log=files + files)
    assert "never saw event 1" in refused(BindingError, "tpm.log.ima", longer)


# --- the shared vectors -------------------------------------------------------------------------------


def of_vectors(case: vectors.Case) -> tuple[Evidence, Endorsements]:
    """The evidence of a case, whose attestation key is given as such: it is pinned."""
    if "evidence" in case.inputs:
        evidence = recognise(case.inputs["evidence"])
    else:
        names = {"attest": "quote", "signature": "signature", "ak": "ak", "pcrs": "pcrs"}
        evidence = Evidence("tpm", {names[role]: data for role, data in case.inputs.items()})
    return evidence, Endorsements((Anchor("tpm", keys.load(evidence.parts["ak"], "ak").spki),))


@pytest.mark.parametrize("case", vectors.cases("tpm"), ids=lambda case: case.id)
def test_every_case_of_the_vectors_gets_its_result(case: vectors.Case) -> None:
    evidence, endorsements = of_vectors(case)
    if case.valid:
        assert verify(evidence, endorsements, nonce=None, at=None).checks
        assert TEE.describe
        assert TEE.describe(evidence)
    else:
        refused(BindingError, "tpm.quote.selection", evidence, endorsements, nonce=None)


def test_keylimes_quote_is_over_its_nonce_and_named_as_the_tpm_names_it() -> None:
    case = next(case for case in vectors.cases("tpm") if case.id == "keylime_quote")
    evidence, endorsements = of_vectors(case)
    nonce = bytes.fromhex("db1db298db6d60e6385b7231743e9c3056a18003")
    claims = verify(evidence, endorsements, nonce=nonce)
    assert claims.details["ak_name"] == vectors.read("tpm/keylime/ak.name")
    assert claims.details["pcr_selection"] == "sha256:15,16,22"
    for name, check in (("magic_wrong", "tpm.quote.magic"), ("type_certify", "tpm.quote.type")):
        quote = vectors.read(f"tpm/derived/keylime_checkquote~{name}.attest.bin")
        changed = Evidence("tpm", {**evidence.parts, "quote": quote})
        refused(NotAuthenticError, check, changed, endorsements, nonce=nonce)


def test_a_dump_of_go_attestation_is_read_and_its_sha1_signature_refused() -> None:
    evidence = recognise(vectors.read("tpm/windows_gcp_shielded_vm.json"))
    pinned = Endorsements((Anchor("tpm", keys.load(evidence.parts["ak"], "ak").spki),))
    assert "over sha1" in refused(SignatureError, "tpm.quote.signature", evidence, pinned, nonce=None)


@pytest.mark.parametrize(
    ("name", "usage"),
    [("pca_tpm_ecc_sign_cert", 0), ("pca_tpm_rsa_sign_cert", 0), ("pca_tpm_rsa_enc_cert", 2)],
)
def test_googles_certificates_hang_on_the_root_that_comes_with_us(name: str, usage: int) -> None:
    pem = vectors.read(f"tpm/ekcert/{name}.pem")
    (leaf,) = load_pem_chain(pem, what=name, size=range(1, 2))
    above = x509.pem(vectors.read("tpm/ekcert/ca/gcp_ek_ak_ca_intermediate_v3.crt"))
    path = verify_certificate(leaf.der, above, {}, (), at=NOW, what=name, usage=usage)
    assert path.root.name == "Google EK/AK CA Root"
    assert path.root.assurance is Assurance.EMULATED


def test_our_roots_are_the_ones_that_were_published() -> None:
    published = {
        vectors.read(f"tpm/ekcert/ca/{name}") for name in ("gcp_ek_ak_ca_root.crt", "tpm_ek_root_1.cer")
    }
    assert {root.certificate.der for root in own_roots() if root.certificate} == published


# --- hostile bytes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parts",
    [
        {"quote": None},
        {"ak": None},
        {"more": b""},
        {"ak": b""},
        {"ak": b"\x30\0"},
        {"signature": b""},
        {"signature": b"\0\x14\0\x0b\0\1xy"},
        {"pcrs": b""},
        {"pcrs": b'{"sha256": {"00": ""}}'},
        {"pcrs": b'{"sha256": {"0": 5}}'},
        {"pcrs": b'{"sha257": {}}'},
        {"pcrs": bytes(668)[:-1]},
        {"pcrs": b"\1" + bytes(667)},
        {"quote": b"\xffTCG\x80\x18"},
    ],
)
def test_what_is_no_evidence_is_malformed_and_says_where(parts: dict[str, Any]) -> None:
    with pytest.raises(MalformedEvidenceError) as caught:
        verify(tpm().evidence(NONCE, **parts))
    assert caught.value.where


def test_small_rsa_keys_and_points_off_their_curve_are_weak() -> None:
    area = bytearray(tpm("ecdsa").ak.area)
    area[-1] ^= 1
    refused(WeakKeyError, None, tpm().evidence(NONCE, ak=bytes(area)))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["quote", "signature", "pcrs", "ak", "event_log"]), st.data())
def test_cut_flipped_or_invented_parts_end_in_a_named_error(part: str, data: st.DataObject) -> None:
    machine, log = booted()
    genuine = machine.evidence(NONCE, event_log=log)
    whole = genuine.parts[part]
    at = data.draw(st.integers(0, len(whole) - 1))
    flipped = whole[:at] + bytes([whole[at] ^ 1 << data.draw(st.integers(0, 7))]) + whole[at + 1 :]
    changed = data.draw(st.sampled_from([whole[:at], flipped]) | st.binary(max_size=64))
    try:
        claims = verify(Evidence("tpm", {**genuine.parts, part: changed}))
    except EvidenceError as error:
        assert error.message  # noqa: PT017
    else:  # bits that nobody's registers or signatures rest on: labels in the log, events of other banks
        # and, where the key is pinned by its bytes, attributes that whoever pinned it vouches for
        assert part in ("event_log", "pcrs") or keys.load(changed, "ak").spki == machine.ak.spki
        assert claims.details["pcr0"] == machine.value("sha256", 0)
