# SPDX-License-Identifier: Apache-2.0
"""The table of commands. `ttee --help` reads it alone; a command's file is imported when the command is used."""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple

import click


class Entry(NamedTuple):
    """Where a command lives, and the line that `--help` shows for it."""

    module: str
    help: str


SECTIONS: dict[str, dict[str, Entry]] = {
    "Write an app": {
        "new": Entry("app", "Make an app folder to start from."),
        "build": Entry("app", "Build an app into its bundle, and print its measurement."),
        "measure": Entry("app", "Recompute what a verifier should expect of an app."),
        "measure-guest": Entry("measure_guest", "Recompute what a verifier should expect of a whole guest."),
        "sign": Entry("sign", "Sign an app's measurement in a TEE with the app's authority key."),
        "key": Entry("sign", "Make a key that signs versions of an app."),
    },
    "Run it": {
        "run": Entry("run", "Start an app in a TEE, in the background."),
        "ps": Entry("run", "List the instances that run here."),
        "logs": Entry("run", "Show what an app has logged."),
        "stop": Entry("run", "End an instance."),
    },
    "Talk to it": {
        "call": Entry("call", "Verify an instance, then send it a sealed request."),
        "evidence": Entry("call", "Ask an instance for evidence."),
    },
    "Check it": {
        "verify": Entry("verify", "Verify evidence and hold it against a policy."),
        "verify-many": Entry("verify_many", "Verify a fleet: a folder, or a line of JSON for each."),
        "policy": Entry("policy", "Make, show and check policies."),
        "endorsements": Entry("endorsements", "Fetch, show and carry what TEEs' makers say of them."),
        "inspect": Entry("inspect", "Show every field of evidence, unverified."),
        "trust": Entry("trust", "Say who could still break it, how, and how cheaply."),
        "explain": Entry("explain", "Say what a check or an error means, and what to do."),
    },
    "This machine": {
        "tees": Entry("machine", "List the TEEs, and what each can do here."),
        "doctor": Entry("machine", "Check what this machine lacks, and say how to get it."),
        "env": Entry("machine", "List the environment variables that matter."),
        "schema": Entry("machine", "Print the JSON schema of a format."),
        "completion": Entry("machine", "Print a completion script for a shell."),
        "version": Entry("machine", "Print the version."),
    },
}
COMMANDS = {name: entry for section in SECTIONS.values() for name, entry in section.items()}


class LazyGroup(click.Group):
    """A group whose commands stand in `COMMANDS`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """All names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        """The command, imported now."""
        if name not in COMMANDS:
            return None
        command: click.Command = getattr(
            import_module(f"ttee.cli.{COMMANDS[name].module}"), name.replace("-", "_")
        )
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, without importing every command to name similar ones."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.exceptions.NoSuchCommand(args[0], possibilities=COMMANDS, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The table, section by section."""
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, entry.help) for name, entry in commands.items()])


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version  # noqa: PLC0415 (slow, and rarely needed)

        click.echo(f"ttee {version('ttee')}")
        ctx.exit()


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 affirming, 1 internal error, 2 usage, 3 malformed evidence, 4 not authentic, "
    "5 refused by policy, 6 endorsements or network unavailable, 7 revoked or out of date, "
    "8 TEE not available here, 9 warning with --strict, 130 interrupted.",
)
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Print the version."
)
def cli() -> None:
    """Run an app in any TEE, let anyone check what runs there, and say whom one still has to trust."""
