# SPDX-License-Identifier: Apache-2.0
"""Knowledge files are read strictly: a dangling name or a missing source is an error with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.trust.known import (
    ADVERSARIES,
    ATTACKS,
    CAPABILITIES,
    DESIGNS,
    PARTIES,
    TOP,
    knowledge,
    knowledge_of,
)
from ttee.errors import KnowledgeError, QuestionError
from ttee.trust.knowledge.reading import read_knowledge
from ttee.trust.knowledge.terms import Property, Reach

Files = dict[str, str]
TDX, TAP = DESIGNS["tdx"], ATTACKS["bus-tap"]


def test_what_is_written_is_what_is_known() -> None:
    known = knowledge()
    assert set(known.designs) == {"tdx", "snp", "cca"}
    tap = known.attacks["bus-tap"]
    assert tap.needs == (("bus_passive", "host_root"),)
    assert tap.breaks == (Property.ATTESTATION, Property.KEYS, Property.CONFIDENTIALITY)
    assert (tap.cost_usd, tap.reach, tap.compiled) == (1000, Reach.MACHINE, True)
    assert known.designs["tdx"].roles["certifier"].of == ("intel",)
    assert known.capabilities["host_firmware"].implies == ("host_root",)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('certifier = "intel"', 'certifier = "intle"', "did you mean 'intel'?"),
        ('certifier = "intel"\n', "", "the certifier is missing"),
        ('"deterministic"', '"determinstic"', "did you mean 'deterministic'?"),
        ("memory_freshness", "memory_freshnes", "did you mean 'memory_freshness'?"),
        ('[[source]]\ntext = "its makers\' documents"\n', "", "at least one [[source]]"),
        ('text = "its makers\' documents"', 'date = "2025"', "text is missing"),
        ('maker = "intel"', 'maker = "itel"', "did you mean 'intel'?"),
        ("machine_usd = 5000", "machine_usd = -1", "machine_usd is an integer from 0"),
        ('id = "tdx"', 'id = "T D X"', "id is a name"),
        ("ttee.tee-model/1", "ttee.tee-model/2", "the schema must be"),
        ('[[component]]\nid = "tdx-chip"', '[[komponent]]\nid = "tdx-chip"', "did you mean 'component'?"),
    ],
)
def test_a_mistake_in_a_design_has_its_line(old: str, new: str, says: str) -> None:
    problem = refused(designs={**DESIGNS, "tdx": TDX.replace(old, new)})
    assert says in problem.message
    assert (problem.where or "").startswith("tdx.toml")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('tee = "tdx"', 'tee = "tdz"', "did you mean 'tdx'?"),
        ('"bus_passive"', '"bus_pasive"', "did you mean 'bus_passive'?"),
        ('"keys"', '"kes"', "did you mean 'keys'?"),
        ('sources = [{ text = "a paper" }]', "sources = []", "sources: at least one"),
        ('{ text = "a paper" }', '{ text = "a paper", url = "ftp://x" }', "url begins with https://"),
        ('{ text = "a paper" }', '{ text = "a paper", date = "May" }', "date is a year"),
        ('public = "2025-10-28"', 'public = "2025-13"', "public is a year"),
        ("needs = [[", "needs = [[], [", "needs is a list of lists"),
        ('kind = "none"', 'kind = "tbc"', "did you mean 'tcb'?"),
        ('reach = "machine"', "", "reach is missing"),
        ("[[target]]", "[[tarjet]]", "did you mean 'target'?"),
        ('tee = "tdx"', 'tee = "tdx"\nwhen = [{ fact = "x", is = 1.5 }]', "a fact is text"),
        ('tee = "tdx"', 'tee = "tdx"\nwhen = [{ fact = "x", at_last = 1 }]', "did you mean 'at_least'?"),
        ('tee = "tdx"', 'tee = "tdx"\nunless = [[]]', "refutes nothing"),
        ('tee = "tdx"', 'tee = "tdx"\nunless = [{ fact = "x" }]', "a condition is"),
    ],
)
def test_a_mistake_in_an_attack_has_its_line(old: str, new: str, says: str) -> None:
    problem = refused(attacks={"bus-tap": TAP.replace(old, new, 1)})
    assert says in problem.message
    assert (problem.where or "").startswith("bus-tap.toml")


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("knowledge", TOP.replace("2026-11-21", "soon"), "as_of is a day"),
        (
            "parties",
            PARTIES.replace('parent = "microsoft"', 'parent = "mircosoft"'),
            "did you mean 'microsoft'?",
        ),
        ("parties", PARTIES.replace("[party.ovh]", "[party.owner]"), "no party is called 'owner'"),
        ("parties", PARTIES.replace('parent = "microsoft"', 'parent = "linkedin"'), "owns itself"),
        (
            "capabilities",
            CAPABILITIES.replace('implies = ["host_root"]', 'implies = ["root"]'),
            "'root' is not known",
        ),
        ("capabilities", CAPABILITIES.replace('roles = ["assembler"]', ""), "roles stand where"),
        (
            "capabilities",
            CAPABILITIES.replace("[capability.bus_active]", "[capability.bus_aktive]"),
            "bus_active",
        ),
        ("adversaries", ADVERSARIES.replace('"host_root"]', '"host_rot"]'), "did you mean 'host_root'?"),
        (
            "adversaries",
            ADVERSARIES.replace('scope = "operator"', 'scope = "operators"'),
            "did you mean 'operator'?",
        ),
    ],
)
def test_a_mistake_in_the_lists_has_its_line(name: str, text: str, says: str) -> None:
    problem = refused(lists={name: text})
    assert says in problem.message
    assert (problem.where or "").startswith(f"{name}.toml")


def test_two_designs_or_attacks_of_one_name_are_refused() -> None:
    assert "a second design 'tdx'" in refused(designs={**DESIGNS, "again": TDX}).message
    assert "a second attack 'bus-tap'" in refused(attacks={**ATTACKS, "again": TAP}).message


def test_a_folder_of_files_is_read(tmp_path: Path) -> None:
    for folder, files in (("designs", DESIGNS), ("attacks", ATTACKS)):
        (tmp_path / folder).mkdir()
        for name, text in files.items():
            (tmp_path / folder / f"{name}.toml").write_text(text)
    single = {"knowledge": TOP, "capabilities": CAPABILITIES, "parties": PARTIES, "adversaries": ADVERSARIES}
    for name, text in single.items():
        (tmp_path / f"{name}.toml").write_text(text)
    assert read_knowledge(tmp_path).attacks == knowledge().attacks
    (tmp_path / "parties.toml").unlink()
    with pytest.raises(KnowledgeError, match="cannot read"):
        read_knowledge(tmp_path)


def test_a_day_beyond_what_is_known_is_refused() -> None:
    known = knowledge()
    assert str(known.moment("2025-09")) == "2025-09-01"
    assert str(known.moment("2025-09-30T12:00:00Z")) == "2025-09-30"
    assert known.moment(None) == known.as_of
    for text in ("2026-11-22", "2027", "yesterday", "2025-02-30", ""):
        with pytest.raises(QuestionError):
            known.moment(text)


def refused(
    designs: Files | None = None, attacks: Files | None = None, lists: Files | None = None
) -> KnowledgeError:
    with pytest.raises(KnowledgeError) as caught:
        knowledge_of(designs, attacks, **(lists or {}))
    assert caught.value.exit_code == 2
    return caught.value
