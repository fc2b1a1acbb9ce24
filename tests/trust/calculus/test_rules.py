# SPDX-License-Identifier: Apache-2.0
"""What follows from a set of events, and why."""

from __future__ import annotations

from ttee.trust.calculus.rules import Derivation, Rule, RuleBase


def base(*rules: tuple[str, str, int]) -> RuleBase:
    return RuleBase(Rule(head, tuple(body.split()), k) for head, body, k in rules)


def test_a_head_follows_once_enough_of_its_body_holds() -> None:
    two_of_three = base(("goal", "a b c", 2))
    assert not two_of_three.breaks(["a"], "goal")
    assert two_of_three.breaks(["a", "c"], "goal")


def test_what_follows_only_from_itself_does_not_follow() -> None:
    circle = base(("x", "y", 1), ("y", "x", 1), ("x", "a b", 2))
    assert circle.closure(["a"]) == {"a"}
    assert circle.closure(["a", "b"]) == {"a", "b", "x", "y"}


def test_an_atom_named_twice_in_a_body_counts_once() -> None:
    assert not base(("goal", "a a", 2)).breaks(["a"], "goal")


def test_a_rule_without_needs_always_holds() -> None:
    assert base(("goal", "a", 0)).breaks([], "goal")


def test_a_derivation_is_a_tree_of_rules_down_to_events() -> None:
    tree = base(("mid", "a b", 2), ("goal", "mid c d", 2)).derive(["a", "b", "c"], "goal")
    assert tree is not None
    assert tree.rule is not None
    assert leaves(tree) == {"a", "b", "c"}


def test_there_is_no_derivation_of_what_does_not_hold_and_what_it_needs_is_said() -> None:
    rules = base(("goal", "a b c", 3))
    assert rules.derive(["a"], "goal") is None
    assert [missing for _rule, missing in rules.missing(["a"], "goal")] == [("b", "c")]
    assert rules.missing(["a", "b", "c"], "goal") == ()


def test_a_long_chain_needs_no_deep_stack() -> None:
    chain = RuleBase(Rule(f"x{i + 1}", (f"x{i}",), 1) for i in range(20_000))
    assert chain.derive(["x0"], "x20000") is not None


def leaves(tree: Derivation) -> set[str]:
    return {tree.atom} if tree.rule is None else set().union(*map(leaves, tree.because))
