# SPDX-License-Identifier: Apache-2.0
"""What dstack says beside a quote: its event log, and its statement. Steps 22 and 23 of `verify.py`.

The log counts where its replay gives the quoted register. A stripped log, as certificates and the lite variant carry
it, has the guest's events (RTMR 3) and three of the firmware's (RTMR 0), so that it gives RTMR 3 alone.
"""

from __future__ import annotations

from attrs import frozen

from ttee.codec import hex as hex_codec
from ttee.codec import json
from ttee.errors import BindingError, MalformedEvidenceError
from ttee.eventlog import dstack
from ttee.eventlog.event import Event, Log
from ttee.eventlog.replay import check_replay
from ttee.formats.dstack_statement import PART, Statement
from ttee.model import ClaimValue
from ttee.tee.intel import checks
from ttee.tee.intel.reports import TdReport
from ttee.tee.steps import Steps

EVENT_LOG = "event_log"
_RTMR3 = 4
_ACPI_TYPE, _ACPI = 10, b"ACPI DATA"
_BYTES = ("app-id", "compose-hash", "instance-id", "os-image-hash", "gpu-policy-hash", "mr-kms")
_TEXTS = ("storage-fs",)
_KEY_PROVIDER = "key-provider"


@frozen(slots=True)
class Told:
    """What the log says that the quote vouches for."""

    details: dict[str, ClaimValue]
    events: tuple[tuple[int, str, bytes], ...]
    """RTMR, name, payload, of the guest's own events."""
    not_checked: tuple[str, ...]


def check_event_log(report: TdReport, data: bytes, steps: Steps) -> Told:
    """Step 22. Raises MalformedEvidenceError, BindingError."""
    with steps(checks.EVENT_LOG, "") as step:
        log = dstack.parse(data, what=EVENT_LOG)
        _check_lanes(log)
        quoted = {number: value for number, value in enumerate(report.rtmrs, 1) if any(value)}
        stripped = _is_stripped(log)
        replayed = check_replay(log, "sha384", _all(report) if not stripped else {_RTMR3: report.rtmrs[3]})
        step.detail = (
            f"{len(log.events)} events give {', '.join(map(log.register_name, replayed)) or 'no register'}"
        )
        details = identity(log)
    not_checked = [
        f"what {log.register_name(number)} is made of: the event log does not say"
        for number in quoted
        if number not in replayed
    ]
    guests = tuple(
        (event.register - 1, event.name, event.data) for event in log.events if event.type == dstack.RUNTIME
    )
    if guests and not any(name == dstack.SYSTEM_READY for _, name, _ in guests):
        not_checked.append(
            "which events are the system's: the log has no system-ready, so that the app may have added the last ones"
        )
    return Told(details, guests, tuple(not_checked))


def check_statement(part: bytes, report_data: bytes, steps: Steps) -> tuple[str, ...]:
    """Step 23; returns what was not checked. Raises MalformedEvidenceError, BindingError."""
    with steps(checks.STATEMENT, "its report data are the quote's"):
        statement = Statement.read(part)
        statement.check(report_data)
        if statement.mr_config:
            raise MalformedEvidenceError(
                "a trust domain's attestation has no mr_config", where=f"{PART}, mr_config"
            )
    return tuple(statement.not_checked())


def identity(log: Log) -> dict[str, ClaimValue]:
    """Claims of the events that say who runs, by their names in snake_case. Raises BindingError for two of one name."""
    claims: dict[str, ClaimValue] = {}
    for event in dstack.identity_events(log):
        if event.name not in (*_BYTES, *_TEXTS, _KEY_PROVIDER):
            continue
        if event.name.replace("-", "_") in claims:
            raise BindingError(
                f"two events say {event.name}: which of them holds, nobody knows",
                where=f"{EVENT_LOG}, event {event.number}",
                source=dstack.SOURCE,
            )
        claims |= _claims(event)
    return claims


def _claims(event: Event) -> dict[str, ClaimValue]:
    name = event.name.replace("-", "_")
    if event.name in _BYTES:
        return {name: event.data}
    if event.name in _TEXTS:
        return {name: event.data.decode("utf-8", "replace")}
    where = f"{EVENT_LOG}, event {event.number}"
    value = json.loads(event.data, what=f"{where} ({_KEY_PROVIDER})", max_size=1 << 16, max_depth=2)
    kind, identifier = (value.get("name"), value.get("id")) if isinstance(value, dict) else (None, None)
    if not isinstance(kind, str) or not isinstance(identifier, str):
        raise MalformedEvidenceError(
            f"{_KEY_PROVIDER} does not have name and id", where=where, source=dstack.SOURCE
        )
    return {name: kind, f"{name}_id": hex_codec.decode(identifier, what=f"{where}, id")}


def _check_lanes(log: Log) -> None:
    """RTMR 3 is the guest's, and the others are not: an event of another type could hide where the system's end."""
    for event in log.events:
        if (event.register == _RTMR3) != (event.type == dstack.RUNTIME):
            raise BindingError(
                f"{log.event_name(event)} is of the type {event.type:#x}: the guest's own events, and no others, "
                "extend RTMR 3",
                where=f"{EVENT_LOG}, event {event.number}",
                source=dstack.SOURCE,
            )


def _is_stripped(log: Log) -> bool:
    firmware = [event for event in log.events if event.register != _RTMR3]
    return all(event.register == 1 and event.type == _ACPI_TYPE and event.data == _ACPI for event in firmware)


def _all(report: TdReport) -> dict[int, bytes]:
    return dict(enumerate(report.rtmrs, 1))
