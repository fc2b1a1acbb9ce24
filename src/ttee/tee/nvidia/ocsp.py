# SPDX-License-Identifier: Apache-2.0
"""Answers of NVIDIA's revocation service (OCSP, RFC 6960), given as endorsements: is a certificate still good?

An answer counts if the issuer of the certificate signed it, or a responder that this issuer certified for that. One
that repeats the nonce of our question (`ocsp_questions.py`) was made after the reports were asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import pairwise

from attrs import frozen
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import DuplicateExtension, OCSPNonce, ReasonFlags, ocsp

from ttee.codec import der
from ttee.errors import CertificateError, EndorsementError, RevokedError, TteeError
from ttee.model import Reliance
from ttee.pki.certificate import DIGITAL_SIGNATURE, Certificate, load_certificate
from ttee.pki.path import check_issued
from ttee.pki.signature import algorithm_name, parse_scheme, verify_signature
from ttee.pki.window import rfc3339
from ttee.tee.nvidia.ocsp_questions import issuer_digests, nonce_for

DOCUMENT = "ocsp"
DOCUMENTS = (DOCUMENT, f"{DOCUMENT}.*")
SERVICE = "https://ocsp.ndis.nvidia.com/"
MAX_SIZE = 64 * 1024
MAX_AGE = timedelta(days=1)
"""How long an answer counts that does not say when the next one comes."""
ALGORITHMS = ("ecdsa-p384-sha384", "ecdsa-p384-sha256", "ecdsa-p256-sha256")
_EXTENDED_KEY_USAGE, _OCSP_SIGNING = "2.5.29.37", "1.3.6.1.5.5.7.3.9"
_HASHES = frozenset({"sha1", "sha256", "sha384", "sha512"})
"""For the names of issuers and keys, which nobody gains from confusing; SHA-1 is what most clients ask with."""


@frozen(slots=True)
class Answer:
    """One answer about one certificate, all read. Not verified yet."""

    name: str
    signed: bytes
    signature: bytes
    algorithm: str
    responder: bytes | None
    """The certificate that came with it, in DER."""
    hash_name: str
    issuer: tuple[bytes, bytes]
    """The digests of the issuer's name and key."""
    serial: int
    status: ocsp.OCSPCertStatus
    reason: ReasonFlags | None
    begin: datetime
    end: datetime
    nonce: bytes | None
    """What it repeats of its question (RFC 9654)."""


def readable(documents: Mapping[str, bytes]) -> tuple[Answer, ...]:
    """The answers among `documents`; what cannot be read is left out."""
    found: list[Answer] = []
    for name, data in documents.items():
        if name == DOCUMENT or name.startswith(DOCUMENT + "."):
            with suppress(EndorsementError):
                found += _load(name, data)
    return tuple(found)


def until(documents: Mapping[str, bytes]) -> datetime | None:
    """When the first of these answers no longer counts."""
    return min((answer.end for answer in readable(documents)), default=None)


def load_answers(documents: Mapping[str, bytes]) -> tuple[Answer, ...]:
    """The answers in the documents `ocsp`, `ocsp.…` (DER). Raises EndorsementError."""
    return tuple(
        answer
        for name, data in sorted(documents.items())
        if name == DOCUMENT or name.startswith(DOCUMENT + ".")
        for answer in _load(name, data)
    )


def _load(name: str, data: bytes) -> Iterator[Answer]:
    if len(data) > MAX_SIZE:
        raise EndorsementError(f"{name} has more than {MAX_SIZE} bytes", where=name)
    try:
        response = ocsp.load_der_ocsp_response(data)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise EndorsementError(
                f"{name} is no answer: {response.response_status.name}",
                where=name,
                source="RFC 6960, section 2.3",
            )
        # Everything is read here and now: cryptography decodes late, and what is wrong would show later.
        given = [each.public_bytes(Encoding.DER) for each in response.certificates]
        nonces = [each.value.nonce for each in response.extensions if isinstance(each.value, OCSPNonce)]
        for single in response.responses:
            yield Answer(
                name=name,
                signed=response.tbs_response_bytes,
                signature=response.signature,
                algorithm=response.signature_algorithm_oid.dotted_string,
                responder=given[0] if given else None,
                hash_name=single.hash_algorithm.name,
                issuer=(single.issuer_name_hash, single.issuer_key_hash),
                serial=single.serial_number,
                status=single.certificate_status,
                reason=single.revocation_reason,
                begin=single.this_update_utc,
                end=single.next_update_utc or single.this_update_utc + MAX_AGE,
                nonce=nonces[0] if nonces else None,
            )
    except (ValueError, OverflowError, UnsupportedAlgorithm, DuplicateExtension):
        raise EndorsementError(
            f"{name} is not an OCSP response in DER", where=name, source="RFC 6960"
        ) from None


@frozen(slots=True)
class Answered:
    """What answers said of a path."""

    relied_on: tuple[Reliance, ...]
    unanswered: tuple[Certificate, ...]
    """The certificates that no answer is about."""
    unasked: tuple[str, ...]
    """Those whose answer is to another question than ours, and so may be as old as its window."""


def check_path(
    path: Sequence[Certificate], answers: Sequence[Answer], at: datetime, what: str, *, nonce: bytes
) -> Answered:
    """What the answers about `path` say. `nonce`: of the reports, from which those of our questions come.

    Raises RevokedError, EndorsementError (not current), CertificateError, SignatureError.
    """
    relied_on: list[Reliance] = []
    unanswered: list[Certificate] = []
    unasked: list[str] = []
    for certificate, issuer in pairwise(path):
        ours = [answer for answer in answers if is_about(answer, certificate, issuer)]
        for answer in ours:
            _verify(answer, certificate, issuer, at)
            digest = sha256(answer.signed).digest()
            relied_on.append(Reliance("endorsement", f"{answer.name}: {certificate.common_name}", digest))
        if not ours:
            unanswered.append(certificate)
        elif all(answer.nonce != nonce_for(nonce, certificate) for answer in ours):
            unasked.append(f"{what}: {certificate.common_name}")
    return Answered(tuple(relied_on), tuple(unanswered), tuple(unasked))


def is_about(answer: Answer, certificate: Certificate, issuer: Certificate) -> bool:
    """Whether the answer is about this certificate. Raises EndorsementError."""
    if answer.serial != certificate.serial or answer.hash_name not in _HASHES:
        return False
    return answer.issuer == issuer_digests(issuer, answer.hash_name)


def counts(answer: Answer, certificate: Certificate, issuer: Certificate, at: datetime) -> bool:
    """Whether the answer is about this certificate, of somebody who may answer, and current; whatever it says."""
    try:
        if not is_about(answer, certificate, issuer) or not answer.begin <= at <= answer.end:
            return False
        _verify_signature(answer, issuer, at, what=answer.name)
    except TteeError:
        return False
    return True


def _verify_signature(answer: Answer, issuer: Certificate, at: datetime, *, what: str) -> None:
    signer = _signer(answer, issuer, at)
    with der.named(answer.name, EndorsementError):
        scheme = parse_scheme(der.encode_oid(answer.algorithm))
    if algorithm_name(signer.public_key, scheme) not in ALGORITHMS:
        raise CertificateError(
            f"{what} is signed with another algorithm than {', '.join(ALGORITHMS)}", where=what
        )
    verify_signature(signer.public_key, scheme, answer.signature, answer.signed, what=what)


def _verify(answer: Answer, certificate: Certificate, issuer: Certificate, at: datetime) -> None:
    what = f"{answer.name}, about {certificate.common_name}"
    _verify_signature(answer, issuer, at, what=what)
    if not answer.begin <= at <= answer.end:
        raise EndorsementError(
            f"{what} counts from {rfc3339(answer.begin)} to {rfc3339(answer.end)}, not at {rfc3339(at)}",
            where=what,
            hint=f"ask {SERVICE} again",
            source="RFC 6960, section 4.2.2.1",
        )
    if answer.status is ocsp.OCSPCertStatus.REVOKED:
        held = answer.reason is ReasonFlags.certificate_hold
        raise RevokedError(
            f"{certificate.common_name!r} is {'on hold for now' if held else 'revoked'}, as {answer.name} says",
            where=what,
            source="RFC 6960, section 2.2",
        )
    if answer.status is not ocsp.OCSPCertStatus.GOOD:
        raise CertificateError(f"the service does not know {certificate.common_name!r}", where=what)


def _signer(answer: Answer, issuer: Certificate, at: datetime) -> Certificate:
    """The issuer, or the responder that came with the answer, if the issuer certified it (RFC 6960, 4.2.2.2)."""
    if answer.responder is None:
        return issuer
    what = f"{answer.name}, responder"
    responder = load_certificate(answer.responder, what=what, error=EndorsementError)
    if (responder.subject, responder.spki) == (issuer.subject, issuer.spki):
        return issuer
    check_issued(responder, issuer, algorithms=ALGORITHMS, what=what)
    uses = responder.extensions.get(_EXTENDED_KEY_USAGE)
    with der.named(what, EndorsementError):
        named = [der.oid(der.expect(each, der.OID)) for each in der.sequence(uses.value)] if uses else []
    signs = responder.key_usage is None or DIGITAL_SIGNATURE in responder.key_usage
    if _OCSP_SIGNING not in named or not signs:
        raise CertificateError(f"{what} may not answer for its issuer: it lacks OCSPSigning", where=what)
    if at not in responder.validity:
        raise EndorsementError(
            f"{what} is not valid at {rfc3339(at)}", where=what, hint=f"ask {SERVICE} again"
        )
    return responder
