# SPDX-License-Identifier: Apache-2.0
"""A report reads into the same fields that it is written from, and reserved places hold nothing."""

from __future__ import annotations

import struct

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests import vectors
from tests.tee.amd.vendors import vendor, wrapped
from ttee.errors import MalformedEvidenceError
from ttee.model import Evidence
from ttee.tee.amd import evidence, table
from ttee.tee.amd.products import GENOA, MILAN, PRODUCTS, TURIN, Product, at_most, by_cpuid, by_name
from ttee.tee.keystone import evidence as keystone
from ttee.testing.amd import tcb

CHIP = vendor().chip()
REPORT = CHIP.report(5)


def changed(offset: int, value: bytes, data: bytes = REPORT) -> bytes:
    return data[:offset] + value + data[offset + len(value) :]


@pytest.mark.parametrize("version", evidence.VERSIONS)
def test_a_report_comes_back_byte_for_byte(version: int) -> None:
    data = CHIP.report(version)
    assert len(data) == evidence.SIZE
    assert evidence.encode(evidence.parse(data)) == data
    assert evidence.parse(data).version == version


def test_the_fields_stand_where_the_specification_says() -> None:
    report = evidence.parse(vectors.read("snp/virtee_milan.report.bin"))
    data = vectors.read("snp/virtee_milan.report.bin")
    assert report.version == 2
    assert report.policy == struct.unpack_from("<Q", data, 0x08)[0] == 0x30000
    assert report.report_data == data[0x50:0x90]
    assert report.measurement == data[0x90:0xC0]
    assert report.reported_tcb == data[0x180:0x188]
    assert report.chip_id == data[0x1A0:0x1E0]
    assert report.current_version == (4, 52, 1)
    assert report.launch_tcb == data[0x1F0:0x1F8]
    assert report.r == data[0x2A0:0x2E8]
    assert report.s == data[0x2E8:0x330]


@given(st.binary(max_size=evidence.SIZE + 10))
def test_any_other_size_is_refused(data: bytes) -> None:
    if len(data) == evidence.SIZE:
        return
    with pytest.raises(MalformedEvidenceError, match="1184 bytes"):
        evidence.parse(data)


@given(st.binary(min_size=evidence.SIZE, max_size=evidence.SIZE))
def test_any_bytes_are_a_report_or_refused(data: bytes) -> None:
    for hostile in (data, struct.pack("<I", 5) + data[4:]):
        try:
            report = evidence.parse(hostile)
        except MalformedEvidenceError:
            continue
        assert evidence.encode(report) == hostile


@given(st.integers(0, evidence.SIZE * 8 - 1))
def test_every_flipped_bit_is_refused_or_shows_in_the_fields(bit: int) -> None:
    data = bytearray(REPORT)
    data[bit // 8] ^= 1 << bit % 8
    try:
        report = evidence.parse(bytes(data))
    except MalformedEvidenceError:
        return
    assert report != evidence.parse(REPORT)


@pytest.mark.parametrize("version", [0, 1, 6, 0xFFFFFFFF])
def test_an_unknown_version_is_refused(version: int) -> None:
    with pytest.raises(MalformedEvidenceError, match=f"version {version} is not known") as caught:
        evidence.parse(changed(0, struct.pack("<I", version)))
    assert caught.value.where == "report, byte 0x000"


@pytest.mark.parametrize(
    ("offset", "size"), [(0x4C, 4), (0x18B, 21), (0x1EB, 1), (0x1EF, 1), (0x208, 152), (0x330, 368)]
)
def test_what_must_be_zero_is_zero(offset: int, size: int) -> None:
    for at in (offset, offset + size - 1):
        with pytest.raises(MalformedEvidenceError, match="has zeros here") as caught:
            evidence.parse(changed(at, b"\x01"))
        assert caught.value.where == f"report, byte {offset:#05x}"


def test_what_a_version_does_not_have_yet_is_zero() -> None:
    with pytest.raises(MalformedEvidenceError, match="version 2 has zeros") as caught:
        evidence.parse(changed(0x18A, b"\x01", CHIP.report(2)))
    assert caught.value.where == "report, byte 0x188"
    for offset in (0x1F8, 0x207):
        with pytest.raises(MalformedEvidenceError, match="version 4 has zeros"):
            evidence.parse(changed(offset, b"\x01", CHIP.report(4)))
        assert evidence.parse(changed(offset, b"\x01")).version == 5


def test_reserved_values_are_refused() -> None:
    with pytest.raises(MalformedEvidenceError, match="bit 17"):
        evidence.parse(changed(0x08, bytes(8)))
    for key_info in (2 << 2, 6 << 2, 1 << 5, 1 << 31):
        with pytest.raises(MalformedEvidenceError, match="reserved value"):
            evidence.parse(changed(0x48, struct.pack("<I", key_info)))
    for vmpl in (4, 0xFFFFFFFE):
        with pytest.raises(MalformedEvidenceError, match="does not exist"):
            evidence.parse(changed(0x30, struct.pack("<I", vmpl)))


def test_bits_that_newer_firmware_may_use_are_kept() -> None:
    report = evidence.parse(
        CHIP.report(policy=0x30000 | 1 << 25 | 1 << 26 | 1 << 63, platform_info=1 << 6 | 1)
    )
    assert report.unknown_policy == 1 << 26 | 1 << 63
    assert report.unknown_platform == 1 << 6
    assert evidence.details(report, MILAN)["page_swap_disabled"] is True


# --- product lines and their TCBs -----------------------------------------------------------------


def test_a_processor_is_of_one_product_line() -> None:
    assert by_cpuid(0x19, 0x00) is by_cpuid(0x19, 0x0F) is MILAN
    assert (
        by_cpuid(0x19, 0x10) is by_cpuid(0x19, 0x1F) is by_cpuid(0x19, 0xA0) is by_cpuid(0x19, 0xAF) is GENOA
    )
    assert by_cpuid(0x1A, 0x00) is by_cpuid(0x1A, 0x11) is TURIN
    for family, model in ((0x19, 0x20), (0x19, 0x9F), (0x19, 0xB0), (0x1A, 0x12), (0x17, 0x31), (0, 0)):
        assert by_cpuid(family, model) is None


def test_a_name_is_of_one_product_line() -> None:
    assert [by_name(name) for name in ("Milan", "Genoa-B2", "Turin", "Naples", "", "-B0", "Milano")] == [
        MILAN, GENOA, TURIN, None, None, None, None,
    ]  # fmt: skip


def test_components_stand_in_the_order_of_their_line() -> None:
    levels = {"bl": 1, "tee": 2, "snp": 3, "ucode": 4}
    for product in (MILAN, GENOA):
        assert tcb(product, **levels) == bytes([1, 2, 0, 0, 0, 0, 3, 4])
        assert product.components(bytes([1, 2, 0, 0, 0, 0, 3, 4])) == levels
    assert tcb(TURIN, fmc=5, **levels) == bytes([5, 1, 2, 3, 0, 0, 0, 4])
    assert TURIN.components(bytes([5, 1, 2, 3, 0, 0, 0, 4])) == {"fmc": 5, **levels}


def test_a_tcb_is_at_most_another_in_every_component() -> None:
    assert at_most(bytes(8), bytes(8))
    assert at_most(bytes(7) + b"\x01", b"\x01" * 8)
    assert not at_most(bytes([2, 0, 0, 0, 0, 0, 0, 0]), bytes([1, 9, 9, 9, 9, 9, 9, 9]))


# --- recognised among other evidence --------------------------------------------------------------


def test_a_raw_report_is_recognised_with_and_without_its_certificates() -> None:
    assert evidence.wrap(REPORT) == wrapped(REPORT)
    certificates = table.encode({"vcek": CHIP.vek()}, page=4096)
    assert evidence.wrap(REPORT + certificates) == wrapped(REPORT, certificates=certificates)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        REPORT[:-1],
        REPORT + b"\x01" * 24,
        bytes(1184),
        b"\x02" + bytes(1183),
        changed(0x34, bytes(4)),
        bytes(keystone.SIZE),
    ],
)
def test_other_blobs_are_not_a_report(data: bytes) -> None:
    assert evidence.wrap(data) is None


@given(st.binary(min_size=1184, max_size=1352))
def test_random_bytes_are_not_taken_for_a_report(data: bytes) -> None:
    assert evidence.wrap(data) is None


def test_every_shared_report_is_recognised_and_described() -> None:
    for case in vectors.cases("snp"):
        data = case.inputs["report"]
        if "truncated" in case.id or "reserved" in case.id:
            assert evidence.wrap(data) is None
            continue
        assert evidence.wrap(data) == wrapped(data)
        fields = evidence.describe(wrapped(data))
        assert fields["product"] == "unknown"  # version 2 does not say
        assert fields["reported_snp_svn"] in (5, 8, 72)


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_description_has_every_field(product: Product) -> None:
    chip = vendor(product).chip()
    for version in evidence.VERSIONS:
        parts = {"certificates": table.encode({"vcek": b"a file", "crl": b"a list"})}
        fields = evidence.describe(wrapped(chip.report(version), **parts))
        assert fields["certificate_vcek"] == b"a file"
        assert fields["reported_ucode_svn"] == 115
        assert ("reported_fmc_svn" in fields) is (product is TURIN)
        assert ("cpuid" in fields) is (version > 2)
        assert fields["signing_key"] == "vcek"


def test_a_description_of_something_else_is_refused() -> None:
    with pytest.raises(MalformedEvidenceError, match="1184 bytes"):
        evidence.describe(Evidence(evidence.NAME, {}))


def test_a_chip_without_any_identity_may_be_of_any_line() -> None:
    report = evolve(CHIP.unsigned(2), chip_id=bytes(64))
    assert "reported_fmc_svn" not in evidence.describe(wrapped(evidence.encode(report)))


# --- certificate tables ---------------------------------------------------------------------------

CONTENTS = {"vcek": b"one", "ask": b"two", "ark": b"", "crl": b"four"}


@pytest.mark.parametrize("mixed_endian", [True, False])
@pytest.mark.parametrize("page", [1, 4096])
def test_a_table_comes_back_however_its_host_writes_guids(mixed_endian: bool, page: int) -> None:
    assert table.parse(table.encode(CONTENTS, mixed_endian=mixed_endian, page=page)) == CONTENTS


def test_a_guid_is_written_big_endian_unless_the_host_does_as_windows() -> None:
    guid = table.GUIDS["vcek"]
    assert table.encode(CONTENTS).startswith(guid.bytes)
    assert table.encode(CONTENTS, mixed_endian=True).startswith(guid.bytes_le)


def test_contents_of_unknown_kinds_are_left_out() -> None:
    data = bytearray(table.encode(CONTENTS))
    data[24:40] = b"\xee" * 16
    assert table.parse(bytes(data)) == {name: CONTENTS[name] for name in ("vcek", "ark", "crl")}


def test_an_empty_table_is_its_end() -> None:
    assert table.parse(bytes(24)) == {}
    assert table.parse(bytes(4096)) == {}


@pytest.mark.parametrize(
    ("offset", "value", "why"),
    [
        (16, 119, "outside its contents"),  # into the list of entries
        (16, 0xFFFFFFFF, "outside its contents"),
        (20, 0xFFFFFFFF, "outside its contents"),
        (20, 12, "outside its contents"),
    ],
)
def test_a_table_that_lies_about_places_is_refused(offset: int, value: int, why: str) -> None:
    data = bytearray(table.encode(CONTENTS))
    struct.pack_into("<I", data, offset, value)
    with pytest.raises(MalformedEvidenceError, match=why):
        table.parse(bytes(data))


def test_two_of_a_kind_are_refused() -> None:
    data = bytearray(table.encode(CONTENTS))
    data[24:40] = data[:16]
    with pytest.raises(MalformedEvidenceError, match="second vcek"):
        table.parse(bytes(data))


def test_a_table_without_its_end_is_refused() -> None:
    whole = table.encode({"vcek": b""})
    for cut in range(len(whole)):
        with pytest.raises(MalformedEvidenceError, match="ends before"):
            table.parse(whole[:cut])
    with pytest.raises(MalformedEvidenceError, match="more than 32 entries"):
        table.parse(b"\x01" * 24 * 40)


def test_bytes_that_no_entry_speaks_of_are_refused() -> None:
    with pytest.raises(MalformedEvidenceError, match="behind the last"):
        table.parse(table.encode(CONTENTS) + b"\0\x01")


def test_an_oversized_table_is_refused_before_it_is_read() -> None:
    with pytest.raises(MalformedEvidenceError, match="at most"):
        table.parse(bytes(table.MAX_SIZE + 1))
    assert table.parse(bytes(table.MAX_SIZE)) == {}


@given(st.binary(max_size=200))
def test_any_bytes_are_a_table_or_refused(data: bytes) -> None:
    for hostile in (data, data + bytes(24), table.encode(CONTENTS)[: len(data)] + data):
        try:
            found = table.parse(hostile)
        except MalformedEvidenceError:
            continue
        assert set(found) <= set(table.GUIDS)
