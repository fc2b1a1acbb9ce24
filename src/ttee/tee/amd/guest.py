# SPDX-License-Identifier: Apache-2.0
"""What one has to know of an SEV-SNP guest to say its launch measurement: behind `ttee measure-guest`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ttee.errors import UsageError
from ttee.model import ClaimValue
from ttee.tee.amd import firmware
from ttee.tee.amd.launch_digest import Kernel, Machine, Vmm, cpu_signature, launch_digest
from ttee.tee.guests import GuestMeasurement, Setting

_MAX_KERNEL = 512 * 1024 * 1024
_MAX_INITRD = 2 * 1024 * 1024 * 1024
_SNP_ACTIVE = 1

CPUS: Mapping[str, int] = {
    "EPYC": cpu_signature(23, 1, 2),
    "EPYC-Rome": cpu_signature(23, 49, 0),
    "EPYC-Milan": cpu_signature(25, 1, 1),
    "EPYC-Genoa": cpu_signature(25, 17, 0),
    "EPYC-Turin": cpu_signature(26, 0, 0),
}
"""QEMU's models of AMD's processors (qemu:target/i386/cpu.c, builtin_x86_defs), whose versions have it in common."""
_VERSION = re.compile(r"-(v[1-9][0-9]?|IBPB)$")


def measure(files: Mapping[str, bytes], words: Mapping[str, str]) -> Mapping[str, ClaimValue]:
    """`measurement`, 48 bytes. Raises UsageError."""
    image = firmware.read(files["firmware"])
    vmm = Vmm(words["vmm"])
    machine = Machine(_number(words["vcpus"]), _cpu(words.get("cpu"), vmm), _features(words["features"]), vmm)
    return {"measurement": launch_digest(image, machine, _kernel(files, words))}


def _number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise UsageError(f"{text!r} is not a number of processors", hint="for example --vcpus 4")
    return int(text)


def _cpu(text: str | None, vmm: Vmm) -> int:
    """CPUID 1 EAX. QEMU alone puts it into a processor's first state, so that others need none."""
    names = ", ".join(CPUS)
    hint = f"give QEMU's -cpu: {names}; or CPUID 1 EAX of the guest's processors in hex: 0xa00f11"
    if text is None:
        if vmm is Vmm.QEMU:
            raise UsageError("under QEMU, the measurement depends on the kind of processor", hint=hint)
        return 0
    if re.fullmatch(r"0x[0-9a-fA-F]{1,8}", text):
        return int(text, 16)
    model = _VERSION.sub("", text)
    if model not in CPUS:
        raise UsageError(f"no processor {text!r} is known", hint=hint)
    return CPUS[model]


def _features(text: str) -> int:
    if not re.fullmatch(r"(0x)?[0-9a-fA-F]{1,16}", text):
        raise UsageError(f"{text!r} is not SEV_FEATURES in hex, 64 bits", hint="for example --features 0x21")
    features = int(text, 16)
    if not features & _SNP_ACTIVE:
        raise UsageError(
            f"SEV_FEATURES {features:#x} are of a guest without SEV-SNP", hint="set bit 0: for example 0x1"
        )
    return features


def _kernel(files: Mapping[str, bytes], words: Mapping[str, str]) -> Kernel | None:
    if "kernel" in files:
        return Kernel.of(files["kernel"], files.get("initrd", b""), words.get("append", ""))
    if extra := ", ".join(f"--{name}" for name in ("initrd", "append") if name in {*files, *words}):
        raise UsageError(
            f"{extra} without --kernel",
            hint="firmware measures all three or none: give --kernel, or leave them to the disk that it starts from",
        )
    return None


GUEST = GuestMeasurement(
    settings=(
        Setting(
            "firmware",
            "The OVMF image it starts with.",
            metavar="FILE",
            required=True,
            max_size=firmware.MAX_SIZE,
        ),
        Setting("vcpus", "How many processors it has.", metavar="N", required=True),
        Setting(
            "cpu",
            "Their kind, which QEMU has measured: the name of its model, or CPUID 1 EAX in hex.",
            metavar="MODEL|HEX",
        ),
        Setting("vmm", "The hypervisor it runs on.", choices=tuple(map(str, Vmm)), default=str(Vmm.QEMU)),
        Setting("features", "SEV_FEATURES that the hypervisor switches on.", metavar="HEX", default="0x1"),
        Setting(
            "kernel",
            "The kernel, where the hypervisor starts one itself.",
            metavar="FILE",
            max_size=_MAX_KERNEL,
        ),
        Setting("initrd", "Its initial RAM disk.", metavar="FILE", max_size=_MAX_INITRD),
        Setting("append", "Its command line."),
    ),
    measure=measure,
    covers="Guests under an SVSM or a paravisor have another measurement.",
    examples="""
    ttee measure-guest amd-sev-snp --firmware OVMF.amdsev.fd --vcpus 4 --cpu EPYC-Milan
    ttee measure-guest amd-sev-snp --firmware OVMF.fd --vcpus 4 --cpu 0xa00f11 --kernel vmlinuz --append quiet
    ttee measure-guest amd-sev-snp --firmware ovmf_img.fd --vcpus 2 --vmm ec2 --json
    """,
)
