# SPDX-License-Identifier: Apache-2.0
"""Attestation messages of attested TLS become the evidence that they carry."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttee.codec import scale
from ttee.errors import MalformedEvidenceError, TteeError
from ttee.formats.flashbots import TYPES, unwrap
from ttee.model import Evidence
from ttee.tee.intel.verify import verify
from ttee.tee.recognise import recognise
from ttee.testing import intel

VENDOR = intel.Vendor.random()
MACHINE = VENDOR.machine()
QUOTE = MACHINE.quote()
DIGESTS = {"loader": "aa" * 48, "rsdp": "bb" * 48, "tables": "cc" * 48}


def first(kind: str = "dcap-tdx", quote: bytes = QUOTE) -> bytes:
    return scale.octets(kind.encode()) + scale.octets(quote)


def second(kind: str = "gcp-tdx", quote: bytes = QUOTE, *, acpi: bool = False) -> bytes:
    platform = scale.octets(kind.encode()) + (1 << 34).to_bytes(8, "little") + (2).to_bytes(4, "little")
    digests = b"\1" + b"".join(bytes.fromhex(each) for each in DIGESTS.values()) if acpi else b"\0"
    return b"\1" + scale.octets(quote) + platform + digests


def as_json(**platform: Any) -> bytes:
    fields = {"attestation_type": "gcp-tdx", "ram_bytes": 1 << 34, "num_disks": 2, "acpi": DIGESTS}
    evidence = {"quote": list(QUOTE), "platform": {**fields, **platform}}
    return json.dumps({"attestation_evidence": evidence}).encode()


def found(data: bytes) -> Evidence:
    evidence = recognise(data)
    assert evidence == unwrap(data)
    return evidence


@pytest.mark.parametrize(
    "data",
    [
        first(),
        len(first()).to_bytes(4) + first(),
        first("self-hosted-tdx"),
        second(),
        second(acpi=True),
        as_json(),
        as_json(acpi=None),
    ],
)
def test_the_quote_in_a_message_is_verified_as_any_other(data: bytes) -> None:
    evidence = found(data)
    assert evidence.parts == {"quote": QUOTE}
    claims = verify(evidence, VENDOR.endorsements(MACHINE), at=intel.NOW)
    assert claims.details == verify(recognise(QUOTE), VENDOR.endorsements(MACHINE), at=intel.NOW).details


def test_what_a_message_says_of_its_platform_is_kept_beside_the_evidence() -> None:
    kept = found(second(acpi=True)).endorsements["platform"]
    assert kept == found(as_json()).endorsements["platform"]
    assert json.loads(kept)["ram_bytes"] == str(1 << 34)


# --- Azure ------------------------------------------------------------------------------------------

PEM = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"


def document(**changes: Any) -> dict[str, Any]:
    tpm = {
        "ak_certificate_pem": PEM,
        "quote": {"signature": [1] * 256, "message": [2, 3], "pcrs": [[n] * 32 for n in range(24)]},
        "event_log": [],
        "instance_info": None,
        **changes,
    }
    return {
        "tdx_quote_base64": base64.urlsafe_b64encode(QUOTE).decode(),
        "hcl_report_base64": base64.b64encode(b"\xfb\xff\xfe").decode(),
        "tpm_attestation": tpm,
    }


def azure(**changes: Any) -> bytes:
    return json.dumps(document(**changes)).encode()


@pytest.mark.parametrize("wrap", [bytes, partial(first, "azure-tdx"), partial(second, "azure-tdx")])
def test_azures_document_becomes_evidence_of_its_virtual_tpm(wrap: Callable[[bytes], bytes]) -> None:
    evidence = found(wrap(azure(ak_intermediate_certificates_pem=[PEM], event_log=[9], instance_info=[8])))
    assert evidence.tee == "azure-vtpm"
    assert {**evidence.parts, "pcrs": b"", "chain": b""} == {
        "td_quote": QUOTE,
        "hcl_report": b"\xfb\xff\xfe",
        "quote": b"\2\3",
        "signature": b"\1" * 256,
        "pcrs": b"",
        "ak_certificate": b"\x30\0",
        "event_log": b"\x09",
        "chain": b"",
    }
    assert json.loads(evidence.parts["pcrs"])["sha256"]["4"] == "04" * 32
    assert evidence.endorsements["instance_info"] == b"\x08"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"more": 1}, "not an object of"),
        ({"quote": {}}, "not an object of"),
        ({"quote": {"signature": [], "message": [], "pcrs": []}}, "1 to 24"),
        ({"quote": {"signature": [256], "message": [], "pcrs": [[0] * 32]}}, "list of bytes"),
        ({"quote": {"signature": [True], "message": [], "pcrs": [[0] * 32]}}, "list of bytes"),
        ({"quote": {"signature": [], "message": [], "pcrs": [[0] * 31]}}, "32 bytes"),
        ({"ak_certificate_pem": "x"}, "PEM"),
        ({"ak_certificate_pem": PEM + PEM}, "PEM"),
        ({"ak_certificate_pem": PEM.replace("MAA=", "M")}, "base64"),
        ({"ak_certificate_pem": 1}, "not text"),
        ({"ak_intermediate_certificates_pem": [1]}, "list of texts"),
    ],
)
def test_azures_documents_of_another_shape_are_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(MalformedEvidenceError, match=problem):
        unwrap(azure(**changes))


# --- hostile bytes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (first() + b"\0", "after its end"),
        (second() + b"\0", "after its end"),
        (second()[:-1] + b"\2", "variant 2"),
        (b'{"attestation_evidence": null}', "no attestation"),
        (b'{"attestation_evidence": {}}', "not an object of"),
        (b'{"attestation_evidence": {}, "x": 1}', "not an object of"),
        (as_json(attestation_type="sgx"), "none of"),
        (as_json(attestation_type=1), "not text"),
        (as_json(ram_bytes="1"), "integers"),
        (as_json(acpi={"loader": "00"}), "not an object of"),
        (as_json(acpi={**DIGESTS, "rsdp": "00"}), "48"),
        (as_json(acpi={**DIGESTS, "rsdp": 1}), "not hex"),
        (as_json(more=1), "not an object of"),
    ],
)
def test_messages_of_another_shape_are_refused(data: bytes, problem: str) -> None:
    with pytest.raises(MalformedEvidenceError, match=problem):
        recognise(data)


@given(st.integers(1, len(second()) - 1), st.integers(0, 7))
@settings(max_examples=60)
def test_truncated_or_flipped_messages_end_in_a_named_error_or_in_evidence(at: int, bit: int) -> None:
    for whole in (first(), second(), as_json()):
        flipped = bytearray(whole)
        flipped[at % len(whole)] ^= 1 << bit
        for data in (whole[: at % len(whole)], bytes(flipped)):
            try:
                unwrap(data)
            except TteeError as problem:
                assert isinstance(problem, MalformedEvidenceError)  # noqa: PT017


@given(st.binary(max_size=100), st.sampled_from(TYPES))
def test_any_bytes_are_read_or_refused_by_name(data: bytes, kind: str) -> None:
    begins = (b"", scale.octets(kind.encode()), b"\1", b'{"attestation_evidence"', b'{"hcl_report_base64"')
    for begin in begins:
        try:
            unwrap(begin + data)
        except MalformedEvidenceError as problem:
            assert problem.where is not None  # noqa: PT017 (either way is right)
