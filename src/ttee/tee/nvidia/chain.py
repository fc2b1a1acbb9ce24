# SPDX-License-Identifier: Apache-2.0
"""Does NVIDIA vouch for the key that signed a report, and for the firmware that uses it? Steps 2 and 3 of `verify.py`.

    NVIDIA Device Identity CA ── model ── provisioner ── boot ROM ── firmware        ECDSA on P-384 with SHA-384

Boot ROM and firmware certificates are made by the device; the last one says which firmware it was made for.
"""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime
from functools import cache
from importlib import resources

from cryptography.hazmat.primitives.asymmetric import ec

from ttee.codec import der
from ttee.errors import BindingError, CertificateError, MalformedEvidenceError
from ttee.pki.cache import PositiveCache
from ttee.pki.certificate import Certificate, load_pem_chain
from ttee.pki.path import Root, verify_path
from ttee.pki.trusted import Trusted, of_maker
from ttee.pki.window import Window
from ttee.tee.nvidia.evidence import FWID, Report

ALGORITHMS = ("ecdsa-p384-sha384",)
MAX_CERTIFICATES = 6
TCB_INFO = "2.23.133.5.4.1"
_SHA384 = "2.16.840.1.101.3.4.2.2"
_LINKS: PositiveCache[Hashable, tuple[Certificate, ...]] = PositiveCache(4096)


def follow(chain: bytes, trusted: Trusted, at: datetime, what: str) -> tuple[Certificate, ...]:
    """The path in `chain` (PEM, leaf first), which ends at a trusted root and holds at `at`.

    Raises MalformedEvidenceError, AnchorError, CertificateError, SignatureError.
    """
    key = (chain, trusted)
    known = _LINKS.get(key, at)
    if known is not None:
        return known
    path = load_pem_chain(chain, what=what, size=range(1, MAX_CERTIFICATES + 1))
    window: Window = verify_path(path, trusted.roots, at=at, algorithms=ALGORITHMS, what=what)
    return _LINKS.put(key, path, window)


def device_key(leaf: Certificate, what: str) -> ec.EllipticCurvePublicKey:
    """The key of a device. Raises CertificateError: not on P-384."""
    key = leaf.public_key
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP384R1):
        raise CertificateError("the device's key is not on P-384", where=what)
    return key


def firmware_id(leaf: Certificate, what: str) -> bytes | None:
    """The SHA-384 of the firmware that a leaf certificate was made for; None if it does not say.

    NVIDIA has in this extension, instead of TcbInfo, [version, public key, [algorithm, digest]].
    Raises MalformedEvidenceError.
    """
    extension = leaf.extensions.get(TCB_INFO)
    if extension is None:
        return None
    with der.named(f"{what}, firmware id", MalformedEvidenceError):
        _, _, firmware = der.shape(der.sequence(extension.value), der.INTEGER, der.SEQUENCE, der.SEQUENCE)
        algorithm, digest = der.shape(der.elements(firmware), der.OID, der.OCTET_STRING)
        if der.oid(algorithm) != _SHA384 or len(digest) != 48:
            raise der.DerError("a firmware id that is not of SHA-384")
        return digest


def check_firmware(leaf: Certificate, report: Report, what: str) -> None:
    """Return if the certificate was made for the firmware that the report names. Raises BindingError,
    MalformedEvidenceError."""
    certified, reported = firmware_id(leaf, what), report.opaque[FWID]
    if certified != reported:
        raise BindingError(
            f"the report names the firmware {reported.hex()[:96]}, its certificate was made for "
            f"{certified.hex() if certified else 'none'}",
            where=what,
        )


@cache
def maker() -> Trusted:
    """NVIDIA's own root for devices."""
    data = resources.files("ttee.tee.nvidia").joinpath("roots", "device.pem").read_bytes()
    (root,) = load_pem_chain(data, what="device.pem", size=range(1, 2))
    return of_maker(Root("NVIDIA Device Identity CA", digest=root.digest))
