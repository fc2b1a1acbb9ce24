# SPDX-License-Identifier: Apache-2.0
"""`ttee verify-many` beyond its transcript: endorsements asked for once, interrupted, killed, and without an end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.cli.conftest import Place
from tests.cli.transcript import PROGRAM
from ttee.cli.schemas import read_schema
from ttee.tee.intel.quote import TDX
from ttee.testing import x509
from ttee.testing.intel import Vendor
from ttee.testing.services import Provisioning, Services, serve

VENDOR = Vendor.random()
MACHINE = VENDOR.machine(TDX)
ROOT = ("-P", "signature-only", "--anchor", "root.pem")


@pytest.fixture
def services() -> Iterator[Services]:
    """Intel's service in software, whose endorsements are current now."""
    with serve(Provisioning(VENDOR, (MACHINE,), moment=datetime.now(UTC))) as running:
        yield running


@pytest.fixture
def here(place: Place) -> Place:
    """A place with the quotes of a fleet."""
    quotes = place.folder / "quotes"
    quotes.mkdir()
    for number in range(40):
        (quotes / f"{number:02}.bin").write_bytes(MACHINE.quote(report_data=bytes([number]) * 64))
    (place.folder / "root.pem").write_bytes(x509.pem(VENDOR.root()))
    return place


def run(place: Place, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, *arguments],
        cwd=place.folder,
        env={**os.environ, **place.environment},
        capture_output=True,
        text=True,
        check=False,
        **more,
    )


def outcomes(place: Place, *arguments: str) -> list[dict[str, Any]]:
    done = run(place, "verify-many", *arguments, "--jsonl")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert found, done.stderr
    return found


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_every_outcome_is_what_verify_says_and_each_question_is_asked_once(
    here: Place, services: Services, jobs: str
) -> None:
    here.environment["TTEE_MIRRORS"] = ",".join(services.mirrors)
    done = run(here, "verify-many", "quotes", *ROOT, "--jobs", jobs)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "  40  warning\n"
    assert len([line for line in done.stderr.splitlines() if "asking" in line]) == 4
    at = ("--at", datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    fleet = outcomes(here, "quotes", *ROOT, "--jobs", jobs, "--offline", *at)
    schemas = [Draft202012Validator(json.loads(read_schema(name))) for name in ("outcome", "verdict")]
    assert [outcome["name"] for outcome in fleet] == [f"{number:02}.bin" for number in range(40)]
    for outcome in (fleet[0], fleet[39]):
        schemas[0].validate(outcome)
        schemas[1].validate(outcome["verdict"])
        alone = run(here, "verify", f"quotes/{outcome['name']}", *ROOT, "--offline", *at, "--json")
        assert outcome["verdict"] == json.loads(alone.stdout)


def test_an_address_that_nobody_can_reach_is_asked_once(here: Place) -> None:
    here.environment["TTEE_MIRRORS"] = "https://api.trustedservices.intel.com/=https://127.0.0.1:9/"
    done = run(here, "verify-many", "quotes", *ROOT, timeout=60)
    assert done.returncode == 6
    assert len([line for line in done.stderr.splitlines() if "asking" in line]) == 1
    assert done.stdout.endswith("\n\n  40  endorsements unavailable\n")


def test_the_one_object_lists_the_first_thousand_bad_ones(place: Place) -> None:
    lines = "\n".join(['{"blob": "AA"}'] * 1005)
    done = run(place, "verify-many", "-", "-p", "policy.toml", "--json", input=lines)
    found = json.loads(done.stdout)
    Draft202012Validator(json.loads(read_schema("commands"))).validate(found)
    assert (found["items"], len(found["bad"]), found["exit_code"]) == (1005, 1000, 3)


def test_a_line_without_an_end_is_one_bad_item(place: Place) -> None:
    with (place.folder / "long.jsonl").open("wb") as file:
        file.write(b'{"blob": "' + b"A" * (60 << 20) + b'"}\n{"file": "genuine.evidence.json"}\n')
    done = run(place, "verify-many", "long.jsonl", "-p", "policy.toml")
    assert done.returncode == 3
    assert done.stdout.endswith("\n\n  1  warning\n  1  malformed\n")


def test_a_line_does_not_choose_the_moment_that_it_is_judged_at(place: Place) -> None:
    """Whoever writes the list could choose one before a revocation: the caller knows if they are to be trusted."""
    then = "2026-11-21T12:00:00Z"
    line = json.dumps({"file": "genuine.evidence.json", "at": then})
    done = run(place, "verify-many", "-", "-p", "policy.toml", input=line)
    assert done.returncode == 2
    assert "line 1: unreadable: the line chooses the moment" in done.stdout
    done = run(place, "verify-many", "-", "-p", "policy.toml", "--at-from-lines", "--jsonl", input=line)
    assert json.loads(done.stdout)["verdict"]["at"] == then


def test_a_line_with_a_name_that_no_file_can_have_is_one_bad_item(place: Place) -> None:
    names = ("a" * 5000, "a/" * 3000, "zero\0byte", "genuine.evidence.json/below")
    lines = [json.dumps({"file": name}) for name in (*names, "genuine.evidence.json")]
    done = run(place, "verify-many", "-", "-p", "policy.toml", input="\n".join(lines))
    assert done.stdout.endswith(f"\n\n  1  warning\n  {len(names)}  unreadable\n"), done.stderr


def test_whoever_gives_one_piece_of_evidence_hears_of_verify(place: Place) -> None:
    quote = place.folder / "quote.bin"
    quote.write_bytes(MACHINE.quote())
    done = run(place, "verify-many", "quote.bin", "-p", "policy.toml")
    assert (done.returncode, "`ttee verify` takes it" in done.stderr) == (3, True)
    done = run(place, "verify-many", "-", "-p", "policy.toml", input="nonsense")
    assert (done.returncode, done.stderr) == (3, "")


def test_what_is_no_plain_file_is_not_opened(place: Place) -> None:
    os.mkfifo(place.folder / "pipe")
    (place.folder / "fleet").mkdir()
    os.mkfifo(place.folder / "fleet" / "pipe")
    (place.folder / "fleet" / "around").symlink_to(place.folder)
    done = run(place, "verify-many", "fleet", "-p", "policy.toml", timeout=30)
    assert "nothing to verify" in done.stderr
    done = run(place, "verify-many", "-", "-p", "policy.toml", input='{"file": "pipe"}', timeout=30)
    assert "no such file" in done.stdout


def endless(place: Place, *options: str) -> subprocess.Popen[bytes]:
    """A verification of a fleet that never ends, after its first outcomes."""
    feed = 'while :; do echo \'{"file": "genuine.evidence.json"}\'; done'
    command = f"{feed} 2>/dev/null | exec {PROGRAM} verify-many - -p policy.toml --jsonl {' '.join(options)}"
    process = subprocess.Popen(
        ["bash", "-c", command],
        cwd=place.folder,
        env={**os.environ, **place.environment, "TTEE_TEST_MARK": place.environment["TTEE_STATE_DIR"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    for _ in range(100):
        assert json.loads(process.stdout.readline())["exit_code"] == 0
    return process


def marked(place: Place) -> list[int]:
    """All processes of that place that still run."""
    mark = f"TTEE_TEST_MARK={place.environment['TTEE_STATE_DIR']}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
            except OSError:  # it ended, or is not ours
                continue
    return found


def soon(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("jobs", [(), ("--jobs", "2")])
def test_ctrl_c_ends_all_of_it(place: Place, jobs: tuple[str, ...]) -> None:
    process = endless(place, *jobs)
    assert len(marked(place)) >= 2
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert said.decode().strip() == "ttee: interrupted"
    assert soon(lambda: not marked(place)), marked(place)


def test_workers_end_with_a_command_that_is_killed(place: Place) -> None:
    process = endless(place, "--jobs", "2")
    commands = [
        pid for pid in marked(place) if b"verify-many" in Path(f"/proc/{pid}/cmdline").read_bytes()
        and b"bash" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]  # fmt: skip
    for pid in commands:
        os.kill(pid, signal.SIGKILL)
    assert soon(lambda: not marked(place)), marked(place)
    process.communicate(timeout=60)


def test_a_reader_that_has_enough_ends_it(place: Place) -> None:
    command = f"{PROGRAM} verify-many many.jsonl -p policy.toml --jsonl --jobs 2 | head -n 1"
    (place.folder / "many.jsonl").write_text('{"file": "genuine.evidence.json"}\n' * 2000)
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=place.folder,
        env={**os.environ, **place.environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""
