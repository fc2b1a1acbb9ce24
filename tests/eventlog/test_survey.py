# SPDX-License-Identifier: Apache-2.0
"""A log alone: any form is recognised, replayed, and what is odd about it is said by name."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import vectors
from ttee.codec.cbor_tags import TaggedValue, dumps
from ttee.errors import BindingError, MalformedEvidenceError, TteeError
from ttee.eventlog import cel, dstack, kinds
from ttee.eventlog.event import Event, Log, Registers
from ttee.eventlog.survey import MAX_FINDINGS, Survey, recognise, survey
from ttee.testing import eventlog as make
from ttee.testing.eventlog import Entry

CEL = make.cel_record(0, 4, make.tlv(cel.COS, make.tlv(0, b"an image")))
RECORD = {
    "recnum": 0,
    "pcr": 7,
    "digests": [{"hashAlg": "sha256", "digest": sha256(bytes(4)).hexdigest()}],
    "content_type": "pcclient_std",
    "content": {"event_type": "EV_SEPARATOR", "event_data": "00000000"},
}
IN_CBOR: TaggedValue = [
    {0: 0, 1: 7, 3: [{0: 0x0B, 1: sha256(bytes(4)).digest()}], 9: 5, 10: {0: kinds.SEPARATOR, 1: bytes(4)}}
]
DSTACK = [{"imr": 3, "event_type": dstack.RUNTIME, "digest": "", "event": "app-id", "event_payload": "00"}]
IMA = make.ima_entry("/usr/bin/bash", b"#!")


def surveyed(data: bytes) -> Survey:
    log = recognise(data)
    assert log is not None
    return survey(log)


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (make.tcg2(make.boot()), "TCG2"),
        (make.tcg1(make.boot()), "TCG1"),
        (make.ccel([Entry(1, kinds.SEPARATOR, bytes(4))]), "CCEL"),
        (CEL, "CEL"),
        (json.dumps([RECORD]).encode(), "CEL records"),
        (b"\x1e" + json.dumps(RECORD).encode() + b"\n", "CEL records"),
        (dumps(IN_CBOR), "CEL records"),
        (json.dumps(DSTACK).encode(), "dstack"),
        (IMA, "IMA"),
    ],
)
def test_every_form_is_recognised_without_asking(data: bytes, form: str) -> None:
    found = surveyed(data)
    assert found.log.format == form
    assert found.registers[found.bank]


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"[1]", b"{}", bytes(31), bytes(64), b"\xff" * 64, b"10 words", make.tcg1(make.boot())[:40]],
)
def test_anything_else_is_no_log(data: bytes) -> None:
    assert recognise(data) is None


def test_a_log_with_a_fault_is_an_error_and_not_something_else() -> None:
    with pytest.raises(MalformedEvidenceError):
        recognise(make.tcg2(make.boot())[:-1])
    with pytest.raises(BindingError):
        recognise(make.cel_record(0, 4, make.tlv(cel.COS, make.tlv(0, b"an image")), digest=bytes(48)))


def test_the_strongest_bank_is_shown_and_all_are_replayed() -> None:
    entries = make.boot()
    found = surveyed(make.tcg2(entries))
    assert found.bank == "sha256"
    assert found.registers == {bank: make.extend(entries, bank) for bank in ("sha256", "sha1")}
    assert found.findings == ()


def test_names_that_the_digest_vouches_for_are_told_from_labels() -> None:
    found = surveyed(make.tcg2(make.boot()))
    vouched = {event.name.split()[0] for event in found.log.events if found.vouched(event)}
    assert {"EV_SEPARATOR", "EV_IPL"} <= vouched
    assert "EV_EFI_PLATFORM_FIRMWARE_BLOB2" not in vouched


@pytest.mark.parametrize(
    ("more", "finding"),
    [
        (Entry(0, kinds.SEPARATOR, bytes(4)), "PCR 0 has 2 separators; firmware draws exactly one"),
        (Entry(8, kinds.EFI_ACTION, b"a tale", b"what was measured"), "its digest is not that of its data"),
        (Entry(7, kinds.DRIVER_CONFIG, make.variable("SecureBoot", b"\0")), "SecureBoot"),
        (Entry(3, kinds.SEPARATOR, b"why", b"\1\0\0\0"), "stopped at an error"),
    ],
)
def test_what_a_verification_would_refuse_is_a_finding(more: Entry, finding: str) -> None:
    found = surveyed(make.tcg2([*make.boot(), more]))
    assert any(finding in each for each in found.findings)


def test_sha1_alone_is_a_finding() -> None:
    assert "SHA-1 alone" in surveyed(make.tcg1(make.boot())).findings[0]


def test_a_bank_that_lacks_digests_is_named_and_the_others_shown() -> None:
    events = (Event(0, 0, kinds.ACTION, (b"\1" * 32, None), b"?"),)
    found = survey(Log("TCG2", Registers.PCR, ("sha256", "sha384"), events))
    assert found.bank == "sha256"
    assert found.findings[0].startswith("sha384: ")
    with pytest.raises(MalformedEvidenceError, match="no bank"):
        survey(Log("TCG2", Registers.PCR, ("sha384",), (Event(0, 0, kinds.ACTION, (None,), b"?"),)))


def test_there_is_an_end_to_findings() -> None:
    wrong = [Entry(8, kinds.EFI_ACTION, b"a tale", b"what was measured")] * (MAX_FINDINGS + 1)
    assert len(surveyed(make.tcg2(wrong)).findings) == MAX_FINDINGS


def test_every_log_of_the_vectors_is_read() -> None:
    for path in sorted((vectors.root() / "eventlog").iterdir()):
        if path.is_file() and path.stat().st_size:
            found = surveyed(path.read_bytes())
            assert found.log.events, path.name


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda more: make.tcg2(make.boot())[:90] + more))
def test_any_bytes_are_a_log_none_or_a_named_error(data: bytes) -> None:
    try:
        log = recognise(data)
        found = None if log is None else survey(log)
    except TteeError as error:
        found = None
        where = error.where
        assert where
    assert found is None or found.log.events
