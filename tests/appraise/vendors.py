# SPDX-License-Identifier: Apache-2.0
"""Claims of every TEE that others make, from vendors in software: in order, at a moment before anything was broken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from types import MappingProxyType

from attrs import frozen

from ttee.model import Anchor, Claims, Endorsements, Evidence
from ttee.tee import tee_named
from ttee.tee.amd.products import GENOA
from ttee.tee.intel.quote import SGX, TDX
from ttee.tee.nvidia.evidence import pack
from ttee.testing import amd, arm, intel, nitro, nvidia, tpm
from ttee.testing.azure import ConfidentialVm
from ttee.testing.keystone import Device
from ttee.testing.riscv import SoftwareTee


@frozen
class Story:
    """Evidence, what verifies it, and when."""

    evidence: Evidence
    endorsements: Endorsements
    at: datetime

    @property
    def anchors(self) -> tuple[Anchor, ...]:
        return self.endorsements.anchors

    def claims(self) -> Claims:
        return tee_named(self.evidence.tee).verify(self.evidence, self.endorsements, at=self.at)


@cache
def _amd() -> amd.Vendor:
    return amd.Vendor.random(GENOA)


def _snp() -> Story:
    chip = _amd().chip()
    return Story(Evidence("amd-sev-snp", {"report": chip.report()}), _amd().endorsements(chip), amd.NOW)


def _azure() -> Story:
    vm = ConfidentialVm(_amd().chip(), _tpm())
    return Story(vm.evidence(chosen=(("sha256", range(12)),)), vm.endorsements(), amd.NOW)


def _tpm() -> tpm.Tpm:
    made = tpm.Vendor.random().tpm()
    made.pcrs["sha256"] = {pcr: bytes([pcr + 1]) * 32 for pcr in range(12)}
    return made


def _quotes() -> Story:
    made = _tpm()
    return Story(made.evidence(b"", (("sha256", range(12)),)), made.pinned(), tpm.NOW)


def intels(tee: str, status: str = "UpToDate") -> Story:
    """A quote whose platform has this status."""
    vendor = intel.Vendor.random()
    machine = vendor.machine(tee)
    levels = [{**level, "tcbStatus": status} for level in machine.tcb_info()["tcbLevels"]]
    given = vendor.endorsements(machine, tcb_info={"tcbLevels": levels})
    return Story(Evidence(tee, {"quote": machine.quote()}), given, intel.NOW)


def _nitro() -> Story:
    vendor = nitro.Vendor.named("a cloud")
    return Story(
        Evidence("aws-nitro", {"document": vendor.enclave().document()}), vendor.endorsements(), nitro.NOW
    )


def _nvidia() -> Story:
    vendor = nvidia.Vendor.named("a maker of GPUs")
    gpu = vendor.gpu()
    return Story(pack([gpu.answer()]), vendor.endorsements(vendor.rims(gpu)), nvidia.NOW)


def _cca() -> Story:
    machine = arm.Machine.named("a machine")
    return Story(Evidence("arm-cca", {"token": machine.token()}), machine.endorsements(), amd.NOW)


def _psa() -> Story:
    device = arm.Device.named("a device")
    return Story(Evidence("arm-psa", {"token": device.token()}), device.endorsements(), amd.NOW)


def _riscv() -> Story:
    tee = SoftwareTee(device=Device.named("a device"))
    return Story(tee.evidence(), Endorsements(anchors=(tee.anchor(),)), amd.NOW)


STORIES: Mapping[str, Callable[[], Story]] = MappingProxyType(
    {
        "amd-sev-snp": _snp,
        "arm-cca": _cca,
        "arm-psa": _psa,
        "aws-nitro": _nitro,
        "azure-vtpm": _azure,
        SGX: lambda: intels(SGX),
        TDX: lambda: intels(TDX),
        "nvidia-gpu": _nvidia,
        "riscv": _riscv,
        "tpm": _quotes,
    }
)
