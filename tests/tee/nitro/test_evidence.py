# SPDX-License-Identifier: Apache-2.0
"""A document has the fields of AWS's table, each once and with its type; anything else is refused by name."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import vectors
from ttee.codec import cbor, cose
from ttee.codec.cbor import VendorValue
from ttee.errors import MalformedEvidenceError
from ttee.model import Evidence
from ttee.tee.nitro import evidence
from ttee.testing.nitro import NOW, Vendor

ENCLAVE = Vendor.named("a cloud").enclave()
CONTENT = ENCLAVE.content(public_key=b"a key", user_data=b"", nonce=b"a nonce")
PAYLOAD = evidence.encode(CONTENT)
DOCUMENT = ENCLAVE.sign(PAYLOAD)


def fields() -> dict[int | str, VendorValue]:
    value = cbor.loads_vendor(PAYLOAD, what="it", max_size=1 << 20)
    assert isinstance(value, dict)
    return value


def refused(value: VendorValue) -> MalformedEvidenceError:
    with pytest.raises(MalformedEvidenceError) as caught:
        evidence.parse(cbor.dumps_vendor(value))
    assert (caught.value.where or "").startswith("document, ")
    return caught.value


def test_a_document_comes_back() -> None:
    assert evidence.parse(PAYLOAD) == CONTENT
    assert evidence.parse(evidence.open_envelope(DOCUMENT).payload) == CONTENT
    assert CONTENT.made == NOW


def test_fields_that_are_not_there_are_none() -> None:
    value = fields()
    for key in ("public_key", "user_data", "nonce"):
        del value[key]
    document = evidence.parse(cbor.dumps_vendor(value))
    assert (document.public_key, document.user_data, document.nonce) == (None, None, None)


@pytest.mark.parametrize("key", ["module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle"])
def test_a_missing_field_is_named(key: str) -> None:
    value = fields()
    del value[key]
    assert f"the key {key!r} is missing" in refused(value).message


def test_an_unknown_field_is_named() -> None:
    assert "the key 'extra' is unknown" in refused(fields() | {"extra": 1}).message
    assert "the key '7' is unknown" in refused(fields() | {7: 1}).message


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("digest", "SHA256", "digest is not 'SHA384'"),
        ("digest", b"SHA384", "digest is not 'SHA384'"),
        ("module_id", "", "1 to 256 printable"),
        ("module_id", "a" * 257, "1 to 256 printable"),
        ("module_id", "a\x1b[2J", "1 to 256 printable"),
        ("module_id", b"bytes", "1 to 256 printable"),
        ("timestamp", 0, "number of milliseconds"),
        ("timestamp", -1, "number of milliseconds"),
        ("timestamp", True, "number of milliseconds"),
        ("timestamp", 253_402_300_800_000, "number of milliseconds"),
        ("timestamp", (1 << 64) - 1, "number of milliseconds"),
        ("timestamp", "now", "number of milliseconds"),
        ("pcrs", [], "not a map"),
        ("pcrs", {}, "it is missing"),
        ("pcrs", {0: bytes(48), 1: bytes(48)}, "which image runs"),
        ("pcrs", {0: bytes(48), 1: bytes(48), 2: bytes(48), 32: bytes(48)}, "number of a PCR"),
        ("pcrs", {-1: bytes(48)}, "number of a PCR"),
        ("pcrs", {"0": bytes(48)}, "number of a PCR"),
        ("pcrs", {0: bytes(47)}, "32, 48 or 64 bytes"),
        ("pcrs", {0: "text"}, "32, 48 or 64 bytes"),
        ("certificate", b"", "1 to 1024 bytes"),
        ("certificate", bytes(1025), "1 to 1024 bytes"),
        ("certificate", "text", "1 to 1024 bytes"),
        ("cabundle", b"", "list of 1 to 8"),
        ("cabundle", [], "list of 1 to 8"),
        ("cabundle", [b"x"] * 9, "list of 1 to 8"),
        ("cabundle", [b"x", b""], "1 to 1024 bytes"),
        ("cabundle", [b"x", None], "1 to 1024 bytes"),
        ("public_key", bytes(1025), "neither null"),
        ("user_data", "text", "neither null"),
        ("nonce", 0, "neither null"),
    ],
)
def test_a_field_of_another_type_or_length_is_refused(key: str, value: Any, why: str) -> None:
    error = refused(fields() | {key: value})
    assert why in error.message
    assert key in (error.where or "")


def test_the_largest_fields_are_taken() -> None:
    largest = evolve(
        CONTENT, public_key=bytes(1024), user_data=bytes(1024), nonce=bytes(1024), module_id="a" * 256
    )
    assert evidence.parse(evidence.encode(largest)) == largest
    last = evolve(CONTENT, timestamp=253_402_300_799_999, pcrs={index: bytes(64) for index in range(32)})
    assert evidence.parse(evidence.encode(last)).made == datetime(9999, 12, 31, 23, 59, 59, 999000, UTC)


@pytest.mark.parametrize("bundle", [(b"x",), (bytes(1024),) * 8])
def test_the_shortest_and_the_longest_bundle_are_taken(bundle: tuple[bytes, ...]) -> None:
    document = evolve(CONTENT, cabundle=bundle, certificate=bundle[0])
    assert evidence.parse(evidence.encode(document)) == document


def test_a_payload_that_is_no_map_is_refused() -> None:
    assert "not a map" in refused([]).message


def test_a_duplicate_field_is_refused() -> None:
    twice = cbor.dumps_vendor({"nonce": b"one"})[1:] + cbor.dumps_vendor({"nonce": b"two"})[1:]
    payload = b"\xbf" + PAYLOAD[1:] + twice + b"\xff"
    with pytest.raises(MalformedEvidenceError, match="Duplicate map key"):
        evidence.parse(payload)


def test_debug_mode_is_when_the_image_is_not_measured_at_all() -> None:
    measured = dict(CONTENT.pcrs)
    assert not CONTENT.debug
    for index in range(3):
        assert not evolve(CONTENT, pcrs={**measured, index: bytes(48)}).debug
    assert evolve(CONTENT, pcrs={**measured, 0: bytes(48), 1: bytes(48), 2: bytes(48)}).debug


# --- the envelope ---------------------------------------------------------------------------------


def test_headers_that_nobody_signed_are_refused() -> None:
    with pytest.raises(MalformedEvidenceError, match="unprotected headers"):
        evidence.open_envelope(ENCLAVE.sign(PAYLOAD, unprotected={4: b"kid"}))


def test_es384_is_the_only_algorithm() -> None:
    for algorithm in (cose.ES256, cose.ES512, -8):
        with pytest.raises(MalformedEvidenceError, match=r"must be ES384 \(-35\)"):
            evidence.open_envelope(ENCLAVE.sign(PAYLOAD, protected=cbor.dumps_vendor({1: algorithm})))


def test_an_oversized_document_is_refused_before_it_is_read() -> None:
    with pytest.raises(MalformedEvidenceError, match="at most 32768"):
        evidence.open_envelope(DOCUMENT + bytes(evidence.MAX_SIZE))


# --- recognised among other evidence --------------------------------------------------------------


def test_a_raw_document_is_recognised_with_and_without_the_tag() -> None:
    for data in (DOCUMENT, cose.TAG + DOCUMENT, DOCUMENT + b"trailing"):
        assert evidence.wrap(data) == Evidence(evidence.NAME, {"document": data})
    for case in vectors.cases("nitro"):
        assert evidence.wrap(case.inputs["document"]) is not None


@pytest.mark.parametrize(
    "data", [b"", b"\x84", cose.encode(cose.sign(b"other", ENCLAVE.key)), b"module_id cabundle"]
)
def test_other_blobs_are_not_a_document(data: bytes) -> None:
    assert evidence.wrap(data) is None


def test_a_description_has_every_field() -> None:
    found = evidence.describe(Evidence(evidence.NAME, {"document": DOCUMENT}))
    assert found["module_id"] == CONTENT.module_id
    assert found["pcr0"] == CONTENT.pcrs[0]
    assert found["cabundle"] == CONTENT.cabundle
    assert found["nonce"] == b"a nonce"
    with pytest.raises(MalformedEvidenceError):
        evidence.describe(Evidence(evidence.NAME, {}))


# --- properties -----------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 8 * len(DOCUMENT) - 1), st.integers(0, len(DOCUMENT)), st.binary(max_size=50))
def test_any_change_and_any_truncation_is_read_or_refused(bit: int, cut: int, more: bytes) -> None:
    flipped = bytearray(DOCUMENT)
    flipped[bit // 8] ^= 1 << bit % 8
    for data in (bytes(flipped), DOCUMENT[:cut] + more, more):
        try:
            evidence.parse(evidence.open_envelope(data).payload)
        except MalformedEvidenceError:
            continue
        assert data[:1] == b"\x84"
