# SPDX-License-Identifier: Apache-2.0
"""Many pieces of evidence in one run: what was read or asked once is not read or asked again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ttee.endorse import fleet
from ttee.endorse.fleet import AskedOnce, ReadOnce
from ttee.endorse.store import Kept, Store
from ttee.errors import EndorsementError, NotThereError
from ttee.tee.sources import Answer, Source

NOW = datetime(2026, 11, 21, tzinfo=UTC)


class Service:
    """Answers with the question, or does not; counts."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bytes | None]] = []
        self.clock = 0.0

    def fetch(self, url: str, post: bytes | None = None, content_type: str = "") -> Answer:
        self.asked.append((url, post))
        if "unknown" in url:
            raise NotThereError("no such thing", where=url)
        return Answer(url.encode() + (post or b"") + content_type.encode())


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def once(service: Service) -> AskedOnce:
    return AskedOnce(service, lambda: service.clock)


def test_a_question_is_asked_once_a_minute(service: Service, once: AskedOnce) -> None:
    for _ in range(3):
        assert once.fetch("https://a").body == b"https://a"
        assert once.fetch("https://a", b"post", "text").body == b"https://aposttext"
    assert service.asked == [("https://a", None), ("https://a", b"post")]
    service.clock += fleet.PATIENCE + 1
    once.fetch("https://a")
    assert len(service.asked) == 3


def test_so_is_one_without_an_answer(service: Service, once: AskedOnce) -> None:
    for _ in range(3):
        with pytest.raises(NotThereError, match="no such thing") as caught:
            once.fetch("https://unknown")
        assert len(caught.traceback) < 10
    assert len(service.asked) == 1


def test_what_is_remembered_is_bounded(
    service: Service, once: AskedOnce, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "MAX_ANSWERS", 2)
    for name in "abca":
        once.fetch(f"https://{name}")
    assert len(service.asked) == 4
    monkeypatch.setattr(fleet, "MAX_ANSWER", 8)
    for _ in range(2):
        once.fetch("https://large")
    assert len(service.asked) == 6


def kept(name: str) -> Kept:
    return Kept(f"https://{name}", None, {"crl": name.encode()}, NOW, None)


def test_a_kept_answer_is_read_once(tmp_path: Path) -> None:
    Store(tmp_path).keep(kept("a"))
    store, source = ReadOnce(tmp_path), Source("https://a", ("crl",), "a list")
    assert store.find(Source("https://b", ("crl",), "a list")) is None
    first = store.find(source)
    assert first is not None
    for path in tmp_path.rglob("*.json"):
        path.unlink()
    assert store.find(source) is first
    assert Store(tmp_path).find(source) is None


def test_what_cannot_be_written_is_remembered_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = ReadOnce(tmp_path / "file")
    monkeypatch.setattr(fleet, "MAX_KEPT", 2)
    for name in "abc":
        with pytest.raises(EndorsementError):
            store.keep(kept(name))
    found = [store.find(Source(f"https://{name}", ("crl",), "a list")) for name in "abc"]
    assert [answer is not None for answer in found] == [False, True, True]
