# SPDX-License-Identifier: Apache-2.0
"""What every TEE offers: the shape of an entry in the registry, and of a running instance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol, Self

from attrs import field, frozen

from ttee.app.bundle import Bundle
from ttee.model import Anchor, Assurance, CheckSpec, Claims, ClaimValue, Endorsements, Evidence
from ttee.tee.guests import GuestMeasurement
from ttee.tee.sources import File, Source


class Instance(Protocol):
    """An app that runs in a TEE. Close it, or use it as a context manager; closing twice is fine."""

    tee: str
    bundle: Bundle

    def evidence(self, nonce: bytes) -> Evidence:
        """Evidence over `nonce` (16 to 64 bytes). Raises TeeError."""

    def call(self, sealed: bytes) -> bytes:
        """The sealed reply to a sealed request (docs/spec/channel.md). Raises TeeError, TransportError."""

    def log(self) -> list[str]:
        """The app's console lines since the last call; untrusted text, control characters removed."""

    def close(self) -> None:
        """End the instance and everything that belongs to it."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...


class Verify(Protocol):
    """Is it authentic?"""

    def __call__(
        self,
        evidence: Evidence,
        endorsements: Endorsements,
        *,
        nonce: bytes | None = None,
        at: datetime | None = None,
    ) -> Claims:
        """Raises an EvidenceError, or returns claims. Pure: no I/O, no clock of its own.

        `at`: the moment that endorsements must be valid at, with a time zone; TEEs whose endorsements expire raise
        UsageError without it.
        """


class Launch(Protocol):
    """Start an app."""

    def __call__(
        self, bundle: Bundle, *, state: Path, signature: bytes = b"", timeout: float = 60.0
    ) -> Instance:
        """`state` is a folder of ours where the TEE may keep what outlives an instance (device keys)."""


@frozen(slots=True)
class Availability:
    """Whether a TEE can run apps here; if not, `missing` says what it lacks and `hint` how to get it."""

    works: bool
    missing: str = ""
    hint: str = ""


@frozen(slots=True)
class Tee:
    """One design of protected place: how to recognise and verify its evidence, and perhaps launch apps.

    `wrap` takes a raw vendor blob and returns its evidence, or None when it is not of this TEE's kind.
    `measure` recomputes, from a bundle, what a verifier should expect: claim names of `details` to values.
    `rank` orders TEEs for `ttee run` without --tee: higher is better.
    """

    name: str
    title: str
    assurance: Assurance
    parts: tuple[str, ...]
    checks: tuple[CheckSpec, ...]
    verify: Verify
    wrap: Callable[[bytes], Evidence | None] = field(default=lambda _blob: None)
    describe: Callable[[Evidence], Mapping[str, ClaimValue]] | None = None
    """Every field of the evidence, UNVERIFIED, for `ttee inspect`; raises MalformedEvidenceError."""
    documents: tuple[str, ...] = ()
    """Names of the endorsements that `verify` reads; one that ends in `.*` stands for all that begin so."""
    sources: Callable[[Evidence, Mapping[str, bytes], datetime], tuple[Source, ...]] | None = None
    """The questions that are open, with these documents at hand, at this moment; asked again after each round of
    answers, until none is open. Raises MalformedEvidenceError, EndorsementError."""
    adopt: Callable[[Evidence, Sequence[File], datetime], Mapping[str, bytes]] | None = None
    """The documents for this evidence among files of any kind and number; what fits nothing is left alone."""
    split: Callable[[Evidence], tuple[Evidence, Mapping[str, bytes]]] | None = None
    """The evidence without those of its own endorsements that can become stale, and these (`ttee.tee.own`)."""
    anchor_key: Callable[[bytes], bytes] | None = None
    """The key of an Anchor out of a file that people have (PEM, DER, JWK, …). Raises UsageError."""
    launch: Launch | None = None
    available: Callable[[], Availability] = field(
        default=lambda: Availability(works=False, missing="a launcher")
    )
    measure: Callable[[Bundle], Mapping[str, ClaimValue]] | None = None
    guest: GuestMeasurement | None = None
    """How to recompute what a verifier should expect of a whole guest; None where apps are measured, or nothing is."""
    anchors: Callable[[Path], tuple[Anchor, ...]] | None = None
    """This machine's own devices, as a policy pins them; made at their first use, in the folder given to `launch`."""
    to_sign: Callable[[Bundle], bytes] | None = None
    """What an app's authority signs, in Keystone's scheme, to let this bundle run; None where nobody asks for it."""
    advice: Mapping[str, str] = field(factory=dict)
    """What a policy had better begin with (`ttee policy new`): rule keys, as policies spell them, each with the reason
    that stands above it. An empty one says that the claim, though it may be pinned, is left to the reader."""
    rank: int = 0
