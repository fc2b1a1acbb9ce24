# SPDX-License-Identifier: Apache-2.0
"""The HTTP front: it carries what it cannot read, through proxies, for browsers, and names what goes wrong."""

from __future__ import annotations

import http.client
import json
import socket
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest

from tests.serve.double import BUNDLE, Echo, served
from ttee.channel.http import SEALED, Peer
from ttee.channel.sealed import request_size, seal_request
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
from ttee.serve import http as front
from ttee.tee.recognise import recognise

NONCE = bytes(range(32))


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def address(echo: Echo) -> Iterator[str]:
    with served(echo) as address:
        yield address


def sealed(echo: Echo, payload: bytes = b"hi") -> bytes:
    return seal_request(echo.keeper.public_key, BUNDLE.measurement, payload)[0]


def exchange(peer: Peer, payload: bytes) -> bytes:
    """Evidence, then a request: what a client does, but for verifying."""
    key = recognise(peer.evidence(NONCE)).parts["key"]
    message, pending = seal_request(key, BUNDLE.measurement, payload)
    return pending.open(peer.call(message)).payload


def test_evidence_and_calls_go_over_tcp(address: str) -> None:
    peer = Peer(address)
    assert recognise(peer.evidence(NONCE)).parts["nonce"] == NONCE
    assert exchange(peer, b"over TCP") == b"over TCP"


def test_evidence_and_calls_go_over_a_unix_socket(echo: Echo) -> None:
    with tempfile.TemporaryDirectory() as folder, served(echo, Path(folder) / "s") as address:
        assert exchange(Peer(address), b"over a socket") == b"over a socket"


def test_info_hints_at_name_tee_and_app(address: str) -> None:
    info = Peer(address).info()
    assert (info["name"], info["tee"], info["app"]) == ("echo", "local", BUNDLE.measurement.hex())


def test_requests_reach_the_instance_one_at_a_time(echo: Echo, address: str) -> None:
    messages = [sealed(echo, b"%d" % n) for n in range(20)]
    with ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(Peer(address).call, messages))) == 20
    assert echo.overlaps == 0


# --- proxies and browsers -----------------------------------------------------------------------------


class Proxy(BaseHTTPRequestHandler):
    """A plain HTTP proxy: forwards what it is asked for, and remembers what it could read."""

    seen: list[bytes]

    def do_POST(self) -> None:
        where = urlsplit(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        onward = http.client.HTTPConnection(where.hostname or "", where.port)
        onward.request("POST", where.path, body, {"Content-Type": self.headers["Content-Type"]})
        answer = onward.getresponse()
        data = answer.read()
        onward.close()
        type(self).seen += [self.path.encode(), body, data]
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_it_works_through_a_plain_http_proxy_which_reads_nothing(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Proxy.seen = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as proxy:
        thread = Thread(target=proxy.serve_forever)
        thread.start()
        for variable in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.server_port}")
        try:
            assert exchange(Peer(address), b"my secret bid: 4711") == b"my secret bid: 4711"
        finally:
            proxy.shutdown()
            thread.join()
    assert Proxy.seen[0] == f"{address}/ttee/v1/evidence".encode()
    assert Proxy.seen[3] == f"{address}/ttee/v1/call".encode()
    assert not any(b"4711" in data for data in Proxy.seen)


def headers_of(address: str, method: str, body: bytes = b"", **headers: str) -> dict[str, str]:
    """What a page of another origin gets back, by lowercase names."""
    where = urlsplit(address)
    wire = http.client.HTTPConnection(where.hostname or "", where.port)
    page = {"Origin": "https://a.page.example"} | {k.replace("_", "-"): v for k, v in headers.items()}
    try:
        wire.request(method, "/ttee/v1/call", body, page)
        answer = wire.getresponse()
        assert answer.status == 200
        return {name.lower(): value for name, value in answer.getheaders()}
    finally:
        wire.close()


def test_a_page_of_any_origin_may_ask_first_and_then_call(echo: Echo, address: str) -> None:
    """The two requests that a browser makes for `fetch(…, {method: "POST", body: sealed})`."""
    asked = headers_of(
        address,
        "OPTIONS",
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="content-type",
    )
    assert asked["access-control-allow-origin"] == "*"
    assert "POST" in asked["access-control-allow-methods"]
    assert "content-type" in asked["access-control-allow-headers"].lower()
    assert "access-control-allow-credentials" not in asked
    called = headers_of(address, "POST", sealed(echo), Content_Type=SEALED)
    assert called["access-control-allow-origin"] == "*"
    assert called["content-type"] == SEALED


def test_a_public_page_may_reach_an_instance_on_this_machine(address: str) -> None:
    asked = headers_of(
        address,
        "OPTIONS",
        Access_Control_Request_Method="POST",
        Access_Control_Request_Private_Network="true",
    )
    assert asked["access-control-allow-private-network"] == "true"


# --- what goes wrong ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trouble", "status"),
    [
        (ReplayedError("seen before"), 409),
        (KeysUsedUpError("used up"), 410),
        (RequestTooLargeError("too large"), 413),
        (ChannelError("cannot be opened"), 422),
        (TeeDiedError("QEMU said: killed"), 503),
        (AppTrappedError("unreachable at 0x1234"), 503),
        (TeeTimeoutError("10 s"), 504),
        (TransportError("malformed"), 400),
    ],
)
def test_an_error_of_the_instance_arrives_as_what_it_was(
    echo: Echo, address: str, trouble: TteeError, status: int
) -> None:
    echo.trouble = trouble
    with pytest.raises(type(trouble)) as caught:
        Peer(address).call(sealed(echo))
    assert type(caught.value) is type(trouble)
    assert raw(address, "call", sealed(echo), SEALED)[0] == status


def test_strangers_do_not_read_the_last_words_of_a_tee(echo: Echo, address: str) -> None:
    echo.trouble = TeeDiedError("qemu: /home/alice/secret-project: no such file")
    status, body = raw(address, "call", sealed(echo), SEALED)
    assert status == 503
    assert b"alice" not in body


def test_a_replayed_request_and_used_up_keys_are_told_apart() -> None:
    echo = Echo(capacity=1)
    with served(echo) as address:
        peer = Peer(address)
        first, second = sealed(echo), sealed(echo)
        peer.call(first)
        with pytest.raises(ReplayedError):
            peer.call(first)
        with pytest.raises(KeysUsedUpError):
            peer.call(second)
        with pytest.raises(ChannelError):
            peer.call(second)


def test_a_body_that_is_too_large_is_refused_before_it_is_read(address: str) -> None:
    """The server answers after the headers; it never asks for the body."""
    limit = request_size(BUNDLE.limits.request)
    where = urlsplit(address)
    with socket.create_connection((where.hostname, where.port)) as wire:
        head = f"POST /ttee/v1/call HTTP/1.1\r\nHost: x\r\nContent-Type: {SEALED}\r\n"
        wire.sendall(f"{head}Content-Length: {limit + 1}\r\nExpect: 100-continue\r\n\r\n".encode())
        assert wire.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_a_body_of_undeclared_length_is_cut_off_at_the_limit(address: str) -> None:
    where = urlsplit(address)
    wire = http.client.HTTPConnection(where.hostname or "", where.port)
    chunks = (bytes(512) for _ in range(request_size(BUNDLE.limits.request) // 512 + 2))
    wire.request("POST", "/ttee/v1/call", chunks, {"Content-Type": SEALED}, encode_chunked=True)
    assert wire.getresponse().status == 413
    wire.close()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"nonce": 5}',
        b'{"nonce": "00"}',
        b'{"nonce": "zz"}',
        b'{"nonce": "' + b"00" * 65 + b'"}',
        b'{"nonce": "' + b"00" * 32 + b'", "more": 1}',
        b'{"nonce": "' + b"00" * 32 + b'", "nonce": "' + b"00" * 32 + b'"}',
        b"[" * 4000,
        b"\xff",
    ],
)
def test_a_malformed_nonce_is_a_named_error(address: str, body: bytes) -> None:
    status, answer = raw(address, "evidence", body, "application/json")
    assert status == 400
    assert json.loads(answer)["schema"] == "ttee.error/1"


def test_the_content_type_is_part_of_the_contract(echo: Echo, address: str) -> None:
    """Without it, a page could send requests that its browser does not ask about first."""
    assert raw(address, "call", sealed(echo), "text/plain")[0] == 400


def test_a_queue_that_is_full_says_so(echo: Echo, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "MAX_WAITING", 0)
    with pytest.raises(BusyError):
        Peer(address).call(sealed(echo))


def test_a_client_that_dawdles_is_not_waited_for(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "BODY_TIMEOUT", 0.05)
    where = urlsplit(address)
    with socket.create_connection((where.hostname, where.port)) as wire:
        head = f"POST /ttee/v1/call HTTP/1.1\r\nHost: x\r\nContent-Type: {SEALED}\r\n"
        wire.sendall(f"{head}Content-Length: 304\r\n\r\n".encode())
        assert wire.recv(4096).startswith(b"HTTP/1.1 400 ")


# --- the client's side ------------------------------------------------------------------------------------


def test_nobody_there_is_a_named_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        free = busy.getsockname()[1]
    for address in (f"http://127.0.0.1:{free}", "unix:/nonexistent/socket"):
        with pytest.raises(UnreachableError) as caught:
            Peer(address).info()
        assert caught.value.where == address


@pytest.mark.parametrize(
    "address", ["", "hello", "ftp://x", "http://", "unix:", "http://x?y", "file:///etc/passwd"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError):
        Peer(address)


class Rude(BaseHTTPRequestHandler):
    """A server of the attacker's."""

    answer: tuple[int, dict[str, str], bytes]

    def do_GET(self) -> None:
        status, headers, body = type(self).answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def error_body(kind: str, message: str) -> bytes:
    return f'{{"schema": "ttee.error/1", "id": "{kind}", "message": {message}}}'.encode()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((200, {}, b"{"), TransportError),
        ((200, {}, b"[]"), TransportError),
        ((200, {}, b"x" * 100_000), TransportError),
        ((302, {"Location": "http://127.0.0.1:1/elsewhere"}, b""), UnreachableError),
        ((404, {}, b"not here"), UnreachableError),
        ((500, {}, b"\xff" * 10), UnreachableError),
        (
            (409, {}, b'{"schema": "ttee.error/1", "id": "transport", "message": "\\u001b[2Jgone"}'),
            ReplayedError,
        ),
        ((409, {}, b'{"schema": "ttee.error/1", "id": "tee.died", "message": 5}'), UnreachableError),
    ],
)
def test_a_rude_server_gets_a_named_error_and_no_say_on_the_terminal(
    answer: tuple[int, dict[str, str], bytes], error: type[TteeError]
) -> None:
    Rude.answer = answer
    with ThreadingHTTPServer(("127.0.0.1", 0), Rude) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            with pytest.raises(error) as caught:
                Peer(f"http://127.0.0.1:{server.server_port}").info()
            assert str(caught.value).isprintable()
        finally:
            server.shutdown()
            thread.join()


def raw(address: str, what: str, body: bytes, kind: str) -> tuple[int, bytes]:
    where = urlsplit(address)
    wire = http.client.HTTPConnection(where.hostname or "", where.port)
    try:
        wire.request("POST", f"/ttee/v1/{what}", body, {"Content-Type": kind})
        answer = wire.getresponse()
        return answer.status, answer.read()
    finally:
        wire.close()
