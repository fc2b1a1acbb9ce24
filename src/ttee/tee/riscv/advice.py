# SPDX-License-Identifier: Apache-2.0
"""What a policy for the RISC-V TEE begins with."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "enclave-hash": "What runs: runtime, configuration and app, as they lie in memory.",
        "monitor-hash": "What the app runs on: the monitor that makes the claims.",
        "min-monitor-svn": "Refuse a monitor that is older than this, even one pinned above.",
        "min-app-svn": "Refuse a version of the app that is older than this.",
        "platform": "The machine, in the monitor's words.",
        "authority": "Who may sign versions of the app, in place of enclave-hash.",
    }
)
