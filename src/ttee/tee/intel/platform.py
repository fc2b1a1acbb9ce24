# SPDX-License-Identifier: Apache-2.0
"""Is the attestation key one that Intel's quoting enclave made on a platform of Intel's? Steps 10 to 16 of `verify.py`.

All quotes of one attestation key carry the same bytes about this. What was found to hold is remembered by a digest
of them and by the collateral that it rests on, for as long as both are valid.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from hashlib import sha256

from attrs import frozen
from cryptography.hazmat.primitives.asymmetric import ec

from ttee.errors import BindingError, EndorsementError, TteeError
from ttee.model import Check, Reliance
from ttee.pki.cache import PositiveCache, memo
from ttee.pki.certificate import KEY_CERT_SIGN, Certificate, load_pem_chain
from ttee.pki.crl import check_crl, check_not_revoked
from ttee.pki.path import Root, verify_path
from ttee.pki.signature import load_point, verify_ecdsa_raw
from ttee.pki.window import Window, rfc3339
from ttee.tee.intel import checks, pck
from ttee.tee.intel.collateral import ALGORITHMS, ROOT_CN, Collateral, p256, require_name
from ttee.tee.intel.endorsements import ANY_AUTHORITY, ANY_FMSPC, address
from ttee.tee.intel.quote import PCK_CHAIN, PCK_LEAF, PPID, Quote
from ttee.tee.intel.reports import SgxReport
from ttee.tee.intel.tcb import match_qe
from ttee.tee.intel.tcb_info import QeIdentity, SvnLevel
from ttee.tee.steps import Steps

PCK_CN = "Intel SGX PCK Certificate"
PCK_CA_CNS = {"Intel SGX PCK Platform CA", "Intel SGX PCK Processor CA"}
_P256 = ec.SECP256R1()


@frozen(slots=True, eq=False)
class Platform:
    """A platform whose quoting enclave vouches for `key`, during `window`."""

    extension: pck.PckExtension
    authority: str
    """Common name of the PCK CA."""
    key: ec.EllipticCurvePublicKey
    qe: SgxReport
    window: Window
    checks: tuple[Check, ...]
    relied_on: tuple[Reliance, ...]


_USUAL = 8192
_KNOWN: PositiveCache[tuple[int, bytes, Collateral], Platform] = PositiveCache(4096)
_AUTHORITIES: PositiveCache[tuple[str, bytes, bytes, Collateral], Window] = PositiveCache(64)


def verify_platform(quote: Quote, collateral: Collateral, at: datetime, steps: Steps) -> Platform:
    """The platform behind `quote`, verified.

    Raises MalformedEvidenceError, AnchorError, CertificateError, SignatureError, BindingError, WeakKeyError,
    RevokedError, EndorsementError.
    """
    # Looked up by itself it is found sooner than by its digest; what is longer than genuine ones are is not kept whole.
    whole = len(quote.platform) <= _USUAL
    key = quote.version, quote.platform if whole else sha256(quote.platform).digest(), collateral
    known = _KNOWN.get(key, at)
    if known is None:
        fresh = Steps()
        known = _verify(quote, collateral, at, fresh)
        _KNOWN.put(key, known, known.window)
    steps.extend(known.checks)
    return known


def _verify(quote: Quote, collateral: Collateral, at: datetime, steps: Steps) -> Platform:
    with steps(checks.PCK_CHAIN, "") as step:
        chain = _pck_chain(quote, collateral)
        leaf, authority, root = chain
        window = _certify(authority, root, collateral, at)
        # The authority was just found to be one: the rest of the path hangs on it.
        certified = Root(authority.common_name, digest=authority.digest)
        window &= verify_path((leaf, authority), certified, at=at, algorithms=ALGORITHMS, what="PCK chain")
        require_name(leaf, {PCK_CN}, "PCK chain")
        require_name(authority, PCK_CA_CNS, "PCK chain")
        require_name(root, {ROOT_CN}, "PCK chain")
        extension = pck.parse(leaf)
        if quote.certification == PPID and quote.certification_data[:16] != extension.ppid:
            raise BindingError("the PCK certificate is of another PPID than the quote", where="PCK chain")
        step.detail = f"certified by {authority.common_name}, below the pinned {root.common_name}"
    crl, get = collateral.pck_crl, address(quote.tee, fmspc=extension.fmspc)
    with steps(checks.PCK_CRL, f"of {rfc3339(crl.window.start)}, {len(crl.revoked)} revoked"):
        _check_list(authority, collateral, at, get["pck_crl"])
    with steps(checks.PCK_REVOKED, "on neither list"):
        check_not_revoked(authority, collateral.root_crl, what="the PCK CA")
        check_not_revoked(leaf, crl, what="the PCK certificate")
    with steps(checks.TCB_INFO_PLATFORM, f"FMSPC {extension.fmspc.hex()}, PCE-ID {extension.pce_id.hex()}"):
        _check_platform(extension, collateral, get["tcb_info"])
    with steps(checks.QE_SIGNATURE, "by the key of the PCK certificate"):
        key = p256(leaf.public_key, "the PCK certificate")
        verify_ecdsa_raw(key, quote.qe_signature, quote.qe_report, what="the quoting enclave's report")
    qe = SgxReport.parse(quote.qe_report)
    with steps(checks.QE_BINDING, "its report data are the SHA-256 of both, and zeros"):
        if qe.report_data != sha256(quote.key + quote.qe_auth).digest() + bytes(32):
            raise BindingError(
                "the quoting enclave's report is not about this attestation key and authentication data",
                where="quoting enclave's report, byte 320 (report data)",
            )
    with steps(checks.QE_IDENTITY, f"product {qe.isv_prod_id}, SVN {qe.isv_svn}"):
        _check_identity(qe, collateral.qe_identity)
    return Platform(
        extension=extension,
        authority=authority.common_name,
        key=load_point(_P256, quote.key, what="the attestation key"),
        qe=qe,
        window=window & collateral.window,
        checks=steps.checks,
        relied_on=(
            Reliance("certificate", leaf.common_name, leaf.digest),
            Reliance("key", "attestation key", sha256(quote.key).digest()),
        ),
    )


def _certify(authority: Certificate, root: Certificate, collateral: Collateral, at: datetime) -> Window:
    """When the path from the authority to the pinned root holds. Many platforms have the same one."""
    key = "certified", authority.der, root.der, collateral
    known = _AUTHORITIES.get(key, at)
    if known is not None:
        return known
    window = verify_path(
        (authority, root),
        collateral.trusted.roots,
        at=at,
        algorithms=ALGORITHMS,
        what="PCK CA",
        leaf_usage=KEY_CERT_SIGN,
        leaf_is_ca=True,
    )
    return _AUTHORITIES.put(key, window, window)


def _check_list(authority: Certificate, collateral: Collateral, at: datetime, get: str) -> None:
    """Return if the PCK CRL is the authority's, and current; likewise for many platforms."""
    key = "list", authority.der, b"", collateral
    if _AUTHORITIES.get(key, at) is None:
        crl = collateral.pck_crl
        check_crl(crl, authority, at=at, algorithms=ALGORITHMS, what="pck_crl", get=get)
        _AUTHORITIES.put(key, crl.window, crl.window)


def _pck_chain(quote: Quote, collateral: Collateral) -> tuple[Certificate, ...]:
    """Leaf, authority, root: from the quote as far as it brings them, else from the collateral."""
    if quote.certification == PCK_CHAIN:
        return own_chain(quote)
    if quote.certification == PCK_LEAF and collateral.documents.pck_crl_issuer_chain is not None:
        above = _endorsed(collateral.documents.pck_crl_issuer_chain, "pck_crl_issuer_chain", 2)
        return *own_chain(quote), *above
    if collateral.documents.pck_certificate_chain is not None:
        return _endorsed(collateral.documents.pck_certificate_chain, "pck_certificate_chain", 3)
    raise EndorsementError(
        f"the quote brings no PCK chain (its certification data are of type {quote.certification}), "
        "and none is among the endorsements",
        where="endorsements, pck_certificate_chain",
        hint=f"get it: {address(quote.tee)['pck_certificate_chain']}",
    )


def own_chain(quote: Quote) -> tuple[Certificate, ...]:
    """The certificates that a quote brings: leaf, authority and root; the leaf alone; or none.

    Raises MalformedEvidenceError.
    """
    if quote.certification not in (PCK_CHAIN, PCK_LEAF):
        return ()
    return _own_chain((quote.certification, quote.certification_data.removesuffix(b"\0")))


@memo(256)
def _own_chain(given: tuple[int, bytes]) -> tuple[Certificate, ...]:
    """Read for the questions to its maker, and again to be verified."""
    kind, pem = given
    if kind == PCK_CHAIN:
        return load_pem_chain(pem, what="PCK chain", size=range(3, 4))
    return load_pem_chain(pem, what="PCK certificate", size=range(1, 2))


def addressed(text: str, quote: Quote) -> str:
    """`text`, its addresses for any platform turned into those for this one, if the quote brings its certificate."""
    with suppress(TteeError):
        for leaf in own_chain(quote)[:1]:
            fmspc = pck.parse(leaf).fmspc
            text = text.replace(f"fmspc={ANY_FMSPC}", f"fmspc={fmspc.hex().upper()}")
            text = text.replace(ANY_AUTHORITY, f"ca={authority_of(leaf)}&encoding=der")
    return text


def authority_of(leaf: Certificate) -> str:
    """Who issued a PCK certificate, as Intel's service calls it."""
    return "processor" if "Processor" in leaf.issuer_common_name else "platform"


def _endorsed(pem: bytes, what: str, size: int) -> tuple[Certificate, ...]:
    return load_pem_chain(pem, what=what, size=range(size, size + 1), error=EndorsementError)


def _check_platform(extension: pck.PckExtension, collateral: Collateral, get: str) -> None:
    info = collateral.tcb_info
    for name, ours, theirs in (
        ("FMSPC", extension.fmspc, info.fmspc),
        ("PCE-ID", extension.pce_id, info.pce_id),
    ):
        if ours != theirs:
            raise EndorsementError(
                f"the TCB info is for platforms of {name} {theirs.hex()}; this one has {ours.hex()}",
                where="tcb_info",
                hint=f"get the right one: {get}",
            )


def _check_identity(qe: SgxReport, identity: QeIdentity) -> None:
    """4.1.2.9.5 to 4.1.2.9.8. Bits that the identity sets outside of its own mask can never match."""
    for name, actual, expected in (
        ("MISCSELECT", _masked(qe.misc_select, identity.misc_mask), identity.misc_select),
        ("attributes", _masked(qe.attributes, identity.attributes_mask), identity.attributes),
        ("MRSIGNER", qe.mr_signer, identity.mr_signer),
    ):
        if actual != expected:
            raise BindingError(
                f"the quoting enclave's {name} is {actual.hex()}; Intel's has {expected.hex()}",
                where="quoting enclave's report",
            )
    if qe.isv_prod_id != identity.isv_prod_id:
        raise BindingError(
            f"the quoting enclave is product {qe.isv_prod_id}; Intel's is {identity.isv_prod_id}",
            where="quoting enclave's report, byte 256",
        )
    if qe.debug:
        raise BindingError(
            "the quoting enclave is in debug mode: its host holds the attestation key",
            where="quoting enclave's report, byte 48 (attributes)",
        )


def _masked(value: bytes, mask: bytes) -> bytes:
    return (int.from_bytes(value) & int.from_bytes(mask)).to_bytes(len(mask))


def qe_level(platform: Platform, collateral: Collateral) -> SvnLevel:
    """What the quoting enclave's SVN is worth. Raises TcbError."""
    return match_qe(collateral.qe_identity, platform.qe)


def forget_platforms() -> None:
    """Empty the memory of platforms alone, and not that of collateral: for measurements."""
    _KNOWN.clear()
