# SPDX-License-Identifier: Apache-2.0
"""What a policy for PSA devices begins with."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "software-digest": "What runs: all software that the device measured, as one digest.",
        "software-measurements": "",
        "implementation-id": "The design of the device.",
        "lifecycle": "Only a secured device keeps its secrets.",
    }
)
