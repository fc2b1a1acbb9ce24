# SPDX-License-Identifier: Apache-2.0
"""Is an Intel quote authentic? Numbered steps; each is a check of `checks.py`, and raises by name.

     1  the quote is well formed, and of the evidence's TEE           intel.quote.form
     2  Intel's quoting enclave, a key on P-256                       intel.quote.algorithm
     3  the collateral is there, and well formed                      intel.collateral.form
     4  pinned root → signer of the collateral                        intel.tcb-signer.chain
     5  root's CRL: the root's, current, signer not on it             intel.root-crl.current
     6  TCB info: signed                                              intel.tcb-info.signature
     7  … for this TEE, current                                       intel.tcb-info.current
     8  identity of the quoting enclave: signed                       intel.qe-identity.signature
     9  … for this TEE, current                                       intel.qe-identity.current
    10  pinned root → PCK CA → PCK certificate                        intel.pck.chain
    11  PCK CRL: of that CA, current                                  intel.pck-crl.current
    12  PCK certificate and CA on neither list                        intel.pck.revoked
    13  the TCB info is for this FMSPC and PCE-ID                     intel.tcb-info.platform
    14  PCK → report of the quoting enclave                           intel.qe.signature
    15  report of the quoting enclave → attestation key               intel.qe.binding
    16  the quoting enclave is Intel's                                intel.qe.identity
    17  attestation key → header and report                           intel.quote.signature
    18  the TDX module is one that Intel lists                        intel.tdx-module.identity
    19  the TCB level of all is listed, and not revoked               intel.tcb.level
    20  report data are the nonce                                     intel.report-data.nonce
    21  the event log gives the runtime registers, if there is one    intel.ccel.replay
    22  … and so does dstack's, or a launcher's: who runs             intel.event-log.replay
    23  what dstack says of the report data is what the quote has     intel.dstack.statement

Steps 3 to 9 are in `collateral.py`, 10 to 16 in `platform.py`, 22 and 23 in `dstack.py` and `canonical.py`. Whether a
TCB that is out of date, debug mode, or these measurements are acceptable, is for a policy to say: they are claims.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from attrs import evolve

from ttee.errors import EndorsementError, FreshnessError, MalformedEvidenceError, NotAuthenticError
from ttee.eventlog import tcg
from ttee.eventlog.event import Registers
from ttee.eventlog.replay import check_replay
from ttee.formats.dstack_statement import PART
from ttee.guest.binding import check_nonce_size
from ttee.model import Check, Claims, ClaimValue, Endorsements, Evidence
from ttee.pki.cache import PositiveCache
from ttee.pki.signature import verify_ecdsa_raw
from ttee.pki.trusted import trusted
from ttee.pki.window import Window, require_moment, rfc3339
from ttee.tee.intel import checks, tcb
from ttee.tee.intel.canonical import check_canonical_log, is_canonical
from ttee.tee.intel.collateral import ROOT_CN, Collateral, verify_collateral
from ttee.tee.intel.dstack import EVENT_LOG, Told, check_event_log, check_statement
from ttee.tee.intel.endorsements import merged
from ttee.tee.intel.evidence import details, split
from ttee.tee.intel.exceptions import excused
from ttee.tee.intel.platform import Platform, addressed, qe_level, verify_platform
from ttee.tee.intel.quote import ECDSA_P256, QE_VENDOR, SGX, TDX, Quote
from ttee.tee.intel.reports import TdReport
from ttee.tee.intel.roots import INTEL
from ttee.tee.intel.tcb_info import TcbInfo
from ttee.tee.steps import Steps

UP_TO_DATE = "UpToDate"
PINS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    SGX: MappingProxyType({"app": ("mr_enclave", "mr_signer")}),
    TDX: MappingProxyType({"app": ("rtmr1", "rtmr2", "rtmr3", "mr_config_id"), "platform": ("mr_td",)}),
}

CURRENCY = ("tcb_status",)
"""The claim that says whether all of it is up to date: platform, quoting enclave, TDX module."""

_Worth = tuple[Mapping[str, ClaimValue], Mapping[str, int], tuple[str, ...], tuple[Check, ...]]
"""Claims about the TCB, the editions of what they rest on, the exceptions made use of, and the checks."""
_WORTH: PositiveCache[tuple[Collateral, Platform, tuple[bytes | None, ...], frozenset[str]], _Worth] = (
    PositiveCache(4096)
)


def verify(
    evidence: Evidence,
    endorsements: Endorsements,
    *,
    nonce: bytes | None = None,
    at: datetime | None = None,
) -> Claims:
    """The claims of an Intel quote (part `quote`; for TDX perhaps `ccel`, the event log). Pure.

    Documents: `collateral`, or its parts (see `endorsements.py`). Anchors, if there are any for the TEE, replace
    Intel's root: each is the SubjectPublicKeyInfo of one, in DER. `nonce`: what the report data must be, zeros behind
    it. Raises UsageError without `at`; MalformedEvidenceError, NotAuthenticError, EndorsementError, RevokedError.
    """
    at = require_moment(at, "an Intel quote")
    check_nonce_size(nonce)
    steps = Steps()
    with steps(checks.QUOTE_FORM, "") as step:
        quote = split(evidence)
        step.detail = f"version {quote.version}, {quote.tee}"
    with steps(checks.QUOTE_ALGORITHM, "ECDSA on P-256 with SHA-256"):
        _check_algorithm(quote)
    documents = merged(evidence.endorsements, endorsements.documents)
    try:
        collateral = verify_collateral(
            documents,
            quote.tee,
            trusted(endorsements, quote.tee, INTEL),
            at,
            steps,
        )
    except EndorsementError as error:
        # Collateral is remembered for all platforms; whose it lacks is known here.
        error.hint = error.hint and addressed(error.hint, quote)
        raise
    platform = verify_platform(quote, collateral, at, steps)
    with steps(checks.QUOTE_SIGNATURE, "by the attestation key"):
        verify_ecdsa_raw(platform.key, quote.signature, quote.signed, what="the quote")
    granted = endorsements.exceptions
    worth, editions, exceptions = _worth(quote, collateral, platform, at, granted=granted, steps=steps)
    not_checked = []
    if nonce is None:
        steps.skipped(checks.NONCE, "no nonce was given to compare the report data with")
        not_checked.append("freshness: no nonce was given; the quote may be a replay")
    else:
        with steps(checks.NONCE, f"the report data are the nonce ({len(nonce)} bytes)"):
            _check_nonce(quote, nonce)
    if quote.padding:
        not_checked.append(f"{quote.padding} zeros behind the quote: padding, which nothing covers")
    told = Told({}, (), ())
    if isinstance(quote.report, TdReport):
        told = _check_logs(quote.report, evidence.parts, steps)
        not_checked += told.not_checked
    return Claims(
        tee=quote.tee,
        assurance=collateral.trusted.assurance(collateral.root),
        checks=steps.checks,
        relied_on=collateral.relied_on + platform.relied_on,
        not_checked=tuple(not_checked),
        nonce=nonce,
        user_data=quote.report.report_data,
        registers=quote.report.rtmrs if isinstance(quote.report, TdReport) else None,
        events=told.events,
        debug=quote.report.debug,
        fresh=nonce is not None,
        pins=PINS[quote.tee],
        current=worth["tcb_status"] == UP_TO_DATE,
        currency=CURRENCY,
        exceptions=exceptions,
        editions=editions,
        details={**details(quote.report), **worth, "padding": quote.padding, **told.details},
    )


def _check_algorithm(quote: Quote) -> None:
    """Step 2."""
    if quote.qe_vendor != QE_VENDOR:
        raise NotAuthenticError(
            f"the quoting enclave is of vendor {quote.qe_vendor.hex()}; Intel is {QE_VENDOR.hex()}",
            where="quote, byte 12 (QE vendor id)",
        )
    if quote.key_type != ECDSA_P256:
        raise NotAuthenticError(
            f"the attestation key is of type {quote.key_type}; {ECDSA_P256}, ECDSA on P-256, is the one in use",
            where="quote, byte 2 (attestation key type)",
        )


def _worth(
    quote: Quote,
    collateral: Collateral,
    platform: Platform,
    at: datetime,
    *,
    granted: frozenset[str],
    steps: Steps,
) -> tuple[Mapping[str, ClaimValue], Mapping[str, int], tuple[str, ...]]:
    """Steps 18 and 19, remembered for the platform and what the report says of its TDX module."""
    td = quote.report if isinstance(quote.report, TdReport) else None
    module = (td.tee_tcb_svn, td.tee_tcb_svn_2, td.mr_signer_seam, td.seam_attributes) if td else ()
    key = collateral, platform, module, granted
    known = _WORTH.get(key, at)
    if known is None:
        known = _WORTH.put(key, _evaluate(collateral, platform, td, granted), platform.window)
    claims, editions, exceptions, checked = known
    steps.extend(checked)
    return claims, editions, exceptions


def _evaluate(
    collateral: Collateral, platform: Platform, td: TdReport | None, granted: frozenset[str]
) -> _Worth:
    steps, info, module, pck = Steps(), collateral.tcb_info, None, platform.extension.tcb
    svn = td.tee_tcb_svn if td is not None else None
    if td is not None:
        with steps(checks.TDX_MODULE, "") as step:
            listed = tcb.find_module(info, td.tee_tcb_svn[1])
            tcb.check_module(listed, td)
            module = tcb.match_module(listed, td.tee_tcb_svn)
            step.detail = f"{listed.name}, {module.status}" if module else "of the first generation"

    def judge(info: TcbInfo) -> tcb.TcbVerdict:
        levels = tcb.match_platform(info, pck, svn)
        return tcb.converge(levels, qe_level(platform, collateral), module, tcb.running(info, pck, td))

    with steps(checks.TCB_LEVEL, "") as step:
        verdict, used = excused(info, granted, judge)
        step.detail = f"{verdict.status}, of {verdict.platform.date[:10]}"
    claims = _tcb_details(verdict, collateral, platform)
    return claims, MappingProxyType(_editions(collateral, platform)), used, steps.checks


def _editions(collateral: Collateral, platform: Platform) -> dict[str, int]:
    """The numbers and issue dates that never go back, each for what it counts.

    Below roots that a policy pins, they are counted apart: nobody's test raises what Intel's must reach.
    """
    info, identity = collateral.tcb_info, collateral.qe_identity
    root = f" under {collateral.root.key_digest.hex()[:16]}" if collateral.trusted.anchors else ""
    levels, enclave = f"{info.tee} tcb_info {info.fmspc.hex()}", f"{info.tee} qe_identity"
    found = {
        f"{levels} evaluation{root}": info.evaluation,
        f"{levels} issued{root}": _seconds(info.window),
        f"{enclave} evaluation{root}": identity.evaluation,
        f"{enclave} issued{root}": _seconds(identity.window),
    }
    for name, crl in ((ROOT_CN, collateral.root_crl), (platform.authority, collateral.pck_crl)):
        found[f"intel crl {name} issued{root}"] = _seconds(crl.window)
        if crl.number is not None:
            found[f"intel crl {name} number{root}"] = crl.number
    return found


def _seconds(window: Window) -> int:
    """When it was issued, in seconds since 1970."""
    return int(window.start.timestamp())


def _check_nonce(quote: Quote, nonce: bytes) -> None:
    """Step 20."""
    if quote.report.report_data != nonce.ljust(64, b"\0"):
        raise FreshnessError(
            f"the report data are {quote.report.report_data.hex()}, and not the nonce {nonce.hex()}",
            where="report data",
            hint="ask for a quote over a fresh nonce; this one is old, or somebody else's",
        )


_NO_LOG = Told({}, (), ("what the runtime registers are made of: no event log was given",))


def _check_logs(report: TdReport, parts: Mapping[str, bytes], steps: Steps) -> Told:
    """Steps 21 to 23: what the logs say, and leave unsaid."""
    if len(parts) == 1:
        return _NO_LOG
    told, not_checked = Told({}, (), ()), list[str]()
    if "ccel" in parts:
        not_checked += _check_ccel(report, parts["ccel"], steps)
    if EVENT_LOG in parts:
        read = check_canonical_log if is_canonical(parts[EVENT_LOG]) else check_event_log
        told = read(report, parts[EVENT_LOG], steps)
        not_checked += told.not_checked
    if not parts.keys() & {"ccel", EVENT_LOG}:
        not_checked += _NO_LOG.not_checked
    if PART in parts:
        not_checked += check_statement(parts[PART], report.report_data, steps)
    return evolve(told, not_checked=tuple(not_checked))


def _check_ccel(report: TdReport, ccel: bytes, steps: Steps) -> Sequence[str]:
    """Step 21. What the log leaves unsaid."""
    with steps(checks.CCEL, "") as step:
        log = tcg.parse(ccel, what="ccel")
        if log.registers is not Registers.MR:
            raise MalformedEvidenceError(
                "ccel is a log of PCRs, not of a trust domain's registers", where="ccel"
            )
        replayed = check_replay(log, "sha384", dict(enumerate(report.rtmrs, 1)))
        step.detail = f"{len(log.events)} events give {', '.join(map(log.register_name, replayed))}"
    return [
        f"what {log.register_name(number)} is made of: the event log does not say"
        for number, value in enumerate(report.rtmrs, 1)
        if number not in replayed and any(value)
    ]


def _tcb_details(worth: tcb.TcbVerdict, collateral: Collateral, platform: Platform) -> dict[str, ClaimValue]:
    extension, info, identity = platform.extension, collateral.tcb_info, collateral.qe_identity
    return {
        "tcb_status": worth.status,
        "advisory_ids": worth.advisories,
        "tcb_date": worth.platform.date,
        "platform_tcb_status": worth.platform.status,
        "sgx_tcb_status": worth.sgx_status,
        "qe_tcb_status": worth.qe.status,
        "tdx_module_tcb_status": worth.module.status if worth.module else None,
        "running_tcb_status": worth.now.status if worth.now else None,
        "tcb_evaluation": min(info.evaluation, identity.evaluation),
        "tcb_info_issued": rfc3339(info.window.start),
        "qe_identity_issued": rfc3339(identity.window.start),
        "root_crl_number": collateral.root_crl.number,
        "pck_crl_number": collateral.pck_crl.number,
        "endorsements_expire": rfc3339(platform.window.end),
        "pck_ca": platform.authority,
        "fmspc": extension.fmspc,
        "pce_id": extension.pce_id,
        "ppid": extension.ppid,
        "platform_instance": extension.platform_instance,
        "pck_components": extension.tcb.components,
        "pck_pce_svn": extension.tcb.pce_svn,
        "sgx_type": extension.sgx_type,
        "dynamic_platform": extension.dynamic_platform,
        "cached_keys": extension.cached_keys,
        "smt_enabled": extension.smt_enabled,
    }
