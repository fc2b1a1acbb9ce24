# SPDX-License-Identifier: Apache-2.0
"""The launch measurement of an SEV-SNP guest, recomputed from what the guest starts with.

Each page that is put into the guest before its start extends the digest (AMD 56860, section 8.17.2, PAGE_INFO):

    digest = SHA-384(digest || SHA-384 of the page, or zeros || u16 0x70 || type || 5 zeros || address)

In order: the firmware; the pages that its metadata ask for; the first state (VMSA) of each processor. That
state depends on the hypervisor, its kind of processor, and the features it switches on.
The result agrees with virtee/sev-snp-measure.
"""

from __future__ import annotations

import struct
from enum import StrEnum
from hashlib import sha256, sha384
from uuid import UUID

from attrs import frozen

from ttee.errors import UsageError
from ttee.tee.amd.firmware import PAGE, Firmware, Section, SectionType

SOURCE = "AMD 56860, section 8.17.2 (PAGE_INFO)"
MAX_VCPUS = 1024

_NORMAL, _VMSA, _ZERO, _UNMEASURED, _SECRETS, _CPUID = range(1, 7)
_PAGE_INFO = struct.Struct("<48s48sHB5xQ")
_VMSA_ADDRESS = 0xFFFF_FFFF_F000
_NOTHING = bytes(48)
_RESET = 0xFFFF_FFF0


class Vmm(StrEnum):
    """The hypervisors whose first processor state is known."""

    QEMU = "qemu"
    EC2 = "ec2"
    GCE = "gce"


@frozen(slots=True)
class Machine:
    """The machine that the guest is started on."""

    vcpus: int
    cpu: int = 0
    """CPUID 1 EAX of its processors, as QEMU presents it (`cpu_signature`); the others do not measure it."""
    features: int = 1
    """SEV_FEATURES: bit 0 is SEV-SNP itself."""
    vmm: Vmm = Vmm.QEMU


@frozen(slots=True)
class Kernel:
    """SHA-256 digests of a directly started kernel, its initial RAM disk, and its command line."""

    kernel: bytes
    initrd: bytes
    cmdline: bytes

    @classmethod
    def of(cls, kernel: bytes, initrd: bytes = b"", cmdline: str = "") -> Kernel:
        """Of the files themselves; the command line is hashed with the zero at its end."""
        command = cmdline.encode("utf-8", "surrogateescape")  # as Python has the bytes of arguments
        return cls(sha256(kernel).digest(), sha256(initrd).digest(), sha256(command + b"\0").digest())


def cpu_signature(family: int, model: int, stepping: int) -> int:
    """CPUID 1 EAX of a processor (AMD 25481, Fn0000_0001_EAX), of family 0x0F or later."""
    extended = (family - 0x0F) << 20 | (model >> 4) << 16
    return extended | 0x0F << 8 | (model & 0x0F) << 4 | stepping


def launch_digest(firmware: Firmware, machine: Machine, kernel: Kernel | None = None) -> bytes:
    """The 48 bytes that a report has as its measurement. Raises UsageError for what cannot be started."""
    if not 1 <= machine.vcpus <= MAX_VCPUS:
        raise UsageError(
            f"a guest has 1 to {MAX_VCPUS} processors, not {machine.vcpus}", hint="as QEMU's -smp has it"
        )
    if kernel is not None and not _has(firmware, SectionType.KERNEL_HASHES):
        raise UsageError(
            "this firmware does not measure a kernel that is started directly",
            source=SOURCE,
            hint="leave the kernel away, or give firmware made for it (OvmfPkg/AmdSev)",
        )
    digest = _firmware_digest(firmware.image, firmware.address)
    for section in _in_order(firmware, machine.vmm):
        digest = _section(digest, section, firmware, machine.vmm, kernel)
    for number in range(machine.vcpus):
        address = firmware.reset_address if number else _RESET
        if address is None:
            raise UsageError("this firmware does not say where further processors begin", source=SOURCE)
        digest = _extend(digest, _VMSA, _VMSA_ADDRESS, sha384(_vmsa(address, machine)).digest())
    return digest


def _extend(digest: bytes, kind: int, address: int, content: bytes = _NOTHING) -> bytes:
    return sha384(_PAGE_INFO.pack(digest, content, _PAGE_INFO.size, kind, address)).digest()


def _firmware_digest(image: bytes, address: int) -> bytes:
    digest = _NOTHING
    for offset in range(0, len(image), PAGE):
        page = sha384(image[offset : offset + PAGE]).digest()
        digest = _extend(digest, _NORMAL, address + offset, page)
    return digest


def _has(firmware: Firmware, kind: SectionType) -> bool:
    return any(section.type is kind for section in firmware.sections)


def _in_order(firmware: Firmware, vmm: Vmm) -> list[Section]:
    """EC2 sets up the CPUID page last."""
    late = SectionType.CPUID if vmm is Vmm.EC2 else None
    return sorted(firmware.sections, key=lambda section: section.type is late)


def _section(digest: bytes, section: Section, firmware: Firmware, vmm: Vmm, kernel: Kernel | None) -> bytes:
    if section.type is SectionType.SECRETS:
        return _extend(digest, _SECRETS, section.address)
    if section.type is SectionType.CPUID:
        return _extend(digest, _CPUID, section.address)
    if section.type is SectionType.KERNEL_HASHES and kernel is not None:
        page = _hash_page(kernel, firmware.hash_table)
        if section.size != len(page):
            raise UsageError("this firmware keeps the kernel's hashes in more than a page", source=SOURCE)
        return _extend(digest, _NORMAL, section.address, sha384(page).digest())
    unmeasured = section.type is SectionType.ZEROS and vmm is Vmm.GCE
    for offset in range(0, section.size, PAGE):
        digest = _extend(digest, _UNMEASURED if unmeasured else _ZERO, section.address + offset)
    return digest


def _hash_page(kernel: Kernel, address: int | None) -> bytes:
    """The page with the kernel's hashes, as QEMU lays it out (qemu:target/i386/sev.c, SevHashTable)."""
    if not address:
        raise UsageError("this firmware does not say where the kernel's hashes belong", source=SOURCE)
    entries = b"".join(
        struct.pack("<16sH32s", UUID(guid).bytes_le, 50, digest)
        for guid, digest in (
            ("97d02dd8-bd20-4c94-aa78-e7714d36ab2a", kernel.cmdline),
            ("44baf731-3a2f-4bd7-9af1-41e29169781d", kernel.initrd),
            ("4de79437-abd2-427f-b835-d5b172d2045b", kernel.kernel),
        )
    )
    head = struct.pack("<16sH", UUID("9438d606-4f22-4cc9-b479-a793d411fd21").bytes_le, 18 + len(entries))
    page = (bytes(address % PAGE) + head + entries).ljust(PAGE, b"\0")
    if len(page) != PAGE:
        raise UsageError(
            "the kernel's hashes do not fit into the page that this firmware names", source=SOURCE
        )
    return page


def _vmsa(address: int, machine: Machine) -> bytes:
    """The first state of a processor that begins at `address` (AMD APM volume 2, table B-4; KVM's values)."""
    qemu, ec2 = machine.vmm is Vmm.QEMU, machine.vmm is Vmm.EC2
    code = 0x9A if ec2 and address == _RESET else 0x9B
    stack, task = (0x92, 0x83) if ec2 else (0x93, 0x8B)
    page = bytearray(PAGE)
    segments = (
        (0, 0x93, 0),  # es
        (0xF000, code, address & 0xFFFF_0000),  # cs
        (0, stack, 0),  # ss
        (0, 0x93, 0),  # ds
        (0, 0x93, 0),  # fs
        (0, 0x93, 0),  # gs
        (0, 0, 0),  # gdtr
        (0, 0x82, 0),  # ldtr
        (0, 0, 0),  # idtr
        (0, task, 0),  # tr
    )
    for number, (selector, attributes, base) in enumerate(segments):
        struct.pack_into("<HHIQ", page, 16 * number, selector, attributes, 0xFFFF, base)
    registers = {
        0x0D0: 0x1000,  # efer: SVME
        0x148: 0x40,  # cr4: MCE
        0x158: 0x10,  # cr0
        0x160: 0x400,  # dr7
        0x168: 0xFFFF_0FF0,  # dr6
        0x170: 0x2,  # rflags
        0x178: address & 0xFFFF,  # rip
        0x268: 0x0007_0106 if machine.vmm is Vmm.GCE else 0x0007_0406_0007_0406,  # g_pat
        0x310: machine.cpu if qemu else 0x600,  # rdx
        0x3B0: machine.features,  # sev_features
        0x3E8: 0x1,  # xcr0
        0x408: 0x1F80 if qemu else 0,  # mxcsr
        0x410: 0x37F if qemu else 0,  # x87 fcw
    }
    for offset, value in registers.items():
        struct.pack_into("<Q", page, offset, value)
    return bytes(page)
