# SPDX-License-Identifier: Apache-2.0
"""Every case of the shared vectors gets its expected result from `ttee verify`, as a user would call it.

`signature-only` asks for authenticity alone: that is what a manifest's "valid" means. Where the label rests on what
another tool's policy refuses, a policy that refuses it too is given (`_POLICIES`); what cannot be asked as the case
puts it is in `_EXCEPTIONS`, with the reason.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests import vectors
from ttee.cli import run
from ttee.tee.recognise import recognise

FIRST = ("quote", "report", "document", "token", "attest", "evidence")
"""The role that is the FILE of the command."""
PARTS = {
    "nvidia": {"chain": "chain"},
    "tpm": {"signature": "signature", "ak": "ak", "pcrs": "pcrs"},
    "eventlog": {"log": "ccel"},
}
"""Roles that are further parts of the evidence, and the part's name."""
ANCHORS = ("cpak", "key", "trustedRootCaCert", "ak")
PINNED = ("root",)
"""Roots that are pinned in the project: nothing has to be given."""
TEES = {"nvidia": "nvidia-gpu", "tpm": "tpm"}
"""Where evidence lies in several files, its TEE has to be named."""

_POLICIES = {
    "policy_debug": (
        'schema = "ttee.policy/1"\nname = "no debug"\ninsecure-any-app = true\ninsecure-any-platform = true\n'
        '[freshness]\nnonce = "optional"\n[tee.intel-tdx]\n[tee.intel-sgx]\n'
    ),
    "keystone": (
        'schema = "ttee.policy/1"\nname = "a published key"\ninsecure-development = true\ninsecure-any-app = true\n'
        'insecure-any-platform = true\n[freshness]\nnonce = "optional"\n'
        '[tee.keystone]\nanchors = [{ key = "KEY" }]\n'
    ),
}
"""For a reason, or a platform: Keystone's cases are signed with a key that is published, good for development only."""
_EXCEPTIONS = {
    "azure_tdx_vtpm_v1": (
        6,
        "the case brings no Intel collateral for its moment; the command says what is missing",
    ),
    "trustee_tpm": (
        4,
        "the case names no key to rely on; with the one inside it as --anchor, it is valid (below)",
    ),
}
"""Case, the exit code that it has instead, and why."""
REFUSED = {3, 4, 7}
"""Malformed, not authentic, revoked or out of date."""
NOT_THESE = {"after_next_update", "before_issue", "wrong_pck_crl", "tcb_info_other_fmspc"}
"""The evidence is sound, and the endorsements are stale or others than the ones it needs: exit code 6."""


def _cases() -> Iterator[dict[str, Any]]:
    yield from json.loads(vectors.read(vectors.MANIFEST))["cases"]


@pytest.fixture(autouse=True)
def _nothing_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("TTEE_STATE_DIR", "TTEE_CACHE_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / variable))


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in _cases()])
def test_a_case_of_the_manifest(case: dict[str, Any], tmp_path: Path) -> None:
    code, answer = _verify(_command(case, tmp_path))
    expected = case["expected"]
    reason = expected.get("reason")
    if case["id"] in _EXCEPTIONS:
        assert code == _EXCEPTIONS[case["id"]][0], answer
    elif expected["result"] == "valid":
        assert code == 0, answer
        _compare(expected, answer["claims"]["details"])
    elif reason in _POLICIES:
        assert code == 5, answer
    elif reason in NOT_THESE:
        assert code == 6, answer
    else:
        assert code in REFUSED, answer


def test_a_quote_whose_key_is_relied_on_by_hand(tmp_path: Path) -> None:
    (case,) = (case for case in _cases() if case["id"] == "trustee_tpm")
    key = tmp_path / "ak.pub"
    key.write_bytes(recognise(vectors.read(case["inputs"]["evidence"])).parts["ak"])
    code, answer = _verify([*_command(case, tmp_path), "--anchor", str(key)])
    assert code == 0, answer


def _command(case: Mapping[str, Any], folder: Path) -> list[str]:
    platform, roles = case["platform"], dict(case["inputs"])
    moment = case["verification_time"]
    if platform == "eventlog":  # the log and its quote; what endorses the quote is in another case of it
        twin = next(each for each in _cases() if each["inputs"].get("collateral") and each["verification_time"]
                    and each["inputs"]["quote"] == roles["quote"])  # fmt: skip
        roles["collateral"], moment = twin["inputs"]["collateral"], twin["verification_time"]
    inputs = {role: str(vectors.root() / name) for role, name in roles.items()}
    first = next(role for role in FIRST if role in inputs)
    arguments = ["verify", inputs.pop(first), "--json", "--offline", "--at", moment or "2025-06-01T00:00:00Z"]
    parts = PARTS.get(platform, {})
    if platform in TEES and inputs:
        arguments += ["--tee", TEES[platform]]
    policy = _POLICIES.get(case["expected"].get("reason", ""), _POLICIES.get(platform))
    for role, file in inputs.items():
        if role in parts:
            arguments += ["--part", f"{parts[role]}={file}"]
        if role in ANCHORS:
            arguments += ["--anchor", file]
        elif role == "device_key" and policy:
            policy = policy.replace("KEY", Path(file).read_bytes().hex())
        elif role not in parts and role not in PINNED:
            arguments += ["--endorsements", file]
    if policy is None:
        return [*arguments, "--policy-name", "signature-only"]
    written = folder / "policy.toml"
    written.write_text(policy)
    return [*arguments, "--policy", str(written)]


def _verify(command: list[str]) -> tuple[int, dict[str, Any]]:
    """Exit code, and the JSON that was printed."""
    with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.redirect_stderr(io.StringIO()):
        code = run(command)
    return code, json.loads(printed.getvalue())


def _compare(expected: Mapping[str, Any], details: Mapping[str, Any]) -> None:
    """What the manifest says beyond valid, as far as claims speak of it."""
    if expected.get("tcb_status", "see").split()[0] != "see":
        assert details["tcb_status"] == expected["tcb_status"]
        assert sorted(details["advisory_ids"]) == sorted(expected.get("advisory_ids", []))
