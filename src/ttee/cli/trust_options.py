# SPDX-License-Identifier: Apache-2.0
"""What the commands of `ttee trust` share: a deployment or the name of a TEE, properties, a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ttee.cli.options import read_input

if TYPE_CHECKING:
    from ttee.trust.model.build import Model

MAX_SIZE = 64 * 1024
"""Of a deployment, as docs/spec/trust.md says."""

deployment_argument = click.argument("deployment", metavar="D")
property_option = click.option(
    "--property",
    "-p",
    "properties",
    multiple=True,
    metavar="PROPERTY",
    help="confidentiality, integrity, attestation, freshness, availability or keys; more than once for several.  "
    "[default: all of these]",
)
at_option = click.option("--at", metavar="DATE", help="As it was known on that day, such as 2025-09-01.")


def load(name: str, at: str | None = None) -> Model:
    """The model of a deployment: a file (`….toml`, with a `/`, or `-`), or the name of a TEE.

    Raises DeploymentError, QuestionError, UsageError.
    """
    from ttee.trust.model.build import build  # noqa: PLC0415 (slow, and not needed for --help)
    from ttee.trust.shipped import deployment_of, shipped  # noqa: PLC0415

    a_file = name == "-" or name.endswith(".toml") or "/" in name
    data = read_input(name, "the deployment", MAX_SIZE) if a_file else None
    knowledge = shipped()
    return build(deployment_of(data, name, knowledge), knowledge, at=at)
