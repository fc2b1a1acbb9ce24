# SPDX-License-Identifier: Apache-2.0
"""What a policy for Azure's confidential VMs begins with: what holds for the TEE inside, and for the virtual TPM."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ttee.tee.amd.advice import ADVICE as SNP
from ttee.tee.intel.tdx.advice import ADVICE as TDX
from ttee.tee.tpm.advice import ADVICE as TPM

ADVICE: Mapping[str, str] = MappingProxyType(
    {
        **TPM,
        "tee-inside": "The TEE below; the lines that follow are about it, and the paravisor that it measured.",
        **SNP,
        **TDX,
        "vm-secure-boot": "What the paravisor says of the VM.",
        "revocation-checked": "Refuse without current revocation lists, of the TEE below and of the virtual TPM's key.",
        "vm-console-enabled": "The same: whether its host has a console there.",
    }
)
