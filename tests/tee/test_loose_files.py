# SPDX-License-Identifier: Apache-2.0
"""Each case of the vectors gets its result with its own files alone, and with those of its whole platform offered.

A folder of endorsements has those of many machines, good ones and bad ones. What belongs to a piece of evidence shows
from content; nobody has to name it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import vectors
from ttee.errors import EvidenceError, ExitCode, TteeError
from ttee.model import Anchor, Endorsements, Evidence
from ttee.tee import tee_named
from ttee.tee.recognise import recognise
from ttee.tee.sources import File
from ttee.tee.tpm import keys

PLATFORMS = {
    "nitro": "nitro",
    "nvidia": "nvidia",
    "tpm": "tpm",
    "azure-vtpm": "azure-vtpm",
    "cca": "cca",
    "psa": "psa",
}
"""By platform, its folder."""
TDX = "azure_tdx_vtpm_v1"


@cache
def cases() -> dict[str, dict[str, Any]]:
    manifest = json.loads(vectors.read(vectors.MANIFEST))
    return {case["id"]: case for case in manifest["cases"] if case["platform"] in PLATFORMS}


@cache
def files_of(platform: str) -> tuple[File, ...]:
    folder = vectors.root() / PLATFORMS[platform]
    return tuple(
        File(str(path), path.read_bytes(), named=True) for path in sorted(folder.rglob("*")) if path.is_file()
    )


def evidence_of(case: dict[str, Any]) -> Evidence:
    inputs = {role: vectors.read(name) for role, name in case["inputs"].items()}
    match case["platform"]:
        case "nitro":
            return Evidence("aws-nitro", {"document": inputs["document"]})
        case "nvidia":
            return Evidence("nvidia-gpu", {"report": inputs["report"], "chain": inputs["chain"]})
        case "cca" | "psa":
            return Evidence(f"arm-{case['platform']}", {"token": inputs["token"]})
        case "tpm" if "attest" in inputs:
            names = {"attest": "quote", "signature": "signature", "ak": "ak", "pcrs": "pcrs"}
            return Evidence("tpm", {names[role]: data for role, data in inputs.items()})
    return recognise(inputs["evidence"])


def moment(case: dict[str, Any]) -> datetime:
    text = case["verification_time"]
    return datetime.fromisoformat(text) if text else datetime(2025, 6, 1, tzinfo=UTC)


def verified(case: dict[str, Any], files: Sequence[File]) -> object:
    """The claims, or the error, with what is adopted of these files."""
    evidence, at = evidence_of(case), moment(case)
    tee = tee_named(evidence.tee)
    assert tee.adopt is not None
    documents = tee.adopt(evidence, files, at)
    assert all(_known(tee.documents, name) for name in documents)
    # A quote of a TPM whose key nobody certified is trusted if that key is.
    anchors = (Anchor("tpm", keys.load(evidence.parts["ak"], "ak").spki),) if evidence.tee == "tpm" else ()
    try:
        return tee.verify(evidence, Endorsements(anchors, documents), at=at)
    except TteeError as problem:
        return problem


def _known(names: Sequence[str], name: str) -> bool:
    return any(name == each or (each.endswith(".*") and name.startswith(each[:-1])) for each in names)


def offers(case: dict[str, Any]) -> Iterator[Sequence[File]]:
    yield [File(name, vectors.read(name), named=True) for name in case["inputs"].values()]
    yield files_of(case["platform"])
    yield files_of(case["platform"])[::-1]


@pytest.mark.parametrize("name", [name for name in cases() if name != TDX])
def test_what_belongs_to_evidence_is_found_among_its_own_files_and_those_of_all(name: str) -> None:
    case = cases()[name]
    for files in offers(case):
        found = verified(case, files)
        if case["expected"]["result"] == "valid":
            assert not isinstance(found, TteeError), found
        else:
            assert isinstance(found, EvidenceError), found
            assert found.exit_code in {ExitCode.MALFORMED, ExitCode.NOT_AUTHENTIC}


def test_a_td_in_azure_lacks_intels_collateral_and_the_error_says_where_it_is() -> None:
    for files in offers(cases()[TDX]):
        found = verified(cases()[TDX], files)
        assert isinstance(found, TteeError)
        assert found.exit_code is ExitCode.UNAVAILABLE
        assert "https://api.trustedservices.intel.com/" in (found.hint or "")


def test_a_td_in_azure_finds_intels_collateral_among_that_of_many_and_of_others() -> None:
    """Among the files is a whole set below a root that somebody made, and called as Intel calls its own."""
    at = datetime(2025, 7, 10, tzinfo=UTC)
    folders = ("azure-vtpm", "intel-dcap", "sgx", "tdx")
    paths = [
        path for folder in folders for path in sorted((vectors.root() / folder).rglob("*")) if path.is_file()
    ]
    files = [File(str(path), path.read_bytes()) for path in paths]
    evidence = evidence_of(cases()[TDX])
    tee = tee_named(evidence.tee)
    assert tee.adopt is not None
    for offered in (files, files[::-1]):
        claims = tee.verify(evidence, Endorsements((), tee.adopt(evidence, offered, at)), at=at)
        assert claims.details["tcb_status"] == "OutOfDate"


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(cases())), st.data())
def test_files_of_any_content_are_passed_over(name: str, data: st.DataObject) -> None:
    """Cut, with a bit flipped, or made up: a folder may hold anything, and nobody's machine stumbles over it."""
    case = cases()[name]
    evidence = evidence_of(case)
    genuine = data.draw(st.sampled_from(files_of(case["platform"]))).data
    at = data.draw(st.integers(0, len(genuine) - 1))
    flipped = genuine[:at] + bytes([genuine[at] ^ 1 << data.draw(st.integers(0, 7))]) + genuine[at + 1 :]
    files = [File("a file", each) for each in (genuine[:at], flipped, data.draw(st.binary(max_size=64)))]
    tee = tee_named(evidence.tee)
    assert tee.adopt is not None
    for document, content in tee.adopt(evidence, files, moment(case)).items():
        assert _known(tee.documents, document)
        assert content


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(cases())), st.data())
def test_evidence_of_any_content_has_questions_or_a_named_error(name: str, data: st.DataObject) -> None:
    case = cases()[name]
    evidence = evidence_of(case)
    part = data.draw(st.sampled_from(sorted(evidence.parts)))
    genuine = evidence.parts[part]
    at = data.draw(st.integers(0, len(genuine) - 1))
    flipped = genuine[:at] + bytes([genuine[at] ^ 1 << data.draw(st.integers(0, 7))]) + genuine[at + 1 :]
    changed = data.draw(st.sampled_from([genuine[:at], flipped]) | st.binary(max_size=64))
    hostile = Evidence(evidence.tee, {**evidence.parts, part: changed})
    tee = tee_named(evidence.tee)
    with suppress(EvidenceError):
        for source in tee.sources(hostile, {}, moment(case)) if tee.sources else ():
            assert source.url.startswith("https://")
    with suppress(EvidenceError):
        assert tee.adopt is not None
        tee.adopt(hostile, files_of(case["platform"]), moment(case))


@pytest.mark.parametrize("name", cases())
def test_the_questions_for_each_case_are_askable(name: str) -> None:
    """Whatever is asked is asked with https, at a maker's host, for documents that the verification reads."""
    evidence, at = evidence_of(cases()[name]), moment(cases()[name])
    tee = tee_named(evidence.tee)
    if tee.sources is None:
        return
    try:
        found = tee.sources(evidence, {}, at)
    except EvidenceError:  # the verification says the same
        assert cases()[name]["expected"]["result"] != "valid"
        return
    for source in found:
        assert source.url.startswith("https://")
        assert source.url.split("/")[2].endswith((".amazonaws.com", ".nvidia.com", ".amd.com", ".intel.com"))
        assert all(_known(tee.documents, document) for document in source.documents)
