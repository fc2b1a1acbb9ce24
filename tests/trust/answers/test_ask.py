# SPDX-License-Identifier: Apache-2.0
"""Answers: who, whether this adversary can, and what breaks a deployment alone."""

from __future__ import annotations

import pytest

from tests.trust.known import model
from ttee.trust.answers import ask
from ttee.trust.calculus.rules import Kind
from ttee.trust.knowledge.terms import Adversary

ONE = '[part.a]\ntee = "tdx"\noperator = "google"\n'
TWO = ONE + '[part.b]\ntee = "snp"\noperator = "ovh"\n[part.x]\nsplit = { k = 2, of = ["a", "b"] }\n'


def test_money_is_counted_once_for_each_piece_and_summed() -> None:
    made = model(ONE)
    who, _ = ask.adversary(made, "operator")
    answer = ask.can(made, made.goal("confidentiality"), who, 1000)
    assert (answer.broken, answer.spent, answer.who) == (True, 1000, "google")
    assert answer.used == {"equipment:bus-tap"}
    assert answer.derivation is not None
    assert answer.exact
    refused = ask.can(made, made.goal("confidentiality"), who, 999)
    assert (refused.broken, refused.derivation) == (False, None)
    assert refused.missing
    assert "capability:bus_passive@a" in refused.tried


def test_a_sum_beyond_the_budget_is_no_way_even_if_each_piece_is_affordable() -> None:
    made = model('[part.a]\ntee = "tdx"\n', at="2026-01-01")
    who, _ = ask.adversary(made, "operator")
    goal = made.goal("attestation")
    local = ask.can(made, goal, who, 5500)  # the machine is at hand, so that none has to be bought
    assert local.spent == 1000
    buyer = Adversary("buyer", "anybody with money", (), elsewhere=True)
    assert ask.can(made, goal, buyer, 6000).used == {"machine:tdx", "equipment:bus-tap"}
    assert not ask.can(made, goal, buyer, 5999).broken


def test_an_operator_is_one_operator_at_a_time() -> None:
    made = model(TWO)
    who, _ = ask.adversary(made, "operator")
    pinned = model(TWO.replace("operator", "pin = true\noperator"))
    assert ask.can(
        made, made.goal("confidentiality"), who, 10_000
    ).broken  # it buys a machine of the other kind
    assert not ask.can(pinned, pinned.goal("confidentiality"), who, 10_000).broken


def reaches(parts: str, budget: int = 2000) -> bool:
    made = model(parts.replace("tee =", "pin = true\ntee ="))
    who, _ = ask.adversary(made, "operator")
    return ask.can(made, made.goal("confidentiality"), who, budget).broken


def test_whoever_owns_two_operators_has_the_machines_of_both() -> None:
    assert not reaches(TWO)
    assert reaches(TWO.replace("google", "linkedin").replace("ovh", "microsoft"))
    assert reaches(TWO.replace("google", "linkedin").replace("ovh", "linkedin"))


def test_machines_whose_operators_nobody_named_may_be_one_operators() -> None:
    assert reaches(TWO.replace('operator = "google"\n', ""))
    assert reaches(TWO.replace('operator = "google"\n', "").replace('operator = "ovh"\n', ""))


def test_each_of_those_who_run_a_machine_has_it() -> None:
    shared = ONE + '[part.b]\ntee = "snp"\nmachine = "a"\n[part.x]\nsplit = { k = 2, of = ["a", "b"] }\n'
    assert reaches(shared)
    other = shared.replace('machine = "a"', 'machine = "a"\noperator = "ovh"') + '[part.c]\ntee = "tdx"\n'
    made = model(other, root="x")
    who, _ = ask.adversary(made, "operator")
    assert {name for name, _ in ask.held(made, who)} == {"google", "ovh"}


@pytest.mark.parametrize("named", [True, False])
def test_a_role_that_the_owner_or_the_operator_has_is_theirs(named: bool) -> None:
    for role in ("owner", "operator"):
        says = f'{role} = "ovh"\n' if named else ""
        made = model(f'[part.a]\ntee = "tdx"\npin = true\n{says}roles = {{ manufacturer = "{role}" }}\n')
        who, budget = ask.adversary(made, "maker")
        assert ask.can(made, made.goal("keys"), who, budget).broken


def test_a_verifier_that_a_part_names_is_one() -> None:
    made = model('[part.a]\ntee = "tdx"\npin = true\nverifier = "ovh"\n')
    asked = Adversary("verifier", "whoever verifies", (), roles=("verifier",))
    assert ask.can(made, made.goal("attestation"), asked).broken


def test_an_adversary_can_be_whoever_has_a_role() -> None:
    made = model(ONE)
    who, budget = ask.adversary(made, "maker")
    assert ask.can(made, made.goal("keys"), who, budget).broken


def test_what_breaks_a_deployment_alone_by_party_vendor_and_jurisdiction() -> None:
    one = model(ONE)
    assert ask.alone(one, one.goal("confidentiality"), "jurisdiction") == (
        "",
    )  # money alone suffices: no pin
    pinned = model(ONE + "pin = true\n")
    goal = pinned.goal("confidentiality")
    assert ask.alone(pinned, goal, "party") == ("author@app", "google", "intel")
    assert ask.alone(pinned, goal, "vendor") == ("google", "intel")
    assert ask.alone(pinned, goal, "jurisdiction") == ("us",)
    two = model(TWO.replace("operator", "pin = true\noperator").replace('"snp"', '"snp"\ncode = "other"'))
    assert ask.alone(two, two.goal("confidentiality"), "party") == ()
    assert ask.alone(two, two.goal("confidentiality"), "jurisdiction") == ("us",)


def test_a_budget_buys_what_it_can_and_nothing_else() -> None:
    made = model(ONE)
    goal = made.goal("attestation")
    poor, rich = ask.who(made, goal, budget=10), ask.who(made, goal, budget=10_000)
    assert rich.listed(5) == (frozenset(),)
    assert all(made.events[event].kind is not Kind.EQUIPMENT for cut in poor.listed(100) for event in cut)


def test_the_cheapest_way_costs_what_its_means_cost() -> None:
    made = model(ONE)
    found = ask.who(made, made.goal("attestation")).cheapest(
        lambda event: ask.cost(made, event) if made.events[event].kind.means else float("inf")
    )
    assert found == (6000, frozenset({"machine:tdx", "equipment:bus-tap"}))
