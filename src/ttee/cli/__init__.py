# SPDX-License-Identifier: Apache-2.0
"""The command line: thin, one file per command group, nothing imported before it is needed.

`main` is the one place where errors become words and exit codes.
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import takewhile
from typing import TYPE_CHECKING

import click

from ttee.cli.output import Output
from ttee.cli.root import cli
from ttee.errors import ExitCode, TeeUnavailableError, TteeError

if TYPE_CHECKING:
    from collections.abc import Sequence

EXTRAS = {"anyio": "serve", "starlette": "serve", "uvicorn": "serve", "wasmtime": "local", "ziglang": "build"}
"""Packages that a verifier does not need, and the extra that brings each."""
_BROKEN_PIPE = 141
"""What a shell reports of a program that nobody listens to any more: 128 + SIGPIPE."""


def main() -> None:
    """Run the command line of this process, and exit."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # leaves as little behind as Ctrl-C
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = _BROKEN_PIPE
    if code == _BROKEN_PIPE:
        # Python would flush once more while it ends, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns its exit code. Never raises, except with TTEE_DEBUG set."""
    output = Output()
    # Asked for before the command line is understood, so that a misunderstanding comes as JSON, too.
    output.as_json = "--json" in takewhile(lambda argument: argument != "--", arguments) or _json_by_default()
    try:
        result = cli.main(list(arguments), prog_name="ttee", standalone_mode=False, obj=output)
        return result if isinstance(result, int) else ExitCode.AFFIRMING
    except TteeError as error:
        output.error(error)
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as usage:
        usage.show()
        return ExitCode.USAGE
    except click.ClickException as usage:
        output.usage(usage)
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        output.say("interrupted")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        return _BROKEN_PIPE
    except ModuleNotFoundError as missing:
        extra = EXTRAS.get((missing.name or "").split(".")[0])
        if extra is None:
            return _bug(missing, output)
        hint = f"pip install 'ttee[{extra}]'"
        output.error(TeeUnavailableError(f"this needs the Python package {missing.name}", hint=hint))
        return ExitCode.TEE
    except Exception as bug:
        return _bug(bug, output)


def _json_by_default() -> bool:
    try:
        return bool(click.BOOL(os.environ.get("TTEE_JSON") or False))
    except click.BadParameter:
        return False


def _bug(bug: Exception, output: Output) -> int:
    if os.environ.get("TTEE_DEBUG"):
        raise bug
    output.bug(bug)
    return ExitCode.INTERNAL
