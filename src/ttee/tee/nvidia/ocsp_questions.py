# SPDX-License-Identifier: Apache-2.0
"""Questions to NVIDIA's revocation service (OCSP, RFC 6960), and the nonce that ties an answer to its question.

    nonce = SHA-256("ttee/ocsp-nonce/1" || the nonce of the reports || SHA-256 of what is signed of the certificate)

The nonce follows from the evidence, so that whoever verifies can check it without having asked, and offline. It is as
good as a random one: the verifier chose the nonce of the reports, so nobody could ask this before, and an answer that
repeats it is younger than that nonce. Where the verifier gave none, it is younger than the reports' own, and no more.
"""

from __future__ import annotations

from hashlib import new, sha256

from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import OCSPNonce, ocsp

from ttee.codec import der
from ttee.errors import EndorsementError
from ttee.pki.certificate import Certificate

REQUEST = "application/ocsp-request"
_LABEL = b"ttee/ocsp-nonce/1"


def name_of(certificate: Certificate) -> str:
    """What the answer about this certificate is called, unless somebody named it."""
    return f"ocsp.{sha256(certificate.tbs).hexdigest()[:16]}"


def nonce_for(nonce: bytes, certificate: Certificate) -> bytes:
    """What is asked with, for reports over `nonce`: 32 bytes (RFC 9654, section 2.1)."""
    return sha256(_LABEL + nonce + sha256(certificate.tbs).digest()).digest()


def question(certificate: Certificate, issuer: Certificate, nonce: bytes) -> bytes:
    """An OCSPRequest in DER: is this certificate still good? Raises EndorsementError."""
    name, key = issuer_digests(issuer, "sha384")
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(name, key, certificate.serial, SHA384())
    builder = builder.add_extension(OCSPNonce(nonce_for(nonce, certificate)), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def issuer_digests(issuer: Certificate, hash_name: str) -> tuple[bytes, bytes]:
    """How OCSP names an issuer: the digests of its name and of its key (RFC 6960, section 4.1.1)."""
    with der.named("issuer", EndorsementError):
        _, key = der.shape(der.sequence(issuer.spki), der.SEQUENCE, der.BIT_STRING)
        name, bits = issuer.subject, der.bits(key)
    return (
        new(hash_name, name, usedforsecurity=False).digest(),
        new(hash_name, bits, usedforsecurity=False).digest(),
    )
