# SPDX-License-Identifier: Apache-2.0
"""A Keystone report reads the same from bytes and from JSON, and is written back byte for byte."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests import vectors
from ttee.errors import MalformedEvidenceError
from ttee.tee.keystone import evidence

if TYPE_CHECKING:
    from collections.abc import Callable

REPORT = evidence.Report(
    enclave_hash=b"\x01" * 64,
    data=b"nonce",
    slack=bytes(1019),
    enclave_signature=b"\x02" * 64,
    sm_hash=b"\x03" * 64,
    sm_public_key=b"\x04" * 32,
    sm_signature=b"\x05" * 64,
    device_key=b"\x06" * 32,
)


@given(st.binary(min_size=evidence.SIZE, max_size=evidence.SIZE), st.integers(0, evidence.MAX_DATA))
def test_every_report_comes_back_byte_for_byte(data: bytes, data_len: int) -> None:
    data = data[:64] + data_len.to_bytes(8, "little") + data[72:]
    report = evidence.parse(data)
    assert len(report.data) == data_len
    assert report.enclave_signed == data[: 72 + data_len]
    assert report.sm_signed == data[evidence.SM]
    assert evidence.encode(report) == data


@given(st.binary(max_size=evidence.SIZE + 10))
def test_any_other_size_is_refused(data: bytes) -> None:
    if len(data) == evidence.SIZE:
        return
    with pytest.raises(MalformedEvidenceError, match="1352 bytes"):
        evidence.parse(data)


@pytest.mark.parametrize("data_len", [1025, 1 << 31, 1 << 63, (1 << 64) - 1])
def test_a_data_length_beyond_the_field_is_refused_before_it_is_used(data_len: int) -> None:
    data = bytearray(evidence.encode(REPORT))
    data[evidence.DATA_LEN] = data_len.to_bytes(8, "little")
    with pytest.raises(MalformedEvidenceError, match=str(data_len)) as caught:
        evidence.parse(bytes(data))
    assert caught.value.where == "report, byte 64 (enclave.data_len)"


def test_the_json_form_says_the_same() -> None:
    assert evidence.from_json(evidence.to_json(REPORT)) == REPORT
    vector = evidence.parse(vectors.read("keystone/report_ok.bin"))
    assert evidence.from_json(evidence.to_json(vector)) == vector


def test_the_json_form_has_no_place_for_what_is_not_signed() -> None:
    hidden = evolve(REPORT, slack=b"x" * 1019)
    assert evidence.from_json(evidence.to_json(hidden)) == REPORT


def _set(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def edit(form: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        for parent in parents:
            form = form[parent]
        form[last] = value

    return edit


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (_set("extra", 1), "exactly"),
        (_set("enclave.extra", 1), "exactly"),
        (_set("security_monitor", {}), "exactly"),
        (_set("enclave", []), "wrong kind"),
        (_set("device_pubkey", 5), "wrong kind"),
        (_set("enclave.datalen", True), "wrong kind"),
        (_set("enclave.datalen", 5.0), "wrong kind"),
        (_set("enclave.datalen", "5"), "wrong kind"),
        (_set("enclave.datalen", -1), "-1 bytes"),
        (_set("enclave.datalen", 1025), "1025 bytes"),
        (_set("enclave.datalen", 4), "5 bytes; 4 are needed"),
        (_set("enclave.data", "6E6f6e6365"), "lowercase"),
        (_set("enclave.data", "6e6f6e636"), "odd"),
        (_set("enclave.hash", "00" * 63), "63 bytes; 64 are needed"),
        (_set("device_pubkey", "00" * 33), "33 bytes; 32 are needed"),
    ],
)
def test_a_sloppy_json_form_is_refused(edit: Callable[[dict[str, Any]], None], why: str) -> None:
    form = json.loads(evidence.to_json(REPORT))
    edit(form)
    with pytest.raises(MalformedEvidenceError, match=why):
        evidence.from_json(json.dumps(form).encode())


@given(st.binary(max_size=200) | st.sampled_from([b"[]", b"{}", b"null", b'{"enclave": 1}']))
def test_any_bytes_are_a_json_form_or_refused(data: bytes) -> None:
    with pytest.raises(MalformedEvidenceError):
        evidence.from_json(data)
