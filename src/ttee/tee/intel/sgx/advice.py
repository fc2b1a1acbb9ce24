# SPDX-License-Identifier: Apache-2.0
"""What a policy for SGX enclaves begins with."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "mr-enclave": "What runs: the enclave's code and data, as it was built.",
        "mr-signer": "Who signed it. Without mr-enclave, this accepts whatever they sign.",
        "isv-prod-id": "Which of the signer's products.",
        "min-isv-svn": "Refuse versions that their signer calls older.",
        "min-tcb-evaluation": "Refuse endorsements of an earlier round of Intel's: old ones hide what was found since.",
    }
)
