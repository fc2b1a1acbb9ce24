# SPDX-License-Identifier: Apache-2.0
"""From evidence to a conversation: verify, appraise, and talk over the channel that only an affirming verdict opens.

    with ttee.connect("unix:/run/user/1000/ttee/hello.sock", policy) as session:
        reply = session.call(b"some request")

`verify` and `appraise` are pure. `collect` and `remember` do I/O for endorsements (docs/spec/endorsements.md);
`connect` and the session do I/O, make their nonces, and look at the clock.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Protocol, Self

from attrs import evolve

from ttee.app.bundle import Bundle
from ttee.appraise.appraisal import appraise as appraise_at
from ttee.appraise.policy import Policy, endorsements, require_any
from ttee.channel.http import Peer
from ttee.channel.sealed import PendingReply, ReplyStatus, seal_request
from ttee.codec.printable import printable
from ttee.codec.rfc3339 import moment
from ttee.endorse.address import parse_mirror
from ttee.endorse.fetcher import Fetcher, Web
from ttee.endorse.gather import gather
from ttee.endorse.given import open_paths
from ttee.endorse.memory import Memory, unremembered
from ttee.endorse.store import Store
from ttee.errors import (
    BindingError,
    ChannelError,
    KeysUsedUpError,
    RefusedError,
    RequestRefusedError,
    UsageError,
)
from ttee.model import Claims, Endorsements, Evidence, Status, Tier, Verdict
from ttee.places import endorsements_dir, state_dir
from ttee.tee import launcher_named, own, tee_named
from ttee.tee.base import Instance
from ttee.tee.recognise import recognise

NONCE_SIZE = 32


class Target(Protocol):
    """Whatever gives evidence and carries sealed messages; every `ttee.tee.base.Instance` does."""

    def evidence(self, nonce: bytes) -> Evidence:
        """Evidence over `nonce`."""

    def call(self, sealed: bytes) -> bytes:
        """The sealed reply to a sealed request."""


def verify(
    evidence: Evidence,
    endorsements: Endorsements,
    *,
    nonce: bytes | None = None,
    at: datetime | None = None,
) -> Claims:
    """The claims of authentic evidence, whichever TEE it is of. Pure.

    `nonce` (16 to 64 bytes) is what the evidence was asked for with; without it, the claims say that freshness was
    not checked. `at` is the moment that endorsements must be valid at; TEEs whose endorsements expire need it.
    Raises an EvidenceError that names the failed check.
    """
    return own.verify(evidence, endorsements, nonce=nonce, at=at)


def collect(
    evidence: Evidence,
    policy: Policy | Sequence[Policy],
    *,
    paths: Iterable[str | PathLike[str]] = (),
    at: datetime | None = None,
    offline: bool = False,
    mirrors: Iterable[str] = (),
    fetcher: Fetcher | None = None,
) -> Endorsements:
    """The endorsements for this evidence: the anchors that the policy pins, and the documents that its TEE needs.

    Documents come from `paths` (files, folders, folders of kept answers), from what this user has kept, and, unless
    `offline`, from the services of the TEE's maker, or `mirrors` of them (`FROM=TO`); `fetcher` replaces the network.
    `at` is the moment that they must be good at; now. Nothing is verified yet, and what is missing offline is left to
    `verify` to name. What was given and is of no use is a UserWarning. Raises PolicyFileError, UsageError,
    MalformedEvidenceError, EndorsementError.
    """
    pinned = endorsements(_several(policy))
    tee = tee_named(evidence.tee)
    if tee.sources is None and tee.adopt is None:
        return pinned
    given = open_paths(paths)
    with ExitStack() as stack:
        if fetcher is None and not offline:
            fetcher = Web([parse_mirror(mirror) for mirror in mirrors])
            stack.callback(fetcher.close)
        gathered = gather(
            evidence,
            files=given.files,
            named=given.named,
            stores=(*kept_answers(), *given.stores),
            fetcher=None if offline else fetcher,
            at=at or datetime.now(UTC),
        )
    if gathered.unread:
        warnings.warn(f"not made use of by {tee.name}: {', '.join(gathered.unread)[:1000]}", stacklevel=2)
    return evolve(pinned, documents=gathered.documents, own=gathered.own)


def kept_answers() -> tuple[Store, ...]:
    """Where this user's answers are kept; none if there is no place for them."""
    try:
        return (Store(endorsements_dir()),)
    except UsageError:
        return ()


def remember(claims: Claims) -> Claims:
    """Hold the editions of the endorsements behind `claims` against the highest that this user has seen, and remember.

    For claims of a verification at the present moment. Where nothing can be remembered, the claims that come back say
    so under `not_checked`. Raises RolledBackError, EndorsementError.
    """
    if not claims.editions:
        return claims
    try:
        Memory(state_dir() / "editions.json").recall(claims)
    except (OSError, UsageError) as problem:
        return unremembered(claims, f"this user's state folder cannot be used ({problem})")
    return claims


def appraise(claims: Claims, policy: Policy | Sequence[Policy], *, at: str | None = None) -> Verdict:
    """Hold claims against one policy or several, all of which must accept, at the moment `at` (RFC 3339; now).

    Raises PolicyFileError without a policy. A refusal is a verdict, not an error.
    """
    return appraise_at(claims, _several(policy), at=at or now())


def launch(
    bundle: Bundle, tee: str, *, state: Path, signature: bytes = b"", timeout: float = 60.0
) -> Instance:
    """Start an app in the TEE of that name, as a child of this process; use it as a context manager.

    `state`: a folder where the TEE may keep what outlives the instance, such as a device secret. `signature`: the
    authority's, if the app names one. `timeout`: seconds for its start and for each answer.
    Raises TeeUnavailableError, TeeError, AppError.
    """
    start = launcher_named(tee).launch
    assert start is not None  # noqa: S101 (a launcher's)
    return start(bundle, state=state, signature=signature, timeout=timeout)


def connect(
    target: Target | str,
    policy: Policy | Sequence[Policy],
    *,
    at: str | None = None,
    paths: Iterable[str | PathLike[str]] = (),
    offline: bool = False,
    mirrors: Iterable[str] = (),
) -> Session:
    """A session with an instance whose evidence, over a nonce of ours, is authentic and affirmed by the policy.

    `target`: an instance, or the address of a served one (`unix:PATH`, `http://…`, `https://…`). `at`: the moment of
    the appraisal, RFC 3339; now. `paths`, `offline`, `mirrors`: where endorsements come from, as in `collect`. Raises
    RefusedError, with the verdict, unless that is affirming; EvidenceError, EndorsementError, PolicyFileError,
    TransportError, TeeError.
    """
    several = _several(policy)
    require_any(several)
    endorse = partial(collect, policy=several, paths=tuple(paths), offline=offline, mirrors=tuple(mirrors))
    return Session(RemoteInstance(target) if isinstance(target, str) else target, several, at, endorse)


class Session:
    """A conversation with an app in a TEE, sealed to the channel key that its evidence vouches for.

    Use it as a context manager if you like; nothing needs to be closed, and the instance stays.
    """

    verdict: Verdict
    """Why this session was opened."""
    evidence: Evidence
    """What the verdict is about."""

    def __init__(
        self, target: Target, policies: Sequence[Policy], at: str | None, endorse: Callable[..., Endorsements]
    ) -> None:
        """Use `connect`."""
        self._target = target
        self._policies = policies
        self._at = at
        self._endorse = endorse
        self._establish()

    def call(self, request: bytes) -> bytes:
        """The app's reply to `request` (at most 256 KiB, less if its manifest says so).

        When the channel key has been replaced, evidence is asked for and appraised again, and the request is sealed
        anew and sent once more. A host that lies about that can have a request handled twice: an app for which it
        matters puts an identifier into its requests.

        Raises RequestRefusedError with the app's reason, RefusedError, EvidenceError, TransportError, TeeError.
        """
        message, pending = self._seal(request)
        try:
            sealed = self._target.call(message)
        except (KeysUsedUpError, ChannelError):  # perhaps it was others who used the key up
            before = self._channel_key
            self._establish()
            if self._channel_key == before:
                raise
            message, pending = self._seal(request)
            sealed = self._target.call(message)
        reply = pending.open(sealed)
        if reply.status is ReplyStatus.REFUSED:
            reason = printable(reply.payload[:400].decode(errors="replace"))
            raise RequestRefusedError(f"the app refused the request{reason and f': {reason}'}")
        return reply.payload

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        """Nothing to do: a session is a key."""

    def _establish(self) -> None:
        nonce = os.urandom(NONCE_SIZE)
        evidence = self._target.evidence(nonce)
        at = self._at or now()
        claims = verify(evidence, self._endorse(evidence, at=moment(at)), nonce=nonce, at=moment(at))
        claims = remember(claims) if self._at is None else unremembered(claims, "the moment was given")
        verdict = appraise(claims, self._policies, at=at)
        require_affirming(verdict)
        if claims.channel_key is None or claims.app is None or not claims.fresh:
            raise BindingError(
                f"evidence of {claims.tee} vouches for no channel, so nothing can be sent there",
                where="claims, channel_key",
                source="docs/spec/channel.md",
            )
        self.verdict, self.evidence = verdict, evidence
        self._channel_key, self._app = claims.channel_key, claims.app

    def _seal(self, request: bytes) -> tuple[bytes, PendingReply]:
        return seal_request(self._channel_key, self._app, request)


class RemoteInstance:
    """A served instance, by its address (`ttee.channel.http`). What it says is not trusted."""

    def __init__(self, address: str, *, timeout: float = 60.0) -> None:
        """`timeout`: seconds for each step of a request. Raises UsageError for what is no address."""
        self._peer = Peer(address, timeout)

    def evidence(self, nonce: bytes) -> Evidence:
        """Evidence over `nonce`, as parsed. Raises TransportError, TeeError, MalformedEvidenceError."""
        return recognise(self._peer.evidence(nonce))

    def call(self, sealed: bytes) -> bytes:
        """The sealed reply to a sealed request. Raises TransportError, TeeError."""
        return self._peer.call(sealed)


def require_affirming(verdict: Verdict) -> None:
    """Raises RefusedError, with the first reason and the verdict itself, unless it is affirming."""
    if verdict.status is Tier.AFFIRMING:
        return
    worst = Status.FAIL if verdict.status is Tier.CONTRAINDICATED else Status.SKIPPED
    check = next(check for check in verdict.checks if check.status is worst)
    word = "refuses this" if worst is Status.FAIL else "does not affirm this"
    names = ", ".join(name for name, _ in verdict.policy)
    error = RefusedError(
        f"the policy {names} {word}: {check.detail}",
        check=check.id,
        source=check.source,
        hint="`ttee verify` shows the whole verdict",
    )
    error.verdict = verdict
    raise error


def now() -> str:
    """The present moment, RFC 3339."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _several(policy: Policy | Sequence[Policy]) -> Sequence[Policy]:
    return (policy,) if isinstance(policy, Policy) else tuple(policy)
