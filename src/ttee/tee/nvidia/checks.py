# SPDX-License-Identifier: Apache-2.0
"""What the verifier of NVIDIA's reports checks, and what each check is for (behind `ttee explain`)."""

from __future__ import annotations

from ttee.model import CheckSpec

_SPDM = "DMTF DSP0274 1.1, section 10.11"
_NVTRUST = "NVIDIA/nvtrust, guest_tools/gpu_verifiers/local_gpu_verifier"

FORMAT = CheckSpec(
    id="nvidia.report.format",
    title="The report is one SPDM measurement exchange, from its first to its last byte",
    guards="Reports that two readers read differently, or with bytes that nobody signed.",
    remedy="Copy the report again, in binary, with the request in front of the response.",
    source=_SPDM,
)
PATH = CheckSpec(
    id="nvidia.chain.path",
    title="NVIDIA's pinned root certified the device's key, through model, provisioner and boot ROM",
    guards="Keys that NVIDIA never put into a device.",
    remedy="Get the whole chain from the device: its leaf first, NVIDIA's root last.",
    source=f"RFC 5280, section 6; {_NVTRUST}",
)
FIRMWARE = CheckSpec(
    id="nvidia.chain.firmware-id",
    title="The firmware that the leaf certificate was made for is the one that the report names",
    guards="A key of other firmware, older and broken, that reports for the present one.",
    remedy="Get chain and report from the device at the same time.",
    source="TCG DICE attestation architecture 1.1, section 6.1.1 (TcbInfo, fwids)",
)
SIGNATURE = CheckSpec(
    id="nvidia.report.signature",
    title="The device's key signed request and response",
    guards="Reports that no such device made.",
    remedy="Refuse the report: it was altered, or made elsewhere.",
    source=f"{_SPDM}; FIPS 186-5 (r || s)",
)
NONCE = CheckSpec(
    id="nvidia.report.nonce",
    title="The nonce of the request is the one that was asked for",
    guards="Replay: an old report, made for somebody else, shown as the present state.",
    remedy="Ask for a report with a fresh random nonce of 32 bytes, and verify with the same.",
    source=f"RFC 9334, section 10.2; {_SPDM}",
)
DEVICES = CheckSpec(
    id="nvidia.devices",
    title="Several devices are different ones, asked with one nonce, and name the same partners",
    guards="One good device shown eight times; reports of several machines put together.",
    remedy="Ask all devices of one machine with one nonce, each once.",
    source="NVIDIA/nvtrust, guest_tools/ppcie-verifier",
)
DRIVER_RIM = CheckSpec(
    id="nvidia.rim.driver",
    title="NVIDIA signed the reference values for this driver",
    guards="Reference values that anybody wrote, or that are for another version.",
    remedy="Give the RIM of the version that the report names, as the document `rim.driver`.",
    source=f"{_NVTRUST}; XML Signature 1.1",
)
VBIOS_RIM = CheckSpec(
    id="nvidia.rim.vbios",
    title="NVIDIA signed the reference values for this VBIOS",
    guards="Reference values that anybody wrote, or that are for another version.",
    remedy="Give the RIM of the version that the report names, as the document `rim.vbios`.",
    source=f"{_NVTRUST}; XML Signature 1.1",
)
MEASUREMENTS = CheckSpec(
    id="nvidia.measurements",
    title="The measurements are those of the reference values",
    guards="Changed firmware or settings under a genuine key.",
    remedy="Compare the indexes that differ; update driver or VBIOS, or get the RIM of this version.",
    source=f"{_NVTRUST}, verifier.py",
)
REVOCATION = CheckSpec(
    id="nvidia.chain.revocation",
    title="No answer of NVIDIA's revocation service that was given names a certificate as revoked or on hold",
    guards="Devices and signers of reference values that NVIDIA took back.",
    remedy="Ask the service that the certificates name, and give its answers as documents `ocsp`, `ocsp.2` and so on.",
    source="RFC 6960",
)
ANSWER_NONCE = CheckSpec(
    id="nvidia.ocsp.nonce",
    title="The answers about revocation are to questions about this very evidence",
    guards="An answer from before a certificate was revoked, shown again as long as its window lasts.",
    remedy="Let `ttee` ask the service itself, over evidence with a fresh nonce; without that, an answer may be as old "
    "as its window, which `not_checked` says.",
    source="RFC 9654, section 2.1",
)
BINDING = CheckSpec(
    id="nvidia.binding",
    title="The CPU's TEE vouches for these very reports",
    guards="Reports of a genuine GPU in another machine, copied: nothing in a report says whose GPU it is.",
    remedy="Have the app inside the CPU's TEE put the digest of its GPUs' reports into its own report data "
    "(docs/spec/nvidia.md), verify that evidence first, and give its report data as the document `cpu-report-data`.",
    source="docs/spec/nvidia.md, section Binding",
)

CHECKS = (
    FORMAT,
    PATH,
    FIRMWARE,
    SIGNATURE,
    NONCE,
    DEVICES,
    DRIVER_RIM,
    VBIOS_RIM,
    MEASUREMENTS,
    REVOCATION,
    ANSWER_NONCE,
    BINDING,
)
