# SPDX-License-Identifier: Apache-2.0
"""Named exceptions: makers' rules that a policy may bend, one by one, by name, and that verdicts show.

Each is spelt out where the rule is (`ttee.tee.NAME`); a policy grants it with `exceptions` in a TEE's section.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ttee.model import CheckSpec

_AZURE = "azure-tdx-tcb-component"

EXCEPTIONS: Mapping[str, CheckSpec] = MappingProxyType(
    {
        _AZURE: CheckSpec(
            id=f"policy.exception.{_AZURE}",
            title="Azure's TDX machines lag behind in one TCB component, and the policy accepts that",
            guards="A platform of FMSPC 90c06f000000 whose SGX TCB component 7 (counted from 0) is 3, where Intel's "
            "levels ask for more: Azure runs such machines. Which flaw the component's later versions mend, nobody "
            "has said in public; who accepts this takes Azure's word that it does not matter there.",
            remedy=f'If you take that word: exceptions = ["{_AZURE}"] in the policy\'s section of the TEE.',
            source="flashbots/attest, crates/verify/src/azure/mod.rs (2026)",
        )
    }
)
"""By name: what is bent, and what that lets through."""
