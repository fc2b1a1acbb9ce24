# SPDX-License-Identifier: Apache-2.0
"""Every guard of every attack: what is not known counts for the attacker, and forged evidence undoes what is."""

from __future__ import annotations

from itertools import combinations, product

import pytest

from ttee.trust.calculus.rules import Kind
from ttee.trust.knowledge.facts import Comparison, Condition, Fact
from ttee.trust.knowledge.terms import Attack, Property, Target
from ttee.trust.model.build import Model, alone, build
from ttee.trust.model.leaf import refutation
from ttee.trust.shipped import shipped
from ttee.trust.verdicts.claimed import asked_for

SIX = [each for each in Property if each is not Property.IDENTITY]
GUARDED = [
    (attack, target)
    for attack in shipped().attacks.values()
    if attack.compiled
    for target in attack.targets
    if target.when or target.unless
]
NAMES = [f"{attack.id}-{target.tee}-{number}" for number, (attack, target) in enumerate(GUARDED)]


def values(condition: Condition) -> list[Fact]:
    """Facts on either side of a condition, and one of another kind."""
    first = condition.values[0]
    if condition.test in (Comparison.AT_LEAST, Comparison.BELOW):
        sides: list[Fact] = [first - 1, first, first + 1] if isinstance(first, int) else ["0", first, "99999"]
        return [*sides, True]
    if isinstance(first, bool):
        return [True, False, "yes"]
    return [*condition.values, "something else", 3]


def facts_that_matter(target: Target) -> list[dict[str, Fact]]:
    """Each combination of facts on either side of the target's conditions, some of them."""
    every = [*target.when, *(each for together in target.unless for each in together)]
    known: dict[str, list[Fact]] = {}
    for condition in every:
        known.setdefault(condition.fact, []).extend(values(condition))
    return [
        dict(zip(known, chosen, strict=True))
        for chosen, _ in zip(product(*map(dict.fromkeys, known.values())), range(300), strict=False)
    ]


def design_of(target: Target) -> str:
    return next(each.id for each in shipped().designs.values() if target.tee in (each.id, *each.classes))


def applies(attack: Attack, target: Target, facts: dict[str, Fact]) -> bool:
    tee = alone(design_of(target), shipped(), facts).parts["tee"]
    return not refutation(attack, target, tee, frozenset())  # type: ignore[arg-type]


@pytest.mark.parametrize(("attack", "target"), GUARDED, ids=NAMES)
def test_an_attack_that_applies_applies_with_a_fact_less(attack: Attack, target: Target) -> None:
    assert applies(attack, target, {})
    for facts in facts_that_matter(target):
        if applies(attack, target, facts):
            for some in combinations(facts, len(facts) - 1):
                assert applies(attack, target, {name: facts[name] for name in some})


@pytest.mark.parametrize(("attack", "target"), GUARDED, ids=NAMES)
def test_every_guard_can_refute_its_attack(attack: Attack, target: Target) -> None:
    assert any(not applies(attack, target, facts) for facts in facts_that_matter(target))


def evidence(design: str, facts: dict[str, Fact]) -> Model:
    return build(alone(design, shipped(), facts), shipped())


def worst(model: Model) -> list[tuple[str, ...]]:
    """Sets of events to try: each alone, each with all that money buys, each pair of capabilities."""
    means = model.means()
    had = [id_ for id_, event in model.events.items() if event.kind is Kind.CAPABILITY]
    return [
        *((id_,) for id_ in model.events),
        *((id_, *means) for id_ in model.events),
        *((one, other, *means) for one, other in combinations(had, 2)),
    ]


@pytest.mark.parametrize("design", sorted(shipped().designs))
def test_a_fact_less_about_a_design_never_breaks_less(design: str) -> None:
    """All facts that attacks on it ask for, at values that refute as much as one of each can; then each left out."""
    every: dict[str, Fact] = {}
    for attack, target in GUARDED:
        known = shipped().designs[design]
        if target.tee in (known.id, *known.classes):
            refuting = next(
                facts for facts in facts_that_matter(target) if not applies(attack, target, facts)
            )
            every |= {name: value for name, value in refuting.items() if name not in every}
    assert every.keys() <= asked_for(shipped(), [design])
    before = evidence(design, every)
    tried = worst(before)
    held = [before.base.closure(events) for events in tried]
    for name in every:
        after = evidence(design, {each: value for each, value in every.items() if each != name})
        for events, known_before in zip(tried, held, strict=True):
            assert {goal for goal in map(before.goal, SIX) if goal in known_before} <= after.base.closure(
                events
            )


@pytest.mark.parametrize(("attack", "target"), GUARDED, ids=NAMES)
def test_a_refuted_attack_counts_again_once_attestation_is_broken(attack: Attack, target: Target) -> None:
    refuting = next(facts for facts in facts_that_matter(target) if not applies(attack, target, facts))
    model = evidence(design_of(target), refuting)
    number = attack.targets.index(target)
    atom = f"attack {attack.id}{f'/{number}' if number else ''} on tee"
    assert atom in model.base.closure(model.events)
    assert all(
        any(reason.endswith(".attestation") for reason in rule.body) for rule in model.base.giving(atom)
    )


def test_a_key_of_intels_firmware_forges_no_evidence_of_other_makers() -> None:
    """What an emulated or virtual TEE runs on is open to attacks on processors; its evidence rests on another key."""
    csme = shipped().attacks["csme-rom"]
    designs = [shipped().designs[name] for name in shipped().designs]
    aimed = {each.id for each in designs for t in csme.targets if t.tee in (each.id, *each.classes)}
    assert {"intel-sgx-client", "intel-sgx-standard"} <= aimed
    assert not aimed & {"riscv", "keystone", "local", "amd-sev-snp", "arm-cca", "aws-nitro", "azure-vtpm"}


def test_what_rests_on_quotes_of_dcap_does_not_blame_the_quoting_enclave_of_epid() -> None:
    for design in ("intel-sgx", "intel-sgx-standard", "intel-tdx"):
        blamed = {each.id for each in shipped().designs[design].components}
        assert {"intel-qe", "intel-pce"} <= blamed
        assert "intel-epid-qe" not in blamed
    assert "intel-epid-qe" in {each.id for each in shipped().designs["intel-sgx-client"].components}
