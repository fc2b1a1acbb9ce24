# SPDX-License-Identifier: Apache-2.0
"""Flashbots' measurement files become policies that accept what a record does, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from ttee.appraise import appraise, parse_policy
from ttee.errors import PolicyFileError
from ttee.formats.measurements import MAX_RECORDS, MAX_VALUES, Record, looks_like_one, merged, parse
from ttee.model import Assurance, Claims, Reliance, Status, Tier

REGISTERS = ("mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3")
VALUES = {str(number): bytes([number + 1] * 48) for number in range(5)}
TDX: dict[str, Any] = {
    "measurement_id": "image-1",
    "attestation_type": "dcap-tdx",
    "measurements": {number: {"expected": value.hex()} for number, value in VALUES.items()},
}
AZURE: dict[str, Any] = {
    "measurement_id": "image-2",
    "attestation_type": "azure-tdx",
    "measurements": {"4": {"expected": "44" * 32}, "pcr11": {"expected_any": ["aa" * 32, "bb" * 32]}},
}
CLAIMS = Claims(
    tee="intel-tdx",
    assurance=Assurance.SILICON,
    checks=(),
    relied_on=(Reliance("root", "Intel", b""),),
    not_checked=(),
    fresh=True,
    debug=False,
    pins={"app": ("rtmr1", "rtmr2"), "platform": ("mr_td",)},
    details={
        name: VALUES[str(number)] for number, name in enumerate(("mr_td", "rtmr0", "rtmr1", "rtmr2", "rtmr3"))
    },
)


def records(*items: Any) -> tuple[Record, ...]:
    return parse(json.dumps(list(items)).encode())


def changed(item: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {**item, **fields}


def status(record: Record, claims: Claims = CLAIMS) -> Tier:
    policy = parse_policy(record.draft().text().encode(), where="test")
    verdict = appraise(claims, [policy], at="2026-11-21T12:00:00Z")
    failed = [check.id for check in verdict.checks if check.status is Status.FAIL]
    return verdict.status if set(failed) <= {"policy.anchor"} else Tier.CONTRAINDICATED


def failing(record: Record, claims: Claims) -> set[str]:
    policy = parse_policy(record.draft().text().encode(), where="test")
    verdict = appraise(claims, [policy], at="2026-11-21T12:00:00Z")
    return {check.id for check in verdict.checks if check.status is Status.FAIL}


def test_a_record_accepts_its_registers_and_refuses_one_changed_byte_in_any() -> None:
    (record,) = records(TDX)
    right = failing(record, CLAIMS)
    assert not any(check.startswith("policy.intel-tdx") or "pinned" in check for check in right)
    for name, value in CLAIMS.details.items():
        assert isinstance(value, bytes)
        wrong = evolve(CLAIMS, details={**CLAIMS.details, name: value[:-1] + bytes([value[-1] ^ 1])})
        assert failing(record, wrong) - right == {f"policy.intel-tdx.{name.replace('_', '-')}"}


def test_registers_have_numbers_or_names() -> None:
    named = {name: {"expected": VALUES[str(number)].hex()} for number, name in enumerate(REGISTERS)}
    assert records(changed(TDX, measurements=named)) == records(TDX)
    (azure,) = records(AZURE)
    assert azure.tee == "azure-vtpm"
    assert azure.rules == {"pcr4": (b"\x44" * 32,), "pcr11": (b"\xaa" * 32, b"\xbb" * 32)}


@pytest.mark.parametrize("kind", ["gcp-tdx", "qemu-tdx", "self-hosted-tdx"])
def test_all_names_of_tdx_are_of_one_tee(kind: str) -> None:
    assert records(changed(TDX, attestation_type=kind))[0].tee == "intel-tdx"


def test_files_of_the_first_version_are_of_azure() -> None:
    data = json.dumps({"image-2": {"4": {"expected": "44" * 32, "warnOnly": False}}}).encode()
    assert parse(data) == (Record("image-2", "azure-tdx", {"pcr4": (b"\x44" * 32,)}),)


def test_one_record_alone_and_what_attest_measure_prints_are_read() -> None:
    assert parse(json.dumps(TDX).encode()) == records(TDX)
    printed = {"kind": "azure", "pcr4": "44" * 32, "pcr9": "99" * 32, "pcr11": "11" * 32}
    assert list(records(printed)[0].rules) == ["pcr4", "pcr9", "pcr11"]


def test_a_headers_value_needs_its_type() -> None:
    data = json.dumps({number: value.hex() for number, value in VALUES.items()}).encode()
    assert parse(data, type_of_header="dcap-tdx")[0].rules == records(TDX)[0].rules
    with pytest.raises(PolicyFileError, match="give --type"):
        parse(data)


def test_a_record_without_measurements_accepts_any_app_and_says_so() -> None:
    (record,) = records({"attestation_type": "dcap-tdx"})
    text = record.draft().text()
    assert "insecure-any-app = true" in text
    assert "insecure-any-platform = true" in text


def test_a_record_that_does_not_name_the_platform_says_so() -> None:
    (record,) = records(changed(TDX, measurements={"2": {"expected": "22" * 48}}))
    assert "insecure-any-platform = true" in record.draft().text()
    assert "insecure-any" not in records(TDX)[0].draft().text()


def other(number: str, *values: bytes, name: str = "image-3") -> dict[str, Any]:
    entries = {**TDX["measurements"], number: {"expected_any": [value.hex() for value in values]}}
    return changed(TDX, measurement_id=name, measurements=entries)


def test_records_that_differ_in_one_register_become_one_list() -> None:
    together = merged(records(TDX, other("1", b"\x77" * 48)))
    assert together is not None
    assert together.rules["rtmr0"] == (VALUES["1"], b"\x77" * 48)


def test_records_that_differ_in_two_stay_apart_as_lists_would_accept_a_mixture() -> None:
    third = changed(
        other("1", b"\x77" * 48),
        measurements={
            **other("1", b"\x77" * 48)["measurements"],
            "2": {"expected": "66" * 48},
        },
    )
    assert merged(records(TDX, third)) is None
    assert merged(records(TDX, AZURE)) is None
    assert merged(records(AZURE)) == records(AZURE)[0]


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        (1, "not an object"),
        (changed(TDX, attestation_type="none"), "never accepts what has no attestation"),
        (changed(TDX, attestation_type="sgx"), "attestation type is 'sgx'"),
        (changed(TDX, attestation_type=1), "are texts"),
        (changed(TDX, measurement_id=1), "are texts"),
        (changed(TDX, measurements={"0": ["expected"]}), "exactly one"),
        (changed(TDX, measurements={"0": {"expected_any": "00" * 48}}), "1 to"),
        ({"kind": "azure", "pcr4": "44" * 32}, "only the kind azure"),
        ({"kind": "gcp", "pcr4": "44" * 32, "pcr9": "44" * 32, "pcr11": "44" * 32}, "only the kind azure"),
        (changed(TDX, more=1), "'more' is unknown"),
        (changed(TDX, dcap_image_hashes={}), "rebuilt for each machine"),
        (changed(TDX, measurements=[]), "not an object"),
        (changed(TDX, measurements={"5": {"expected": "00" * 48}}), "no register of intel-tdx"),
        (changed(AZURE, measurements={"24": {"expected": "00" * 32}}), "no register of azure-vtpm"),
        (changed(TDX, measurements={"0": {}}), "exactly one"),
        (changed(TDX, measurements={"0": {"expected": "00" * 48, "expected_any": []}}), "exactly one"),
        (changed(TDX, measurements={"0": {"expected_any": []}}), "1 to"),
        (changed(TDX, measurements={"0": {"expected_any": [1]}}), "not hex"),
        (changed(TDX, measurements={"0": {"expected": "00" * 47}}), "48 are needed"),
        (changed(TDX, measurements={"0": {"expected": "zz" * 48}}), "not lowercase hex"),
        (changed(TDX, measurements={"0": {"expected": "00" * 48, "warnOnly": True}}), "warnOnly"),
        (changed(TDX, measurements={"0": {"expected": "00" * 48, "more": 1}}), "no other keys"),
        (
            changed(TDX, measurements={"0": {"expected": "00" * 48}, "mrtd": {"expected": "00" * 48}}),
            "twice, by two names",
        ),
        ({"kind": "dcap", "rtmr1": "00" * 48, "rtmr2": "00" * 48}, "only the kind azure"),
        ({"kind": "portable"}, "only the kind azure"),
    ],
)
def test_records_of_another_shape_are_refused_with_their_place(item: Any, problem: str) -> None:
    with pytest.raises(PolicyFileError, match=problem) as caught:
        records(item)
    assert "record 1" in (caught.value.where or "")


def test_there_is_an_end_to_records_and_values() -> None:
    empty = {"attestation_type": "dcap-tdx"}
    assert len(records(*[empty] * MAX_RECORDS)) == MAX_RECORDS
    with pytest.raises(PolicyFileError, match=f"1 to {MAX_RECORDS}"):
        records(*[empty] * (MAX_RECORDS + 1))
    values = [number.to_bytes(48).hex() for number in range(MAX_VALUES + 1)]
    whole = {"0": {"expected_any": values[:-1]}}
    assert len(records(changed(TDX, measurements=whole))[0].rules["mr-td"]) == MAX_VALUES
    with pytest.raises(PolicyFileError, match=f"1 to {MAX_VALUES}"):
        records(changed(TDX, measurements={"0": {"expected_any": values}}))


def test_what_begins_as_json_is_worth_to_be_read() -> None:
    assert looks_like_one(b"\n [") is looks_like_one(b"{") is True
    assert looks_like_one(b"") is looks_like_one(b"\xd9") is False


def test_records_of_two_types_or_with_other_registers_stay_apart() -> None:
    google = changed(TDX, measurement_id="image-3", attestation_type="gcp-tdx")
    fewer = changed(TDX, measurement_id="image-4", measurements={"0": TDX["measurements"]["0"]})
    assert merged(records(TDX, google)) is None
    assert merged(records(TDX, fewer)) is None
    assert merged(records(fewer, TDX)) is None


def test_a_header_is_of_numbers_and_texts_alone() -> None:
    """Anything else is a file of the first version, whose records are objects."""
    for value in ({"4": "44" * 32, "x": "44" * 32}, {"4": "44" * 32, "5": {}}):
        with pytest.raises(PolicyFileError, match=r"not an object|exactly one"):
            parse(json.dumps(value).encode(), type_of_header="azure-tdx")
    with pytest.raises(PolicyFileError, match="it has 0 records"):
        parse(b"{}", type_of_header="azure-tdx")


def test_a_type_of_its_own_goes_before_what_attest_measure_prints() -> None:
    with pytest.raises(PolicyFileError, match="'kind' is unknown"):
        records(changed(TDX, kind="azure"))
    with pytest.raises(PolicyFileError, match="are texts"):
        records({"measurement_id": "image"})


def test_a_file_must_have_records_of_different_names() -> None:
    for data in (b"[]", b"1", b'"x"'):
        with pytest.raises(PolicyFileError):
            parse(data)
    with pytest.raises(PolicyFileError, match="two records are called"):
        records(TDX, TDX)


@given(st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_any_bytes_are_read_or_refused_by_name(data: bytes) -> None:
    for whole in (data, b"[" + data + b"]", b'{"a":' + data + b"}"):
        try:
            parse(whole)
        except PolicyFileError as problem:
            assert problem.where is not None  # noqa: PT017 (either way is right)


@given(st.text(min_size=1, max_size=300))
def test_any_name_can_stand_in_a_policy(name: str) -> None:
    try:
        (record,) = records(changed(TDX, measurement_id=name))
    except PolicyFileError:  # half of a surrogate pair
        return
    record.draft((name,)).text()
