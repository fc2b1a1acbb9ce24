# SPDX-License-Identifier: Apache-2.0
"""Are reports of NVIDIA devices authentic? Numbered steps; each is a check of `checks.py`, and raises by name.

     1  one SPDM exchange, to its last byte                     nvidia.report.format
     2  root ── model ── provisioner ── boot ROM ── firmware    nvidia.chain.path
     3  certificate and report name the same firmware           nvidia.chain.firmware-id
     4  the device's key signed request and response            nvidia.report.signature
     5  its nonce is the one that was asked for                 nvidia.report.nonce
     6  several devices are different ones of one machine       nvidia.devices
     7  NVIDIA signed the driver's reference values             nvidia.rim.driver
     8  NVIDIA signed the VBIOS's reference values              nvidia.rim.vbios
     9  the measurements are those of the reference values      nvidia.measurements
    10  no answer that was given says revoked, or on hold       nvidia.chain.revocation
    11  those answers are to questions about this evidence      nvidia.ocsp.nonce
    12  the CPU's TEE vouches for these very reports            nvidia.binding

Steps 1 to 6 are in `machine.py`, 7 to 9 in `reference.py`; 1 to 5 and 7 to 9 are done for each device. Step 9 is a
claim when it does not hold (`measurements_agree`): what runs in a genuine device is the policy's to accept. Step 12 is
what ties a GPU to the machine that shows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256, sha512

from ttee.codec import cbor
from ttee.errors import BindingError, UsageError
from ttee.model import Claims, ClaimValue, Endorsements, Evidence, Reliance
from ttee.pki.certificate import Certificate
from ttee.pki.trusted import trusted
from ttee.pki.window import require_moment
from ttee.tee.nvidia import checks
from ttee.tee.nvidia.chain import maker
from ttee.tee.nvidia.endorsements import CPU_REPORT_DATA, DRIVER, VBIOS
from ttee.tee.nvidia.evidence import NAME, NONCE, details, devices
from ttee.tee.nvidia.machine import Device, check_devices, verify_device
from ttee.tee.nvidia.ocsp import check_path, load_answers
from ttee.tee.nvidia.reference import compare, verify_rim
from ttee.tee.nvidia.rim import rim_maker
from ttee.tee.steps import Steps

BINDING_LABEL = b"ttee/gpu-binding/1"
PINS = {"platform": ("measurements_agree", "firmware_id")}


def verify(
    evidence: Evidence,
    endorsements: Endorsements,
    *,
    nonce: bytes | None = None,
    at: datetime | None = None,
) -> Claims:
    """The claims of one or several devices (parts `report` and `chain`, `report.2` and `chain.2`, …). Pure.

    Documents: `rim.driver` and `rim.vbios`, NVIDIA's signed reference values; `ocsp`, `ocsp.…`, its answers about
    certificates; `cpu-report-data`, the report data of the CPU's TEE, found authentic before. Anchors, if there are
    any, replace NVIDIA's roots, for devices and for reference values: each is the SubjectPublicKeyInfo of one.
    `nonce`: 32 bytes.
    Raises UsageError without `at`; MalformedEvidenceError, NotAuthenticError, EndorsementError, RevokedError.
    """
    at = require_moment(at, "an NVIDIA report")
    if nonce is not None and len(nonce) != NONCE:
        raise UsageError(f"a nonce for NVIDIA has {NONCE} bytes, this one has {len(nonce)}", where="nonce")
    steps, not_checked = Steps(), list[str]()
    roots = trusted(endorsements, NAME, maker())
    rim_roots = trusted(endorsements, NAME, rim_maker())
    pairs = devices(evidence.parts)
    found = [
        verify_device(
            report,
            chain,
            f"device {number}",
            roots=roots,
            nonce=nonce,
            at=at,
            steps=steps,
            not_checked=not_checked,
        )
        for number, (report, chain) in enumerate(pairs, 1)
    ]
    with steps(checks.DEVICES, f"{len(found)} device{'s' if len(found) > 1 else ''}"):
        check_devices(found)
    documents = {
        **{name: data for name, data in evidence.endorsements.items() if name != CPU_REPORT_DATA},
        **endorsements.documents,
    }
    rims = [
        verify_rim(spec, name, documents, found, roots=rim_roots, at=at, steps=steps, not_checked=not_checked)
        for spec, name in ((checks.DRIVER_RIM, DRIVER), (checks.VBIOS_RIM, VBIOS))
    ]
    agree = compare(found, rims, steps, not_checked)
    paths = [(each.what, each.path) for each in found]
    paths += [(name, rim.path) for name, rim in zip((DRIVER, VBIOS), rims, strict=True) if rim is not None]
    answers, checked = _check_revocation(
        paths,
        documents,
        at,
        steps,
        not_checked,
        nonce=found[0].report.nonce,
        own=[each.path[0] for each in found],
    )
    _check_binding(pairs, documents, steps, not_checked)
    root = found[0].path[-1]
    return Claims(
        tee=NAME,
        assurance=roots.assurance(root),
        checks=steps.checks,
        relied_on=(
            roots.reliance(root),
            *(
                Reliance("certificate", f"{each.what}: {each.path[0].common_name}", each.path[0].digest)
                for each in found
            ),
            *(reliance for rim in rims if rim is not None for reliance in rim.relied_on),
            *answers,
        ),
        not_checked=tuple(dict.fromkeys(not_checked)),
        nonce=found[0].report.nonce if nonce is not None else None,
        user_data=found[0].report.nonce,
        fresh=nonce is not None,
        pins=PINS,
        details={**_details(found, agree), "revocation_checked": checked},
    )


def binding(pairs: Sequence[tuple[bytes, bytes]]) -> bytes:
    """What the CPU's TEE must have in its report data, 64 bytes, to vouch for these reports.

    SHA-512 over `ttee/gpu-binding/1` and the deterministic CBOR of the SHA-256 of each report, in their order.
    """
    digests = [sha256(report).digest() for report, _ in pairs]
    return sha512(BINDING_LABEL + cbor.dumps(digests)).digest()


def _check_revocation(
    paths: Sequence[tuple[str, tuple[Certificate, ...]]],
    documents: Mapping[str, bytes],
    at: datetime,
    steps: Steps,
    not_checked: list[str],
    *,
    nonce: bytes,
    own: Sequence[Certificate],
) -> tuple[list[Reliance], bool]:
    """Steps 10 and 11; and whether there was an answer about each certificate of these paths, but for the devices'
    `own`: a device makes its own certificate itself, and no service knows it."""
    answers = load_answers(documents)
    if not answers:
        steps.skipped(checks.REVOCATION, "no answers were given (documents `ocsp`, `ocsp.…`)")
        not_checked.append(
            "revocation of the certificates: no answers were given (documents `ocsp`, `ocsp.…`)"
        )
        steps.skipped(checks.ANSWER_NONCE, "no answers were given")
        return [], False
    checked = True
    relied_on: list[Reliance] = []
    unasked: list[str] = []
    with steps(checks.REVOCATION, "") as step:
        for what, path in paths:
            found = check_path(path, answers, at, what, nonce=nonce)
            relied_on += found.relied_on
            unasked += found.unasked
            checked = checked and all(each in own for each in found.unanswered)
            not_checked += [
                f"revocation of {what}: {each.common_name}: no answer is about it"
                for each in found.unanswered
            ]
        step.detail = f"{len(relied_on)} answers, all good"
    if unasked or not relied_on:
        steps.skipped(
            checks.ANSWER_NONCE,
            f"{len(unasked)} answers are to other questions"
            if unasked
            else "no answer is about these devices",
        )
        not_checked += [
            f"whether {each} was revoked lately: the answer is to another question than ours"
            for each in unasked
        ]
    else:
        with steps(checks.ANSWER_NONCE, "each answer repeats the nonce of a question about this evidence"):
            pass
    return relied_on, checked


def _check_binding(
    pairs: Sequence[tuple[bytes, bytes]],
    documents: Mapping[str, bytes],
    steps: Steps,
    not_checked: list[str],
) -> None:
    """Step 12."""
    report_data = documents.get(CPU_REPORT_DATA)
    if report_data is None:
        steps.skipped(
            checks.BINDING, f"no report data of a CPU's TEE was given (document `{CPU_REPORT_DATA}`)"
        )
        not_checked.append("that the devices are in the machine that shows them: a report can be copied")
        return
    with steps(checks.BINDING, "the report data of the CPU's TEE is the digest of these reports"):
        if report_data != binding(pairs):
            raise BindingError(
                f"the report data of the CPU's TEE is {report_data.hex()[:128]}, not {binding(pairs).hex()}",
                where=CPU_REPORT_DATA,
            )


def _details(found: Sequence[Device], agree: bool | None) -> dict[str, ClaimValue]:
    """Of one device, what it says; of several, what they all say alike, and what each is."""
    each = [details(device.report) for device in found]
    common = {name: value for name, value in each[0].items() if all(other[name] == value for other in each)}
    return {
        **common,
        "device_count": len(found),
        "models": tuple(device.path[0].common_name for device in found),
        "device_keys": tuple(device.path[0].key_digest for device in found),
        "measurements_agree": agree,
    }
