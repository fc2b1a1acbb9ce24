# SPDX-License-Identifier: Apache-2.0
"""The client's side of the HTTP binding (docs/spec/channel.md): I/O, and nothing that needs to be trusted.

Takes `http://`, `https://` and `unix:PATH` addresses; proxies come from the environment, as everywhere.
What a server says is a hint: bounded, printable, and believed only once it was verified or opened elsewhere.
"""

from __future__ import annotations

import http.client
import socket
from functools import partial
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPHandler,
    HTTPRedirectHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    build_opener,
)

from attrs import field, frozen

from ttee.channel.sealed import MAX_REPLY
from ttee.codec import json, problem
from ttee.codec.printable import printable
from ttee.errors import (
    AppTrappedError,
    BusyError,
    ChannelError,
    KeysUsedUpError,
    ReplayedError,
    RequestTooLargeError,
    TeeDiedError,
    TeeTimeoutError,
    TransportError,
    TteeError,
    UnreachableError,
    UsageError,
)

SEALED = "application/ttee-sealed"
MAX_EVIDENCE = 16 * 1024 * 1024
MAX_HINTS = 64 * 1024

ERRORS: dict[int, tuple[type[TteeError], ...]] = {
    400: (TransportError,),
    409: (ReplayedError,),
    410: (KeysUsedUpError,),
    413: (RequestTooLargeError,),
    422: (ChannelError,),
    429: (BusyError,),
    503: (TeeDiedError, AppTrappedError),
    504: (TeeTimeoutError,),
}
"""What each status means; where there are several, the answer's `id` says which."""


@frozen(slots=True)
class Peer:
    """A served instance, as seen through the network. `timeout` in seconds, for each step of a request."""

    address: str
    timeout: float = 60.0
    _opener: OpenerDirector = field(init=False, repr=False)
    _base: str = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Raises UsageError for what is no address."""
        try:
            parts = urlsplit(self.address)
        except ValueError:  # brackets without an address in them
            raise self._no_address() from None
        if parts.scheme == "unix" and parts.path:
            opener = build_opener(_NoRedirects(), ProxyHandler({}), _UnixHandler(parts.path))
            base = "http://instance"
        elif parts.scheme in ("http", "https") and parts.hostname and not parts.query and not parts.fragment:
            opener = build_opener(_NoRedirects())
            base = self.address.rstrip("/")
        else:
            raise self._no_address()
        object.__setattr__(self, "_opener", opener)
        object.__setattr__(self, "_base", base)

    def evidence(self, nonce: bytes) -> bytes:
        """An evidence file over `nonce`; to be parsed and verified. Raises TransportError, TeeError."""
        body = json.dumps({"nonce": nonce.hex()})
        return self._send("evidence", MAX_EVIDENCE, body, "application/json")

    def call(self, sealed: bytes) -> bytes:
        """The sealed reply to a sealed request. Raises TransportError, TeeError."""
        return self._send("call", MAX_REPLY, sealed, SEALED)

    def info(self) -> dict[str, str]:
        """Name, TEE, app measurement: hints, never trusted. Raises TransportError."""
        answer = self._send("info", MAX_HINTS)
        hints = json.loads(answer, what="info", max_size=MAX_HINTS, max_depth=1, error=TransportError)
        if not isinstance(hints, dict):
            raise TransportError("the instance's info is not an object", where=self.address)
        return {plain(key): plain(value) for key, value in hints.items() if isinstance(value, str)}

    def _send(
        self, what: str, limit: int, body: bytes | None = None, kind: str = "application/octet-stream"
    ) -> bytes:
        request = Request(f"{self._base}/ttee/v1/{what}", data=body)  # noqa: S310 (checked above)
        if body is not None:
            request.add_header("Content-Type", kind)
        try:
            with self._opener.open(request, timeout=self.timeout) as answer:
                return self._bounded(answer, limit)
        except HTTPError as refusal:
            with refusal:
                raise _error(refusal.code, _head(refusal), self.address) from None
        except (OSError, http.client.HTTPException) as problem:
            raise self._unreachable(problem) from None
        except UnicodeError:  # a host or a path that no URL can have
            raise self._no_address() from None

    def _bounded(self, answer: IO[bytes], limit: int) -> bytes:
        data = answer.read(limit + 1)
        if len(data) > limit:
            raise TransportError(f"the answer is longer than {limit} bytes", where=self.address)
        return data

    def _no_address(self) -> UsageError:
        return UsageError(
            f"{self.address[:200]!r} is no address of an instance",
            hint="addresses are http://HOST:PORT, https://HOST:PORT or unix:PATH",
        )

    def _unreachable(self, problem: OSError | http.client.HTTPException) -> UnreachableError:
        reason = problem.reason if isinstance(problem, URLError) else problem
        why = reason.strerror if isinstance(reason, OSError) and reason.strerror else str(reason)
        return UnreachableError(
            f"no instance answers: {why or type(reason).__name__}",
            where=self.address,
            hint="`ttee ps` shows what runs here, `ttee run APP` starts it",
        )


def plain(text: str, limit: int = 400) -> str:
    """Somebody else's text, fit for a terminal: printable, and not long."""
    return printable(text[:limit])


def _error(status: int, body: bytes, where: str) -> TteeError:
    """The named error behind an answer; its words are the server's, so they are only repeated."""
    try:
        said = problem.decode(json.loads(body, what="answer", max_size=MAX_HINTS, error=TransportError))
    except TransportError:
        said = None
    kinds = ERRORS.get(status)
    if kinds is None or said is None:
        return UnreachableError(
            f"something answers there, but not as an instance does (HTTP status {status})", where=where
        )
    kind = type(said) if type(said) in kinds else kinds[0]
    return kind(plain(said.message), where=where, hint=said.hint and plain(said.hint))


def _head(answer: IO[bytes]) -> bytes:
    try:
        return answer.read(MAX_HINTS)
    except (OSError, http.client.HTTPException):
        return b""


class _NoRedirects(HTTPRedirectHandler):
    """An instance does not move: a redirect ends as an error."""

    def redirect_request(self, *_: object) -> None:
        return None


class _UnixHandler(HTTPHandler):
    """HTTP over a unix socket, for instances on this machine."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def http_open(self, request: Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_UnixConnection, self._path), request)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, host: str, timeout: float) -> None:
        super().__init__(host, timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
