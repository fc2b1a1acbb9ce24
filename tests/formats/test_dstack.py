# SPDX-License-Identifier: Apache-2.0
"""A dstack attestation, of any version, becomes the evidence of the TEE inside; and says no more than was signed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests import vectors
from tests.formats.attested import MADE, REPORT_DATA, found, verified
from ttee.codec import msgpack, scale
from ttee.errors import MalformedEvidenceError, TteeError
from ttee.eventlog import dstack as log
from ttee.formats import dstack_v0, unwrap
from ttee.formats.dstack_statement import PART, Statement
from ttee.tee.recognise import dump_evidence, recognise
from ttee.testing.dstack import BOOT, Attestation


def test_the_evidence_survives_its_envelope() -> None:
    assert recognise(dump_evidence(found(MADE.v1()))) == found(MADE.v1())


def test_a_virtual_tpms_quote_is_kept_and_listed_as_not_checked() -> None:
    for data in (evolve(MADE, kind=dstack_v0.GCP_TDX).v0(), evolve(MADE, kind=dstack_v0.GCP_TDX).v1()):
        assert Statement.read(found(data).parts[PART]).tpm_quote["message"] == b"message".hex()
        assert any("virtual TPM" in line for line in verified(data).not_checked)


def test_nobody_here_verifies_a_nitrotpm() -> None:
    for data in (evolve(MADE, kind=dstack_v0.NITRO_TPM).v0(), evolve(MADE, kind=dstack_v0.NITRO_TPM).v1()):
        with pytest.raises(MalformedEvidenceError, match="aws-nitro-tpm, which no TEE here verifies"):
            unwrap(data)


def test_two_lists_of_events_must_tell_one_story() -> None:
    for runtime in ((*BOOT[:2], ("other", b"")), (*BOOT, ("more", b""))):
        with pytest.raises(MalformedEvidenceError):
            unwrap(evolve(MADE, runtime=runtime).v0())
    assert found(evolve(MADE, runtime=BOOT[:3]).v0()) == found(MADE.v0())


# --- JSON -------------------------------------------------------------------------------------------


def answer(**changes: Any) -> bytes:
    fields = {
        "quote": MADE.quote.hex(),
        "event_log": found(MADE.v0()).parts["event_log"].decode(),
        "report_data": REPORT_DATA.hex(),
        "vm_config": "{}",
    }
    return json.dumps(
        {key: value for key, value in {**fields, **changes}.items() if value is not None}
    ).encode()


def test_what_the_guest_agent_answers_is_the_same_evidence() -> None:
    assert verified(answer()).details == verified(MADE.v0()).details
    attestation = json.dumps({"quote": None, "attestation": "0x" + MADE.v0().hex()}).encode()
    assert unwrap(attestation) == found(MADE.v0())
    assert found(answer(event_log=found(MADE.v0()).parts["event_log"].hex())).parts == found(answer()).parts


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"more": 1}, "unknown"),
        ({"quote": "zz"}, "not hex"),
        ({"quote": 1}, "not text"),
        ({"report_data": "00"}, "64"),
        ({"attestation": MADE.v0().hex()}, "give one of the two"),
        ({"attestation": MADE.v0().hex(), "quote": "00", "event_log": ""}, "not that of the attestation"),
        ({"attestation": "ff"}, "no version"),
    ],
)
def test_json_that_is_something_else_is_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(MalformedEvidenceError, match=problem):
        Statement.read(found(answer(**changes)).parts[PART])


# --- hostile bytes ----------------------------------------------------------------------------------


@given(st.integers(0, len(MADE.v0()) - 1))
@settings(max_examples=40)
def test_truncated_attestations_are_malformed(size: int) -> None:
    assume(size != 1352)  # as long as Keystone's reports, which have nothing else to be known by
    for data in (MADE.v0(), MADE.v1()):
        with pytest.raises(MalformedEvidenceError):
            recognise(data[: max(size, 1)])


@given(st.integers(0, 8 * len(MADE.v0()) - 1))
@settings(max_examples=60, deadline=None)
def test_a_flipped_bit_ends_in_a_named_error_or_changes_nothing_that_counts(bit: int) -> None:
    for whole in (MADE.v0(), MADE.v1()):
        data = bytearray(whole)
        at = bit % (8 * len(data))
        data[at // 8] ^= 1 << at % 8
        try:
            claims = verified(bytes(data))
        except TteeError:
            continue
        assert claims.details["compose_hash"] == dict(BOOT)["compose-hash"]


@given(st.binary(max_size=200))
def test_any_bytes_behind_the_first_ones_are_read_or_refused_by_name(data: bytes) -> None:
    for begin in (b"\0\0", b"\0\3", b"\x83\xa8platform"):
        try:
            unwrap(begin + data)
        except MalformedEvidenceError as problem:
            assert problem.where is not None  # noqa: PT017 (either way is right)


CONTENT = MADE.content()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"version": 2}, "version is not 1"),
        ({"more": 1}, "map of version"),
        ({"platform": {"kind": "tdx"}}, "map of kind, data"),
        ({"platform": {"kind": "sgx", "data": {}}}, "none of"),
        ({"platform": {"kind": "tdx", "data": {"quote": b""}}}, "map of quote, event_log"),
        ({"platform": {"kind": "tdx", "data": {"quote": [256], "event_log": []}}}, "not bytes"),
        ({"platform": {"kind": "tdx", "data": {"quote": b"", "event_log": 1}}}, "not a list"),
        ({"stack": {"kind": "other", "data": {}}}, "neither dstack nor"),
        (
            {"stack": {"kind": "dstack", "data": {"report_data": b"", "runtime_events": [], "config": ""}}},
            "64",
        ),
    ],
)
def test_v1_of_another_shape_is_refused(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(MalformedEvidenceError, match=problem):
        unwrap(msgpack.dumps({**CONTENT, **change}))


def test_v0_must_end_where_it_ends_and_be_of_a_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MalformedEvidenceError, match="after its end"):
        unwrap(MADE.v0() + b"\0")
    monkeypatch.setattr("ttee.formats.dstack.MAX_SIZE", 99)
    for data in (MADE.v0(), MADE.v1()):
        with pytest.raises(MalformedEvidenceError, match="99"):
            unwrap(data)


def test_a_digest_may_be_missing_only_where_it_can_be_computed() -> None:
    event = {"imr": 0, "event_type": 4, "event": "", "event_payload": "00"}
    with pytest.raises(MalformedEvidenceError, match="no digest"):
        log.parse(json.dumps([event]).encode())
    guests = {**event, "imr": 3, "event_type": log.RUNTIME, "event": "a"}
    assert log.parse(json.dumps([guests]).encode()).events[0].digests == (log.runtime_digest("a", b"\0"),)


# --- the shared vectors -----------------------------------------------------------------------------


def test_real_nitro_documents_are_found_inside_their_attestations() -> None:
    document = vectors.read("nitro/dstack_prod.cose.bin")
    made = Attestation(document, dstack_v0.NITRO, runtime=(), config="")
    assert found(made.v0()).parts["document"] == document


def test_other_bytes_are_none_of_ours() -> None:
    for data in (b"", b"\0", b"{}", b'{"quote": 1}', scale.octets(b"x"), MADE.quote):
        assert unwrap(data) is None
