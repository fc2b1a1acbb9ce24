# SPDX-License-Identifier: Apache-2.0
"""Evidence of Azure's confidential VMs: its parts, and the JSON of Trustee's attesters. No cryptography, no I/O.

hcl_report   (`hcl.py`); in an SNP VM the SNP report is in it       td_quote    the TD quote, in a TDX VM
quote        TPMS_ATTEST                                            signature   raw RSASSA, or TPMT_SIGNATURE
pcrs         values, as in the parts of `tpm`                       event_log   firmware's (optional)
ak_certificate, chain                                               (optional)
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping

from ttee.codec import hex, json  # noqa: A004 (the module's name)
from ttee.errors import MalformedEvidenceError
from ttee.model import ClaimValue, Evidence
from ttee.tee.azure import hcl
from ttee.tee.tpm import values
from ttee.tee.tpm.quote import described
from ttee.tee.tpm.structures import Signature, parse_attest, parse_signature

NAME = "azure-vtpm"
REQUIRED = frozenset({"hcl_report", "quote", "signature", "pcrs"})
OPTIONAL = frozenset({"td_quote", "event_log", "ak_certificate", "chain"})
MAX_JSON = 1 << 20
_STANDARD = str.maketrans("-_", "+/")


def check_parts(parts: Mapping[str, bytes]) -> None:
    """Return if these are the parts; else MalformedEvidenceError."""
    wrong = (REQUIRED - parts.keys()) | (parts.keys() - REQUIRED - OPTIONAL)
    if wrong:
        name = min(wrong)
        raise MalformedEvidenceError(
            f"{NAME} evidence: the part {name!r} is {'unknown' if name in parts else 'missing'}"[:200],
            where="parts",
            source="docs/spec/evidence.md",
        )


def read_signature(data: bytes) -> Signature:
    """A TPMT_SIGNATURE; or what Azure's tools leave of one, which is always RSASSA with SHA-256. The two differ in
    size: a wrapped one has six bytes more. Raises MalformedEvidenceError."""
    if len(data) in (256, 384, 512):  # no wrapped one has such a size
        return Signature("rsassa", "sha256", data)
    return parse_signature(data)


def wrap(data: bytes) -> Evidence | None:
    """Evidence out of Trustee's JSON (version 1); None for anything else.

    Raises MalformedEvidenceError for what is clearly meant as such, and is not well formed.
    """
    if not data.lstrip(b" \t\r\n").startswith(b"{") or b'"hcl_report"' not in data or b'"schema"' in data:
        return None
    top = json.loads(data, what="evidence", max_size=MAX_JSON, max_depth=4)
    if not isinstance(top, dict) or not isinstance(quote := top.get("tpm_quote"), dict):
        raise _malformed("it has no tpm_quote", "evidence")
    if top.keys() - {"version", "hcl_report", "tpm_quote", "vcek", "td_quote"}:
        raise _malformed("it has keys that are unknown", "evidence")
    listed = quote.get("pcrs")
    if (
        not isinstance(listed, list)
        or not 0 < len(listed) <= 24
        or quote.keys() != {"message", "pcrs", "signature"}
    ):
        raise _malformed("its quote does not have exactly message, signature, and up to 24 pcrs", "tpm_quote")
    pcrs = {i: _hex(value, "tpm_quote.pcrs", 32) for i, value in enumerate(listed)}
    parts = {
        "hcl_report": _base64(top.get("hcl_report"), "hcl_report"),
        "quote": _hex(quote["message"], "tpm_quote.message"),
        "signature": _hex(quote["signature"], "tpm_quote.signature"),
        "pcrs": values.encode({"sha256": pcrs}),
    }
    if "td_quote" in top:
        parts["td_quote"] = _base64(top["td_quote"], "td_quote")
    endorsements = {"vek": _base64(top["vcek"], "vcek")} if "vcek" in top else {}
    return Evidence(NAME, parts, endorsements)


def describe(evidence: Evidence) -> Mapping[str, ClaimValue]:
    """Every field, UNVERIFIED. Raises MalformedEvidenceError."""
    check_parts(evidence.parts)
    report, attest = (
        hcl.parse(evidence.parts["hcl_report"]),
        parse_attest(evidence.parts["quote"], what="quote"),
    )
    found: dict[str, ClaimValue] = {
        "tee_inside": "intel-tdx" if report.kind == hcl.TDX else "amd-sev-snp",
        "report": report.report,
        "runtime_data": report.runtime.decode("utf-8"),
        "nonce": attest.extra,
        "clock": str(attest.clock),
        "selection": described(attest.selection),
        "digest": attest.digest,
    }
    for bank, pcrs in values.parse(evidence.parts["pcrs"]).items():
        found |= {f"{bank}_pcr{pcr}": value for pcr, value in pcrs.items()}
    return found | {
        name: evidence.parts[name] for name in sorted(evidence.parts.keys() & {"td_quote", "ak_certificate"})
    }


def _hex(value: json.JsonValue, what: str, size: int | None = None) -> bytes:
    if not isinstance(value, str):
        raise _malformed(f"{what} is not hex", what)
    return hex.decode(value, what=what, size=size)


def _base64(value: json.JsonValue, what: str) -> bytes:
    """Base64 in either alphabet: Trustee writes both, without padding."""
    if not isinstance(value, str):
        raise _malformed(f"{what} is not base64", what)
    text = value.rstrip("=").translate(_STANDARD)
    try:
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (Base64Error, ValueError):
        raise _malformed(f"{what} is not base64", what) from None


def _malformed(message: str, where: str) -> MalformedEvidenceError:
    return MalformedEvidenceError(f"the Azure evidence cannot be read: {message}", where=where)
