# SPDX-License-Identifier: Apache-2.0
"""Are the reports those of genuine devices, different ones of one machine? Steps 1 to 6 of `verify.py`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from attrs import frozen

from ttee.errors import BindingError, FreshnessError
from ttee.pki.certificate import Certificate
from ttee.pki.signature import verify_ecdsa_raw
from ttee.pki.trusted import Trusted
from ttee.tee.nvidia import checks
from ttee.tee.nvidia.chain import check_firmware, device_key, follow
from ttee.tee.nvidia.evidence import FWID, GPU_PDIS, PDI, Report, parse, pdis, signed
from ttee.tee.steps import Steps


@frozen(slots=True)
class Device:
    """One device whose report is authentic."""

    what: str
    report: Report
    path: tuple[Certificate, ...]


def verify_device(
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


def check_devices(found: Sequence[Device]) -> None:
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
