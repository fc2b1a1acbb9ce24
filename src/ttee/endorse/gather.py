# SPDX-License-Identifier: Apache-2.0
"""The endorsements of one piece of evidence: out of files that one has, answers that are kept, and services.

    gathered = gather(evidence, files=files, stores=[Store(folder)], fetcher=Web(), at=now)
    claims = verify(evidence, Endorsements(anchors, gathered.documents), at=now)

1. Files come first: the TEE says which of them belong to this evidence (`Tee.adopt`).
   Of what came with the evidence, what can become stale answers no question (`Tee.split`).
2. The TEE says which questions are open (`Tee.sources`). A kept answer is taken while it is current.
3. Else the service is asked, and its answer kept. Offline, what is kept is taken as it is; if stale, `verify` says so.
4. Again from 2, since answers raise new questions, until none is open.

Nothing here is trusted, or verified: a wrong document makes `verify` fail, and that is all it can do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType

from attrs import evolve, field, frozen

from ttee.endorse.fetcher import Fetcher
from ttee.endorse.store import Kept, Store, digest_of
from ttee.errors import EndorsementError, FetchError, NotThereError, TteeError
from ttee.model import Evidence
from ttee.tee import tee_named
from ttee.tee.base import Tee
from ttee.tee.sources import Answer, File, Source

MAX_ROUNDS = 8
MAX_QUESTIONS = 64
MAX_LEFT_OUT, MAX_LOOKED_AT = 64, 32 * 1024 * 1024
"""Files, and bytes of files time and again, that are looked through for which of them are of use."""
_FOREVER = datetime.max.replace(tzinfo=UTC)


class Origin(StrEnum):
    """Where the answer to a question came from."""

    SERVICE = "service"
    KEPT = "kept"
    NOWHERE = "nowhere"


@frozen(slots=True)
class Asked:
    """A question, and what became of it."""

    source: Source
    origin: Origin
    kept: Kept | None = None
    """The answer; None if there was none."""
    problem: str = ""
    """Why there was no answer, or why it was not kept."""


def _documents(value: Mapping[str, bytes]) -> Mapping[str, bytes]:
    return MappingProxyType(dict(value))


@frozen(slots=True)
class Gathered:
    """The documents for `Endorsements`, and where they came from."""

    documents: Mapping[str, bytes] = field(converter=_documents, factory=dict)
    asked: tuple[Asked, ...] = ()
    own: frozenset[str] | None = None
    """For `Endorsements.own`: what counts of that which came with the evidence and can become stale."""
    unread: tuple[str, ...] = ()
    """What was given and is not made use of: names of documents in the evidence file, names of files."""


def gather(
    evidence: Evidence,
    *,
    files: Sequence[File] = (),
    named: Sequence[File] = (),
    stores: Sequence[Store] = (),
    fetcher: Fetcher | None = None,
    at: datetime,
    renew: datetime | None = None,
    ask: Callable[[Source], None] = lambda _source: None,
) -> Gathered:
    """The endorsements for `evidence` at the moment `at`; the evidence's own are not among them.

    `files` were found, and `named` were given one by one, so that it is said if they are of no use. Answers are looked
    for in all `stores`, and kept in the first. Without a `fetcher`, nobody is asked, and what is missing is left to
    `verify` to name. What was fetched before `renew` is asked for again although it is current, if it can become stale
    at all. `ask` is told of each question before a service is asked.

    Raises EndorsementError (FetchError, naming the address) where a service fails to give what is needed, and
    MalformedEvidenceError.
    """
    tee = tee_named(evidence.tee)
    lasting, own = tee.split(evidence) if tee.split else (evidence, {})
    documents = dict(tee.adopt(lasting, (*named, *files), at)) if tee.adopt and (named or files) else {}
    unread = _unknown(tee, evidence.endorsements)
    if not documents:
        unread += tuple(file.name for file in named)
    elif tee.adopt and 0 < len(named) <= MAX_LEFT_OUT and _work(named, files) <= MAX_LOOKED_AT:
        adopt = tee.adopt
        unread += _useless(lambda some: adopt(lasting, some, at), named, files)
    search = _Search(stores, fetcher, at, renew, ask)
    if take := tee.adopt:
        search.adopt = lambda some: take(lasting, some, at)

    def fill(evidence: Evidence, *, current: bool = False) -> None:
        """Rounds of questions. `current`: what is kept and stale is left for later."""
        for _ in range(MAX_ROUNDS if tee.sources else 0):
            assert tee.sources is not None  # noqa: S101 (no rounds without)
            search.at_hand = at_hand = {**evidence.endorsements, **documents}
            sources = tee.sources(evidence, MappingProxyType(at_hand), at)
            fresh = search.answers([each for each in sources if not current or search.has(each)])
            if not fresh:
                break
            documents.update(fresh)

    if fetcher is None:
        if own:
            fill(lasting, current=True)
        fill(evidence)
        return Gathered(documents, tuple(search.asked), None, unread)
    fill(lasting)
    # What nobody was there to be asked for, and nothing else speaks of, counts although it came with the evidence.
    counts: set[bytes] = set()
    if own and tee.adopt:
        all_of_it = (lasting.endorsements, documents, own)
        loose = [File(name, data) for some in all_of_it for name, data in some.items()]
        answered = search.names() | documents.keys()
        counts = {data for name, data in tee.adopt(lasting, loose, at).items() if name not in answered}
    names = frozenset(name for name, data in own.items() if data in counts)
    return Gathered(documents, tuple(search.asked), names if own else None, unread)


class _Search:
    """Questions, each of which is asked once."""

    def __init__(
        self,
        stores: Sequence[Store],
        fetcher: Fetcher | None,
        at: datetime,
        renew: datetime | None,
        ask: Callable[[Source], None],
    ) -> None:
        self.stores, self.fetcher, self.at, self.renew, self.ask = stores, fetcher, at, renew, ask
        self.adopt: Callable[[Sequence[File]], Mapping[str, bytes]] = lambda _files: {}
        self.at_hand: Mapping[str, bytes] = {}
        self.asked: list[Asked] = []
        self._done: set[tuple[str, bytes | None]] = set()
        self._failing: set[str] = set()
        """Hosts that did not answer: not asked again for what can be done without."""

    def answers(self, sources: Sequence[Source]) -> dict[str, bytes]:
        """The documents that these questions bring, those asked before left out."""
        fresh: dict[str, bytes] = {}
        unknown: dict[tuple[str, ...], NotThereError] = {}
        for source in sources:
            key = source.url, source.post
            if key in self._done or all(name in fresh for name in source.documents):
                continue
            if len(self._done) == MAX_QUESTIONS:
                raise EndorsementError(
                    f"this evidence asks for more than {MAX_QUESTIONS} answers", where=source.url[:200]
                )
            self._done.add(key)
            try:
                fresh |= self._answer(source)
            except NotThereError as problem:
                self.asked.append(Asked(source, Origin.NOWHERE, problem=problem.message))
                if source.needed:
                    unknown.setdefault(source.documents, problem)
            except EndorsementError as problem:
                if source.needed:
                    raise _explained(problem, source) from None
                self._failing.add(_host(source))
                self.asked.append(Asked(source, Origin.NOWHERE, problem=problem.message))
        for names, first in unknown.items():
            if not all(name in fresh for name in names):
                raise _explained(first, next(s for s in sources if s.documents == names))
        return fresh

    def names(self) -> frozenset[str]:
        """The documents that were asked for."""
        return frozenset(name for asked in self.asked for name in asked.source.documents)

    def has(self, source: Source) -> bool:
        """Whether a current answer is kept."""
        kept = self._kept(source)
        return kept is not None and self._is_good(kept)

    def _answer(self, source: Source) -> Mapping[str, bytes]:
        """Kept or asked for; empty offline, where nothing is kept. Raises EndorsementError."""
        kept = self._kept(source)
        if self.fetcher is None or (kept is not None and self._is_good(kept)):
            if kept is None:
                self.asked.append(Asked(source, Origin.NOWHERE, problem="offline, and no answer is kept"))
                return {}
            self.asked.append(Asked(source, Origin.KEPT, kept))
            return kept.documents
        if not source.needed and _host(source) in self._failing:
            raise FetchError("not asked for, since this service failed before", where=source.url)
        self.ask(source)
        answer = self.fetcher.fetch(source.url, source.post, source.content_type)
        documents, until = _read(source, answer)
        kept = Kept(source.url, digest_of(source.post), documents, datetime.now(UTC), until)
        problem = ""
        for store in self.stores[:1]:
            try:
                kept = store.keep(kept)
            except EndorsementError as trouble:  # an answer that cannot be kept is one all the same
                problem = f"{trouble.message}: {trouble.where}"
        self.asked.append(Asked(source, Origin.SERVICE, kept, problem))
        return documents

    def _is_good(self, kept: Kept) -> bool:
        """Whether nobody needs to be asked."""
        renewed = self.renew is None or kept.until is None or self.renew <= kept.fetched <= datetime.now(UTC)
        return renewed and kept.is_current(self.at)

    def _kept(self, source: Source) -> Kept | None:
        """The answer of all stores that the TEE takes for the best; where it cannot tell, the one good for longest."""
        found = [
            good for store in self.stores if (kept := store.find(source)) and (good := _held(kept, source))
        ]
        found = list({tuple(kept.documents.items()): kept for kept in found[::-1]}.values())[::-1]
        if len(found) < 2:
            return found[0] if found else None
        files = [File(source.url, source.file(kept.documents)) for kept in found]
        files += [File(name, data) for name, data in self.at_hand.items()]
        best = self.adopt(files)

        def rank(kept: Kept) -> tuple[list[bool], datetime]:
            agrees = [best.get(name) == kept.documents[name] for name in source.documents]
            return agrees, kept.until or _FOREVER

        return max(found, key=rank)  # of equals the first


def _held(kept: Kept, source: Source) -> Kept | None:
    """A kept answer, held against its question: a folder may come from anybody, and so may what its index says.

    It is good for no longer than its documents say, and brings those that were asked for and no others. None if it
    is no answer to the question.
    """
    if any(name not in kept.documents for name in source.documents):
        return None
    documents = {name: kept.documents[name] for name in source.documents}
    try:
        said = source.until(documents)
    except TteeError:
        return None
    until = min((each for each in (said, kept.until) if each is not None), default=None)
    return evolve(kept, documents=documents, until=until)


def _host(source: Source) -> str:
    return source.url.partition("://")[2].partition("/")[0]


def _read(source: Source, answer: Answer) -> tuple[Mapping[str, bytes], datetime | None]:
    """The documents of an answer, and until when they are good. Raises EndorsementError."""
    if not answer.body:
        raise FetchError("the service's answer is empty", where=source.url)
    try:
        documents = {source.documents[0]: answer.body} if source.read is None else source.read(answer)
        return documents, source.until(documents)
    except EndorsementError:
        raise
    except TteeError as problem:  # what is wrong with an answer is the service's fault, not the evidence's
        raise FetchError(
            f"the service's answer is not what was asked for: {problem.message}", where=source.url
        ) from None


def _explained(problem: EndorsementError, source: Source) -> EndorsementError:
    """The same error, saying what the answer was wanted for, and where it was asked for."""
    return type(problem)(
        f"{problem.message} (needed: {source.why})",
        where=problem.where if source.url in (problem.where or "") else source.url,
        hint=problem.hint,
        source=problem.source,
        check=problem.check,
    )


def _unknown(tee: Tee, names: Collection[str]) -> tuple[str, ...]:
    """Documents in the evidence file that `verify` does not read."""
    return tuple(f"document {name} of the evidence file" for name in names if not _reads(tee, name))


def _reads(tee: Tee, name: str) -> bool:
    return any(
        name.startswith(known[:-1]) if known.endswith(".*") else name == known for known in tee.documents
    )


def _work(named: Sequence[File], files: Sequence[File]) -> int:
    """How many bytes `_useless` looks at."""
    return len(named) * sum(len(file.data) for file in (*named, *files))


def _useless(
    adopt: Callable[[Sequence[File]], Mapping[str, bytes]], named: Sequence[File], files: Sequence[File]
) -> tuple[str, ...]:
    """The named files without which the outcome is the same."""
    needed, outcome = list(named), adopt((*named, *files))
    for file in named:
        others = [other for other in needed if other is not file]
        if adopt((*others, *files)) == outcome:
            needed = others
    return tuple(file.name for file in named if not any(file is other for other in needed))
