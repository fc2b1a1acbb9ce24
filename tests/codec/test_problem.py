# SPDX-License-Identifier: Apache-2.0
"""Errors as JSON: nothing is lost on the way, and whatever is no error of ours is none."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from ttee.cli.schemas import read_schema
from ttee.codec import problem
from ttee.codec.json import JsonValue
from ttee.errors import AnchorError, TteeError, all_errors

SCHEMA = Draft202012Validator(json.loads(read_schema("error")))


@pytest.mark.parametrize("kind", all_errors())
def test_every_error_survives_as_what_it_was(kind: type[TteeError]) -> None:
    error = kind("what", where="here", hint="do that", source="RFC 1", check="x.y")
    value = problem.encode(error)
    SCHEMA.validate(value)
    back = problem.decode(value)
    assert type(back) is kind
    assert vars(back) == vars(error)


def test_what_an_error_does_not_say_is_left_out() -> None:
    value = problem.encode(AnchorError("what"))
    assert value == {"schema": "ttee.error/1", "id": "evidence.anchor", "message": "what"}
    SCHEMA.validate(value)


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "x",
        {},
        {"schema": "ttee.error/2", "id": "usage", "message": "x"},
        {"schema": "ttee.error/1", "id": "no.such", "message": "x"},
        {"schema": "ttee.error/1", "id": "usage"},
        {"schema": "ttee.error/1", "id": "usage", "message": 5},
        {"schema": "ttee.error/1", "id": ["usage"], "message": "x"},
    ],
)
def test_anything_else_is_no_error(value: JsonValue) -> None:
    assert problem.decode(value) is None
