# SPDX-License-Identifier: Apache-2.0
"""Attestations of go-tpm-tools: one protobuf becomes a quote with its logs; what is not read is named."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import vectors
from ttee.codec import der
from ttee.codec.protobuf import field
from ttee.errors import (
    BindingError,
    CertificateError,
    FreshnessError,
    MalformedEvidenceError,
    TteeError,
)
from ttee.eventlog import cel, cos
from ttee.model import Claims, Endorsements, Evidence
from ttee.pki.certificate import Extension
from ttee.tee.recognise import recognise
from ttee.tee.sources import File
from ttee.tee.tpm import TEE, go_tpm_tools
from ttee.tee.tpm.certificates import AK_PURPOSE, AK_USAGE, EKU, check_purpose, verify_certificate
from ttee.tee.tpm.values import parse
from ttee.testing import eventlog as make
from ttee.testing.tpm import NOW, Key, Tpm, Vendor

NONCE = b"a nonce of this test"
THEN = datetime(2022, 1, 1, tzinfo=UTC)
HASHES = {"sha1": 4, "sha256": 11, "sha384": 12}
RECORDS = (
    cel.COS_NAMES.index("image-reference"),
    cel.COS_NAMES.index("image-digest"),
    cel.COS_NAMES.index("launch-separator"),
    cel.COS_NAMES.index("image-digest"),
)
TEXTS = (b"docker.io/library/caddy", b"sha256:cafe", b"", b"sha256:beef")


@cache
def tpm() -> Tpm:
    return Vendor.random().tpm(Key.random(), Key.random())


def content(kind: int, data: bytes) -> bytes:
    return make.tlv(cel.COS, make.tlv(kind, data))


def record(number: int, inside: bytes, register: int = cos.PCR) -> bytes:
    """A record of a PCR, with digests of two banks."""
    digests = make.tlv(0x0B, hashlib.sha256(inside).digest()) + make.tlv(
        0x0C, hashlib.sha384(inside).digest()
    )
    return make.tlv(0, number.to_bytes(8)) + make.tlv(1, bytes([register])) + make.tlv(3, digests) + inside


def launched(*contents: bytes) -> tuple[Tpm, bytes]:
    """A TPM that a launcher has extended, and its log."""
    log = b"".join(record(number, each) for number, each in enumerate(contents))
    pcrs: dict[str, dict[int, bytes]] = {}
    for bank in ("sha256", "sha384"):
        value = bytes(hashlib.new(bank).digest_size)
        for each in contents:
            value = hashlib.new(bank, value + hashlib.new(bank, each).digest()).digest()
        pcrs[bank] = {cos.PCR: value}
    return evolve(tpm(), pcrs=pcrs), log


USUAL = tuple(content(kind, text) for kind, text in zip(RECORDS, TEXTS, strict=True))


def quote(machine: Tpm, bank: str, **faults: Any) -> bytes:
    parts = machine.evidence(NONCE, [(bank, (cos.PCR,))]).parts
    pcrs = dict(parse(parts["pcrs"])[bank]) | faults.get("pcrs", {})
    listed = [field(2, field(1, number) + field(2, value)) for number, value in pcrs.items()]
    hash_ = faults.get("hash", HASHES[bank])
    return (
        field(1, parts["quote"])
        + field(2, parts["signature"])
        + field(3, field(1, hash_) + b"".join(listed + faults.get("more", [])))
    )


def attestation(machine: Tpm, *banks: str, **more: bytes) -> bytes:
    fields: Mapping[str, int] = {"event_log": 3, "instance_info": 4, "canonical": 5, "snp": 8, "new": 12}
    found = field(1, machine.ak.area) + b"".join(field(2, quote(machine, bank)) for bank in banks)
    return found + b"".join(field(fields[name], data) for name, data in more.items())


def verify(evidence: Evidence, **more: Any) -> Claims:
    return TEE.verify(
        evidence, more.pop("endorsements", tpm().pinned()), **{"nonce": NONCE, "at": NOW, **more}
    )


# --- Google's own ---------------------------------------------------------------------------------------


def google() -> Evidence:
    return recognise(vectors.read("tpm/gce-cos-85-nonce9009.pb"))


def authorities(evidence: Evidence) -> Endorsements:
    folder = vectors.root() / "tpm/ekcert/ca"
    files = [File(path.name, path.read_bytes()) for path in sorted(folder.iterdir())]
    assert TEE.adopt
    return Endorsements(documents=TEE.adopt(evidence, files, THEN))


def test_a_machine_of_google_is_verified_with_its_nonce() -> None:
    evidence = google()
    claims = verify(evidence, endorsements=authorities(evidence), nonce=b"\x90\x09", at=THEN)
    assert claims.fresh
    assert claims.details["pcr_bank"] == "sha384"
    assert "what came beside the quote, and is not read: quote_of_sha1, quote_of_sha256" in claims.not_checked
    assert any(name.startswith("EV_IPL") for _, name, _ in claims.events)


def test_another_nonce_is_refused() -> None:
    evidence = google()
    with pytest.raises(FreshnessError):
        verify(evidence, endorsements=authorities(evidence), nonce=b"\x90\x08", at=THEN)


def test_of_other_authorities_an_attestation_key_must_say_that_it_is_one() -> None:
    """Google's first authority says `endorsement key` of both, and keyUsage tells them apart; no other is excused."""
    evidence = google()
    part = "ak_certificate"
    documents = authorities(evidence).documents
    chain = documents["chain.ak_certificate"]
    path = verify_certificate(evidence.parts[part], chain, documents, (), THEN, what=part, usage=AK_USAGE)
    check_purpose(path, AK_PURPOSE, what=part)
    server = der.encode(der.SEQUENCE, der.encode_oid("1.3.6.1.5.5.7.3.1"))
    for other in (
        evolve(path, root=evolve(path.root, tells_by_usage=False)),
        evolve(path, leaf=evolve(path.leaf, key_usage=None)),
        evolve(path, leaf=evolve(path.leaf, extensions={EKU: Extension(False, server)})),
    ):
        with pytest.raises(CertificateError, match="not for"):
            check_purpose(other, AK_PURPOSE, what=part)


# --- made here ------------------------------------------------------------------------------------------


def test_the_strongest_bank_of_all_logs_is_taken_and_the_others_are_named() -> None:
    machine, log = launched(*USUAL)
    evidence = recognise(attestation(machine, "sha1", "sha256", "sha384", canonical=log, instance_info=b"!"))
    assert (evidence.tee, set(parse(evidence.parts["pcrs"]))) == ("tpm", {"sha384"})
    assert evidence.parts["unread"] == b"quote_of_sha1, quote_of_sha256, instance_info"
    only = recognise(attestation(machine, "sha1", "sha256", canonical=log))
    assert set(parse(only.parts["pcrs"])) == {"sha256"}


def test_what_a_container_is_comes_from_before_the_line() -> None:
    machine, log = launched(*USUAL)
    claims = verify(recognise(attestation(machine, "sha256", canonical=log)))
    assert claims.details["container_image_reference"] == "docker.io/library/caddy"
    assert claims.details["container_image_digest"] == "sha256:cafe"
    assert claims.events[1] == (cos.PCR, "image-digest", b"sha256:cafe")
    assert claims.details["unexplained_pcrs"] == ()
    assert next(check for check in claims.checks if check.id == "tpm.log.canonical").detail


def test_before_the_line_is_drawn_nothing_is_claimed() -> None:
    machine, log = launched(*USUAL[:2])
    claims = verify(recognise(attestation(machine, "sha256", canonical=log)))
    assert not [name for name in claims.details if name.startswith("container_")]


@pytest.mark.parametrize(
    ("contents", "problem"),
    [
        ((USUAL[1], USUAL[1], USUAL[2]), "two events say image-digest"),
        ((USUAL[1], make.tlv(81, b"the line, under another name"), USUAL[2]), "of type 81 stands among"),
        ((content(RECORDS[0], b"\xff"), USUAL[2]), "is not text"),
    ],
)
def test_a_launchers_log_that_could_be_read_in_two_ways_is_refused(
    contents: tuple[bytes, ...], problem: str
) -> None:
    machine, log = launched(*contents)
    with pytest.raises(BindingError, match=problem):
        verify(recognise(attestation(machine, "sha256", canonical=log)))


def test_records_of_other_registers_make_no_claims() -> None:
    machine, log = launched(*USUAL)
    other = log + record(4, USUAL[1], register=14)
    claims = verify(recognise(attestation(machine, "sha256", canonical=other)))
    assert claims.details["container_image_digest"] == "sha256:cafe"
    assert {register for register, _, _ in claims.events} == {cos.PCR}
    assert "events of the log for PCR 14: these are not quoted, and the events not told" in claims.not_checked


def test_records_tell_their_data_only_where_these_were_hashed_and_extended() -> None:
    """Here of a log in JSON: a remark extends nothing; a loader's description is not what was measured."""

    def entry(number: int, kind: str, digest: bytes) -> dict[str, Any]:
        return {
            "recnum": number,
            "pcr": cos.PCR,
            "digests": [{"hashAlg": "sha256", "digest": digest.hex()}],
            "content_type": "pcclient_std",
            "content": {"event_type": kind, "event_data": b"a description".hex()},
        }

    kernel = hashlib.sha256(b"a kernel").digest()
    records = [entry(0, "EV_NO_ACTION", bytes(32)), entry(1, "EV_IPL", kernel)]
    machine = evolve(tpm(), pcrs={"sha256": {cos.PCR: hashlib.sha256(bytes(32) + kernel).digest()}})
    claims = verify(recognise(attestation(machine, "sha256", canonical=json.dumps(records).encode())))
    assert claims.events == ((cos.PCR, "EV_IPL a description", b""),)


def test_of_a_register_that_is_not_quoted_the_launcher_says_nothing() -> None:
    """The record is anybody's: only the quoted register tells whether it was extended."""
    log = cel.parse(launched(*USUAL)[1])
    assert cos.container(log, (cos.PCR,))
    assert cos.container(log, (cos.MR, 14)) == {}
    assert cos.container(cel.parse(record(0, USUAL[1], 14) + record(1, USUAL[2], 14)), (14,)) == {}
    assert cos.container(evolve(log, format="CEL records"), (cos.PCR,)) == {}


def test_a_canonical_log_that_does_not_replay_is_refused() -> None:
    machine, _ = launched(*USUAL)
    _, longer = launched(*USUAL, USUAL[0])
    for wrong, problem in ((longer, "does not give PCR 13"), (record(0, USUAL[0], 14), "not quoted")):
        with pytest.raises(BindingError, match=problem) as caught:
            verify(recognise(attestation(machine, "sha256", canonical=wrong)))
        assert caught.value.check == "tpm.log.canonical"


def test_a_log_without_the_quoted_bank_is_left_out_and_named() -> None:
    machine, log = launched(*USUAL)
    old = make.tcg1(make.boot())
    evidence = recognise(attestation(machine, "sha256", event_log=old, canonical=log))
    assert evidence.parts["unread"] == b"event_log"
    assert "event_log" not in evidence.parts
    assert verify(evidence).details["container_image_digest"] == "sha256:cafe"


def test_the_report_of_a_tee_and_fields_to_come_are_named() -> None:
    machine, _ = launched(*USUAL)
    claims = verify(recognise(attestation(machine, "sha256", snp=b"\x0a\x00", new=b"?")))
    assert "what came beside the quote, and is not read: sev_snp_attestation, field_12" in claims.not_checked
    described = TEE.describe(recognise(attestation(machine, "sha256", snp=b""))) if TEE.describe else {}
    assert described["unread"] == "sev_snp_attestation"


@pytest.mark.parametrize("names", [b"", b"a,b", b"A", b"x\n", b"a, " * 70 + b"a", b"a" * 65])
def test_a_list_of_what_is_not_read_is_of_names(names: bytes) -> None:
    evidence = tpm().evidence(NONCE)
    with pytest.raises(MalformedEvidenceError, match="unread"):
        verify(evolve(evidence, parts={**evidence.parts, "unread": names}))


def wrong(machine: Tpm) -> list[tuple[bytes, str]]:
    ak, good = field(1, machine.ak.area), quote(machine, "sha256")
    return [
        (ak, "no quote"),
        (ak + field(2, good) * 2, "two of one bank"),
        (ak + field(2, good) * 9, "at most 8"),
        (ak + field(2, good) + field(7, b"") * 9, "at most 8"),
        (ak + field(2, quote(machine, "sha256", hash=99)), "unknown hash 99"),
        (ak + field(2, quote(machine, "sha256", pcrs={32: bytes(32)})), "PCR 32"),
        (ak + field(2, quote(machine, "sha256", pcrs={1: bytes(20)})), "PCR 1"),
        (
            ak + field(2, quote(machine, "sha256", more=[field(2, field(1, 13) + field(2, bytes(32)))])),
            "twice",
        ),
        (ak * 2 + field(2, good), "field 1 is there 2 times"),
        (ak + field(2, good) + field(3, b"no log"), "event log"),
        (ak + bytes(go_tpm_tools.MAX_SIZE), "at most"),
        (ak + field(2, good)[:-1], "are left"),
    ]


@pytest.mark.parametrize("index", range(12))
def test_a_malformed_attestation_says_where(index: int) -> None:
    data, problem = wrong(launched(*USUAL)[0])[index]
    with pytest.raises(MalformedEvidenceError, match=problem) as caught:
        recognise(data)
    assert caught.value.where


def test_intermediate_certificates_become_the_chain() -> None:
    machine, _ = launched(*USUAL)
    data = attestation(machine, "sha256") + field(6, b"a certificate") + field(7, b"DER")
    evidence = recognise(data)
    assert evidence.parts["ak_certificate"] == b"a certificate"
    assert evidence.parts["chain"] == b"-----BEGIN CERTIFICATE-----\nREVS\n-----END CERTIFICATE-----\n"


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_attestation_ends_in_a_named_error_or_none(data: st.DataObject) -> None:
    machine, log = launched(*USUAL)
    whole = bytearray(attestation(machine, "sha256", canonical=log))
    end = data.draw(st.integers(0, len(whole)))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(0, 255))
    with suppress(TteeError):
        verify(recognise(bytes(whole[:end])))
