# SPDX-License-Identifier: Apache-2.0
"""Starting an app in the local TEE. I/O: starts a process, keeps a secret in the state folder."""

from __future__ import annotations

from contextlib import ExitStack
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Self

from ttee.app.abi import check_module
from ttee.channel.sealed import BLOCK, ENC_SIZE, REQUEST_HEAD, TAG_SIZE
from ttee.codec import cbor
from ttee.errors import MalformedEvidenceError, RequestTooLargeError, TeeUnavailableError
from ttee.guest.binding import check_nonce_size
from ttee.model import Evidence
from ttee.tee.local.evidence import NAME, PARTS
from ttee.tee.local.frames import LONGEST, Kind
from ttee.tee.local.process import WorkerProcess
from ttee.tee.secret import device_secret

if TYPE_CHECKING:
    from pathlib import Path

    from ttee.app.bundle import Bundle

FUEL: Final = 2_000_000_000
"""What one request may burn, unless told otherwise: some seconds."""


class LocalInstance:
    """An app that runs in a process of its own (`ttee.tee.base.Instance`)."""

    tee = NAME

    def __init__(self, bundle: Bundle, worker: WorkerProcess, *, timeout: float) -> None:
        """Use `launch`. `timeout`: seconds that each answer may take."""
        self.bundle = bundle
        self._worker = worker
        self._timeout = timeout

    @property
    def process_id(self) -> int:
        """Of the worker."""
        return self._worker.process_id

    def evidence(self, nonce: bytes) -> Evidence:
        """Evidence over `nonce` (16 to 64 bytes). Raises UsageError, TeeError."""
        check_nonce_size(nonce)
        answer = self._worker.ask(Kind.ATTEST, nonce, self._timeout)
        parts = cbor.loads(answer, what="evidence", max_size=LONGEST[Kind.ANSWER], max_depth=1)
        if not isinstance(parts, dict) or parts.keys() != set(PARTS):
            raise MalformedEvidenceError("the worker's answer is no local evidence", where="evidence")
        return Evidence(NAME, {name: part for name, part in parts.items() if isinstance(part, bytes)})

    def call(self, sealed: bytes) -> bytes:
        """The sealed reply to a sealed request (docs/spec/channel.md). Raises TeeError, TransportError."""
        head = ENC_SIZE + TAG_SIZE
        if len(sealed) > head + -(-(REQUEST_HEAD + self.bundle.limits.request) // BLOCK) * BLOCK:
            raise RequestTooLargeError(
                f"a sealed request of {len(sealed)} bytes; the app takes {self.bundle.limits.request} in clear",
                hint="send less, or raise limits.request in ttee.toml, which changes the measurement",
            )
        return self._worker.ask(Kind.CALL, sealed, self._timeout)

    def log(self) -> list[str]:
        """The app's console lines since the last call. Raises TeeDiedError once the worker has ended."""
        return self._worker.lines()

    def close(self) -> None:
        """End the worker. Twice is fine; a request under way ends with TeeDiedError."""
        self._worker.close()

    def __enter__(self) -> Self:
        """Return the instance itself."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close."""
        self.close()


def launch(
    bundle: Bundle, *, state: Path, signature: bytes = b"", timeout: float = 60.0, fuel: int = FUEL
) -> LocalInstance:
    """Start `bundle`; `state` holds the device secret. `signature` is not looked at (docs/spec/local.md).

    `fuel`: wasmtime instructions that one request may burn. Raises TeeUnavailableError without wasmtime,
    ModuleError, AppTrappedError when the app ends while it starts, TeeError.
    """
    del signature
    if find_spec("wasmtime") is None:
        raise TeeUnavailableError("wasmtime is not installed", hint="pip install 'ttee[local]'")
    check_module(bundle.module, bundle.limits)
    order = cbor.dumps({"fuel": fuel, "bundle": bundle.encode(), "secret": device_secret(state)})
    with ExitStack() as failure:
        worker = WorkerProcess()
        failure.callback(worker.close)
        worker.ask(Kind.START, order, timeout)
        failure.pop_all()
    return LocalInstance(bundle, worker, timeout=timeout)
