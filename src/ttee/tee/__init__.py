# SPDX-License-Identifier: Apache-2.0
"""The TEEs there are: one line each, nothing is found by magic. A room is imported when it is asked for.

To add a TEE: a folder here, furnished like the others, with its entry, `TEE`, in `__init__.py`; a line below.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from ttee.errors import TeeUnavailableError, UsageError

if TYPE_CHECKING:
    from ttee.tee.base import Tee

TEES: Mapping[str, str] = MappingProxyType(
    {
        "amd-sev-snp": "ttee.tee.amd",
        "arm-cca": "ttee.tee.arm.cca",
        "arm-psa": "ttee.tee.arm.psa",
        "aws-nitro": "ttee.tee.nitro",
        "azure-vtpm": "ttee.tee.azure",
        "intel-sgx": "ttee.tee.intel.sgx",
        "intel-tdx": "ttee.tee.intel.tdx",
        "keystone": "ttee.tee.keystone",
        "local": "ttee.tee.local",
        "nvidia-gpu": "ttee.tee.nvidia",
        "riscv": "ttee.tee.riscv",
        "tpm": "ttee.tee.tpm",
    }
)
"""Names, as evidence and policies spell them, to the rooms they live in."""


def tee_named(name: str) -> Tee:
    """The TEE of that name. Raises UsageError, naming those there are."""
    if name not in TEES:
        raise UsageError(
            f"no TEE is called {name!r}",
            hint=f"there are {', '.join(TEES)}; `ttee tees` says what each can do here",
        )
    tee: Tee = import_module(TEES[name]).TEE
    return tee


def all_tees() -> tuple[Tee, ...]:
    """Every TEE, by name."""
    return tuple(tee_named(name) for name in TEES)


def launcher_named(name: str) -> Tee:
    """The TEE of that name, which can run apps on this machine. Raises UsageError, TeeUnavailableError."""
    tee = tee_named(name)
    if tee.launch is None:
        raise TeeUnavailableError(
            f"{name} verifies evidence and cannot run apps", hint="`ttee tees` lists those that can"
        )
    here = tee.available()
    if not here.works:
        raise TeeUnavailableError(f"{name} lacks {here.missing} on this machine", hint=here.hint or None)
    return tee


def best_tee() -> Tee:
    """The highest-ranking TEE that can run an app on this machine. Raises TeeUnavailableError."""
    launchers = [tee for tee in all_tees() if tee.launch is not None]
    for tee in sorted(launchers, key=lambda tee: tee.rank, reverse=True):
        if tee.available().works:
            return tee
    lacks = "; ".join(f"{tee.name} lacks {tee.available().missing}" for tee in launchers)
    raise TeeUnavailableError(f"no TEE can run apps here: {lacks}", hint="`ttee doctor` says how to get them")
