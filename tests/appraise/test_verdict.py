# SPDX-License-Identifier: Apache-2.0
"""Verdicts, evidence files and errors as JSON are what the published schemas say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from attrs import evolve

from tests.appraise.claims import AT, GOOD, TEE, claims_of, policy_of
from ttee.appraise import appraise, signature_only, to_ear, to_json
from ttee.appraise.verdict import claim_to_json
from ttee.codec import json as strict
from ttee.codec import problem
from ttee.errors import MalformedEvidenceError, all_errors
from ttee.guest.registers import Event
from ttee.model import Assurance
from ttee.tee.recognise import dump_evidence

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schema"
CLAIMS = claims_of(evolve(TEE, events=(Event(3, "bid", b"\x01"),), svn=2**60, user_data=b"\x00\xff"))
VERDICT = appraise(CLAIMS, [policy_of(GOOD)], at=AT)


def validator(name: str) -> jsonschema.Draft202012Validator:
    schema = json.loads((SCHEMAS / f"{name}.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def conforms(name: str, value: Any) -> None:
    """What is written canonically, and read by any JSON reader, conforms."""
    validator(name).validate(json.loads(strict.dumps(value)))


def test_a_verdict_conforms_to_its_schema_whatever_its_status() -> None:
    for policies in (
        [policy_of(GOOD)],
        [signature_only()],
        [policy_of('schema = "ttee.policy/1"\nname = "no"')],
    ):
        for claims in (
            CLAIMS,
            claims_of(fresh=False, anchored=Assurance.EMULATED),
            evolve(CLAIMS, registers=None),
        ):
            conforms("verdict", to_json(appraise(claims, policies, at=AT)))


def test_a_verdict_says_everything_that_led_to_it() -> None:
    value = to_json(VERDICT)
    assert value["status"] == "affirming"
    assert value["policies"] == [{"name": "good", "sha256": VERDICT.policy[0][1].hex()}]
    claims = value["claims"]
    assert isinstance(claims, dict)
    assert claims["app"] == TEE.app.hex()
    assert claims["user_data"] == "00ff"
    assert claims["events"] == [[e.register, e.name, e.payload.hex()] for e in CLAIMS.events]  # type: ignore[attr-defined]
    checks = value["checks"]
    assert isinstance(checks, list)
    assert len(checks) == len(VERDICT.checks)


def test_integers_that_json_cannot_hold_are_text() -> None:
    claims = to_json(VERDICT)["claims"]
    assert isinstance(claims, dict)
    details = claims["details"]
    assert isinstance(details, dict)
    assert details["monitor_svn"] == str(2**60)
    assert details["app_svn"] == 1
    assert [claim_to_json(value) for value in (2**53 - 1, -(2**53), True)] == [2**53 - 1, str(-(2**53)), True]
    assert details["platform"] == "visionfive-2"


def test_the_schema_refuses_what_is_no_verdict() -> None:
    good = json.loads(strict.dumps(to_json(VERDICT)))
    for key, value in (("status", "fine"), ("schema", "ttee.verdict/2"), ("policies", []), ("checks", [])):
        with pytest.raises(jsonschema.ValidationError):
            validator("verdict").validate({**good, key: value})


def test_evidence_files_conform_to_their_schema() -> None:
    file = json.loads(dump_evidence(TEE.evidence()))
    validator("evidence").validate(file)
    changes: list[dict[str, object]] = [
        {"schema": "ttee.evidence/2"},
        {"extra": 1},
        {"parts": {**file["parts"], "report": "=="}},
        {"parts": {"report": ""}},
        {"tee": "keystone"},
    ]
    for change in changes:
        with pytest.raises(jsonschema.ValidationError):
            validator("evidence").validate({**file, **change})


def test_errors_conform_to_their_schema() -> None:
    for kind in all_errors():
        conforms("error", problem.encode(kind("what", where="here", hint="next", source="RFC", check="a.b")))
    conforms("error", problem.encode(MalformedEvidenceError("what")))


def test_the_same_verdict_as_ear() -> None:
    ear = to_ear(VERDICT)
    assert ear["iat"] == 1795262400
    submods = ear["submods"]
    assert isinstance(submods, dict)
    result = submods["riscv"]
    assert isinstance(result, dict)
    assert result["ear.status"] == "affirming"
    assert result["ear.trustworthiness-vector"] == {
        "instance-identity": 2,
        "configuration": 2,
        "executables": 2,
        "hardware": 2,
    }
    assert result["ttee.verdict"] == to_json(VERDICT)
