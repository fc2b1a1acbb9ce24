# SPDX-License-Identifier: Apache-2.0
"""What commands share that take evidence and endorsements: their options, and what is said on stderr."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import click

from ttee.cli.options import read_input
from ttee.cli.output import Output
from ttee.connect import kept_answers
from ttee.endorse.address import parse_mirror
from ttee.endorse.fetcher import Fetcher, Web
from ttee.endorse.fleet import AskedOnce, ReadOnce
from ttee.endorse.gather import Gathered, Origin, gather
from ttee.endorse.given import Given, open_paths
from ttee.endorse.store import Store
from ttee.errors import UsageError
from ttee.model import Endorsements, Evidence
from ttee.tee import tee_named
from ttee.tee.base import Tee
from ttee.tee.recognise import MAX_SIZE, SCHEMA, recognise
from ttee.tee.sources import Source

_F = TypeVar("_F", bound=Callable[..., Any])
_MAX_REMARKS = 1000
_NUMBERED = re.compile(r"\.[0-9]{1,3}")


def evidence_options(function: _F) -> _F:
    """`--tee` and `--part`; they arrive as `tee_name` and `parts`, for `read_evidence`."""
    for option in (
        click.option("--part", "parts", multiple=True, metavar="NAME=FILE",
                     help="Another part of the evidence, in a file of its own."),
        click.option("--tee", "tee_name", metavar="TEE",
                     help="The TEE, where FILE does not show it; FILE is then its first part."),
    ):  # fmt: skip
        function = option(function)
    return function


def endorsement_options(function: _F) -> _F:
    """`--endorsements`, `--offline` and `--mirror`; they arrive as `paths`, `offline`, `mirrors`, for `Endorsing`."""
    for option in (
        mirror_option,
        offline_option,
        click.option("--endorsements", "paths", multiple=True, metavar="PATH", envvar="TTEE_ENDORSEMENTS",
                     type=click.Path(),
                     help="A file of endorsements, or a folder; which of them fit, shows from their content."),
    ):  # fmt: skip
        function = option(function)
    return function


def _mirrors(_: click.Context, __: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(mirror.strip() for given in value for mirror in given.split(",") if mirror.strip())


offline_option = click.option(
    "--offline", is_flag=True, envvar="TTEE_OFFLINE",
    help="Ask nobody: use what is given, what lies in the evidence, and what is kept.",
)  # fmt: skip
mirror_option = click.option(
    "--mirror", "mirrors", multiple=True, metavar="FROM=TO", envvar="TTEE_MIRRORS", callback=_mirrors,
    help="Ask TO in place of every address that begins with FROM, such as a PCCS of yours.",
)  # fmt: skip


def read_evidence(file: str, tee_name: str | None, parts: tuple[str, ...]) -> Evidence:
    """Evidence in one file, or in one for each of its parts. Raises UsageError, MalformedEvidenceError."""
    data = read_input(file, "evidence", MAX_SIZE)
    evidence = recognise(data) if tee_name is None else _of_tee(data, tee_named(tee_name))
    tee, found = tee_named(evidence.tee), dict(evidence.parts)
    for part in parts:
        name, given, path = part.partition("=")
        if not given or not path:
            raise UsageError(f"{part!r} is no part", hint="write NAME=FILE")
        if not any(name == known or _NUMBERED.fullmatch(name.removeprefix(known)) for known in tee.parts):
            raise UsageError(f"{tee.name} has no part {name!r}", hint=f"there are {', '.join(tee.parts)}")
        if name in found:
            raise UsageError(f"the part {name} is given twice")
        found[name] = read_input(path, f"the part {name}", MAX_SIZE)
    return Evidence(evidence.tee, found, evidence.endorsements)


def _of_tee(data: bytes, tee: Tee) -> Evidence:
    """Evidence of this TEE in whatever form, or its first part."""
    if data.lstrip(b" \t\r\n").startswith(b"{") and f'"{SCHEMA}"'.encode() in data:
        evidence = recognise(data)
        if evidence.tee != tee.name:
            raise UsageError(f"this is evidence of {evidence.tee}, and not of {tee.name}")
        return evidence
    return tee.wrap(data) or Evidence(tee.name, {tee.parts[0]: data})


class Endorsing:
    """Where a command's endorsements come from; opened once, for one piece of evidence or many."""

    def __init__(
        self,
        output: Output,
        *,
        paths: tuple[str, ...] = (),
        offline: bool = False,
        mirrors: tuple[str, ...] = (),
        keep: Store | None = None,
        many: bool = False,
    ) -> None:
        """`keep`: where answers are kept; by default this user's folder. `many`: for a fleet, in which nothing is read
        or asked twice, and of whose items each makes use of some of what was given. Raises UsageError."""
        self._output = output
        self._given: Given = open_paths(paths)
        self._keep = (keep,) if keep is not None else kept_answers()
        self._fetcher: Fetcher | None = None if offline else Web([parse_mirror(text) for text in mirrors])
        self._said: set[str] | None = set() if many else None
        if many:
            self._keep = tuple(ReadOnce(store.folder) for store in self._keep)
            self._given = Given(
                files=self._given.named + self._given.files,
                stores=tuple(ReadOnce(store.folder) for store in self._given.stores),
            )
            self._fetcher = AskedOnce(self._fetcher) if self._fetcher else None

    def gather(self, evidence: Evidence, at: datetime, *, renew: datetime | None = None) -> Gathered:
        """The endorsements for this evidence; says what is asked, and what was given for nothing."""
        gathered = gather(
            evidence,
            files=self._given.files,
            named=self._given.named,
            stores=(*self._keep, *self._given.stores),
            fetcher=self._fetcher,
            at=at,
            renew=renew,
            ask=self._ask,
        )
        for asked in gathered.asked:
            if asked.origin is Origin.SERVICE and asked.problem:
                self._say(f"not kept: {asked.problem}")
            elif asked.origin is Origin.NOWHERE and self._fetcher is not None:
                self._say(f"not found: {asked.source.why}: {asked.problem}")
        if gathered.unread:
            self._say(f"not made use of by {evidence.tee}: {', '.join(gathered.unread)[:1000]}")
        return gathered

    def collect(self, evidence: Evidence, at: datetime) -> Endorsements:
        """What was gathered, for `verify`; anchors are the policy's to say."""
        gathered = self.gather(evidence, at)
        return Endorsements(documents=gathered.documents, own=gathered.own)

    def _ask(self, source: Source) -> None:
        self._say(f"asking {source.url.split('?')[0]}: {source.why}")

    def _say(self, text: str) -> None:
        """A remark; of a fleet, each is made once, and there is an end to them."""
        if self._said is not None:
            if text in self._said or len(self._said) >= _MAX_REMARKS:
                return
            self._said.add(text)
        self._output.say(text)
