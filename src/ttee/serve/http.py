# SPDX-License-Identifier: Apache-2.0
"""The HTTP front of an instance (docs/spec/channel.md, "HTTP binding"): it carries what it cannot read.

One request at a time reaches the instance; bodies are bounded before they are read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio
from anyio import to_thread
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ttee.channel.http import ERRORS, SEALED
from ttee.channel.sealed import request_size
from ttee.codec import hex, json, problem  # noqa: A004 (the name of the encoding)
from ttee.errors import (
    AppTrappedError,
    BusyError,
    RequestTooLargeError,
    TeeDiedError,
    TeeError,
    TteeError,
    UsageError,
)
from ttee.tee.base import Instance
from ttee.tee.recognise import dump_evidence

MAX_NONCE_BODY = 4096
MAX_WAITING = 64
"""Requests that may wait for the instance; more are told to come again."""
BODY_TIMEOUT = 30.0
"""Seconds that a client may take to send its body."""

_T = TypeVar("_T")


class Gate:
    """Lets one request at a time through to the instance, and notices when it ends for good."""

    def __init__(self, instance: Instance, on_death: Callable[[TeeError], None]) -> None:
        """`on_death` is called, perhaps more than once, when the instance can answer nothing any more."""
        self.instance = instance
        self._on_death = on_death
        self._lock = anyio.Lock()
        self._waiting = 0

    async def ask(self, question: Callable[[Instance], _T]) -> _T:
        """Run `question` in a thread, alone. Raises what it raises, and BusyError."""
        if self._waiting >= MAX_WAITING:
            raise BusyError("too many requests wait for this instance", hint="come again later")
        self._waiting += 1
        try:
            async with self._lock:
                return await to_thread.run_sync(question, self.instance)
        except (TeeDiedError, AppTrappedError) as error:
            self._on_death(error)
            raise
        finally:
            self._waiting -= 1


def front(gate: Gate) -> Starlette:
    """The application: three routes, each a few lines, open to pages of any origin."""
    bundle = gate.instance.bundle
    names = {"name": bundle.name, "tee": gate.instance.tee, "app": bundle.measurement.hex()}
    hints = json.dumps({"schema": "ttee.info/1", **names})
    limit = request_size(bundle.limits.request)

    async def info(_: Request) -> Response:
        return Response(hints, media_type="application/json")

    async def evidence(request: Request) -> Response:
        nonce = _nonce(await _body(request, MAX_NONCE_BODY, "application/json"))
        answer = await gate.ask(lambda instance: instance.evidence(nonce))
        return Response(dump_evidence(answer), media_type="application/json")

    async def call(request: Request) -> Response:
        sealed = await _body(request, limit, SEALED)
        return Response(await gate.ask(lambda instance: instance.call(sealed)), media_type=SEALED)

    routes = [
        Route("/ttee/v1/info", _named_errors(info)),
        Route("/ttee/v1/evidence", _named_errors(evidence), methods=["POST"]),
        Route("/ttee/v1/call", _named_errors(call), methods=["POST"]),
    ]
    # Any page may call: the instance knows nobody, and the page must verify like everybody else.
    anybody = Middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET", "POST"],
        allow_headers=["Content-Type"],
        allow_private_network=True,
        max_age=600,
    )
    return Starlette(routes=routes, middleware=[anybody])


def _named_errors(
    handler: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    async def guarded(request: Request) -> Response:
        try:
            return await handler(request)
        except TteeError as error:
            return _refusal(error)

    return guarded


def _refusal(error: TteeError) -> Response:
    """An error as strangers may see it; what a TEE's process said at its end is for the operator's log."""
    if isinstance(error, TeeError):
        error = type(error)((type(error).__doc__ or error.id).split("\n")[0])
    answer = json.dumps(problem.encode(error))
    return Response(answer, status_code=_status(error), media_type="application/json")


def _status(error: TteeError) -> int:
    for status, kinds in ERRORS.items():
        if type(error) in kinds:
            return status
    return 503 if isinstance(error, TeeError) else 400


def _nonce(body: bytes) -> bytes:
    value = json.loads(body, what="request", max_size=MAX_NONCE_BODY, max_depth=1, error=UsageError)
    if not isinstance(value, dict) or value.keys() != {"nonce"} or not isinstance(value["nonce"], str):
        raise UsageError('the body must be {"nonce": "<hex>"}')
    nonce = hex.decode(value["nonce"], what="nonce", error=UsageError)
    if not 16 <= len(nonce) <= 64:
        raise UsageError(f"a nonce has 16 to 64 bytes, not {len(nonce)}")
    return nonce


async def _body(request: Request, limit: int, kind: str) -> bytes:
    """The body, of at most `limit` bytes. Raises RequestTooLargeError; if declared, before any is read."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != kind:
        raise UsageError(f"the body must be {kind}", where="header Content-Type")
    too_large = RequestTooLargeError(f"a body here has at most {limit} bytes", hint="send less")
    declared = request.headers.get("content-length", "0")
    if not declared.isdigit() or int(declared) > limit:
        raise too_large
    body = bytearray()
    async with _in_time():
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise too_large
    return bytes(body)


@asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    try:
        with anyio.fail_after(BODY_TIMEOUT):
            yield
    except TimeoutError:
        raise UsageError(f"the body did not come within {BODY_TIMEOUT:.0f} seconds") from None
    except ClientDisconnect:
        raise UsageError("the client went away") from None
