# SPDX-License-Identifier: Apache-2.0
"""An attestation of a trust domain as dstack makes it, signed by a vendor of our own."""

from __future__ import annotations

from typing import Any

from ttee.formats import unwrap
from ttee.formats.dstack_statement import LoggedEvent
from ttee.model import Claims, Evidence
from ttee.tee.intel.verify import verify as verify_intel
from ttee.tee.recognise import recognise
from ttee.testing import intel
from ttee.testing.dstack import Attestation, logged, register

VENDOR = intel.Vendor.random()
MACHINE = VENDOR.machine()
REPORT_DATA = bytes(range(64))
EVENTS = logged()


def quote(
    events: tuple[LoggedEvent, ...] = EVENTS, report_data: bytes = REPORT_DATA, **registers: bytes
) -> bytes:
    fields: dict[str, Any] = {"rtmr3": register(events), "report_data": report_data, **registers}
    return MACHINE.quote(report=intel.td_report(**fields))


MADE = Attestation(quote(), report_data=REPORT_DATA)


def verified(data: bytes) -> Claims:
    return verify_intel(recognise(data), VENDOR.endorsements(MACHINE), at=intel.NOW)


def found(data: bytes) -> Evidence:
    evidence = unwrap(data)
    assert evidence is not None
    return evidence
