# SPDX-License-Identifier: Apache-2.0
"""A fleet: verify and appraise many pieces of evidence, in order, lazily, and with nothing lost to a bad one.

    with ProcessPoolExecutor() as pool:
        for outcome in ttee.verify_many(items, policy, at=at, executor=pool):
            print(outcome.name, outcome.error or outcome.verdict.status)

Whatever an item is, its outcome is that of `verify` and `appraise` for it alone, to the byte. No more than a bounded
number of items is held at a time, however many there are.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from datetime import UTC, datetime
from pathlib import Path

from attrs import evolve, field, frozen

from ttee.appraise.appraisal import appraise
from ttee.appraise.policy import Policy, endorsements, require_any
from ttee.codec.rfc3339 import moment
from ttee.endorse.memory import unremembered
from ttee.errors import TteeError, UsageError, WorkerDiedError
from ttee.model import Claims, Endorsements, Evidence, Verdict
from ttee.tee.own import verify
from ttee.tee.recognise import load_evidence, recognise

CHUNK = 32
CHUNK_SIZE = 4 * 1024 * 1024
"""Bytes of evidence at which a chunk ends early."""

Gather = Callable[[Evidence, datetime], Mapping[str, bytes] | Endorsements]
"""The documents for one piece of evidence at a moment, or `Endorsements` of which `documents` and `own` count; called
in this process, one item at a time, in order."""

Recall = Callable[[Claims], Claims]
"""Something that looks at claims, or adds to what was not checked: `ttee.remember`. It runs where items are verified,
so that for processes it is a function of a module."""


@frozen(slots=True)
class Item:
    """Something to verify."""

    evidence: Evidence | bytes | Path | TteeError
    """Parsed, as bytes, in a file that is read where it is verified; or why there is none."""
    name: str = ""
    """For messages; nothing rests on it."""
    nonce: bytes | None = None
    at: str | None = None
    """The moment for this item alone, RFC 3339."""
    documents: Mapping[str, bytes] = field(factory=dict)
    """Endorsements of this item; they go before others of the same names."""
    own: frozenset[str] | None = None
    """As `Endorsements.own`."""


@frozen(slots=True)
class Outcome:
    """What became of one item: a verdict, or the error that stood in the way of one."""

    index: int
    """Its place in the input, from 0."""
    name: str
    verdict: Verdict | None = None
    error: TteeError | None = None


@frozen(slots=True)
class _Task:
    """An item with all that its outcome depends on, ready to travel."""

    index: int
    item: Item
    at: str


@frozen(slots=True)
class _Terms:
    """What all items are verified and appraised by."""

    policies: tuple[Policy, ...]
    pinned: Endorsements
    recall: Recall | None


def verify_many(
    items: Iterable[Item | Evidence | bytes],
    policy: Policy | Sequence[Policy],
    *,
    documents: Mapping[str, bytes] | Gather | None = None,
    recall: Recall | None = None,
    at: str | None = None,
    executor: Executor | None = None,
    chunk: int = CHUNK,
    ahead: int | None = None,
) -> Generator[Outcome, None, None]:
    """The outcome of each item, in the order of the input, as soon as those before it are there.

    `policy`: one or several, all of which must accept; they pin the anchors. `documents`: endorsements for all items,
    or a function that finds them for each. `recall` is applied to authentic claims before they are appraised. `at`:
    the moment, RFC 3339; that of each item's turn by default. `executor`: where to verify, in chunks of `chunk` items;
    in this process and thread by default. At most `ahead` chunks (by default twice the CPUs, and two) are under way or
    wait to be taken: input is not read faster than outcomes are taken.

    A bad item gives an outcome with its error. Raises PolicyFileError without a policy, and UsageError for a moment or
    chunk that is none; the generator raises what `items` raises, after the outcomes of all that came before.
    A worker process that dies costs its chunks (WorkerDiedError); of a pool that is broken by that, all later ones.
    Close the generator, or end it, to have chunks that wait withdrawn; the executor stays the caller's.
    """
    policies = (policy,) if isinstance(policy, Policy) else tuple(policy)
    require_any(policies)
    if at is not None:
        moment(at)
    if chunk < 1 or (ahead is not None and ahead < 1):
        raise UsageError("`chunk` and `ahead` are at least 1")
    pinned = endorsements(policies)
    gather = documents if callable(documents) else None
    if documents is not None and not callable(documents):
        pinned = evolve(pinned, documents=documents)
    tasks, terms = _tasks(items, at, gather), _Terms(policies, pinned, recall)
    if executor is None:
        return (_outcome(task, terms) for task in tasks)

    def submit(part: Sequence[_Task]) -> Future[list[Outcome]]:
        try:
            return executor.submit(_chunk, part, terms)
        except BrokenExecutor as broken:
            future: Future[list[Outcome]] = Future()
            future.set_exception(broken)
            return future

    return _in_order(_chunks(tasks, chunk), submit, ahead or 2 * (os.cpu_count() or 1) + 2)


def _tasks(
    items: Iterable[Item | Evidence | bytes], at: str | None, gather: Gather | None
) -> Iterator[_Task]:
    for index, given in enumerate(items):
        item = given if isinstance(given, Item) else Item(given)
        now = item.at or at or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if gather is not None:
            item = _gathered(item, now, gather)
        yield _Task(index, item, now)


def _gathered(item: Item, at: str, gather: Gather) -> Item:
    try:
        evidence = _evidence(item)
        found = gather(evidence, moment(at))
    except Exception as problem:
        return evolve(item, evidence=_named(problem))
    if isinstance(found, Endorsements):
        return evolve(item, evidence=evidence, documents={**found.documents, **item.documents}, own=found.own)
    return evolve(item, evidence=evidence, documents={**found, **item.documents})


def _chunks(tasks: Iterable[_Task], length: int) -> Iterator[list[_Task]]:
    """Lists of `length` tasks, or fewer where evidence is large."""
    part: list[_Task] = []
    size = 0
    try:
        for task in tasks:
            part.append(task)
            size += _size(task.item.evidence)
            if len(part) == length or size >= CHUNK_SIZE:
                yield part
                part, size = [], 0
    except Exception:
        if part:  # what the input gave before it raised counts
            yield part
        raise
    if part:
        yield part


def _size(evidence: Evidence | bytes | Path | TteeError) -> int:
    if isinstance(evidence, bytes):
        return len(evidence)
    return sum(map(len, evidence.parts.values())) if isinstance(evidence, Evidence) else 0


def _in_order(
    parts: Iterator[list[_Task]],
    submit: Callable[[Sequence[_Task]], Future[list[Outcome]]],
    ahead: int,
) -> Generator[Outcome, None, None]:
    """Outcomes in the order of the parts, of which at most `ahead` are under way."""
    under_way: deque[tuple[list[_Task], Future[list[Outcome]]]] = deque()
    trouble: Exception | None = None
    try:
        while True:
            try:
                part = next(parts, None)
            except Exception as problem:
                part, trouble = None, problem
            if part is None:
                break
            under_way.append((part, submit(part)))
            while under_way and (len(under_way) >= ahead or under_way[0][1].done()):
                yield from _taken(*under_way.popleft())
        while under_way:
            yield from _taken(*under_way.popleft())
        if trouble is not None:
            raise trouble
    finally:
        for _part, future in under_way:
            future.cancel()


def _taken(part: Sequence[_Task], future: Future[list[Outcome]]) -> list[Outcome]:
    try:
        return future.result()
    except (BrokenExecutor, CancelledError):
        error = "a worker ended while this item, or one of those beside it, was with it"
        return [Outcome(task.index, task.item.name, error=WorkerDiedError(error)) for task in part]


def _chunk(part: Sequence[_Task], terms: _Terms) -> list[Outcome]:
    """What a worker does."""
    return [_outcome(task, terms) for task in part]


def _outcome(task: _Task, terms: _Terms) -> Outcome:
    item, pinned = task.item, terms.pinned
    try:
        evidence = _evidence(item)
        if item.documents:
            pinned = evolve(pinned, documents={**pinned.documents, **item.documents})
        if item.own is not None:
            pinned = evolve(pinned, own=item.own)
        claims = verify(evidence, pinned, nonce=item.nonce, at=moment(task.at))
        if terms.recall is not None:
            own = "the moment was given with the item"  # editions are remembered at the present moment alone
            claims = terms.recall(claims) if item.at is None else unremembered(claims, own)
        return Outcome(task.index, item.name, verdict=appraise(claims, terms.policies, at=task.at))
    except Exception as problem:
        return Outcome(task.index, item.name, error=_named(problem))


def _evidence(item: Item) -> Evidence:
    """Raises TteeError."""
    match item.evidence:
        case Evidence():
            return item.evidence
        case bytes():
            return recognise(item.evidence)
        case Path():
            return load_evidence(item.evidence)
        case error:
            raise error


def _named(problem: Exception) -> TteeError:
    """The error, with no memory of the frames that it came through; a bug of ours is an internal error."""
    if isinstance(problem, TteeError):
        problem.__context__ = None
        return problem.with_traceback(None)
    return TteeError(
        f"internal error: {type(problem).__name__}: {str(problem)[:200]}", hint="please report it"
    )
