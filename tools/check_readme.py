# SPDX-License-Identifier: Apache-2.0
"""Hold the documentation to the program: help blocks must be what `--help` prints, and commands must be there.

A help block is fenced as `console` and begins with `$ ttee … --help`. With `--write`, blocks are put right instead.
Every `ttee …` in other code blocks must name commands and options that exist.
"""

from __future__ import annotations

import difflib
import io
import os
import re
import shlex
import sys
from contextlib import redirect_stdout
from pathlib import Path

import click

from ttee.cli import run
from ttee.cli.root import cli

os.environ["COLUMNS"] = "80"  # help is as wide as the terminal; pages are not
ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", "CONTRIBUTING.md", "docs/*.md", "docs/spec/*.md", "examples/*/README.md")
_HELP = re.compile(r"```console\n\$ ttee (?P<command>[^\n]*?) ?(?P<flag>--help)\n(?P<text>.*?)```", re.DOTALL)
_BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
_CALL = re.compile(r"(?:^|&& |\$ |uv run )ttee (.+?)(?= &&|  +#|$)", re.MULTILINE)


def main() -> int:
    """0 when all is as the program has it."""
    write = "--write" in sys.argv[1:]
    complaints: list[str] = []
    for page in sorted(path for pattern in PAGES for path in ROOT.glob(pattern)):
        text = page.read_text()
        fresh = _HELP.sub(lambda block: _block(block["command"]), text)
        name = str(page.relative_to(ROOT))
        if fresh != text and write:
            page.write_text(fresh)
        elif fresh != text:
            complaints += difflib.unified_diff(
                text.splitlines(), fresh.splitlines(), name, "the program", lineterm=""
            )
        complaints += [f"{name}: {problem}" for problem in _unknown(text)]
    print(
        "\n".join(complaints) or "the pages say what the program does",
        file=sys.stderr if complaints else sys.stdout,
    )
    return 1 if complaints else 0


def _block(command: str) -> str:
    said = io.StringIO()
    with redirect_stdout(said):
        run([*shlex.split(command), "--help"])
    return f"```console\n$ ttee {command} --help\n{said.getvalue()}```".replace("ttee  --help", "ttee --help")


def _unknown(text: str) -> list[str]:
    """The `ttee …` of code blocks that the program would not understand."""
    calls = [call[1] for block in _BLOCK.finditer(text) for call in _CALL.finditer(block[1])]
    return [f"`ttee {call}`: {problem}" for call in calls if (problem := _problem(call))]


def _problem(call: str) -> str:
    words = shlex.split(call.replace("…", ""), comments=True)
    command: click.Command = cli
    context = click.Context(cli)
    while words and isinstance(command, click.Group) and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        if found is None:
            return f"there is no command {words[0]!r}"
        command, words = found, words[1:]
    options = {name for parameter in command.params for name in parameter.opts} | {"--help", "-h"}
    unknown = [
        word for word in words if word.startswith("-") and word != "-" and word.split("=")[0] not in options
    ]
    return f"it has no option {unknown[0]}" if unknown else ""


if __name__ == "__main__":
    sys.exit(main())
