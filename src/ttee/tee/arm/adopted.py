# SPDX-License-Identifier: Apache-2.0
"""Device keys among the files that somebody has: which of them are for this token, and what is in a file. No I/O.

A key that a relying party gives is one that it trusts. So only keys by themselves are taken, out of files that it
named one by one; never one out of a certificate, or of a folder, which others may fill.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ttee.codec import cbor, cose
from ttee.errors import EndorsementError, TteeError, UsageError
from ttee.pki.loose import key_of
from ttee.tee.arm.keys import CURVES, MAX_DOCUMENT, DeviceKey, load_key, load_xy, read_keys
from ttee.tee.arm.signed import verify_signature
from ttee.tee.sources import File

_COSE_CURVES = {1: "P-256", 2: "P-384", 3: "P-521"}
_COSE_KEY_TYPE, _EC2, _CURVE, _X, _Y = 1, 2, -1, -2, -3
"""RFC 9053, section 7.1.1."""


def adopt_keys(
    document: str, message: bytes, instance: bytes, implementation: bytes, files: Sequence[File]
) -> dict[str, bytes]:
    """The named files with the key that signed `message`, as documents `document.…`; if none did, those with keys that
    could have: of this device, and on the curve of its algorithm. The verification then says what is wrong."""
    signed: dict[str, bytes] = {}
    possible: dict[str, bytes] = {}
    for file in files:
        if not file.named:
            continue
        keys = [
            key
            for key in _keys(file)
            if key.instance in (None, instance) and key.implementation in (None, implementation)
        ]
        for key in keys:
            name = f"{document}.{key.relied_on.digest.hex()[:16]}"
            if _could_sign(key, message):
                possible.setdefault(name, file.data)
            with suppress(TteeError):
                verify_signature(key, message, document)
                signed.setdefault(name, file.data)
    return signed or possible


def anchor_key(data: bytes) -> bytes:
    """The SubjectPublicKeyInfo of the one device key in a file: PEM, DER, a certificate, a JWK, or a COSE_Key.

    Raises UsageError.
    """
    if len(data) > MAX_DOCUMENT:
        raise UsageError(f"a file of {len(data)} bytes is no device key")
    if data.lstrip()[:1] in (b"{", b"["):
        try:
            found = {key.spki for key in read_keys("this file", data)}
        except EndorsementError as problem:
            raise UsageError(problem.message, where=problem.where, source=problem.source) from None
        if len(found) != 1:
            raise UsageError(f"this file has {len(found)} device keys, and an anchor is one")
        spki = found.pop()
    elif data[:1] and data[0] >> 5 == 5:  # a CBOR map
        spki = _cose_key(data)
    else:
        spki = key_of(data)
    load_key(spki)
    return spki


def _keys(file: File) -> tuple[DeviceKey, ...]:
    if file.data.lstrip()[:1] not in (b"{", b"[", b"-", b"\x30") or len(file.data) > MAX_DOCUMENT:
        return ()
    try:
        return tuple(read_keys(file.name, file.data))
    except TteeError:
        return ()


def _could_sign(key: DeviceKey, message: bytes) -> bool:
    try:
        algorithm = cose.parse(message, what="token", max_size=len(message)).algorithm
        curve = load_key(key.spki).curve
    except TteeError:
        return False
    return isinstance(curve, algorithm.curve)


def _cose_key(data: bytes) -> bytes:
    value = cbor.loads_vendor(data, what="COSE_Key", max_size=MAX_DOCUMENT, max_depth=2, error=UsageError)
    curve = _COSE_CURVES.get(value.get(_CURVE)) if isinstance(value, dict) else None  # type: ignore[arg-type]
    if not isinstance(value, dict) or value.get(_COSE_KEY_TYPE) != _EC2 or curve is None:
        raise UsageError("this COSE_Key is not of an elliptic curve (EC2)", source="RFC 9053, section 7.1.1")
    x, y = value.get(_X), value.get(_Y)
    size = CURVES[curve][1]
    if not (isinstance(x, bytes) and isinstance(y, bytes) and len(x) == len(y) == size):
        raise UsageError(
            f"x and y of a COSE_Key on {curve} have {size} bytes each", source="RFC 9053, section 7.1.1"
        )
    key: ec.EllipticCurvePublicKey = load_xy(curve, x + y, what="this COSE_Key")
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
