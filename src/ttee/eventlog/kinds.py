# SPDX-License-Identifier: Apache-2.0
"""The kinds of events in a TCG log: their names, and of which the data is what was hashed.

Source: TCG PC Client Platform Firmware Profile 1.06, section 10.4.1 (Event Types), table 27.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

SOURCE = "TCG PC Client Platform Firmware Profile 1.06, section 10"

NO_ACTION, SEPARATOR = 0x03, 0x04
ACTION, S_CRTM_VERSION, IPL, NONHOST_INFO = 0x05, 0x08, 0x0D, 0x11
DRIVER_CONFIG, VARIABLE_BOOT, GPT, EFI_ACTION = 0x80000001, 0x80000002, 0x80000006, 0x80000007
VARIABLE_BOOT2, GPT2, AUTHORITY = 0x8000000C, 0x8000000D, 0x800000E0

NAMES: Mapping[int, str] = MappingProxyType(
    {
        0x00: "EV_PREBOOT_CERT",
        0x01: "EV_POST_CODE",
        0x02: "EV_UNUSED",
        NO_ACTION: "EV_NO_ACTION",
        SEPARATOR: "EV_SEPARATOR",
        ACTION: "EV_ACTION",
        0x06: "EV_EVENT_TAG",
        0x07: "EV_S_CRTM_CONTENTS",
        S_CRTM_VERSION: "EV_S_CRTM_VERSION",
        0x09: "EV_CPU_MICROCODE",
        0x0A: "EV_PLATFORM_CONFIG_FLAGS",
        0x0B: "EV_TABLE_OF_DEVICES",
        0x0C: "EV_COMPACT_HASH",
        IPL: "EV_IPL",
        0x0E: "EV_IPL_PARTITION_DATA",
        0x0F: "EV_NONHOST_CODE",
        0x10: "EV_NONHOST_CONFIG",
        NONHOST_INFO: "EV_NONHOST_INFO",
        0x12: "EV_OMIT_BOOT_DEVICE_EVENTS",
        0x13: "EV_POST_CODE2",
        DRIVER_CONFIG: "EV_EFI_VARIABLE_DRIVER_CONFIG",
        VARIABLE_BOOT: "EV_EFI_VARIABLE_BOOT",
        0x80000003: "EV_EFI_BOOT_SERVICES_APPLICATION",
        0x80000004: "EV_EFI_BOOT_SERVICES_DRIVER",
        0x80000005: "EV_EFI_RUNTIME_SERVICES_DRIVER",
        GPT: "EV_EFI_GPT_EVENT",
        EFI_ACTION: "EV_EFI_ACTION",
        0x80000008: "EV_EFI_PLATFORM_FIRMWARE_BLOB",
        0x80000009: "EV_EFI_HANDOFF_TABLES",
        0x8000000A: "EV_EFI_PLATFORM_FIRMWARE_BLOB2",
        0x8000000B: "EV_EFI_HANDOFF_TABLES2",
        VARIABLE_BOOT2: "EV_EFI_VARIABLE_BOOT2",
        GPT2: "EV_EFI_GPT_EVENT2",
        0x80000010: "EV_EFI_HCRTM_EVENT",
        AUTHORITY: "EV_EFI_VARIABLE_AUTHORITY",
        0x800000E1: "EV_EFI_SPDM_FIRMWARE_BLOB",
        0x800000E2: "EV_EFI_SPDM_FIRMWARE_CONFIG",
        0x800000E3: "EV_EFI_SPDM_DEVICE_POLICY",
        0x800000E4: "EV_EFI_SPDM_DEVICE_AUTHORITY",
    }
)

HASHED = frozenset(
    {SEPARATOR, ACTION, S_CRTM_VERSION, DRIVER_CONFIG, GPT, EFI_ACTION, VARIABLE_BOOT2, GPT2, AUTHORITY}
)
"""Kinds whose data is the preimage of their digest. For the others (images, blobs, most boot loaders' events) the data
only describes what was measured: it is a label, and never to be believed."""

_TEXTS = frozenset({ACTION, EFI_ACTION, IPL, 0x01, 0x0C})
_VARIABLES = frozenset({DRIVER_CONFIG, VARIABLE_BOOT, VARIABLE_BOOT2, AUTHORITY})


def event_name(kind: int, data: bytes) -> str:
    """The kind, and what little of the data tells two events of one kind apart. Text for people, not to be believed."""
    name = NAMES.get(kind, f"event type {kind:#x}")
    if kind in _VARIABLES:
        units = int.from_bytes(data[16:24], "little")
        detail = (
            data[32 : 32 + 2 * min(units, 40)].decode("utf-16-le", "replace").encode("latin-1", "replace")
        )
    elif kind in _TEXTS:
        detail = data.rstrip(b"\0").rstrip()
        if b"\0" in detail[:120:2] or b"\0" in detail[1:120:2]:
            detail = detail.replace(b"\0", b"")  # UTF-16
    else:
        return name
    return f"{name} {printable(detail)}" if detail else name


def variable_size(data: bytes) -> int:
    """How many bytes the UEFI_VARIABLE_DATA that `data` begins with has by its own account (section 10.4.2)."""
    return 32 + 2 * int.from_bytes(data[16:24], "little") + int.from_bytes(data[24:32], "little")


def printable(data: bytes, limit: int = 60) -> str:
    """Text of a log as people may see it: printable ASCII, cut short, the rest as dots."""
    shown = data[: limit + 1].translate(_SHOWN).decode("ascii")
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


_SHOWN = bytes(byte if 0x20 <= byte <= 0x7E else ord(".") for byte in range(256))
