# SPDX-License-Identifier: Apache-2.0
"""Logs of operating systems and guests: IMA, the canonical event log, dstack."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import vectors
from ttee.errors import BindingError, EvidenceError, MalformedEvidenceError
from ttee.eventlog import cel, dstack, ima
from ttee.eventlog.event import Registers, hasher
from ttee.eventlog.replay import check_replay, replay
from ttee.testing import eventlog as make

IMA = make.ima_entry("boot_aggregate", b"") + make.ima_entry("/usr/bin/bash", b"#!")


def extended(*digests: bytes, algorithm: str) -> bytes:
    value = bytes(hashlib.new(algorithm).digest_size)
    for digest in digests:
        value = hashlib.new(algorithm, value + digest).digest()
    return value


# --- IMA --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha384"])
def test_each_bank_is_extended_by_its_own_hash_of_the_template(algorithm: str) -> None:
    log = ima.parse(IMA, algorithm)
    digests = [hashlib.new(algorithm, event.data).digest() for event in log.events]
    assert replay(log, algorithm) == {10: extended(*digests, algorithm=algorithm)}
    assert [event.name for event in log.events] == ["ima-ng boot_aggregate", "ima-ng /usr/bin/bash"]


def test_a_violation_is_extended_as_ff() -> None:
    log = ima.parse(make.ima_entry("/var/log/syslog", b"", violation=True), "sha256")
    assert replay(log, "sha256") == {10: extended(b"\xff" * 32, algorithm="sha256")}


@pytest.mark.parametrize("suffix", ["", " 0302"])
def test_the_ascii_form_is_the_same_log(suffix: str) -> None:
    digest = hashlib.sha256(b"x").hexdigest()
    name = "/a file with spaces"
    fields = [b"sha256:\0" + bytes.fromhex(digest), name.encode() + b"\0", bytes.fromhex(suffix)]
    data = b"".join(len(field).to_bytes(4, "little") + field for field in fields)
    recorded = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    log = ima.parse(f"10 {recorded} ima-sig sha256:{digest} {name}{suffix}\n".encode(), "sha256")
    assert [event.data for event in log.events] == [data]
    ng = b"".join(len(field).to_bytes(4, "little") + field for field in fields[:2])
    recorded = hashlib.sha1(ng, usedforsecurity=False).hexdigest()
    assert ima.parse(f"10 {recorded} ima-ng sha256:{digest} {name}".encode(), "sha256").events[0].data == ng


def test_an_entry_that_is_not_what_was_hashed_is_refused() -> None:
    with pytest.raises(BindingError, match="entry 1"):
        ima.parse(IMA.replace(b"/usr/bin/bash", b"/usr/bin/evil"), "sha256")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        IMA[:-1],
        IMA[:50],
        IMA[:20],
        IMA.replace(b"ima-ng", b"ima-xx"),
        make.ima_entry("x", b"", register=24),
        IMA[:24] + b"\xff\xff\xff\x7f" + IMA[28:],
        b"10 00 ima-ng sha256:00 x\n",
        b"10 zz ima-ng sha256:00 x\n",
        b"10 " + b"00" * 20 + b" ima-modsig sha256:00 x\n",
        b"10 a\n",
    ],
)
def test_a_malformed_ima_log_says_where(data: bytes) -> None:
    with pytest.raises(MalformedEvidenceError) as caught:
        ima.parse(data, "sha256")
    assert caught.value.where


# --- the canonical event log --------------------------------------------------------------------------

IMAGE = make.tlv(cel.COS, make.tlv(0, b"docker.io/library/caddy"))
UNKNOWN = make.tlv(200, b"nobody knows")
CEL = make.cel_record(0, 4, IMAGE) + make.cel_record(1, 4, UNKNOWN, digest=b"\7" * 48)


def test_content_of_unknown_types_is_extended_all_the_same() -> None:
    log = cel.parse(CEL)
    assert log.registers is Registers.MR
    digests = (hashlib.sha384(IMAGE).digest(), b"\7" * 48)
    assert replay(log, "sha384") == {4: extended(*digests, algorithm="sha384")}
    assert [event.name for event in log.events] == ["image-reference", "content of type 200"]


def test_known_content_must_be_what_was_extended() -> None:
    with pytest.raises(BindingError, match="not what was extended"):
        cel.parse(make.cel_record(0, 4, IMAGE, digest=bytes(48)))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        CEL[:-1],
        CEL[:3],
        make.cel_record(1, 4, IMAGE),
        make.cel_record(0, 4, IMAGE) + make.cel_record(2, 4, IMAGE),
        make.cel_record(0, 5, IMAGE),
        make.cel_record(0, 24, IMAGE, kind=1),
        make.cel_record(0, 4, IMAGE, kind=2),
        make.cel_record(0, 4, IMAGE) + make.cel_record(1, 4, IMAGE, kind=1),
        make.cel_record(0, 4, UNKNOWN, digest=b"short"),
        make.tlv(0, bytes(8)) + make.tlv(108, b"\4") + make.tlv(3, b"") + IMAGE,
        make.tlv(0, bytes(7)),
        make.cel_record(0, 4, make.tlv(cel.COS, make.tlv(0, b"x") + b"y")),
    ],
)
def test_a_malformed_canonical_log_says_where(data: bytes) -> None:
    with pytest.raises(MalformedEvidenceError) as caught:
        cel.parse(data)
    assert caught.value.where


# --- dstack -------------------------------------------------------------------------------------------


def runtime(name: str, payload: bytes, *, version: int = 1, **changed: Any) -> dict[str, Any]:
    value: dict[str, Any] = {
        "imr": 3,
        "event_type": dstack.RUNTIME,
        "digest": dstack.runtime_digest(name, payload, version=version).hex(),
        "event": name,
        "event_payload": payload.hex(),
    }
    if version == 2:
        value |= {"version": 2, "preimage": dstack.preimage(name, payload, 2).hex()}
    return {key: item for key, item in (value | changed).items() if item is not None}


def parse(*events: object) -> Any:
    return dstack.parse(json.dumps(events).encode())


def test_a_real_log_replays_to_its_quote_and_says_who_runs() -> None:
    report = json.loads(vectors.read("dstack/quote-report.json"))
    log, quote = dstack.parse(report["event_log"].encode()), bytes.fromhex(report["quote"])
    rtmrs = {1 + i: quote[48 + 328 + 48 * i : 48 + 376 + 48 * i] for i in range(4)}
    assert check_replay(log, "sha384", rtmrs).keys() == {1, 2, 3, 4}
    names = [event.name for event in dstack.identity_events(log)]
    assert names == [
        "system-preparing",
        "app-id",
        "compose-hash",
        "instance-id",
        "boot-mr-done",
        "key-provider",
    ]


@pytest.mark.parametrize("version", [1, 2])
def test_both_versions_of_the_digest_are_known(version: int) -> None:
    log = parse(runtime("app-id", b"\1", version=version), runtime(dstack.SYSTEM_READY, b"", version=version))
    assert [event.name for event in log.events] == ["app-id", "system-ready"]
    preimage = b'{"name":"app-id","payload":"01","type":134217729}'
    first = (b"\1\0\0\x08:app-id:\1", preimage)[version - 1]
    assert log.events[0].digests == (hashlib.sha384(first).digest(),)


def test_an_identity_is_not_taken_from_the_app_nor_from_another_register() -> None:
    log = parse(
        runtime("app-id", b"elsewhere", imr=2), runtime(dstack.SYSTEM_READY, b""), runtime("app-id", b"late")
    )
    assert dstack.identity_events(log) == ()


@pytest.mark.parametrize(
    "event",
    [
        runtime("app-id", b"\1", event_payload="02"),
        runtime("app-id", b"\1", event="app-ie"),
        runtime("app-id", b"\1", version=2, preimage=b"{}".hex()),
        runtime("app-id", b"\1", preimage=b"{}".hex()),
    ],
)
def test_words_that_were_not_hashed_are_refused(event: object) -> None:
    with pytest.raises(BindingError):
        parse(event)


@pytest.mark.parametrize(
    "event",
    [
        5,
        runtime("a", b"", imr=4),
        runtime("a", b"", imr=True),
        runtime("a", b"", event_type=-1),
        runtime("a", b"", event=None),
        runtime("a", b"", event=5),
        runtime("a", b"", version=2, preimage=None),
        runtime("a", b"") | {"version": 3},
        runtime("a", b"", digest="00"),
        runtime("a", b"", digest=5),
        runtime("a", b"") | {"more": 1},
    ],
)
def test_a_malformed_event_says_where(event: object) -> None:
    with pytest.raises(MalformedEvidenceError) as caught:
        parse(event)
    assert caught.value.where


def test_what_is_no_list_of_events_is_malformed() -> None:
    with pytest.raises(MalformedEvidenceError):
        dstack.parse(b"{}")


# --- all of them --------------------------------------------------------------------------------------


@given(st.binary(max_size=200) | st.integers(0, len(CEL)).map(lambda at: CEL[:at]))
def test_arbitrary_bytes_end_in_a_log_or_a_named_error(data: bytes) -> None:
    places: list[str | None] = []
    for parser in (cel.parse, dstack.parse, lambda data: ima.parse(data, "sha256")):
        try:
            parser(data)
        except EvidenceError as error:
            places.append(error.where)
    assert all(places)


def test_sm3_is_hashed_where_openssl_has_it_and_unknown_hashes_are_named() -> None:
    with pytest.raises(MalformedEvidenceError, match="no hash algorithm"):
        hasher("md4")
    if "sm3" in hashlib.algorithms_available:
        assert len(hasher("sm3")(b"").digest()) == 32
    else:
        with pytest.raises(MalformedEvidenceError, match="does not have that hash"):
            hasher("sm3")
