# SPDX-License-Identifier: Apache-2.0
"""Collateral in every form that people have it in, and Intel's two documents, read strictly."""

from __future__ import annotations

import json
from base64 import b64encode
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import vectors
from tests.tee.intel.cases import named
from ttee.errors import EndorsementError, TteeError
from ttee.model import Endorsements, Evidence
from ttee.tee.intel.endorsements import NAMES, address, read
from ttee.tee.intel.quote import SGX, TDX
from ttee.tee.intel.tcb_info import parse_qe_identity, parse_tcb_info
from ttee.tee.intel.verify import verify
from ttee.testing.intel import NOW, Vendor, svn_level

VENDOR = Vendor.random()
SERVER, ENCLAVES = VENDOR.machine(TDX), VENDOR.machine(SGX)
PARTS = VENDOR.collateral(SERVER)
INFO, IDENTITY = SERVER.tcb_info(), SERVER.qe_identity()


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


def documents(**changes: Any) -> dict[str, bytes]:
    return {"collateral": encoded({**PARTS, **changes})}


def status(given: dict[str, bytes]) -> object:
    evidence = Evidence(TDX, {"quote": SERVER.quote()})
    endorsements = Endorsements((VENDOR.anchor(TDX),), given)
    return verify(evidence, endorsements, at=NOW).details["tcb_status"]


def refused(given: dict[str, bytes], words: str = "") -> EndorsementError:
    with pytest.raises(EndorsementError) as caught:
        read(given, TDX)
    assert words in caught.value.message, caught.value.message
    return caught.value


# --- forms ----------------------------------------------------------------------------------------


def test_one_document_or_each_of_its_parts() -> None:
    assert status(documents()) == "UpToDate"
    assert status({name: text.encode() for name, text in PARTS.items()}) == "UpToDate"


def test_a_part_of_its_own_goes_before_the_one_inside() -> None:
    bad = documents(pck_crl="00")
    assert status({**bad, "pck_crl": PARTS["pck_crl"].encode()}) == "UpToDate"


def test_what_dcap_qvl_writes_for_nothing_is_nothing() -> None:
    assert status(documents(pck_certificate_chain=None)) == "UpToDate"
    assert status(documents(something_else=[1])) == "UpToDate"


def test_lists_are_hex_or_pem_or_as_documents_of_their_own_der() -> None:
    der = bytes.fromhex(PARTS["pck_crl"])
    pem = f"-----BEGIN X509 CRL-----\n{b64encode(der).decode()}\n-----END X509 CRL-----\n"
    assert status(documents(pck_crl=pem)) == "UpToDate"
    assert status(documents(pck_crl=PARTS["pck_crl"].upper())) == "UpToDate"
    assert status({**documents(), "pck_crl": der}) == "UpToDate"
    assert status({**documents(), "pck_crl": pem.encode()}) == "UpToDate"


def test_answers_of_the_service_have_their_signature_inside() -> None:
    parts = dict(PARTS)
    for name, key in (("tcb_info", "tcbInfo"), ("qe_identity", "enclaveIdentity")):
        signature = parts.pop(f"{name}_signature")
        parts[name] = f'{{"{key}":{parts[name]},"signature":"{signature}"}}'
    assert status({"collateral": encoded(parts)}) == "UpToDate"


def test_a_signature_may_be_raw_as_a_document_of_its_own() -> None:
    raw = bytes.fromhex(PARTS["tcb_info_signature"])
    assert status({**documents(), "tcb_info_signature": raw}) == "UpToDate"


@pytest.mark.parametrize("name", list(NAMES[:6]))
def test_each_part_that_is_missing_is_named_with_its_address(name: str) -> None:
    parts = {key: text for key, text in PARTS.items() if key != name}
    error = refused({"collateral": encoded(parts)}, f"{name} is missing")
    assert "https://" in str(error.hint)


def test_all_that_is_missing_is_named_at_once() -> None:
    error = refused({}, "are missing")
    assert all(name in error.message for name in NAMES[:6])
    assert "fmspc=FMSPC" in str(error.hint)
    assert address(SGX, fmspc=bytes(6))["tcb_info"].endswith("/sgx/certification/v4/tcb?fmspc=000000000000")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tcb_info": 1}, "not a text"),
        ({"pck_crl": "xyz"}, "not hex"),
        ({"pck_crl": "é"}, "not hex"),
        ({"pck_crl": "-----BEGIN X509 CRL-----\nQUI\n-----END X509 CRL-----\n"}, "not base64"),
        ({"tcb_info_signature": "ab"}, "1 bytes instead of 64"),
        ({"tcb_info_signature": "no hex"}, "not hex"),
        ({"tcb_info_signature": None}, "neither signed by"),
        ({"qe_identity_signature": None}, "neither signed by"),
    ],
)
def test_malformed_parts_are_named(changes: dict[str, Any], words: str) -> None:
    refused(documents(**changes), words)


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b'{"tcb_info": "a", "tcb_info": "b"}', b"\xff"])
def test_a_document_that_is_no_object_is_refused(text: bytes) -> None:
    refused({"collateral": text})


def test_every_collateral_of_the_vectors_can_be_read() -> None:
    for name in ("tdx_90c06f000000_2026-02-18_6b64f75a", "sgx_00606a000000_2025-08-15_a4d88f00"):
        data = vectors.read(f"intel-dcap/collateral/{name}.json")
        found = read({"collateral": data}, TDX)
        info = parse_tcb_info(found.tcb_info)
        assert info.tee == (TDX if name.startswith("tdx") else SGX)
        assert parse_qe_identity(found.qe_identity).tee == info.tee
        assert list(info.levels) == sorted(
            info.levels, key=lambda one: (one.sgx, one.pce_svn, one.tdx), reverse=True
        )


# --- TCB info -------------------------------------------------------------------------------------


def test_version_2_is_of_sgx_and_names_its_components() -> None:
    info = parse_tcb_info(read(dict(named("intel_qvl_sample_sgx").endorsements.documents), SGX).tcb_info)
    assert (info.version, info.tee, info.fmspc.hex()) == (2, SGX, "00707f000000")
    assert info.levels[0].sgx == bytes([0, 3, 0, 0, 0, 1, 1] + [0] * 9)
    assert [level.pce_svn for level in info.levels] == [3, 3, 2, 2, 1, 0]


def test_levels_are_put_in_order() -> None:
    turned = {**INFO, "tcbLevels": INFO["tcbLevels"][::-1]}
    assert parse_tcb_info(encoded(turned)) == parse_tcb_info(encoded(INFO))
    identity = {**IDENTITY, "tcbLevels": IDENTITY["tcbLevels"][::-1]}
    assert parse_qe_identity(encoded(identity)) == parse_qe_identity(encoded(IDENTITY))


def test_keys_that_intel_may_add_are_let_through() -> None:
    assert parse_tcb_info(encoded({**INFO, "somethingNew": [1, 2]})) == parse_tcb_info(encoded(INFO))


def test_a_tdx_document_may_know_modules_of_the_first_generation_only() -> None:
    old = {key: value for key, value in INFO.items() if key != "tdxModuleIdentities"}
    assert [module.name for module in parse_tcb_info(encoded(old)).modules] == [""]
    assert [module.name for module in parse_tcb_info(encoded(INFO)).modules] == ["", "TDX_01"]


def with_level(**changes: Any) -> list[Any]:
    first, *rest = INFO["tcbLevels"]
    return [{**first, **changes}, *rest]


def with_tcb(**changes: Any) -> list[Any]:
    first, *rest = INFO["tcbLevels"]
    return [{**first, "tcb": {**first["tcb"], **changes}}, *rest]


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"version": 1}, "version"),
        ({"version": 4}, "version"),
        ({"version": "3"}, "version"),
        ({"version": True}, "version"),
        ({"id": "QE"}, "id"),
        ({"tcbType": 1}, "tcbType"),
        ({"id": "SGX"}, "tdxModule"),
        ({"fmspc": "00"}, "fmspc"),
        ({"fmspc": "zz" * 6}, "fmspc"),
        ({"fmspc": "b0c06f00 0000"}, "fmspc"),
        ({"pceId": ""}, "pceId"),
        ({"issueDate": "2026-01-01"}, "issueDate"),
        ({"issueDate": "2026-13-01T00:00:00Z"}, "issueDate"),
        ({"nextUpdate": "2026-01-01T00:00:00+00:00"}, "nextUpdate"),
        ({"nextUpdate": None}, "nextUpdate"),
        ({"tcbEvaluationDataNumber": -1}, "tcbEvaluationDataNumber"),
        ({"tcbEvaluationDataNumber": 1.5}, "tcbEvaluationDataNumber"),
        ({"tcbLevels": []}, "tcbLevels"),
        ({"tcbLevels": {}}, "tcbLevels"),
        ({"tcbLevels": [1]}, "tcbLevels"),
        ({"tcbLevels": INFO["tcbLevels"] * 2}, "tcbLevels"),
        ({"tcbLevels": INFO["tcbLevels"] * 200}, "tcbLevels"),
        ({"tcbLevels": with_level(tcbStatus="Fine")}, "tcbStatus"),
        ({"tcbLevels": with_level(tcbStatus="TDRelaunchAdvised")}, "tcbStatus"),
        ({"tcbLevels": with_level(tcbDate="yesterday")}, "tcbDate"),
        ({"tcbLevels": with_level(advisoryIDs="INTEL-SA-1")}, "advisoryIDs"),
        ({"tcbLevels": with_level(advisoryIDs=[1])}, "advisoryIDs"),
        ({"tcbLevels": with_level(advisoryIDs=["x"] * 2000)}, "advisoryIDs"),
        ({"tcbLevels": with_level(tcb=[])}, "tcb"),
        ({"tcbLevels": with_tcb(pcesvn=1 << 16)}, "pcesvn"),
        ({"tcbLevels": with_tcb(sgxtcbcomponents=[{"svn": 1}] * 15)}, "sgxtcbcomponents"),
        ({"tcbLevels": with_tcb(sgxtcbcomponents=[{"svn": 1}] * 17)}, "sgxtcbcomponents"),
        ({"tcbLevels": with_tcb(sgxtcbcomponents=[{"svn": 256}] * 16)}, "sgxtcbcomponents"),
        ({"tcbLevels": with_tcb(sgxtcbcomponents=[{"svn": True}] * 16)}, "sgxtcbcomponents"),
        ({"tcbLevels": with_tcb(sgxtcbcomponents=[1] * 16)}, "sgxtcbcomponents"),
        ({"tcbLevels": with_tcb(tdxtcbcomponents=[{"svn": 1}] * 15)}, "tdxtcbcomponents"),
        ({"tcbLevels": with_tcb(tdxtcbcomponents=None)}, "tdxtcbcomponents"),
        ({"tdxModule": None}, "tdxModule"),
        ({"tdxModule": {"mrsigner": "00"}}, "mrsigner"),
        ({"tdxModuleIdentities": INFO["tdxModuleIdentities"] * 2}, "tdxModuleIdentities"),
        ({"tdxModuleIdentities": [{**INFO["tdxModuleIdentities"][0], "tcbLevels": []}]}, "tcbLevels"),
        (
            {
                "tdxModuleIdentities": [
                    {**INFO["tdxModuleIdentities"][0], "tcbLevels": [svn_level(1, "SWHardeningNeeded")]}
                ]
            },
            "tcbStatus",
        ),
    ],
)
def test_tcb_info_that_intel_would_not_write_is_refused_by_its_field(
    changes: dict[str, Any], where: str
) -> None:
    with pytest.raises(EndorsementError) as caught:
        parse_tcb_info(encoded({**INFO, **changes}))
    assert str(caught.value.where).rsplit(".", 1)[-1] == where


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"version": 1}, "version"),
        ({"version": 4}, "version"),
        ({"version": 3, "id": "QE"}, "version"),
        ({"id": "QVE"}, "id"),
        ({"miscselect": "00"}, "miscselect"),
        ({"attributesMask": 1}, "attributesMask"),
        ({"mrsigner": "00" * 31}, "mrsigner"),
        ({"isvprodid": 1 << 16}, "isvprodid"),
        ({"tcbLevels": []}, "tcbLevels"),
        ({"tcbLevels": [svn_level(1), svn_level(1, "OutOfDate")]}, "tcbLevels"),
        ({"tcbLevels": [svn_level(1, "SWHardeningNeeded")]}, "tcbStatus"),
        ({"tcbLevels": [svn_level(1 << 16)]}, "isvsvn"),
    ],
)
def test_an_identity_that_intel_would_not_write_is_refused_by_its_field(
    changes: dict[str, Any], where: str
) -> None:
    with pytest.raises(EndorsementError) as caught:
        parse_qe_identity(encoded({**IDENTITY, **changes}))
    assert str(caught.value.where).rsplit(".", 1)[-1] == where


def test_a_key_that_stands_twice_is_refused() -> None:
    twice = encoded(INFO).replace(b'"version": 3', b'"version": 3, "version": 3')
    with pytest.raises(EndorsementError, match="twice"):
        parse_tcb_info(twice)
    with pytest.raises(EndorsementError, match="not an object"):
        parse_tcb_info(b"[]")


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_whatever_the_bytes_they_end_in_a_document_or_a_named_error(data: st.DataObject) -> None:
    text = bytearray(encoded(data.draw(st.sampled_from([INFO, IDENTITY, PARTS]))))
    for _ in range(data.draw(st.integers(1, 4))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    for reader in (parse_tcb_info, parse_qe_identity, lambda given: read({"collateral": given}, TDX)):
        with suppress(TteeError):
            reader(bytes(text))
