# SPDX-License-Identifier: Apache-2.0
"""What a policy for CCA realms begins with."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "realm-initial-measurement": "What runs: the realm, as it started.",
        "software-digest": "What it runs on: all firmware of the platform, as one digest.",
        "software-measurements": "",
        "implementation-id": "The design of the platform.",
        "lifecycle": "Only a secured platform keeps its secrets.",
        "personalization": "",
    }
)
