# SPDX-License-Identifier: Apache-2.0
"""The bytes of a quote: read exactly, written again, and refused by place when anything about them lies."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tee.intel.cases import all_cases, named
from ttee.errors import MalformedEvidenceError
from ttee.model import Evidence
from ttee.tee.intel import evidence
from ttee.tee.intel.quote import MAX_SIZE, QE_VENDOR, SGX, TDX, parse, signed_part
from ttee.tee.intel.reports import SgxReport, TdReport
from ttee.tee.recognise import recognise
from ttee.testing.intel import Vendor, sgx_report, td_report

VENDOR = Vendor.random()
SERVER = VENDOR.machine(TDX)
GOOD = {
    3: VENDOR.machine(SGX).quote(),
    4: SERVER.quote(),
    5: SERVER.quote(version=5),
}


def refused(data: bytes, words: str = "") -> str:
    with pytest.raises(MalformedEvidenceError) as caught:
        parse(data)
    assert words in caught.value.message
    assert caught.value.source
    return str(caught.value.where)


def put(data: bytes, at: int, content: bytes) -> bytes:
    return data[:at] + content + data[at + len(content) :]


@pytest.mark.parametrize("report", [sgx_report(), td_report(), td_report(version_15=True)])
def test_reports_come_back_as_they_were_written(report: SgxReport | TdReport) -> None:
    kind: type[SgxReport | TdReport] = type(report)
    assert kind.parse(report.encode()) == report
    assert len(report.encode()) in {SgxReport.SIZE, TdReport.SIZE, TdReport.SIZE_15}


@pytest.mark.parametrize("version", [3, 4, 5])
def test_a_quotes_parts_are_where_they_belong(version: int) -> None:
    quote = parse(GOOD[version])
    assert (quote.version, quote.key_type, quote.qe_vendor, quote.padding) == (version, 2, QE_VENDOR, 0)
    assert quote.signed == signed_part(version, quote.report)
    assert GOOD[version].endswith(quote.platform)
    assert quote.platform.startswith(quote.key)
    assert quote.certification == 5
    assert quote.certification_data.startswith(b"-----BEGIN CERTIFICATE-----")


@pytest.mark.parametrize("version", [3, 4, 5])
def test_no_prefix_of_a_quote_is_one(version: int) -> None:
    good = GOOD[version]
    for size in [*range(700), *range(700, len(good), 37)]:
        assert refused(good[:size]).startswith("quote, byte ")


def test_only_zeros_may_stand_behind_a_quote() -> None:
    padded = GOOD[4].ljust(8000, b"\0")
    assert parse(padded).padding == 8000 - len(GOOD[4])
    assert refused(padded[:-1] + b"\1", "behind its end") == f"quote, byte {len(GOOD[4])}"
    assert refused(GOOD[4] + b"\n", "behind its end")


def test_a_quote_has_a_greatest_size() -> None:
    assert parse(GOOD[4].ljust(MAX_SIZE, b"\0")).padding
    assert refused(GOOD[4].ljust(MAX_SIZE + 1, b"\0"), "not read") == f"quote, byte {MAX_SIZE}"


@pytest.mark.parametrize(
    ("version", "at", "content", "words"),
    [
        (3, 0, b"\2\0", "version 2"),
        (4, 0, b"\6\0", "version 6"),
        (4, 0, b"\3\0", "version 3"),  # a TDX quote of version 3
        (4, 4, b"\x82\0\0\0", "TEE type"),
        (5, 48, b"\4\0", "type 4"),
        (5, 48, b"\1\0", "type 1"),  # an SGX body in a TDX quote
        (5, 50, b"\x48\2\0\0", "584 bytes"),
        (4, 632, b"\xff\xff\xff\xff", "authentication data reach"),
        (4, 632, b"\x10\0\0\0", "behind its end"),
        (4, 764, b"\5\0", "type 5 where 6 belongs"),
        (4, 766, b"\x10\0\0\0", "in a place of"),
        (4, 1218, b"\xff\xff", "cut short"),
        (4, 1252, b"\0\0", "type 0"),
        (4, 1252, b"\6\0", "type 6"),
        (4, 1252, b"\x08\0", "type 8"),
        (4, 1254, b"\1\0\0\0", "in a place of"),
    ],
)
def test_lies_about_kinds_and_lengths_are_refused(version: int, at: int, content: bytes, words: str) -> None:
    refused(put(GOOD[version], at, content), words)


@pytest.mark.parametrize("size", [0, 127, 130, 133])
def test_authentication_data_that_hold_nothing_are_refused(size: int) -> None:
    signed = signed_part(4, td_report())
    refused(signed + struct.pack("<I", size) + bytes(size), "cut short")


def test_an_enclaves_body_cannot_stand_in_a_trust_domains_quote() -> None:
    refused(put(put(GOOD[5], 48, struct.pack("<HI", 1, 384)), 4, b"\x81"), "none of intel-tdx")


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_whatever_the_bytes_it_ends_in_a_quote_or_a_named_error(data: st.DataObject) -> None:
    mutated = bytearray(data.draw(st.sampled_from(list(GOOD.values()))))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(mutated) - 1))
        mutated[at] ^= data.draw(st.integers(1, 255))
    del mutated[data.draw(st.integers(0, len(mutated))) :]
    with suppress(MalformedEvidenceError):
        parse(bytes(mutated))


@given(st.binary(max_size=3000))
def test_whatever_else_it_is_it_ends_in_a_named_error(data: bytes) -> None:
    with suppress(MalformedEvidenceError):
        parse(data)


# --- recognising and describing -------------------------------------------------------------------


def test_raw_quotes_are_recognised() -> None:
    for case in all_cases():
        assert recognise(case.quote) == case.evidence, case.id
    assert recognise(GOOD[3]).tee == SGX
    assert recognise(GOOD[5]).tee == TDX


def test_other_vendors_quotes_are_recognised_by_their_version_and_others_by_intels_name() -> None:
    assert evidence.wrap(put(GOOD[4], 12, bytes(16)), TDX) is not None
    assert evidence.wrap(put(GOOD[4], 0, b"\x09"), TDX) is not None
    assert evidence.wrap(put(put(GOOD[4], 12, bytes(16)), 0, b"\x09"), TDX) is None
    assert evidence.wrap(put(put(GOOD[4], 12, bytes(16)), 2, b"\0"), TDX) is None
    assert evidence.wrap(GOOD[4], SGX) is None
    assert evidence.wrap(GOOD[4][:47], TDX) is None


def test_every_field_can_be_looked_at() -> None:
    shown = evidence.describe(named("gotdx_v5_sample@2026-02").evidence)
    assert shown["quote_version"] == 5
    assert shown["report_data"] == parse(named("gotdx_v5_sample@2026-02").quote).report.report_data
    assert shown["tee_tcb_svn_2"] is not None
    assert evidence.describe(Evidence(SGX, {"quote": GOOD[3]}))["mr_enclave"] == sgx_report().mr_enclave
