# SPDX-License-Identifier: Apache-2.0
"""Certificates of TPM keys: what they must be for, and which TPM they are of; and the paths above them.

Source: TCG EK Credential Profile 2.5, section 3.2; TCG TPM 2.0 Keys for Device Identity and Attestation 1.0, section 8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from itertools import pairwise
from types import MappingProxyType

from attrs import frozen
from cryptography.hazmat.primitives.asymmetric import rsa

from ttee.codec import der
from ttee.errors import CertificateError
from ttee.model import Anchor, ClaimValue, Reliance
from ttee.pki.cache import PositiveCache
from ttee.pki.certificate import (
    DIGITAL_SIGNATURE,
    Certificate,
    load_padded_certificate,
    load_pem_chain,
    name_attributes,
)
from ttee.pki.crl import check_crl, check_not_revoked, load_crl
from ttee.pki.path import Root, verify_path
from ttee.tee.lists import all_held, editions, given
from ttee.tee.tpm.makers import Own, Pinned, own_roots

SOURCE = "TCG EK Credential Profile 2.5, section 3.2"
TEE = "tpm"
EKU, SAN = "2.5.29.37", "2.5.29.17"
EK_PURPOSE, AK_PURPOSE = "2.23.133.8.1", "2.23.133.8.3"
KEY_ENCIPHERMENT, KEY_AGREEMENT = 2, 4
MAX_CHAIN = 6
ALGORITHMS = (
    "rsa-pkcs1-sha256",
    "rsa-pkcs1-sha384",
    "rsa-pkcs1-sha512",
    "rsa-pss-sha256",
    "rsa-pss-sha384",
    "rsa-pss-sha512",
    "ecdsa-p256-sha256",
    "ecdsa-p384-sha384",
    "ecdsa-p521-sha512",
)
_TPM_ATTRIBUTES = {
    "2.23.133.2.1": "tpm_manufacturer",
    "2.23.133.2.2": "tpm_model",
    "2.23.133.2.3": "tpm_version",
}


@frozen(slots=True)
class Path:
    """A certificate that somebody who is pinned vouches for."""

    leaf: Certificate
    root: Pinned
    relied_on: tuple[Reliance, ...]
    not_checked: tuple[str, ...]
    editions: Mapping[str, int]
    revocation_checked: bool
    """Whether a current list speaks of each certificate that says where it could be revoked."""


_PATHS: PositiveCache[bytes, Path] = PositiveCache(4096)


def verify_certificate(
    data: bytes,
    chain: bytes,
    documents: Mapping[str, bytes],
    anchors: Sequence[Anchor],
    at: datetime,
    *,
    what: str,
    usage: int,
    own: Own | None = None,
) -> Path:
    """The path from the certificate in `data` (DER, perhaps padded) to a pinned root. `chain`: those above it, in PEM.

    `anchors` replace the roots that come with us (`own`), if there are any; one of those need not be in the chain.
    Raises MalformedEvidenceError, AnchorError, CertificateError, SignatureError, EndorsementError, RevokedError.
    """
    lists = given(documents)
    own = own_roots() if own is None else own
    ends = [a.key + a.assurance.encode() + a.note.encode() for a in anchors] or [root.digest for root in own]
    rests_on = (data, chain, what.encode(), bytes([usage]), *ends, b"")
    digest = sha256()
    for each in (*rests_on, *lists.values()):
        digest.update(len(each).to_bytes(4) + each)
    key = digest.digest()
    if (known := _PATHS.get(key, at)) is not None:
        return known
    leaf, padding = load_padded_certificate(data, what=what)
    above = load_pem_chain(chain, what="chain", size=range(1, MAX_CHAIN)) if chain.strip() else ()
    if anchors:
        pinned = {sha256(a.key).digest(): Pinned(a.note or "given", a.assurance) for a in anchors}
        roots = [Root(each.name, key=key_digest) for key_digest, each in pinned.items()]
    else:
        pinned = {root.digest: root.pinned for root in own}
        roots = [Root(root.pinned.name, digest=root.digest) for root in own]
        above = _completed((leaf, *above), own)[1:]
    path = (leaf, *above)
    window = verify_path(
        path, roots, at=at, algorithms=ALGORITHMS, what=what, leaf_usage=usage, known_critical=(SAN, EKU)
    )
    root = pinned[path[-1].key_digest if anchors else path[-1].digest]
    if leaf.key_usage is None:
        raise CertificateError(f"the {what} does not say what its key is for", where=what, source=SOURCE)
    relied_on = [Reliance("root", root.name, path[-1].key_digest)]
    relied_on += [Reliance("certificate", each.common_name or what, each.digest) for each in path[:-1]]
    not_checked = [f"{what}: {len(padding)} bytes behind its end, which nobody signed"] if padding else []
    numbers: dict[str, int] = {}
    unlisted: list[Certificate] = []
    for certificate, issuer in pairwise(path):
        ours = [
            crl
            for crl in (load_crl(each, what=name) for name, each in lists.items())
            if crl.issuer == issuer.subject
        ]
        for crl in ours:
            check_crl(crl, issuer, at=at, algorithms=ALGORITHMS, what=f"CRL of {issuer.common_name}")
            check_not_revoked(certificate, crl, what=f"a certificate of the {what}'s path")
            window &= crl.window
            numbers |= editions(TEE, crl, issuer)
            relied_on.append(
                Reliance("endorsement", f"CRL of {issuer.common_name}", sha256(crl.der).digest())
            )
        if not ours:
            unlisted.append(certificate)
            name = certificate.common_name or f"the {what}"
            not_checked.append(
                f"revocation of {name}: no list of its issuer was given (documents `crl`, `crl.…`)"
            )
    checked = all_held(path, unlisted)
    found = Path(leaf, root, tuple(relied_on), tuple(not_checked), MappingProxyType(numbers), checked)
    return _PATHS.put(key, found, window)


def _completed(path: tuple[Certificate, ...], own: Own) -> tuple[Certificate, ...]:
    """The path, with a root of ours on top if it ends below one."""
    last = path[-1]
    roots = (root.certificate for root in own)
    return next(
        ((*path, root) for root in roots if root and root.subject == last.issuer != last.subject), path
    )


def ek_usage(data: bytes) -> int:
    """Which bit of keyUsage the certificate of an endorsement key needs: its key decrypts, or agrees on keys."""
    leaf, _ = load_padded_certificate(data, what="ek_certificate")
    return KEY_ENCIPHERMENT if isinstance(leaf.public_key, rsa.RSAPublicKey) else KEY_AGREEMENT


def check_purpose(path: Path, purpose: str, *, what: str) -> None:
    """Return if the certificate is for keys of this kind. Raises CertificateError."""
    extension = path.leaf.extensions.get(EKU)
    if extension is None:
        if not path.root.says_purpose:
            return
        raise CertificateError(
            f"the {what} does not say that it is of a TPM's key ({purpose})", where=what, source=SOURCE
        )
    with der.named(what, CertificateError):
        purposes = [der.oid(der.expect(each, der.OID)) for each in der.sequence(extension.value)]
    by_usage = path.root.tells_by_usage and EK_PURPOSE in purposes and path.leaf.key_usage is not None
    if purpose not in purposes and not by_usage:
        raise CertificateError(
            f"the {what} is for {', '.join(purposes)}, not for {purpose}"[:300], where=what, source=SOURCE
        )


def tpm_identity(leaf: Certificate, *, what: str) -> dict[str, ClaimValue]:
    """Maker, model and version of the TPM, from the subject alternative name; nothing if it has none.

    Raises CertificateError.
    """
    extension = leaf.extensions.get(SAN)
    found: dict[str, ClaimValue] = {}
    if extension is None:
        return found
    with der.named(what, CertificateError):
        for tag, _, content, _ in der.sequence(extension.value):
            if tag == der.context(4):  # directoryName
                for kind, text in name_attributes(content):
                    if kind in _TPM_ATTRIBUTES:
                        found[_TPM_ATTRIBUTES[kind]] = text
    return found


AK_USAGE = DIGITAL_SIGNATURE
