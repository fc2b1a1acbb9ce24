# SPDX-License-Identifier: Apache-2.0
"""`ttee inspect` of an event log alone: its events, and what it would make of the registers."""

from __future__ import annotations

from ttee.cli.output import Output, styled, table
from ttee.codec.json import JsonValue
from ttee.codec.printable import printable
from ttee.eventlog.event import Event, Log
from ttee.eventlog.survey import Survey, survey

_DIGEST = 16
_EXPLAINED = (
    "✓: the digest is that of the event's data; of others, the name is a label that anybody may have written."
)


def show(output: Output, log: Log, banner: str) -> None:
    """Print the log. Raises MalformedEvidenceError: it cannot be replayed."""
    found = survey(log)
    top = styled(banner, "bold", "yellow")
    heads = [
        ("log", f"{log.format}, {len(log.events)} events"),
        ("banks", ", ".join(log.algorithms)),
        *([("padding", f"{log.padding} bytes")] if log.padding else []),
    ]
    events: list[tuple[str, ...]] = [("event", "register", "", f"digest ({found.bank})", "name")]
    events += [_row(found, event) for event in log.events]
    registers = [
        (log.register_name(number), bank, value.hex())
        for bank, values in found.registers.items()
        for number, value in sorted(values.items())
    ]
    findings = "\n".join(f"  - {finding}" for finding in found.findings) or "  none"
    output.result(
        _as_json(found),
        f"{top}\n\n{table(heads)}\n\n{table(events)}\n{_EXPLAINED}\n\nreplayed\n{table(registers, indent='  ')}\n\n"
        f"findings\n{findings}\n\n{top}",
    )


def _row(found: Survey, event: Event) -> tuple[str, ...]:
    register = found.log.register_name(event.register) if event.digests else "-"
    return (
        str(event.number),
        register,
        "✓" if found.vouched(event) else "",
        (_digest(found, event) or "-")[:_DIGEST],
        printable(event.name[:120]),
    )


def _digest(found: Survey, event: Event) -> str:
    digest = event.digests[found.log.algorithms.index(found.bank)] if event.digests else None
    return digest.hex() if digest else ""


def _as_json(found: Survey) -> dict[str, JsonValue]:
    log = found.log
    return {
        "schema": "ttee.event-log/1",
        "verified": False,
        "format": log.format,
        "banks": list(log.algorithms),
        "events": [
            {
                "number": event.number,
                "register": log.register_name(event.register) if event.digests else None,
                "name": event.name,
                "digest": _digest(found, event) or None,
                "data_hashed": found.vouched(event),
            }
            for event in log.events
        ],
        "replayed": {
            bank: {log.register_name(number): value.hex() for number, value in values.items()}
            for bank, values in found.registers.items()
        },
        "findings": list(found.findings),
    }
