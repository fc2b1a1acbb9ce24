# SPDX-License-Identifier: Apache-2.0
"""Named exceptions: makers' rules that a policy may bend, one by one, by name, and that verdicts show.

Each is spelt out where the rule is (`ttee.tee.NAME`); a policy grants it with `exceptions` in a TEE's section.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ttee.model import CheckSpec

AZURE_TDX_TCB_COMPONENT = "azure-tdx-tcb-component"

EXCEPTIONS: Mapping[str, CheckSpec] = MappingProxyType(
    {
        AZURE_TDX_TCB_COMPONENT: CheckSpec(
            id=f"policy.exception.{AZURE_TDX_TCB_COMPONENT}",
            title="Azure's TDX machines lag behind in one TCB component, and the policy accepts that",
            guards="A platform of FMSPC 90c06f000000 whose SEAM loader (SGX TCB component 7, counted from 0) has the "
            "version 3, where Intel asks for 5: Azure runs such machines. What the later versions mend there, nobody "
            "has said in public; who accepts this takes Azure's word that it does not matter.",
            remedy="If you take that word, grant the exception in the policy's section of the TEE: "
            f'exceptions = ["{AZURE_TDX_TCB_COMPONENT}"].',
            source="flashbots/attest, crates/verify/src/azure/mod.rs (2026)",
        )
    }
)
"""By name: what is bent, and what that lets through."""
