# SPDX-License-Identifier: Apache-2.0
"""Evidence files: what is recognised, and what is refused with a name; recognising is not believing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttee.errors import MalformedEvidenceError, UsageError
from ttee.model import Evidence
from ttee.tee import TEES, all_tees, tee_named
from ttee.tee.recognise import MAX_SIZE, dump_evidence, load_evidence, recognise
from ttee.testing.riscv import SoftwareTee

EVIDENCE = SoftwareTee().evidence()
FILE = json.loads(dump_evidence(EVIDENCE))


def changed(**changes: object) -> bytes:
    """The file with other keys; a key that is set to None is left out."""
    return json.dumps({k: v for k, v in {**FILE, **changes}.items() if v is not None}).encode()


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "x.evidence.json"
    path.write_bytes(dump_evidence(EVIDENCE))
    assert load_evidence(path) == EVIDENCE
    assert recognise(path.read_bytes()) == EVIDENCE


@given(
    st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9_.-]{0,9}", fullmatch=True), st.binary(max_size=50), max_size=5
    )
)
def test_any_parts_survive_the_file(parts: dict[str, bytes]) -> None:
    evidence = Evidence("keystone", parts, {"crl": b"\0"})
    assert recognise(dump_evidence(evidence)) == evidence


def test_a_raw_keystone_report_is_recognised_without_asking() -> None:
    report = EVIDENCE.parts["report"]
    assert recognise(report) == Evidence("keystone", {"report": report})


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b"", "byte 0"),
        (b"hello\n", "byte 0"),
        (bytes(1351), "byte 0"),
        (b"{", "evidence file, line 1, column 2"),
        (b'{"schema": "ttee.evidence/1", "schema": "ttee.evidence/1"}', "evidence file"),
        (changed(schema="ttee.evidence/2"), "schema"),
        (changed(schema=5), "schema"),
        (changed(tee="sgx"), "tee"),
        (changed(tee=["riscv"]), "tee"),
        (changed(tee=None), "tee"),
        (changed(extra=1), "extra"),
        (changed(parts=None), "parts"),
        (changed(parts=[]), "parts"),
        (changed(endorsements=None), "endorsements"),
        (changed(parts={"report": 5}), "parts.report"),
        (changed(parts={"report": "a+b"}), "parts.report, character 1"),
        (changed(parts={"report": "AA=="}), "parts.report, character 2"),
        (changed(parts={"Report": "AA"}), "parts"),
        (changed(parts={f"p{n}": "" for n in range(65)}), "parts"),
    ],
)
def test_what_is_no_evidence_is_named_with_its_place(data: bytes, where: str) -> None:
    with pytest.raises(MalformedEvidenceError) as caught:
        recognise(data)
    assert caught.value.where == where


@given(st.binary(max_size=1351))
def test_arbitrary_bytes_are_a_named_error_with_a_place(data: bytes) -> None:
    with pytest.raises(MalformedEvidenceError) as caught:
        recognise(data)
    assert caught.value.where


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_arbitrary_json_is_a_named_error(value: object) -> None:
    with pytest.raises(MalformedEvidenceError):
        recognise(json.dumps(value).encode())


def test_a_file_that_is_too_large_is_not_read_through(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(MAX_SIZE + 1)
    with pytest.raises(MalformedEvidenceError):
        load_evidence(path)


def test_a_file_that_is_not_there_is_the_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        load_evidence(tmp_path / "nowhere")


def test_the_table_of_tees_is_what_it_says() -> None:
    assert [tee.name for tee in all_tees()] == list(TEES)
    for tee in all_tees():
        assert tee.title
        assert tee.checks
        assert tee.parts
    with pytest.raises(UsageError, match="no TEE is called"):
        tee_named("sgx")
