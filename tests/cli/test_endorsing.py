# SPDX-License-Identifier: Apache-2.0
"""Endorsements as a user meets them: asked for, kept, carried offline, stale, rolled back, unreachable."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import ttee
from tests.cli.conftest import Place
from tests.cli.transcript import play, read
from ttee.appraise import signature_only
from ttee.cli import run
from ttee.cli.schemas import read_schema
from ttee.errors import EndorsementError, RefusedError, RolledBackError
from ttee.tee.intel.quote import TDX
from ttee.testing import x509
from ttee.testing.intel import Vendor
from ttee.testing.services import Provisioning, Services, serve

VENDOR = Vendor.random()
MACHINE = VENDOR.machine(TDX)


@pytest.fixture
def services() -> Iterator[Services]:
    """Intel's service in software, whose endorsements are current now."""
    with serve(Provisioning(VENDOR, (MACHINE,), moment=datetime.now(UTC))) as running:
        yield running


@pytest.fixture
def here(place: Place, services: Services) -> Place:
    """A place with a quote, the root that its maker has, and a way to the maker's service."""
    place.environment["TTEE_MIRRORS"] = ",".join(services.mirrors)
    lay_out(place.folder)
    return place


def lay_out(folder: Path) -> None:
    older = {
        "tcbEvaluationDataNumber": 16,
        "issueDate": "2026-01-01T00:00:00Z",
        "nextUpdate": "2099-01-01T00:00:00Z",
    }
    long_lists = {
        "root_ca_crl": VENDOR.crl(end=datetime(2099, 1, 1, tzinfo=UTC)).hex(),
        "pck_crl": VENDOR.crl("platform", end=datetime(2099, 1, 1, tzinfo=UTC)).hex(),
    }
    former = VENDOR.collateral(MACHINE, tcb_info=older, qe_identity=older, **long_lists)
    (folder / "quote.bin").write_bytes(MACHINE.quote())
    (folder / "root.pem").write_bytes(x509.pem(VENDOR.root()))
    (folder / "root.hex").write_text(VENDOR.anchor(TDX).key.hex())
    (folder / "former.json").write_text(json.dumps(former))
    (folder / "noise.bin").write_bytes(b"noise")


def test_the_story_of_endorsements(here: Place) -> None:
    play(read(Path(__file__).parent / "endorsing" / "endorsements.txt"), here.folder, here.environment)


def test_json_is_of_a_published_schema(
    here: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(here.folder)
    for name, value in here.environment.items():
        monkeypatch.setenv(name, value)
    schema = Draft202012Validator(json.loads(read_schema("commands")))

    def ask(*arguments: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = run(["endorsements", *arguments, "--json"])
        value: dict[str, Any] = json.loads(capsys.readouterr().out)
        schema.validate(value)
        return code, value

    assert ask("show")[1]["answers"] == []
    code, fetched = ask("fetch", "quote.bin", "quote.bin")
    assert (code, len(fetched["answers"])) == (0, 4)
    _, exported = ask("export", "-o", "usb", "quote.bin")
    files = [Path("usb", each["file"]) for answer in exported["answers"] for each in answer["documents"]]
    assert all(file.is_file() for file in files)
    shown = ask("show", "usb")[1]["answers"]
    assert sorted(shown, key=str) == sorted(exported["answers"], key=str)
    code, judged = ask("freshness", "usb", "--at", "2050-01-01T00:00:00Z")
    assert (code, {answer["state"] for answer in judged["answers"]}) == (6, {"stale"})


def test_a_folder_that_cannot_be_written_to_is_an_error_for_fetch_and_a_remark_for_verify(
    here: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(here.folder)
    for name, value in here.environment.items():
        monkeypatch.setenv(name, value)
    assert run(["endorsements", "fetch", "quote.bin", "-o", "noise.bin"]) == 6
    assert "cannot be kept" in capsys.readouterr().err
    monkeypatch.setenv("TTEE_CACHE_DIR", "noise.bin")
    assert run(["verify", "quote.bin", "-P", "signature-only", "--anchor", "root.pem"]) == 0
    monkeypatch.setenv("TTEE_STATE_DIR", "noise.bin")
    assert run(["verify", "quote.bin", "-P", "signature-only", "--anchor", "root.pem"]) == 0
    assert "state folder cannot be used" in capsys.readouterr().out.replace("\n   ", "")


def test_the_lines_of_the_readme_work(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in here.environment.items():
        monkeypatch.setenv(name, value)
    evidence = ttee.load_evidence(here.folder / "quote.bin")
    policy = signature_only([VENDOR.anchor(TDX)])
    now = datetime.now(UTC)
    mirrors = here.environment["TTEE_MIRRORS"].split(",")
    endorsements = ttee.collect(evidence, policy, mirrors=mirrors)
    claims = ttee.remember(ttee.verify(evidence, endorsements, at=now))
    assert ttee.appraise(claims, policy).claims.details["tcb_status"] == "UpToDate"
    assert ttee.collect(evidence, policy, offline=True) == endorsements
    former = ttee.collect(evidence, policy, paths=[here.folder / "former.json"], offline=True)
    with pytest.raises(RolledBackError, match="edition 16"):
        ttee.remember(ttee.verify(evidence, former, at=now))
    with pytest.raises(EndorsementError):
        ttee.verify(evidence, policy.endorsements(), at=now)


def test_a_session_gathers_endorsements_for_its_evidence(
    here: Place, monkeypatch: pytest.MonkeyPatch, services: Services
) -> None:
    for name, value in here.environment.items():
        monkeypatch.setenv(name, value)

    class Guest:
        def evidence(self, nonce: bytes) -> ttee.Evidence:
            return ttee.Evidence(TDX, {"quote": MACHINE.quote(report_data=nonce)})

        def call(self, sealed: bytes) -> bytes:
            raise NotImplementedError

    policy = signature_only([VENDOR.anchor(TDX)])
    with pytest.raises(EndorsementError, match="missing"):
        ttee.connect(Guest(), policy, offline=True)
    assert services.asked == []
    with pytest.raises(RefusedError, match="does not affirm"):
        ttee.connect(Guest(), policy, mirrors=services.mirrors)
    assert len(services.asked) == 4


def test_in_python_what_is_of_no_use_is_a_warning(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in here.environment.items():
        monkeypatch.setenv(name, value)
    evidence = ttee.load_evidence(here.folder / "quote.bin")
    with pytest.warns(UserWarning, match=r"noise\.bin"):
        ttee.collect(
            evidence, signature_only([VENDOR.anchor(TDX)]), paths=[here.folder / "noise.bin"], offline=True
        )
