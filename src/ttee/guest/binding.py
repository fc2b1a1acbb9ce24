# SPDX-License-Identifier: Apache-2.0
"""What ties a runtime's statement, registers and log together, and to the verifier (docs/spec/report-data.md).

For the verifiers of all TEEs whose runtimes speak so. Pure.
"""

from __future__ import annotations

from functools import lru_cache

from ttee.errors import BindingError, FreshnessError, UsageError
from ttee.guest.registers import REMEMBERED, RUNTIME, SYSTEM_READY, Event, identity_events, replay
from ttee.guest.statement import MAX_NONCE, MIN_NONCE


def check_nonce_size(nonce: bytes | None) -> None:
    """Raise UsageError for a verifier's nonce that no statement can carry."""
    if nonce is not None and not MIN_NONCE <= len(nonce) <= MAX_NONCE:
        raise UsageError(f"a nonce has {MIN_NONCE} to {MAX_NONCE} bytes, this one has {len(nonce)}")


def check_replay(events: tuple[Event, ...], registers: tuple[bytes, ...]) -> None:
    """Raise BindingError unless the log, replayed, gives these registers."""
    expected = replay(events)
    if expected == registers:
        return
    for number, (replayed, claimed) in enumerate(zip(expected, registers, strict=True)):
        if replayed != claimed:
            raise BindingError(
                f"the log does not give register {number}: it replays to {replayed.hex()[:16]}…, "
                f"and the claims say {claimed.hex()[:16]}…",
                where=f"log, register {number}",
            )


@lru_cache(maxsize=REMEMBERED)
def check_identity(events: tuple[Event, ...], app: bytes) -> bytes:
    """Raise BindingError unless register 0 begins with `app`, config, system-ready; the digest of the config."""
    identity = identity_events(events)
    if [event.name for event in identity] != ["app", "config"]:
        names = ", ".join(event.name for event in identity)[:200]
        raise BindingError(
            f"before {SYSTEM_READY}, register 0 must name app, then config; it names {names or 'nothing'}",
            where="log",
        )
    if not any(event.register == RUNTIME and event.name == SYSTEM_READY for event in events):
        raise BindingError(f"register 0 never reached {SYSTEM_READY}: who runs is not settled", where="log")
    if identity[0].payload != app:
        raise BindingError(
            f"the log started the app {identity[0].payload.hex()[:16]}…, "
            f"and the statement speaks for {app.hex()[:16]}…",
            where="log, event app",
        )
    return identity[1].payload


def check_nonce(stated: bytes, asked: bytes) -> None:
    """Raise FreshnessError unless the statement carries the nonce that was asked for."""
    if stated != asked:
        raise FreshnessError(
            f"the evidence carries {stated.hex() or 'no nonce'}, and not the nonce {asked.hex()}",
            where="statement.nonce",
            hint="ask for evidence with a fresh nonce; this one is old, or was made for somebody else",
        )
