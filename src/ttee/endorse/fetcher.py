# SPDX-License-Identifier: Apache-2.0
"""Asking a service for endorsements over HTTPS: one method, bounded in size, time, redirects and patience.

    answer = Web(mirrors=[parse_mirror("https://api.trustedservices.intel.com/=https://pccs.example:8081/")]).fetch(url)

Proxies and roots of trust come from the environment, as everywhere (HTTPS_PROXY, SSL_CERT_FILE).
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urljoin

from attrs import define, field

from ttee.codec.printable import printable
from ttee.endorse.address import Mirror, resolve, same_host
from ttee.errors import FetchError, NotThereError
from ttee.tee.sources import Answer

if TYPE_CHECKING:
    import httpx2

MAX_SIZE = 16 * 1024 * 1024
"""Bytes of an answer: the largest revocation lists have some hundred kilobytes."""
MAX_HEADERS = 256 * 1024
MAX_REDIRECTS = 3
MAX_TRIES = 3
MAX_WAIT = 20.0
"""Seconds to wait between two tries, whatever a service asks for."""
MAX_CONNECT = 10.0
"""Seconds until a host has to take a connection."""
_UNKNOWN = (400, 404, 410)
"""No such thing there: AMD answers 400 where the line of products is another one."""
_BUSY = (429, 500, 502, 503, 504)
_REDIRECTS = (301, 302, 303, 307, 308)


class Fetcher(Protocol):
    """Whatever can ask a service."""

    def fetch(self, url: str, post: bytes | None = None, content_type: str = "") -> Answer:
        """The answer to a GET; to a POST of `post`, if that is given.

        Raises NotThereError where the service says that it has no such thing, FetchError for all else.
        """


@define(slots=True)
class Web:
    """Asks over the network. `timeout`: seconds for one question, from its first byte to the answer's last."""

    mirrors: Sequence[Mirror] = ()
    timeout: float = 30.0
    sleep: Callable[[float], None] = time.sleep
    _client: httpx2.Client | None = field(default=None, init=False, repr=False)

    def fetch(self, url: str, post: bytes | None = None, content_type: str = "") -> Answer:
        """As `Fetcher` says. Waits and tries again, a few times, where a service is busy."""
        address = resolve(url, self.mirrors)
        for attempt in range(1, MAX_TRIES + 1):
            status, answer = self._within(address, url, post, content_type)
            if status == 200:
                return answer
            said = f"the service answers with status {status}"
            if status in _UNKNOWN:
                raise NotThereError(f"{said}: it has no such endorsement", where=_named(address, url))
            if status not in _BUSY:
                raise FetchError(said, where=_named(address, url))
            if attempt < MAX_TRIES:
                self.sleep(_wait(answer, attempt))
        raise FetchError(
            f"the service is busy: status {status}, {MAX_TRIES} times",
            where=_named(address, url),
            hint="try again in some minutes",
        )

    def close(self) -> None:
        """Close the connections; the next question opens others."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _within(self, address: str, url: str, post: bytes | None, kind: str) -> tuple[int, Answer]:
        """One try, in `timeout` seconds: a thread bounds even what a socket's own limits do not (names, headers)."""
        done: list[tuple[int, Answer] | BaseException] = []
        until = time.monotonic() + self.timeout

        def work() -> None:
            try:
                done.append(self._try(address, url, post, kind, until))
            except BaseException as problem:  # raised where it was waited for
                done.append(problem)

        thread = threading.Thread(target=work, daemon=True, name="ttee-fetch")
        thread.start()
        thread.join(self.timeout + 1)
        if not done:
            raise self._slow(address, url)
        if isinstance(done[0], BaseException):
            raise done[0]
        return done[0]

    def _try(self, address: str, url: str, post: bytes | None, kind: str, until: float) -> tuple[int, Answer]:
        import httpx2  # noqa: PLC0415 (slow, and most verifications ask nobody)

        if self._client is None:
            limits = httpx2.Timeout(self.timeout, connect=min(self.timeout, MAX_CONNECT))
            self._client = httpx2.Client(follow_redirects=False, timeout=limits)
        headers = {"accept-encoding": "identity", "user-agent": "ttee"}
        if post is not None:
            headers["content-type"] = kind or "application/octet-stream"
        method = "GET" if post is None else "POST"
        try:
            for _ in range(MAX_REDIRECTS + 1):
                with self._client.stream(method, address, content=post, headers=headers) as response:
                    if response.status_code not in _REDIRECTS or post is not None:
                        return self._read(response, address, url, until)
                    target = _join(address, response.headers.get("location", ""))
                if not same_host(address, target):
                    raise FetchError(
                        f"the service sends us elsewhere, to {printable(target[:300])}",
                        where=_named(address, url),
                    )
                address = target
        except httpx2.TimeoutException:
            raise self._slow(address, url) from None
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError) as problem:
            raise _unreachable(problem, address, url) from None
        raise FetchError(f"the service sends us on and on, {MAX_REDIRECTS} times", where=_named(address, url))

    def _read(self, response: httpx2.Response, address: str, url: str, until: float) -> tuple[int, Answer]:
        if sum(len(name) + len(value) for name, value in response.headers.raw) > MAX_HEADERS:
            raise FetchError(
                f"the answer's headers have more than {MAX_HEADERS} bytes", where=_named(address, url)
            )
        if response.headers.get("content-encoding", "identity") != "identity":
            raise FetchError("the answer is compressed, which nobody asked for", where=_named(address, url))
        body = bytearray()
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > MAX_SIZE:
                raise FetchError(f"the answer has more than {MAX_SIZE} bytes", where=_named(address, url))
            if time.monotonic() > until:
                raise self._slow(address, url)
        return response.status_code, Answer(bytes(body), dict(response.headers))

    def _slow(self, address: str, url: str) -> FetchError:
        return FetchError(
            f"the service did not answer within {self.timeout:g} seconds", where=_named(address, url)
        )


def _join(address: str, location: str) -> str:
    """Where a redirect leads."""
    try:
        return urljoin(address, location)
    except ValueError:  # brackets without an address in them
        return location


def _wait(answer: Answer, attempt: int) -> float:
    """Seconds until the next try: as long as the service asks for, within bounds (RFC 9110, section 10.2.3)."""
    asked = answer.headers.get("retry-after", "").strip()
    seconds = float(2 ** (attempt - 1))
    if asked.isascii() and asked.isdecimal():
        seconds = float(asked[:6])
    elif asked:
        with suppress(ValueError, OverflowError):  # no date; one that no calendar has
            seconds = parsedate_to_datetime(asked).timestamp() - time.time()
    return min(max(seconds, 0.0), MAX_WAIT)


def _unreachable(problem: Exception, address: str, url: str) -> FetchError:
    """What went wrong below HTTP, in words, with the step that mends it."""
    cause: BaseException | None = problem
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            reason = getattr(cause, "verify_message", "") or cause.reason or "handshake failed"
            return FetchError(
                f"no secure connection: {printable(str(reason)[:300])}",
                where=_named(address, url),
                hint="check this machine's clock and proxies; SSL_CERT_FILE names other roots of trust",
            )
        cause = cause.__cause__ or cause.__context__
    return FetchError(
        f"the service cannot be reached: {printable(str(problem)[:300]) or type(problem).__name__}",
        where=_named(address, url),
    )


def _named(address: str, url: str) -> str:
    """The address that was asked, and what it stands for."""
    return url if address == url else f"{address} (for {url})"
