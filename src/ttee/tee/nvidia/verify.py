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
    11  the CPU's TEE vouches for these very reports            nvidia.binding

Steps 1 to 5 and 7 to 9 are done for each device. Step 9 is a claim when it does not hold (`measurements_agree`):
what runs in a genuine device is the policy's to accept. Step 11 is what ties a GPU to the machine that shows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256, sha512

from attrs import frozen

from ttee.codec import cbor
from ttee.errors import BindingError, EndorsementError, FreshnessError, UsageError
from ttee.model import CheckSpec, Claims, ClaimValue, Endorsements, Evidence, Reliance
from ttee.pki.certificate import Certificate
from ttee.pki.signature import verify_ecdsa_raw
from ttee.pki.trusted import Trusted, trusted
from ttee.pki.window import require_moment
from ttee.tee.nvidia import checks
from ttee.tee.nvidia.chain import check_firmware, device_key, follow, maker
from ttee.tee.nvidia.evidence import (
    FWID,
    GPU_PDIS,
    NAME,
    NONCE,
    NVDEC0,
    PDI,
    Report,
    details,
    devices,
    parse,
    pdis,
    signed,
)
from ttee.tee.nvidia.ocsp import check_path, load_answers
from ttee.tee.nvidia.rim import SERVICE, Rim, load_rim, rim_maker
from ttee.tee.steps import Steps

DRIVER, VBIOS, CPU_REPORT_DATA = "rim.driver", "rim.vbios", "cpu-report-data"
BINDING_LABEL = b"ttee/gpu-binding/1"
PINS = {"platform": ("measurements_agree", "firmware_id")}
_NVDEC0_INDEX, _NVDEC0_OFF = 35, b"\x55"


@frozen(slots=True)
class Device:
    """One device whose report is authentic."""

    what: str
    report: Report
    path: tuple[Certificate, ...]


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
        _device(
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
        _check_devices(found)
    documents = {
        **{name: data for name, data in evidence.endorsements.items() if name != CPU_REPORT_DATA},
        **endorsements.documents,
    }
    rims = [
        _rim(spec, name, documents, found, roots=rim_roots, at=at, steps=steps, not_checked=not_checked)
        for spec, name in ((checks.DRIVER_RIM, DRIVER), (checks.VBIOS_RIM, VBIOS))
    ]
    agree = _compare(found, rims, steps, not_checked)
    paths = [(each.what, each.path) for each in found]
    paths += [(name, rim.path) for name, rim in zip((DRIVER, VBIOS), rims, strict=True) if rim is not None]
    answers = _check_revocation(paths, documents, at, steps, not_checked)
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
        details=_details(found, agree),
    )


def binding(pairs: Sequence[tuple[bytes, bytes]]) -> bytes:
    """What the CPU's TEE must have in its report data, 64 bytes, to vouch for these reports.

    SHA-512 over `ttee/gpu-binding/1` and the deterministic CBOR of the SHA-256 of each report, in their order.
    """
    digests = [sha256(report).digest() for report, _ in pairs]
    return sha512(BINDING_LABEL + cbor.dumps(digests)).digest()


def _device(
    data: bytes,
    chain: bytes,
    what: str,
    *,
    roots: Trusted,
    nonce: bytes | None,
    at: datetime,
    steps: Steps,
    not_checked: list[str],
) -> Device:
    """Steps 1 to 5."""
    with steps(checks.FORMAT, "") as step:
        report = parse(data, f"{what}, report")
        step.detail = f"{what}: {len(report.measurements)} measurements"
    with steps(checks.PATH, "") as step:
        path = follow(chain, roots, at, f"{what}, chain")
        step.detail = f"{what}: " + " ── ".join(each.common_name for each in reversed(path))
    if FWID in report.opaque:
        with steps(checks.FIRMWARE, f"{what}: both name {report.opaque[FWID].hex()[:16]}…"):
            check_firmware(path[0], report, f"{what}, chain")
    else:
        steps.skipped(checks.FIRMWARE, f"{what}: the report names no firmware (old firmware, and switches)")
        not_checked.append(f"firmware id of {what}: its report has none to compare with its certificate's")
    with steps(checks.SIGNATURE, f"{what}: the device's key signed"):
        key = device_key(path[0], f"{what}, chain")
        verify_ecdsa_raw(key, report.signature, signed(data), what=f"{what}, report")
    if nonce is None:
        steps.skipped(checks.NONCE, f"{what}: no nonce was given to compare the report's with")
        not_checked.append("freshness: no nonce was given; the reports may be replays")
    else:
        with steps(checks.NONCE, f"{what}: the request has the nonce"):
            _check_nonce(report, nonce, what)
    return Device(what, report, path)


def _check_nonce(report: Report, nonce: bytes, what: str) -> None:
    """Step 5."""
    if report.nonce != nonce:
        raise FreshnessError(
            f"the nonce of {what} is {report.nonce.hex()}, not {nonce.hex()}",
            where=f"{what}, report, byte 4",
            hint="ask for a report with a fresh nonce; this one is old, or somebody else's",
        )


def _check_devices(found: Sequence[Device]) -> None:
    """Step 6."""
    first = found[0]
    seen: dict[bytes, str] = {}
    for each in found:
        if (other := seen.setdefault(each.path[0].key_digest, each.what)) != each.what:
            raise BindingError(f"{other} and {each.what} are the same device", where=each.what)
        if each.report.nonce != first.report.nonce:
            raise BindingError(f"{each.what} was asked with another nonce than {first.what}", where=each.what)
    for switches, field in ((False, PDI), (True, GPU_PDIS)):
        named = {pdis(d.report.opaque.get(field, b"")) for d in found if d.report.is_switch is switches}
        if len(named) > 1:
            kind, partners = ("switches", "GPUs") if switches else ("GPUs", "switches")
            raise BindingError(
                f"the {kind} are not all connected to the same {partners}", where="opaque data"
            )


def _rim(
    spec: CheckSpec,
    name: str,
    documents: Mapping[str, bytes],
    found: Sequence[Device],
    *,
    roots: Trusted,
    at: datetime,
    steps: Steps,
    not_checked: list[str],
) -> Rim | None:
    """Steps 7 and 8, for all devices: they must be of the version that the reference values are for."""
    if name not in documents:
        steps.skipped(spec, f"no reference values were given (document `{name}`)")
        not_checked.append(f"measurements against NVIDIA's reference values: `{name}` was not given")
        return None
    with steps(spec, "") as step:
        rim = load_rim(documents[name], name, roots, at)
        for each in found:
            version = each.report.driver if name == DRIVER else each.report.vbios
            if each.report.is_switch and name == DRIVER:
                continue
            if version is None or version.lower() != rim.version.lower():
                raise EndorsementError(
                    f"`{name}` is for version {rim.version[:64]!r}; {each.what} has {version!r}",
                    where=name,
                    hint=f"get the one of that version from {SERVICE}",
                )
        step.detail = f"{rim.product[:64]} {rim.version[:64]}, {len(rim.measurements)} active measurements"
    return rim


def _compare(
    found: Sequence[Device], rims: Sequence[Rim | None], steps: Steps, not_checked: list[str]
) -> bool | None:
    """Step 9: whether all measurements agree; None if there is not enough to compare with."""
    driver, vbios = rims
    needed = [vbios] if all(each.report.is_switch for each in found) else [driver, vbios]
    given = [rim for rim in needed if rim is not None]
    if len(given) < len(needed):
        steps.skipped(checks.MEASUREMENTS, "without all reference values there is nothing to compare with")
        return None
    expected: dict[int, tuple[bytes, ...]] = {}
    for rim in given:
        if both := expected.keys() & rim.measurements.keys():
            raise EndorsementError(
                f"driver and VBIOS both have reference values for the measurement {min(both)}",
                where=f"{DRIVER}, {VBIOS}",
            )
        expected.update(rim.measurements)
    differing = [
        f"{each.what}: {index}"
        for each in found
        for index, values in sorted(expected.items())
        if not (index == _NVDEC0_INDEX and each.report.opaque.get(NVDEC0) == _NVDEC0_OFF)
        and each.report.measurements.get(index) not in values
    ]
    if differing:
        detail = f"{len(differing)} measurements differ ({', '.join(differing)})"[:300]
        steps.skipped(checks.MEASUREMENTS, detail)
        not_checked.append(f"what runs in the devices: {detail}")
        return False
    with steps(checks.MEASUREMENTS, f"{len(expected)} measurements agree"):
        return True


def _check_revocation(
    paths: Sequence[tuple[str, tuple[Certificate, ...]]],
    documents: Mapping[str, bytes],
    at: datetime,
    steps: Steps,
    not_checked: list[str],
) -> list[Reliance]:
    """Step 10."""
    answers = load_answers(documents)
    if not answers:
        steps.skipped(checks.REVOCATION, "no answers were given (documents `ocsp`, `ocsp.…`)")
        not_checked.append(
            "revocation of the certificates: no answers were given (documents `ocsp`, `ocsp.…`)"
        )
        return []
    relied_on: list[Reliance] = []
    with steps(checks.REVOCATION, "") as step:
        for what, path in paths:
            found, unanswered = check_path(path, answers, at, what)
            relied_on += found
            not_checked += [f"revocation of {each}: no answer is about it" for each in unanswered]
        step.detail = f"{len(relied_on)} answers, all good"
    return relied_on


def _check_binding(
    pairs: Sequence[tuple[bytes, bytes]],
    documents: Mapping[str, bytes],
    steps: Steps,
    not_checked: list[str],
) -> None:
    """Step 11."""
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
