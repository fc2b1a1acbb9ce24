# SPDX-License-Identifier: Apache-2.0
"""`ttee inspect`: every field of evidence, and no word on whether to believe it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ttee.appraise import claim_to_json
from ttee.cli.endorsing import evidence_options, read_evidence
from ttee.cli.inspect_log import show
from ttee.cli.options import command, read_input
from ttee.cli.output import Output, styled, table
from ttee.codec.printable import printable
from ttee.eventlog import survey
from ttee.model import ClaimValue, Evidence
from ttee.tee import tee_named
from ttee.tee.recognise import MAX_SIZE, recognise

if TYPE_CHECKING:
    from collections.abc import Mapping

BANNER = "UNVERIFIED: nothing below was checked; anybody can write such a file. `ttee verify` checks."


@command(
    examples="""
    ttee inspect hello.evidence.json
    ttee inspect report.bin               # a raw Keystone report
    ttee inspect quote.out --tee tpm --part signature=sig.out --part pcrs=pcrs.out --part ak=ak.pem
    ttee inspect /sys/kernel/security/tpm0/binary_bios_measurements
    curl -s … | ttee inspect - --json
    """
)
@click.argument("file")
@evidence_options
@click.pass_obj
def inspect(output: Output, file: str, tee_name: str | None, parts: tuple[str, ...]) -> None:
    """Show every field of evidence, unverified.

    FILE is an evidence file, a vendor's raw blob, or an event log alone; - is stdin.
    """
    if tee_name is None and not parts:
        data = read_input(file, "evidence", MAX_SIZE)
        if (log := survey.recognise(data)) is not None:
            show(output, log, BANNER)
            return
        evidence = recognise(data)
    else:
        evidence = read_evidence(file, tee_name, parts)
    _show_evidence(output, evidence)


def _show_evidence(output: Output, evidence: Evidence) -> None:
    tee = tee_named(evidence.tee)
    fields: Mapping[str, ClaimValue] = tee.describe(evidence) if tee.describe else {}
    sizes = {name: len(part) for name, part in evidence.parts.items()}
    rows = [
        ("tee", f"{evidence.tee} ({tee.title})"),
        *((f"part {k}", f"{v} bytes") for k, v in sizes.items()),
    ]
    rows += [row for name, value in fields.items() for row in _rows(name, value)]
    output.result(
        {
            "schema": "ttee.inspection/1",
            "verified": False,
            "tee": evidence.tee,
            "parts": sizes,
            "fields": {name: claim_to_json(value) for name, value in fields.items()},
        },
        f"{styled(BANNER, 'bold', 'yellow')}\n\n{table(rows)}\n\n{styled(BANNER, 'bold', 'yellow')}",
    )


def as_text(value: ClaimValue) -> str:
    """A claim in one line of text; whatever the evidence holds, it is printable."""
    if isinstance(value, bytes):
        return value.hex() or "(empty)"
    if isinstance(value, tuple):
        return ", ".join(as_text(item) for item in value) or "(none)"
    if value is None:
        return "(not said)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return printable(str(value)) or "(empty)"


def _rows(name: str, value: ClaimValue) -> list[tuple[str, str]]:
    """One row; of a list of byte strings, such as registers, one for each."""
    if isinstance(value, tuple) and value and all(isinstance(item, bytes) for item in value):
        return [(f"{name} {index}", as_text(item)) for index, item in enumerate(value)]
    return [(name, as_text(value))]
