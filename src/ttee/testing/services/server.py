# SPDX-License-Identifier: Apache-2.0
"""The server behind all makers' services: loopback, any free port, gone when its `with` ends; and its faults.

The first step of a path is the host that is stood in for: http://127.0.0.1:PORT/kdsintf.amd.com/vcek/v1/…
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit

from attrs import define, field, frozen

MAX_BODY = 1 << 20
HUGE = 256 << 20
"""Bytes of an answer that never seems to end."""
_BLOCK = bytes(1 << 16)


class Fault(StrEnum):
    """What can be wrong with an answer."""

    UNKNOWN = "unknown"
    """Status 404."""
    BUSY = "busy"
    """Status 429, with Retry-After."""
    BUSY_ONCE = "busy once"
    """The same, and the answer when asked again."""
    BROKEN = "broken"
    """Status 500."""
    FORBIDDEN = "forbidden"
    """Status 401, as without a subscription key."""
    ELSEWHERE = "elsewhere"
    """A redirection to another host."""
    NO_HEADERS = "no headers"
    """The body, without the maker's own headers."""
    WRONG_HEADERS = "wrong headers"
    """The body, with nonsense in them."""
    EMPTY = "empty"
    TRUNCATED = "truncated"
    """Half of the body, and the connection is closed."""
    GARBLED = "garbled"
    """Half of the body, as if it were all."""
    SLOW = "slow"
    """Head and a first byte, and then nothing until the service ends."""
    HUGE = "huge"
    """The body, and 256 MiB of zeros behind it."""
    STALE = "stale"
    """What was current some months before."""


@frozen(slots=True)
class Question:
    """What was asked, at the address that is stood in for."""

    url: str
    """https://HOST/PATH?QUERY"""
    body: bytes = b""
    """Of a POST."""
    stale: bool = False
    """Answer with what was current some months before."""

    @property
    def host(self) -> str:
        """The host that is stood in for."""
        return urlsplit(self.url).netloc

    @property
    def path(self) -> str:
        """The path, without what is asked behind the question mark."""
        return urlsplit(self.url).path

    @property
    def query(self) -> Mapping[str, str]:
        """What is asked behind the question mark."""
        return dict(parse_qsl(urlsplit(self.url).query))


@frozen(slots=True)
class Reply:
    """An answer, with status 200; `headers` are those that the maker sends for its own purposes."""

    body: bytes
    headers: Mapping[str, str] = field(factory=dict)


class Maker(Protocol):
    """A maker's service: which hosts it stands in for, and what it answers. None is status 404."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that it stands in for."""

    def answer(self, question: Question) -> Reply | None:
        """The answer, with the moment and the faults that are its own."""


@define(slots=True)
class Services:
    """What runs, what it does wrong, and what it was asked."""

    makers: tuple[Maker, ...]
    faults: dict[str, Fault] = field(factory=dict)
    """By a text that the address contains; the first that fits counts."""
    retry_after: str = "1"
    """What a busy service says."""
    asked: list[str] = field(factory=list)
    """The addresses that were asked for, in order."""
    port: int = 0
    _ended: threading.Event = field(factory=threading.Event, init=False, repr=False)

    @property
    def mirrors(self) -> tuple[str, ...]:
        """FROM=TO for each host, as `--mirror` and TTEE_MIRRORS take it."""
        hosts = (host for maker in self.makers for host in maker.hosts)
        return tuple(f"https://{host}=http://127.0.0.1:{self.port}/{host}" for host in hosts)

    def fault(self, url: str) -> Fault | None:
        """What is wrong with the answer to this."""
        found = next((text for text in self.faults if text in url), None)
        if found is None:
            return None
        return self.faults.pop(found) if self.faults[found] is Fault.BUSY_ONCE else self.faults[found]

    def answer(self, question: Question) -> Reply | None:
        """The answer of the maker whose host it is."""
        maker = next((maker for maker in self.makers if question.host in maker.hosts), None)
        return maker.answer(question) if maker is not None else None


@contextmanager
def serve(*makers: Maker) -> Iterator[Services]:
    """Services of these makers, until the `with` ends."""
    services = Services(makers)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(services))
    server.daemon_threads = True
    services.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True, name="ttee-services")
    thread.start()
    try:
        yield services
    finally:
        services._ended.set()  # noqa: SLF001 (slow answers end with the service)
        server.shutdown()
        server.server_close()
        thread.join()


_STATUS = {
    Fault.UNKNOWN: 404,
    Fault.BUSY: 429,
    Fault.BUSY_ONCE: 429,
    Fault.BROKEN: 500,
    Fault.FORBIDDEN: 401,
    Fault.ELSEWHERE: 302,
}


def _handler(services: Services) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not (length.isascii() and length.isdecimal() and int(length[:9]) <= MAX_BODY):
                return self.send_error(413)
            return self._answer(self.rfile.read(int(length[:9])))

        def _answer(self, body: bytes) -> None:
            url = f"https:/{self.path}"
            services.asked.append(url)
            fault = services.fault(url)
            if fault in _STATUS:
                return self._fail(_STATUS[fault])
            reply = services.answer(Question(url, body, stale=fault is Fault.STALE))
            if reply is None:
                return self._fail(404)
            with suppress(OSError):  # they had enough
                self._send(reply, fault)
            return None

        def _fail(self, status: int) -> None:
            self.send_response(status)
            if status == 429:
                self.send_header("Retry-After", services.retry_after)
            if status == 302:
                self.send_header("Location", "https://elsewhere.example/")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _send(self, reply: Reply, fault: Fault | None) -> None:
            body = reply.body
            if fault in {Fault.EMPTY, Fault.GARBLED}:
                body = body[: len(body) // 2 if fault is Fault.GARBLED else 0]
            self.send_response(200)
            for name, value in reply.headers.items() if fault is not Fault.NO_HEADERS else ():
                self.send_header(name, "nonsense" if fault is Fault.WRONG_HEADERS else value)
            self.send_header("Content-Length", str(len(body) + (HUGE if fault is Fault.HUGE else 0)))
            self.end_headers()
            if fault is Fault.SLOW:
                self.wfile.write(body[:1])
                self.wfile.flush()
                services._ended.wait()  # noqa: SLF001
            elif fault is Fault.TRUNCATED:
                self.wfile.write(body[: len(body) // 2])
                self.close_connection = True
            else:
                self.wfile.write(body)
            for _ in range(HUGE // len(_BLOCK) if fault is Fault.HUGE else 0):
                self.wfile.write(_BLOCK)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class calls it so)
            """Say nothing: `asked` has it."""

    return Handler
