# SPDX-License-Identifier: Apache-2.0
"""The local TEE (docs/spec/local.md): an app in a process of its own, for development. It protects nothing.

Verifying needs Python alone; wasmtime is imported in the process that runs the app, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from ttee.app.bundle import Bundle
from ttee.model import Assurance, ClaimValue
from ttee.tee.base import Availability, Instance, Tee
from ttee.tee.ed25519 import anchor_key
from ttee.tee.local import checks, evidence, verify


def _launch(bundle: Bundle, *, state: Path, signature: bytes = b"", timeout: float = 60.0) -> Instance:
    from ttee.tee.local.launch import launch  # noqa: PLC0415

    return launch(bundle, state=state, signature=signature, timeout=timeout)


def _available() -> Availability:
    if find_spec("wasmtime") is None:
        return Availability(works=False, missing="wasmtime", hint="pip install 'ttee[local]'")
    return Availability(works=True)


def _measure(bundle: Bundle) -> Mapping[str, ClaimValue]:
    return {"config_digest": evidence.config_digest(bundle)}


TEE = Tee(
    name=evidence.NAME,
    title="A sandboxed process on this machine, for development: it protects nothing",
    assurance=Assurance.SIMULATED,
    parts=evidence.PARTS,
    checks=checks.CHECKS,
    verify=verify.verify,
    describe=evidence.describe,
    anchor_key=anchor_key,
    launch=_launch,
    available=_available,
    measure=_measure,
    rank=10,
)
