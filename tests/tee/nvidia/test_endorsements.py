# SPDX-License-Identifier: Apache-2.0
"""Reference values and answers for NVIDIA's reports: what is asked, what of a folder is taken, what a nonce proves."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from cryptography.x509 import ocsp

from tests import vectors
from ttee.codec import json
from ttee.endorse.address import parse_mirror
from ttee.endorse.fetcher import Web
from ttee.endorse.gather import Gathered, gather
from ttee.errors import EndorsementError, MalformedEvidenceError, RevokedError
from ttee.model import Claims, Endorsements, Evidence, Status
from ttee.pki.certificate import load_certificate, load_pem_chain
from ttee.tee.nvidia import TEE, checks, endorsements, evidence
from ttee.tee.nvidia.ocsp_questions import nonce_for, question
from ttee.tee.recognise import recognise
from ttee.tee.sources import Answer, File
from ttee.testing.nvidia import NOW, Vendor, ocsp_answer
from ttee.testing.services.nvidia import ReferenceValues, Revocation
from ttee.testing.services.server import Fault, Services, serve

VENDOR = Vendor.named("a GPU maker")
GPU = VENDOR.gpu("GH100 A01 GSP FMC LF")
NONCE = b"n" * 32
BOARD = {evidence.PROJECT: b"1010\0", evidence.PROJECT_SKU: b"0200\0", evidence.CHIP_SKU: b"882\0"}
DRIVER_ID, VBIOS_ID = "NV_GPU_DRIVER_GH100_550.90.07", "NV_GPU_VBIOS_1010_0200_882_96009F0001"
RIMS = VENDOR.rims(GPU)
SERVICE = ReferenceValues({DRIVER_ID: RIMS["rim.driver"], VBIOS_ID: RIMS["rim.vbios"]})
CHAIN = GPU.chain()


def made(nonce: bytes = NONCE) -> Evidence:
    opaque = {**GPU.content(nonce).opaque, **BOARD}
    return evidence.pack([(GPU.report(nonce, opaque=opaque), CHAIN)])


EVIDENCE = made()


def verified(given: Gathered, of: Evidence = EVIDENCE) -> Claims:
    return TEE.verify(of, Endorsements((VENDOR.anchor(),), given.documents), at=NOW)


def status(claims: Claims, check: str) -> Status:
    (found,) = (each.status for each in claims.checks if each.id == check)
    return found


@contextmanager
def asking(*makers: Any) -> Iterator[tuple[Services, Web]]:
    with serve(*makers) as services:
        web = Web([parse_mirror(each) for each in services.mirrors], timeout=5, sleep=lambda _: None)
        try:
            yield services, web
        finally:
            web.close()


def adopted(*files: bytes, of: Evidence = EVIDENCE) -> dict[str, bytes]:
    return dict(endorsements.adopt(of, [File(f"file {i}", data) for i, data in enumerate(files)], NOW))


# --- asking -------------------------------------------------------------------------------------------


def test_everything_is_asked_for_and_every_check_but_the_binding_passes() -> None:
    with asking(SERVICE, Revocation(VENDOR)) as (services, web):
        claims = verified(gather(EVIDENCE, fetcher=web, at=NOW))
    assert f"https://rim.attestation.nvidia.com/v1/rim/{DRIVER_ID}" in services.asked
    assert f"https://rim.attestation.nvidia.com/v1/rim/{VBIOS_ID}" in services.asked
    assert services.asked.count("https://ocsp.ndis.nvidia.com/") >= 3
    assert claims.details["measurements_agree"] is True
    assert status(claims, checks.REVOCATION.id) is Status.PASS
    assert status(claims, checks.ANSWER_NONCE.id) is Status.PASS


def test_a_revoked_model_is_found_out_by_asking() -> None:
    serial = load_certificate(VENDOR.authority("model"), what="model").serial
    with asking(SERVICE, Revocation(VENDOR, revoked=(serial,))) as (_, web), pytest.raises(RevokedError):
        verified(gather(EVIDENCE, fetcher=web, at=NOW))


def test_without_its_services_the_verification_goes_on_and_says_so() -> None:
    with asking(SERVICE, Revocation(VENDOR)) as (services, web):
        services.faults["https://"] = Fault.UNKNOWN
        claims = verified(gather(EVIDENCE, fetcher=web, at=NOW))
    assert claims.details["measurements_agree"] is None
    assert status(claims, checks.REVOCATION.id) is Status.SKIPPED
    assert status(claims, checks.ANSWER_NONCE.id) is Status.SKIPPED


def test_an_old_report_is_verified_as_of_then_without_answers_of_today() -> None:
    """What a service says now says nothing about then; RIMs hold as long as their signers' certificates."""
    then = NOW - timedelta(days=100)
    with asking(SERVICE, Revocation(VENDOR)) as (_, web):
        gathered = gather(EVIDENCE, fetcher=web, at=then)
    assert set(gathered.documents) == {"rim.driver", "rim.vbios"}
    claims = TEE.verify(EVIDENCE, Endorsements((VENDOR.anchor(),), gathered.documents), at=then)
    assert status(claims, checks.REVOCATION.id) is Status.SKIPPED


@pytest.mark.parametrize("fault", [Fault.STALE, Fault.GARBLED, Fault.EMPTY])
def test_answers_that_are_none_are_left_out_and_that_is_said(fault: Fault) -> None:
    with asking(SERVICE, Revocation(VENDOR)) as (services, web):
        services.faults["ocsp.ndis"] = fault
        gathered = gather(EVIDENCE, fetcher=web, at=NOW)
    assert set(gathered.documents) == {"rim.driver", "rim.vbios"}
    assert any(each.problem for each in gathered.asked)
    assert any(note.startswith("revocation of the certificates") for note in verified(gathered).not_checked)


def test_reference_values_that_nobody_signed_are_left_out_and_that_is_said() -> None:
    altered = RIMS["rim.driver"].replace(b'product="T"', b'product="U"')
    with asking(ReferenceValues({DRIVER_ID: altered}), Revocation(VENDOR)) as (_, web):
        gathered = gather(EVIDENCE, fetcher=web, at=NOW)
    assert "rim.driver" not in gathered.documents
    assert any("does not hold" in each.problem for each in gathered.asked)


@pytest.mark.parametrize(
    ("name", "driver", "vbios"),
    [
        ("hopper_nvtrust", "NV_GPU_DRIVER_GH100_550.90.07", "NV_GPU_VBIOS_1010_0200_882_96009F0001"),
        ("hopper_sdk", "NV_GPU_DRIVER_GH100_590.12", "NV_GPU_VBIOS_G520_0200_885_9600A50001"),
        ("switch_ls10", None, "NV_SWITCH_BIOS_5612_0002_890_9610550001"),
    ],
)
def test_genuine_reports_name_their_reference_values_as_nvidia_does(
    name: str, driver: str | None, vbios: str
) -> None:
    """The ids are those that NVIDIA's tools and the service's own lists have for these boards."""
    parts = {
        "report": vectors.read(f"nvidia/{name}.spdm.bin"),
        "chain": vectors.read(f"nvidia/{name}.chain.pem"),
    }
    asked = endorsements.sources(Evidence(TEE.name, parts), {}, NOW)
    found = [source.url.rpartition("/")[2] for source in asked if source.post is None]
    assert found == [each for each in (driver, vbios) if each]


def test_a_report_cannot_make_up_an_address() -> None:
    opaque = {**GPU.content(NONCE).opaque, **BOARD, evidence.PROJECT: b"../../x?y=\0"}
    strange = evidence.pack([(GPU.report(NONCE, opaque=opaque), CHAIN)])
    asked = [source.url for source in endorsements.sources(strange, {}, NOW) if source.post is None]
    assert asked == [f"https://rim.attestation.nvidia.com/v1/rim/{DRIVER_ID}"]


def test_devices_with_several_vbioses_have_no_common_reference_values() -> None:
    other = VENDOR.gpu("GH100 another")
    opaque = {**other.content(NONCE).opaque, **BOARD, evidence.CHIP_SKU: b"885\0"}
    both = evidence.pack(
        [(EVIDENCE.parts["report"], CHAIN), (other.report(NONCE, opaque=opaque), other.chain())]
    )
    asked = [source.documents[0] for source in endorsements.sources(both, {}, NOW) if source.post is None]
    assert asked == ["rim.driver"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"id": "another", "rim": ""}',
        json.dumps({"id": DRIVER_ID, "rim": "!"}),
        json.dumps({"id": DRIVER_ID, "rim": 1}),
    ],
)
def test_an_answer_of_another_form_is_a_named_error(body: bytes) -> None:
    (source,) = (
        each for each in endorsements.sources(EVIDENCE, {}, NOW) if each.documents == ("rim.driver",)
    )
    assert source.read is not None
    with pytest.raises(EndorsementError):
        source.read(Answer(body))


def test_malformed_evidence_asks_nothing_and_adopts_nothing() -> None:
    broken = Evidence(TEE.name, {"report": b"", "chain": b""})
    with pytest.raises(MalformedEvidenceError):
        endorsements.sources(broken, {}, NOW)
    assert adopted(*RIMS.values(), of=broken) == {}


# --- the nonce of an answer -----------------------------------------------------------------------------


def test_an_answer_that_repeats_no_nonce_counts_while_its_window_lasts_and_that_is_said() -> None:
    with asking(SERVICE, Revocation(VENDOR, repeats_nonce=False)) as (_, web):
        claims = verified(gather(EVIDENCE, fetcher=web, at=NOW))
    assert status(claims, checks.REVOCATION.id) is Status.PASS
    assert status(claims, checks.ANSWER_NONCE.id) is Status.SKIPPED
    assert any("the answer is to another question than ours" in note for note in claims.not_checked)


def test_an_answer_from_before_the_nonce_was_chosen_is_told_apart_even_offline() -> None:
    """The same answer, shown with later evidence: the question would have been another."""
    with asking(SERVICE, Revocation(VENDOR)) as (_, web):
        gathered = gather(EVIDENCE, fetcher=web, at=NOW)
    assert status(verified(gathered), checks.ANSWER_NONCE.id) is Status.PASS
    later = made(b"m" * 32)
    assert status(verified(gathered, later), checks.ANSWER_NONCE.id) is Status.SKIPPED
    # Such an answer does not keep us from asking for one of our own.
    answers = {name: data for name, data in gathered.documents.items() if name.startswith("ocsp")}
    again = [source.documents[0] for source in endorsements.sources(later, answers, NOW) if source.post]
    assert set(again) <= answers.keys()
    assert again
    still_open = endorsements.sources(EVIDENCE, gathered.documents, NOW)
    assert not {name for source in still_open for name in source.documents} & gathered.documents.keys()


def test_a_question_names_its_certificate_and_carries_its_nonce() -> None:
    model, root = (load_certificate(VENDOR.authority(level), what=level) for level in ("model", "root"))
    asked = ocsp.load_der_ocsp_request(question(model, root, NONCE))
    assert asked.serial_number == model.serial
    assert [each.value.nonce for each in asked.extensions] == [nonce_for(NONCE, model)]
    assert nonce_for(NONCE, model) != nonce_for(NONCE, root)
    assert nonce_for(NONCE, model) != nonce_for(b"m" * 32, model)


# --- files ----------------------------------------------------------------------------------------------


def test_reference_values_are_chosen_by_version_whatever_files_are_called() -> None:
    other = VENDOR.rim("999.1", {0: [bytes(48)]})
    answer = json.dumps({"id": VBIOS_ID, "rim": b64encode(RIMS["rim.vbios"]).decode()})
    found = adopted(b"text", b"{}", b"<a/>", other, RIMS["rim.driver"], answer)
    assert found == {"rim.driver": RIMS["rim.driver"], "rim.vbios": RIMS["rim.vbios"]}


def test_reference_values_whose_signature_does_not_hold_are_left_alone() -> None:
    good = RIMS["rim.driver"]
    altered = good.replace(b'product="T"', b'product="U"')
    stranger = Vendor.named("nobody").rim("550.90.07", {0: [bytes(48)]})
    assert adopted(altered, good)["rim.driver"] == good
    assert adopted(altered) == {}
    assert adopted(stranger)["rim.driver"] == stranger  # whom a policy pins, it does not know; `verify` does


def test_of_the_vectors_reference_values_the_one_that_nvidia_signed_is_taken() -> None:
    folder = vectors.root() / "nvidia" / "rim"
    files = [path.read_bytes() for path in sorted(folder.iterdir())]
    opaque = {**GPU.content(NONCE).opaque, evidence.DRIVER: b"550.144.03\0"}
    ours = evidence.pack([(GPU.report(NONCE, opaque=opaque), CHAIN)])
    moment = NOW.replace(year=2025, month=6)
    for offered in (files, files[::-1]):
        named = [File(str(i), data) for i, data in enumerate(offered)]
        found = endorsements.adopt(ours, named, moment)
        assert found["rim.driver"] == (folder / "NV_GPU_DRIVER_GH100_550.144.03.xml").read_bytes()


def test_of_answers_ours_is_taken_before_a_newer_one_and_one_of_another_time_is_left() -> None:
    model, root, key = VENDOR.authority("model"), VENDOR.authority("root"), VENDOR.key("root")
    wanted = nonce_for(NONCE, load_certificate(_above(EVIDENCE, 3), what="model"))
    ours = ocsp_answer(model, root, key, begin=NOW - timedelta(hours=1), nonce=wanted)
    newer = ocsp_answer(model, root, key, begin=NOW)
    stale = ocsp_answer(model, root, key, begin=NOW - timedelta(days=9))
    strange = Vendor.named("another").authority("model")
    forged = ours[:-1] + bytes([ours[-1] ^ 1])  # the last byte of its signature
    for files in ((forged, newer, ours, stale, strange), (strange, stale, ours, newer, forged)):
        assert list(adopted(*files).values()) == [ours]
    assert list(adopted(newer, stale).values()) == [newer]
    assert adopted(stale, strange, forged, b"0") == {}
    revoked = ocsp_answer(model, root, key, status=ocsp.OCSPCertStatus.REVOKED)
    assert list(adopted(revoked).values()) == [revoked]


def _above(of: Evidence, number: int) -> bytes:

    return load_pem_chain(of.parts["chain"], what="chain", size=range(1, 7))[number].der


def test_nvidias_own_json_is_recognised_and_asked_for() -> None:
    found = recognise(vectors.read("nvidia/hopper_multi.evidence.json"))
    asked = endorsements.sources(found, {}, NOW)
    assert [source.url.rpartition("/")[2] for source in asked if source.post is None] == [
        "NV_GPU_DRIVER_GH100_590.12",
        "NV_GPU_VBIOS_G520_0200_885_9600A50001",
    ]
    assert all(source.url == "https://ocsp.ndis.nvidia.com/" for source in asked if source.post)
