# SPDX-License-Identifier: Apache-2.0
"""Is the evidence of an Azure confidential VM authentic? A composite: the TEE vouches for the paravisor's virtual TPM,
and that for the guest. Numbered steps; each is a check, and raises by name.

    1  the HCL report is whole                                azure.hcl.form
    2  the SNP report or TD quote inside holds                amd.… or intel.…           (their own verifiers)
    3  it is over the hash of the runtime data                azure.hcl.binding
    4  the quote is a TPM's                                   tpm.quote.form, .magic, .type
    5  its key is the one in the runtime data                 azure.ak.binding
    6  and Azure certified it, if a certificate is there      azure.ak.certificate
    7  that key signed the quote, over nonce and PCRs         tpm.quote.…
    8  the nonce is what the guest put into the report        azure.quote.user-data
    9  the event log gives the PCRs, if there is one          tpm.log.…

The report's measurement is the paravisor's (Microsoft's code), not the guest's: what the guest booted is in the PCRs.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest

from ttee.errors import BindingError, MalformedEvidenceError, UsageError
from ttee.model import Anchor, Claims, ClaimValue, Endorsements, Evidence, Reliance
from ttee.pki.window import require_moment
from ttee.tee.amd.verify import verify as verify_snp
from ttee.tee.azure import checks, hcl
from ttee.tee.azure.endorsements import AK_CHAIN, ak_lists, inside, own_roots
from ttee.tee.azure.evidence import NAME, check_parts, read_signature
from ttee.tee.azure.hcl import Hcl
from ttee.tee.intel.quote import TDX
from ttee.tee.intel.verify import verify as verify_tdx
from ttee.tee.steps import Steps
from ttee.tee.tpm import checks as tpm_checks
from ttee.tee.tpm import keys, logs, values
from ttee.tee.tpm.certificates import (
    AK_PURPOSE,
    AK_USAGE,
    Path,
    check_purpose,
    verify_certificate,
)
from ttee.tee.tpm.quote import pcr_claims, pcr_pins, read_quote, verify_quote
from ttee.tee.tpm.verify import MAX_NONCE, quote_details


def verify(
    evidence: Evidence, endorsements: Endorsements, *, nonce: bytes | None = None, at: datetime | None = None
) -> Claims:
    """The claims of an Azure confidential VM. Pure.

    Parts: see `evidence.py`. Documents: those of amd-sev-snp or intel-tdx; `ak_chain`, above `ak_certificate`. Anchors
    for azure-vtpm (SubjectPublicKeyInfo) replace Azure's roots of virtual TPMs; those for the TEE inside, its maker's.
    `nonce`: what the TPM's quote is over. Raises UsageError without `at`; MalformedEvidenceError, NotAuthenticError,
    EndorsementError, RevokedError.
    """
    at = require_moment(at, "an Azure confidential VM")
    if nonce is not None and not 0 < len(nonce) <= MAX_NONCE:
        raise UsageError(f"a nonce for a TPM has 1 to {MAX_NONCE} bytes, this one has {len(nonce)}")
    parts, steps = evidence.parts, Steps()
    check_parts(parts)
    with steps(checks.FORM, "") as step:
        report = hcl.parse(parts["hcl_report"])
        step.detail = "with a TDREPORT" if report.kind == hcl.TDX else "with an SNP report"
    inside = _verify_inside(evidence, report, endorsements, at)
    steps.extend(tuple(check for check in inside.checks if not check.id.endswith(".nonce")))
    with steps(checks.BINDING, "SHA-256 of the runtime data, and zeros"):
        _check_binding(report, inside.user_data or b"")
    attest = read_quote(parts["quote"], steps)
    key = keys.load(report.ak, hcl.AK)
    with steps(checks.AK, f"{hcl.AK}, SHA-256 {sha256(report.ak).hexdigest()}"):
        signature = read_signature(parts["signature"])
        keys.verify_signature(key, signature, parts["quote"], what="quote")
    path = _verify_certificate(evidence, report, endorsements, at, steps)
    claimed = values.parse(parts["pcrs"])
    bank = verify_quote(parts["quote"], attest, signature, key, claimed, nonce=nonce, steps=steps)
    _check_user_data(report, attest.extra, steps)
    story = logs.Story(())
    if "event_log" in parts:
        story = logs.read_event_log(parts["event_log"], bank, claimed[bank])
        steps.extend(story.checks)
    else:
        for spec in tpm_checks.LOG_CHECKS[:-1]:
            steps.skipped(spec, "the evidence has no event log")
    pcrs = pcr_claims(attest.selection, claimed, bank)
    return Claims(
        tee=NAME,
        assurance=inside.assurance,
        checks=steps.checks,
        relied_on=(
            *inside.relied_on,
            *(path.relied_on if path else ()),
            Reliance("key", hcl.AK, sha256(key.spki).digest()),
        ),
        not_checked=_not_checked(
            inside, path, story, nonce, logs.unexplained(bank, claimed[bank], story.covered)
        ),
        nonce=attest.extra if nonce is not None else None,
        user_data=attest.extra,
        events=story.events,
        debug=inside.debug,
        fresh=nonce is not None,
        current=inside.current,
        currency=inside.currency,
        exceptions=inside.exceptions,
        editions={**inside.editions, **(path.editions if path else {})},
        pins={**pcr_pins(pcrs), "platform": tuple(name for names in inside.pins.values() for name in names)},
        details={
            **inside.details,
            **pcrs,
            **quote_details(attest, bank),
            **_configuration(report),
            **story.details,
            "tee_inside": inside.tee,
            "ak_key": sha256(key.spki).digest(),
            "user_data": report.user_data,
            "revocation_checked": _revocation_checked(inside, path),
        },
    )


def _verify_inside(evidence: Evidence, report: Hcl, endorsements: Endorsements, at: datetime) -> Claims:
    """Step 2, without a nonce: freshness comes from the TPM's quote, whose key the report vouches for."""
    if (report.kind == hcl.TDX) is not ("td_quote" in evidence.parts):
        raise MalformedEvidenceError(
            "a TDX VM's evidence has a td_quote, an SNP VM's has none",
            where="parts",
            source="docs/spec/evidence.md",
        )
    inner = inside(evidence)
    return (verify_tdx if inner.tee == TDX else verify_snp)(inner, endorsements, at=at)


def _check_binding(report: Hcl, report_data: bytes) -> None:
    """Step 3. Raises BindingError."""
    if report.hash != hcl.SHA256:
        raise BindingError(
            "the runtime data are hashed by something else than SHA-256", where="hcl_report, byte 1228"
        )
    if not compare_digest(report_data, sha256(report.runtime).digest() + bytes(32)):
        raise BindingError(
            "the report is not over these runtime data: its report data are another hash",
            where="hcl_report, byte 1236",
            hint="take HCL report and quote from one VM, at one time",
        )


def _verify_certificate(
    evidence: Evidence, report: Hcl, endorsements: Endorsements, at: datetime, steps: Steps
) -> Path | None:
    """Step 6."""
    if "ak_certificate" not in evidence.parts:
        steps.skipped(checks.CERTIFICATE, "none came along; the TEE's report vouches for the key")
        return None
    anchors: Sequence[Anchor] = [anchor for anchor in endorsements.anchors if anchor.tee == NAME]
    documents = {**evidence.endorsements, **endorsements.documents}
    chain = evidence.parts.get("chain") or documents.get(AK_CHAIN, b"")
    with steps(checks.CERTIFICATE, "") as step:
        path = verify_certificate(
            evidence.parts["ak_certificate"],
            chain,
            ak_lists(documents),
            anchors,
            at,
            what="ak_certificate",
            usage=AK_USAGE,
            own=own_roots(),
        )
        check_purpose(path, AK_PURPOSE, what="ak_certificate")
        if path.leaf.spki != report.ak:
            raise BindingError("ak_certificate is of another key than the report's", where="ak_certificate")
        step.detail = f"{path.root.name} certified {path.leaf.common_name}"
    return path


def _check_user_data(report: Hcl, extra: bytes, steps: Steps) -> None:
    """Step 8."""
    if not any(report.user_data):
        steps.skipped(checks.USER_DATA, "the guest put nothing into the report")
        return
    with steps(checks.USER_DATA, "the quote's nonce"):
        if report.user_data != extra.ljust(64, b"\0"):
            raise BindingError(
                f"the guest put {report.user_data.hex()} into the report; the quote is over {extra.hex()}",
                where="hcl_report, user-data",
            )


def _revocation_checked(inside: Claims, path: Path | None) -> bool:
    """Of the TEE inside (without Intel's lists a TD quote is refused), and of the key's certificate if there is one."""
    below = inside.tee == TDX or inside.details["revocation_checked"] is True
    return below and (path is None or path.revocation_checked)


def _configuration(report: Hcl) -> dict[str, ClaimValue]:
    """What the paravisor says of the VM: `vm_secure_boot`, `vm_console_enabled`, …"""
    return {f"vm_{name.replace('-', '_').lower()}": value for name, value in report.configuration}


def _not_checked(
    inside: Claims, path: Path | None, story: logs.Story, nonce: bytes | None, unexplained: tuple[int, ...]
) -> tuple[str, ...]:
    found = [each for each in inside.not_checked if not each.startswith("freshness")]
    found += [*(path.not_checked if path else ()), *story.not_checked]
    if inside.tee == TDX:
        found.append("the TDREPORT in the HCL report: only its own machine can; the TD quote stands for it")
    if unexplained:
        found.append(f"what extended PCR {', '.join(map(str, unexplained))}: no log that was given tells")
    if nonce is None:
        found.append("freshness: no nonce was given; the quote may be a replay")
    return tuple(found)
