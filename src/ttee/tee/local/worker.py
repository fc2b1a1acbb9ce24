# SPDX-License-Identifier: Apache-2.0
"""The process that runs an app: `python -m ttee.tee.local.worker DESCRIPTOR`, started by `launch`.

It has one socket and nothing else to say; it ends with its launcher, whatever it is doing.
"""

from __future__ import annotations

import os
import resource
import select
import socket
import sys
from threading import Thread
from typing import Final

from ttee.app.abi import check_module
from ttee.app.bundle import Bundle
from ttee.codec import cbor, json, problem
from ttee.errors import AppTrappedError, TteeError
from ttee.tee.local.frames import LONGEST, TO_WORKER, BrokenError, Frames, Kind
from ttee.tee.local.runtime import Runtime

_RESOURCES: Final = {
    resource.RLIMIT_AS: 4 << 30,
    resource.RLIMIT_CORE: 0,
    resource.RLIMIT_FSIZE: 64 << 10,
    resource.RLIMIT_NOFILE: 64,
}


def main(arguments: list[str]) -> None:
    """Serve one launcher until it goes, or the app is ended."""
    connection = socket.socket(fileno=int(arguments[0]))
    _end_with_launcher(connection)
    for name, wanted in _RESOURCES.items():
        _, hard = resource.getrlimit(name)
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(name, (limit, limit))
    frames = Frames(connection, TO_WORKER)
    try:
        _serve(frames)
    except BrokenError as reason:
        sys.exit(f"launcher: {reason}")


def _serve(frames: Frames) -> None:
    runtime: Runtime | None = None
    while True:
        kind, payload = frames.receive()
        try:
            if kind is Kind.START and runtime is None:
                runtime = _start(frames, payload)
                answer = b""
            elif kind is Kind.ATTEST and runtime is not None:
                answer = runtime.evidence(payload)
            elif kind is Kind.CALL and runtime is not None:
                answer = runtime.call(payload)
            else:
                raise BrokenError(f"{kind.name} is out of order")
        except TteeError as error:
            frames.send(Kind.PROBLEM, json.dumps(problem.encode(error)))
            if runtime is None or isinstance(error, AppTrappedError):
                return
        else:
            frames.send(Kind.ANSWER, answer)


def _start(frames: Frames, order: bytes) -> Runtime:
    match cbor.loads(order, what="order", max_size=LONGEST[Kind.START]):
        case {"fuel": int(fuel), "bundle": bytes(encoded), "secret": bytes(secret)}:
            bundle = Bundle.decode(encoded)
        case _:
            raise BrokenError("no order to start an app")
    check_module(bundle.module, bundle.limits)
    return Runtime(bundle, secret, fuel=fuel, line=lambda line: frames.send(Kind.LINE, line.encode()))


def _end_with_launcher(connection: socket.socket) -> None:
    """End this process as soon as the launcher's end of the socket closes, even while the app computes.

    (A parent-death signal would come when the launching thread ends, and that may be long before its process.)
    """

    def watch() -> None:
        poll = select.poll()
        poll.register(connection, select.POLLRDHUP)
        poll.poll()
        os._exit(1)

    Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1:])
