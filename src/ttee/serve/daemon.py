# SPDX-License-Identifier: Apache-2.0
"""An instance in a process of its own, detached from the terminal: `start` begins it, `main` is it.

The order goes in by stdin. What becomes of it comes back through a pipe as lines of JSON: the process id,
then the record of the running instance or the error that stopped it.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import IO

from ttee.app.bundle import Bundle
from ttee.codec import base64url, json, problem
from ttee.errors import TeeDiedError, TeeTimeoutError, TteeError
from ttee.serve import registry
from ttee.serve.hold import Order, hold

MAX_ORDER = 32 * 1024 * 1024
MARGIN = 30.0
"""Seconds beyond the TEE's own time limit after which a start is given up."""


def start(order: Order) -> registry.Record:
    """Run an instance in the background; returns once it takes requests.

    Raises what starting it raises, with nothing left running; also on KeyboardInterrupt.
    """
    if registry.runs(order.name):
        raise registry.taken(order.name)
    home = registry.home_of(order.name)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    reader, writer = os.pipe()
    with open(reader, "rb", closefd=True) as news:  # noqa: PTH123 (a handle, not a path)
        with (home / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "ttee.serve.daemon", str(writer)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=[writer],
                start_new_session=True,
            )
        os.close(writer)
        pid = None
        try:
            process.communicate(_encode(order))
            deadline = time.monotonic() + order.timeout + MARGIN
            pid = _news(news, deadline, order)["pid"]
            outcome = _news(news, deadline, order)
        except BaseException:
            _end(pid if isinstance(pid, int) else process.pid)
            process.wait()
            raise
    if (error := problem.decode(outcome.get("error"))) is not None:
        raise error
    return registry.find(order.name)


def main(handle: int) -> None:
    """The process: reads its order, detaches, holds the instance, reports through `handle`."""
    order = _decode(sys.stdin.buffer.read(MAX_ORDER))
    if os.fork():
        os._exit(0)  # whoever called `start` need not stay our parent
    os.chdir("/")
    os.dup2(os.open(os.devnull, os.O_RDONLY), sys.stdin.fileno())
    news = open(handle, "wb", buffering=0)  # noqa: SIM115 (closed when it has told)

    def tell(what: dict[str, json.JsonValue]) -> None:
        news.write(json.dumps(what) + b"\n")

    def ready(record: registry.Record) -> None:
        tell({"record": record.as_json()})  # a broken pipe: nobody waits for us any more, so end
        news.close()

    tell({"pid": os.getpid()})
    try:
        hold(order, ready)
    except TteeError as error:
        if not news.closed:
            tell({"error": problem.encode(error)})
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(130)


def _encode(order: Order) -> bytes:
    return json.dumps(
        {
            "name": order.name,
            "tee": order.tee,
            "bundle": base64url.encode(order.bundle.encode()),
            "signature": order.signature.hex(),
            "timeout": order.timeout,
            "host": order.host,
            "port": order.port,
        }
    )


def _decode(data: bytes) -> Order:
    """Our own parent wrote it, so it is taken as it is."""
    order = json.loads(data, what="order", max_size=MAX_ORDER)
    assert isinstance(order, dict)  # noqa: S101
    bundle = Bundle.decode(base64url.decode(str(order.pop("bundle")), what="bundle"))
    signature = bytes.fromhex(str(order.pop("signature")))
    return Order(bundle=bundle, signature=signature, **order)  # type: ignore[arg-type]


def _news(pipe: IO[bytes], deadline: float, order: Order) -> dict[str, json.JsonValue]:
    """The next line. Raises TeeTimeoutError, and TeeDiedError when the process ended without a word."""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        if not selector.select(max(0.0, deadline - time.monotonic())):
            raise TeeTimeoutError(
                f"{order.name} did not start within {order.timeout + MARGIN:.0f} seconds",
                hint="raise --timeout",
            )
    line = pipe.readline()
    if not line:
        raise TeeDiedError(
            f"{order.name} ended while it was starting", hint=f"`ttee logs {order.name}` has its last words"
        )
    value = json.loads(line, what="news", max_size=MAX_ORDER)
    assert isinstance(value, dict)  # noqa: S101
    return value


def _end(pid: int) -> None:
    """End a process that is starting, and wait until it has."""
    with suppress(ProcessLookupError):
        process = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(process, signal.SIGTERM)
            with selectors.DefaultSelector() as selector:
                selector.register(process, selectors.EVENT_READ)
                if not selector.select(registry.STOP_PATIENCE):
                    signal.pidfd_send_signal(process, signal.SIGKILL)
        finally:
            os.close(process)


if __name__ == "__main__":
    main(int(sys.argv[1]))
