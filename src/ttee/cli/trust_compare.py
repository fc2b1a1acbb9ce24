# SPDX-License-Identifier: Apache-2.0
"""`ttee trust compare`, `diff`, `singletons`, `cheapest`: several deployments, or one from several sides."""

from __future__ import annotations

from collections.abc import Sequence

import click
from attrs import evolve

from ttee.cli.options import subcommand
from ttee.cli.output import Output
from ttee.cli.trust import asked, trust
from ttee.cli.trust_options import at_option, deployment_argument, load, property_option


@subcommand(
    trust,
    "compare",
    examples="""
    ttee trust compare intel-tdx amd-sev-snp riscv argos
    ttee trust compare --all
    ttee trust explain intel-tdx:operator               # a cell of the table
    """,
)
@click.argument("deployments", metavar="D…", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All TEEs that are known.")
@at_option
@click.pass_obj
def compare(output: Output, deployments: Sequence[str], everything: bool, at: str | None) -> None:
    """Show what each kind of attacker breaks.

    And which dominates which: is broken nowhere where the other is not.

    Each cell says what is broken as it stands, and after the slash what is left with every fix applied and checked.
    A "-" means that no break was published, not that there is none.
    """
    from ttee.cli import trust_tables  # noqa: PLC0415 (only here)
    from ttee.trust.answers.scorecard import order, row  # noqa: PLC0415
    from ttee.trust.shipped import shipped  # noqa: PLC0415

    names = [*deployments, *(sorted(shipped().designs) if everything else ())]
    if not names:
        raise click.UsageError("name deployments or TEEs, or say --all")
    models = {name: load(name, at) for name in names}
    rows = [evolve(row(model), name=name) for name, model in models.items()]  # as `explain` takes them
    first, above = models[names[0]], order(rows)
    output.result(
        trust_tables.compare_json(first, rows, above), trust_tables.compare_text(first, rows, above)
    )


@subcommand(
    trust,
    "diff",
    examples="""
    ttee trust diff before.toml after.toml
    ttee trust diff intel-tdx amd-sev-snp --property confidentiality
    """,
)
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@property_option
@at_option
@click.pass_obj
def diff(output: Output, one: str, other: str, properties: Sequence[str], at: str | None) -> None:
    """Show what breaks A and not B, and the other way round.

    Machines and operators are told apart by their names: what is called the same counts as the same.
    """
    from ttee.cli import trust_tables  # noqa: PLC0415 (only here)
    from ttee.trust.answers.compare import difference  # noqa: PLC0415

    first, second = load(one, at), load(other, at)
    found = [difference(first, second, property_) for property_ in asked(properties)]
    output.result(trust_tables.diff_json(first, second, found), trust_tables.diff_text(first, second, found))


@subcommand(
    trust,
    "singletons",
    examples="""
    ttee trust singletons deployment.toml
    """,
)
@deployment_argument
@property_option
@at_option
@click.pass_obj
def singletons(output: Output, deployment: str, properties: Sequence[str], at: str | None) -> None:
    """List what breaks a property alone.

    By party, vendor, jurisdiction, undisclosed flaw, code base, program.
    A decentralised deployment has none. Each may buy what it needs.
    """
    from ttee.cli import trust_tables  # noqa: PLC0415 (only here)
    from ttee.trust.answers.ways import Ways  # noqa: PLC0415

    model = load(deployment, at)
    found = {property_: Ways.of(model, model.goal(property_)).singles() for property_ in asked(properties)}
    output.result(trust_tables.singles_json(model, found), trust_tables.singles_text(model, found))


@subcommand(
    trust,
    "cheapest",
    examples="""
    ttee trust cheapest deployment.toml
    ttee trust cheapest intel-tdx --at 2025-09-01
    """,
)
@deployment_argument
@property_option
@at_option
@click.pass_obj
def cheapest(output: Output, deployment: str, properties: Sequence[str], at: str | None) -> None:
    """Show for each adversary what breaking each property costs it."""
    from ttee.cli import trust_tables  # noqa: PLC0415 (only here)
    from ttee.trust.answers.prices import prices  # noqa: PLC0415

    model = load(deployment, at)
    found = prices(model, asked(properties))
    output.result(trust_tables.prices_json(model, found), trust_tables.prices_text(model, found))
