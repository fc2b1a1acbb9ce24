# SPDX-License-Identifier: Apache-2.0
"""Attestations of Google's go-tpm-tools (`gotpm attest`, Confidential Space): evidence out of one protobuf.

    Attestation   1 ak_pub   2 quotes, one for each bank   3 event_log        4 instance_info      5 canonical_event_log
                  6 ak_cert  7 intermediate_certs          8 sev_snp_attestation                   9 tdx_attestation
    Quote         1 quote    2 raw_sig    3 pcrs            PCRs    1 hash    2 {1: number, 2: value}, …

Of the quotes the one of the strongest bank is taken that every log has digests of. What is not read, the part
`unread` names, and a verification repeats it. The report of a TEE (8, 9) is not: it is there as fields, and not as
the bytes that were signed.
Source: google/go-tpm-tools:proto/attest.proto, proto/tpm.proto.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ssl import DER_cert_to_PEM_cert

from attrs import frozen

from ttee.codec import protobuf
from ttee.codec.protobuf import Message
from ttee.errors import MalformedEvidenceError
from ttee.eventlog import forms
from ttee.eventlog.event import ALGORITHMS, SIZES
from ttee.model import Evidence
from ttee.tee.tpm import values
from ttee.tee.tpm.quote import PREFERRED

SOURCE = "google/go-tpm-tools:proto/attest.proto"
MAX_SIZE = 1 << 20
MAX_QUOTES = 8
MAX_CERTIFICATES = 8
AK_PUB, QUOTES, EVENT_LOG, INSTANCE_INFO, CANONICAL_LOG, AK_CERT, INTERMEDIATES, SEV_SNP, TDX = range(1, 10)
UNREAD = {
    INSTANCE_INFO: "instance_info",
    SEV_SNP: "sev_snp_attestation",
    TDX: "tdx_attestation",
}
"""What is not read, by field: nothing signed vouches for what an instance is called here."""
_READ = frozenset({AK_PUB, QUOTES, EVENT_LOG, CANONICAL_LOG, AK_CERT, INTERMEDIATES})
_BEGIN = re.compile(rb"\x0a[\x80-\xff]?[\x01-\x7f]\x00[\x01\x23]\x00[\x04\x0b-\x0d]", re.DOTALL)
"""Field 1 with a TPMT_PUBLIC: of an RSA or ECC key, whose name has a hash that TPMs have."""


@frozen(slots=True)
class _Quote:
    """A quote, with the values of the one bank that it is of."""

    attest: bytes
    signature: bytes
    bank: str
    pcrs: dict[int, bytes]


def unwrap(name: str, data: bytes) -> Evidence | None:
    """Evidence called `name` out of an Attestation; None for anything else. Raises MalformedEvidenceError."""
    if not _BEGIN.match(data):
        return None
    if len(data) > MAX_SIZE:
        raise _malformed(f"it has {len(data)} bytes; at most {MAX_SIZE} are read", "")
    top = protobuf.parse(data, what="attestation")
    quotes = [
        _quote(top.message(each, f"quote {n}")) for n, each in enumerate(_some(top, QUOTES, MAX_QUOTES))
    ]
    logs = {
        part: log
        for part, field in (("event_log", EVENT_LOG), ("canonical_event_log", CANONICAL_LOG))
        if (log := top.octets(field))
    }
    quote, legible = _choose(quotes, logs)
    parts = {
        "quote": quote.attest,
        "signature": quote.signature,
        "pcrs": values.encode({quote.bank: quote.pcrs}),
        "ak": top.octets(AK_PUB),
        **{part: logs[part] for part in legible},
    }
    if certificate := top.octets(AK_CERT):
        parts["ak_certificate"] = certificate
    if above := _some(top, INTERMEDIATES, MAX_CERTIFICATES):
        parts["chain"] = "".join(map(DER_cert_to_PEM_cert, above)).encode()
    unread = [f"quote_of_{each.bank}" for each in quotes if each is not quote]
    unread += [part for part in logs if part not in legible]
    unread += [UNREAD.get(field, f"field_{field}") for field in sorted(top.fields.keys() - _READ)]
    if unread:
        parts["unread"] = ", ".join(unread).encode()
    return Evidence(name, parts)


def _choose(quotes: Sequence[_Quote], logs: dict[str, bytes]) -> tuple[_Quote, tuple[str, ...]]:
    """The quote of the strongest bank that every log has, or else of the strongest; and the logs that have it."""
    if len({each.bank for each in quotes}) != len(quotes) or not quotes:
        raise _malformed("it has no quote, or two of one bank", "quotes")
    banks = {part: frozenset(forms.parse(log).algorithms) for part, log in logs.items()}
    ranked = sorted(quotes, key=lambda each: PREFERRED.index(each.bank))
    best = next((each for each in ranked if all(each.bank in has for has in banks.values())), ranked[0])
    return best, tuple(part for part, has in banks.items() if best.bank in has)


def _quote(message: Message) -> _Quote:
    pcrs = message.message(message.octets(3), "pcrs")
    bank = ALGORITHMS.get(pcrs.number(1))
    if bank is None:
        raise _malformed(f"its PCRs are of the unknown hash {pcrs.number(1)}", message.what)
    found: dict[int, bytes] = {}
    for each in pcrs.every(2):
        entry = pcrs.message(each, "a value")
        number, value = entry.number(1), entry.octets(2)
        if number > values.MAX_PCR or number in found or len(value) != SIZES[bank]:
            raise _malformed(f"PCR {number} is none, there twice, or of another size", pcrs.what)
        found[number] = value
    return _Quote(message.octets(1), message.octets(2), bank, found)


def _some(top: Message, field: int, limit: int) -> tuple[bytes, ...]:
    found = top.every(field)
    if len(found) > limit:
        raise _malformed(f"field {field} is there {len(found)} times; at most {limit} are read", "")
    return found


def _malformed(message: str, where: str) -> MalformedEvidenceError:
    return MalformedEvidenceError(
        f"go-tpm-tools attestation: {message}", where=where or "attestation", source=SOURCE
    )
