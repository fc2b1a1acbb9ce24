# SPDX-License-Identifier: Apache-2.0
"""Where words go: results to stdout, everything else to stderr; plain where a terminal can do no better."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

import click

from ttee.codec import json, problem
from ttee.codec.printable import printable
from ttee.errors import TteeError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
_GLYPHS = {"✓": "+", "✗": "x", "\N{EN DASH}": "-", "…": "...", "·": "-", "→": "->", "≤": "<="}


class Output:
    """How this command answers. `as_json` is set by `--json`."""

    def __init__(self) -> None:
        """As text, until told otherwise."""
        self.as_json = False

    def result(self, value: Mapping[str, json.Encodable], text: str) -> None:
        """The one result: the object with `--json`, else the text, on stdout."""
        plain = text.rstrip("\n").replace("\N{NO-BREAK SPACE}", " ")  # lines are folded by now
        self._write(json.pretty(value) if self.as_json else fit(f"{plain}\n", sys.stdout))

    def text(self, text: str) -> None:
        """A piece of a result that has no other form, such as a policy file."""
        self._write(text)

    def binary(self, data: bytes) -> None:
        """A result of bytes. Raises UsageError when stdout is a terminal and they are not text."""
        if sys.stdout.isatty() and not _printable(data):
            raise UsageError(
                "the result is binary, and stdout is a terminal",
                hint="write it to a file, or pipe it into a program that reads it",
            )
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def say(self, text: str) -> None:
        """A remark, on stderr."""
        self._remark(f"ttee: {text}")

    def error(self, error: TteeError) -> None:
        """What went wrong, where, and what to do next."""
        if self.as_json:
            self._write(json.pretty(problem.encode(error)))
        self.say(error.message)
        for label, said in (
            ("check", error.check and f"{error.check} (`ttee explain {error.check}`)"),
            ("where", error.where and error.where.replace("\n", "?")),
            ("source", error.source),
            ("next", error.hint or next_step(type(error))),
        ):
            if said:
                self._remark(f"  {label}: {said}")

    def usage(self, usage: click.ClickException) -> None:
        """A command line that means nothing; click knows what is wrong with it."""
        context = getattr(usage, "ctx", None)
        self.error(
            UsageError(
                usage.format_message().rstrip("."),
                hint=f"`{context.command_path if context else 'ttee'} --help` shows how",
            )
        )

    def bug(self, bug: Exception) -> None:
        """An exception that nobody foresaw: one line, and how to get the others."""
        self.say(f"internal error: {type(bug).__name__}: {str(bug)[:200]}")
        self._remark("  next: set TTEE_DEBUG=1 for the details, and please report it")

    def _write(self, text: str) -> None:
        sys.stdout.write(text)

    def _remark(self, text: str) -> None:
        print(fit(harmless(text), sys.stderr), file=sys.stderr, flush=True)


def next_step(kind: type[TteeError]) -> str:
    """The step that the documentation of an error class advises."""
    return " ".join((kind.__doc__ or "").partition("Next:")[2].split()).rstrip(".")


def harmless(text: str) -> str:
    """`text`, which may repeat what an attacker wrote, without anything that would steer a terminal."""
    return printable(text, keep="\n\t")


def fit(text: str, stream: TextIO) -> str:
    """`text` as the stream can show it: signs of ours that its encoding lacks become ASCII, others `?`."""
    encoding = stream.encoding or "ascii"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        for sign, plain in _GLYPHS.items():
            text = text.replace(sign, plain)
        text = text.encode(encoding, "replace").decode(encoding)
    return text


def styled(text: str, *styles: str, stream: TextIO | None = None) -> str:
    """`text` in colour, where stdout is a terminal that wants it (https://no-color.org)."""
    terminal = (stream or sys.stdout).isatty()
    if not terminal or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{';'.join(_STYLES[style] for style in styles)}m{text}\x1b[0m"


def table(rows: Iterable[Sequence[str]], *, indent: str = "", gap: str = "  ") -> str:
    """Rows as aligned columns; the last one is not padded."""
    rows = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*(row[:-1] for row in rows), strict=True)]
    lines = (
        indent + gap.join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def short(digest: bytes | str) -> str:
    """The first and last eight hex digits: enough for a glance, never for a decision."""
    text = digest if isinstance(digest, str) else digest.hex()
    return text if len(text) <= 20 else f"{text[:8]}…{text[-8:]}"


def _printable(data: bytes) -> bool:
    try:
        return all(c.isprintable() or c in "\n\t" for c in data.decode("utf-8"))
    except UnicodeDecodeError:
        return False
