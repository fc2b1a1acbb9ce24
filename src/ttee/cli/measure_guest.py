# SPDX-License-Identifier: Apache-2.0
"""`ttee measure-guest`: what a verifier should expect of a whole guest, for the TEEs that measure one.

Each such TEE is a command of its own, with the options that it asks for (`Tee.guest`).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from ttee.appraise import claim_to_json
from ttee.cli.inspect import as_text
from ttee.cli.options import command, read_input
from ttee.cli.output import Output, table
from ttee.tee import TEES, all_tees, tee_named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ttee.model import ClaimValue
    from ttee.tee.base import Tee
    from ttee.tee.guests import GuestMeasurement, Setting


class Guests(click.Group):
    """A command for each TEE that measures guests; its room is imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Their names."""
        return [tee.name for tee in all_tees() if tee.guest]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that TEE, made now."""
        tee = tee_named(name) if name in TEES else None
        return _command(tee, tee.guest) if tee and tee.guest else None


@command(
    examples="""
    ttee measure-guest amd-sev-snp --firmware OVMF.amdsev.fd --vcpus 4 --cpu EPYC-Milan
    ttee measure-guest amd-sev-snp --help
    """,
    group=Guests,
)
def measure_guest() -> None:
    """Recompute what a verifier should expect of a whole guest.

    From what it is started with, before any evidence is there. Of apps, `ttee measure` does this.
    """


def _command(tee: Tee, guest: GuestMeasurement) -> click.Command:
    files = {setting.name: setting.max_size for setting in guest.settings if setting.max_size}

    def run(output: Output, **given: str | None) -> None:
        said = {name.replace("_", "-"): text for name, text in given.items() if text is not None}
        contents = {
            name: read_input(said[name], f"the {name}", limit)
            for name, limit in files.items()
            if name in said
        }
        words = {name: text for name, text in said.items() if name not in files}
        _print(output, tee.name, guest.measure(contents, words))

    run.__doc__ = f"Recompute the measurement that {tee.name} makes of a guest.\n\n{guest.covers}"
    function: Any = click.pass_obj(run)
    for setting in reversed(guest.settings):
        function = _option(setting)(function)
    made: click.Command = command(examples=guest.examples)(function)
    made.name = tee.name
    return made


def _option(setting: Setting) -> Any:
    extra: dict[str, Any] = {"metavar": setting.metavar}
    if setting.choices:
        extra = {"type": click.Choice(setting.choices)}
    if setting.default is not None:  # said or not makes a difference to `required`
        extra |= {"default": setting.default, "show_default": True}
    return click.option(f"--{setting.name}", required=setting.required, help=setting.help, **extra)


def _print(output: Output, tee: str, measured: Mapping[str, ClaimValue]) -> None:
    rules = [
        f"{name.replace('_', '-')} = {json.dumps([claim_to_json(value)])}" for name, value in measured.items()
    ]
    policy = "\n".join([f"[tee.{tee}]", *rules])
    rows = [(name.replace("_", "-"), as_text(value)) for name, value in measured.items()]
    output.result(
        {
            "schema": "ttee.guest-measurement/1",
            "tee": tee,
            "measurements": {name: claim_to_json(value) for name, value in measured.items()},
            "policy": f"{policy}\n",
        },
        f"{table(rows)}\n\nin a policy:\n{policy}",
    )
