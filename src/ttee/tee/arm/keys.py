# SPDX-License-Identifier: Apache-2.0
"""The device keys that a relying party trusts: CPAKs of CCA platforms, IAKs of PSA devices.

Arm certifies no devices: whoever made one hands out its public key, together with the ids of the device. So a key
comes from the caller, as an anchor (the SubjectPublicKeyInfo) or as a document, in one of these forms:

    -----BEGIN PUBLIC KEY-----                                            PEM, or the same in DER
    {"kty": "EC", "crv": "P-384", "x": "…", "y": "…"}                    a JWK
    [{"instance-id": "<hex>", "implementation-id": "<hex>", "pkey": JWK}] as Veraison's tools write it

A key inside evidence, or beside it in an evidence file, is never one of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import sha256
from types import MappingProxyType

from attrs import frozen
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from ttee.codec import base64url, json
from ttee.codec import hex as hex_codec
from ttee.errors import AnchorError, EndorsementError, UsageError
from ttee.model import Anchor, Assurance, Endorsements, Reliance
from ttee.pki.signature import load_point, load_public_key

MAX_DOCUMENT = 1024 * 1024
MAX_KEYS = 4096
SOURCE = "RFC 7517; RFC 7518, section 6.2"
CURVES: Mapping[str, tuple[type[ec.EllipticCurve], int]] = MappingProxyType(
    {"P-256": (ec.SECP256R1, 32), "P-384": (ec.SECP384R1, 48), "P-521": (ec.SECP521R1, 66)}
)
"""By the names of JOSE: the curve, and the bytes of a coordinate."""

PUBLISHED: Mapping[bytes, str] = MappingProxyType(
    {
        bytes.fromhex(
            "51b944cdfa544d4c3273aa6bf350625a7dd53bbb6a71723274f538b19a207760"
        ): "RFC 7517's example",
        bytes.fromhex("0928f896cb02326566530a62a1e36329a12d0a4a308f4fc81e8ff5560bca6bca"): "TF-A's test CPAK",
        bytes.fromhex("7b1a17147ca907e16cad79901fef13991ec6206e3d148b657068ad6c4cba4626"): "TF-M's test IAK",
    }
)
"""Keys whose private half anybody can download, by the SHA-256 of their SubjectPublicKeyInfo."""


@frozen(slots=True)
class DeviceKey:
    """A key that the caller trusts: for one device if `instance` is given, for one design if `implementation` is."""

    spki: bytes
    relied_on: Reliance
    assurance: Assurance
    instance: bytes | None = None
    implementation: bytes | None = None

    @property
    def published(self) -> str | None:
        """Whose test key this is, if anybody can have it."""
        return PUBLISHED.get(sha256(self.spki).digest())


def device_keys(tee: str, document: str, endorsements: Endorsements) -> tuple[DeviceKey, ...]:
    """All keys that the caller gave for `tee`: its anchors, then the documents `document` and `document.…`.

    A key out of a document says nothing about what it is in: it counts as an emulator's. An anchor says it.
    Raises EndorsementError for documents that cannot be read, UsageError for such anchors.
    """
    anchors = tuple(anchor for anchor in endorsements.anchors if anchor.tee == tee)
    documents = tuple(
        (name, data)
        for name, data in sorted(endorsements.documents.items())
        if name == document or name.startswith(document + ".")
    )
    return _device_keys(tee, anchors, documents)


def key_for(
    keys: tuple[DeviceKey, ...], document: str, instance: bytes, implementation: bytes
) -> tuple[DeviceKey, ...]:
    """Those of `keys` that may have signed for this device. Raises EndorsementError (none given), AnchorError."""
    if not keys:
        raise EndorsementError(
            "no device key was given: Arm has no directory of them",
            where=f"endorsements, {document}",
            hint=f"ask the device's maker for the key of the instance {instance.hex()}, and give it as an anchor "
            f"of the policy, as the document `{document}`, or in a file that is named (--endorsements FILE)",
        )
    found = tuple(
        key
        for key in keys
        if key.instance in (None, instance) and key.implementation in (None, implementation)
    )
    if not found:
        raise AnchorError(
            f"none of the {len(keys)} device keys that were given is of the instance {instance.hex()}",
            where="instance id, implementation id",
            hint=f"its implementation id is {implementation.hex()}; ask its maker for the key, if you trust it",
        )
    return found


@lru_cache(maxsize=4096)
def load_key(spki: bytes) -> ec.EllipticCurvePublicKey:
    """The key of a SubjectPublicKeyInfo that `device_keys` let through."""
    key = load_public_key(spki, what="a device key", error=UsageError)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise UsageError(
            "a device key of Arm's is an elliptic curve's (ES256, ES384, ES512); this one is RSA"
        )
    return key


@lru_cache(maxsize=4096)
def load_xy(curve: str, xy: bytes, *, what: str) -> ec.EllipticCurvePublicKey:
    """The key of the point x || y on P-256, P-384 or P-521. Raises WeakKeyError."""
    return load_point(CURVES[curve][0](), xy, what=what)


@lru_cache(maxsize=64)
def _device_keys(
    tee: str, anchors: tuple[Anchor, ...], documents: tuple[tuple[str, bytes], ...]
) -> tuple[DeviceKey, ...]:
    found = []
    for anchor in anchors:
        load_key(anchor.key)
        reliance = Reliance("anchor", f"{tee} device key", sha256(anchor.key).digest())
        found.append(DeviceKey(anchor.key, reliance, anchor.assurance))
    for name, data in documents:
        found += read_keys(name, data)
    return tuple(found)


def read_keys(name: str, data: bytes) -> Iterator[DeviceKey]:
    """The keys of one document. Raises EndorsementError, WeakKeyError."""
    if len(data) > MAX_DOCUMENT:
        raise _unreadable(name, f"it has more than {MAX_DOCUMENT} bytes")
    text = data.strip()
    if text.startswith(b"-----BEGIN"):
        try:
            yield _key(name, load_pem_public_key(text))
        except (ValueError, UnsupportedAlgorithm):
            raise _unreadable(name, "it is not a public key in PEM") from None
    elif text[:1] in (b"{", b"["):
        value = json.loads(text, what=name, max_size=MAX_DOCUMENT, max_depth=4, error=EndorsementError)
        entries = value if isinstance(value, list) else [value]
        if not 1 <= len(entries) <= MAX_KEYS:
            raise _unreadable(name, f"it has {len(entries)} keys; 1 to {MAX_KEYS} are read")
        yield from (_entry(name, entry) for entry in entries)
    else:
        yield _key(name, load_public_key(data, what=name, error=EndorsementError))


def _entry(name: str, entry: json.JsonValue) -> DeviceKey:
    """One JWK, or one with the ids of its device."""
    if not isinstance(entry, dict):
        raise _unreadable(name, "an entry is not an object")
    if "kty" in entry:
        return _key(name, _jwk(name, entry))
    if unknown := entry.keys() - {"instance-id", "implementation-id", "pkey"}:
        raise _unreadable(name, f"an entry has the key {min(unknown)[:32]!r}")
    return _key(
        name,
        _jwk(name, entry.get("pkey")),
        _id(name, entry, "instance-id", 33),
        _id(name, entry, "implementation-id", 32),
    )


def _jwk(name: str, value: json.JsonValue) -> ec.EllipticCurvePublicKey:
    if not isinstance(value, dict) or value.get("kty") != "EC":
        raise _unreadable(name, "a key is not a JWK of an elliptic curve")
    if "d" in value:
        raise _unreadable(name, "it has the private half of a key; give the public one alone")
    curve, x, y = value.get("crv"), value.get("x"), value.get("y")
    if not isinstance(curve, str) or curve not in CURVES or not isinstance(x, str) or not isinstance(y, str):
        raise _unreadable(name, f"a key has not crv ({', '.join(CURVES)}), x and y")
    point = [base64url.decode(text, what=f"{name}, x or y", error=EndorsementError) for text in (x, y)]
    if any(len(part) != CURVES[curve][1] for part in point):
        raise _unreadable(name, f"x and y of a key on {curve} have {CURVES[curve][1]} bytes each")
    return load_xy(curve, b"".join(point), what=f"the key of {name}")


def _id(name: str, entry: Mapping[str, json.JsonValue], key: str, size: int) -> bytes | None:
    text = entry.get(key)
    if text is None:
        return None
    if not isinstance(text, str):
        raise _unreadable(name, f"{key} is not text")
    return hex_codec.decode(text.lower(), what=f"{name}, {key}", size=size, error=EndorsementError)


def _key(
    name: str, key: PublicKeyTypes, instance: bytes | None = None, implementation: bytes | None = None
) -> DeviceKey:
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if not isinstance(load_public_key(spki, what=name, error=EndorsementError), ec.EllipticCurvePublicKey):
        raise _unreadable(name, "a key is not an elliptic curve's")
    reliance = Reliance("endorsement", f"device key ({name})", sha256(spki).digest())
    return DeviceKey(spki, reliance, Assurance.EMULATED, instance, implementation)


def _unreadable(name: str, problem: str) -> EndorsementError:
    return EndorsementError(f"the document `{name}` cannot be used: {problem}", where=name, source=SOURCE)
