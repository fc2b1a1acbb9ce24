# SPDX-License-Identifier: Apache-2.0
"""The Canonical Event Log in CBOR: an array of records.

    {0 number, 1 PCR, 3 [{0 TPM_ALG_ID, 1 digest}], 9 content type, 10 content}
    content of pcclient_std (5) is {0 event type, 1 event data}, of ima_template (7) {0 name, 1 data}

Source: TCG Canonical Event Log Format 1.1, section 5.1 (CDDL). Content of other types is a label.
"""

from __future__ import annotations

from ttee.codec.cbor_tags import TaggedValue, loads
from ttee.eventlog.cel_records import UNTYPED, Record, assemble, malformed
from ttee.eventlog.event import ALGORITHMS, MAX_LOG, SIZES, Log, bounded
from ttee.eventlog.kinds import printable

NUMBER, PCR, DIGESTS, TYPE, CONTENT = 0, 1, 3, 9, 10
PCCLIENT, IMA = 5, 7
_KEYS = {NUMBER, PCR, DIGESTS, TYPE, CONTENT}


def looks_like_one(data: bytes) -> bool:
    """Whether `data` begins as an array of maps; firmware's logs do not."""
    return data[:1] >= b"\x80" and data[:1] <= b"\x9b" and b"\xa5\x00" in data[:12]


def parse(data: bytes, *, what: str = "canonical event log") -> Log:
    """The log in `data`: records numbered without a gap, of one set of algorithms. Raises MalformedEvidenceError."""
    bounded(data, what)
    value = loads(data, what=what, max_size=MAX_LOG, max_depth=8)
    if not isinstance(value, list):
        raise malformed("it is not an array of records", what)
    return assemble([_record(each, f"{what}, record {n}") for n, each in enumerate(value)], what)


def _record(record: TaggedValue, where: str) -> Record:
    if not isinstance(record, dict) or record.keys() != _KEYS:
        raise malformed("a record is not a map of number, PCR, digests, type and content", where)
    number, register, kind = record[NUMBER], record[PCR], record[TYPE]
    if type(number) is not int or type(register) is not int or type(kind) is not int:
        raise malformed("a record's number, PCR and type are not integers", where)
    return Record(number, register, _digests(record[DIGESTS], where), *_content(kind, record[CONTENT], where))


def _digests(value: TaggedValue, where: str) -> dict[str, bytes]:
    if not isinstance(value, list) or not 1 <= len(value) <= len(SIZES):
        raise malformed("a record's digests are not a list of some", where)
    found: dict[str, bytes] = {}
    for item in value:
        if not isinstance(item, dict) or item.keys() != {0, 1}:
            raise malformed("a digest is not a map of algorithm and value", where)
        number, digest = item[0], item[1]
        name = ALGORITHMS.get(number, "") if isinstance(number, int) else ""
        if not isinstance(digest, bytes) or SIZES.get(name) != len(digest) or name in found:
            raise malformed("a digest is of an unknown algorithm, of a wrong size, or twice there", where)
        found[name] = digest
    return found


def _content(kind: int, content: TaggedValue, where: str) -> tuple[int, bytes, str]:
    """Kind, data and label."""
    if kind not in (PCCLIENT, IMA):
        return UNTYPED, b"", f"content of type {kind}"
    if not isinstance(content, dict) or content.keys() != {0, 1}:
        raise malformed("content is not a map of two", where)
    name, data = content[0], content[1]
    if not isinstance(data, bytes):
        raise malformed("what was measured is not bytes", where)
    if kind == IMA and isinstance(name, str):
        return UNTYPED, data, f"ima {printable(name.encode())}"
    if kind == PCCLIENT and type(name) is int and 0 <= name < 1 << 32:
        return name, data, ""
    raise malformed("an event's type, or a template's name, is of another kind", where)
