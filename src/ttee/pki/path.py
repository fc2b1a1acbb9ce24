# SPDX-License-Identifier: Apache-2.0
"""Paths of certificates to a pinned root: whole, in order, of the length that the maker uses (RFC 5280, section 6.1).

Nothing is searched for: who verifies evidence of one maker knows that maker's paths.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from attrs import frozen

from ttee.errors import AnchorError, CertificateError, TteeError, WeakKeyError
from ttee.pki.certificate import (
    BASIC_CONSTRAINTS,
    DIGITAL_SIGNATURE,
    KEY_CERT_SIGN,
    KEY_USAGE,
    Certificate,
)
from ttee.pki.signature import algorithm_name, verify_signature
from ttee.pki.window import Window, common, rfc3339

SOURCE = "RFC 5280, section 6.1"
_KNOWN = frozenset({BASIC_CONSTRAINTS, KEY_USAGE})


@frozen(slots=True)
class Root:
    """A pinned root: the SHA-256 of its certificate (`digest`), or of its SubjectPublicKeyInfo (`key`), or both."""

    name: str
    digest: bytes | None = None
    key: bytes | None = None


def verify_path(
    path: Sequence[Certificate],
    root: Root | Collection[Root],
    *,
    at: datetime,
    algorithms: Collection[str],
    what: str,
    leaf_usage: int = DIGITAL_SIGNATURE,
    leaf_is_ca: bool = False,
    known_critical: Collection[str] = (),
    stale: type[TteeError] = CertificateError,
    get: str | None = None,
) -> Window:
    """Return when this path holds, if it holds at `at`. `path`: the leaf, its issuers, the root last.

    `algorithms`: names as in `signature.py`; `leaf_usage`: the bit of keyUsage that the leaf needs if it has that
    extension; `leaf_is_ca`: for paths that end in a CA; `known_critical`: critical extensions that the caller checks
    itself. `stale`: what expired certificates raise, and `get` the address of newer ones, for paths among the
    endorsements. Raises AnchorError, CertificateError, SignatureError, WeakKeyError, `stale`.
    """
    pinned = check_anchored(path, root, what=what)
    for below, certificate in enumerate(path):
        name = f"{what}, certificate {below} ({certificate.common_name or 'unnamed'})"
        usage = KEY_CERT_SIGN if below else leaf_usage
        _check_use(certificate, usage, below - 1 + leaf_is_ca, name)
        _check_critical(certificate, known_critical, name)
        if at not in certificate.validity:
            raise stale(
                f"{name} is valid from {rfc3339(certificate.validity.start)} to "
                f"{rfc3339(certificate.validity.end)}, not at {rfc3339(at)}",
                where=name,
                hint=f"get it again: {get}" if get else "verify at a moment at which it is valid",
                source="RFC 5280, section 6.1.3 (a) (2)",
            )
        if below + 1 < len(path):
            check_issued(certificate, path[below + 1], algorithms=algorithms, what=name)
    if pinned.digest is None:  # a pinned key vouches for its own certificate, as for any other
        check_issued(path[-1], path[-1], algorithms=algorithms, what=f"{what}, root")
    return common(certificate.validity for certificate in path)


def check_anchored(path: Sequence[Certificate], root: Root | Collection[Root], *, what: str) -> Root:
    """The pinned root that the last certificate is. Raises AnchorError."""
    roots = (root,) if isinstance(root, Root) else root
    last = path[-1] if path else None
    found = next((candidate for candidate in roots if last is not None and _is(last, candidate)), None)
    if found is None:
        raise AnchorError(
            f"{what} ends in {last.common_name or 'a certificate without a name'!r}, SHA-256 {last.digest.hex()}, "
            "which is not pinned"
            if last
            else f"{what} is empty",
            where=f"{what}, root",
            hint="pinned: " + ", ".join(candidate.name for candidate in roots),
            source="RFC 5280, section 6.1.1 (d)",
        )
    return found


def check_issued(
    certificate: Certificate, issuer: Certificate, *, algorithms: Collection[str], what: str
) -> None:
    """Return if `issuer` signed `certificate`, by name, by key, with a listed algorithm.

    Raises CertificateError, SignatureError, WeakKeyError.
    """
    if certificate.issuer != issuer.subject:
        raise CertificateError(
            f"{what} names another issuer than the certificate above it: "
            f"{certificate.issuer_common_name!r} instead of {issuer.common_name!r}",
            where=what,
            source="RFC 5280, section 6.1.3 (a) (4)",
        )
    key = issuer.public_key
    name = algorithm_name(key, certificate.scheme)
    if name not in algorithms:
        raise CertificateError(
            f"{what} is signed with {name or 'an algorithm that does not fit its issuer'}; "
            f"its maker uses {', '.join(sorted(algorithms))}",
            where=what,
            source=SOURCE,
        )
    verify_signature(key, certificate.scheme, certificate.signature, certificate.tbs, what=what)


def _is(certificate: Certificate, root: Root) -> bool:
    if root.digest is None and root.key is None:
        raise WeakKeyError(f"the root {root.name} is pinned by nothing", where="roots")
    return root.digest in (None, certificate.digest) and root.key in (None, certificate.key_digest)


def _check_use(certificate: Certificate, usage: int, authorities: int, name: str) -> None:
    """RFC 5280, sections 6.1.4 (k) to (n). `authorities`: how many stand below this one; -1 if it must not be one."""
    expected = authorities >= 0
    if certificate.is_ca is not expected:
        raise CertificateError(
            f"{name} is {'not a' if expected else 'a'} certificate authority",
            where=name,
            source="RFC 5280, section 4.2.1.9 (basicConstraints)",
        )
    longest = certificate.path_length
    if longest is not None and authorities > longest:
        raise CertificateError(
            f"{name} allows {longest} authorities below it; there are {authorities}",
            where=name,
            source="RFC 5280, section 4.2.1.9 (pathLenConstraint)",
        )
    if certificate.key_usage is not None and usage not in certificate.key_usage:
        raise CertificateError(
            f"{name} is not for this use: its keyUsage lacks bit {usage}",
            where=name,
            source="RFC 5280, section 4.2.1.3 (keyUsage)",
        )


def _check_critical(certificate: Certificate, known: Collection[str], name: str) -> None:
    """RFC 5280, sections 6.1.4 (o) and 6.1.5 (f)."""
    for oid, extension in certificate.extensions.items():
        if extension.critical and oid not in _KNOWN and oid not in known:
            raise CertificateError(
                f"{name} has the critical extension {oid}, which is not known here",
                where=name,
                source="RFC 5280, section 4.2",
            )
