# SPDX-License-Identifier: Apache-2.0
"""`ttee policy import`: somebody's reference values become policy files, and who vouches for them is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests import vectors
from tests.formats.test_corim import known_signer
from ttee.appraise import load_policy
from ttee.cli import run
from ttee.errors import ExitCode

PLATFORM = vectors.root() / "corim" / "corim-cca-platform-valid.cbor"
SIGNED = vectors.root() / "corim" / "signed-good-corim.cbor"


class Said:
    """What a command printed, and how it ended."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: object) -> None:
        self.code = run(["policy", "import", *map(str, arguments)])
        self.out, self.err = capsys.readouterr()


def records(folder: Path, *items: dict[str, Any]) -> Path:
    file = folder / "measurements.json"
    file.write_text(json.dumps(list(items)))
    return file


def record(name: str, value: str, register: str = "rtmr1") -> dict[str, Any]:
    return {
        "measurement_id": name,
        "attestation_type": "dcap-tdx",
        "measurements": {register: {"expected": value * 48}, "mrtd": {"expected": "01" * 48}},
    }


def test_unsigned_reference_values_say_so_in_the_policy_and_beside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = Said(capsys, PLATFORM, "-o", tmp_path / "cca.toml")
    assert said.code == ExitCode.AFFIRMING
    assert "NOT SIGNED" in said.err
    assert "NOT SIGNED" in (tmp_path / "cca.toml").read_text()
    assert load_policy(tmp_path / "cca.toml").tees.keys() == {"arm-cca"}


def test_policies_are_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cca.toml").write_text("mine")
    assert Said(capsys, PLATFORM, "-o", tmp_path / "cca.toml").code == ExitCode.USAGE
    assert (tmp_path / "cca.toml").read_text() == "mine"


def test_a_signer_that_did_not_sign_ends_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def stored(key: ec.EllipticCurvePublicKey, name: str) -> Path:
        (tmp_path / name).write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        return tmp_path / name

    right = stored(known_signer(), "right.pem")
    wrong = stored(ec.generate_private_key(ec.SECP256R1()).public_key(), "wrong.pem")
    then = ("--tee", "arm-psa", "--at", "2025-01-01T00:00:00Z")
    assert Said(capsys, SIGNED, "--signer", wrong, *then).code == ExitCode.NOT_AUTHENTIC
    assert Said(capsys, PLATFORM, "--signer", right).code == ExitCode.NOT_AUTHENTIC
    # Its own signer did sign; but what it measures is of no TEE that is known here.
    said = Said(capsys, SIGNED, "--signer", right, *then)
    assert (said.code, "is no key of a measurement" in said.err) == (ExitCode.MALFORMED, True)


def test_stale_reference_values_end_it(capsys: pytest.CaptureFixture[str]) -> None:
    said = Said(capsys, SIGNED, "--tee", "arm-psa", "--at", "2026-01-01T00:00:00Z")
    assert (said.code, "--at" in said.err) == (ExitCode.UNAVAILABLE, True)


@pytest.mark.parametrize(
    "name", ["comid-5", "signed-good-corim", "corim-sevsnp-valid", "comid-cond-endorse-series"]
)
def test_what_a_file_says_can_be_shown_without_making_anything_of_it(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = Said(capsys, vectors.root() / "corim" / f"{name}.cbor", "--show")
    assert said.code == ExitCode.AFFIRMING
    assert "UNVERIFIED" in said.out
    assert json.loads(Said(capsys, PLATFORM, "--show", "--json").out)["schema"] == "ttee.reference-values/1"


def test_records_that_are_alternatives_become_files_or_one_is_chosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = records(tmp_path, record("first", "0a"), record("second", "0b", "rtmr2"))
    said = Said(capsys, file)
    assert (said.code, "--only" in said.err) == (ExitCode.USAGE, True)
    assert 'name = "second"' in Said(capsys, file, "--only", "second").out
    assert Said(capsys, file, "--only", "third").code == ExitCode.USAGE
    folder = tmp_path / "policies"
    assert Said(capsys, file, "-o", f"{folder}/").code == ExitCode.AFFIRMING
    assert {load_policy(each).name for each in folder.iterdir()} == {"first", "second"}
    assert Said(capsys, file, "-o", folder).code == ExitCode.USAGE  # they exist by now
    told = Said(capsys, file, "-o", f"{tmp_path}/more/", "--json").out
    assert json.loads(told)["schema"] == "ttee.policy-files/1"


def test_records_that_differ_in_one_register_are_one_policy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = Said(capsys, records(tmp_path, record("first", "0a"), record("second", "0b")), "--json")
    assert "0b" * 48 in json.loads(said.out)["toml"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("nowhere.cbor",), ExitCode.USAGE),
        (("measurements.json", "--signer", "x"), ExitCode.USAGE),
        (("measurements.json", "--tee", "riscv"), ExitCode.USAGE),
        (("empty.cbor",), ExitCode.MALFORMED),
        (("broken.json",), ExitCode.USAGE),
    ],
)
def test_what_cannot_be_meant_is_refused(
    arguments: tuple[str, ...],
    code: ExitCode,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    records(tmp_path, record("first", "0a"))
    Path("empty.cbor").write_bytes(b"")
    Path("broken.json").write_bytes(b"[{]")
    assert Said(capsys, *arguments).code == code
