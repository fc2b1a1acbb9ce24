# SPDX-License-Identifier: Apache-2.0
"""An attestation document of AWS Nitro Enclaves: a COSE_Sign1 over a CBOR map, to and from one structure.

Source: AWS Nitro Enclaves, Verifying the root of trust (aws/aws-nitro-enclaves-nsm-api:docs/attestation_process.md).

    module_id    text, not empty            the enclave: i-…-enc…
    digest       "SHA384"                   what the PCRs are made with
    timestamp    u64, not zero              milliseconds since 1970
    pcrs         {0 to 31: 32, 48 or 64 bytes}
    certificate  1 to 1024 bytes            the enclave's, in DER: lives for three hours
    cabundle     [1 to 1024 bytes each]     root, region, zone, instance: in this order
    public_key, user_data, nonce            null, or up to 1024 bytes that the enclave chose
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from attrs import frozen

from ttee.codec import cbor, cose
from ttee.codec.cbor import VendorValue
from ttee.errors import MalformedEvidenceError
from ttee.model import ClaimValue, Evidence

NAME = "aws-nitro"
SOURCE = "AWS Nitro Enclaves, attestation_process.md, section 3.1"
MAX_SIZE = 32 * 1024
MAX_CERTIFICATES = 8
DIGEST = "SHA384"

_REQUIRED = {"module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle"}
_FIELDS = _REQUIRED | {"public_key", "user_data", "nonce"}
_PCRS = {index: f"pcr{index}" for index in range(32)}
"""PCRs by number, and their names in policies."""
_PCR_SIZES = frozenset({32, 48, 64})
_IMAGE_PCRS = (0, 1, 2)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END_OF_TIME = 253_402_300_800_000


@frozen(slots=True)
class Document:
    """What the map says, with its types and lengths checked."""

    module_id: str
    timestamp: int
    pcrs: Mapping[int, bytes]
    certificate: bytes
    cabundle: tuple[bytes, ...]
    public_key: bytes | None
    user_data: bytes | None
    nonce: bytes | None

    @property
    def made(self) -> datetime:
        """The moment that the timestamp names."""
        return _EPOCH + timedelta(milliseconds=self.timestamp)

    @property
    def debug(self) -> bool:
        """Whether the enclave runs in debug mode: its image is then not measured at all."""
        return not b"".join([self.pcrs[index] for index in _IMAGE_PCRS]).strip(b"\0")


def open_envelope(data: bytes) -> cose.Sign1:
    """The COSE_Sign1 in `data`: ES384 alone, nothing unprotected. Raises MalformedEvidenceError."""
    message = cose.parse(data, what="document", max_size=MAX_SIZE, algorithms=(cose.ES384,))
    if message.unprotected:
        raise _malformed("it has unprotected headers, which nobody signed", "unprotected header")
    return message


def parse(payload: bytes) -> Document:
    """The map inside. Raises MalformedEvidenceError: another key, type or length than the table has."""
    value = cbor.loads_vendor(
        payload, what="document, payload", max_size=MAX_SIZE, max_depth=3, shortest=False
    )
    if not isinstance(value, dict):
        raise _malformed("it is not a map", "payload")
    if not _REQUIRED <= value.keys() <= _FIELDS:
        key = min(map(str, (_REQUIRED - value.keys()) | (value.keys() - _FIELDS)))[:32]
        raise _malformed(f"the key {key!r} is {'missing' if key in _REQUIRED else 'unknown'}", key)
    if value["digest"] != DIGEST:
        raise _malformed(f"its digest is not {DIGEST!r}", "digest")
    module_id, timestamp = value["module_id"], value["timestamp"]
    if not isinstance(module_id, str) or not module_id or len(module_id) > 256 or not module_id.isprintable():
        raise _malformed("it is not a text of 1 to 256 printable characters", "module_id")
    if type(timestamp) is not int or not 0 < timestamp < _END_OF_TIME:
        raise _malformed("it is not a number of milliseconds from 1970 to the year 9999", "timestamp")
    cabundle = value["cabundle"]
    if not isinstance(cabundle, list) or not 1 <= len(cabundle) <= MAX_CERTIFICATES:
        raise _malformed(f"it is not a list of 1 to {MAX_CERTIFICATES} certificates", "cabundle")
    return Document(
        module_id=module_id,
        timestamp=timestamp,
        pcrs=_pcrs(value["pcrs"]),
        certificate=_bytes(value["certificate"], "certificate"),
        cabundle=tuple([_bytes(each, "cabundle") for each in cabundle]),
        public_key=_optional(value, "public_key"),
        user_data=_optional(value, "user_data"),
        nonce=_optional(value, "nonce"),
    )


def encode(document: Document) -> bytes:
    """The map's bytes, which `parse` reads."""
    return cbor.dumps_vendor(
        {
            "module_id": document.module_id,
            "digest": DIGEST,
            "timestamp": document.timestamp,
            "pcrs": dict(document.pcrs.items()),
            "certificate": document.certificate,
            "cabundle": list(document.cabundle),
            "public_key": document.public_key,
            "user_data": document.user_data,
            "nonce": document.nonce,
        }
    )


def wrap(data: bytes) -> Evidence | None:
    """Evidence out of a raw document; None for anything else. Whether it is well formed shows later."""
    body = data.removeprefix(cose.TAG)
    if body[:1] == b"\x84" and all(cbor.dumps(key) in data[:MAX_SIZE] for key in ("module_id", "cabundle")):
        return Evidence(NAME, {"document": data})
    return None


def describe(evidence: Evidence) -> Mapping[str, ClaimValue]:
    """Every field of the document, UNVERIFIED. Raises MalformedEvidenceError."""
    message = open_envelope(evidence.parts.get("document", b""))
    document = parse(message.payload)
    return {
        **details(document),
        "user_data": document.user_data,
        "nonce": document.nonce,
        "certificate": document.certificate,
        "cabundle": document.cabundle,
        "signature": message.signature,
    }


def details(document: Document) -> dict[str, ClaimValue]:
    """What only Nitro says, by the names that policies use."""
    return {
        "module_id": document.module_id,
        "timestamp": document.timestamp,
        **{_PCRS[index]: value for index, value in document.pcrs.items()},
        "public_key": document.public_key,
    }


def _pcrs(value: VendorValue) -> Mapping[int, bytes]:
    if not isinstance(value, dict):
        raise _malformed("they are not a map", "pcrs")
    if not value.keys() <= _PCRS.keys():
        foreign = next(index for index in value if index not in _PCRS)
        raise _malformed(f"{str(foreign)[:32]!r} is not the number of a PCR", "pcrs")
    for index, digest in value.items():
        if type(digest) is not bytes or len(digest) not in _PCR_SIZES:
            raise _malformed("it is not 32, 48 or 64 bytes", f"pcrs[{index}]")
    for index in _IMAGE_PCRS:
        if index not in value:
            raise _malformed("it is missing: nothing says which image runs", f"pcrs[{index}]")
    return MappingProxyType(value)  # type: ignore[arg-type]  # as was just found


def _bytes(value: VendorValue, where: str) -> bytes:
    if not isinstance(value, bytes) or not 1 <= len(value) <= 1024:
        raise _malformed("it is not 1 to 1024 bytes", where)
    return value


def _optional(value: Mapping[int | str, VendorValue], key: str) -> bytes | None:
    found = value.get(key)
    if found is not None and (not isinstance(found, bytes) or len(found) > 1024):
        raise _malformed("it is neither null nor up to 1024 bytes", key)
    return found


def _malformed(message: str, where: str) -> MalformedEvidenceError:
    return MalformedEvidenceError(
        f"attestation document, {where}: {message}", where=f"document, {where}", source=SOURCE
    )
