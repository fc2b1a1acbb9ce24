# SPDX-License-Identifier: Apache-2.0
"""What dstack says beside a Nitro document counts as far as the document vouches for it."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.formats.attested import REPORT_DATA
from ttee.errors import BindingError
from ttee.formats import dstack_v0
from ttee.model import Status
from ttee.tee.nitro.verify import verify as verify_nitro
from ttee.tee.recognise import recognise
from ttee.testing import nitro
from ttee.testing.dstack import Attestation


def test_an_enclaves_events_are_held_by_no_register() -> None:
    enclave = nitro.Vendor.named("dstack").enclave()
    document = enclave.document(user_data=REPORT_DATA)
    made = Attestation(document, dstack_v0.NITRO, runtime=(("app-id", b"x"),), report_data=REPORT_DATA)
    given = nitro.Vendor.named("dstack").endorsements()
    for data in (made.v0(), made.v1()):
        claims = verify_nitro(recognise(data), given, at=nitro.NOW)
        assert "events that no register holds: app-id" in claims.not_checked
        assert "nitro.dstack.statement" in [
            check.id for check in claims.checks if check.status is Status.PASS
        ]
    with pytest.raises(BindingError) as caught:
        verify_nitro(recognise(evolve(made, report_data=bytes(64)).v0()), given, at=nitro.NOW)
    assert caught.value.check == "nitro.dstack.statement"
    silent = evolve(made, quote=enclave.document())
    with pytest.raises(BindingError, match=r"the quote has $"):
        verify_nitro(recognise(silent.v0()), given, at=nitro.NOW)
