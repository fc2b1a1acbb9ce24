# SPDX-License-Identifier: Apache-2.0
"""The Canonical Event Log in JSON: an array of records, or, as systemd writes them, a sequence of texts (RFC 7464).

    {"recnum": n, "pcr": n, "digests": [{"hashAlg": name, "digest": hex}], "content_type": name, "content": …}

Of `pcclient_std` the content is {"event_type": name or number, "event_data": hex}, and means what it means in the
firmware's log; of `ima_template`, template_data is what was hashed. Those of a sequence have no number. Content of
other types is a label: its digest is extended like any other.
Source: TCG Canonical Event Log Format 1.0, section 5.3; systemd's tpm2-measure.log.
"""

from __future__ import annotations

import re

from ttee.codec import hex as hex_codec
from ttee.codec import json
from ttee.eventlog.cel_records import MAX_EVENTS, UNTYPED, Record, assemble, malformed
from ttee.eventlog.event import ALGORITHMS, MAX_LOG, SIZES, Log, bounded
from ttee.eventlog.kinds import NAMES, printable

_SEPARATOR = b"\x1e"
_KEYS = {"pcr", "digests"}
_MORE = {"recnum", "content_type", "content"}
_PCCLIENT, _SYSTEMD = "pcclient_std", "systemd"
_NUMBERS = {name: number for number, name in NAMES.items()}
_NUMBER = re.compile(r"0x[0-9a-fA-F]{1,8}")


def looks_like_one(data: bytes) -> bool:
    """Whether `data` begins as a log in JSON; the other forms are binary."""
    return data.lstrip(b" \t\r\n")[:1] in (b"[", _SEPARATOR)


def parse(data: bytes, *, what: str = "canonical event log") -> Log:
    """The log in `data`: records numbered without a gap, of one set of algorithms. Raises MalformedEvidenceError."""
    bounded(data, what)
    return assemble(
        [_record(each, f"{what}, record {n}") for n, each in enumerate(_records(data, what))], what
    )


def _record(record: json.JsonValue, where: str) -> Record:
    if not isinstance(record, dict) or not _KEYS <= record.keys() <= _KEYS | _MORE:
        raise malformed("a record is not an object of pcr, digests, content_type and content", where)
    number, register = record.get("recnum"), record["pcr"]
    if not (number is None or type(number) is int) or type(register) is not int:
        raise malformed("a record's number and PCR are not integers", where)
    return Record(number, register, _digests(record["digests"], where), *_content(record, where))


def _records(data: bytes, what: str) -> list[json.JsonValue]:
    if not data.lstrip(b" \t\r\n").startswith(_SEPARATOR):
        value = json.loads(data, what=what, max_size=MAX_LOG, max_depth=8)
        if not isinstance(value, list):
            raise malformed("it is not an array of records", what)
        return value
    _, *texts = data.split(_SEPARATOR, MAX_EVENTS + 1)
    return [
        json.loads(text, what=f"{what}, record {n}", max_size=MAX_LOG, max_depth=8)
        for n, text in enumerate(texts)
    ]


def _digests(value: json.JsonValue, where: str) -> dict[str, bytes]:
    if not isinstance(value, list) or not 1 <= len(value) <= len(SIZES):
        raise malformed("a record's digests are not a list of some", where)
    found: dict[str, bytes] = {}
    for item in value:
        if not isinstance(item, dict) or item.keys() != {"hashAlg", "digest"}:
            raise malformed("a digest is not an object of hashAlg and digest", where)
        name, digest = item["hashAlg"], item["digest"]
        if isinstance(name, str) and _NUMBER.fullmatch(name):
            name = ALGORITHMS.get(int(name, 16), name)
        if not isinstance(name, str) or not isinstance(digest, str) or name not in SIZES or name in found:
            raise malformed("a digest's algorithm is unknown, or twice there", where)
        found[name] = hex_codec.decode(digest.lower(), what=f"{where}, digest", size=SIZES[name])
    return found


def _content(record: dict[str, json.JsonValue], where: str) -> tuple[int, bytes, str]:
    """Kind, data and label."""
    name, content = record.get("content_type"), record.get("content")
    if name is not None and not isinstance(name, str):
        raise malformed("content_type is not text", where)
    if name == _PCCLIENT:
        if not isinstance(content, dict) or content.keys() != {"event_type", "event_data"}:
            raise malformed("content is not an object of event_type and event_data", where)
        data = content["event_data"]
        if not isinstance(data, str):
            raise malformed("event_data is not hex", where)
        return (
            _kind(content["event_type"], where),
            hex_codec.decode(data.lower(), what=f"{where}, event_data"),
            "",
        )
    if name == "ima_template":
        if not isinstance(content, dict) or content.keys() != {"template_name", "template_data"}:
            raise malformed("content is not an object of template_name and template_data", where)
        data, template = content["template_data"], content["template_name"]
        if not isinstance(data, str) or not isinstance(template, str):
            raise malformed("template_name and template_data are not texts", where)
        label = f"ima {printable(template.encode())}"
        return UNTYPED, hex_codec.decode(data.lower(), what=f"{where}, template_data"), label
    return UNTYPED, *_labelled(name or "content", content)


def _labelled(name: str, content: json.JsonValue) -> tuple[bytes, str]:
    """Of systemd, the string is what was measured; of others nobody knows what was."""
    label = f"{printable(name.encode())} content"
    if name == _SYSTEMD and isinstance(content, dict) and isinstance(content.get("string"), str):
        text = str(content["string"])
        return text.encode(), f"systemd {printable(text.encode())}"
    return b"", label


def _kind(value: json.JsonValue, where: str) -> int:
    """A name of the firmware's log, in any case; or the number."""
    if type(value) is int and 0 <= value < 1 << 32:
        return value
    if isinstance(value, str):
        if value.upper() in _NUMBERS:
            return _NUMBERS[value.upper()]
        if _NUMBER.fullmatch(value):
            return int(value, 16)
    raise malformed("an event_type that is unknown", where)
