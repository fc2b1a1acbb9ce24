# SPDX-License-Identifier: Apache-2.0
"""What a policy for AWS Nitro Enclaves begins with."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "pcr0": "What runs: the enclave's image.",
        "pcr1": "Its kernel and boot files.",
        "pcr2": "Its applications, without the boot files.",
        "revocation-checked": "Refuse without current revocation lists about the certificates that name one.",
    }
)
