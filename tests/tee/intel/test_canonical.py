# SPDX-License-Identifier: Apache-2.0
"""What Confidential Space says of its container counts as far as RTMR 3 vouches for it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import pytest

from ttee.errors import BindingError, MalformedEvidenceError
from ttee.eventlog import cel
from ttee.model import Claims, Evidence, Status
from ttee.tee.intel.tdx import TEE
from ttee.testing import eventlog as make
from ttee.testing import intel

VENDOR = intel.Vendor.random()
MACHINE = VENDOR.machine()
IMAGE, LINE, ARGUMENT = (
    make.tlv(cel.COS, make.tlv(cel.COS_NAMES.index(name), text))
    for name, text in (("image-digest", b"sha256:cafe"), ("launch-separator", b""), ("argument", b"--serve"))
)


def log(*contents: bytes, register: int = 4, kind: int = 108) -> bytes:
    return b"".join(make.cel_record(n, register, each, kind=kind) for n, each in enumerate(contents))


def value(contents: Sequence[bytes]) -> bytes:
    register = bytes(48)
    for each in contents:
        register = hashlib.sha384(register + hashlib.sha384(each).digest()).digest()
    return register


def verified(data: bytes, contents: Sequence[bytes]) -> Claims:
    registers: dict[str, Any] = {
        "rtmr0": bytes(48),
        "rtmr1": b"\1" * 48,
        "rtmr2": bytes(48),
        "rtmr3": value(contents),
    }
    quote = MACHINE.quote(report=intel.td_report(**registers))
    evidence = Evidence("intel-tdx", {"quote": quote, "event_log": data})
    return TEE.verify(evidence, VENDOR.endorsements(MACHINE), at=intel.NOW)


def test_the_launcher_says_which_container_runs() -> None:
    contents = (IMAGE, ARGUMENT, LINE, IMAGE)
    claims = verified(log(*contents), contents)
    assert claims.details["container_image_digest"] == "sha256:cafe"
    assert claims.events[1] == (3, "argument", b"--serve")
    check = next(check for check in claims.checks if check.id == "intel.event-log.replay")
    assert (check.status, check.detail) == (Status.PASS, "4 records give RTMR 3")
    assert "what RTMR 1 is made of: the event log does not say" in claims.not_checked
    assert not any("RTMR 0" in each or "RTMR 3" in each for each in claims.not_checked)


def test_before_its_line_it_says_nothing_of_a_container() -> None:
    assert "container_image_digest" not in verified(log(IMAGE), (IMAGE,)).details


@pytest.mark.parametrize(
    ("data", "contents", "problem"),
    [
        (log(IMAGE, LINE), (IMAGE,), "RTMR 3"),
        (log(IMAGE, IMAGE, LINE), (IMAGE, IMAGE, LINE), "two events say image-digest"),
        (log(IMAGE, make.tlv(81, b""), LINE), (IMAGE, make.tlv(81, b""), LINE), "of type 81"),
        (log(IMAGE, LINE, register=3), (), "is not of RTMR 3"),
    ],
)
def test_a_log_of_another_story_is_refused(data: bytes, contents: Sequence[bytes], problem: str) -> None:
    with pytest.raises(BindingError, match=problem) as caught:
        verified(data, contents)
    assert caught.value.check == "intel.event-log.replay"


def test_behind_its_line_records_of_any_type_stand_whose_data_count_where_they_were_hashed() -> None:
    strange = make.cel_record(2, 4, make.tlv(81, b"a label"), digest=b"\7" * 48)
    register = hashlib.sha384(value((IMAGE, LINE)) + b"\7" * 48).digest()
    quote = MACHINE.quote(report=intel.td_report(rtmr3=register))
    evidence = Evidence("intel-tdx", {"quote": quote, "event_log": log(IMAGE, LINE) + strange})
    claims = TEE.verify(evidence, VENDOR.endorsements(MACHINE), at=intel.NOW)
    assert claims.events[-1] == (3, "content of type 81", b"")
    assert claims.details["container_image_digest"] == "sha256:cafe"


def test_a_log_of_a_tpm_is_none_of_a_trust_domain() -> None:
    with pytest.raises(MalformedEvidenceError, match="of PCRs"):
        verified(log(IMAGE, register=13, kind=1), (IMAGE,))
