# SPDX-License-Identifier: Apache-2.0
"""Editions of endorsements go up, or somebody hides what is new."""

from __future__ import annotations

import json
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from ttee.endorse import memory as room
from ttee.endorse.memory import Memory
from ttee.errors import EndorsementError, ExitCode, RolledBackError
from ttee.model import Assurance, Claims


def claims(**editions: int) -> Claims:
    return Claims("double", Assurance.SILICON, (), (), (), editions=editions)


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(tmp_path / "editions.json")


def test_editions_may_rise_and_stay(memory: Memory) -> None:
    for number in (1, 1, 2, 7):
        memory.recall(claims(crl=number))
    assert json.loads(memory.path.read_text())["highest"] == {"crl": "7"}


def test_an_edition_that_goes_back_is_refused_and_named(memory: Memory) -> None:
    memory.recall(claims(crl=7, tcb=1))
    with pytest.raises(RolledBackError, match="crl: edition 6, and edition 7 was seen before") as caught:
        memory.recall(claims(tcb=2, crl=6))
    assert caught.value.exit_code is ExitCode.UNAVAILABLE
    assert caught.value.where == "crl"
    assert json.loads(memory.path.read_text())["highest"] == {"crl": "7", "tcb": "1"}


def test_editions_of_others_do_not_matter(memory: Memory) -> None:
    memory.recall(claims(crl=7))
    memory.recall(claims(another=1))


def test_claims_without_editions_leave_no_file(memory: Memory) -> None:
    memory.recall(claims())
    assert not list(memory.path.parent.iterdir())


def test_crl_numbers_of_twenty_octets_are_numbers(memory: Memory) -> None:
    """RFC 5280, section 5.2.3."""
    memory.recall(claims(crl=2**159))
    memory.recall(claims(crl=2**159))
    with pytest.raises(RolledBackError):
        memory.recall(claims(crl=2**159 - 1))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{",
        b'{"schema": "ttee.editions/2", "highest": {}}',
        b'{"schema": "ttee.editions/1"}',
        b'{"schema": "ttee.editions/1", "highest": {"crl": true}}',
        b'{"schema": "ttee.editions/1", "highest": {"crl": 7}}',
        b'{"schema": "ttee.editions/1", "highest": {"crl": "x"}}',
    ],
)
def test_a_damaged_memory_is_an_error_and_not_a_blank_one(memory: Memory, data: bytes) -> None:
    memory.path.write_bytes(data)
    with pytest.raises(EndorsementError, match="damaged") as caught:
        memory.recall(claims(crl=1))
    assert caught.value.where == str(memory.path)


def test_a_fifo_in_its_place_is_damage(memory: Memory) -> None:
    os.mkfifo(memory.path)
    with pytest.raises(EndorsementError, match="damaged"):
        memory.recall(claims(crl=1))


def test_it_forgets_what_rose_longest_ago_and_no_more_than_it_must(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MAX_NAMES", 3)
    for name, number in (("a", 1), ("b", 1), ("c", 1), ("a", 2), ("d", 1)):
        memory.recall(claims(**{name: number}))
    assert set(json.loads(memory.path.read_text())["highest"]) == {"a", "c", "d"}


def test_where_nothing_can_be_kept_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        Memory(tmp_path / "missing" / "editions.json").recall(claims(crl=1))


def _remember(path: str, names: tuple[str, ...]) -> None:
    for number in range(20):
        for name in names:
            Memory(Path(path)).recall(claims(**{name: number}))


def test_several_processes_remember_at_once(memory: Memory) -> None:
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        list(pool.map(_remember, [str(memory.path)] * 2, [("a", "b"), ("c", "d")]))
    assert json.loads(memory.path.read_text())["highest"] == dict.fromkeys("abcd", "19")
