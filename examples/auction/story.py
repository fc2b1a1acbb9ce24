# SPDX-License-Identifier: Apache-2.0
"""Telling a story on a terminal: chapters, paragraphs, aligned rows; and holding it to what it announced."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TextIO

from attrs import define, field, frozen

from ttee.errors import RefusedError, TteeError

WIDTH = 80
_LABEL, _VALUE = 16, 19
_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


class OtherwiseError(Exception):
    """A step ended otherwise than announced. The demo stops here."""


@frozen(slots=True)
class Outcome:
    """How one announced step ended. `ending` is `held`, `refused` or `broken`, as it was announced."""

    id: str
    ending: str
    detail: str


@define(slots=True)
class Story:
    """Writes to `out`, 80 columns wide; keeps every outcome. With `step`, waits for Enter between chapters."""

    out: TextIO
    step: bool = False
    outcomes: list[Outcome] = field(factory=list)
    _chapters: int = 0

    # --- words ----------------------------------------------------------------------------------------

    def title(self, text: str) -> None:
        """The one headline."""
        self._line()
        self._line(self._styled(text, "bold"))
        self._line(self._rule("═"))

    def chapter(self, text: str) -> None:
        """A numbered heading."""
        if self.step and self._chapters:
            self._line()
            with suppress(EOFError):
                input(self._styled("   Enter to go on ", "dim"))
        self._chapters += 1
        self._line()
        self._line(self._styled(f"{self._chapters}  {text}", "bold", "cyan"))
        self._line(self._rule("─"))

    def say(self, text: str) -> None:
        """A paragraph."""
        for line in textwrap.wrap(" ".join(text.split()), WIDTH - 3):
            self._line("   " + line)

    def row(self, label: str, value: str, note: str = "") -> None:
        """A label, what was found, and a remark on it, in three columns."""
        line = f"   {label:<{_LABEL}}{value:<{_VALUE if note else 0}}"
        self._line(line + (self._styled(f"  {note}", "dim") if note else ""))

    def warn(self, text: str) -> None:
        """A line that must not be overlooked."""
        self._line("   " + self._styled(text, "bold", "yellow"))

    def attempt(self, text: str) -> None:
        """The heading of one attack."""
        self._line()
        self._line("   " + self._styled(text, "bold"))

    def quote(self, text: str) -> None:
        """Lines as somebody else wrote them."""
        for line in text.splitlines():
            self._line(f"   {self._styled(self._glyph('│'), 'dim')} {line}")

    def command(self, text: str, *, prompt: str = "$") -> None:
        """Something to type; the next line of it has no prompt."""
        self._line(f"     {self._styled(prompt, 'dim')} {self._styled(text, 'bold')}")

    def table(self, head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
        """Columns as wide as what stands in them."""
        widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
        for row in (head, *rows):
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
            line = "   " + "   ".join(cells).rstrip()
            if row is head:
                line = self._styled(line, "dim")
            self._line(line.replace(" YES ", f" {self._styled('YES', 'bold', 'red')} "))

    def closing(self, text: str) -> None:
        """The last line."""
        self._line()
        self._line("   " + self._styled(text, "bold"))

    def gap(self) -> None:
        """An empty line."""
        self._line()

    # --- outcomes -------------------------------------------------------------------------------------

    def held(self, id: str, text: str) -> None:  # noqa: A002 (the word of `ttee explain`)
        """Something went as it should."""
        self._outcome(id, "held", text, "✓", "green")

    def refused(self, id: str, text: str) -> None:  # noqa: A002
        """An attack failed, as announced."""
        self._outcome(id, "refused", text, "✓", "green")

    def broken(self, id: str, text: str) -> None:  # noqa: A002
        """An attack succeeded, as announced."""
        self._outcome(id, "broken", text, "✗", "red")

    def expect(self, id: str, truth: bool, text: str) -> None:  # noqa: A002
        """Hold the story to its word: `text` must be true."""
        if not truth:
            raise OtherwiseError(f"{id}: announced, and not so: {text}")
        self.held(id, text)

    def must_refuse(
        self,
        id: str,  # noqa: A002
        attack: Callable[[], object],
        error: type[TteeError],
        check: str,
        why: str,
    ) -> None:
        """Carry out an attack that must end in this error and failed check (or error id). Raises OtherwiseError."""
        try:
            attack()
        except TteeError as stopped:
            by = stopped.check or stopped.id
            if not isinstance(stopped, error) or by != check:
                raise OtherwiseError(
                    f"{id}: refused, but not as announced ({by}): {stopped.message}"
                ) from stopped
            self.refused(id, f"Refused: {why}")
            self._aside(f"{by}: {_without_walls(_reason(stopped))}")
        else:
            raise OtherwiseError(f"{id}: the attack went through")

    # --- ink ------------------------------------------------------------------------------------------

    def _outcome(self, id: str, ending: str, text: str, mark: str, colour: str) -> None:  # noqa: A002
        self.outcomes.append(Outcome(id, ending, text))
        first, *rest = textwrap.wrap(text, WIDTH - 5)
        self._line(f"   {self._styled(self._glyph(mark), 'bold', colour)} {self._styled(first, colour)}")
        for line in rest:
            self._line("     " + self._styled(line, colour))

    def _aside(self, text: str) -> None:
        for line in textwrap.wrap(text, WIDTH - 5):
            self._line("     " + self._styled(line, "dim"))

    def _line(self, text: str = "") -> None:
        print(text, file=self.out, flush=True)

    def _rule(self, glyph: str) -> str:
        return self._styled(self._glyph(glyph) * WIDTH, "dim")

    def _glyph(self, glyph: str) -> str:
        """The glyph, or its ASCII stand-in where the terminal has none."""
        try:
            glyph.encode(self.out.encoding or "ascii")
        except UnicodeEncodeError:
            return {"─": "-", "═": "=", "│": "|", "✓": "+", "✗": "x"}[glyph]
        return glyph

    def _styled(self, text: str, *styles: str) -> str:
        if not self.out.isatty() or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb":
            return text
        return f"\x1b[{';'.join(_STYLES[style] for style in styles)}m{text}\x1b[0m"


def short(digest: bytes | str) -> str:
    """The first and last four bytes of a digest."""
    text = digest if isinstance(digest, str) else digest.hex()
    return text if len(text) <= 19 else f"{text[:8]}...{text[-8:]}"


def _reason(error: TteeError) -> str:
    """What the failed check says, where a verdict was made; else the error's message."""
    checks = error.verdict.checks if isinstance(error, RefusedError) and error.verdict else ()
    return next((check.detail for check in checks if check.id == error.check), error.message)


def _without_walls(text: str) -> str:
    """Long hex, shortened."""
    return re.sub(r"[0-9a-f]{24,}", lambda digits: short(digits[0]), text)
