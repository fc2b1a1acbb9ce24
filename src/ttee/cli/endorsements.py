# SPDX-License-Identifier: Apache-2.0
"""`ttee endorsements`: fetch what evidence needs, show what is kept and until when, carry it elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import click

from ttee.cli.endorsing import Endorsing, evidence_options, mirror_option, offline_option, read_evidence
from ttee.cli.options import command, subcommand
from ttee.cli.output import Output, harmless, table
from ttee.codec import json
from ttee.codec.rfc3339 import moment
from ttee.connect import now
from ttee.endorse.gather import Gathered, Origin
from ttee.endorse.store import Kept, Store, as_text
from ttee.errors import EndorsementError, ExitCode, UsageError
from ttee.places import endorsements_dir

SCHEMA = "ttee.endorsements/1"
SOON = 7
"""Days before they are stale at which endorsements are called stale soon."""
_NONE = "nothing is needed that a service would give"


class State(StrEnum):
    """How a kept answer stands at a moment."""

    LASTING = "lasting"
    CURRENT = "current"
    SOON = "stale soon"
    STALE = "stale"


@command(
    examples="""
    ttee endorsements fetch quote.bin               # so that `ttee verify --offline quote.bin` works
    ttee endorsements export -o usb/ quote.bin      # what that quote needs, for another machine
    ttee endorsements show
    ttee endorsements freshness                     # ends with 6 if something is stale
    """,
    group=True,
)
def endorsements() -> None:
    """Fetch, show and carry what TEEs' makers say of them.

    Certificates, revocation lists and lists of known flaws are kept in a folder, which works on a machine without a
    network, too: `ttee verify --offline --endorsements DIR`.
    """


@subcommand(
    endorsements,
    "fetch",
    examples="""
    ttee endorsements fetch quote.bin report.bin
    ttee endorsements fetch fleet/*.bin -o usb/
    ttee endorsements fetch quote.bin --mirror https://api.trustedservices.intel.com=https://pccs.example:8081
    """,
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("-o", "--output", "folder", metavar="DIR", type=click.Path(),
              help="Where to keep it; by default this user's folder.")  # fmt: skip
@evidence_options
@mirror_option
@click.pass_obj
def _fetch(
    output: Output,
    *,
    files: tuple[str, ...],
    folder: str | None,
    tee_name: str | None,
    parts: tuple[str, ...],
    mirrors: tuple[str, ...],
) -> None:
    """Ask for what evidence needs, and keep it.

    What can become stale is asked for even if a current answer is kept. FILE is evidence, as `ttee verify` takes it.
    """
    store = Store(Path(folder)) if folder is not None else Store(endorsements_dir())
    endorsing = Endorsing(output, mirrors=mirrors, keep=store)
    at = datetime.now(UTC)
    found: dict[tuple[str, str | None], Kept] = {}
    for file in files:
        gathered = endorsing.gather(read_evidence(file, tee_name, parts), at, renew=at)
        for asked in gathered.asked:
            if asked.problem and asked.origin is Origin.SERVICE:
                raise EndorsementError(f"not kept: {asked.problem}", where=str(store.folder))
        found |= _by_question(gathered)
    _show(output, store, found.values(), at, none=_NONE)


@subcommand(
    endorsements,
    "show",
    examples="""
    ttee endorsements show
    ttee endorsements show usb/ --json
    """,
)
@click.argument("folder", required=False, metavar="[DIR]", type=click.Path())
@click.pass_obj
def _show_command(output: Output, folder: str | None) -> None:
    """Show what is kept: from where, until when.

    DIR is a folder that was fetched or exported to; by default this user's.
    """
    store = _existing(folder)
    _show(output, store, store.answers(), moment(now()))


@subcommand(
    endorsements,
    "export",
    examples="""
    ttee endorsements export -o usb/ quote.bin
    ttee verify quote.bin -p tdx.toml --offline --endorsements usb/    # there
    """,
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("-o", "--output", "folder", metavar="DIR", required=True, type=click.Path(),
              help="The folder to copy to; it is made if need be.")  # fmt: skip
@evidence_options
@offline_option
@mirror_option
@click.pass_obj
def _export(
    output: Output,
    *,
    files: tuple[str, ...],
    folder: str,
    tee_name: str | None,
    parts: tuple[str, ...],
    offline: bool,
    mirrors: tuple[str, ...],
) -> None:
    """Copy what evidence needs, and nothing else.

    It is copied into a folder, for another machine. What is not kept, or stale, is asked for, unless --offline. FILE is
    evidence, as `ttee verify` takes it.
    """
    at = moment(now())
    endorsing = Endorsing(output, offline=offline, mirrors=mirrors)
    found: dict[tuple[str, str | None], Kept] = {}
    for file in files:
        gathered = endorsing.gather(read_evidence(file, tee_name, parts), at)
        for asked in gathered.asked:
            missing = set(asked.source.documents) - gathered.documents.keys()
            if asked.kept is None and asked.source.needed and missing:
                raise EndorsementError(
                    f"{file} needs what is not kept: {asked.source.why}",
                    where=asked.source.url,
                    hint=f"on a machine with a network: `ttee endorsements fetch {file}`",
                )
        found |= _by_question(gathered)
    store = Store(Path(folder))
    _show(output, store, [store.keep(kept) for kept in found.values()], at, none=_NONE)


@subcommand(
    endorsements,
    "freshness",
    examples="""
    ttee endorsements freshness
    ttee endorsements freshness usb/ --soon 30
    ttee endorsements freshness --at 2026-12-24T00:00:00Z    # what will be stale then?
    """,
)
@click.argument("folder", required=False, metavar="[DIR]", type=click.Path())
@click.option("--at", metavar="TIME", help="The moment, RFC 3339; by default now.")
@click.option("--soon", type=click.IntRange(0, 3650), default=SOON, show_default=True, metavar="DAYS",
              help="How many days ahead to warn.")  # fmt: skip
@click.pass_obj
def _freshness(output: Output, folder: str | None, at: str | None, soon: int) -> int:
    """Say what is current, stale soon, or stale.

    DIR is a folder that was fetched or exported to; by default this user's. Ends with exit code 6 if something is
    stale.
    """
    store = _existing(folder)
    kept = list(store.answers())
    then = moment(at or now())
    _show(output, store, kept, then, soon)
    stale = any(_state(one, then, soon) is State.STALE for one in kept)
    if stale:
        output.say("something is stale; `ttee endorsements fetch FILE...` renews what evidence needs")
    return ExitCode.UNAVAILABLE if stale else ExitCode.AFFIRMING


def _existing(folder: str | None) -> Store:
    if folder is None:
        return Store(endorsements_dir())
    if not Path(folder).is_dir():
        raise UsageError("there is no such folder", where=folder)
    return Store(Path(folder))


def _by_question(gathered: Gathered) -> dict[tuple[str, str | None], Kept]:
    return {(asked.kept.url, asked.kept.post): asked.kept for asked in gathered.asked if asked.kept}


def _state(kept: Kept, at: datetime, soon: int) -> State:
    if kept.until is None:
        return State.LASTING
    if not kept.is_current(at):
        return State.STALE
    return State.CURRENT if kept.until - at >= timedelta(days=soon) else State.SOON


def _show(
    output: Output,
    store: Store,
    answers: Iterable[Kept],
    at: datetime,
    soon: int = SOON,
    *,
    none: str = "",
) -> None:
    kept = list(answers)
    states = [_state(one, at, soon) for one in kept]
    rows = [
        (state.value, as_text(one.until) if one.until else "-", harmless(one.url))
        for state, one in zip(states, kept, strict=True)
    ]
    said = none or f"nothing is kept in {store.folder}"
    if rows:
        said = f"{table([('STATE', 'UNTIL', 'FROM'), *rows])}\n\nin {store.folder}"
    output.result(
        {
            "schema": SCHEMA,
            "folder": str(store.folder),
            "at": as_text(at),
            "answers": [_json(one, state) for one, state in zip(kept, states, strict=True)],
        },
        said,
    )


def _json(kept: Kept, state: State) -> dict[str, json.Encodable]:
    return {
        "url": kept.url,
        "post": kept.post,
        "state": state.value.replace(" ", "-"),
        "fetched": as_text(kept.fetched),
        "until": None if kept.until is None else as_text(kept.until),
        "documents": [
            {"name": name, "file": kept.files.get(name), "size": len(data)}
            for name, data in kept.documents.items()
        ],
    }
