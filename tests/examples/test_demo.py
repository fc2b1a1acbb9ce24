# SPDX-License-Identifier: Apache-2.0
"""`make demo`, run as a newcomer runs it: it ends as announced, fits a terminal, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

import auction
from tests.examples.conftest import EXAMPLE
from ttee.errors import ExitCode

pytestmark = pytest.mark.slow

DEMO = EXAMPLE / "demo.py"
ANNOUNCED = {
    "build.reproducible": "held",
    "start": "held",
    "verify.affirming": "held",
    "bids.sealed": "held",
    "result.proven": "held",
    "memory": "refused",
    "app": "refused",
    "monitor": "refused",
    "report.replayed": "refused",
    "report.relayed": "refused",
    "channel-key.replaced": "refused",
    "bid.replayed": "refused",
    "bids.stolen": "broken",
    "result.forged": "broken",
}


@frozen
class Run:
    """A demo that has ended."""

    code: int
    out: str
    err: str
    folder: Path


def environment(scratch: Path, **changes: str) -> dict[str, str]:
    scratch.mkdir(exist_ok=True)
    return {**os.environ, "TMPDIR": str(scratch), **changes}


def run(folder: Path, *arguments: str, **changes: str) -> Run:
    done = subprocess.run(
        [sys.executable, str(DEMO), "--out", str(folder / "out"), *arguments],
        env=environment(folder / "tmp", **changes),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Run(done.returncode, done.stdout, done.stderr, folder)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(tmp_path_factory.mktemp("demo"), "--json")


@pytest.fixture(scope="module")
def summary(told: Run) -> dict[str, Any]:
    assert told.code == 0, told.err
    return dict(json.loads(told.out))


# --- outcomes -------------------------------------------------------------------------------------


def test_every_step_ends_as_announced(summary: dict[str, Any]) -> None:
    assert summary["schema"] == "ttee.demo/1"
    assert summary["ok"] is True
    assert {outcome["id"]: outcome["ending"] for outcome in summary["outcomes"]} == ANNOUNCED


def test_the_physical_attacks_are_said_to_succeed(summary: dict[str, Any]) -> None:
    broken = [outcome["detail"] for outcome in summary["outcomes"] if outcome["ending"] == "broken"]
    assert len(broken) == 2
    assert all(detail.startswith("SUCCEEDS") for detail in broken)


def test_nothing_is_left_but_the_three_files(told: Run, summary: dict[str, Any]) -> None:
    files = sorted(path.name for path in (told.folder / "out").iterdir())
    assert files == sorted([auction.RESULT, auction.EVIDENCE, auction.POLICY])
    assert sorted(Path(path).name for path in summary["files"]) == files
    assert list((told.folder / "tmp").iterdir()) == []


# --- its evidence, elsewhere ----------------------------------------------------------------------


def ttee_verify(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`ttee verify`, where no QEMU and no compiler can be found."""
    command = [str(Path(sys.executable).with_name("ttee")), "verify", str(folder / auction.EVIDENCE)]
    return subprocess.run(
        [*command, "--policy", str(folder / auction.POLICY), *arguments],
        env={**os.environ, "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_its_evidence_verifies_without_qemu_and_names_each_check(told: Run, summary: dict[str, Any]) -> None:
    assert summary["ok"]
    done = ttee_verify(told.folder / "out")
    assert done.returncode == ExitCode.AFFIRMING, done.stderr
    for check in ("riscv.statement.binding", "keystone.monitor.signature", "policy.app.measurement"):
        assert check in done.stdout
    assert "emulated" in done.stdout


def check(folder: Path, *receipts: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(EXAMPLE / "check.py"), str(folder), *receipts],
        env={**os.environ, "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def files(told: Run, tmp_path: Path) -> Path:
    """A copy of the three files, to spoil."""
    for path in (told.folder / "out").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_the_checker_accepts_the_demo_s_result(files: Path) -> None:
    done = check(files)
    assert done.returncode == ExitCode.AFFIRMING, done.stderr
    assert "bob wins and pays 6100" in done.stdout


def test_the_checker_refuses_another_result(files: Path) -> None:
    path = files / auction.RESULT
    path.write_text(path.read_text("ascii").replace("winner bob", "winner eve"), "ascii")
    done = check(files)
    assert done.returncode == ExitCode.NOT_AUTHENTIC
    assert done.stderr == "error: the TEE signed another result than this one\n"


def test_the_checker_refuses_another_app_than_the_policy_s(files: Path) -> None:
    path = files / auction.POLICY
    path.write_text(
        re.sub(r"measurements = \[\"\w+", f'measurements = ["{"0" * 96}', path.read_text("utf-8")), "utf-8"
    )
    done = check(files)
    assert done.returncode == ExitCode.REFUSED
    assert "the policy refuses this: the app is" in done.stderr


@pytest.mark.parametrize(
    ("receipts", "code", "message"),
    [
        (["eve 5 " + "0" * 64], ExitCode.NOT_AUTHENTIC, "the bid of eve is not among the inputs"),
        (["eve"], ExitCode.MALFORMED, "a receipt is a name, an amount and 64 hex digits"),
    ],
)
def test_the_checker_names_what_is_wrong_with_a_receipt(
    files: Path, receipts: list[str], code: int, message: str
) -> None:
    done = check(files, *receipts)
    assert (done.returncode, done.stderr) == (code, f"error: {message}\n")


def test_the_checker_names_a_missing_file(files: Path) -> None:
    (files / auction.RESULT).unlink()
    done = check(files)
    assert done.returncode == ExitCode.USAGE
    assert "cannot read the result" in done.stderr
    assert check(files / "nowhere").returncode == ExitCode.USAGE


# --- what one sees --------------------------------------------------------------------------------


def on_a_terminal(folder: Path, **changes: str) -> str:
    """The demo's output on a pseudo-terminal of its own."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, str(DEMO)],
        cwd=folder,
        env=environment(folder / "tmp", TERM="xterm", **changes),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        said = b""
        while data := _read(ours):
            said += data
    os.close(ours)
    assert process.returncode == 0, said.decode()
    return said.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # EIO: the other end was closed
        return b""


def test_it_fits_a_terminal_of_80_columns_and_is_not_a_wall_of_hex(tmp_path: Path) -> None:
    said = on_a_terminal(tmp_path)
    assert "\x1b[" in said
    plain = re.sub(r"\x1b\[[0-9;]*m", "", said)
    own_lines = [line for line in plain.splitlines() if "check.py" not in line]  # its path is the machine's
    assert max(map(len, own_lines)) <= 80
    assert not re.search(r"[0-9a-f]{33}", plain)
    assert "Outside what this TEE stops" in plain
    assert "EMULATED" in plain
    assert f"All {len(ANNOUNCED)} outcomes were as announced." in plain


# --- when it cannot go on -------------------------------------------------------------------------


def test_without_qemu_it_says_what_to_install(tmp_path: Path) -> None:
    ended = run(tmp_path, PATH="")
    assert ended.code == ExitCode.TEE
    assert "apt-get install qemu-system-misc" in ended.err
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    ended = run(tmp_path)
    assert ended.code == ExitCode.USAGE
    assert str(tmp_path / "out") in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, 128 + signal.SIGTERM)]
)
def test_interrupted_in_the_middle_it_leaves_nothing(tmp_path: Path, number: int, code: int) -> None:
    """Ctrl-C and SIGTERM while a machine runs: the machine ends, and its files are gone."""
    with subprocess.Popen(
        [sys.executable, str(DEMO), "--out", str(tmp_path / "out")],
        env=environment(tmp_path / "tmp"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            machine = _machine_of(process)
            process.send_signal(number)
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == code
    assert "Traceback" not in said
    assert _gone(machine)
    assert list((tmp_path / "tmp").iterdir()) == []


def _machine_of(process: subprocess.Popen[str]) -> int:
    """The process id of its QEMU, once there is one."""
    children = Path("/proc", str(process.pid), "task")
    for _ in range(3000):
        found = {pid for task in children.glob("*/children") for pid in task.read_text().split()}
        for pid in found:
            if b"qemu-system" in Path("/proc", pid, "cmdline").read_bytes()[:200]:
                return int(pid)
        assert process.poll() is None
        time.sleep(0.01)
    raise AssertionError("the demo started no machine")


def _gone(pid: int) -> bool:
    """Whether the process has ended; the kernel may take a moment to end what outlived its parent."""
    for _ in range(1000):
        if not Path("/proc", str(pid)).exists():
            return True
        time.sleep(0.01)
    return False
