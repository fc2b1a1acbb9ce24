# SPDX-License-Identifier: Apache-2.0
"""Certificate revocation lists (RFC 5280, section 5): whose they are, whether they are current, whom they revoke.

Only whole lists for all certificates of one issuer: a delta, partial or indirect list marks itself by a critical
extension, and is refused.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from attrs import frozen

from ttee.codec import der
from ttee.errors import BindingError, CertificateError, EndorsementError, RevokedError, TteeError
from ttee.pki.certificate import CRL_SIGN, Certificate, common_name
from ttee.pki.signature import Scheme, algorithm_name, parse_scheme, verify_signature
from ttee.pki.window import Window, rfc3339

SOURCE = "RFC 5280, section 5.1"
MAX_SIZE = 4 * 1024 * 1024
MAX_ENTRIES = 200_000
_NUMBER = "2.5.29.20"


@frozen(slots=True)
class Crl:
    """A CRL as it reads; nothing in it is verified yet. `issuer` is DER."""

    der: bytes
    tbs: bytes
    scheme: Scheme
    issuer: bytes
    window: Window
    """From thisUpdate to nextUpdate."""
    number: int | None
    revoked: frozenset[bytes]
    """Serial numbers, as the content of their INTEGERs."""
    signature: bytes


def load_crl(data: bytes, *, what: str, error: type[TteeError] = EndorsementError) -> Crl:
    """The CRL that `data`, DER, is from its first to its last byte. Raises `error`."""
    if len(data) > MAX_SIZE:
        raise error(f"{what} has {len(data)} bytes; at most {MAX_SIZE} are read", where=what)
    with der.named(what, error):
        return _parse(data)


def check_crl(
    crl: Crl,
    issuer: Certificate,
    *,
    at: datetime,
    algorithms: Collection[str],
    what: str,
    get: str | None = None,
) -> None:
    """Return if `crl` is the current list of `issuer`. `get`: the address of a newer one, for the hint.

    Raises EndorsementError (another issuer's, or not current), CertificateError (not one that may sign lists, or
    not so), SignatureError.
    """
    if crl.issuer != issuer.subject:
        raise EndorsementError(
            f"{what} is of {common_name(crl.issuer)!r}, not of {issuer.common_name!r}",
            where=what,
            hint=f"get the right one: {get}" if get else None,
            source="RFC 5280, section 6.3.3 (b)",
        )
    if issuer.key_usage is not None and CRL_SIGN not in issuer.key_usage:
        raise CertificateError(
            f"{issuer.common_name!r} may not sign CRLs", where=what, source="RFC 5280, section 6.3.3 (f)"
        )
    key = issuer.public_key
    if (name := algorithm_name(key, crl.scheme)) not in algorithms:
        raise CertificateError(
            f"{what} is signed with {name or 'an algorithm that does not fit its issuer'}",
            where=what,
            source=SOURCE,
        )
    if at not in crl.window:
        raise EndorsementError(
            f"{what} is of {rfc3339(crl.window.start)}, to be renewed by {rfc3339(crl.window.end)}, "
            f"and not current at {rfc3339(at)}",
            where=what,
            hint=f"get it again: {get}" if get else "get it again",
            source="RFC 5280, section 5.1.2.5",
        )
    verify_signature(key, crl.scheme, crl.signature, crl.tbs, what=what)


def check_not_revoked(certificate: Certificate, crl: Crl, *, what: str) -> None:
    """Return if `crl`, which `check_crl` accepted, does not list `certificate`. Raises RevokedError.

    Raises BindingError if the list is of another issuer than the certificate: it says nothing about it.
    """
    if certificate.issuer != crl.issuer:
        raise BindingError(
            f"{what} is of {certificate.issuer_common_name!r}, and the CRL of {common_name(crl.issuer)!r}",
            where=what,
            source="RFC 5280, section 6.3.3 (b)",
        )
    serial = certificate.serial
    if serial.to_bytes(serial.bit_length() // 8 + 1) in crl.revoked:
        raise RevokedError(
            f"{what} ({certificate.common_name}, serial number {serial:x}) was revoked by its issuer",
            where=what,
            hint="its maker no longer vouches for this key; ask the operator for another machine",
            source="RFC 5280, section 5.3",
        )


def _parse(data: bytes) -> Crl:
    """CertificateList ::= SEQUENCE { tbsCertList, signatureAlgorithm, signatureValue }; version 2."""
    outer = der.sequence(data)
    tbs, algorithm, signature = der.shape(outer, der.SEQUENCE, der.SEQUENCE, der.BIT_STRING)
    head = len(data) - outer[2][3]
    parts = der.elements(tbs, at_most=7)
    entries = parts.pop(5)[2] if len(parts) > 5 and parts[5][0] == der.SEQUENCE else b""
    if len(parts) != 6 or der.integer(der.expect(parts[0], der.INTEGER)) != 1:
        raise der.DerError("not a CRL of version 2 with a nextUpdate and extensions")
    _, inner, issuer, this_update, next_update, extensions = parts
    if der.expect(inner, der.SEQUENCE) != algorithm:
        raise der.DerError("two signature algorithms that differ (RFC 5280, section 5.1.1.2)")
    der.expect(issuer, der.SEQUENCE)
    return Crl(
        der=data,
        tbs=data[head + outer[0][1] : head + outer[0][3]],
        scheme=parse_scheme(algorithm),
        issuer=tbs[issuer[1] : issuer[3]],
        window=Window(der.time(this_update), der.time(next_update)),
        number=_number(der.only(der.expect(extensions, der.context(0)), der.SEQUENCE)),
        revoked=frozenset(_serial(entry) for entry in der.elements(entries, at_most=MAX_ENTRIES)),
        signature=der.bits(signature),
    )


def _serial(entry: der.Element) -> bytes:
    """The serial number of a revokedCertificates entry: SEQUENCE { INTEGER, time, extensions OPTIONAL }.

    A time takes 15 bytes or more. Lists are long: what only humans want to know is not read.
    """
    content = der.expect(entry, der.SEQUENCE)
    if (
        len(content) < 2 + 1 + 15
        or content[0] != der.INTEGER
        or not 0 < content[1] <= 21
        or 2 + content[1] + 15 > len(content)
    ):
        raise der.DerError("an entry without a serial number", entry[1])
    return content[2 : 2 + content[1]]


def _number(content: bytes) -> int | None:
    """The CRL's number, after a look at what is critical among its extensions."""
    number = None
    for element in der.elements(content, at_most=64):
        parts = der.elements(der.expect(element, der.SEQUENCE), at_most=3)
        if len(parts) < 2:
            raise der.DerError("an extension without a value", element[1])
        name = der.oid(der.expect(parts[0], der.OID))
        if len(parts) == 3 and der.boolean(der.expect(parts[1], der.BOOLEAN)):
            raise der.DerError(
                f"the critical extension {name}: a delta, partial or indirect list", element[1]
            )
        if name == _NUMBER:
            number = der.natural(
                der.only(der.expect(parts[-1], der.OCTET_STRING), der.INTEGER), below=1 << 168
            )
    return number
