# SPDX-License-Identifier: Apache-2.0
"""What commands share: `--json`, examples in their help, and how they take hex, files and `-`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ttee.cli.output import Output
from ttee.codec import hex as hex_codec
from ttee.errors import UsageError

_F = TypeVar("_F", bound=Callable[..., Any])


def command(*, examples: str, group: bool | type[click.Group] = False) -> Callable[[Callable[..., Any]], Any]:
    """A click command with `--json`, or a group of some class, whose help ends in examples."""
    epilog = "\b\nExamples:\n" + "\n".join(f"  {line.strip()}" for line in examples.strip().splitlines())
    kind = click.Command if group is False else click.Group if group is True else group

    def decorate(function: Callable[..., Any]) -> Any:
        return click.command(cls=kind, epilog=epilog)(function if group else json_option(function))

    return decorate


def subcommand(parent: click.Group, name: str, *, examples: str) -> Callable[[Callable[..., Any]], Any]:
    """A command of a group."""

    def decorate(function: Callable[..., Any]) -> Any:
        made = command(examples=examples)(function)
        parent.add_command(made, name)
        return made

    return decorate


def _set_json(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Output).as_json = True


def json_option(function: _F) -> _F:
    """`--json`, on every command."""
    option = click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_set_json,
        envvar="TTEE_JSON",
        help="Print one JSON object.",
    )
    return option(function)


class Hex(click.ParamType[bytes]):
    """Bytes as lowercase or uppercase hex digits, of one size or within bounds."""

    name = "hex"

    def __init__(self, least: int, most: int | None = None) -> None:
        """`least` bytes exactly, or up to `most`."""
        self.least, self.most = least, least if most is None else most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        """Fails as click's own types do."""
        if isinstance(value, bytes):
            return value
        try:
            data = hex_codec.decode(value.lower(), what="it", error=UsageError)
        except UsageError as error:
            self.fail(error.message, param, ctx)
        if not self.least <= len(data) <= self.most:
            wanted = f"{self.least}" if self.least == self.most else f"{self.least} to {self.most}"
            self.fail(f"it has {len(data)} bytes; {wanted} are needed", param, ctx)
        return data


def read_input(path: str, what: str, limit: int) -> bytes:
    """A file, or stdin for `-`, of at most `limit` bytes. Raises UsageError."""
    try:
        if path == "-":
            data = sys.stdin.buffer.read(limit + 1)
        else:
            with Path(path).open("rb") as file:
                data = file.read(limit + 1)
    except OSError as problem:
        raise UsageError(f"cannot read {what}: {problem.strerror}", where=path) from None
    if len(data) > limit:
        raise UsageError(f"{what} has more than {limit} bytes", where=path)
    return data


def write_output(path: str, data: bytes, *, output: Output, secret: bool = False) -> None:
    """Write a file all at once, or to stdout for `-`. Raises UsageError."""
    if path == "-":
        output.binary(data)
        return
    target = Path(path)
    fresh = target.with_name(f".{target.name}.new")
    try:
        fresh.touch(mode=0o600 if secret else 0o666, exist_ok=False)
        try:
            fresh.write_bytes(data)
            fresh.replace(target)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as problem:
        raise UsageError(f"cannot write: {problem.strerror}", where=path) from None
