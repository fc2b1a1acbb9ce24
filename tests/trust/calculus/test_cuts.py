# SPDX-License-Identifier: Apache-2.0
"""Two engines of ours, a naive one and clingo find the same families of cuts."""

from __future__ import annotations

from itertools import product
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trust.calculus.graphs import Instance, clingo_cuts, naive, tangle, vendors
from ttee.errors import TooLargeError
from ttee.trust.calculus.bdd import Diagrams
from ttee.trust.calculus.cuts import Cuts, FactoredCuts, Limits, ListedCuts, _factored, _listed, cuts_of
from ttee.trust.calculus.factor import AtLeast, Form, Many, Only, combinations, factored, sentence
from ttee.trust.calculus.graph import graph
from ttee.trust.calculus.rules import Rule, RuleBase

EVENTS = tuple(f"e{i}" for i in range(7))
ATOMS = ("goal", "a0", "a1", "a2", "a3", "a4")


@st.composite
def rule(draw: st.DrawFn) -> Rule:
    body = draw(st.lists(st.sampled_from(EVENTS + ATOMS), min_size=1, max_size=4))
    return Rule(
        draw(st.sampled_from((*ATOMS, "e0"))),
        tuple(body),
        draw(st.integers(0 if len(body) == 4 else 1, len(body))),
    )


@st.composite
def instance(draw: st.DrawFn) -> Instance:
    return RuleBase(draw(st.lists(rule(), min_size=1, max_size=14))), EVENTS, "goal"


def all_of(cuts: Cuts) -> set[frozenset[str]]:
    found = list(cuts.smallest_first())
    assert [len(cut) for cut in found] == sorted(len(cut) for cut in found)
    assert len(found) == len(set(found)) == cuts.count
    sizes = [len(cut) for cut in found]
    assert cuts.histogram() == {size: sizes.count(size) for size in sorted(set(sizes))}
    return set(found)


@given(instance())
@settings(max_examples=300, deadline=None)
def test_on_any_small_graph_diagrams_and_search_agree_with_the_naive_engine(made: Instance) -> None:
    base, events, goal = made
    expected = naive(base, events, goal)
    assert all_of(cuts_of(base, events, goal)) == expected
    whole = graph(base, events, goal)
    if whole.goal is not None:
        by_diagrams = _factored(whole, 100_000)
        assert all_of(by_diagrams) == expected
        assert all_of(_listed(whole, len(events), 1_000_000, None)) == expected
        assert all_of(_listed(whole, 2, 1_000_000, 2)) == {cut for cut in expected if len(cut) <= 2}
        form = factored(by_diagrams)
        assert combinations(form) == len(expected)
        assert unfolded(form) == expected


@given(instance(), st.sets(st.sampled_from(EVENTS)))
@settings(max_examples=100, deadline=None)
def test_events_that_are_given_are_left_out_of_cuts(made: Instance, had: set[str]) -> None:
    base, events, goal = made
    rest = [event for event in events if event not in had]
    expected = naive(RuleBase([*base.rules, *(Rule(event, (), 0) for event in had)]), rest, goal)
    assert all_of(cuts_of(base, rest, goal, given=had)) == expected


@given(instance(), st.lists(st.integers(0, 9), min_size=7, max_size=7))
@settings(max_examples=100, deadline=None)
def test_the_cheapest_cut_is_the_cheapest_of_all(made: Instance, prices: list[int]) -> None:
    base, events, goal = made
    price = dict(zip(events, prices, strict=True))
    expected = [sum(price[event] for event in cut) for cut in naive(base, events, goal)]
    found = cuts_of(base, events, goal).cheapest(lambda event: price[event])
    assert (found is None) == (not expected)
    if found is not None:
        assert found[0] == min(expected) == sum(price[event] for event in found[1])
        assert base.breaks(found[1], goal)


@given(instance())
@settings(max_examples=100, deadline=None)
def test_duality_the_sets_that_must_stay_honest_are_the_minimal_hitting_sets(made: Instance) -> None:
    """Swapping "k of n" for "n-k+1 of n" gives the dual, where there is no cycle."""
    base, events, goal = made
    order = {atom: index for index, atom in enumerate((*EVENTS, *reversed(ATOMS)))}
    rules = [r for r in base.rules if r.k >= 1 and all(order[atom] < order[r.head] for atom in r.body)]
    heads = {r.head for r in rules}
    rules = [
        Rule(r.head, tuple(a for a in dict.fromkeys(r.body)), r.k) for r in rules if r.head not in EVENTS
    ]
    rules = [r for r in rules if all(a in EVENTS or a in heads for a in r.body) and r.k <= len(r.body)]
    cuts = naive(RuleBase(rules), events, goal)
    if (
        not cuts
        or frozenset() in cuts
        or any(a not in EVENTS and not any(r.head == a for r in rules) for r in rules for a in r.body)
    ):
        return
    dual = []
    for head in {r.head for r in rules}:
        alternatives = [r for r in rules if r.head == head]
        for number, each in enumerate(alternatives):
            dual.append(Rule(f"{head}/{number}", each.body, len(each.body) - each.k + 1))
        dual.append(Rule(head, tuple(f"{head}/{n}" for n in range(len(alternatives))), len(alternatives)))
    assert all_of(cuts_of(RuleBase(dual), events, goal)) == hitting(cuts)


def hitting(cuts: set[frozenset[str]]) -> set[frozenset[str]]:
    found = {frozenset(choice) for choice in product(*cuts)}
    return {each for each in found if not any(other < each for other in found)}


@pytest.mark.parametrize("size", [(3, 2, 2), (5, 3, 3), (6, 4, 2), (5, 5, 2), (7, 1, 3)])
def test_clingo_finds_the_same_among_vendors(size: tuple[int, int, int]) -> None:
    n, k, faults = size
    made = vendors(n, k, faults)
    assert all_of(cuts_of(*made)) == clingo_cuts(*made)
    assert cuts_of(*made).count == comb(n, k) * faults**k


@pytest.mark.parametrize("seed", range(12))
def test_clingo_finds_the_same_in_tangles(seed: int) -> None:
    made = tangle(30, 20, seed)
    cuts = cuts_of(*made)
    assert all_of(cuts) == clingo_cuts(*made, bound=cuts.bound)


def test_a_large_tangle_is_searched_up_to_a_size_and_the_answer_says_so() -> None:
    made = tangle(120, 80, 7)
    cuts = cuts_of(*made)
    assert cuts.bound == 3
    assert all_of(cuts) == clingo_cuts(*made, bound=3)


def test_seven_of_thirteen_vendors_are_counted_without_listing() -> None:
    cuts = cuts_of(*vendors(13, 7, 5))
    assert cuts.bound is None
    assert cuts.histogram() == {7: 134_062_500}
    assert len(cuts.listed(10)) == 10
    words = sentence(factored(cuts))
    assert words.startswith("any 7 of these 13, each by any of its 5: (any of fault0@v0")
    assert words.endswith("7 more")


def test_too_little_memory_falls_back_to_the_search() -> None:
    cuts = cuts_of(*vendors(7, 2, 2), limits=Limits(max_nodes=10))
    assert isinstance(cuts, ListedCuts)
    assert cuts.bound == 3
    assert cuts.count == comb(7, 2) * 4


def test_even_single_events_can_be_too_many() -> None:
    with pytest.raises(TooLargeError):
        cuts_of(*vendors(9, 3, 2), limits=Limits(max_nodes=3, max_steps=0))


def test_a_diagram_beyond_its_nodes_is_an_error_with_a_name() -> None:
    diagrams = Diagrams(max_nodes=8)
    with pytest.raises(TooLargeError, match="more than 8 nodes"):
        diagrams.at_least(5, [diagrams.single(variable) for variable in range(5)])


def test_more_variables_than_python_can_recurse_are_searched_instead() -> None:
    pairs = [Rule(f"p{i}", (f"e{i}", f"e{i + 1}"), 2) for i in range(2000)]
    base = RuleBase([*pairs, *(Rule("goal", (f"p{i}",), 1) for i in range(2000))])
    cuts = cuts_of(base, tuple(f"e{i}" for i in range(2001)), "goal")
    assert (cuts.count, cuts.bound) == (2000, 3)


def test_modules_in_modules_do_not_exhaust_the_stack() -> None:
    rules = []
    for i in range(150):
        rules += [Rule(f"x{i}", (f"e{i}", f"x{i + 1}"), 2 - i % 2)]
    rules.append(Rule("x150", ("last",), 1))
    cuts = cuts_of(RuleBase(rules), [*(f"e{i}" for i in range(150)), "last"], "x0")
    assert isinstance(cuts, FactoredCuts)
    assert len(list(cuts.smallest_first())) == cuts.count
    assert combinations(factored(cuts)) == cuts.count
    assert sentence(factored(cuts))


def test_modules_nested_deeper_than_python_can_recurse_are_searched_instead() -> None:
    rules = [Rule(f"x{i}", (f"e{i}", f"x{i + 1}"), 2 - i % 2) for i in range(3000)]
    cuts = cuts_of(RuleBase(rules), [f"e{i}" for i in range(3000)], "x0")
    assert (cuts.bound, cuts.histogram()) == (3, {2: 1, 3: 1})


def test_nothing_breaks_what_no_rule_gives() -> None:
    cuts = cuts_of(RuleBase([Rule("goal", ("never",), 1)]), ["a"], "goal")
    assert (cuts.count, cuts.histogram(), cuts.cheapest(lambda _event: 1)) == (0, {}, None)
    assert sentence(factored(cuts)) == "nothing"


def test_a_form_too_long_for_words_says_how_many_it_stands_for() -> None:
    form = AtLeast(1, (Only("a"), Many(1234567)))
    assert sentence(form) == "any of a, (1 234 567 combinations)"
    assert combinations(form) == 1234568


def unfolded(form: Form) -> set[frozenset[str]]:
    match form:
        case Only(event):
            return {frozenset({event})}
        case AtLeast(k, of):
            ways: list[set[frozenset[str]]] = [{frozenset()}, *[set() for _ in range(k)]]
            for each in map(unfolded, of):
                for j in range(k, 0, -1):
                    ways[j] |= {a | b for a in ways[j - 1] for b in each}
            return ways[k]
        case Many():
            raise AssertionError("too many for a small graph")
