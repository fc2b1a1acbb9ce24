# SPDX-License-Identifier: Apache-2.0
"""Endorsements of an Azure confidential VM: those of the TEE inside, and authorities above its virtual TPM's key."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests import vectors
from tests.tee.azure.test_verify import NONCE, vm
from ttee.endorse.address import parse_mirror
from ttee.endorse.fetcher import Web
from ttee.endorse.gather import Gathered, gather
from ttee.errors import MalformedEvidenceError, RevokedError
from ttee.model import Anchor, Claims, Endorsements, Evidence
from ttee.tee.azure import TEE, endorsements
from ttee.tee.recognise import recognise
from ttee.tee.sources import File
from ttee.testing.services import KeyDistribution, serve
from ttee.testing.services.tpm import Authorities
from ttee.testing.tpm import NOW


def certified() -> Evidence:
    return vm().evidence(NONCE, ak_certificate=vm().tpm.ak_certificate())


def verified(of: Evidence, documents: dict[str, bytes]) -> Claims:
    root = Anchor(TEE.name, vm().tpm.vendor.anchor().key)
    anchors = (*vm().chip.vendor.endorsements(vm().chip).anchors, root)
    return TEE.verify(of, Endorsements(anchors, documents), nonce=NONCE, at=NOW)


def gathered(revoked: tuple[int, ...] = ()) -> tuple[Gathered, list[str]]:
    authorities = Authorities(vm().tpm.vendor, revoked=revoked)
    with serve(KeyDistribution((vm().chip,), moment=NOW), authorities) as services:
        web = Web([parse_mirror(each) for each in services.mirrors], timeout=5, sleep=lambda _: None)
        try:
            return gather(certified(), fetcher=web, at=NOW), services.asked
        finally:
            web.close()


def test_the_chips_maker_and_the_clouds_authorities_are_asked() -> None:
    found, asked = gathered()
    assert any("/vcek/v1/" in url for url in asked)
    assert [url.rpartition("/")[2] for url in asked if "issuer" in url or "root.crt" in url] == [
        "issuer.crt",
        "root.crt",
        "issuer.crl",
    ]
    assert "vek" in found.documents
    assert "ak_chain" in found.documents
    claims = verified(certified(), dict(found.documents))
    assert [each.name for each in claims.relied_on if each.name == "CRL of issuer"]
    assert {name.partition(" ")[0] for name in claims.editions} == {"amd-sev-snp", "tpm"}


def test_a_key_that_the_cloud_took_back_is_found_out_by_asking() -> None:
    found, _ = gathered(revoked=(0x77,))
    with pytest.raises(RevokedError) as caught:
        verified(certified(), dict(found.documents))
    assert caught.value.check == "azure.ak.certificate"


def test_all_of_it_is_found_among_files() -> None:
    chip = vm().chip
    inside = chip.vendor.endorsements(chip).documents
    files = [*inside.values(), vm().tpm.vendor.chain(), vm().tpm.vendor.crl(), b"text"]
    for offered in (files, files[::-1]):
        named = [File(f"file {i}", data) for i, data in enumerate(offered)]
        found = dict(endorsements.adopt(certified(), named, NOW))
        assert "ak_chain" in found
        assert any(name.startswith("ak_crl.") for name in found)
        assert verified(certified(), found).details["tee_inside"] == "amd-sev-snp"


def test_a_quote_without_a_certificate_has_questions_of_the_tee_inside_alone() -> None:
    asked = endorsements.sources(vm().evidence(NONCE), {}, NOW)
    assert asked
    assert all(source.url.startswith("https://kdsintf.amd.com/") for source in asked)


def test_a_td_in_azure_asks_intel() -> None:
    evidence = recognise(vectors.read("azure-vtpm/azure_tdx_vtpm_v1.json"))
    asked = endorsements.sources(evidence, {}, NOW)
    assert {document for source in asked for document in source.documents} >= {
        "tcb_info",
        "qe_identity",
        "pck_crl",
    }
    assert all(source.url.split("/")[2].endswith(".intel.com") for source in asked)


def test_malformed_evidence_has_no_questions() -> None:
    broken = evolve(certified(), parts={**certified().parts, "hcl_report": b"HCLA"})
    for given in (broken, Evidence(TEE.name, {})):
        with pytest.raises(MalformedEvidenceError):
            endorsements.sources(given, {}, NOW)
