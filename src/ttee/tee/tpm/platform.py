# SPDX-License-Identifier: Apache-2.0
"""Platform certificates (check tpm.platform.certificate): the machine's maker says which TPM it put into which machine.

    AttributeCertificate ::= SEQUENCE { acinfo, signatureAlgorithm, signatureValue }
    acinfo ::= SEQUENCE { version 1, holder { [0] { issuer and serial number of the EK's certificate } }, issuer,
                          signature, serialNumber, validity, attributes, …, extensions }

Source: RFC 5755, section 4.1; TCG Platform Attribute Credential Profile 1.0, section 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from attrs import frozen

from ttee.codec import der
from ttee.errors import (
    AnchorError,
    BindingError,
    CertificateError,
    EndorsementError,
    MalformedEvidenceError,
    TteeError,
)
from ttee.model import Anchor
from ttee.pki.certificate import MAX_SIZE, Certificate, load_certificate
from ttee.pki.signature import parse_scheme, verify_signature
from ttee.pki.window import Window, rfc3339

SOURCE = "RFC 5755, section 4.1"
_WHAT = "platform_certificate"


def check_platform_certificate(
    data: bytes, ek: Certificate, documents: Mapping[str, bytes], anchors: Sequence[Anchor], at: datetime
) -> None:
    """Return if the issuer in document `platform_issuer` (DER), whose key is an anchor, names this EK's certificate.

    Raises MalformedEvidenceError, EndorsementError, AnchorError, BindingError, CertificateError, SignatureError.
    """
    if len(data) > MAX_SIZE:
        raise MalformedEvidenceError(f"{_WHAT} has {len(data)} bytes", where=_WHAT)
    if "platform_issuer" not in documents:
        raise EndorsementError(
            "the certificate of the platform certificate's issuer is missing",
            where="platform_issuer",
            hint="get it from the machine's maker, and pin its key as an anchor",
        )
    issuer = load_certificate(documents["platform_issuer"], what="platform_issuer", error=EndorsementError)
    if issuer.spki not in [anchor.key for anchor in anchors]:
        raise AnchorError(
            "platform_issuer is not pinned", where="platform_issuer", hint="pin its key as an anchor"
        )
    with der.named(_WHAT, MalformedEvidenceError):
        read = _read(data)
        verify_signature(
            issuer.public_key, parse_scheme(read.algorithm), read.signature, read.signed, what=_WHAT
        )
    if read.issuer != issuer.subject:
        raise CertificateError(
            f"it names another issuer than platform_issuer, {issuer.common_name!r}",
            where=f"{_WHAT}, issuer",
            source="RFC 5755, section 4.2.3",
        )
    window = read.window
    if at not in window:
        raise CertificateError(
            f"it is valid from {rfc3339(window.start)} to {rfc3339(window.end)}, not at {rfc3339(at)}",
            where=_WHAT,
            source=SOURCE,
        )
    if read.holder != (ek.issuer, ek.serial):
        raise BindingError(
            "the platform certificate is of another TPM", where=f"{_WHAT}, holder", source=SOURCE
        )


def names_issuer(data: bytes, issuer: Certificate) -> bool:
    """Whether `issuer` signed the platform certificate in `data`."""
    try:
        with der.named(_WHAT, MalformedEvidenceError):
            read = _read(data)
            scheme = parse_scheme(read.algorithm)
            verify_signature(issuer.public_key, scheme, read.signature, read.signed, what=_WHAT)
    except TteeError:
        return False
    return True


@frozen(slots=True)
class _Platform:
    """A platform certificate as it reads."""

    signed: bytes
    algorithm: bytes
    signature: bytes
    holder: tuple[bytes, int]
    """Issuer's name and serial number of the EK's certificate."""
    issuer: bytes
    window: Window


def _read(data: bytes) -> _Platform:
    """The platform certificate in `data`. Raises DerError."""
    outer = der.sequence(data)
    info, algorithm, signature = der.shape(outer, der.SEQUENCE, der.SEQUENCE, der.BIT_STRING)
    head = len(data) - outer[2][3]
    signed = data[head + outer[0][1] : head + outer[0][3]]
    parts = der.elements(info, at_most=12)
    if len(parts) < 7 or parts[0][2] != b"\1" or der.expect(parts[3], der.SEQUENCE) != algorithm:
        raise der.DerError("not an attribute certificate of version 2")
    base = der.only(der.expect(parts[1], der.SEQUENCE), der.context(0))
    found = der.elements(base, at_most=3)
    if len(found) < 2:
        raise der.DerError("a holder without issuer and serial number")
    name = der.only(der.expect(found[0], der.SEQUENCE), der.context(4))
    names = der.elements(der.expect(parts[2], der.context(0)), at_most=3)  # v2Form
    if not names:
        raise der.DerError("an issuer without a name")
    issuer = der.only(der.expect(names[0], der.SEQUENCE), der.context(4))
    validity = der.elements(der.expect(parts[5], der.SEQUENCE), at_most=2)
    if len(validity) != 2:
        raise der.DerError("a validity that is not two times")
    # Longer than a serial number may be: Intel issued some whose serial number is in decimal digits, two in a byte.
    # Such a one is of no TPM, which is what the verification then says.
    serial = der.natural(der.expect(found[1], der.INTEGER), below=1 << 256)
    window = Window(der.time(validity[0]), der.time(validity[1]))
    return _Platform(signed, algorithm, der.bits(signature), (name, serial), issuer, window)
