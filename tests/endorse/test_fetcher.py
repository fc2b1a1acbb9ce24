# SPDX-License-Identifier: Apache-2.0
"""Asking a service that is honest, slow, busy, gone, greedy, or sends us elsewhere."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.endorse.conftest import ORIGIN
from tests.endorse.service import Reply, Service
from ttee.endorse import fetcher
from ttee.endorse.address import parse_mirror
from ttee.endorse.fetcher import Web
from ttee.errors import ExitCode, FetchError, NotThereError


def test_an_answer_comes_with_its_headers(service: Service, web: Web) -> None:
    service.answer("/crl?ca=platform", Reply(b"list", headers={"SGX-Issuer-Chain": "chain"}))
    answer = web.fetch(f"{ORIGIN}/crl?ca=platform")
    assert answer.body == b"list"
    assert answer.headers["sgx-issuer-chain"] == "chain"
    assert service.requests[0][3]["accept-encoding"] == "identity"


def test_a_question_can_be_posted(service: Service, web: Web) -> None:
    service.answer("/ocsp", Reply(b"good"))
    assert web.fetch(f"{ORIGIN}/ocsp", b"question", "application/ocsp-request").body == b"good"
    method, _, body, headers = service.requests[0]
    assert (method, body, headers["content-type"]) == ("POST", b"question", "application/ocsp-request")


@pytest.mark.parametrize("status", [400, 404, 410])
def test_what_a_service_does_not_know_is_told_from_failure(service: Service, web: Web, status: int) -> None:
    service.answer("/vcek", Reply(b"?", status))
    with pytest.raises(NotThereError, match=f"status {status}") as caught:
        web.fetch(f"{ORIGIN}/vcek")
    assert f"{ORIGIN}/vcek" in str(caught.value.where)
    assert caught.value.exit_code is ExitCode.UNAVAILABLE


def test_another_status_is_named(service: Service, web: Web) -> None:
    service.answer("/vcek", Reply(b"?", 403))
    with pytest.raises(FetchError, match="status 403"):
        web.fetch(f"{ORIGIN}/vcek")


def test_a_busy_service_is_asked_again_when_it_says(service: Service, web: Web, waits: list[float]) -> None:
    service.answer(
        "/vcek", Reply(status=429, headers={"Retry-After": "7"}), Reply(status=503), Reply(b"certificate")
    )
    assert web.fetch(f"{ORIGIN}/vcek").body == b"certificate"
    assert waits == [7, 2]


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("9999999999999", fetcher.MAX_WAIT),
        ("Fri, 31 Dec 2100 23:59:59 GMT", fetcher.MAX_WAIT),
        ("Sat, 01 Jan 2000 00:00:00 GMT", 0),
        ("soon", 1),
        ("-5", 1),
        ("Mon, 01 Jan 99999999999 00:00:00 GMT", 1),
        ("Mon, 01 Jan 2020 00:00:00 +9999999999999999999999", 1),
    ],
)
def test_nobody_can_make_us_wait_for_long(
    service: Service, web: Web, waits: list[float], header: str, wait: float
) -> None:
    service.answer("/vcek", Reply(status=429, headers={"Retry-After": header}), Reply(b"certificate"))
    web.fetch(f"{ORIGIN}/vcek")
    assert waits == [wait]


def test_a_service_that_stays_busy_is_given_up(service: Service, web: Web, waits: list[float]) -> None:
    service.answer("/vcek", Reply(status=503))
    with pytest.raises(FetchError, match="busy"):
        web.fetch(f"{ORIGIN}/vcek")
    assert len(service.requests) == fetcher.MAX_TRIES
    assert waits == [1, 2]


def test_a_service_may_send_us_to_another_place_of_its_own(service: Service, web: Web) -> None:
    service.answer("/old", Reply(status=301, headers={"Location": "/new"}))
    service.answer("/new", Reply(b"here"))
    assert web.fetch(f"{ORIGIN}/old").body == b"here"


@pytest.mark.parametrize("target", ["https://elsewhere.example/x", "http://localhost:1/x", "https://[broken"])
def test_a_service_may_not_send_us_to_another_host(service: Service, web: Web, target: str) -> None:
    service.answer("/old", Reply(status=302, headers={"Location": target}))
    with pytest.raises(FetchError):
        web.fetch(f"{ORIGIN}/old")
    assert len(service.requests) == 1


def test_a_service_may_not_send_us_in_circles(service: Service, web: Web) -> None:
    service.answer("/old", Reply(status=302, headers={"Location": "/old"}))
    with pytest.raises(FetchError, match="on and on"):
        web.fetch(f"{ORIGIN}/old")


def test_a_post_is_not_sent_elsewhere(service: Service, web: Web) -> None:
    service.answer("/ocsp", Reply(status=307, headers={"Location": "/other"}))
    with pytest.raises(FetchError, match="status 307"):
        web.fetch(f"{ORIGIN}/ocsp", b"question")


def test_an_answer_without_end_is_cut_off(
    service: Service, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetcher, "MAX_SIZE", 1000)
    service.answer("/crl", Reply(b"x" * 1001))
    with pytest.raises(FetchError, match="more than 1000 bytes"):
        web.fetch(f"{ORIGIN}/crl")


def test_an_answer_that_drips_is_given_up(service: Service) -> None:
    service.answer("/crl", Reply(b"x" * 1000, drip=0.05))
    web = Web([parse_mirror(f"{ORIGIN}={service.address}")], timeout=0.3)
    with pytest.raises(FetchError, match=r"within 0\.3 seconds"):
        web.fetch(f"{ORIGIN}/crl")
    web.close()


def test_headers_that_drip_are_given_up() -> None:
    """The limits of a socket hold for each read alone."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ended = threading.Event()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                while not ended.wait(0.05):
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=serve)
        thread.start()
        web = Web([parse_mirror(f"{ORIGIN}=http://127.0.0.1:{listener.getsockname()[1]}")], timeout=0.2)
        try:
            with pytest.raises(FetchError, match="did not answer within"):
                web.fetch(f"{ORIGIN}/crl")
        finally:
            ended.set()
            thread.join()
            for worker in threading.enumerate():
                if worker.name == "ttee-fetch":
                    worker.join()
            web.close()


def test_an_answer_that_breaks_off_is_no_answer(service: Service, web: Web) -> None:
    service.answer("/crl", Reply(b"half", length=1000, headers={"Connection": "close"}))
    with pytest.raises(FetchError, match="cannot be reached"):
        web.fetch(f"{ORIGIN}/crl")


def test_an_answer_that_is_compressed_is_refused(service: Service, web: Web) -> None:
    service.answer("/crl", Reply(b"\x1f\x8b", headers={"Content-Encoding": "gzip"}))
    with pytest.raises(FetchError, match="compressed"):
        web.fetch(f"{ORIGIN}/crl")


def test_headers_without_end_are_refused(service: Service, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetcher, "MAX_HEADERS", 1000)
    service.answer("/crl", Reply(b"x", headers={"X": "x" * 1000}))
    with pytest.raises(FetchError, match="headers"):
        web.fetch(f"{ORIGIN}/crl")


def test_a_service_that_is_gone_is_named_with_the_address_that_it_mirrors() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    web = Web([parse_mirror(f"{ORIGIN}=http://127.0.0.1:{port}")])
    with pytest.raises(FetchError, match="cannot be reached") as caught:
        web.fetch(f"{ORIGIN}/crl")
    assert caught.value.where == f"http://127.0.0.1:{port}/crl (for {ORIGIN}/crl)"
    web.close()


@pytest.fixture
def impostor(tmp_path: Path) -> Iterator[int]:
    """A TLS server with a certificate that nobody vouches for."""
    certificate, key = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                context.wrap_socket(connection, server_side=True).close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "impostor")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, SHA256())
    )
    certificate, secret = folder / "c.pem", folder / "k.pem"
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate, secret


def test_a_host_that_cannot_prove_its_name_is_not_asked(impostor: int) -> None:
    web = Web([parse_mirror(f"{ORIGIN}=https://127.0.0.1:{impostor}")])
    with pytest.raises(FetchError, match="no secure connection") as caught:
        web.fetch(f"{ORIGIN}/crl")
    assert "SSL_CERT_FILE" in str(caught.value.hint)
    web.close()


def test_asking_nobody_imports_no_client() -> None:
    code = "import sys, ttee.endorse.gather, ttee.connect; sys.exit('httpx2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
