# SPDX-License-Identifier: Apache-2.0
"""What is typed, and what is seen: every transcript in this folder, played with the real program."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Place
from tests.cli.transcript import matches, play, read
from ttee.errors import ExitCode

TRANSCRIPTS = sorted(Path(__file__).parent.glob("*.txt"))
ELSEWHERE = {ExitCode.INTERNAL}  # tests/cli/test_main.py: it takes a mistake in the program


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_transcript(path: Path, place: Place) -> None:
    play(read(path), place.folder, place.environment)


def test_every_exit_code_of_the_table_is_seen_in_some_transcript() -> None:
    seen = {step.code for path in TRANSCRIPTS for step in read(path)}
    assert seen | ELSEWHERE == set(ExitCode)


def test_the_player_tells_differences() -> None:
    assert matches(["a [..] c", "...", "z"], "a b c\nx\ny\nz\n")
    assert matches([], "")
    assert not matches(["a"], "b\n")
    assert not matches(["a"], "a\nb\n")
    assert not matches([], "a\n")
