# SPDX-License-Identifier: Apache-2.0
"""An instance without a TEE: it answers like one, and proves nothing. And a thread that serves it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import anyio
import uvicorn

from ttee.app.bundle import Bundle, Limits
from ttee.channel.keeper import ChannelKeeper
from ttee.channel.sealed import ReplyStatus
from ttee.errors import TeeError
from ttee.model import Evidence
from ttee.serve.http import Gate, front

BUNDLE = Bundle("echo", "1", 1, b"", Limits(request=1000, reply=1000), b"\0asm")


class Echo:
    """Answers every request with itself; `trouble`, when set, is raised instead."""

    tee = "local"
    bundle = BUNDLE

    def __init__(self, *, capacity: int = 4096) -> None:
        self.keeper = ChannelKeeper(BUNDLE.measurement, capacity=capacity)
        self.trouble: Exception | None = None
        self.busy = threading.Semaphore()
        self.overlaps = 0
        self.closed = False

    def evidence(self, nonce: bytes) -> Evidence:
        self._fail()
        return Evidence("local", {"nonce": nonce, "key": self.keeper.public_key})

    def call(self, sealed: bytes) -> bytes:
        self._fail()
        if not self.busy.acquire(blocking=False):
            self.overlaps += 1
        request = self.keeper.open(sealed)
        threading.Event().wait(0.001)
        self.busy.release()
        return request.seal_reply(ReplyStatus.OK, request.payload)

    def log(self) -> list[str]:
        return []

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _fail(self) -> None:
        if self.trouble is not None:
            raise self.trouble


@contextmanager
def served(instance: Echo, path: Path | None = None) -> Iterator[str]:
    """Serve on a unix socket at `path`, or on a TCP port of this machine; yields the address."""
    deaths: list[TeeError] = []
    if path is not None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        address = f"unix:{path}"
    else:
        listener = socket.create_server(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with listener:
        listener.listen()
        with _in_thread(lambda: front(Gate(instance, deaths.append)), listener):
            yield address


@contextmanager
def _in_thread(make: Callable[[], object], listener: socket.socket) -> Iterator[None]:
    servers: list[uvicorn.Server] = []
    up = threading.Event()

    async def main() -> None:
        config = uvicorn.Config(make(), log_config=None, lifespan="off", timeout_graceful_shutdown=2)  # type: ignore[arg-type]
        servers.append(uvicorn.Server(config))
        up.set()
        await servers[0].serve([listener])

    thread = threading.Thread(target=anyio.run, args=[main])
    thread.start()
    assert up.wait(10)
    try:
        yield
    finally:
        servers[0].should_exit = True
        thread.join()
