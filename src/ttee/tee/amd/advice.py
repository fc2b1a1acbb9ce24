# SPDX-License-Identifier: Apache-2.0
"""What a policy for SEV-SNP begins with."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "measurement": "What runs: the memory that the guest started with, and what that measures in turn.",
        "vmpl": "Who in the guest asked: at 0, its paravisor where it has one, else its kernel.",
        "product": "The product line; the numbers below are counted anew in each.",
        "csp-id": "The cloud whose key signed (VLEK).",
        "revocation-checked": "Refuse without a current revocation list about the certificates.",
        "min-guest-svn": "Refuse a version of the guest that its ID block calls older.",
        "min-reported-fmc-svn": "Refuse older versions of the first boot loader.",
        "min-reported-bl-svn": "Refuse older versions of the boot loader.",
        "min-reported-tee-svn": "Refuse older versions of the secure processor's system.",
        "min-reported-snp-svn": "Refuse older versions of the SEV-SNP firmware.",
        "min-reported-ucode-svn": "Refuse older versions of the microcode.",
        "migration-allowed": "Whether an agent may move the guest to another machine, keys and all.",
        "alias-check-complete": "Whether the firmware looked for memory that answers at two addresses (BadRAM).",
        "smt-allowed": "Whether a foreign thread may run on the same core.",
    }
)
