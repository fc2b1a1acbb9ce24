# SPDX-License-Identifier: Apache-2.0
"""`ttee trust attacks` and `explain`: what the knowledge says, and why an answer is what it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ttee.cli.options import subcommand
from ttee.cli.output import Output
from ttee.cli.trust import asked, trust
from ttee.cli.trust_options import at_option, load, property_option

if TYPE_CHECKING:
    from ttee.codec import json

    Answer = tuple[dict[str, json.Encodable], str]


@subcommand(
    trust,
    "attacks",
    examples="""
    ttee trust attacks --tee amd-sev-snp --since 2026
    ttee trust attacks --json
    """,
)
@click.option("--tee", metavar="TEE", help="Only those on this TEE.")
@click.option("--since", metavar="DATE", help="Only those published on that day or later.")
@at_option
@click.pass_obj
def attacks(output: Output, tee: str | None, since: str | None, at: str | None) -> None:
    """List published attacks, newest first.

    Each with what it needs, breaks and costs, and what mends it.
    """
    from ttee.cli import trust_entries  # noqa: PLC0415 (only here)
    from ttee.trust.shipped import shipped  # noqa: PLC0415

    found = trust_entries.attacks_on(shipped(), tee, since, at)
    output.result(trust_entries.attacks_json(shipped(), found), trust_entries.attacks_text(shipped(), found))


@subcommand(
    trust,
    "explain",
    examples="""
    ttee trust explain tee-fail                         # an attack
    ttee trust explain S1                               # a rule
    ttee trust explain intel-tdx                        # a design
    ttee trust explain intel-tdx:operator               # a cell of `ttee trust compare`
    ttee trust explain party:intel --in deployment.toml --property integrity
    """,
)
@click.argument("what", metavar="CUT|ATTACK|RULE|TEE|CELL…", nargs=-1, required=True)
@click.option("--in", "deployment", metavar="D", help="The deployment that a cut breaks.")
@property_option
@at_option
@click.pass_obj
def explain(
    output: Output, what: Sequence[str], deployment: str | None, properties: Sequence[str], at: str | None
) -> None:
    """Explain an attack, a rule, a TEE, a cell or a cut.

    A cut is one or more events, as --json shows them.
    """
    from ttee.cli import trust_entries  # noqa: PLC0415 (only here)
    from ttee.errors import UsageError  # noqa: PLC0415
    from ttee.trust.calculus.rules import Kind  # noqa: PLC0415
    from ttee.trust.shipped import shipped  # noqa: PLC0415

    if all(word.split(":")[0] in list(Kind) and ":" in word for word in what):
        if deployment is None:
            raise UsageError("a cut breaks some deployment", hint="say which: --in D")
        value, text = trust_entries.cut(load(deployment, at), frozenset(what), asked(properties))
    elif len(what) > 1:
        raise UsageError("one thing at a time", hint="a cut is events alone, such as party:intel")
    elif ":" in what[0]:
        name, _, column = what[0].rpartition(":")
        value, text = trust_entries.cell(load(name, at), column)
    else:
        value, text = trust_entries.entry(shipped(), what[0])
    output.result(value, text)
