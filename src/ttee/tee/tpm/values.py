# SPDX-License-Identifier: Apache-2.0
"""PCR values as they travel beside a quote, which has only their digest.

    {"sha256": {"0": "<hex>", "7": "<hex>"}}                                        our form
    TPML_PCR_SELECTION, u32 count, as many TPML_DIGEST, as C lays them out          what tpm2_quote writes

What a value is called here counts for nothing before it was compared with the selection that is signed.
Source: tpm2-tools:lib/files.c (pcrs_output); TPM 2.0 Library, part 2, sections 10.6.2 and 10.9.3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from struct import Struct

from ttee.codec import hex, json  # noqa: A004 (the module's name)
from ttee.errors import MalformedEvidenceError
from ttee.eventlog.event import ALGORITHMS, SIZES
from ttee.tee.tpm.structures import MAX_BITMAP, MAX_SELECTIONS, bits

SOURCE = "tpm2-tools:lib/files.c; docs/spec/evidence.md"
MAX_SIZE = 64 * 1024
MAX_PCR = 31

Values = Mapping[str, Mapping[int, bytes]]
"""Banks to PCRs to values."""

_PCRS = {str(pcr): pcr for pcr in range(MAX_PCR + 1)}
_U32, _SELECT, _DIGEST = Struct("<I"), Struct("<HB4sx"), Struct("<H64s")
_SELECTIONS = 4 + MAX_SELECTIONS * _SELECT.size
_PER_LIST = 8
_LIST = 4 + _PER_LIST * _DIGEST.size


def parse(data: bytes) -> Values:
    """The values in either form. Raises MalformedEvidenceError."""
    if data[:1] == b"{":
        return _from_json(data)
    return _from_image(data)


def encode(values: Values) -> bytes:
    """Our form."""
    return json.dumps(
        {bank: {str(pcr): value.hex() for pcr, value in pcrs.items()} for bank, pcrs in values.items()}
    )


def _from_json(data: bytes) -> Values:
    top = json.loads(data, what="pcrs", max_size=MAX_SIZE, max_depth=2)
    values: dict[str, dict[int, bytes]] = {}
    for bank, pcrs in top.items() if isinstance(top, dict) else ():
        if bank not in SIZES or not isinstance(pcrs, dict):
            raise _malformed(f"{bank[:20]!r} is no bank of PCRs", "pcrs")
        values[bank] = {}
        for name, value in pcrs.items():
            number = _PCRS.get(name)
            if number is None:
                raise _malformed(f"{name[:20]!r} is no PCR", f"pcrs.{bank}")
            if not isinstance(value, str):
                raise _malformed(f"PCR {name} is not hex", f"pcrs.{bank}")
            values[bank][number] = hex.decode(value, what=f"pcrs.{bank}.{name}", size=SIZES[bank])
    return values


def _from_image(data: bytes) -> Values:
    lists, rest = divmod(len(data) - _SELECTIONS - 4, _LIST)
    if lists < 0 or rest or len(data) > MAX_SIZE:
        raise _malformed(
            f"{len(data)} bytes are no list of PCR values", f"pcrs, byte {min(len(data), MAX_SIZE)}"
        )
    (banks,) = _U32.unpack_from(data)
    (said,) = _U32.unpack_from(data, _SELECTIONS)
    if banks > MAX_SELECTIONS or said != lists:
        raise _malformed("it has other counts than it says", "pcrs, byte 0")
    digests = list(_digests(data, lists))
    values: dict[str, dict[int, bytes]] = {}
    for index in range(banks):
        algorithm, size, bitmap = _SELECT.unpack_from(data, 4 + index * _SELECT.size)
        bank = ALGORITHMS.get(algorithm)
        if bank is None or bank in values or size > MAX_BITMAP:
            raise _malformed(
                "it names an unknown bank, or one twice", f"pcrs, byte {4 + index * _SELECT.size}"
            )
        pcrs = bits(bitmap[:size])
        values[bank] = dict(zip(pcrs, digests, strict=False))
        if len(values[bank]) != len(pcrs) or any(
            len(value) != SIZES[bank] for value in values[bank].values()
        ):
            raise _malformed(f"it lacks values of {bank}, or they are of another size", "pcrs")
        digests = digests[len(pcrs) :]
    if digests:
        raise _malformed("it has more values than it names", "pcrs")
    return values


def _digests(data: bytes, lists: int) -> Iterator[bytes]:
    for number in range(lists):
        begin = _SELECTIONS + 4 + number * _LIST
        (count,) = _U32.unpack_from(data, begin)
        if count > _PER_LIST:
            raise _malformed(f"a list says that it has {count} values", f"pcrs, byte {begin}")
        for index in range(count):
            size, digest = _DIGEST.unpack_from(data, begin + 4 + index * _DIGEST.size)
            if size > len(digest):
                raise _malformed(f"a value says that it has {size} bytes", f"pcrs, byte {begin}")
            yield digest[:size]


def _malformed(message: str, where: str) -> MalformedEvidenceError:
    return MalformedEvidenceError(f"the PCR values cannot be read: {message}", where=where, source=SOURCE)
