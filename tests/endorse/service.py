# SPDX-License-Identifier: Apache-2.0
"""A service of endorsements on this machine, which answers as it is told to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from attrs import define, field, frozen


@frozen(slots=True)
class Reply:
    """An answer. `drip`: seconds between its bytes; `length`: what it says that its length is."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(factory=dict)
    drip: float = 0.0
    length: int | None = None


@define(slots=True)
class Service:
    """Replies by path; a list is used up from its front, its last one stays."""

    replies: dict[str, list[Reply]] = field(factory=dict)
    requests: list[tuple[str, str, bytes, dict[str, str]]] = field(factory=list)
    """Method, path, body, headers by lowercase names."""
    port: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, path: str, *replies: Reply) -> None:
        self.replies[path] = list(replies)

    def next(self, path: str) -> Reply:
        replies = self.replies.get(path, [Reply(b"no such thing", 404)])
        return replies.pop(0) if len(replies) > 1 else replies[0]


@contextmanager
def running(service: Service) -> Iterator[Service]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(service))
    server.daemon_threads = True
    service.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(service: Service) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply(b"")

        def do_POST(self) -> None:
            self._reply(self.rfile.read(int(self.headers["content-length"])))

        def _reply(self, body: bytes) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            service.requests.append((self.command, self.path, body, headers))
            reply = service.next(self.path)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(reply.length or len(reply.body)))
            self.end_headers()
            try:
                for start in range(0, len(reply.body), 1 if reply.drip else 1 << 16):
                    self.wfile.write(reply.body[start : start + (1 if reply.drip else 1 << 16)])
                    self.wfile.flush()
                    time.sleep(reply.drip)
            except OSError:  # they had enough
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    return Handler
