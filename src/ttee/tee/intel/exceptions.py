# SPDX-License-Identifier: Apache-2.0
"""Rules of Intel's that a policy may bend, by name (docs/spec/policy.md, section Exceptions)."""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve

from ttee.appraise.exceptions import AZURE_TDX_TCB_COMPONENT
from ttee.errors import TcbError
from ttee.tee.intel.quote import TDX
from ttee.tee.intel.tcb import TcbVerdict
from ttee.tee.intel.tcb_info import TcbInfo, TcbLevel

_FMSPC = bytes.fromhex("90c06f000000")
_SEAM_LOADER, _AZURES = 7, 3
"""Component 7 (from 0) is the SEAM loader, as TCB info says; Azure's machines have it at 3, where Intel asks for 5
(flashbots/attest:crates/verify/src/azure)."""


def excused(
    info: TcbInfo, granted: frozenset[str], judge: Callable[[TcbInfo], TcbVerdict]
) -> tuple[TcbVerdict, tuple[str, ...]]:
    """What `judge` finds, and the exceptions without which that would be another status, or none.

    Raises TcbError, as `judge` does; its hint names an exception that would help.
    """
    if info.tee != TDX or info.fmspc != _FMSPC:
        return judge(info), ()
    lowered = evolve(info, levels=tuple(map(_lowered, info.levels)))
    try:
        strict = judge(info)
    except TcbError as problem:
        lenient = judge(lowered)
        if AZURE_TDX_TCB_COMPONENT in granted:
            return lenient, (AZURE_TDX_TCB_COMPONENT,)
        problem.hint = (
            f"on Azure, it may be that `ttee explain policy.exception.{AZURE_TDX_TCB_COMPONENT}` helps"
        )
        raise
    if AZURE_TDX_TCB_COMPONENT not in granted:
        return strict, ()
    lenient = judge(lowered)
    return (strict, ()) if lenient.status == strict.status else (lenient, (AZURE_TDX_TCB_COMPONENT,))


def _lowered(level: TcbLevel) -> TcbLevel:
    sgx = bytearray(level.sgx)
    sgx[_SEAM_LOADER] = min(sgx[_SEAM_LOADER], _AZURES)
    return evolve(level, sgx=bytes(sgx))
