# SPDX-License-Identifier: Apache-2.0
"""Apps in real enclaves, and a client for them, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from attrs import frozen

from ttee.app.bundle import Bundle, Limits
from ttee.channel.sealed import Reply, seal_request
from ttee.guest.statement import Statement
from ttee.tee.riscv import aot
from ttee.tee.riscv.config import config_page, epm_size_for, utm_size_for
from ttee.tee.riscv.machine import Machine
from ttee.tee.riscv.runtime import Enclave

NONCE = b"a nonce of ours!"


def bundled(module: bytes, **fields: object) -> Bundle:
    """A bundle around a module; `memory`, `stack`, `request` and `reply` are its limits."""
    limits = {name: fields.pop(name) for name in ("memory", "stack", "request", "reply") if name in fields}
    plain = {"name": "test", "version": "1", "svn": 0, "authority": b"", **fields}
    return Bundle(module=module, limits=Limits(**limits), **plain)  # type: ignore[arg-type]


@frozen
class Running:
    """An app in an enclave, and what its clients know: the channel key from its statement."""

    enclave: Enclave
    bundle: Bundle

    def statement(self) -> Statement:
        return Statement.decode(self.enclave.attest(NONCE)["statement"])

    def ask(self, payload: bytes) -> Reply:
        """One sealed request and its reply."""
        message, pending = seal_request(self.statement().channel_key, self.bundle.measurement, payload)
        return pending.open(self.enclave.call(message))


@contextmanager
def running(
    machine: Machine, module: bytes, *, signature: bytes = b"", **fields: object
) -> Iterator[Running]:
    """The app of `module` in a new enclave of `machine`."""
    bundle = bundled(module, **fields)
    runtime, app = aot.build_runtime(), aot.compile_app(module)
    handle = machine.create_enclave(
        runtime,
        config_page(bundle),
        app,
        epm_size=epm_size_for(bundle.limits, runtime, app),
        utm_size=utm_size_for(bundle.limits),
        signature=signature,
    )
    try:
        yield Running(Enclave.start(handle, bundle.limits), bundle)
    finally:
        handle.destroy()
