# SPDX-License-Identifier: Apache-2.0
"""What a dstack attestation says beside the quote: read strictly, and held against what was signed."""

from __future__ import annotations

import json
from hashlib import sha256, sha512
from typing import Any

import pytest

from ttee.errors import BindingError, MalformedEvidenceError
from ttee.formats.dstack_statement import LoggedEvent, Statement, event_log, tdx_parts

DATA = bytes(range(64))
FULL = Statement(DATA, "{}", "hello", '{"app_id":"aa"}', (("app-id", b"x"),), {"message": "00"})


def part(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def held(document: str) -> dict[str, Any]:
    digest = sha256(b"dstack-mr-config-v3:\0" + document.encode()).digest()
    return Statement(mr_config=document).document(digest)


@pytest.mark.parametrize("statement", [FULL, Statement(), Statement(payload=""), Statement(config="x")])
def test_a_statement_comes_back_as_it_went(statement: Statement) -> None:
    assert Statement.read(statement.encode()) == statement


def test_what_is_empty_is_left_out_but_for_a_payload() -> None:
    assert Statement().encode() == b"{}"
    assert Statement(payload="").encode() == b'{"payload":""}'


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"[]", "not an object of"),
        (part(more=1), "not an object of"),
        (part(report_data=1), "are texts"),
        (part(config=1), "are texts"),
        (part(payload=None), "are texts"),
        (part(mr_config=[]), "are texts"),
        (part(report_data="00"), "64 are needed"),
        (part(events={}), "events are a list"),
        (part(tpm_quote=[]), "tpm_quote is an object"),
        (part(events=[1]), "exactly event and payload"),
        (part(events=[{"event": "a"}]), "exactly event and payload"),
        (part(events=[{"event": 1, "payload": ""}]), "not of texts"),
        (part(events=[{"event": "a", "payload": 1}]), "not of texts"),
        (part(events=[{"event": "a", "payload": "x"}]), "hex"),
    ],
)
def test_other_shapes_are_malformed(data: bytes, problem: str) -> None:
    with pytest.raises(MalformedEvidenceError, match=problem):
        Statement.read(data)


def test_report_data_must_be_those_that_were_signed() -> None:
    Statement(DATA).check(DATA)
    Statement().check(DATA)
    with pytest.raises(BindingError, match="names the report data"):
        Statement(DATA).check(bytes(64))


def test_a_payload_must_be_what_they_are_the_digest_of() -> None:
    digest = sha512(b"app-data:hello").digest()
    Statement(payload="hello").check(digest)
    for wrong in (Statement(payload="hallo"), Statement(payload="")):
        with pytest.raises(BindingError, match="app-data"):
            wrong.check(digest)


def test_a_document_counts_by_its_digest() -> None:
    document = json.dumps(
        {"app_id": "aa", "compose_hash": "bb", "instance_id": None, "key_provider": "kms", "version": 3}
    )
    assert held(document) == {"app_id": b"\xaa", "compose_hash": b"\xbb", "key_provider": "kms"}
    assert held('{"key_provider":1,"gpu_policy_hash":"cc"}') == {"gpu_policy_hash": b"\xcc"}
    assert Statement().document(bytes(32)) == {}
    with pytest.raises(BindingError, match="digest of mr_config"):
        Statement(mr_config=document).document(bytes(32))


@pytest.mark.parametrize(
    ("document", "problem"),
    [("[]", "not an object"), ('{"app_id":1}', "not text"), ('{"app_id":"x"}', "hex")],
)
def test_documents_of_another_shape_are_malformed(document: str, problem: str) -> None:
    with pytest.raises(MalformedEvidenceError, match=problem):
        held(document)


def test_what_nobody_vouches_for_is_listed_and_nothing_else() -> None:
    assert list(Statement(DATA, payload="x", mr_config="y").not_checked()) == []
    assert [line.split(":")[0] for line in FULL.not_checked()] == [
        "the configuration in the dstack attestation",
        "events that no register holds",
        "the quote of the virtual TPM in the dstack attestation",
    ]


def event(name: str, register: int = 3, version: int = 1, preimage: str | None = None) -> LoggedEvent:
    return LoggedEvent(register, 7, b"\1", name, b"\2", version, preimage)


def test_the_log_is_written_as_the_guest_agent_does() -> None:
    plain, second = json.loads(event_log((event("a"), event("b", version=2, preimage="00"))))
    assert plain == {"imr": 3, "event_type": 7, "digest": "01", "event": "a", "event_payload": "02"}
    assert (second["version"], second["preimage"]) == (2, "00")


def test_two_lists_of_events_are_one_story_or_none() -> None:
    events = (event("firmware", 0), event("a"), event("b"))
    told = (("a", b"\2"), ("b", b"\2"))
    for runtime in ((), told[:1], told):
        assert tdx_parts(b"q", events, runtime) == {"quote": b"q", "event_log": event_log(events)}
    with pytest.raises(MalformedEvidenceError, match="two stories"):
        tdx_parts(b"q", events, told[1:])
    with pytest.raises(MalformedEvidenceError, match="does not have"):
        tdx_parts(b"q", events, (*told, ("c", b"")))
