# SPDX-License-Identifier: Apache-2.0
"""What the commands of `ttee trust` share: a deployment or the name of a TEE, properties, a day."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ttee.cli.options import read_input

if TYPE_CHECKING:
    from ttee.trust.build import Model
    from ttee.trust.deployment import Deployment
    from ttee.trust.terms import Knowledge

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
    """The model of a deployment. Raises DeploymentError, QuestionError, UsageError."""
    from ttee.trust.build import build  # noqa: PLC0415 (slow, and not needed for --help)
    from ttee.trust.shipped import shipped  # noqa: PLC0415

    knowledge = shipped()
    return build(read(name, knowledge), knowledge, at=at)


def read(name: str, knowledge: Knowledge) -> Deployment:
    """A file, `-`, or the name of a TEE, which goes before a file of that name. Raises as `load` does."""
    from ttee.trust.deployment import MAX_SIZE  # noqa: PLC0415
    from ttee.trust.shipped import deployment_of  # noqa: PLC0415

    a_file = name == "-" or name.endswith(".toml") or "/" in name or Path(name).is_file()
    if name in knowledge.designs or not a_file:
        return deployment_of(None, name, knowledge)
    return deployment_of(read_input(name, "the deployment", MAX_SIZE), name, knowledge)
