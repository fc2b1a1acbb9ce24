# SPDX-License-Identifier: Apache-2.0
"""Is the collateral Intel's, for this TEE, and current? Steps 3 to 9 of `verify.py`.

What was found to hold is remembered by all the bytes that it rests on, for as long as all of them are valid.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

from attrs import frozen
from cryptography.hazmat.primitives.asymmetric import ec

from ttee.errors import CertificateError, EndorsementError
from ttee.model import Check, Reliance
from ttee.pki.cache import PositiveCache
from ttee.pki.certificate import Certificate, load_pem_chain
from ttee.pki.crl import Crl, check_crl, check_not_revoked, load_crl
from ttee.pki.path import verify_path
from ttee.pki.signature import PublicKey, verify_ecdsa_raw
from ttee.pki.trusted import Trusted
from ttee.pki.window import Window, rfc3339
from ttee.tee.intel import checks
from ttee.tee.intel.endorsements import COLLATERAL, NAMES, Documents, address, read
from ttee.tee.intel.tcb_info import QeIdentity, TcbInfo, parse_qe_identity, parse_tcb_info
from ttee.tee.steps import Steps

ALGORITHMS = frozenset({"ecdsa-p256-sha256"})
"""All that Intel signs with."""
ROOT_CN, TCB_SIGNER_CN = "Intel SGX Root CA", "Intel SGX TCB Signing"

_Key = tuple[str, Trusted, tuple[bytes | None, ...]]


@frozen(slots=True, eq=False)
class Collateral:
    """Collateral that holds during `window`. The PCK revocation list is not verified yet: its signer is not known."""

    trusted: Trusted
    root: Certificate
    documents: Documents
    tcb_info: TcbInfo
    qe_identity: QeIdentity
    root_crl: Crl
    pck_crl: Crl
    window: Window
    checks: tuple[Check, ...]
    relied_on: tuple[Reliance, ...]


_READ = (COLLATERAL, *NAMES)
_KNOWN: PositiveCache[_Key, Collateral] = PositiveCache(64)


def verify_collateral(
    documents: Mapping[str, bytes], tee: str, trusted: Trusted, at: datetime, steps: Steps
) -> Collateral:
    """The collateral for `tee` among `documents`, verified.

    Raises EndorsementError (missing, malformed, stale, for another TEE), AnchorError, CertificateError,
    SignatureError, RevokedError.
    """
    key = tee, trusted, tuple(map(documents.get, _READ))
    known = _KNOWN.get(key, at)
    if known is None:
        fresh = Steps()
        known = _verify(documents, tee, trusted, at, fresh)
        _KNOWN.put(key, known, known.window)
    steps.extend(known.checks)
    return known


def _verify(
    documents: Mapping[str, bytes], tee: str, trusted: Trusted, at: datetime, steps: Steps
) -> Collateral:
    get = address(tee)
    with steps(checks.COLLATERAL_FORM, "TCB info, identity, two revocation lists, and their signers' chains"):
        found = read(documents, tee)
        chain = _chain(found.tcb_info_issuer_chain, "tcb_info_issuer_chain")
        same = found.qe_identity_issuer_chain == found.tcb_info_issuer_chain
        qe_chain = chain if same else _chain(found.qe_identity_issuer_chain, "qe_identity_issuer_chain")
        root_crl = load_crl(found.root_ca_crl, what="root_ca_crl")
        pck_crl = load_crl(found.pck_crl, what="pck_crl")
        tcb_info = parse_tcb_info(found.tcb_info)
        qe_identity = parse_qe_identity(found.qe_identity)
    chains = (
        {"tcb_info_issuer_chain": chain}
        if same
        else {
            "tcb_info_issuer_chain": chain,
            "qe_identity_issuer_chain": qe_chain,
        }
    )
    window = root_crl.window & pck_crl.window & tcb_info.window & qe_identity.window
    with steps(checks.TCB_SIGNER, f"{TCB_SIGNER_CN}, certified by {ROOT_CN}"):
        for name, one in chains.items():
            window &= _verify_signer(one, trusted, at, name)
    with steps(checks.ROOT_CRL, f"of {rfc3339(root_crl.window.start)}, {len(root_crl.revoked)} revoked"):
        for name, one in chains.items():
            check_crl(
                root_crl, one[-1], at=at, algorithms=ALGORITHMS, what="root_ca_crl", get=get["root_ca_crl"]
            )
            check_not_revoked(one[0], root_crl, what=name)
            check_not_revoked(one[-1], root_crl, what="the root")
    with steps(checks.TCB_INFO_SIGNATURE, f"signed by {TCB_SIGNER_CN}"):
        _verify_document(chain[0], found.tcb_info_signature, found.tcb_info, "tcb_info")
    with steps(checks.TCB_INFO_CURRENT, _dated(tcb_info)):
        _check_current(tcb_info, tee, at, "tcb_info", get["tcb_info"])
    with steps(checks.QE_IDENTITY_SIGNATURE, f"signed by {TCB_SIGNER_CN}"):
        _verify_document(qe_chain[0], found.qe_identity_signature, found.qe_identity, "qe_identity")
    with steps(checks.QE_IDENTITY_CURRENT, _dated(qe_identity)):
        _check_current(qe_identity, tee, at, "qe_identity", get["qe_identity"])
    return Collateral(
        trusted=trusted,
        root=chain[-1],
        documents=found,
        tcb_info=tcb_info,
        qe_identity=qe_identity,
        root_crl=root_crl,
        pck_crl=pck_crl,
        window=window,
        checks=steps.checks,
        relied_on=(
            trusted.reliance(chain[-1]),
            *(
                Reliance("endorsement", name, sha256(data).digest())
                for name, data in (
                    ("tcb_info", found.tcb_info),
                    ("qe_identity", found.qe_identity),
                    ("root_ca_crl", found.root_ca_crl),
                    ("pck_crl", found.pck_crl),
                )
            ),
        ),
    )


def _chain(pem: bytes, what: str) -> tuple[Certificate, ...]:
    """Signer and root."""
    return load_pem_chain(pem, what=what, size=range(2, 3), error=EndorsementError)


def _verify_signer(chain: tuple[Certificate, ...], trusted: Trusted, at: datetime, what: str) -> Window:
    window = verify_path(
        chain, trusted.roots, at=at, algorithms=ALGORITHMS, what=what, stale=EndorsementError
    )
    require_name(chain[0], {TCB_SIGNER_CN}, what)
    require_name(chain[-1], {ROOT_CN}, what)
    return window


def require_name(certificate: Certificate, names: set[str], what: str) -> None:
    """Return if the subject has one of these common names: Intel's certificates say by it what they are for."""
    if certificate.common_name not in names:
        raise CertificateError(
            f"{what}: a certificate of {certificate.common_name!r} where {' or '.join(sorted(names))} belongs",
            where=what,
            source="Intel PCK Certificate Profile, section 1.3",
        )


def p256(key: PublicKey, what: str) -> ec.EllipticCurvePublicKey:
    """`key`, which is one on P-256. Raises CertificateError."""
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp256r1":
        return key
    raise CertificateError(f"the key of {what} is not on P-256", where=what)


def _verify_document(signer: Certificate, signature: bytes, document: bytes, what: str) -> None:
    verify_ecdsa_raw(p256(signer.public_key, what), signature, document, what=what)


def _check_current(document: TcbInfo | QeIdentity, tee: str, at: datetime, what: str, get: str) -> None:
    if document.tee != tee:
        raise EndorsementError(
            f"{what} is for {document.tee}, not for {tee}", where=what, hint=f"get it: {get}"
        )
    if at not in document.window:
        raise EndorsementError(
            f"{what} is of {rfc3339(document.window.start)}, to be renewed by {rfc3339(document.window.end)}, "
            f"and not current at {rfc3339(at)}",
            where=what,
            hint=f"get it again: {get}",
        )


def _dated(document: TcbInfo | QeIdentity) -> str:
    return f"of {rfc3339(document.window.start)}, evaluation {document.evaluation}"
