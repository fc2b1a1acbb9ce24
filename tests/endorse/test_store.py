# SPDX-License-Identifier: Apache-2.0
"""A folder of answers: found again, carried, damaged, attacked, shared, and bounded."""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttee.endorse import store as store_module
from ttee.endorse.store import INDEX, Kept, Store, digest_of
from ttee.errors import EndorsementError
from ttee.tee.sources import Source

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
URL = "https://kdsintf.amd.com/vcek/v1/Milan/crl"
CRL = b"\x30\x82crl"


NAMES = st.from_regex(r"[a-z][a-z0-9_.-]{0,63}", fullmatch=True)
KEYS = ("schema", "url", "post", "fetched", "until", "documents", "crl", "file", "sha256")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.just("ttee.answer/1"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=12,
)


def kept(url: str = URL, post: bytes | None = None, fetched: datetime = AT, **documents: bytes) -> Kept:
    return Kept(url, digest_of(post), documents or {"crl": CRL}, fetched, AT + timedelta(days=30))


def asked(url: str = URL, post: bytes | None = None) -> Source:
    return Source(url, ("crl",), "a list", post=post)


def test_what_is_kept_is_found_again_under_its_question(tmp_path: Path) -> None:
    store = Store(tmp_path / "new")
    assert store.find(asked()) is None
    store.keep(kept())
    found = store.find(asked())
    assert found is not None
    assert (found.documents, found.fetched, found.until) == ({"crl": CRL}, AT, AT + timedelta(days=30))
    assert store.find(asked(URL + "?other")) is None
    assert store.find(asked(post=b"")) is None
    assert list(store.answers()) == [found]


def test_two_posts_to_one_address_are_two_questions(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.keep(kept(post=b"1", crl=b"one"))
    store.keep(kept(post=b"2", crl=b"two"))
    found = store.find(asked(post=b"2"))
    assert found is not None
    assert found.documents["crl"] == b"two"


def test_files_have_names_that_people_can_read(tmp_path: Path) -> None:
    Store(tmp_path).keep(kept(crl=CRL, chain=b"-----BEGIN CERTIFICATE-----"))
    names = sorted(path.name for path in (tmp_path / "kdsintf.amd.com").iterdir())
    assert [name.split(".")[0] for name in names] == ["vcek-v1-Milan-crl"] * 3
    assert sorted(name.rsplit(".", 1)[1] for name in names) == ["der", "json", "pem"]
    assert (tmp_path / "kdsintf.amd.com" / next(n for n in names if n.endswith(".der"))).read_bytes() == CRL


def test_a_newer_answer_replaces_the_older_and_its_files(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.keep(kept(crl=b"old", chain=b"gone"))
    store.keep(kept(crl=b"new"))
    found = store.find(asked())
    assert found is not None
    assert found.documents == {"crl": b"new"}
    assert len(list(tmp_path.glob("*/*"))) == 2


def test_a_folder_can_be_carried_and_merged_by_copying(tmp_path: Path) -> None:
    one, other = Store(tmp_path / "one"), Store(tmp_path / "other")
    one.keep(kept())
    other.keep(kept(URL + "/2"))
    shutil.copytree(one.folder, other.folder, dirs_exist_ok=True)
    assert {found.url for found in other.answers()} == {URL, URL + "/2"}


def test_a_folder_that_cannot_be_written_is_still_read(tmp_path: Path) -> None:
    store = Store(tmp_path / "kept")
    store.keep(kept())
    (tmp_path / "kept" / "pccs.example").write_bytes(b"a file where a folder should be")
    with pytest.raises(EndorsementError, match="cannot be kept"):
        store.keep(kept("https://pccs.example/x"))
    assert store.find(asked()) is not None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("schema", "ttee.answer/2"),
        ("url", "https://elsewhere.example/"),
        ("url", 7),
        ("post", 7),
        ("fetched", "yesterday"),
        ("until", "2026-02-31T00:00:00Z"),
        ("documents", []),
        ("documents", {"crl": {"file": "../../secret.der", "sha256": "0" * 64}}),
        ("documents", {"crl": {"file": "/etc/passwd", "sha256": "0" * 64}}),
        ("documents", {"crl": {"file": ".hidden", "sha256": "0" * 64}}),
        ("documents", {"crl": {"file": "missing.der", "sha256": "0" * 64}}),
        ("documents", {"crl": {"file": "missing.der"}}),
        ("documents", {"CRL": {"file": "x", "sha256": "0" * 64}}),
        ("documents", {"crl": "x"}),
        ("documents", {f"d{n}": {"file": "x", "sha256": "0" * 64} for n in range(100)}),
    ],
)
def test_an_index_that_was_tampered_with_is_no_answer(tmp_path: Path, key: str, value: object) -> None:
    store = Store(tmp_path)
    store.keep(kept())
    index = next(tmp_path.glob(f"*/*{INDEX}"))
    index.write_text(json.dumps({**json.loads(index.read_text()), key: value}))
    assert store.find(asked()) is None


@given(JSON)
def test_no_json_in_the_place_of_an_index_breaks_a_store(
    tmp_path_factory: pytest.TempPathFactory, value: object
) -> None:
    store = Store(tmp_path_factory.mktemp("store"))
    store.keep(kept())
    index = next(store.folder.glob(f"*/*{INDEX}"))
    index.write_text(json.dumps(value))
    assert store.find(asked()) is None
    assert list(store.answers()) == []


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"7", b"\xff", b"{}", b" " * 70_000])
def test_a_damaged_index_is_no_answer_and_can_be_replaced(tmp_path: Path, data: bytes) -> None:
    store = Store(tmp_path)
    store.keep(kept())
    next(tmp_path.glob(f"*/*{INDEX}")).write_bytes(data)
    assert store.find(asked()) is None
    store.keep(kept())
    assert store.find(asked()) is not None


def test_a_document_that_was_changed_is_no_answer(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.keep(kept())
    next(tmp_path.glob("*/*.der")).write_bytes(b"\x30\x82another")
    assert store.find(asked()) is None
    store.keep(kept())
    assert store.find(asked()) is not None


def test_a_fifo_in_the_place_of_a_file_makes_nobody_wait(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.keep(kept())
    index = next(tmp_path.glob(f"*/*{INDEX}"))
    index.unlink()
    os.mkfifo(index)
    assert store.find(asked()) is None
    assert list(store.answers()) == []


@given(
    st.text(max_size=300),
    st.dictionaries(NAMES, st.binary(max_size=20), max_size=3),
)
def test_no_address_leads_out_of_the_folder(
    tmp_path_factory: pytest.TempPathFactory, url: str, documents: dict[str, bytes]
) -> None:
    root = tmp_path_factory.mktemp("root")
    store = Store(root / "store")
    try:
        url.encode()
    except UnicodeEncodeError:
        return
    store.keep(Kept(url, None, documents, AT, None))
    found = store.find(Source(url, ("x",), ""))
    assert found is not None
    assert found.documents == documents
    assert [path.name for path in root.iterdir()] == ["store"]
    assert all(len(path.relative_to(store.folder).parts) <= 2 for path in store.folder.rglob("*"))


def test_files_of_answers_are_told_from_loose_ones(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.keep(kept())
    loose = tmp_path / "kdsintf.amd.com" / "mine.der"
    loose.write_bytes(b"mine")
    assert {path for path in tmp_path.glob("*/*") if not store.owns(path)} == {loose}


def test_too_many_answers_push_the_oldest_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "MAX_ANSWERS", 10)
    monkeypatch.setattr(store_module, "BOUND_EVERY", 1)
    store = Store(tmp_path)
    for number in range(12):
        store.keep(kept(f"{URL}/{number}", crl=bytes([number])))
        for path in tmp_path.glob(f"*/*crl-{number}.*"):
            os.utime(path, (number, number))
    left = {found.url for found in store.answers()}
    assert len(left) <= 10
    assert f"{URL}/11" in left
    assert f"{URL}/0" not in left


def test_answers_that_are_too_large_together_push_the_oldest_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "MAX_TOTAL", 5000)
    monkeypatch.setattr(store_module, "BOUND_EVERY", 1)
    store = Store(tmp_path)
    for number in range(5):
        store.keep(kept(f"{URL}/{number}", crl=bytes([number]) * 1500))
        for path in tmp_path.glob(f"*/*crl-{number}.*"):
            os.utime(path, (number, number))
    assert sum(path.stat().st_size for path in tmp_path.glob("*/*")) <= 5000
    assert store.find(asked(f"{URL}/4")) is not None


def _keep_many(folder: str, seed: int) -> int:
    store = Store(Path(folder))
    missing = 0
    for number in range(30):
        store.keep(kept(f"{URL}/{number % 3}", crl=b"%d %d" % (seed, number)))
        found = store.find(asked(f"{URL}/{number % 3}"))
        missing += found is not None and found.documents.keys() != {"crl"}
    return missing


def test_several_processes_keep_answers_at_once(tmp_path: Path) -> None:
    """One that reads sees a whole answer, or none for the moment that another takes to replace it."""
    with ProcessPoolExecutor(3, get_context("spawn")) as pool:
        assert list(pool.map(_keep_many, [str(tmp_path)] * 3, range(3))) == [0, 0, 0]
    store = Store(tmp_path)
    store.keep(kept(f"{URL}/0", crl=b"last"))
    found = store.find(asked(f"{URL}/0"))
    assert found is not None
    assert found.documents["crl"] == b"last"
    assert not list(tmp_path.rglob("*.new"))
