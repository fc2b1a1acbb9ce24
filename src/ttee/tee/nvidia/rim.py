# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's reference values (RIM): SWID tags with the measurements that a driver or a VBIOS has to give.

Sources: TCG Reference Integrity Manifest information model 1.01; ISO/IEC 19770-2:2015; NVIDIA/nvtrust,
local_gpu_verifier/src/verifier/rim. An index may have several alternatives, and counts only if it is `active`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from hashlib import sha256
from importlib import resources
from types import MappingProxyType

from attrs import frozen
from cryptography.hazmat.primitives.asymmetric import ec

from ttee.codec import hex as hex_codec
from ttee.errors import CertificateError, EndorsementError
from ttee.model import Reliance
from ttee.pki.certificate import Certificate, load_certificate, load_pem_chain
from ttee.pki.path import Root, verify_path
from ttee.pki.signature import verify_ecdsa_raw
from ttee.pki.trusted import Trusted, of_maker
from ttee.pki.window import Window
from ttee.tee.nvidia import xmldsig
from ttee.tee.nvidia.xmldsig import Element

SWID = "http://standards.iso.org/iso/19770/-2/2015/schema.xsd"
SHA384 = "http://www.w3.org/2001/04/xmlenc#sha384"
SOURCE = "TCG RIM information model 1.01; NVIDIA/nvtrust, verifier/rim"
ALGORITHMS = ("ecdsa-p384-sha384",)
SERVICE = "https://rim.attestation.nvidia.com/v1/rim/"
_INDEX = re.compile(r"[0-9]{1,3}")


@frozen(slots=True)
class Rim:
    """Reference values whose signature holds while `window` lasts."""

    version: str
    """Of the driver or VBIOS that it is for."""
    product: str
    measurements: Mapping[int, tuple[bytes, ...]]
    """The active ones, by index: any one of the alternatives is right."""
    path: tuple[Certificate, ...]
    """Who signed them, the root last."""
    window: Window
    relied_on: tuple[Reliance, ...]


@frozen(slots=True)
class Manifest:
    """Reference values as they read: their digest holds, and nobody vouches for them yet."""

    data: bytes
    version: str
    product: str
    measurements: Mapping[int, tuple[bytes, ...]]
    path: tuple[Certificate, ...]
    signed: bytes
    signature: bytes


def load_rim(data: bytes, what: str, roots: Trusted, at: datetime) -> Rim:
    """The reference values in `data`, signed by a key that one of `roots` certified.

    Raises EndorsementError (malformed, not current), AnchorError, CertificateError, SignatureError.
    """
    manifest = open_rim(data, what)
    window = check_rim(manifest, what, roots.roots, at)
    relied_on = (
        roots.reliance(manifest.path[-1]),
        Reliance("endorsement", what, sha256(data).digest()),
    )
    return Rim(manifest.version, manifest.product, manifest.measurements, manifest.path, window, relied_on)


def check_rim(manifest: Manifest, what: str, roots: Sequence[Root], at: datetime) -> Window:
    """When the signature holds, if it does at `at`. Raises as `load_rim` does."""
    path = manifest.path
    window = verify_path(
        path, roots, at=at, algorithms=ALGORITHMS, what=what, stale=EndorsementError, get=SERVICE
    )
    key = path[0].public_key
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP384R1):
        raise CertificateError(f"{what} is signed with a key that is not on P-384", where=what)
    verify_ecdsa_raw(key, manifest.signature, manifest.signed, what=what)
    return window


@lru_cache(maxsize=64)
def open_rim(data: bytes, what: str) -> Manifest:
    """The reference values in `data`. Raises EndorsementError, SignatureError (its digest differs).

    Canonical XML is slow, and one RIM serves all devices with one driver.
    """
    found = xmldsig.load(data, what)
    path = tuple(
        load_certificate(der, what=f"{what}, certificate {index}", error=EndorsementError)
        for index, der in enumerate(found.certificates)
    )
    try:
        version, product, measurements = _read(found.root)
    except (ValueError, KeyError) as problem:
        raise EndorsementError(
            f"{what} does not say what a RIM says: {problem}"[:300], where=what, source=SOURCE
        ) from None
    return Manifest(
        data, version, product, MappingProxyType(measurements), path, found.signed, found.signature
    )


def _read(root: Element) -> tuple[str, str, dict[int, tuple[bytes, ...]]]:
    if root.expanded != (SWID, "SoftwareIdentity"):
        raise ValueError("its root is not a SoftwareIdentity")
    (meta,) = _named(root, "Meta")
    (payload,) = _named(root, "Payload")
    measurements: dict[int, tuple[bytes, ...]] = {}
    seen: set[int] = set()
    for resource in payload.elements():
        index, active, values = _resource(resource)
        if index in seen:
            raise ValueError(f"the index {index} is there twice")
        seen.add(index)
        if active:
            measurements[index] = values
    if not measurements:
        raise ValueError("it has no active measurement")
    return meta.attributes["colloquialVersion"], meta.attributes["product"], measurements


def _named(root: Element, name: str) -> list[Element]:
    found = [child for child in root.elements() if child.expanded == (SWID, name)]
    if len(found) != 1:
        raise ValueError(f"{len(found)} elements {name} instead of one")
    return found


def _resource(resource: Element) -> tuple[int, bool, tuple[bytes, ...]]:
    if resource.expanded != (SWID, "Resource"):
        raise ValueError(f"{resource.name[:32]} in its payload")
    plain = resource.attributes
    hashes = {
        local: value
        for key, value in plain.items()
        for uri, local in [resource.resolve(key, attribute=True)]
        if uri == SHA384
    }
    numbers = [plain[key] for key in ("index", "alternatives", "size")]
    if plain.get("type") != "Measurement" or not all(map(_INDEX.fullmatch, numbers)):
        raise ValueError("a resource that is not a measurement with index, alternatives and size")
    index, alternatives, size = map(int, numbers)
    if plain.get("active") not in ("True", "False"):
        raise ValueError(f"the measurement {index} is neither active nor not")
    if not alternatives or hashes.keys() != {f"Hash{number}" for number in range(alternatives)}:
        raise ValueError(f"the measurement {index} does not have {alternatives} alternatives")
    values = tuple(
        hex_codec.decode(value.lower(), what=f"measurement {index}", size=size, error=EndorsementError)
        for value in hashes.values()
    )
    return index, plain["active"] == "True", values


@cache
def rim_maker() -> Trusted:
    """NVIDIA's own root for reference values."""
    data = resources.files("ttee.tee.nvidia").joinpath("roots", "rim.pem").read_bytes()
    (root,) = load_pem_chain(data, what="rim.pem", size=range(1, 2))
    return of_maker(Root("NVIDIA CoRIM signing Root CA", digest=root.digest))
