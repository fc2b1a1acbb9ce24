# SPDX-License-Identifier: Apache-2.0
"""Statements: what breaks a property alone, by published attacks, by flaws; and that the ways add up."""

from __future__ import annotations

import pytest

from tests.trust.known import model
from ttee.trust.answers import ask
from ttee.trust.answers.statement import Statement, alone_words, depths, standings, statements
from ttee.trust.answers.ways import EXAMPLES, OF_WAY, Way, Ways, behind, lacking
from ttee.trust.answers.words import ASKED
from ttee.trust.calculus.cuts import Limits
from ttee.trust.calculus.rules import Kind
from ttee.trust.knowledge.terms import Property
from ttee.trust.model.build import Model

ONE = '[part.a]\ntee = "tdx"\noperator = "google"\n'
TWO = ONE + '[part.b]\ntee = "snp"\noperator = "ovh"\n[part.x]\nsplit = { k = 2, of = ["a", "b"] }\n'
PINNED = TWO.replace("operator", "pin = true\noperator")


def one(made: Model, property_: Property = Property.CONFIDENTIALITY, listed: int = 0) -> Statement:
    return statements(made, [property_], listed=listed)[0]


def test_a_single_tee_is_broken_by_its_maker_and_by_whoever_wrote_the_program() -> None:
    said = one(model(ONE))
    assert said.singles["party"] == ("author@app", "intel") or "google" in said.singles["party"]
    assert {"intel", "author@app"} <= set(said.singles["party"])
    assert said.singles["component"] == ("tdx-chip", "tdx-firmware")
    assert said.smallest == 1


def test_a_secret_shared_by_two_makers_is_no_single_makers() -> None:
    said = one(model(PINNED))
    assert said.singles["party"] == ("author@app",)
    assert said.singles["component"] == ()
    assert said.singles["jurisdiction"] == ("us",)


def test_money_alone_is_said_where_nobody_is_needed() -> None:
    said = one(model(ONE))
    assert said.money == (6000.0, frozenset({"machine:tdx", "equipment:bus-tap"}))
    assert "intel" in said.singles["party"]  # all the same
    assert one(model(PINNED)).money is None


def test_published_ways_name_their_attacks() -> None:
    made = model(ONE)
    said = one(made)
    published = said.of(Way.PUBLISHED)
    assert published is not None
    for cut in published.examples:
        assert [attack.id for attack in behind(made, said.goal, cut)] == ["bus-tap"]
    assert said.cheapest is not None
    assert said.cheapest[0] == 1000


def test_what_a_fact_refutes_is_not_behind_a_cut_even_once_attestation_is_broken() -> None:
    made = model('[part.b]\ntee = "snp"\nfacts = { product = "milan", spl = 27 }\n')
    goal = made.goal("confidentiality")
    cut = {"capability:host_root@b", "capability:host_firmware@b"}
    assert [attack.id for attack in behind(made, goal, cut)] == ["bad-fuse"]
    assert {each.attack.id: each.refuted for each in standings(made)} == {
        "bad-fuse": "",
        "bus-tap": "",
        "old-microcode": "spl is at least 27",
    }


def test_once_mended_a_way_is_left_only_if_it_has_no_fix() -> None:
    snp = model('[part.b]\ntee = "snp"\npin = true\n', at="2025-01-01")
    said = one(snp)
    assert said.of(Way.PUBLISHED) is not None  # old-microcode
    assert said.unmended is None
    later = one(model('[part.b]\ntee = "snp"\npin = true\n'))
    assert later.unmended is not None  # bus-tap


def test_no_published_break_is_told_from_no_break() -> None:
    said = one(model('[part.c]\ntee = "cca"\n', at="2019-01-01"), Property.INTEGRITY)
    assert said.of(Way.PUBLISHED) is None
    assert said.of(Way.UNDISCLOSED) is not None
    assert said.count


def test_the_weakest_means_that_suffice_are_told() -> None:
    made = model('[part.b]\ntee = "snp"\npin = true\n')
    said = one(made)
    assert said.cheapest == (0.0, frozenset({"capability:host_root@b"}))  # not its firmware
    published = said.of(Way.PUBLISHED)
    assert published is not None
    assert not any("capability:host_firmware@b" in cut and len(cut) == 1 for cut in published.examples)


@pytest.mark.parametrize("property_", ASKED)
@pytest.mark.parametrize("parts", [ONE, TWO, PINNED])
def test_cuts_of_a_kind_are_the_same_listed_or_asked_for_anew(parts: str, property_: Property) -> None:
    made = model(parts)
    ways = Ways.of(made, made.goal(property_))
    anew = Ways(made, ways.goal, ways.limits, ways.whole, None)
    for way in Way:
        listed, asked = ways.made_of(OF_WAY[way]), anew.made_of(OF_WAY[way])
        assert set(listed.smallest_first()) == set(asked.smallest_first())
        mine, theirs = ways.family(way), anew.family(way)
        assert (mine is None) == (theirs is None)
        if mine is not None and theirs is not None:
            assert (mine.count, mine.histogram) == (theirs.count, theirs.histogram)
            if mine.count <= EXAMPLES:  # of more, either shows some
                assert set(mine.examples) == set(theirs.examples)
    assert ways.singles() == anew.singles()
    assert ways.smallest() == anew.smallest()


def test_what_is_left_open_or_leaks_has_its_mark_in_every_cut() -> None:
    made = model(TWO + '[part.front]\nchannel = { to = "x", binding = "tls-key", pin = true }\n')
    said = one(made)
    for way, kind in ((Way.OPEN, Kind.EXPOSURE), (Way.LEAKS, Kind.LEAK)):
        family = said.of(way)
        assert family is not None
        assert all(any(made.events[event].kind is kind for event in cut) for cut in family.examples)


def test_a_bounded_search_says_so() -> None:
    made = model(TWO)
    said = statements(made, [Property.CONFIDENTIALITY], limits=Limits(bound=1, max_nodes=10, max_steps=300))
    assert said[0].bound == 1


def test_cuts_are_listed_only_for_those_who_ask() -> None:
    made = model(TWO)
    assert one(made).listed == ()
    listed = one(made, listed=5).listed
    assert len(listed) == 5
    assert [len(cut) for cut in listed] == sorted(len(cut) for cut in listed)


def test_what_is_lacking_completes_what_was_tried() -> None:
    made = model(PINNED)
    who, _ = ask.adversary(made, "operator")
    goal = made.goal("confidentiality")
    answer = ask.can(made, goal, who, 0)
    assert not answer.broken
    ways = lacking(made, goal, answer.tried)
    assert ways.count
    for cut in ways.examples:
        assert made.base.breaks(answer.tried | cut, goal)
        assert not made.base.breaks(answer.tried | set(sorted(cut)[1:]), goal)


def test_depth_counts_what_was_public_then() -> None:
    (depth,) = depths(model('[part.b]\ntee = "snp"\n'))
    assert (depth.name, depth.studies, depth.attacks) == ("SNP", 3, 3)
    (depth,) = depths(model('[part.b]\ntee = "snp"\n', at="2025-01-01"))
    assert depth.attacks == 1


def test_singles_go_by_the_names_that_people_know() -> None:
    made = model(ONE)
    assert alone_words(made, "party", ["intel", "author@app"]) == ["Intel", "whoever wrote the program 'app'"]
    assert alone_words(made, "vendor", ["intel"]) == ["Intel"]
    assert alone_words(made, "component", ["tdx-chip"]) == ["the chip of TDX"]
    assert alone_words(made, "jurisdiction", ["us", "unnamed"]) == ["one that nobody has named", "us"]
