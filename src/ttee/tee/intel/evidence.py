# SPDX-License-Identifier: Apache-2.0
"""Intel evidence: `quote`, for TDX perhaps with an event log. How it is recognised, what its claims are called.

`ccel` is what the guest's kernel shows as /sys/firmware/acpi/tables/data/CCEL; `event_log` and `dstack` are what a
dstack attestation has beside the quote (docs/spec/dstack.md); `event_log` may be Confidential Space's, too.
"""

from __future__ import annotations

from collections.abc import Mapping

from ttee.errors import MalformedEvidenceError
from ttee.model import ClaimValue, Evidence
from ttee.pki.cache import memo
from ttee.tee.intel.quote import QE_VENDOR, SGX, TDX, Quote, parse
from ttee.tee.intel.reports import SgxReport, TdReport

PARTS: Mapping[str, frozenset[str]] = {
    SGX: frozenset({"quote"}),
    TDX: frozenset({"quote", "ccel", "event_log", "dstack"}),
}

_SGX_BITS = {"mode64": 2, "provision_key": 4, "einittoken_key": 5, "kss": 7}
"""Bits of an enclave's attributes (Intel SDM, volume 3D, table 36-3)."""
_TD_BITS = {"sept_ve_disable": 28, "migratable": 29, "pks": 30, "key_locker": 31, "perfmon": 63}
"""Bits of a TD's attributes (Intel TDX Module ABI, ATTRIBUTES)."""
_TD_KNOWN = sum(1 << bit for bit in (0, *_TD_BITS.values()))
_XFAM_SET, _XFAM_MAY = 0x3, 0x6DBE7
"""What XFAM must have, and what it may have at all (google/go-tdx-guest:validate)."""


def wrap(data: bytes, tee: str) -> Evidence | None:
    """Evidence for `tee` if `data` is a raw quote of it; None for anything else."""
    tee_type = {SGX: 0, TDX: 0x81}[tee]
    if len(data) < 48 or int.from_bytes(data[4:8], "little") != tee_type:
        return None
    version, key_type = data[0] | data[1] << 8, data[2] | data[3] << 8
    if data[12:28] != QE_VENDOR and not (3 <= version <= 5 and key_type in {2, 3}):
        return None
    return Evidence(tee, {"quote": data})


def split(evidence: Evidence) -> Quote:
    """The quote among the evidence's parts, of the evidence's TEE. Raises MalformedEvidenceError."""
    if not {"quote"} <= evidence.parts.keys() <= PARTS[evidence.tee]:
        more = ", perhaps with ccel, event_log, dstack" if evidence.tee == TDX else ""
        raise MalformedEvidenceError(
            f"{evidence.tee} evidence is a quote{more}; not {', '.join(evidence.parts) or 'nothing'}"[:300],
            where="parts",
            source="docs/spec/evidence.md",
        )
    quote = parse(evidence.parts["quote"])
    if quote.tee != evidence.tee:
        raise MalformedEvidenceError(
            f"the evidence says {evidence.tee}, and its quote is of {quote.tee}",
            where="quote, byte 4 (TEE type)",
            hint=f"say {quote.tee}",
        )
    return quote


def describe(evidence: Evidence) -> Mapping[str, ClaimValue]:
    """Every field of the quote, UNVERIFIED. Raises MalformedEvidenceError."""
    quote = split(evidence)
    return {
        "quote_version": quote.version,
        "attestation_key_type": quote.key_type,
        "qe_svn": quote.qe_svn,
        "pce_svn": quote.pce_svn,
        "qe_vendor": quote.qe_vendor,
        "user_data": quote.user_data,
        **details(quote.report),
        "report_data": quote.report.report_data,
        "attestation_key": quote.key,
        "qe_report": quote.qe_report,
        "qe_authentication_data": quote.qe_auth,
        "certification_data_type": quote.certification,
        "certification_data": quote.certification_data,
        "padding": quote.padding,
    }


def details(report: SgxReport | TdReport) -> dict[str, ClaimValue]:
    """What the report says, by the names of claims; report data and debug mode have names for all TEEs."""
    return _sgx(report) if isinstance(report, SgxReport) else _td(report)


def _sgx(report: SgxReport) -> dict[str, ClaimValue]:
    return {
        "mr_enclave": report.mr_enclave,
        "mr_signer": report.mr_signer,
        "isv_prod_id": report.isv_prod_id,
        "isv_svn": report.isv_svn,
        "cpu_svn": report.cpu_svn,
        "misc_select": report.misc_select,
        "attributes": report.attributes,
        **_sgx_bits(report.attributes),
    }


@memo(64)
def _sgx_bits(attributes: bytes) -> dict[str, ClaimValue]:
    flags = int.from_bytes(attributes[:8], "little")
    return {name: bool(flags >> bit & 1) for name, bit in _SGX_BITS.items()}


def _td(report: TdReport) -> dict[str, ClaimValue]:
    return {
        "mr_td": report.mr_td,
        "rtmr0": report.rtmr0,
        "rtmr1": report.rtmr1,
        "rtmr2": report.rtmr2,
        "rtmr3": report.rtmr3,
        "mr_config_id": report.mr_config_id,
        "mr_owner": report.mr_owner,
        "mr_owner_config": report.mr_owner_config,
        "mr_service_td": report.mr_service_td,
        "mr_seam": report.mr_seam,
        "mr_signer_seam": report.mr_signer_seam,
        "seam_attributes": report.seam_attributes,
        "tee_tcb_svn": report.tee_tcb_svn,
        "tee_tcb_svn_2": report.tee_tcb_svn_2,
        "td_attributes": report.td_attributes,
        **_td_bits(report.td_attributes),
        "xfam": report.xfam,
        "reserved_xfam": _is_reserved_xfam(report.xfam),
    }


# The bits of many quotes are the same few.
@memo(64)
def _td_bits(attributes: bytes) -> dict[str, ClaimValue]:
    flags = int.from_bytes(attributes, "little")
    bits: dict[str, ClaimValue] = {name: bool(flags >> bit & 1) for name, bit in _TD_BITS.items()}
    return {**bits, "reserved_td_attributes": bool(flags & ~_TD_KNOWN)}


@memo(64)
def _is_reserved_xfam(xfam: bytes) -> bool:
    flags = int.from_bytes(xfam, "little")
    return bool(flags & ~_XFAM_MAY or ~flags & _XFAM_SET)
