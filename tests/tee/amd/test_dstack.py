# SPDX-License-Identifier: Apache-2.0
"""What dstack says beside an SEV-SNP report counts as far as the report vouches for it."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from attrs import evolve

from tests.formats.attested import REPORT_DATA, found
from tests.tee.amd.vendors import vendor as amd_vendor
from ttee.errors import BindingError
from ttee.formats import dstack_v0
from ttee.model import Evidence, Status
from ttee.tee.amd import table
from ttee.tee.amd.verify import verify as verify_amd
from ttee.tee.recognise import recognise
from ttee.testing import amd
from ttee.testing.dstack import Attestation

DOCUMENT = json.dumps({"app_id": "aa", "compose_hash": "bb" * 32, "key_provider": "kms", "instance_id": None})


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_an_snp_report_vouches_for_the_document_by_its_host_data(version: str) -> None:
    maker = amd_vendor()
    chip = maker.chip()
    host_data = sha256(b"dstack-mr-config-v3:\0" + DOCUMENT.encode()).digest()
    report = chip.report(report_data=REPORT_DATA, host_data=host_data)
    made = Attestation(
        report,
        dstack_v0.SEV_SNP,
        runtime=(),
        report_data=REPORT_DATA,
        mr_config=DOCUMENT,
        certificates=(b"0",),
    )
    evidence = recognise(getattr(made, version)())
    assert evidence.endorsements == {"dstack_certificate.1": b"0"}
    evidence = Evidence(evidence.tee, evidence.parts)
    claims = verify_amd(evidence, maker.endorsements(chip), at=amd.NOW)
    assert (claims.details["compose_hash"], claims.details["key_provider"]) == (b"\xbb" * 32, "kms")
    assert "amd.dstack.statement" in [check.id for check in claims.checks if check.status is Status.PASS]
    assert "the configuration in the dstack attestation: nothing signs it" in claims.not_checked
    tabled = Evidence(evidence.tee, {**evidence.parts, "certificates": table.encode({})})
    assert verify_amd(tabled, maker.endorsements(chip), at=amd.NOW).details == claims.details
    other = evolve(made, mr_config=DOCUMENT.replace("bb", "bc"))
    with pytest.raises(BindingError, match="digest of mr_config") as caught:
        verify_amd(
            Evidence(evidence.tee, found(getattr(other, version)()).parts),
            maker.endorsements(chip),
            at=amd.NOW,
        )
    assert caught.value.check == "amd.dstack.statement"
    renamed = evolve(made, report_data=bytes(64))
    with pytest.raises(BindingError, match="names the report data"):
        verify_amd(
            Evidence(evidence.tee, found(getattr(renamed, version)()).parts),
            maker.endorsements(chip),
            at=amd.NOW,
        )
