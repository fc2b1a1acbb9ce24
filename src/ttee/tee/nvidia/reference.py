# SPDX-License-Identifier: Apache-2.0
"""Do the devices measure what NVIDIA's reference values say? Steps 7 to 9 of `verify.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from ttee.errors import EndorsementError
from ttee.model import CheckSpec
from ttee.pki.trusted import Trusted
from ttee.tee.nvidia import checks
from ttee.tee.nvidia.endorsements import DRIVER, VBIOS
from ttee.tee.nvidia.evidence import NVDEC0
from ttee.tee.nvidia.machine import Device
from ttee.tee.nvidia.rim import SERVICE, Rim, load_rim
from ttee.tee.steps import Steps

_NVDEC0_INDEX, _NVDEC0_OFF = 35, b"\x55"


def verify_rim(
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


def compare(
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
