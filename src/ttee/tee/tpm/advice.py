# SPDX-License-Identifier: Apache-2.0
"""What a policy for TPM quotes begins with: registers as the TCG PC Client profile and systemd use them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "pcr0": "The firmware's code.",
        "pcr2": "Firmware of plugged-in devices.",
        "pcr4": "What the firmware started: the boot loader.",
        "pcr7": "Secure boot: whether it is on, and whose keys count.",
        "pcr8": "What the boot loader was told to do, the kernel's command line among it.",
        "pcr9": "What the boot loader read: kernel and initial file system.",
        "pcr10": "",
        "pcr11": "The unified kernel image, by its parts.",
        "pcr12": "",
        "pcr13": "",
        "pcr14": "Keys that the owner of the machine enrolled (MOK).",
        "pcr15": "",
        "pcr-bank": "The digest that the values above are of.",
        "secure-boot": "Whether secure boot is on, as the event log says.",
        "min-firmware-version": "Refuse older firmware of the TPM.",
        "revocation-checked": "Refuse without current revocation lists about the certificates that name one.",
    }
)
