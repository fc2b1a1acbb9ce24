# SPDX-License-Identifier: Apache-2.0
"""A place to run commands in: a folder, a state of its own, and some evidence to look at."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve, frozen

from tests.cli.transcript import PROGRAM
from tests.tee.amd import guests
from ttee.appraise import starting_policy
from ttee.codec import json
from ttee.model import ClaimValue
from ttee.tee.recognise import dump_evidence
from ttee.testing import eventlog
from ttee.testing.keystone import Device
from ttee.testing.riscv import SoftwareTee

DEPLOYMENT = """\
schema = "ttee.deployment/1"
name = "a shared key"
root = "vault"
[part.a]
tee = "intel-tdx"
operator = "microsoft"
[part.b]
tee = "amd-sev-snp"
operator = "google"
[part.vault]
split = { k = 2, of = ["a", "b"] }
"""


@frozen(slots=True)
class Place:
    """Where commands run, and the environment that keeps them from the user's own instances."""

    folder: Path
    environment: dict[str, str]


@pytest.fixture
def place() -> Iterator[Place]:
    """A fresh place; whatever still runs in it afterwards is ended."""
    with tempfile.TemporaryDirectory(prefix="ttee-") as root:  # short, for sockets
        folder = Path(root, "work")
        folder.mkdir()
        environment = {
            "TTEE_STATE_DIR": f"{root}/state",
            "TTEE_RUNTIME_DIR": f"{root}/run",
            "TTEE_CACHE_DIR": f"{root}/cache",
            "NO_COLOR": "1",
            "PYTHONUTF8": "1",
        }
        lay_out_evidence(folder)
        try:
            yield Place(folder, environment)
        finally:
            end_all(environment)


def end_all(environment: dict[str, str]) -> None:
    """Stop every instance of a place."""
    done = subprocess.run([PROGRAM, "ps", "--json"], env=environment, capture_output=True, check=True)
    value = json.loads(done.stdout, what="ps", max_size=1 << 20)
    assert isinstance(value, dict)
    assert isinstance(value["instances"], list)
    names = [record["name"] for record in value["instances"] if isinstance(record, dict)]
    if names:
        subprocess.run([PROGRAM, "stop", *map(str, names)], env=environment, capture_output=True, check=True)


def lay_out_evidence(folder: Path) -> None:
    """Evidence of a RISC-V TEE in software, honest and otherwise; and policies."""
    tee = SoftwareTee(device=Device.named("cli"), nonce=bytes(range(32)), user_data=b"result")
    evidence = tee.evidence()
    report = bytearray(evidence.parts["report"])
    report[100] ^= 1
    other = SoftwareTee(device=Device.named("another"))
    claims: dict[str, ClaimValue] = {
        "enclave_hash": tee.enclave_hash,
        "monitor_hash": tee.monitor_hash,
        "monitor_svn": 1,
    }
    policy = starting_policy("test", "riscv", claims, app=tee.app, anchors=[tee.anchor()])
    files = {
        "genuine.evidence.json": dump_evidence(evidence),
        "tampered.evidence.json": dump_evidence(
            evolve(evidence, parts={**evidence.parts, "report": bytes(report)})
        ),
        "OVMF.fd": guests.IMAGE,
        "vmlinuz": guests.KERNEL[0],
        "initrd.img": guests.KERNEL[1],
        "boot.log": eventlog.tcg2(eventlog.boot()),
        "stranger.evidence.json": dump_evidence(other.evidence()),
        "truncated.evidence.json": dump_evidence(evidence)[:200],
        "report.bin": evidence.parts["report"],
        "policy.toml": policy.encode(),
        "other-app.toml": policy.replace(tee.app.hex(), "00" * 48).encode(),
        "newer-monitor.toml": policy.replace("min-monitor-svn = 1", "min-monitor-svn = 2").encode(),
        "strict.toml": policy.replace('"optional"', '"required"').encode(),
        "one.toml": DEPLOYMENT.encode(),
        "circle.toml": b'schema = "ttee.deployment/1"\nname = "a circle"\nroot = "a"\n'
        b'[part.a]\nall = ["b"]\n[part.b]\nany = ["a"]\n',
        "too-many.toml": DEPLOYMENT.replace("k = 2", "k = 3").encode(),
        "stranger.toml": DEPLOYMENT.replace("microsoft", "mikrosoft").encode(),
        "future.toml": DEPLOYMENT.replace('"vault"', '"vault"\nat = "2999-01-01"').encode(),
        "device.key": f"{tee.device.key.hex()}\n".encode(),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
