# SPDX-License-Identifier: Apache-2.0
"""Holding an instance: start it, serve it until it is told to end or ends by itself, leave nothing behind."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import FrameType

import anyio
import uvicorn
from attrs import frozen

from ttee.app.bundle import Bundle
from ttee.channel.http import plain
from ttee.errors import TeeError, UsageError
from ttee.places import tee_state_dir
from ttee.serve import registry
from ttee.serve.http import Gate, front
from ttee.tee import launcher_named
from ttee.tee.base import Instance

MAX_LOG = 4 * 1024 * 1024
LOOK_EVERY = 0.25
"""Seconds between looks at the app's console, which is also how an instance's death is noticed."""
GRACE = 3
"""Seconds that requests have to finish when the instance is told to end."""

_log = logging.getLogger("ttee")


@frozen(slots=True)
class Order:
    """What to run, and where it listens: always on a unix socket; on `host` too if there is a `port`."""

    name: str
    tee: str
    bundle: Bundle
    signature: bytes = b""
    timeout: float = 60.0
    host: str = "127.0.0.1"
    port: int | None = None


def hold(order: Order, ready: Callable[[registry.Record], None], *, to_terminal: bool = False) -> None:
    """Run the instance until SIGTERM, SIGINT, or its own end; call `ready` once it takes requests.

    Raises what starting it raises; TeeDiedError or AppTrappedError if it ends by itself; KeyboardInterrupt.
    """
    os.umask(0o077)
    with ExitStack() as stack:
        stack.enter_context(_terminable())
        home = stack.enter_context(registry.claimed(order.name))
        stack.enter_context(_logging(home / "log", to_terminal))
        (home / "app.bundle").write_bytes(order.bundle.encode())
        listeners = [stack.enter_context(_listen_locally(registry.socket_of(order.name)))]
        url = None
        if order.port is not None:
            listeners.append(stack.enter_context(_listen(order.host, order.port)))
            host, port = listeners[-1].getsockname()[:2]
            url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        instance = stack.enter_context(_launch(order))
        record = registry.Record(
            name=order.name,
            tee=order.tee,
            app=order.bundle.measurement,
            address=f"unix:{registry.socket_of(order.name)}",
            url=url,
            pid=os.getpid(),
            started=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )

        def started() -> None:
            registry.publish(record)
            _log.info("%s runs in %s, app %s", order.name, order.tee, record.app.hex())
            ready(record)

        anyio.run(_serve, instance, listeners, started)
        _log.info("told to end")


async def _serve(instance: Instance, listeners: list[socket.socket], started: Callable[[], None]) -> None:
    deaths: list[TeeError] = []
    server = _Server(
        uvicorn.Config(
            front(gate := Gate(instance, deaths.append)),
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=GRACE,
            h11_max_incomplete_event_size=16 * 1024,
        )
    )
    loop = asyncio.get_running_loop()
    interrupted: list[int] = []

    def end(number: int) -> None:
        interrupted.append(number)
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end, number)
    started()  # the sockets listen already

    async def watch() -> None:
        while not server.should_exit:
            await anyio.sleep(LOOK_EVERY)
            try:
                lines = await gate.ask(lambda instance: instance.log())
            except TeeError as error:
                deaths.append(error)
                lines = []
            for line in lines:
                _log.info("app: %s", plain(line, 1024))
            if deaths:
                server.should_exit = True

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        await server.serve(listeners)
        instance.close()  # ends a request that hangs, and with it the thread that waits for it
        tasks.cancel_scope.cancel()
    if deaths:
        _log.error("%s", deaths[0].message)
        raise deaths[0]
    if signal.SIGINT in interrupted:
        raise KeyboardInterrupt


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, which raise the signal again before anything is tidied up."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextmanager
def _launch(order: Order) -> Iterator[Instance]:
    launch = launcher_named(order.tee).launch
    assert launch is not None  # noqa: S101 (a launcher's)
    state = tee_state_dir(order.tee)
    with launch(order.bundle, state=state, signature=order.signature, timeout=order.timeout) as instance:
        yield instance


@contextmanager
def _listen_locally(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen()
        yield listener


@contextmanager
def _listen(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as problem:
            raise UsageError(
                f"cannot listen there: {problem.strerror or problem}",
                where=f"{host}:{port}",
                hint="choose another --port; 0 lets the system choose",
            ) from None
        listener.listen()
        yield listener


@contextmanager
def _terminable() -> Iterator[None]:
    """Until the server takes signals over, SIGTERM unwinds the stack as Ctrl-C does."""

    def unwind(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, unwind)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _logging(path: Path, to_terminal: bool) -> Iterator[None]:
    """A fresh log file of bounded size; with `to_terminal`, the same lines on stderr."""
    path.open("wb").close()
    handlers: list[logging.Handler] = [RotatingFileHandler(path, maxBytes=MAX_LOG, backupCount=1)]
    if to_terminal:
        handlers.append(logging.StreamHandler())
    formatter = logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.INFO)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for handler in handlers:
        handler.setFormatter(formatter)
        root.addHandler(handler)
    try:
        yield
    finally:
        root.setLevel(level)
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()
