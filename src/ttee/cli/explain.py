# SPDX-License-Identifier: Apache-2.0
"""`ttee explain`: what a check guards against, what an error means, what a number at the end says."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import click
from attrs import evolve, frozen

from ttee.cli.options import command
from ttee.cli.output import Output, next_step, styled, table
from ttee.errors import ExitCode, UsageError, all_errors
from ttee.model import CheckSpec

if TYPE_CHECKING:
    from collections.abc import Mapping


@frozen(slots=True)
class Entry:
    """One thing that can be explained. `kind` is `check`, `error` or `exit code`."""

    id: str
    kind: str
    title: str
    guards: str
    remedy: str
    source: str


@command(
    examples="""
    ttee explain keystone.enclave.signature
    ttee explain evidence.anchor
    ttee explain 5                        # an exit code
    ttee explain --list
    """
)
@click.argument("id", required=False)
@click.option("--list", "everything", is_flag=True, help="List every id that can be explained.")
@click.pass_obj
def explain(output: Output, id: str | None, everything: bool) -> None:  # noqa: A002 (the word of the spec)
    """Say what a check or an error means, and what to do.

    ID is the id of a check as verdicts show it, of an error, or an exit code.
    """
    entries = all_entries()
    if everything or id is None:
        if id is not None:
            raise UsageError("--list goes without an ID")
        rows = [(entry.id, entry.title) for entry in entries.values()]
        output.result(
            {"schema": "ttee.explain/1", "entries": [_json(e) for e in entries.values()]}, table(rows)
        )
        return
    entry = entries.get(id) or _rule(id)
    if entry is None:
        near = difflib.get_close_matches(id, entries, n=3, cutoff=0.5)
        raise UsageError(
            f"there is no check or error {id!r}" + (f"; similar ones: {', '.join(near)}" if near else ""),
            hint="`ttee explain --list` lists them all",
        )
    output.result({"schema": "ttee.explain/1", "entries": [_json(entry)]}, _text(entry))


def all_entries() -> Mapping[str, Entry]:
    """Everything that can be explained, by id: checks, then errors, then exit codes."""
    from ttee.appraise import all_checks  # noqa: PLC0415 (only here)
    from ttee.tee import all_tees  # noqa: PLC0415

    specs = [spec for tee in all_tees() for spec in tee.checks] + list(all_checks())
    checks = [_check(spec) for spec in specs]
    errors = [
        Entry(
            kind.id,
            "error",
            (kind.__doc__ or "").split("\n")[0],
            f"ends with exit code {int(kind.exit_code)} ({kind.exit_code.name.lower().replace('_', ' ')})",
            next_step(kind),
            "",
        )
        for kind in all_errors()
    ]
    codes = [Entry(str(int(code)), "exit code", _CODES[code], "", "", "") for code in ExitCode]
    return {entry.id: entry for entry in (*checks, *errors, *codes)}


def _check(spec: CheckSpec) -> Entry:
    return Entry(spec.id, "check", spec.title, spec.guards, spec.remedy, spec.source)


def _rule(check: str) -> Entry | None:
    """The entry for a policy's rule about some claim: there are as many as there are claims."""
    from ttee.appraise import spec_for  # noqa: PLC0415
    from ttee.tee import TEES  # noqa: PLC0415

    spec = spec_for(check)
    return _check(evolve(spec, id=check)) if spec and check.split(".")[1] in (*TEES, "trust") else None


_CODES = {
    ExitCode.AFFIRMING: "All went well; of a verdict: affirming.",
    ExitCode.INTERNAL: "A mistake in this program. Set TTEE_DEBUG=1 for its details.",
    ExitCode.USAGE: "The command, an app, a policy file or an instance's name cannot be used as it is.",
    ExitCode.MALFORMED: "The evidence is not well formed.",
    ExitCode.NOT_AUTHENTIC: "The evidence is well formed, and not genuine.",
    ExitCode.REFUSED: "The evidence is genuine, and the policy does not accept what it says.",
    ExitCode.UNAVAILABLE: "Endorsements, the network or an instance could not be reached.",
    ExitCode.REVOKED: "Something was revoked, or the TEE's software is out of date.",
    ExitCode.TEE: "A TEE, or what it needs, is not here, or it ended.",
    ExitCode.WARNING: "The verdict is a warning, and --strict was given.",
    ExitCode.INTERRUPTED: "Ctrl-C.",
}


def _json(entry: Entry) -> dict[str, str]:
    return {
        "id": entry.id,
        "kind": entry.kind,
        "title": entry.title,
        "guards": entry.guards,
        "remedy": entry.remedy,
        "source": entry.source,
    }


def _text(entry: Entry) -> str:
    rows = [
        ("if nobody checked" if entry.kind == "check" else "what it does", entry.guards),
        ("what to do", entry.remedy),
        ("source", entry.source),
    ]
    head = f"{styled(entry.id, 'bold')}  ({entry.kind})\n  {entry.title}"
    body = table([row for row in rows if row[1]], indent="  ") if any(row[1] for row in rows) else ""
    return f"{head}\n{body}"
