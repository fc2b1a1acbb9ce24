# SPDX-License-Identifier: Apache-2.0
"""The Canonical Event Log in JSON and CBOR is the log that firmware writes in a form of its own."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from ttee.codec.cbor_tags import TaggedValue, dumps
from ttee.errors import BindingError, MalformedEvidenceError
from ttee.eventlog import cel_cbor, cel_json, forms, kinds
from ttee.eventlog.replay import check_replay, measured_data, misdescribed, replay
from ttee.eventlog.separators import check_separators
from ttee.testing import eventlog as make

EXAMPLE: dict[str, Any] = {
    "recnum": 2,
    "pcr": 6,
    "digests": [
        {"hashAlg": "sha1", "digest": "bac9a8935b720760bcdea2faae75152f5d1e4bea"},
        {"hashAlg": "sha256", "digest": "d18bf8d221a3a3b08774c8d077328c4b2ca205e4f1618ad4bac2b5786f453bc7"},
    ],
    "content_type": "pcclient_std",
    "content": {
        "event_type": "EV_COMPACT_HASH",
        "event_data": b"Dell Configuration Information 2".hex(),
    },
}
"""The example of CEL 1.0, section 5.3."""


def record(
    number: int | None, pcr: Any, data: bytes, kind: str | int = "EV_SEPARATOR", **changes: Any
) -> dict[str, Any]:
    numbered = {} if number is None else {"recnum": number}
    return {
        **numbered,
        "pcr": pcr,
        "digests": [{"hashAlg": "sha256", "digest": hashlib.sha256(data).hexdigest()}],
        "content_type": "pcclient_std",
        "content": {"event_type": kind, "event_data": data.hex()},
        **changes,
    }


def test_a_sha1_log_may_begin_as_a_canonical_one() -> None:
    """PCR 0 and EV_S_CRTM_VERSION are the same five bytes as a record's number and its size."""
    old = make.tcg1([make.Entry(0, kinds.S_CRTM_VERSION, b"a version")])
    canonical = make.cel_record(0, 0, make.tlv(200, b"anything"))
    assert old[:5] == canonical[:5]
    assert (forms.parse(old).format, forms.parse(canonical).format) == ("TCG1", "CEL")


def as_cbor(number: int, pcr: int, data: bytes, kind: int = kinds.SEPARATOR) -> TaggedValue:
    return {0: number, 1: pcr, 3: [{0: 0x0B, 1: hashlib.sha256(data).digest()}], 9: 5, 10: {0: kind, 1: data}}


def encoded(*records: dict[str, Any]) -> bytes:
    return json.dumps(records).encode()


def sequence(*records: dict[str, Any]) -> bytes:
    return b"".join(b"\x1e" + json.dumps(each).encode() + b"\n" for each in records)


STORY = [(0, b"\0\0\0\0"), (7, b"\0\0\0\0")]


def test_the_specifications_record_is_read() -> None:
    log = cel_json.parse(encoded({**EXAMPLE, "recnum": 0}))
    (event,) = log.events
    assert event.name == "EV_COMPACT_HASH Dell Configuration Information 2"
    assert log.algorithms == ("sha1", "sha256")
    assert replay(log, "sha1").keys() == {6}


def test_a_header_in_cbor_extends_nothing_and_may_have_fewer_banks() -> None:
    header: TaggedValue = {
        0: 0,
        1: 0,
        3: [{0: 4, 1: bytes(20)}],
        9: 5,
        10: {0: kinds.NO_ACTION, 1: b"a header"},
    }
    banks: list[TaggedValue] = [
        {0: number, 1: hashlib.new(name, b"a version").digest()}
        for number, name in ((4, "sha1"), (11, "sha256"))
    ]
    version: TaggedValue = {0: 1, 1: 0, 3: banks, 9: 5, 10: {0: kinds.S_CRTM_VERSION, 1: b"a version"}}
    log = forms.parse(dumps([header, version]))
    assert [event.type for event in log.events] == [kinds.NO_ACTION, kinds.S_CRTM_VERSION]
    assert log.algorithms == ("sha1", "sha256")
    for algorithm in log.algorithms:
        assert measured_data(log, log.events[1], algorithm) == log.events[1].data
        digest = hashlib.new(algorithm, log.events[1].data).digest()
        assert replay(log, algorithm) == {0: hashlib.new(algorithm, bytes(len(digest)) + digest).digest()}


@pytest.mark.parametrize("first", [0, 1])
def test_json_sequence_and_cbor_tell_one_story(first: int) -> None:
    numbered = [record(first + n, pcr, data) for n, (pcr, data) in enumerate(STORY)]
    in_json = forms.parse(encoded(*numbered))
    in_sequence = forms.parse(sequence(*(record(None, pcr, data) for pcr, data in STORY)))
    in_cbor = forms.parse(dumps([as_cbor(n, pcr, data) for n, (pcr, data) in enumerate(STORY)]))
    assert in_json == in_sequence == in_cbor
    values = replay(in_json, "sha256")
    assert values[7] == hashlib.sha256(bytes(32) + hashlib.sha256(b"\0\0\0\0").digest()).digest()
    check_separators(in_json, "sha256", values)
    assert check_replay(in_json, "sha256", values) == values
    with pytest.raises(BindingError, match="PCR 7"):
        check_replay(in_json, "sha256", {**values, 7: bytes(32)})


def test_records_may_be_numbered_for_each_register() -> None:
    log = cel_json.parse(encoded(record(0, 0, b"a"), record(0, 7, b"b"), record(1, 0, b"c")))
    assert [event.register for event in log.events] == [0, 7, 0]


def test_data_that_is_not_what_was_hashed_is_found() -> None:
    wrong = record(0, 0, b"\0\0\0\0", content={"event_type": "ev_separator", "event_data": "00000001"})
    log = cel_json.parse(encoded(wrong))
    assert misdescribed(log, log.events[0], "sha256")


def test_what_extends_nothing_is_not_replayed_and_may_name_the_locality() -> None:
    start = record(0, 0, b"StartupLocality\0\3", "EV_NO_ACTION")
    log = cel_json.parse(encoded(start, record(1, 0, b"\0\0\0\0")))
    assert log.start == {0: 3}
    assert log.events[0].digests == ()
    assert replay(log, "sha256") == replay(evolve(log, events=log.events[1:]), "sha256")


def test_content_of_other_types_is_a_label_and_its_digest_counts() -> None:
    systemd = record(
        0, 11, b"enter-initrd", content_type="systemd", content={"string": "enter-initrd", "bootId": "x"}
    )
    ima = record(1, 10, b"data", content_type="ima_template")
    ima["content"] = {"template_name": "ima-ng", "template_data": b"data".hex()}
    other = record(2, 12, b"x", content_type="somebody", content=1)
    log = cel_json.parse(encoded(systemd, ima, other))
    assert [event.name for event in log.events] == ["systemd enter-initrd", "ima ima-ng", "somebody content"]
    assert [measured_data(log, event, "sha256") for event in log.events] == [b"enter-initrd", b"data", None]
    assert set(replay(log, "sha256")) == {10, 11, 12}
    in_cbor: list[TaggedValue] = [
        {0: 0, 1: 10, 3: [{0: 0x0B, 1: bytes(32)}], 9: 7, 10: {0: "ima-ng", 1: b"data"}},
        {0: 1, 1: 12, 3: [{0: 0x0B, 1: bytes(32)}], 9: 200, 10: None},
    ]
    assert [event.name for event in cel_cbor.parse(dumps(in_cbor)).events] == [
        "ima ima-ng",
        "content of type 200",
    ]


DIGEST = {"hashAlg": "sha256", "digest": "00" * 32}


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"[]", "0 records"),
        (b"[1]", "not an object of pcr"),
        (b"\x1e1", "not an object of pcr"),
        (b"x\x1e{}", "not JSON"),
        (encoded({**EXAMPLE, "more": 1}), "not an object of pcr"),
        (encoded(EXAMPLE), "stands where"),
        (encoded(record(0, 0, b""), record(2, 0, b"")), "stands where"),
        (encoded(record(0, 0, b""), record(None, 0, b"")), "stands where"),
        (encoded(record(0, 24, b"")), "of no PCR"),
        (encoded(record(0, "0", b"")), "not integers"),
        (encoded(record(0, 0, b"", digests=[])), "not a list of some"),
        (encoded(record(0, 0, b"", digests=[1])), "hashAlg and digest"),
        (encoded(record(0, 0, b"", digests=[DIGEST, DIGEST])), "twice there"),
        (encoded(record(0, 0, b"", digests=[{**DIGEST, "hashAlg": "md5"}])), "unknown"),
        (encoded(record(0, 0, b"", digests=[{**DIGEST, "digest": "00"}])), "32 are needed"),
        (
            encoded(
                record(0, 0, b""), record(1, 0, b"", digests=[{"hashAlg": "0x0004", "digest": "00" * 20}])
            ),
            "other",
        ),
        (encoded(record(0, 0, b"", content_type=5)), "not text"),
        (encoded(record(0, 0, b"", content={})), "event_type and event_data"),
        (encoded(record(0, 0, b"", content={"event_type": 4, "event_data": 1})), "not hex"),
        (encoded(record(0, 0, b"", "EV_NOTHING")), "event_type that is unknown"),
        (encoded(record(0, 0, b"", content_type="ima_template", content={})), "template_name"),
        (dumps([]), "0 records"),
        (dumps({}), "not an array"),
        (dumps([1]), "not a map of number"),
        (dumps([{0: "x", 1: 0, 3: [], 9: 5, 10: 0}]), "not integers"),
        (dumps([{0: 0, 1: 0, 3: [], 9: 5, 10: 0}]), "list of some"),
        (dumps([{0: 0, 1: 0, 3: [1], 9: 5, 10: 0}]), "map of algorithm"),
        (dumps([{0: 0, 1: 0, 3: [{0: 0x0B, 1: b""}], 9: 5, 10: 0}]), "wrong size"),
        (dumps([{0: 0, 1: 0, 3: [{0: 0x0B, 1: bytes(32)}], 9: 5, 10: 0}]), "map of two"),
        (dumps([{0: 0, 1: 0, 3: [{0: 0x0B, 1: bytes(32)}], 9: 5, 10: {0: 4, 1: 1}}]), "not bytes"),
        (dumps([{0: 0, 1: 0, 3: [{0: 0x0B, 1: bytes(32)}], 9: 5, 10: {0: "x", 1: b""}}]), "another kind"),
    ],
)
def test_other_shapes_are_malformed_with_their_place(data: bytes, problem: str) -> None:
    read = cel_cbor.parse if data[:1] > b"\x7f" else cel_json.parse
    with pytest.raises(MalformedEvidenceError, match=problem) as caught:
        read(data)
    assert caught.value.where


@given(st.binary(min_size=1, max_size=100))
def test_any_bytes_are_read_or_refused_by_name(data: bytes) -> None:
    for whole in (data, b"[" + data, b"\x1e" + data, b"\x81\xa5\0\0" + data):
        try:
            forms.parse(whole)
        except MalformedEvidenceError as problem:
            assert problem.where is not None  # noqa: PT017 (either way is right)


def test_the_form_with_types_and_lengths_is_told_from_the_firmwares() -> None:
    data = b"".join(
        kind.to_bytes(1) + len(value).to_bytes(4) + value
        for kind, value in (
            (0, bytes(8)),
            (1, b"\x0d"),
            (3, b"\x0b" + (32).to_bytes(4) + bytes(32)),
            (200, b"content of somebody"),
        )
    )
    log = forms.parse(data)
    assert (log.format, log.events[0].register) == ("CEL", 13)
