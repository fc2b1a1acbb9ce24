# SPDX-License-Identifier: Apache-2.0
"""What commands take from an app or from evidence, and what they do not take on trust."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

from tests.cli.conftest import lay_out_evidence
from ttee.appraise import load_policy
from ttee.cli import run
from ttee.errors import ExitCode, TeeUnavailableError
from ttee.model import Assurance


def no_compiler(_: Path) -> NoReturn:
    raise TeeUnavailableError("the compiler is not installed", hint="install it")


@pytest.mark.parametrize("command", [["build"], ["measure"], ["policy", "new"]])
def test_without_a_compiler_no_older_bundle_is_passed_off_as_the_folder(
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["new", "hello"]) == ExitCode.AFFIRMING
    built = tmp_path / "hello" / "build" / "hello.bundle"
    built.parent.mkdir()
    built.write_bytes(b"of another source")
    monkeypatch.setattr("ttee.app.build.build", no_compiler)
    assert run([*command, "hello"]) == ExitCode.TEE
    said = capsys.readouterr().err
    assert "the compiler is not installed" in said
    assert "install it; or name a bundle that was built before, in hello/build" in said


def test_a_policy_made_from_a_report_does_not_call_its_device_silicon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lay_out_evidence(tmp_path)
    assert run(["policy", "new", "--from", "report.bin", "-o", "made.toml"]) == ExitCode.AFFIRMING
    key = (tmp_path / "device.key").read_text().strip()
    new = ["policy", "new", "--tee", "keystone", "--device-key", key]
    assert run(["new", "hello"]) == ExitCode.AFFIRMING
    assert run([*new, "hello", "-o", "given.toml"]) == ExitCode.AFFIRMING
    for file in ("made.toml", "given.toml"):
        (anchor,) = load_policy(file).tees["keystone"].anchors
        assert anchor.assurance is Assurance.EMULATED


def test_a_verdict_of_keystone_does_not_speak_of_qemu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    lay_out_evidence(tmp_path)
    assert run(["verify", "report.bin", "-P", "signature-only", "--device-key", "device.key"]) == 0
    said = capsys.readouterr().out
    assert "assurance  emulated: nobody vouches for a real chip" in said
    assert "qemu" not in said.lower()
