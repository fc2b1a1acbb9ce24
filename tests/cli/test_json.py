# SPDX-License-Identifier: Apache-2.0
"""`--json`: one object on stdout, of a published schema, whether the command succeeds or not."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.cli.conftest import Place
from tests.cli.transcript import PROGRAM
from ttee.cli.root import COMMANDS
from ttee.cli.schemas import read_schema, schema_names

NONCE = bytes(range(32)).hex()
GUEST = ("measure-guest", "amd-sev-snp", "--firmware", "OVMF.fd")
VERDICT = ("verify", "genuine.evidence.json", "--policy", "policy.toml")

LOOKING = [
    (("new", "hello"), "commands"),
    (("key", "new", "a.key"), "commands"),
    (("policy", "new", "--from", "genuine.evidence.json"), "commands"),
    (("policy", "show", "policy.toml"), "commands"),
    (("policy", "show", "signature-only"), "commands"),
    (("policy", "check", "policy.toml", "strict.toml"), "commands"),
    ((*VERDICT, "--nonce", NONCE), "verdict"),
    (VERDICT, "verdict"),
    (("verify", "genuine.evidence.json", "--policy", "other-app.toml"), "verdict"),
    (("verify", "report.bin", "-P", "signature-only", "--device-key", "device.key"), "verdict"),
    (("verify", "tampered.evidence.json", "--policy", "policy.toml"), "error"),
    (("verify", "truncated.evidence.json", "--policy", "policy.toml"), "error"),
    (("verify", "genuine.evidence.json"), "error"),
    (("verify-many", ".", "--policy", "policy.toml"), "commands"),
    (("verify-many", "nowhere", "--policy", "policy.toml"), "error"),
    (("inspect", "genuine.evidence.json"), "commands"),
    (("inspect", "report.bin"), "commands"),
    (("inspect", "boot.log"), "commands"),
    (("endorsements", "show"), "commands"),
    (("explain", "policy.freshness"), "commands"),
    (("explain", "--list"), "commands"),
    (("explain", "nonsense"), "error"),
    (("tees",), "commands"),
    (("doctor",), "commands"),
    (("env",), "commands"),
    (("schema",), "commands"),
    (("completion", "bash"), "commands"),
    (("version",), "commands"),
    (("trust", "who", "one.toml", "--list", "3"), "trust"),
    (("trust", "can", "one.toml", "-a", "host"), "trust"),
    (("trust", "can", "one.toml", "-a", "network"), "trust"),
    (("trust", "compare", "intel-tdx", "one.toml"), "trust"),
    (("trust", "diff", "one.toml", "amd-sev-snp"), "trust"),
    (("trust", "singletons", "one.toml"), "trust"),
    (("trust", "cheapest", "one.toml"), "trust"),
    (("trust", "attacks", "--tee", "tpm"), "trust"),
    (("trust", "explain", "tee-fail"), "trust"),
    (("trust", "explain", "S1"), "trust"),
    (("trust", "explain", "intel-tdx"), "trust"),
    (("trust", "explain", "intel-tdx:remote"), "trust"),
    (("trust", "explain", "party:intel", "--in", "one.toml"), "trust"),
    (("trust", "graph", "one.toml", "-o", "who.svg"), "trust"),
    (("trust", "report", "one.toml", "-o", "report.html"), "trust"),
    (("trust", "who", "nowhere.toml"), "error"),
    ((*GUEST, "--vcpus", "4", "--vmm", "ec2"), "commands"),
    ((*GUEST, "--vcpus", "0"), "error"),
    (("ps",), "commands"),
    (("call", "nobody", "hi"), "error"),
    (("stop", "nobody"), "error"),
    (("logs", "nobody"), "error"),
]
RUNNING = [
    (("build", "hello"), "commands"),
    (("measure", "hello", "--tee", "riscv"), "commands"),
    (("measure", "hello"), "commands"),
    (("policy", "new", "hello", "--tee", "local"), "commands"),
    (("run", "hello", "--tee", "local", "--port", "0"), "commands"),
    (("run", "hello", "--tee", "local"), "error"),
    (("ps",), "commands"),
    (("call", "hello", "Ada"), "commands"),
    (("evidence", "hello"), "evidence"),
    (("logs", "hello"), "commands"),
    (("stop", "hello"), "commands"),
]


def ask(place: Place, *arguments: str) -> dict[str, Any]:
    """The one JSON object that a command prints."""
    done = subprocess.run(
        [PROGRAM, *arguments, "--json"],
        cwd=place.folder,
        env=place.environment | {"PATH": "/usr/bin:/bin", "HOME": str(Path.home())},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    value = json.loads(done.stdout)
    assert isinstance(value, dict), done.stderr
    return value


def conforms(value: object, schema: str) -> None:
    Draft202012Validator(json.loads(read_schema(schema))).validate(value)


@pytest.mark.parametrize("name", schema_names())
def test_a_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(json.loads(read_schema(name)))


def test_what_looking_commands_print_conforms_to_its_schema(place: Place) -> None:
    for arguments, schema in LOOKING:
        conforms(ask(place, *arguments), schema)


def test_what_running_commands_print_conforms_to_its_schema(place: Place) -> None:
    ask(place, "new", "hello")
    for arguments, schema in RUNNING:
        conforms(ask(place, *arguments), schema)


def test_signing_prints_what_its_schema_says(place: Place) -> None:
    ask(place, "new", "hello")
    key = ask(place, "key", "new", "a.key")["public_key"]
    manifest = place.folder / "hello" / "ttee.toml"
    manifest.write_text(f'{manifest.read_text()}\n[security]\nauthority = "{key}"\n')
    conforms(ask(place, "sign", "hello", "--key", "a.key", "--tee", "riscv"), "commands")


def test_every_command_is_asked_for_json_here() -> None:
    asked = {arguments[0] for arguments, _ in LOOKING + RUNNING} | {"sign"}
    assert asked == set(COMMANDS)


def test_an_ear_names_the_policy_and_holds_the_verdict(place: Place) -> None:
    ear = ask(place, *VERDICT, "--nonce", NONCE, "--ear")
    submodule = ear["submods"]["riscv"]
    assert submodule["ear.status"] == "affirming"
    conforms(submodule["ttee.verdict"], "verdict")
