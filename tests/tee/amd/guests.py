# SPDX-License-Identifier: Apache-2.0
"""A guest that does nothing, and what virtee/sev-snp-measure says of it."""

from __future__ import annotations

from ttee.tee.amd import firmware
from ttee.tee.amd.firmware import Section, SectionType
from ttee.tee.amd.launch_digest import cpu_signature

SECTIONS = (
    Section(0x800000, 0x9000, SectionType.ZEROS),
    Section(0x80A000, 0x3000, SectionType.ZEROS),
    Section(0x80D000, 0x1000, SectionType.SECRETS),
    Section(0x80E000, 0x1000, SectionType.CPUID),
    Section(0x80F000, 0x1000, SectionType.SVSM_CALLING_AREA),
    Section(0x810000, 0x1000, SectionType.KERNEL_HASHES),
    Section(0x811000, 0xF000, SectionType.ZEROS),
)
IMAGE = firmware.encode(8192, SECTIONS, reset_address=0x80B004, hash_table=0x810C00)
FIRMWARE = firmware.read(IMAGE)
MILAN = cpu_signature(25, 1, 1)
KERNEL = (b"kernel", b"initrd", "console=ttyS0")
"""Kernel, initial RAM disk, command line."""

_EXPECTED = """
qemu 1 0x1 - 08d9f64826e9feb91b9d21baead366fdc8f770dcbdc420f775888b656c6203e066522c1b2ce3d7e97959c98855d6f7f8
qemu 4 0x21 - b3dec1b9062630f9c0df045b7b1772fa3d1cb8c8d42ed4315e0a55ac5885019a89d259defbbab1de374465dab3510860
qemu 2 0x1 kernel e37cb84302aafee4e972eda70eab74a7612bdfdfd0db17a824f6a7f012d15200a26867cee71eb4529fadc81b3a7c8ecf
ec2 1 0x1 - 37d0f96232138a16423890b55fb200f9e49c08adf28dcfba21a80c4feadccd9046fea12c80f3f2ab9fd7c9ae86f01711
ec2 4 0x21 - f9304566f3cba929a10c5999fa5c5c9c8ad1489206e230530f5f2a22a48531d9522aca6412a93b79d358ddf3cdb1e900
ec2 2 0x1 kernel c9553aec5aa324d79108e825ae0721bdd722cf5a692752c9d962386c02d5217e15aed49f11c1b630917e93329eea54b3
gce 1 0x1 - bdca760378cfc8ab603b7d833b7b865693e2389080d5c7a2258dc9e9ea23186c968f07221a9fe257af9b9c38d58b603b
gce 4 0x21 - 02a31ea3cd692d02b82adb0b72ebd55b771930495e453ff1cef5264d81f002c9762b7d4ae544df451469a97886d503c5
gce 2 0x1 kernel 1a059cce0884dfdb5fb7f6e17f235e80e126cd2ed295f0ab1730ccb6b061949dbedcd3f78a64455cff0615a95f61b1d1
"""
EXPECTED = _EXPECTED.split("\n")[1:-1]
"""Computed from IMAGE with sev-snp-measure 0.0.13: hypervisor, processors, features, kernel, digest."""
