# SPDX-License-Identifier: Apache-2.0
"""AMD's certificates: what a VCEK or VLEK says of itself, and its path to a root (AMD 57230, chapter 3).

    ARK-LINE ── SEV-LINE (ASK) ──────── SEV-VCEK    one chip, at one TCB
           └─── SEV-VLEK-LINE (ASVK) ── SEV-VLEK    one cloud, at one TCB

All links are RSASSA-PSS with SHA-384; the VEKs themselves are on P-384. ARKs are pinned. An ASK or ASVK counts
because its ARK signed it, wherever it comes from: some hosts hand out malformed ones (AWS), so ours stand in.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from functools import cache
from importlib import resources

from attrs import frozen
from cryptography.hazmat.primitives.asymmetric import ec

from ttee.codec import der
from ttee.errors import (
    AnchorError,
    CertificateError,
    EndorsementError,
    NotAuthenticError,
    SignatureError,
)
from ttee.pki.certificate import Certificate, load_certificate, load_pem_chain, name_attributes
from ttee.pki.path import Root, check_issued, verify_path
from ttee.pki.trusted import Trusted, of_maker
from ttee.pki.window import Window
from ttee.tee.amd.evidence import VCEK, VLEK
from ttee.tee.amd.products import COMPONENTS, PRODUCTS, TCB_SIZE, Product, by_name

SOURCE = "AMD 57230, chapter 3"
ALGORITHMS = ("rsa-pss-sha384",)
KINDS = {VCEK: "VCEK", VLEK: "VLEK"}
ISSUERS = {VCEK: "SEV-{}", VLEK: "SEV-VLEK-{}"}
"""Who issues them, by product line."""

_OID = "1.3.6.1.4.1.3704.1."
_PRODUCT, _TCB, _HWID, _CSP = (_OID + number for number in ("2", "3.", "4", "5"))
_IA5_STRING = 0x16
_SUBJECT = {
    "2.5.4.6": "US",
    "2.5.4.7": "Santa Clara",
    "2.5.4.8": "CA",
    "2.5.4.10": "Advanced Micro Devices",
    "2.5.4.11": "Engineering",
}
_COMMON_NAME = "2.5.4.3"


@frozen(slots=True)
class Vek:
    """A certificate that says it is a VCEK or VLEK, and what it says."""

    certificate: Certificate
    kind: int
    product: Product
    tcb: bytes
    hwid: bytes | None
    """The chip that it is for, of a VCEK."""
    csp_id: str | None
    """The cloud that it is for, of a VLEK."""
    key: ec.EllipticCurvePublicKey


def load(data: bytes, *, what: str) -> tuple[Certificate, ...]:
    """One certificate in DER, or up to three in PEM. Raises EndorsementError."""
    if data[:1] == b"\x30":
        return (load_certificate(data, what=what, error=EndorsementError),)
    return load_pem_chain(data, what=what, size=range(1, 4), error=EndorsementError)


def read_vek(certificate: Certificate, kind: int) -> Vek:
    """What a certificate for a key of that kind (VCEK, VLEK) says. Raises CertificateError."""
    what = KINDS[kind]
    require_name(certificate.subject, f"SEV-{what}", what=what)
    key = certificate.public_key
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP384R1):
        raise CertificateError(f"the {what} has no key on P-384", where=what, source=SOURCE)
    with der.named(what, CertificateError):
        line = _text(certificate, _PRODUCT)
        product = by_name(line or "")
        if product is None:
            raise CertificateError(f"the {what} is for {line!r}, no product line known here", where=what)
        hwid, csp_id = _hwid(certificate, product), _text(certificate, _CSP)
        if (hwid is None, csp_id is None) != ((False, True) if kind == VCEK else (True, False)):
            raise CertificateError(
                f"the {what} must name {'a chip, and no cloud' if kind == VCEK else 'a cloud, and no chip'}",
                where=what,
                source=SOURCE,
            )
        return Vek(certificate, kind, product, _tcb(certificate, product), hwid, csp_id, key)


def require_name(name: bytes, common_name: str, *, what: str) -> None:
    """Return if `name` (DER) is AMD's, with that common name. Raises CertificateError."""
    with der.named(what, CertificateError):
        found = name_attributes(name)
    expected = _SUBJECT | {_COMMON_NAME: common_name}
    if len(found) != len(expected) or dict(found) != expected:
        said = ", ".join(text for _, text in found)
        raise CertificateError(
            f"the {what} is of {said[:200]!r}, not of AMD's {common_name}", where=what, source=SOURCE
        )


def find_path(
    vek: Vek, given: Sequence[Certificate], roots: Sequence[Root]
) -> tuple[Certificate, Certificate, Certificate]:
    """`vek`, an intermediate that signed it, and the root above: out of what was given, and our own.

    Raises SignatureError (no intermediate signed it), CertificateError (it is another line's), AnchorError.
    """
    everything = (*given, *shipped(vek.product))
    for candidate in (each for each in everything if each.subject == vek.certificate.issuer):
        with suppress(NotAuthenticError):
            check_issued(vek.certificate, candidate, algorithms=ALGORITHMS, what=KINDS[vek.kind])
            intermediate = candidate
            break
    else:
        above = vek.certificate.issuer_common_name
        raise SignatureError(f"{above} did not sign this {KINDS[vek.kind]}", where="vek", source=SOURCE)
    require_name(intermediate.issuer, f"ARK-{vek.product.line}", what=f"issuer of {intermediate.common_name}")
    for each in everything:
        if each.subject == intermediate.issuer and any(is_root(each, root) for root in roots):
            return vek.certificate, intermediate, each
    raise AnchorError(
        f"the chain ends in {intermediate.issuer_common_name!r}, which is not pinned",
        where="chain",
        hint="pinned: " + ", ".join(root.name for root in roots),
        source=SOURCE,
    )


def is_root(certificate: Certificate, root: Root) -> bool:
    """Whether `root` pins this certificate, or its key."""
    return root.digest in (None, certificate.digest) and root.key in (None, certificate.key_digest)


def verify(path: Sequence[Certificate], roots: Sequence[Root], at: datetime, *, get: str) -> Window:
    """When this path (VEK, intermediate, root) holds; raises what `verify_path` does."""
    return verify_path(
        path, roots, at=at, algorithms=ALGORITHMS, what="chain", stale=EndorsementError, get=get
    )


@cache
def shipped(product: Product) -> tuple[Certificate, ...]:
    """The ASK, ASVK and ARK of a product line, as they come with us."""
    folder = resources.files(__package__).joinpath("roots")
    names = [f"{kind}-{product.name}.pem" for kind in ("ask", "asvk", "ark")]
    return tuple(load(folder.joinpath(name).read_bytes(), what=name)[0] for name in names)


@cache
def pinned() -> Trusted:
    """AMD's ARKs."""
    arks = (shipped(product)[-1] for product in PRODUCTS)
    return of_maker(*(Root(ark.common_name, digest=ark.digest) for ark in arks))


def _text(certificate: Certificate, oid: str) -> str | None:
    """The IA5String in an extension; None without it. Raises DerError."""
    if oid not in certificate.extensions:
        return None
    content = der.only(certificate.extensions[oid].value, _IA5_STRING)
    if not 0 < len(content) <= 64 or not content.isascii() or not content.decode("ascii").isprintable():
        raise der.DerError(f"an extension {oid} that is not a short text")
    return content.decode("ascii")


def _hwid(certificate: Certificate, product: Product) -> bytes | None:
    """The chip's identity: bare bytes, although an extension should hold DER. Raises DerError."""
    if _HWID not in certificate.extensions:
        return None
    value = certificate.extensions[_HWID].value
    hwid = value if len(value) == product.hwid_size else der.only(value, der.OCTET_STRING)
    if len(hwid) != product.hwid_size:
        raise der.DerError(f"a hardware identity of {len(hwid)} bytes instead of {product.hwid_size}")
    return hwid


def _tcb(certificate: Certificate, product: Product) -> bytes:
    """The TCB that a certificate is for. What has a name must be there; the rest is zero when it is left out."""
    values = bytearray(TCB_SIZE)
    for place, number in enumerate(product.order):
        extension = certificate.extensions.get(f"{_TCB}{number}")
        if extension is not None:
            values[place] = der.natural(der.only(extension.value, der.INTEGER), below=256)
        elif number in COMPONENTS:
            raise der.DerError(f"no extension {_TCB}{number} ({COMPONENTS[number]}SPL)")
    return bytes(values)
