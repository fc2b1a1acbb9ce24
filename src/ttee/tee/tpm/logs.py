# SPDX-License-Identifier: Apache-2.0
"""The logs beside a quote: firmware's, IMA's, and the operating system's. They count for quoted PCRs alone, and only
where they replay.

    1   replayed, the log gives each quoted PCR it speaks of  tpm.log.replay
    2   the firmware drew its lines                           tpm.log.separators
    3   events have the data that was hashed                  tpm.log.data
    4   secure boot is a whole story (PCR 7)                  tpm.log.secure-boot
    5   IMA's log gives its PCR                               tpm.log.ima
    6   the operating system's canonical log gives its PCRs   tpm.log.canonical

A machine sends the same log with each quote until it boots again: what held for these very bytes and values is
remembered.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from attrs import evolve, frozen

from ttee.errors import BindingError
from ttee.eventlog import forms, ima, secure_boot
from ttee.eventlog.cos import container
from ttee.eventlog.event import SIZES, Log
from ttee.eventlog.replay import check_replay, measured_data, misdescribed
from ttee.eventlog.separators import check_separators
from ttee.model import Check, ClaimValue
from ttee.pki.cache import PositiveCache
from ttee.pki.window import ALWAYS
from ttee.tee.steps import Steps
from ttee.tee.tpm import checks

_SECURE_BOOT = 7
_IMA = 10
_LATE = range(17, 23)
"""PCRs that start with ones, until a late launch sets them to zeros."""


@frozen(slots=True)
class Story:
    """What the logs say that the quote vouches for."""

    checks: tuple[Check, ...]
    events: tuple[tuple[int, str, bytes], ...] = ()
    """PCR, name, and the data if they are what was hashed; else no bytes."""
    details: Mapping[str, ClaimValue] = {}
    not_checked: tuple[str, ...] = ()
    covered: frozenset[int] = frozenset()


_STORIES: PositiveCache[bytes, Story] = PositiveCache(256)


def read_logs(parts: Mapping[str, bytes], bank: str, values: Mapping[int, bytes], steps: Steps) -> Story:
    """Steps 1 to 6, for all logs that are there. Raises MalformedEvidenceError, BindingError."""
    story = Story(())
    if "event_log" in parts:
        story = read_event_log(parts["event_log"], bank, values)
        steps.extend(story.checks)
    else:
        for spec in (checks.REPLAY, checks.SEPARATORS, checks.EVENT_DATA, checks.SECURE_BOOT):
            steps.skipped(spec, "the evidence has no event log")
    covered = story.covered
    if "ima_log" in parts:
        covered |= read_ima_log(parts["ima_log"], bank, values, steps)
    else:
        steps.skipped(checks.IMA, "the evidence has no IMA log")
    if "canonical_event_log" not in parts:
        steps.skipped(checks.CANONICAL, "the evidence has no canonical event log")
        return evolve(story, covered=covered)
    told = read_canonical_log(parts["canonical_event_log"], bank, values, steps)
    return Story(
        steps.checks,
        story.events + told.events,
        {**story.details, **told.details},
        story.not_checked + told.not_checked,
        covered | told.covered,
    )


def read_event_log(data: bytes, bank: str, values: Mapping[int, bytes]) -> Story:
    """Steps 1 to 4, for the firmware's log. `values`: the quoted PCRs of one bank.

    Raises MalformedEvidenceError, BindingError.
    """
    key = sha256(
        bank.encode() + b"".join(bytes([pcr]) + values[pcr] for pcr in sorted(values)) + b"\xff" + data
    )
    found = _STORIES.get(key.digest(), ALWAYS.start)
    return found or _STORIES.put(key.digest(), _read_event_log(data, bank, values), ALWAYS)


def _read_event_log(data: bytes, bank: str, values: Mapping[int, bytes]) -> Story:
    steps = Steps()
    with steps(checks.REPLAY, "") as step:
        log = forms.parse(data)
        covered = check_replay(log, bank, values).keys()
        step.detail = (
            f"{len(log.events)} events give PCR {', '.join(map(str, sorted(covered))) or 'none'} ({bank})"
        )
    with steps(checks.SEPARATORS, "one in each of the firmware's PCRs"):
        check_separators(log, bank, covered)
    told = [event for event in log.events if event.digests and event.register in covered]
    measured = [measured_data(log, event, bank) for event in told]
    with steps(checks.EVENT_DATA, "of the kinds whose data is hashed"):
        wrong = next(
            (
                event
                for event, data in zip(told, measured, strict=True)
                if data is None and misdescribed(log, event, bank)
            ),
            None,
        )
        if wrong is not None:
            raise BindingError(
                f"{log.event_name(wrong)}: its digest is not that of its data",
                where=f"event log, event {wrong.number}",
            )
    details: dict[str, ClaimValue] = {}
    if _SECURE_BOOT in covered:
        with steps(checks.SECURE_BOOT, "") as step:
            step.detail = _secure_boot(log, bank, details)
    else:
        steps.skipped(checks.SECURE_BOOT, "PCR 7 is not quoted, or not in the log")
    events = tuple(
        (event.register, event.name, data or b"") for event, data in zip(told, measured, strict=True)
    )
    return Story(steps.checks, events, details, _left_out(log, values), frozenset(covered))


def _secure_boot(log: Log, bank: str, details: dict[str, ClaimValue]) -> str:
    """Step 4."""
    found = secure_boot.read(log, bank)
    if found is None:
        return "the log does not speak of it"
    details["secure_boot"] = found.enabled
    for name, entries in found.lists.items():
        details[f"secure_boot_{name.lower()}"] = sha256(b"".join(sorted(entries))).digest()
    details["secure_boot_authorities"] = found.authorities
    return f"{'on' if found.enabled else 'OFF'}; {len(found.authorities)} times an entry of db vouched for what ran"


def _left_out(log: Log, values: Mapping[int, bytes]) -> tuple[str, ...]:
    logged = {event.register for event in log.events if event.digests}
    unquoted = sorted(logged - values.keys())
    if not unquoted:
        return ()
    return (
        f"events of the log for PCR {', '.join(map(str, unquoted))}: these are not quoted, and the events not told",
    )


def read_ima_log(data: bytes, bank: str, values: Mapping[int, bytes], steps: Steps) -> frozenset[int]:
    """Step 5; returns the PCRs that it explains. Raises MalformedEvidenceError, BindingError."""
    with steps(checks.IMA, "") as step:
        log = ima.parse(data, bank)
        covered = check_replay(log, bank, values).keys()
        if not covered:
            raise BindingError(
                "IMA's log is of a PCR that is not quoted", where="ima_log", hint=f"quote PCR {_IMA} with it"
            )
        step.detail = f"{len(log.events)} entries give PCR {', '.join(map(str, covered))} ({bank})"
    return frozenset(covered)


def read_canonical_log(data: bytes, bank: str, values: Mapping[int, bytes], steps: Steps) -> Story:
    """Step 6; such as Confidential Space's, of the container that it runs. Raises MalformedEvidenceError,
    BindingError."""
    with steps(checks.CANONICAL, "") as step:
        log = forms.parse(data)
        covered = check_replay(log, bank, values).keys()
        if not covered:
            raise BindingError(
                "the canonical event log is of PCRs that are not quoted",
                where="canonical_event_log",
                hint="quote the PCRs that it speaks of",
            )
        step.detail = f"{len(log.events)} records give PCR {', '.join(map(str, sorted(covered)))} ({bank})"
    events = tuple(
        (event.register, event.name, measured_data(log, event, bank) or b"")
        for event in log.events
        if event.digests and event.register in covered
    )
    return Story((), events, container(log, covered), _left_out(log, values), frozenset(covered))


def unexplained(bank: str, values: Mapping[int, bytes], covered: frozenset[int]) -> tuple[int, ...]:
    """Quoted PCRs that were extended by something that no log speaks of."""
    zeros, ones = bytes(SIZES[bank]), b"\xff" * SIZES[bank]
    return tuple(
        pcr
        for pcr, value in sorted(values.items())
        if pcr not in covered and value != (ones if pcr in _LATE else zeros)
    )
