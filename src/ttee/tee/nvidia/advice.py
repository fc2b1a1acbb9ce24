# SPDX-License-Identifier: Apache-2.0
"""What a policy for NVIDIA devices begins with."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "measurements-agree": "Whether NVIDIA's reference values for this driver and VBIOS are what is there.",
        "firmware-id": "",
        "kind": "GPU or switch.",
        "models": "What the devices' certificates call them.",
        "device-count": "How many there are: a device that is left out of the evidence is not looked at.",
        "revocation-checked": "Refuse without current answers of NVIDIA's revocation service about the certificates.",
        "min-driver-version": "Refuse older drivers.",
        "nvdec0": "The video decoder, which can see memory.",
        "protected-pcie": "Whether several GPUs may share one machine's protection.",
    }
)
