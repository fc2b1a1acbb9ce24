# SPDX-License-Identifier: Apache-2.0
"""The one place where errors become words and exit codes; and help that is true."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.cli.transcript import PROGRAM
from ttee.cli import run
from ttee.cli.output import Output, table
from ttee.cli.root import COMMANDS, cli
from ttee.errors import ExitCode, UsageError, all_errors
from ttee.tee import TEES


def broken(*_: object, **__: object) -> None:
    raise KeyError("nobody foresaw this")


def test_a_mistake_in_the_program_is_one_line_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ttee.tee.all_tees", broken)
    monkeypatch.delenv("TTEE_DEBUG", raising=False)
    assert run(["tees"]) == ExitCode.INTERNAL
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "ttee: internal error: KeyError: 'nobody foresaw this'"
    assert "TTEE_DEBUG" in said[1]
    assert len(said) == 2


def test_with_ttee_debug_it_shows_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ttee.tee.all_tees", broken)
    monkeypatch.setenv("TTEE_DEBUG", "1")
    with pytest.raises(KeyError):
        run(["tees"])


def test_ctrl_c_is_exit_code_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ttee.tee.all_tees", interrupted)
    assert run(["tees"]) == ExitCode.INTERRUPTED
    assert "interrupted" in capsys.readouterr().err


SLOW = """
import sys, tempfile, time
import ttee.cli, ttee.tee

def slow():
    with tempfile.TemporaryDirectory() as folder:
        print(folder, flush=True)
        time.sleep(60)

ttee.tee.all_tees, sys.argv = slow, ["ttee", "tees"]
ttee.cli.main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_being_told_to_end_leaves_no_files_behind(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SLOW], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        assert folder.is_dir()
        process.send_signal(number)
        assert process.communicate(timeout=60)[1].strip() == "ttee: interrupted"
    assert process.returncode == ExitCode.INTERRUPTED
    assert not folder.exists()


def test_a_missing_extra_is_named_with_the_line_that_brings_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def without(*_: object) -> None:
        raise ModuleNotFoundError("No module named 'uvicorn'", name="uvicorn.config")

    monkeypatch.setattr("ttee.tee.all_tees", without)
    assert run(["tees"]) == ExitCode.TEE
    assert "pip install 'ttee[serve]'" in capsys.readouterr().err


def test_nobody_reading_stdout_is_no_mistake_of_ours() -> None:
    done = subprocess.run(
        ["sh", "-c", f"{PROGRAM} explain --list | head -n 1"], capture_output=True, text=True, check=True
    )
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


def test_every_error_has_a_next_step_and_an_id_of_its_own() -> None:
    ids = [kind.id for kind in all_errors()]
    assert len(set(ids)) == len(ids)
    for kind in all_errors():
        assert "Next:" in (kind.__doc__ or ""), kind


@pytest.mark.parametrize("name", COMMANDS)
def test_the_overview_says_of_each_command_what_its_own_help_says(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert isinstance(command, click.Command)
    assert (command.help or "").split("\n\n")[0].replace("\n", " ") == COMMANDS[name].help


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_has_examples_of_that_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"ttee {name}" in text.partition("Examples:")[2]


def test_what_the_help_of_explain_names_can_be_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "--help"]) == 0
    examples = capsys.readouterr().out.partition("Examples:")[2].split("ttee explain ")[1:]
    for example in examples:
        assert run(["explain", example.split()[0]]) == ExitCode.AFFIRMING, example


def test_what_an_error_repeats_does_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Output().error(UsageError("a\x1b[2J\u202eb\nc", where="x\n\x9by", hint="\x07z"))
    assert capsys.readouterr().err.splitlines() == ["ttee: a?[2J?b", "c", "  where: x??y", "  next: ?z"]


@pytest.mark.parametrize(("said", "as_json"), [("1", True), ("0", False), ("", False), ("perhaps", False)])
def test_ttee_json_holds_for_a_command_that_is_not_understood(
    said: str, as_json: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TTEE_JSON", said)
    assert run(["no-such-command"]) == ExitCode.USAGE
    assert capsys.readouterr().out.startswith("{") == as_json


def test_help_imports_neither_tees_nor_cryptography() -> None:
    code = (
        "import sys; from ttee.cli import run; run(['--help']); "
        "print([m for m in ('ttee.tee', 'cryptography', 'nacl', 'starlette') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_binary_is_not_written_to_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with pytest.raises(UsageError):
        Output().binary(b"\x1b[2J")


def test_tables_align_and_leave_the_last_column_alone() -> None:
    assert table([("a", "long", "x"), ("bbb", "y", "zz zz")]) == "a    long  x\nbbb  y     zz zz"


def test_there_is_a_command_line() -> None:
    assert isinstance(cli, click.Group)
    assert cli.list_commands(click.Context(cli)) == list(COMMANDS)
    assert list(TEES) == sorted(TEES)
