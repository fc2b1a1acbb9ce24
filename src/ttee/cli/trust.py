# SPDX-License-Identifier: Apache-2.0
"""`ttee trust`: who could still break it, and how cheaply (docs/spec/trust.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ttee.cli.options import command, subcommand
from ttee.cli.output import Output
from ttee.cli.trust_options import at_option, deployment_argument, load, property_option
from ttee.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence


@command(
    examples="""
    ttee trust who intel-tdx                            # one TEE by its name
    ttee trust who deployment.toml --property integrity
    ttee trust can deployment.toml --adversary operator --budget 1000
    ttee trust compare intel-tdx amd-sev-snp riscv
    ttee trust report deployment.toml -o report.html
    """,
    group=True,
)
def trust() -> None:
    """Say who could still break it, how, and how cheaply.

    D is a deployment, a file that says which TEEs, whose, and how combined; or the name of a TEE, for one of that
    kind. The answer is as complete as the published knowledge and the rules that it rests on, and says so.
    """


@subcommand(
    trust,
    "who",
    examples="""
    ttee trust who intel-tdx
    ttee trust who deployment.toml --property confidentiality --list 20
    ttee trust who deployment.toml --at 2025-09-01      # as it was known then
    """,
)
@deployment_argument
@property_option
@at_option
@click.option(
    "--list", "listed", type=click.IntRange(0, 10_000), default=0, help="Show so many cuts, smallest first."
)
@click.pass_obj
def who(output: Output, deployment: str, properties: Sequence[str], at: str | None, listed: int) -> None:
    """Say who breaks each property, and in how many ways.

    A cut is a smallest set of parties, capabilities and flaws that together break a property. They are counted, not
    listed, unless you ask for it.
    """
    from ttee.cli import trust_json, trust_text  # noqa: PLC0415 (only here)
    from ttee.trust.answers.statement import statements  # noqa: PLC0415

    model = load(deployment, at)
    found = statements(model, asked(properties), listed=listed)
    output.result(trust_json.who_json(model, found), trust_text.who_text(model, found))


@subcommand(
    trust,
    "can",
    examples="""
    ttee trust can intel-tdx --adversary operator --budget 1000 --at 2025-09-01
    ttee trust can deployment.toml --adversary host --property keys --fail-if-yes
    """,
)
@deployment_argument
@click.option("--adversary", "-a", metavar="NAME[:USD]", required=True, help="Who: operator, host, lab, …")
@click.option(
    "--budget", type=click.IntRange(0, 10**12), metavar="USD", help="What it may spend, if not its own."
)
@property_option
@at_option
@click.option("--fail-if-yes", is_flag=True, help="Exit with 5 if it can break any of what was asked.")
@click.pass_obj
def can(
    output: Output,
    *,
    deployment: str,
    adversary: str,
    budget: int | None,
    properties: Sequence[str],
    at: str | None,
    fail_if_yes: bool,
) -> int:
    """Say whether an adversary breaks it within a budget.

    If so, how, with sources; if not, what was tried and what it lacks. Exits with 0 whatever the answer is, unless
    --fail-if-yes is given.
    """
    from ttee.cli import trust_json, trust_text  # noqa: PLC0415 (only here)
    from ttee.trust.answers import ask  # noqa: PLC0415

    model = load(deployment, at)
    known, money = ask.adversary(model, adversary)
    money = money if budget is None else budget
    answers = {
        property_: ask.can(model, model.goal(property_), known, money) for property_ in asked(properties)
    }
    output.result(
        trust_json.can_json(model, known, money, answers), trust_text.can_text(model, known, money, answers)
    )
    broken = any(answer.broken for answer in answers.values())
    return int(ExitCode.REFUSED if broken and fail_if_yes else ExitCode.AFFIRMING)


def asked(properties: Sequence[str]) -> list[Property]:
    """The properties that were named, else those that people ask for. Raises QuestionError."""
    from ttee.trust.answers.words import ASKED  # noqa: PLC0415
    from ttee.trust.model.build import property_named  # noqa: PLC0415 (only here)

    return [property_named(name) for name in dict.fromkeys(properties)] or list(ASKED)


if TYPE_CHECKING:
    from ttee.trust.knowledge.terms import Property

from ttee.cli import trust_compare, trust_explain, trust_pages  # noqa: E402, F401 (they add their commands)
