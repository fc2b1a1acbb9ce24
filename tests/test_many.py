# SPDX-License-Identifier: Apache-2.0
"""A fleet: every outcome is that of the item alone, in order, lazily; and nothing that goes wrong stops the rest."""

from __future__ import annotations

import copy
import os
import pickle
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from attrs import evolve

import ttee
from ttee.appraise import Policy, parse_policy, signature_only, starting_policy, to_json
from ttee.cli.workers import Workers
from ttee.codec import json, problem
from ttee.codec.rfc3339 import moment
from ttee.errors import (
    EndorsementError,
    FreshnessError,
    MalformedEvidenceError,
    PolicyFileError,
    RolledBackError,
    SignatureError,
    TteeError,
    UsageError,
    WorkerDiedError,
)
from ttee.many import CHUNK_SIZE, Item, Outcome, verify_many
from ttee.model import Claims, Endorsements, Evidence
from ttee.pki.cache import forget_all
from ttee.tee.recognise import recognise
from ttee.testing.intel import NOW, Vendor
from ttee.testing.keystone import Device
from ttee.testing.nitro import NOW as NITRO_NOW
from ttee.testing.nitro import Vendor as NitroVendor
from ttee.testing.riscv import SoftwareTee

AT = NOW.strftime("%Y-%m-%dT%H:%M:%SZ")
NITRO_AT = NITRO_NOW.strftime("%Y-%m-%dT%H:%M:%SZ")
TEE = SoftwareTee(device=Device.named("fleet"), nonce=bytes(32))
GENUINE = TEE.evidence()
TAMPERED = evolve(GENUINE, parts={**GENUINE.parts, "report": bytes(100) + GENUINE.parts["report"][100:]})
INTEL, NITRO = Vendor.random(), NitroVendor.named("a cloud")
MACHINES = [INTEL.machine("intel-tdx"), INTEL.machine("intel-sgx")]
DOCUMENTS = [INTEL.endorsements(machine).documents for machine in MACHINES]
POLICY = signature_only([TEE.anchor(), NITRO.anchor(), *(INTEL.anchor(machine.tee) for machine in MACHINES)])


def fleet(copies: int = 3) -> list[Item]:
    """Genuine and other items of several TEEs, each of which ends in its own way."""
    once = [
        Item(GENUINE, "genuine"),
        Item(GENUINE, "its nonce", nonce=bytes(32)),
        Item(GENUINE, "another's nonce", nonce=bytes(31) + b"\1"),
        Item(TAMPERED, "tampered"),
        Item(b"nothing", "no evidence"),
        Item(Path("/nowhere"), "no file"),
        Item(UsageError("a line that cannot be read"), "no item"),
        Item(MACHINES[0].quote(), "a TDX quote", documents=DOCUMENTS[0]),
        Item(MACHINES[0].quote(), "without endorsements"),
        Item(MACHINES[0].quote(), "too late", documents=DOCUMENTS[0], at="2036-01-01T00:00:00Z"),
        Item(MACHINES[1].quote(), "an SGX quote", documents=DOCUMENTS[1]),
        Item(NITRO.enclave().document(), "a Nitro document", at=NITRO_AT),
    ]
    return once * copies


def alone(item: Item, policy: Policy = POLICY) -> bytes:
    """What `verify` and `appraise` say of one item: the whole of it, as bytes."""
    at = item.at or AT
    try:
        match item.evidence:
            case bytes():
                evidence = recognise(item.evidence)
            case Path():
                evidence = ttee.load_evidence(item.evidence)
            case Evidence():
                evidence = item.evidence
            case error:
                raise error
        endorsements = evolve(policy.endorsements(), documents=item.documents)
        claims = ttee.verify(evidence, endorsements, nonce=item.nonce, at=moment(at))
        return json.dumps(to_json(ttee.appraise(claims, policy, at=at)))
    except TteeError as error:
        return json.dumps(problem.encode(error))


def said(outcome: Outcome) -> bytes:
    if outcome.verdict is not None:
        assert outcome.error is None
        return json.dumps(to_json(outcome.verdict))
    assert outcome.error is not None
    return json.dumps(problem.encode(outcome.error))


def test_every_outcome_is_that_of_the_item_alone_uncached_and_cached_and_in_order() -> None:
    items = fleet()
    forget_all()
    expected = []
    for item in items:
        forget_all()
        expected.append(alone(item))
    assert [alone(item) for item in items] == expected
    outcomes = list(verify_many(items, POLICY, at=AT))
    assert [said(outcome) for outcome in outcomes] == expected
    assert [(outcome.index, outcome.name) for outcome in outcomes] == [
        (index, item.name) for index, item in enumerate(items)
    ]
    kinds = [type(outcome.error) for outcome in outcomes[:12]]
    nothing = type(None)
    assert kinds[:7] == [
        nothing, nothing, FreshnessError, SignatureError, MalformedEvidenceError, UsageError, UsageError,
    ]  # fmt: skip
    assert kinds[7:] == [nothing, EndorsementError, EndorsementError, nothing, nothing]


@pytest.mark.parametrize("chunk", [1, 5, 1000])
def test_in_threads_it_is_the_same(chunk: int) -> None:
    items = fleet(5)
    forget_all()
    with ThreadPoolExecutor(4) as threads:
        outcomes = list(verify_many(items, POLICY, at=AT, executor=threads, chunk=chunk))
    assert [said(outcome) for outcome in outcomes] == [alone(item) for item in items]


@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_in_processes_it_is_the_same(method: str) -> None:
    items = fleet(3)
    with ProcessPoolExecutor(2, get_context(method)) as processes:
        outcomes = list(verify_many(items, POLICY, at=AT, executor=processes, chunk=4))
    assert [said(outcome) for outcome in outcomes] == [alone(item) for item in items]
    assert [outcome.name for outcome in outcomes] == [item.name for item in items]


def test_several_policies_must_all_accept() -> None:
    text = starting_policy("mine", "riscv", {"enclave_hash": bytes(64)}, app=TEE.app, anchors=[TEE.anchor()])
    strict = parse_policy(text.encode(), where="mine")
    (outcome,) = verify_many([GENUINE], [strict, strict], at=AT)
    assert outcome.verdict is not None
    assert outcome.verdict.status is ttee.Tier.CONTRAINDICATED


def test_no_policy_and_nonsense_are_refused_at_once() -> None:
    with pytest.raises(PolicyFileError):
        verify_many([GENUINE], [])
    for wrong in ({"at": "yesterday"}, {"chunk": 0}, {"ahead": 0}):
        arguments: dict[str, Any] = wrong
        with pytest.raises(UsageError):
            verify_many([GENUINE], POLICY, **arguments)


# --- endorsements ---------------------------------------------------------------------------------


def test_documents_can_be_the_same_for_all_and_an_item_s_own_go_before_them() -> None:
    quote, other = MACHINES[0].quote(), MACHINES[1].quote()
    outcomes = list(
        verify_many(
            [quote, Item(other, documents=DOCUMENTS[1]), other], POLICY, documents=DOCUMENTS[0], at=AT
        )
    )
    assert [outcome.error is None for outcome in outcomes] == [True, True, False]


def test_documents_can_be_found_for_each_item_here_even_if_it_is_verified_elsewhere() -> None:
    asked = []

    def find(evidence: Evidence, at: datetime) -> Mapping[str, bytes]:
        asked.append((os.getpid(), evidence.tee, at))
        if evidence.tee == "intel-sgx":
            raise EndorsementError("nobody answers", where="https://pcs.example")
        if evidence.tee == "riscv":
            raise ZeroDivisionError("a mistake")
        return DOCUMENTS[0]

    items: list[Evidence | bytes] = [MACHINES[0].quote(), MACHINES[1].quote(), GENUINE, b"nothing"]
    with ProcessPoolExecutor(1, get_context("spawn")) as processes:
        outcomes = list(verify_many(items, POLICY, documents=find, at=AT, executor=processes))
    here = [(os.getpid(), tee, NOW) for tee in ("intel-tdx", "intel-sgx", "riscv")]
    assert asked == here
    assert outcomes[0].verdict is not None
    assert [str(outcome.error) for outcome in outcomes[1:3]] == [
        "nobody answers",
        "internal error: ZeroDivisionError: a mistake",
    ]
    assert isinstance(outcomes[3].error, MalformedEvidenceError)


def _noted(claims: Claims) -> Claims:
    if claims.tee == "riscv":
        raise RolledBackError("an older one was seen")
    return evolve(claims, not_checked=("something",))


def test_claims_can_be_looked_at_before_they_are_appraised() -> None:
    items = [Item(MACHINES[0].quote(), documents=DOCUMENTS[0]), Item(GENUINE)]
    with ProcessPoolExecutor(1, get_context("spawn")) as processes:
        for executor in (None, processes):
            one, other = verify_many(items, POLICY, recall=_noted, at=AT, executor=executor)
            assert one.verdict is not None
            assert one.verdict.not_checked[0] == "something"
            assert isinstance(other.error, RolledBackError)


# --- lazily, and within bounds --------------------------------------------------------------------


def test_without_an_executor_nothing_is_read_before_it_is_asked_for() -> None:
    read = []

    def items() -> Iterator[Evidence]:
        for number in range(1000):
            read.append(number)
            yield GENUINE

    outcomes = verify_many(items(), POLICY, at=AT)
    assert read == []
    next(outcomes)
    next(outcomes)
    assert len(read) == 2


class Slow(Executor):
    """Does nothing until its results are asked for."""

    def __init__(self) -> None:
        self.waiting: list[Future[Any]] = []
        self.most = 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Late(self, lambda: fn(*args, **kwargs))
        self.waiting.append(future)
        self.most = max(self.most, len(self.waiting))
        return future


class Late(Future[Any]):
    def __init__(self, of: Slow, work: Any) -> None:
        super().__init__()
        self.of, self.work = of, work

    def result(self, timeout: float | None = None) -> Any:
        self.of.waiting.remove(self)
        self.set_result(self.work())
        return super().result(timeout)


def test_no_more_is_read_than_a_few_chunks_ahead() -> None:
    slow = Slow()
    read = 0

    def items() -> Iterator[bytes]:
        nonlocal read
        for _ in range(100_000):
            read += 1
            yield b"nothing"

    taken = 0
    for outcome in verify_many(items(), POLICY, at=AT, executor=slow, chunk=10, ahead=3):
        assert outcome.index == taken
        taken += 1
        assert read <= taken + 3 * 10
    assert (taken, read, slow.most) == (100_000, 100_000, 3)


def test_large_evidence_makes_short_chunks() -> None:
    slow = Slow()
    large = Evidence("riscv", {"report": bytes(CHUNK_SIZE // 2)})
    outcomes = verify_many([large] * 100, POLICY, at=AT, executor=slow, chunk=50, ahead=2)
    for _ in range(3):
        next(outcomes)
    assert slow.most == 2
    outcomes.close()


def test_what_is_not_wanted_any_more_is_withdrawn() -> None:
    slow = Slow()
    outcomes = verify_many([GENUINE] * 100, POLICY, at=AT, executor=slow, chunk=1, ahead=4)
    next(outcomes)
    outcomes.close()
    assert len(slow.waiting) == 3
    assert all(future.cancelled() for future in slow.waiting)


def test_what_the_input_raises_comes_after_the_outcomes_before_it() -> None:
    def items() -> Iterator[Evidence]:
        yield GENUINE
        yield GENUINE
        raise ZeroDivisionError

    for executor in (None, ThreadPoolExecutor(1)):
        outcomes = verify_many(items(), POLICY, at=AT, executor=executor)
        assert next(outcomes).index == 0
        assert next(outcomes).index == 1
        with pytest.raises(ZeroDivisionError):
            next(outcomes)


# --- what goes wrong in a worker ------------------------------------------------------------------


class Deadly(Mapping[str, bytes]):
    """Documents that end the process which unpacks them."""

    def __getitem__(self, name: str) -> bytes:
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __reduce__(self) -> tuple[object, ...]:
        return os._exit, (1,)


def test_a_worker_that_dies_costs_what_was_with_it_and_a_fresh_one_goes_on() -> None:
    items = [Item(GENUINE), Item(GENUINE, "deadly", documents=Deadly()), *[Item(GENUINE)] * 10]
    with Workers(1) as workers:
        outcomes = list(verify_many(items, POLICY, at=AT, executor=workers, chunk=1, ahead=2))
    errors = [outcome.error for outcome in outcomes]
    assert isinstance(errors[1], WorkerDiedError)
    assert errors[-1] is None
    assert 1 <= sum(isinstance(error, WorkerDiedError) for error in errors) <= 3
    assert [outcome.index for outcome in outcomes] == list(range(12))


def test_of_a_pool_that_is_broken_every_later_item_says_so() -> None:
    items = [Item(GENUINE, documents=Deadly()), *[Item(GENUINE)] * 10]
    with ProcessPoolExecutor(1, get_context("spawn")) as processes:
        outcomes = list(verify_many(items, POLICY, at=AT, executor=processes, chunk=1, ahead=2))
    assert [type(outcome.error) for outcome in outcomes] == [WorkerDiedError] * 11


def test_a_mistake_of_ours_is_an_error_of_one_item(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr("ttee.many.appraise", broken)
    (outcome,) = verify_many([GENUINE], POLICY, at=AT)
    assert str(outcome.error) == "internal error: ZeroDivisionError: a mistake"


def test_an_error_holds_on_to_nothing_it_came_through() -> None:
    (outcome,) = verify_many([TAMPERED], POLICY, at=AT)
    assert outcome.error is not None
    assert outcome.error.__traceback__ is None
    assert outcome.error.__context__ is None


# --- across processes -----------------------------------------------------------------------------


def test_everything_that_travels_comes_back_as_it_was_and_still_read_only() -> None:
    endorsements = Endorsements((TEE.anchor(),), {"a": b"b"})
    claims = ttee.verify(GENUINE, POLICY.endorsements())
    verdict = ttee.appraise(claims, POLICY, at=AT)
    for thing in (GENUINE, endorsements, POLICY, claims, verdict):
        for twin in (pickle.loads(pickle.dumps(thing)), copy.deepcopy(thing)):  # noqa: S301 (our own)
            assert twin == thing
    twin = pickle.loads(pickle.dumps(GENUINE))  # noqa: S301
    assert isinstance(twin.parts, MappingProxyType)
