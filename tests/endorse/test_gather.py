# SPDX-License-Identifier: Apache-2.0
"""From evidence to endorsements: what is asked, of whom, what is kept, and what is said when it fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve, field

from ttee.endorse import gather as room
from ttee.endorse.gather import Gathered, Origin, gather
from ttee.endorse.store import Kept, Store
from ttee.errors import CertificateError, EndorsementError, FetchError, NotThereError
from ttee.model import Assurance, Claims, Evidence
from ttee.tee.base import Tee
from ttee.tee.sources import Answer, File, Source

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
KEY = Source("https://maker.example/key", ("key",), "certificate of the chip's key")
LIST = Source(
    "https://maker.example/list", ("list",), "what is revoked", needed=False, until=lambda _: NOW + DAY
)
EVIDENCE = Evidence("double", {"report": b""})


@define(slots=True)
class Maker:
    """Answers as told, and counts how often."""

    answers: dict[str, bytes | Exception]
    asked: list[str] = field(factory=list)

    def fetch(self, url: str, post: bytes | None = None, content_type: str = "") -> Answer:
        self.asked.append(url + (f" {post!r} {content_type}" if post else ""))
        answer = self.answers.get(url, NotThereError("the service answers with status 404", where=url))
        if isinstance(answer, Exception):
            raise answer
        return Answer(answer)


@define(slots=True)
class Questions:
    """Those of a TEE in software: all whose documents are not at hand."""

    all: tuple[Source, ...] = (KEY, LIST)
    seen: list[Mapping[str, bytes]] = field(factory=list)

    def __call__(
        self, _evidence: Evidence, documents: Mapping[str, bytes], _at: datetime
    ) -> tuple[Source, ...]:
        self.seen.append(documents)
        return tuple(s for s in self.all if not set(s.documents) <= documents.keys())


def verify(*_: object, **__: object) -> Claims:
    raise NotImplementedError


def adopt(_evidence: Evidence, files: Sequence[File], _at: datetime) -> Mapping[str, bytes]:
    """A file is for this TEE if its content says so: `key:…`, `list:…`; the last one wins."""
    pairs = [(file.data.partition(b":")[0].decode("latin-1"), file.data) for file in files]
    return {name: data for name, data in pairs if name in ("key", "list")}


@pytest.fixture
def questions() -> Questions:
    return Questions()


@pytest.fixture(autouse=True)
def tee(monkeypatch: pytest.MonkeyPatch, questions: Questions) -> list[Tee]:
    """The TEE that is found under any name; to be replaced in the list."""
    found = [
        Tee(
            "double", "A double", Assurance.SIMULATED, ("report",), (), verify,
            documents=("key", "list", "list.*"), sources=questions, adopt=adopt,
        )
    ]  # fmt: skip
    monkeypatch.setattr(room, "tee_named", lambda _name: found[0])
    return found


def collect(**options: Any) -> Gathered:
    return gather(EVIDENCE, **{"at": NOW, **options})


def test_open_questions_are_asked_and_their_answers_kept(tmp_path: Path) -> None:
    maker = Maker({KEY.url: b"the key", LIST.url: b"the list"})
    store = Store(tmp_path)
    told: list[str] = []
    gathered = collect(fetcher=maker, stores=[store], ask=lambda source: told.append(source.why))
    assert gathered.documents == {"key": b"the key", "list": b"the list"}
    assert [asked.origin for asked in gathered.asked] == [Origin.SERVICE, Origin.SERVICE]
    assert told == [KEY.why, LIST.why]
    assert {kept.url: kept.until for kept in store.answers()} == {
        KEY.url: None,
        LIST.url: (NOW + DAY).replace(microsecond=0),
    }


def test_what_is_kept_and_current_is_not_asked_for_again(tmp_path: Path) -> None:
    maker = Maker({KEY.url: b"the key", LIST.url: b"the list"})
    first = collect(fetcher=maker, stores=[Store(tmp_path)])
    again = collect(fetcher=maker, stores=[Store(tmp_path)])
    offline = collect(stores=[Store(tmp_path)])
    assert len(maker.asked) == 2
    assert first.documents == again.documents == offline.documents
    assert {asked.origin for asked in again.asked} == {Origin.KEPT}


def test_what_is_stale_is_asked_for_again_and_offline_handed_over_for_verify_to_judge(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.keep(Kept(LIST.url, None, {"list": b"old"}, NOW - 9 * DAY, NOW - DAY))
    assert collect(stores=[store]).documents == {"list": b"old"}
    maker = Maker({KEY.url: b"the key", LIST.url: b"new"})
    assert collect(stores=[store], fetcher=maker).documents["list"] == b"new"
    assert collect(stores=[store], at=NOW - 2 * DAY).documents["list"] == b"new"


def test_of_several_stores_the_answer_that_is_good_for_longest_counts(tmp_path: Path) -> None:
    one, other = Store(tmp_path / "1"), Store(tmp_path / "2")
    one.keep(Kept(LIST.url, None, {"list": b"old"}, NOW, NOW - DAY))
    other.keep(Kept(LIST.url, None, {"list": b"new"}, NOW, NOW + DAY))
    assert collect(stores=[one, other]).documents == {"list": b"new"}


def test_how_long_a_kept_answer_is_good_its_documents_say_and_not_the_index(tmp_path: Path) -> None:
    """A folder from somebody else that calls its older list the newest, and good for ever."""

    def dated(documents: Mapping[str, bytes]) -> datetime:
        if not documents["list"].isdigit():
            raise EndorsementError("no list")
        return NOW + int(documents["list"]) * DAY

    source = evolve(LIST, until=dated)
    ours, theirs, broken = (Store(tmp_path / name) for name in ("ours", "theirs", "broken"))
    ours.keep(Kept(LIST.url, None, {"list": b"9"}, NOW - DAY, NOW + 9 * DAY))
    theirs.keep(Kept(LIST.url, None, {"list": b"2"}, NOW + DAY, None))
    broken.keep(Kept(LIST.url, None, {"list": b"?"}, NOW + DAY, None))
    search = room._Search((theirs, broken, ours), None, NOW, None, lambda _: None)
    assert search.answers([source]) == {"list": b"9"}


def test_a_kept_answer_brings_what_was_asked_for_and_no_other_document(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.keep(Kept(LIST.url, None, {"list": b"list", "key": b"theirs"}, NOW, NOW + DAY))
    store.keep(Kept(KEY.url, None, {"list": b"another"}, NOW, None))
    gathered = collect(stores=[store])
    assert gathered.documents == {"list": b"list"}
    assert [asked.origin for asked in gathered.asked] == [Origin.NOWHERE, Origin.KEPT]


def test_to_renew_asks_for_all_that_can_become_stale_once(tmp_path: Path) -> None:
    maker = Maker({KEY.url: b"the key", LIST.url: b"the list"})
    stores = [Store(tmp_path)]
    collect(fetcher=maker, stores=stores)
    then = datetime.now(UTC)
    for _ in range(2):
        collect(fetcher=maker, stores=stores, renew=then)
    assert maker.asked == [KEY.url, LIST.url, LIST.url]


def test_what_was_fetched_in_the_future_is_renewed_all_the_same(tmp_path: Path) -> None:
    """By a machine whose clock was wrong, or by whoever filled the folder."""
    store = Store(tmp_path)
    store.keep(Kept(LIST.url, None, {"list": b"old"}, NOW + 999 * DAY, NOW + DAY))
    maker = Maker({KEY.url: b"the key", LIST.url: b"new"})
    assert collect(fetcher=maker, stores=[store], renew=datetime.now(UTC)).documents["list"] == b"new"


def test_answers_raise_questions_until_none_is_open(tee: list[Tee]) -> None:
    def ask(_evidence: Evidence, documents: Mapping[str, bytes], _at: datetime) -> tuple[Source, ...]:
        if "key" not in documents:
            return (KEY,)
        return () if "list" in documents else (LIST,)

    maker = Maker({KEY.url: b"the key", LIST.url: b"the list"})
    tee[0] = evolve(tee[0], sources=ask)
    assert collect(fetcher=maker).documents == {"key": b"the key", "list": b"the list"}


def test_a_question_is_asked_once_even_if_its_answer_does_not_help(questions: Questions) -> None:
    questions.all = (evolve(KEY, read=lambda _answer: {"other": b"x"}),)
    maker = Maker({KEY.url: b"the key"})
    assert collect(fetcher=maker).documents == {"other": b"x"}
    assert maker.asked == [KEY.url]


def test_a_tee_that_asks_without_end_is_stopped(questions: Questions) -> None:
    questions.all = tuple(
        Source(f"https://maker.example/{n}", (f"d{n}",), "more", needed=False) for n in range(1000)
    )
    with pytest.raises(EndorsementError, match="more than 64"):
        collect(fetcher=Maker({}))


def test_an_alternative_is_asked_when_the_first_does_not_know(questions: Questions) -> None:
    other = evolve(KEY, url="https://maker.example/genoa/key")
    questions.all = (KEY, other)
    maker = Maker({other.url: b"the key"})
    gathered = collect(fetcher=maker)
    assert gathered.documents == {"key": b"the key"}
    assert [asked.origin for asked in gathered.asked] == [Origin.NOWHERE, Origin.SERVICE]


def test_an_alternative_is_not_asked_when_the_first_knows(questions: Questions) -> None:
    other = evolve(KEY, url="https://maker.example/genoa/key")
    questions.all = (KEY, other)
    maker = Maker({KEY.url: b"the key", other.url: b"another"})
    assert collect(fetcher=maker).documents == {"key": b"the key"}
    assert maker.asked == [KEY.url]


def test_what_nobody_knows_and_is_needed_is_an_error_that_names_its_address() -> None:
    with pytest.raises(NotThereError, match="certificate of the chip's key") as caught:
        collect(fetcher=Maker({}))
    assert caught.value.where == KEY.url


def test_a_service_that_fails_on_what_is_needed_is_an_error_that_names_its_address() -> None:
    with pytest.raises(FetchError, match="needed: certificate of the chip's key") as caught:
        collect(fetcher=Maker({KEY.url: FetchError("no answer", where="elsewhere", hint="wait")}))
    assert (caught.value.where, caught.value.hint) == (KEY.url, "wait")


def test_what_is_not_needed_may_fail_and_is_listed() -> None:
    maker = Maker({KEY.url: b"the key", LIST.url: FetchError("busy", where=LIST.url)})
    gathered = collect(fetcher=maker)
    assert gathered.documents == {"key": b"the key"}
    assert [(a.source.url, a.problem) for a in gathered.asked if a.kept is None] == [(LIST.url, "busy")]


def test_a_service_that_failed_is_not_asked_again_for_what_can_be_done_without(questions: Questions) -> None:
    """Else a machine behind a firewall would wait for each of them."""
    another = evolve(LIST, url="https://maker.example/another", documents=("list.2",))
    elsewhere = evolve(LIST, url="https://elsewhere.example/list", documents=("list.3",))
    questions.all = (LIST, another, elsewhere, KEY)
    maker = Maker({KEY.url: b"the key", LIST.url: FetchError("no answer"), elsewhere.url: b"a list"})
    gathered = collect(fetcher=maker)
    assert gathered.documents == {"key": b"the key", "list.3": b"a list"}
    assert maker.asked == [LIST.url, elsewhere.url, KEY.url]


def test_offline_what_is_missing_is_left_to_verify() -> None:
    gathered = collect()
    assert gathered.documents == {}
    assert {asked.origin for asked in gathered.asked} == {Origin.NOWHERE}


def test_an_answer_that_is_none_is_the_services_fault(questions: Questions, tmp_path: Path) -> None:
    def read(_answer: Answer) -> Mapping[str, bytes]:
        raise CertificateError("not a certificate")

    questions.all = (evolve(KEY, read=read),)
    with pytest.raises(FetchError, match="not what was asked for: not a certificate"):
        collect(fetcher=Maker({KEY.url: b"<html>"}), stores=[Store(tmp_path)])
    assert list(Store(tmp_path).answers()) == []
    questions.all = (KEY,)
    with pytest.raises(FetchError, match="empty"):
        collect(fetcher=Maker({KEY.url: b""}))


def test_an_answer_that_cannot_be_kept_is_one_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    maker = Maker({KEY.url: b"the key", LIST.url: b"the list"})
    gathered = collect(fetcher=maker, stores=[Store(tmp_path / "file")])
    assert gathered.documents["key"] == b"the key"
    assert "cannot be kept" in gathered.asked[0].problem


def test_files_come_before_services() -> None:
    maker = Maker({LIST.url: b"the list"})
    gathered = collect(files=[File("a.der", b"key:mine"), File("b", b"noise")], fetcher=maker)
    assert gathered.documents == {"key": b"key:mine", "list": b"the list"}
    assert maker.asked == [LIST.url]
    assert gathered.unread == ()


def test_files_that_were_named_and_are_of_no_use_are_listed() -> None:
    named = [File("key.der", b"key:mine"), File("noise.der", b"noise"), File("copy.der", b"key:mine")]
    assert collect(named=named).unread == ("key.der", "noise.der")
    assert collect(named=named[1:2]).unread == ("noise.der",)


def test_much_is_not_looked_through_for_what_is_of_no_use(
    tee: list[Tee], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One file is left out after the other to see what it is good for, so that it takes time squared."""
    looked_at: list[int] = []

    def adopting(evidence: Evidence, some: Sequence[File], at: datetime) -> Mapping[str, bytes]:
        looked_at.append(sum(len(file.data) for file in some))
        return adopt(evidence, some, at)

    tee[0] = evolve(tee[0], adopt=adopting)
    monkeypatch.setattr(room, "MAX_LOOKED_AT", 1000)
    named = [File("key", b"key:1"), *(File(f"other {n}", b"?" * 100) for n in range(9))]
    assert collect(named=named).unread == ()
    assert sum(looked_at) == 905
    assert collect(named=named[:3]).unread == ("other 0", "other 1")


def test_documents_of_an_evidence_file_that_nobody_reads_are_listed(questions: Questions) -> None:
    evidence = evolve(EVIDENCE, endorsements={"key": b"theirs", "list.2": b"x", "nonsense": b"y"})
    gathered = gather(evidence, at=NOW)
    assert gathered.unread == ("document nonsense of the evidence file",)
    assert questions.seen[0] == evidence.endorsements
    assert gathered.documents == {}


def test_a_tee_without_endorsements_asks_nobody(tee: list[Tee]) -> None:
    tee[0] = evolve(tee[0], sources=None, adopt=None, documents=())
    maker = Maker({})
    assert collect(fetcher=maker, named=[File("x", b"x")]) == Gathered(unread=("x",))
    assert maker.asked == []


def test_a_question_that_is_posted_is_kept_under_what_was_sent(questions: Questions, tmp_path: Path) -> None:
    one = Source(KEY.url, ("one",), "OCSP", post=b"1", content_type="application/ocsp-request")
    two = evolve(one, documents=("two",), post=b"2")
    questions.all = (one, two)
    maker = Maker({KEY.url: b"good"})
    collect(fetcher=maker, stores=[Store(tmp_path)])
    assert maker.asked == [f"{KEY.url} b'{n}' application/ocsp-request" for n in (1, 2)]
    assert len(list(Store(tmp_path).answers())) == 2
