# SPDX-License-Identifier: Apache-2.0
"""A gate that lets nobody fall shows nothing: a toy verifier whose tests forget a check is reported."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from tools.mutate import allowed
from tools.mutate.__main__ import judge, main
from tools.mutate.allowed import Allowed
from tools.mutate.mutants import find
from tools.mutate.rooms import ROOMS, Room

SOURCE = '''
from functools import lru_cache

class Refused(Exception):
    """No."""

@lru_cache
def verify(signed: bool, age: int) -> str:
    if not signed:
        raise Refused("not signed")
    if age > 10:
        raise Refused("too old")
    return "genuine"
'''

TESTS = """
import pytest
import toy_verifier

def test_what_is_genuine_passes() -> None:
    assert toy_verifier.verify(True, 10) == "genuine"

def test_what_is_not_signed_is_refused() -> None:
    with pytest.raises(toy_verifier.Refused):
        toy_verifier.verify(False, 0)
"""

FORGOTTEN = """
def test_what_is_too_old_is_refused() -> None:
    with pytest.raises(toy_verifier.Refused):
        toy_verifier.verify(True, 11)
"""


CLOSURE = """
class Refused(Exception):
    pass

def made(oldest):
    def verify(signed, age):
        if not signed:
            raise Refused("not signed")
        if age > oldest:
            raise Refused("too old")
        return "genuine"
    return verify

verify = made(10)
"""

COUNTDOWN = """
def verify(n: int) -> int:
    while n > 3:
        n -= 1
    return n
"""

COUNTDOWN_TESTS = """
import toy_verifier

def test_it_counts_down() -> None:
    assert toy_verifier.verify(9) == 3
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    """A verifier with two checks, and tests of one."""
    (tmp_path / "toy_verifier.py").write_text(SOURCE)
    (tmp_path / "test_toy.py").write_text(TESTS)
    monkeypatch.syspath_prepend(tmp_path)
    return Room("toy", ("toy_verifier",), (str(tmp_path),), package="toy_verifier")


def _found(source: str) -> set[tuple[str, str]]:
    return {(mutant.was, mutant.becomes) for mutant in find(ast.parse(source))}


def test_a_check_that_no_test_produces_is_reported(toy: Room, capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(toy, (), jobs=1) == 1
    said = capsys.readouterr().out
    assert "toy_verifier.verify, line 12: unreached\n    raise Refused\n    → removed" in said
    assert "line 10" not in said, "that check has its test"


def test_with_a_test_for_each_check_nothing_survives(toy: Room, capsys: pytest.CaptureFixture[str]) -> None:
    place = Path(toy.tests[0]) / "test_toy.py"
    place.write_text(TESTS + FORGOTTEN)
    assert judge(toy, (), jobs=2) == 0
    assert capsys.readouterr().out.split() == ["toy", "5", "5", "0", "0", "0"]


def test_a_survivor_may_be_explained_and_an_explanation_must_explain_something(
    toy: Room, capsys: pytest.CaptureFixture[str]
) -> None:
    known = Allowed("toy_verifier", "verify", "raise Refused", "removed", "a toy may be old")
    assert judge(toy, (known,), jobs=1) == 0
    stale = Allowed("toy_verifier", "verify", "age > 12", "age >= 12", "of a source that has changed since")
    assert judge(toy, (known, stale), jobs=1) == 1
    assert (
        "toy_verifier.verify: allowed, and is not there or was killed\n    age > 12"
        in capsys.readouterr().out
    )


def test_tests_that_fail_without_any_mutant_prove_nothing(
    toy: Room, capsys: pytest.CaptureFixture[str]
) -> None:
    place = Path(toy.tests[0]) / "test_toy.py"
    place.write_text(TESTS + "\ndef test_that_fails() -> None:\n    assert False\n")
    assert judge(toy, (), jobs=1) == 1
    assert "fails without any mutant: " in capsys.readouterr().out


def test_a_mutant_that_never_ends_is_counted_apart(
    toy: Room, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TTEE_MUTATE_PATIENCE", "0.5")
    folder = Path(toy.tests[0])
    (folder / "toy_verifier.py").write_text(COUNTDOWN)
    (folder / "test_toy.py").write_text(COUNTDOWN_TESTS)
    judge(toy, (), jobs=2)
    assert capsys.readouterr().out.split()[:4] == ["toy", "3", "2", "1"]


def test_a_closure_that_was_made_at_import_is_changed_too(
    toy: Room, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(toy.tests[0])
    (folder / "toy_verifier.py").write_text(CLOSURE)
    (folder / "test_toy.py").write_text(TESTS + FORGOTTEN)
    assert judge(toy, (), jobs=2) == 0
    assert capsys.readouterr().out.split() == ["toy", "5", "5", "0", "0", "0"]


@pytest.mark.parametrize(
    ("condition", "mutants"),
    [
        ("a", {("a", "not a")}),
        ("not a", {("not a", "a")}),
        ("a == b", {("a == b", "a != b")}),
        ("a < b", {("a < b", "a >= b"), ("a < b", "a <= b")}),
        (
            "a or b in c",
            {
                ("a or b in c", "a"),
                ("a or b in c", "b in c"),
                ("a or b in c", "not (a or b in c)"),
                ("a", "not a"),
                ("b in c", "b not in c"),
            },
        ),
        (
            "0 < a <= 9",
            {
                ("0 < a <= 9", after)
                for after in ("not 0 < a <= 9", "0 < a", "a <= 9", "0 <= a <= 9", "0 < a < 9")
            },
        ),
    ],
)
def test_a_condition_is_negated_thinned_out_and_moved_by_one(
    condition: str, mutants: set[tuple[str, str]]
) -> None:
    assert _found(f"def check(a, b, c):\n    if {condition}:\n        return b") == mutants


def test_what_refuses_is_removed_and_a_step_is_done_without_being_listed() -> None:
    source = """
def verify(steps, a):
    with steps(CHECK, "what was found"):
        check(a)
    for name, value in (("x", a.x), ("y", a.y)):
        if value:
            raise Refused("a word" if a else "another word")
"""
    assert _found(source) == {
        ("steps(CHECK, 'what was found')", "unlisted"),
        ("check(a)", "removed"),
        ("('x', a.x)", "removed"),
        ("('y', a.y)", "removed"),
        ("value", "not value"),
        ("raise Refused", "removed"),
    }


def test_every_verifier_is_in_a_room() -> None:
    mutated = {module for room in ROOMS.values() for module in room.modules}
    source = Path(__file__).parents[2] / "src"
    verifiers = {
        ".".join(path.relative_to(source).with_suffix("").parts) for path in source.rglob("verify.py")
    }
    assert {name for name in verifiers if name.startswith("ttee.tee.")} <= mutated


def test_every_survivor_that_is_allowed_has_its_reason_and_its_room() -> None:
    modules = {module for room in ROOMS.values() for module in room.modules}
    for entry in allowed.load():
        assert entry.module in modules
        assert entry.reason.strip()


def test_a_room_that_is_none_is_said_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cellar"]) == 2
    assert "no room cellar; there are intel, " in capsys.readouterr().err
