# SPDX-License-Identifier: Apache-2.0
"""Is an SEV-SNP report authentic? Numbered steps; each is a check of `checks.py`, and raises by name.

     1  1184 bytes of a known version, zeros where they must be          amd.report.format
     2  signed, with ECDSA on P-384                                      amd.report.algorithm
     3  the guest asked for it, not the host                             amd.report.requester
     4  the certificate is a VCEK or VLEK, as the report says            amd.vek.certificate
     5  report, certificate and chain are of one product line            amd.chain.product
     6  ARK ── ASK or ASVK ── VEK, at this moment                        amd.chain.path
     7  ARK's revocation list names neither of them                      amd.chain.revocation
     8  a VCEK is for the report's chip                                  amd.vek.chip
     9  the certificate is for exactly the reported TCB                  amd.vek.tcb
    10  that key signed the report                                       amd.report.signature
    11  reported ≤ committed ≤ current, launch ≤ current                 amd.report.tcb-order
    12  report_data is the nonce that was asked for                      amd.report.nonce
    13  what dstack says beside it is what the report vouches for        amd.dstack.statement

Steps 4 to 7 are the same for all reports of one chip and TCB: `chain.py` does them, and remembers.
What is acceptable (versions, debug, measurements, clouds) is the policy's to say.
"""

from __future__ import annotations

from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from ttee.errors import BindingError, FreshnessError, MalformedEvidenceError, SignatureError, UsageError
from ttee.formats.dstack_statement import PART, Statement
from ttee.model import Claims, ClaimValue, Endorsements, Evidence
from ttee.pki.trusted import trusted
from ttee.pki.window import require_moment
from ttee.tee.amd import checks
from ttee.tee.amd.certificates import KINDS, Vek, pinned
from ttee.tee.amd.chain import endorse
from ttee.tee.amd.endorsements import gather
from ttee.tee.amd.evidence import ECDSA_P384_SHA384, NAME, NO_KEY, SIGNED, Report, details, parse
from ttee.tee.amd.products import at_most
from ttee.tee.steps import Steps

REPORT_DATA = 64
_HOST = 0xFFFF_FFFF
P384_ORDER = (
    0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973
)
"""The order of P-384's base point (FIPS 186-5; SEC 2, section 2.5.1)."""
_ECDSA = ec.ECDSA(hashes.SHA384())


def verify(
    evidence: Evidence,
    endorsements: Endorsements,
    *,
    nonce: bytes | None = None,
    at: datetime | None = None,
) -> Claims:
    """The claims of an SEV-SNP report. Pure.

    Parts: `report`, and the host's certificate table, `certificates`, if it came along. Documents: `vek`,
    `chain`, `crl` (see `endorsements.py`). Anchors, if there are any, replace AMD's pinned roots: each is the
    SubjectPublicKeyInfo of an ARK. `nonce` (1 to 64 bytes) is compared with report_data, zeros behind it.
    Raises UsageError without `at`; MalformedEvidenceError, NotAuthenticError, EndorsementError, RevokedError.
    """
    at = require_moment(at, "SEV-SNP evidence")
    if nonce is not None and not 0 < len(nonce) <= REPORT_DATA:
        raise UsageError(f"a nonce for SEV-SNP has 1 to {REPORT_DATA} bytes, this one has {len(nonce)}")
    if not {"report"} <= evidence.parts.keys() <= {"report", "certificates", PART}:
        raise MalformedEvidenceError(
            f"{NAME} evidence is report, perhaps certificates, dstack; not {', '.join(evidence.parts) or 'nothing'}"[
                :300
            ],
            where="parts",
            source="docs/spec/evidence.md",
        )
    steps = Steps()
    data = evidence.parts["report"]
    with steps(checks.FORMAT, "") as step:
        report = parse(data)
        documents = gather(evidence, report, endorsements.documents)
        step.detail = f"version {report.version}"
    with steps(checks.ALGORITHM, "ECDSA on P-384 with SHA-384"):
        _require_signed(report)
    with steps(checks.REQUESTER, "") as step:
        if report.vmpl == _HOST:
            raise BindingError(
                "the host asked for this report, not the guest: whose word report_data is, nobody knows",
                where="report, byte 0x030 (vmpl)",
            )
        step.detail = f"the guest, at VMPL {report.vmpl}"
    endorsed = endorse(report, documents, trusted(endorsements, NAME, pinned()), at)
    steps.extend(endorsed.checks)
    vek = endorsed.vek
    _verify_binding(report, vek, steps)
    with steps(checks.SIGNATURE, f"the {KINDS[vek.kind]} signed bytes 0 to {SIGNED - 1}"):
        verify_signature(vek.key, report, data[:SIGNED])
    with steps(checks.TCB_ORDER, "reported ≤ committed ≤ current, launch ≤ current"):
        _require_order(report)
    not_checked = [*endorsed.not_checked, *_unknown(report)]
    _verify_nonce(report, nonce, steps, not_checked)
    told: dict[str, ClaimValue] = {}
    if PART in evidence.parts:
        with steps(
            checks.STATEMENT, "its report data are the report's, and host data the digest of its document"
        ):
            statement = Statement.read(evidence.parts[PART])
            statement.check(report.report_data)
            told = statement.document(report.host_data)
        not_checked += statement.not_checked()
    return Claims(
        tee=NAME,
        assurance=endorsed.assurance,
        checks=steps.checks,
        relied_on=endorsed.relied_on,
        not_checked=tuple(not_checked),
        nonce=nonce,
        user_data=report.report_data,
        debug=bool(report.policy >> 19 & 1),
        fresh=nonce is not None,
        pins={"app": _identities(report)},
        editions=endorsed.editions,
        details={
            **details(report, vek.product, csp_id=vek.csp_id),
            **told,
            "revocation_checked": endorsed.revocation_checked,
        },
    )


def _require_signed(report: Report) -> None:
    """Step 2."""
    if report.signing_key == NO_KEY:
        raise SignatureError(
            "the report says that no key signed it", where="report, byte 0x048 (SIGNING_KEY)"
        )
    if report.algorithm != ECDSA_P384_SHA384:
        raise SignatureError(
            f"the signature algorithm is {report.algorithm}, not 1 (ECDSA on P-384 with SHA-384)",
            where="report, byte 0x034",
        )


def _verify_binding(report: Report, vek: Vek, steps: Steps) -> None:
    """Steps 8 and 9."""
    if vek.hwid is not None and not any(report.chip_id):
        steps.skipped(checks.CHIP, "the host masks the chip's identity in its reports")
    elif vek.hwid is not None:  # a VLEK is for a cloud, whichever chip it is loaded into
        with steps(checks.CHIP, f"chip {vek.hwid.hex()[:16]}…"):
            if report.chip_id != vek.hwid.ljust(len(report.chip_id), b"\0"):
                raise BindingError(
                    f"the VCEK is of chip {vek.hwid.hex()[:16]}…, the report of {report.chip_id.hex()[:16]}…",
                    where="report, byte 0x1A0 (chip_id)",
                )
    with steps(checks.TCB, "") as step:
        named = vek.product.components(vek.tcb)
        step.detail = ", ".join(f"{name} {value}" for name, value in named.items())
        if report.reported_tcb != vek.tcb:
            said = vek.product.components(report.reported_tcb)
            raise BindingError(
                f"the {KINDS[vek.kind]} is for {step.detail}; the report says "
                + ", ".join(f"{name} {value}" for name, value in said.items()),
                where="report, byte 0x180 (reported_tcb)",
            )


def verify_signature(key: ec.EllipticCurvePublicKey, report: Report, signed: bytes) -> None:
    """Step 10. Both numbers are little-endian in 72 bytes, of which 48 are used. Raises SignatureError."""
    r, s = int.from_bytes(report.r, "little"), int.from_bytes(report.s, "little")
    if not (0 < r < P384_ORDER and 0 < s < P384_ORDER):
        raise SignatureError(
            "the signature's r or s is zero, or not below the order", where="report, byte 0x2a0"
        )
    try:
        key.verify(encode_dss_signature(r, s), signed, _ECDSA)
    except InvalidSignature:
        raise SignatureError("the report's signature does not verify", where="report, byte 0x2a0") from None


def _require_order(report: Report) -> None:
    """Step 11, component by component."""
    for low, high in (("reported", "committed"), ("committed", "current"), ("launch", "current")):
        one, other = getattr(report, f"{low}_tcb"), getattr(report, f"{high}_tcb")
        if not at_most(one, other):
            raise BindingError(
                f"the {low} TCB {one.hex()} is above the {high} one, {other.hex()}",
                where=f"report, {low}_tcb",
            )


def _verify_nonce(report: Report, nonce: bytes | None, steps: Steps, not_checked: list[str]) -> None:
    """Step 12."""
    if nonce is None:
        steps.skipped(checks.NONCE, "no nonce was given to compare report_data with")
        not_checked.append("freshness: no nonce was given; the report may be a replay")
        return
    with steps(checks.NONCE, f"report_data is the nonce ({len(nonce)} bytes)"):
        if report.report_data != nonce.ljust(REPORT_DATA, b"\0"):
            raise FreshnessError(
                f"report_data is not the nonce {nonce.hex()}",
                where="report, byte 0x050 (report_data)",
                hint="ask for a report over a fresh nonce; this one is old, or somebody else's",
            )


def _unknown(report: Report) -> list[str]:
    """Bits that newer firmware may have given a meaning."""
    found = (("guest policy", report.unknown_policy), ("platform information", report.unknown_platform))
    return [f"bits {bits:#x} of the {what}: not known here" for what, bits in found if bits]


def _identities(report: Report) -> tuple[str, ...]:
    """What says which guest runs: its measurement, or keys that signed for it, if any did."""
    keys = ("id_key_digest", "author_key_digest")
    return ("measurement", *(name for name in keys if any(getattr(report, name))))
