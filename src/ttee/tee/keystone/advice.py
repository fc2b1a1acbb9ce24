# SPDX-License-Identifier: Apache-2.0
"""What a policy for Keystone begins with."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "enclave-hash": "What runs: the enclave, as it was loaded.",
        "monitor-hash": "What it runs on: the monitor that makes the report.",
    }
)
