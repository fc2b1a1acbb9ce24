# SPDX-License-Identifier: Apache-2.0
"""An SEV-SNP attestation report: 1184 bytes to and from one typed structure. No cryptography.

All integers are little-endian. Source: AMD 56860 (SEV-SNP firmware ABI), table ATTESTATION_REPORT;
google/go-sev-guest:abi/abi.go.

    offset  size  field               offset  size  field
     0x000     4  version (2 to 5)     0x140    32  report_id
     0x004     4  guest_svn            0x160    32  report_id_ma
     0x008     8  guest policy         0x180     8  reported_tcb
     0x010    16  family_id            0x188     3  family, model, stepping (version 3 and later)
     0x020    16  image_id             0x18B    21  zeros
     0x030     4  vmpl                 0x1A0    64  chip_id
     0x034     4  signature algorithm  0x1E0     8  committed_tcb
     0x038     8  current_tcb          0x1E8     4  current build, minor, major, zero
     0x040     8  platform_info        0x1EC     4  committed build, minor, major, zero
     0x048     4  key information      0x1F0     8  launch_tcb
     0x04C     4  zeros                0x1F8     8  launch_mit_vector (version 5)
     0x050    64  report_data          0x200     8  current_mit_vector (version 5)
     0x090    48  measurement          0x208   152  zeros
     0x0C0    32  host_data            0x2A0    72  signature r; what it covers ends here
     0x0E0    48  id_key_digest        0x2E8    72  signature s
     0x110    48  author_key_digest    0x330   368  zeros
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import lru_cache

from attrs import frozen

from ttee.errors import MalformedEvidenceError
from ttee.model import ClaimValue, Evidence
from ttee.tee.amd import table
from ttee.tee.amd.products import PRODUCTS, Product, by_cpuid

NAME = "amd-sev-snp"
SIZE = 1184
SIGNED = 0x2A0
SOURCE = "AMD 56860, table ATTESTATION_REPORT"
VERSIONS = range(2, 6)
ECDSA_P384_SHA384 = 1
VCEK, VLEK, NO_KEY = 0, 1, 7
"""The values of SIGNING_KEY that mean something."""

_LAYOUT = struct.Struct("<IIQ16s16sII8sQI4s64s48s32s48s48s32s32s8s3B21s64s8s3Bs3Bs8sQQ152s72s72s368s")
_ZEROS = bytes(SIZE)
_MUST_BE_ONE = 1 << 17
POLICY_BITS = {
    "smt_allowed": 16,
    "migration_allowed": 18,
    "debug_allowed": 19,
    "single_socket": 20,
    "cxl_allowed": 21,
    "aes_256_xts_required": 22,
    "rapl_disabled_required": 23,
    "ciphertext_hiding_required": 24,
    "page_swap_disabled": 25,
}
"""The guest policy's bits by their place; bits 0 to 15 are the least firmware ABI, minor and major."""
_KNOWN_POLICY = 0xFFFF | _MUST_BE_ONE | sum(1 << bit for bit in POLICY_BITS.values())
PLATFORM_BITS = {
    "smt_enabled": 0,
    "tsme_enabled": 1,
    "ecc_enabled": 2,
    "rapl_disabled": 3,
    "ciphertext_hiding": 4,
    "alias_check_complete": 5,
    "tio_enabled": 7,
}
"""The platform information's bits by their place."""
_KNOWN_PLATFORM = sum(1 << bit for bit in PLATFORM_BITS.values())


@frozen(slots=True)
class Report:
    """The fields of a report. TCBs are eight bytes, whose order `products` knows; `r` and `s` are 72 bytes."""

    version: int
    guest_svn: int
    policy: int
    family_id: bytes
    image_id: bytes
    vmpl: int
    algorithm: int
    current_tcb: bytes
    platform_info: int
    key_info: int
    report_data: bytes
    measurement: bytes
    host_data: bytes
    id_key_digest: bytes
    author_key_digest: bytes
    report_id: bytes
    report_id_ma: bytes
    reported_tcb: bytes
    cpuid: tuple[int, int, int]
    """Family, model, stepping; zeros in version 2."""
    chip_id: bytes
    committed_tcb: bytes
    current_version: tuple[int, int, int]
    """Build, minor, major of the firmware."""
    committed_version: tuple[int, int, int]
    launch_tcb: bytes
    launch_mit_vector: int
    current_mit_vector: int
    r: bytes
    s: bytes

    @property
    def signing_key(self) -> int:
        """Which kind of key signed: `VCEK`, `VLEK` or `NO_KEY`."""
        return self.key_info >> 2 & 7

    @property
    def masks_chip_key(self) -> bool:
        """Whether the host lets the chip's own key not be used."""
        return bool(self.key_info & 2)

    @property
    def author_key_used(self) -> bool:
        """Whether an author key signed the ID key."""
        return bool(self.key_info & 1)

    @property
    def product(self) -> Product | None:
        """The product line by the processor's family and model; None in version 2, or if it is unknown."""
        return by_cpuid(*self.cpuid[:2]) if self.version > 2 else None

    @property
    def unknown_policy(self) -> int:
        """The bits of the guest policy that nobody has told us of yet."""
        return self.policy & ~_KNOWN_POLICY

    @property
    def unknown_platform(self) -> int:
        """The bits of the platform information that nobody has told us of yet."""
        return self.platform_info & ~_KNOWN_PLATFORM


def parse(data: bytes) -> Report:
    """The report in exactly 1184 bytes.

    Raises MalformedEvidenceError: another size, an unknown version, something other than zeros where zeros
    must be, or a reserved value. Bits that newer firmware may have given a meaning are kept.
    """
    if len(data) != SIZE:
        raise _malformed(
            f"an SEV-SNP report has {SIZE} bytes, this one has {len(data)}", min(len(data), SIZE)
        )
    # fmt: off
    (
        version, guest_svn, policy, family_id, image_id, vmpl, algorithm, current_tcb, platform_info, key_info,
        zeros_04c, report_data, measurement, host_data, id_key_digest, author_key_digest, report_id, report_id_ma,
        reported_tcb, family, model, stepping, zeros_18b, chip_id, committed_tcb, build, minor, major, zeros_1eb,
        committed_build, committed_minor, committed_major, zeros_1ef, launch_tcb, launch_mit, current_mit,
        zeros_208, r, s, zeros_330,
    ) = _LAYOUT.unpack(data)
    # fmt: on
    if version not in VERSIONS:
        raise _malformed(f"report version {version} is not known here; 2 to 5 are", 0)
    if not policy & _MUST_BE_ONE:
        raise _malformed("bit 17 of the guest policy is not one", 0x008)
    if vmpl > 3 and vmpl != 0xFFFFFFFF:
        raise _malformed(f"VMPL {vmpl} does not exist", 0x030)
    if key_info >> 5 or 1 < (key_info >> 2 & 7) < NO_KEY:
        raise _malformed(f"the key information {key_info:#x} has a reserved value", 0x048)
    reserved = (
        (zeros_04c, 0x04C), (zeros_18b, 0x18B), (zeros_1eb, 0x1EB), (zeros_1ef, 0x1EF), (zeros_208, 0x208),
        (zeros_330, 0x330),
        (data[0x188:0x18B] if version < 3 else b"", 0x188),
        (data[0x1F8:0x208] if version < 5 else b"", 0x1F8),
    )  # fmt: skip
    for value, offset in reserved:
        if value != _ZEROS[: len(value)]:
            raise _malformed(f"version {version} has zeros here, this report does not", offset)
    # fmt: off
    return Report(
        version, guest_svn, policy, family_id, image_id, vmpl, algorithm, current_tcb, platform_info, key_info,
        report_data, measurement, host_data, id_key_digest, author_key_digest, report_id, report_id_ma,
        reported_tcb, (family, model, stepping), chip_id, committed_tcb, (build, minor, major),
        (committed_build, committed_minor, committed_major), launch_tcb, launch_mit, current_mit, r, s,
    )
    # fmt: on


def encode(report: Report) -> bytes:
    """The 1184 bytes of `report`."""
    # fmt: off
    return _LAYOUT.pack(
        report.version, report.guest_svn, report.policy, report.family_id, report.image_id, report.vmpl,
        report.algorithm, report.current_tcb, report.platform_info, report.key_info, b"", report.report_data,
        report.measurement, report.host_data, report.id_key_digest, report.author_key_digest, report.report_id,
        report.report_id_ma, report.reported_tcb, *report.cpuid, b"", report.chip_id, report.committed_tcb,
        *report.current_version, b"", *report.committed_version, b"", report.launch_tcb, report.launch_mit_vector,
        report.current_mit_vector, b"", report.r, report.s, b"",
    )
    # fmt: on


def wrap(data: bytes) -> Evidence | None:
    """Evidence out of a raw report, or one with its certificate table behind it; None for anything else.

    A report has no magic: a known version, algorithm and VMPL, and zeros in their places, must do.
    """
    report, certificates = data[:SIZE], data[SIZE:]
    try:
        if parse(report).algorithm != ECDSA_P384_SHA384:
            return None
        if not certificates:
            return Evidence(NAME, {"report": report})
        table.parse(certificates)
    except MalformedEvidenceError:
        return None
    return Evidence(NAME, {"report": report, "certificates": certificates})


def describe(evidence: Evidence) -> Mapping[str, ClaimValue]:
    """Every field of the evidence, UNVERIFIED. Raises MalformedEvidenceError."""
    report = parse(evidence.parts.get("report", b""))
    fields: dict[str, ClaimValue] = {
        "version": report.version,
        **details(report, report.product or _likely(report)),
        "product": report.product.name if report.product else "unknown",
        "report_data": report.report_data,
        "signature_algorithm": report.algorithm,
        "signature_r": report.r,
        "signature_s": report.s,
    }
    if "certificates" in evidence.parts:
        found = table.parse(evidence.parts["certificates"])
        fields |= {f"certificate_{name}": value for name, value in found.items()}
    return fields


def details(report: Report, product: Product, csp_id: str | None = None) -> dict[str, ClaimValue]:
    """What only SEV-SNP says, by the names that policies use. `csp_id`: the cloud that a VLEK is for."""
    build, minor, major = report.current_version
    return {
        "product": product.name,
        **({"csp_id": csp_id} if csp_id else {}),
        "measurement": report.measurement,
        "host_data": report.host_data,
        "vmpl": report.vmpl,
        "guest_svn": report.guest_svn,
        "family_id": report.family_id,
        "image_id": report.image_id,
        "id_key_digest": report.id_key_digest,
        "author_key_digest": report.author_key_digest,
        "author_key_used": report.author_key_used,
        "report_id": report.report_id,
        "report_id_ma": report.report_id_ma,
        "chip_id": report.chip_id,
        "signing_key": {VCEK: "vcek", VLEK: "vlek"}.get(report.signing_key, "none"),
        "chip_key_masked": report.masks_chip_key,
        **_platform(
            product,
            report.policy,
            report.platform_info,
            report.reported_tcb,
            report.committed_tcb,
            report.current_tcb,
            report.launch_tcb,
        ),
        "firmware": f"{major}.{minor}.{build}",
        "firmware_committed": ".".join(map(str, reversed(report.committed_version))),
        "launch_mit_vector": report.launch_mit_vector,
        "current_mit_vector": report.current_mit_vector,
        **({"cpuid": "{:02x}-{:02x}-{:02x}".format(*report.cpuid)} if report.version > 2 else {}),
    }


@lru_cache(maxsize=1024)
def _platform(product: Product, policy: int, platform_info: int, *tcbs: bytes) -> Mapping[str, ClaimValue]:
    """Policy, platform and versions, bit by bit: the same for all reports of a guest, and of most of a fleet."""
    return {
        "guest_policy": policy,
        "abi_minor": policy & 0xFF,
        "abi_major": policy >> 8 & 0xFF,
        **{name: bool(policy >> bit & 1) for name, bit in POLICY_BITS.items()},
        "platform_info": platform_info,
        **{name: bool(platform_info >> bit & 1) for name, bit in PLATFORM_BITS.items()},
        **{
            f"{which}_{name}_svn": value
            for which, tcb in zip(("reported", "committed", "current", "launch"), tcbs, strict=True)
            for name, value in product.components(tcb).items()
        },
    }


def _likely(report: Report) -> Product:
    """The product line whose TCBs look like this, where the report does not say: a chip's short id is Turin's."""
    short = any(report.chip_id[:8]) and not any(report.chip_id[8:])
    return PRODUCTS[-1 if short else 0]


def _malformed(message: str, offset: int) -> MalformedEvidenceError:
    return MalformedEvidenceError(
        message,
        where=f"report, byte {offset:#05x}",
        hint="copy the report again, in binary, from where it was made",
        source=SOURCE,
    )
