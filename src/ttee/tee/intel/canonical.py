# SPDX-License-Identifier: Apache-2.0
"""Confidential Space's log beside a quote: what its launcher started, in RTMR 3. Step 22 of `verify.py`, like dstack's.

The launcher writes a canonical event log (TLV), of measurement register 4, as UEFI numbers RTMR 3.
Source: google/go-tpm-tools:cel/cos_tlv.go (CosRTMR, CosCCELMRIndex).
"""

from __future__ import annotations

from ttee.errors import BindingError, MalformedEvidenceError
from ttee.eventlog import cel, cos, forms
from ttee.eventlog.event import Registers
from ttee.eventlog.replay import check_replay, measured_data
from ttee.tee.intel import checks
from ttee.tee.intel.dstack import EVENT_LOG, Told
from ttee.tee.intel.reports import TdReport
from ttee.tee.steps import Steps

ALGORITHM = "sha384"


def is_canonical(data: bytes) -> bool:
    """Whether an event log is in this form; dstack's is JSON."""
    return data.startswith(forms.TLV)


def check_canonical_log(report: TdReport, data: bytes, steps: Steps) -> Told:
    """Step 22. Raises MalformedEvidenceError, BindingError."""
    with steps(checks.EVENT_LOG, "") as step:
        log = cel.parse(data, what=EVENT_LOG)
        if log.registers is not Registers.MR:
            raise MalformedEvidenceError(
                "the event log is of PCRs, not of a trust domain's registers", where=EVENT_LOG
            )
        strange = next((event for event in log.events if event.register != cos.MR), None)
        if strange is not None:
            raise BindingError(
                f"{log.event_name(strange)} is not of RTMR 3: the launcher extends no other register",
                where=f"{EVENT_LOG}, record {strange.number}",
                source=cel.SOURCE,
            )
        replayed = check_replay(log, ALGORITHM, {cos.MR: report.rtmrs[3]})
        step.detail = f"{len(log.events)} records give RTMR 3"
        details = cos.container(log, replayed.keys())
    not_checked = [
        f"what RTMR {number} is made of: the event log does not say"
        for number, value in enumerate(report.rtmrs[:3])
        if any(value)
    ]
    events = tuple(
        (event.register - 1, event.name, measured_data(log, event, ALGORITHM) or b"") for event in log.events
    )
    return Told(dict(details), events, tuple(not_checked))
