# SPDX-License-Identifier: Apache-2.0
"""COSE_Sign1 (RFC 9052, section 4.2), strictly: one signer, one ECDSA algorithm, the payload inside.

    COSE_Sign1 = [protected: bstr, unprotected: map, payload: bstr, signature: bstr]
    signed     = ["Signature1", protected, external_aad, payload]

Refused: `crit` (we would have to know what is critical), a label in both headers, an algorithm that is not
protected, a detached payload, trailing bytes, and signatures in DER form (RFC 9053, section 2.1: r || s).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from attrs import evolve, frozen
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from ttee.codec import cbor
from ttee.codec.cbor import VendorValue
from ttee.errors import MalformedEvidenceError, SignatureError, TteeError

SOURCE = "RFC 9052, section 4.2"
TAG = cbor.tag_head(18)
"""The byte of the tag that may stand before a COSE_Sign1."""

ALG, CRIT = 1, 2
Headers = Mapping[int | str, VendorValue]
_NOTHING: Headers = MappingProxyType({})
_FOUR, _EMPTY_MAP = b"\x84", b"\xa0"


@frozen(slots=True)
class Algorithm:
    """An ECDSA algorithm of RFC 9053, section 2.1, with the curve that it is for."""

    name: str
    curve: type[ec.EllipticCurve]
    scheme: ec.ECDSA
    size: int
    """Bytes of r, and of s."""


ES256, ES384, ES512 = -7, -35, -36
ALGORITHMS: Mapping[int, Algorithm] = MappingProxyType(
    {
        ES256: Algorithm("ES256", ec.SECP256R1, ec.ECDSA(hashes.SHA256()), 32),
        ES384: Algorithm("ES384", ec.SECP384R1, ec.ECDSA(hashes.SHA384()), 48),
        ES512: Algorithm("ES512", ec.SECP521R1, ec.ECDSA(hashes.SHA512()), 66),
    }
)


@frozen(slots=True)
class Sign1:
    """A COSE_Sign1 as it was read; nothing in it is verified yet."""

    algorithm: Algorithm
    """What the protected header names."""
    protected: bytes
    """The protected header as it was signed."""
    headers: Headers
    """The same, decoded."""
    unprotected: Headers
    payload: bytes
    signature: bytes

    def signed(self, external_aad: bytes = b"") -> bytes:
        """What the signature covers (RFC 9052, section 4.4)."""
        return cbor.dumps(["Signature1", self.protected, external_aad, self.payload])


def parse(
    data: bytes,
    *,
    what: str,
    max_size: int,
    algorithms: tuple[int, ...] = (ES256, ES384, ES512),
    error: type[TteeError] = MalformedEvidenceError,
) -> Sign1:
    """The COSE_Sign1 in `data`, with its tag 18 or without. `algorithms`: those that are taken.

    Raises `error`, with the place.
    """
    body = data.removeprefix(TAG)
    if len(body) <= max_size and (usual := _usual_form(body)) is not None:
        algorithm, headers = _headers(usual[0], _NOTHING, algorithms, what, error)
        return Sign1(algorithm, usual[0], headers, _NOTHING, *usual[1:])
    value = cbor.loads_vendor(body, what=what, max_size=max_size, max_depth=4, error=error)
    if not isinstance(value, list) or len(value) != 4:
        raise error(f"{what} is not an array of four", where=f"{what}, byte 0", source=SOURCE)
    protected, unprotected, payload, signature = value
    if not isinstance(protected, bytes) or not isinstance(unprotected, dict):
        raise error(
            f"{what} does not begin with a byte string and a map, its headers", where=what, source=SOURCE
        )
    if not isinstance(payload, bytes) or not isinstance(signature, bytes):
        raise error(
            f"{what} does not end with two byte strings, payload and signature", where=what, source=SOURCE
        )
    algorithm, headers = _headers(protected, unprotected, algorithms, what, error)
    return Sign1(algorithm, protected, headers, MappingProxyType(unprotected), payload, signature)


def _usual_form(data: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Protected header, payload and signature of an array of bytes, {}, bytes, bytes: by their heads alone.

    Most messages have this form, which is read in a third of the time; None for any other, right or wrong.
    """
    found, at = [], 1
    if data[:1] != _FOUR:
        return None
    for behind in (_EMPTY_MAP, b"", b""):
        part = cbor.short_bytes(data, at)
        if part is None:
            return None
        found.append(part[0])
        at = part[1] + len(behind)
        if behind and data[part[1] : at] != behind:
            return None
    return (found[0], found[1], found[2]) if at == len(data) else None


def _headers(
    protected: bytes,
    unprotected: Headers,
    algorithms: tuple[int, ...],
    what: str,
    error: type[TteeError],
) -> tuple[Algorithm, Headers]:
    try:
        algorithm, headers = _usual(protected, algorithms)
    except MalformedEvidenceError:
        algorithm, headers = _protected(protected, algorithms, what, error)  # again, in the caller's words
    if unprotected:
        where = f"{what}, unprotected header"
        if CRIT in unprotected:
            raise error(f"{where} calls headers critical", where=where, source="RFC 9052, section 3.1")
        if both := headers.keys() & unprotected.keys():
            raise error(
                f"{what} has the header {min(map(str, both))[:32]} both protected and unprotected",
                where=where,
                source="RFC 9052, section 3",
            )
    return algorithm, headers


@lru_cache(maxsize=256)
def _usual(protected: bytes, algorithms: tuple[int, ...]) -> tuple[Algorithm, Headers]:
    """The same few bytes stand in each document of a kind. Errors are not remembered."""
    return _protected(protected, algorithms, "document", MalformedEvidenceError)


def _protected(
    protected: bytes, algorithms: tuple[int, ...], what: str, error: type[TteeError]
) -> tuple[Algorithm, Headers]:
    """The algorithm, and all of the protected header."""
    where = f"{what}, protected header"
    nothing = cbor.dumps({})  # an empty header may also be no bytes at all (RFC 9052, section 3)
    headers = cbor.loads_vendor(protected or nothing, what=where, max_size=1024, max_depth=4, error=error)
    if not isinstance(headers, dict):
        raise error(f"{where} is not a map", where=where, source="RFC 9052, section 3")
    if CRIT in headers:
        raise error(
            f"{where} calls headers critical; none are known here",
            where=where,
            source="RFC 9052, section 3.1",
        )
    algorithm = headers.get(ALG)
    if type(algorithm) is not int or algorithm not in algorithms:
        names = ", ".join(f"{ALGORITHMS[known].name} ({known})" for known in algorithms)
        raise error(
            f"{where} names the algorithm {str(algorithm)[:32]}; it must be {names}",
            where=where,
            source="RFC 9053, section 2.1",
        )
    return ALGORITHMS[algorithm], MappingProxyType(headers)


def verify(message: Sign1, key: ec.EllipticCurvePublicKey, *, external_aad: bytes = b"") -> None:
    """Return if `key` signed `message`. Raises SignatureError.

    The signature must be r || s of exactly the algorithm's size, and the key on the algorithm's curve.
    """
    algorithm = message.algorithm
    if not isinstance(key.curve, algorithm.curve):
        raise SignatureError(
            f"{algorithm.name} needs a key on {algorithm.curve.name}, this one is on {key.curve.name}",
            source="RFC 9053, section 2.1",
        )
    size, signature = algorithm.size, message.signature
    if len(signature) != 2 * size:
        raise SignatureError(
            f"a signature of {algorithm.name} has {2 * size} bytes, r || s; this one has {len(signature)}",
            source="RFC 9053, section 2.1",
        )
    r, s = int.from_bytes(signature[:size]), int.from_bytes(signature[size:])
    try:
        key.verify(encode_dss_signature(r, s), message.signed(external_aad), algorithm.scheme)
    except InvalidSignature:
        raise SignatureError("the signature does not verify", source=SOURCE) from None


def sign(
    payload: bytes,
    key: ec.EllipticCurvePrivateKey,
    *,
    algorithm: int = ES384,
    headers: Headers = _NOTHING,
    unprotected: Headers = _NOTHING,
    external_aad: bytes = b"",
) -> Sign1:
    """A COSE_Sign1 over `payload`, by a key on the algorithm's curve; `headers` are protected like `alg`."""
    known, named = ALGORITHMS[algorithm], {ALG: algorithm, **headers}
    message = Sign1(known, cbor.dumps_vendor(named), named, unprotected, payload, b"")
    r, s = decode_dss_signature(key.sign(message.signed(external_aad), known.scheme))
    return evolve(message, signature=r.to_bytes(known.size) + s.to_bytes(known.size))


def encode(message: Sign1, *, tagged: bool = False) -> bytes:
    """The bytes of `message`, which `parse` reads."""
    body: list[VendorValue] = [
        message.protected,
        dict(message.unprotected),
        message.payload,
        message.signature,
    ]
    return (TAG if tagged else b"") + cbor.dumps_vendor(body)
