# SPDX-License-Identifier: Apache-2.0
"""Does AWS vouch for the key that signed a document? Steps 3 to 6 of `verify.py`.

    root ── region ── zone ── instance ── enclave        all ECDSA on P-384 with SHA-384

The enclave's certificate lives for three hours and signs many documents; those above it serve many enclaves. What
held is remembered for both, by everything that it rests on.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from functools import cache
from hashlib import sha256
from importlib import resources
from itertools import pairwise
from types import MappingProxyType

from attrs import frozen
from cryptography.hazmat.primitives.asymmetric import ec

from ttee.errors import CertificateError
from ttee.model import Assurance, Check, Reliance
from ttee.pki.cache import PositiveCache
from ttee.pki.certificate import (
    KEY_CERT_SIGN,
    Certificate,
    load_certificate,
    load_pem_chain,
)
from ttee.pki.crl import check_crl, check_not_revoked, load_crl
from ttee.pki.path import Root, check_anchored, verify_path
from ttee.pki.trusted import Trusted, of_maker
from ttee.pki.window import ALWAYS, Window
from ttee.tee.lists import all_held, editions, given
from ttee.tee.nitro import checks
from ttee.tee.nitro.endorsements import ALGORITHMS
from ttee.tee.nitro.evidence import NAME, SOURCE, Document
from ttee.tee.steps import Steps


@frozen(slots=True)
class Endorsed:
    """An enclave's key that AWS vouches for: steps 3 to 6, as they ended."""

    leaf: Certificate
    key: ec.EllipticCurvePublicKey
    assurance: Assurance
    checks: tuple[Check, ...]
    relied_on: tuple[Reliance, ...]
    not_checked: tuple[str, ...]
    editions: Mapping[str, int]
    revocation_checked: bool
    """Whether a current list speaks of each certificate that names one. Those of instance and enclave name none."""


_AUTHORITIES: PositiveCache[Hashable, tuple[tuple[Certificate, ...], Window]] = PositiveCache(1024)
_ENDORSED: PositiveCache[Hashable, Endorsed] = PositiveCache(4096)


def endorse(document: Document, documents: Mapping[str, bytes], trust: Trusted, at: datetime) -> Endorsed:
    """Steps 3 to 6, with the revocation lists among `documents`.

    Raises MalformedEvidenceError, AnchorError, CertificateError, SignatureError, BindingError,
    EndorsementError (a list that is not current), RevokedError.
    """
    lists = given(documents)
    above = document.cabundle, trust
    key = above, document.certificate, tuple(lists.values())
    found = _ENDORSED.get(key, at)
    return found if found is not None else _ENDORSED.put(key, *_endorse(document, lists, trust, at, above))


def _endorse(
    document: Document, lists: Mapping[str, bytes], trust: Trusted, at: datetime, above: Hashable
) -> tuple[Endorsed, Window]:
    """Steps 3 to 6, and when they hold."""
    steps, not_checked, numbers = Steps(), list[str](), dict[str, int]()
    unlisted: list[Certificate] = []
    with steps(checks.ROOT, "") as step:
        root = load_certificate(document.cabundle[0], what="cabundle[0]")
        check_anchored((root,), trust.roots, what="cabundle[0]")
        step.detail = f"pinned: {root.common_name}"
    with steps(checks.PATH, "") as step:
        authorities, until = _authorities(document, trust.roots, at, above)
        leaf = load_certificate(document.certificate, what="certificate")
        # Whoever stands above it was just found to be an authority: the rest of its path hangs on that one.
        trusted = Root(authorities[0].common_name, digest=authorities[0].digest)
        window = until & verify_path(
            (leaf, authorities[0]), trusted, at=at, algorithms=ALGORITHMS, what="enclave"
        )
        path = (leaf, *authorities)
        step.detail = " ── ".join(certificate.common_name for certificate in reversed(path))
    relied_on = [
        trust.reliance(root),
        *(Reliance("certificate", each.common_name, each.digest) for each in path[:-1]),
    ]
    if lists:
        with steps(checks.REVOCATION, "") as step:
            window &= _verify_lists(path, lists, at, relied_on=relied_on, unlisted=unlisted, numbers=numbers)
            step.detail = f"of {len(path) - 1} certificates, {len(unlisted)} are of no list that was given"
        not_checked += [
            f"revocation of {each.common_name}: no list of its issuer was given" for each in unlisted
        ]
    else:
        steps.skipped(checks.REVOCATION, "no revocation list was given (documents `crl`, `crl.…`)")
        not_checked.append("revocation of the certificates: no list was given (documents `crl`, `crl.…`)")
    with steps(checks.LEAF_KEY, "P-384, for signatures"):
        key = _leaf_key(leaf)
    return Endorsed(
        leaf,
        key,
        trust.assurance(root),
        steps.checks,
        tuple(relied_on),
        tuple(not_checked),
        MappingProxyType(numbers),
        bool(lists) and all_held(path, unlisted),
    ), window


def _authorities(
    document: Document, roots: Sequence[Root], at: datetime, key: Hashable
) -> tuple[tuple[Certificate, ...], Window]:
    """The certificates above the enclave's, root last, which are a path of authorities; and until when."""
    known = _AUTHORITIES.get(key, at)
    if known is not None:
        return known
    bundle = [
        load_certificate(each, what=f"cabundle[{index}]") for index, each in enumerate(document.cabundle)
    ]
    path = tuple(reversed(bundle))
    window = verify_path(
        path,
        roots,
        at=at,
        algorithms=ALGORITHMS,
        what="cabundle",
        leaf_usage=KEY_CERT_SIGN,
        leaf_is_ca=True,
    )
    for certificate in path:
        if certificate.key_usage is None:
            raise CertificateError(
                f"{certificate.common_name!r} does not say what its key is for",
                where="cabundle",
                source=SOURCE,
            )
    return _AUTHORITIES.put(key, (path, window), window)


def _verify_lists(
    path: Sequence[Certificate],
    lists: Mapping[str, bytes],
    at: datetime,
    *,
    relied_on: list[Reliance],
    unlisted: list[Certificate],
    numbers: dict[str, int],
) -> Window:
    """Step 5: when the lists hold that speak of this path. Those of other regions and zones are left alone."""
    window = ALWAYS
    crls = [load_crl(data, what=name) for name, data in lists.items()]
    for certificate, issuer in pairwise(path):
        ours = [crl for crl in crls if crl.issuer == certificate.issuer]
        for crl in ours:
            check_crl(crl, issuer, at=at, algorithms=ALGORITHMS, what=f"CRL of {issuer.common_name}")
            check_not_revoked(certificate, crl, what="a certificate of the path")
            window &= crl.window
            numbers |= editions(NAME, crl, issuer)
            relied_on.append(
                Reliance("endorsement", f"CRL of {issuer.common_name}", sha256(crl.der).digest())
            )
        if not ours:
            unlisted.append(certificate)
    return window


def _leaf_key(leaf: Certificate) -> ec.EllipticCurvePublicKey:
    """Step 6."""
    key = leaf.public_key
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP384R1):
        raise CertificateError("the enclave's key is not on P-384", where="certificate", source=SOURCE)
    if leaf.key_usage is None:  # if it says anything, the path was only good because it says this
        raise CertificateError(
            "the enclave's certificate does not say that its key signs data",
            where="certificate",
            source=SOURCE,
        )
    return key


@cache
def pinned() -> Trusted:
    """AWS's root."""
    name = "aws-nitro-enclaves-g1.pem"
    data = resources.files(__package__).joinpath("roots", name).read_bytes()
    (root,) = load_pem_chain(data, what=name, size=range(1, 2))
    return of_maker(Root("AWS Nitro Enclaves root G1", digest=root.digest))
