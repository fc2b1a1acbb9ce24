# SPDX-License-Identifier: Apache-2.0
"""Every check of an Azure confidential VM is listed; what its paravisor may say, and what it may not."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Any

import pytest
from attrs import evolve

from tests.tee.azure.test_verify import NONCE, endorsements, refused, verify, vm
from ttee.errors import CertificateError, MalformedEvidenceError
from ttee.model import Anchor, Claims, Endorsements, Status
from ttee.tee.amd import checks as amd
from ttee.tee.azure import hcl
from ttee.testing import eventlog as make
from ttee.testing import tpm as tpm_double
from ttee.testing.azure import ConfidentialVm

HCL = vm().evidence(NONCE).parts["hcl_report"]
LOGS = [f"tpm.log.{name}" for name in ("replay", "separators", "data", "secure-boot")]


def listed(claims: Claims, status: Status) -> list[str]:
    return [check.id for check in claims.checks if check.status is status]


def certified() -> Endorsements:
    """The root of the cloud's virtual TPMs is pinned; what stands between is left to the evidence."""
    root = Anchor("azure-vtpm", vm().tpm.vendor.anchor().key)
    return evolve(endorsements(), anchors=(*endorsements().anchors, root))


# --- every check is listed ----------------------------------------------------------------------------


def test_a_vm_with_all_that_belongs_to_it_passes_every_check() -> None:
    entries = make.boot()
    booted = evolve(vm().tpm, pcrs={"sha256": make.extend(entries, "sha256")})
    machine = ConfidentialVm(vm().chip, booted)
    evidence = machine.evidence(
        NONCE,
        user_data=NONCE.ljust(64, b"\0"),
        event_log=make.tcg2(entries),
        ak_certificate=booted.ak_certificate() + b"\0",
        chain=booted.vendor.chain(),
    )
    claims = verify(evidence, certified())
    inside = [check.id for check in claims.checks if check.id.startswith("amd.")]
    assert {amd.SIGNATURE.id, amd.CHAIN.id, amd.TCB.id} < set(inside)
    assert [check.id for check in claims.checks if not check.id.startswith("amd.")] == [
        "azure.hcl.form",
        "azure.hcl.binding",
        *(f"tpm.quote.{name}" for name in ("form", "magic", "type")),
        "azure.ak.binding",
        "azure.ak.certificate",
        *(f"tpm.quote.{name}" for name in ("signature", "nonce", "selection", "digest", "bank")),
        "azure.quote.user-data",
        *LOGS,
    ]
    assert listed(claims, Status.SKIPPED) == []
    assert claims.nonce == NONCE
    assert "ak_certificate: 1 bytes behind its end, which nobody signed" in claims.not_checked
    assert any("events of the log for PCR 8, 9" in note for note in claims.not_checked)
    assert not any(
        word in note for word in ("freshness", "TDREPORT", "extended") for note in claims.not_checked
    )


def test_what_was_not_checked_is_said() -> None:
    machine = ConfidentialVm(vm().chip, evolve(vm().tpm, pcrs={"sha256": {14: b"\7" * 32}}))
    claims = verify(machine.evidence(chosen=(("sha256", (4, 14)),)), nonce=None)
    assert listed(claims, Status.SKIPPED) == [
        "azure.ak.certificate",
        "tpm.quote.nonce",
        "azure.quote.user-data",
        *LOGS,
    ]
    assert claims.nonce is None
    assert [note for note in claims.not_checked if "freshness" in note] == [
        "freshness: no nonce was given; the quote may be a replay"
    ]
    assert "what extended PCR 14: no log that was given tells" in claims.not_checked


def test_a_nonce_may_fill_what_a_tpm_takes() -> None:
    nonce = bytes(range(64))
    assert verify(vm().evidence(nonce), nonce=nonce).nonce == nonce


def test_a_certificate_for_something_else_does_not_vouch_for_the_key() -> None:
    cloud = vm().tpm.vendor
    other = cloud.certificate(vm().tpm.ak.spki, 0, tpm_double.purposes("2.23.133.8.1"))
    evidence = vm().evidence(NONCE, ak_certificate=other, chain=cloud.chain())
    refused(CertificateError, "azure.ak.certificate", evidence, certified())


# --- the HCL report -----------------------------------------------------------------------------------


def number(value: int) -> str:
    return urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8)).decode().rstrip("=")


def of_key(**changed: Any) -> bytes:
    """A report whose attestation key is of another kind."""
    key = {"kid": hcl.AK, "kty": "RSA", "n": number(1 << 2047 | 1), "e": "AQAB", **changed}
    return vm().hcl_report(vm().runtime(keys=[5, {"kid": "another"}, key]))


def test_a_report_may_end_where_it_ends_or_fill_its_memory_with_zeros() -> None:
    whole = HCL.rstrip(b"\0")
    assert hcl.parse(whole) == hcl.parse(whole.ljust(hcl.MAX_SIZE, b"\0"))
    with pytest.raises(MalformedEvidenceError):
        hcl.parse(whole.ljust(hcl.MAX_SIZE + 1, b"\0"))


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ((20 + 0x7FFFFFFF, 1, hcl.SNP, 1, 0x7FFFFFFF), "other sizes"),
        ((20, 2, hcl.SNP, 1, 0), "unknown kind"),
        ((20, 1, hcl.SNP, 1, 0), "runtime data"),
    ],
)
def test_sizes_are_those_of_the_report(sizes: tuple[int, ...], words: str) -> None:
    head = HCL[:1216] + b"".join(size.to_bytes(4, "little") for size in sizes)
    with pytest.raises(MalformedEvidenceError, match=words):
        hcl.parse(head)


def test_the_configuration_has_names_and_values_that_claims_can_have() -> None:
    said = {
        "secure-boot": True,
        "vmUniqueId": "a VM",
        "n" * 64: True,
        "n" * 65: True,
        "with space": True,
        "umlaut-\u00e4": True,
        "a number": 5,
        "number": 5,
        "list": [],
    }
    report = hcl.parse(vm().hcl_report(vm().runtime(**dict[str, Any]({"vm-configuration": said}))))
    assert report.configuration == (("secure-boot", True), ("vmUniqueId", "a VM"), ("n" * 64, True))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"kty": "EC"}, "exactly one RSA key"),
        ({"n": number(1 << 1023 | 1)}, "has 1024 bits"),
        ({"n": number(1 << 8192 | 1)}, "has 8193 bits"),
        ({"n": "_" * 2048}, "has 12288 bits"),
        ({"n": "_" * 2052}, "HCLAkPub cannot be read"),
        ({"n": "\u00e4" * 400}, "HCLAkPub cannot be read"),
    ],
)
def test_an_attestation_key_of_another_kind_or_size_is_refused(changed: dict[str, str], words: str) -> None:
    with pytest.raises(MalformedEvidenceError, match=words):
        hcl.parse(of_key(**changed))


def test_keys_of_2048_to_8192_bits_are_read() -> None:
    for bits in (2048, 8192):
        assert hcl.parse(of_key(n=number(1 << bits - 1 | 1))).ak
