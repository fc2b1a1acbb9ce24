# SPDX-License-Identifier: Apache-2.0
"""`ttee trust graph` and `report`: answers to look at."""

from __future__ import annotations

from collections.abc import Sequence

import click

from ttee.cli.options import subcommand, write_output
from ttee.cli.output import Output
from ttee.cli.trust import asked, trust
from ttee.cli.trust_options import at_option, deployment_argument, load, property_option


@subcommand(
    trust,
    "graph",
    examples="""
    ttee trust graph deployment.toml -o who.svg
    ttee trust graph deployment.toml --property integrity -o -
    """,
)
@deployment_argument
@click.option("-o", "--output", "target", metavar="FILE", required=True, help="Where to; - for stdout.")
@click.option("--property", "-p", "named", metavar="PROPERTY", default="confidentiality", show_default=True)
@at_option
@click.pass_obj
def graph(output: Output, deployment: str, target: str, named: str, at: str | None) -> None:
    """Draw who could break it, as an SVG picture."""
    from ttee.trust.model.build import property_named  # noqa: PLC0415 (only here)
    from ttee.trust.pages.picture import draw  # noqa: PLC0415

    model = load(deployment, at)
    property_ = property_named(named)
    write_output(target, draw(model, property_).encode(), output=output)
    _written(output, target, model.deployment.name, str(model.at), [property_])


@subcommand(
    trust,
    "report",
    examples="""
    ttee trust report deployment.toml -o report.html
    ttee trust report intel-tdx --at 2025-09-01 -o then.html
    """,
)
@deployment_argument
@click.option("-o", "--output", "target", metavar="FILE", required=True, help="Where to; - for stdout.")
@property_option
@at_option
@click.pass_obj
def report(output: Output, deployment: str, target: str, properties: Sequence[str], at: str | None) -> None:
    """Write a page of HTML to read and print.

    It is complete in itself: no script, nothing from elsewhere.
    """
    from ttee.trust.pages.page import page  # noqa: PLC0415 (only here)

    model, about = load(deployment, at), asked(properties)
    write_output(target, page(model, about).encode(), output=output)
    _written(output, target, model.deployment.name, str(model.at), about)


def _written(output: Output, target: str, name: str, at: str, about: Sequence[str]) -> None:
    if target != "-":
        value = {"schema": "ttee.trust-file/1", "file": target, "deployment": name, "at": at}
        output.result({**value, "properties": list(about)}, f"{target}  {name}")
