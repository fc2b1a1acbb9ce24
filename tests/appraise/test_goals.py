# SPDX-License-Identifier: Apache-2.0
"""Trust goals: a policy says who must not be able to break it, and is told the cut if they can."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.appraise.claims import GOOD, claims_of
from tests.trust.genuine import GENUINE
from ttee.appraise import Goal, Policy, all_checks, appraise, parse_policy, spec_for
from ttee.cli.verdict_text import exit_code
from ttee.errors import ExitCode, PolicyFileError
from ttee.model import Assurance, Check, Claims, Status, Tier

BEFORE = "2025-10-27T00:00:00Z"
AFTER = "2025-10-28T00:00:00Z"
"""The day on which TEE.fail was published."""


def policy(goals: str, tee: str = "intel-tdx", name: str = "goals") -> Policy:
    text = f'schema = "ttee.policy/1"\nname = "{name}"\n[trust]\n{goals}\n[tee.{tee}]\n'
    return parse_policy(text.encode(), where="a.policy.toml")


def checked(claims: Claims, goals: str, at: str, tee: str = "intel-tdx") -> dict[str, Check]:
    verdict = appraise(claims, [policy(goals, tee)], at=at)
    return {check.id: check for check in verdict.checks if check.id.startswith("policy.trust.")}


def current() -> Claims:
    """TDX whose maker calls it up to date, by endorsements of the latest round."""
    claims = GENUINE["intel-tdx"]()
    details = {**claims.details, "tcb_status": "UpToDate", "tcb_evaluation": 99}
    return evolve(claims, details=details)


def test_a_goal_is_kept_until_the_day_on_which_an_attack_is_published() -> None:
    goal = 'attestation = { not_by = ["operator:1000"] }'
    check = checked(current(), goal, BEFORE)["policy.trust.attestation.not_by"]
    assert check.status is Status.PASS
    assert "attestation is not broken by any of operator:1000, as published up to 2025-10-27" in check.detail
    check = checked(current(), goal, AFTER)["policy.trust.attestation.not_by"]
    assert check.status is Status.FAIL
    assert "operator:1000 (whoever runs the machine) breaks it" in check.detail
    assert "TEE.fail" in check.detail


def test_a_budget_counts() -> None:
    goal = 'attestation = {{ not_by = ["operator:{}"] }}'
    found = [
        checked(current(), goal.format(usd), AFTER)["policy.trust.attestation.not_by"] for usd in (10, 2000)
    ]
    assert [check.status for check in found] == [Status.PASS, Status.FAIL]


def test_a_budget_has_up_to_twelve_digits() -> None:
    (goal,) = policy('integrity = { not_by = ["operator:999999999999"] }').goals
    assert goal.not_by == ("operator:999999999999",)


def test_each_adversary_that_breaks_it_is_named_and_no_other() -> None:
    goal = 'attestation = { not_by = ["network", "host", "operator:5000", "manufacturer"] }'
    detail = checked(current(), goal, AFTER)["policy.trust.attestation.not_by"].detail
    assert "operator:5000" in detail
    assert "manufacturer (the maker of the chip) breaks it: Intel" in detail
    assert "network" not in detail
    assert "host (" not in detail


def test_one_tee_rests_on_its_maker_whatever_else_is_asked() -> None:
    goal, at = 'confidentiality = { no_single = ["vendor"] }', "2020-01-01T00:00:00Z"
    led_away = checked(current(), goal, at)["policy.trust.confidentiality.no_single"]
    assert led_away.status is Status.FAIL  # to any such machine, whose host answers what it likes
    assert "nobody in particular is needed" in led_away.detail
    known = f"{goal}\n[trust.facts]\nshielded_interface = true\nconstant_time = true"
    check = checked(current(), known, at)["policy.trust.confidentiality.no_single"]
    assert check.status is Status.FAIL
    assert "one vendor breaks it alone, intel" in check.detail
    assert "Intel" in check.detail.split(": ", 1)[1]


def test_where_money_suffices_nobody_in_particular_is_needed() -> None:
    goal = 'attestation = { no_single = ["party", "vendor"] }'
    detail = checked(current(), goal, AFTER)["policy.trust.attestation.no_single"].detail
    assert detail.count("nobody in particular is needed") == 1
    assert "USD" in detail


def test_a_single_can_be_absent() -> None:
    goal = 'availability = { no_single = ["design"] }'
    check = checked(current(), goal, "2020-01-01T00:00:00Z")["policy.trust.availability.no_single"]
    assert check.status is Status.PASS
    assert "availability is not broken by any single design" in check.detail


def test_a_refusal_ends_with_5() -> None:
    text = GOOD + '\n[trust]\nconfidentiality = { not_by = ["author"] }\n'
    verdict = appraise(claims_of(), [parse_policy(text.encode(), where="p")], at=AFTER)
    assert verdict.status is Tier.CONTRAINDICATED
    assert [check.id for check in verdict.checks if check.status is Status.FAIL] == [
        "policy.trust.confidentiality.not_by"
    ]
    assert exit_code(verdict, strict=False) is ExitCode.REFUSED


def test_a_fact_that_nobody_says_refuses_where_the_fact_accepts() -> None:
    """Evidence does not say whether the app looks at what its host answers; the policy's author may know."""
    goal, at = 'confidentiality = { not_by = ["host"] }', "2016-01-01T00:00:00Z"
    check = checked(current(), goal, at)["policy.trust.confidentiality.not_by"]
    assert check.status is Status.FAIL
    assert "Iago" in check.detail
    known = f"{goal}\n[trust.facts]\nshielded_interface = true\nconstant_time = true"
    check = checked(current(), known, at)["policy.trust.confidentiality.not_by"]
    assert check.status is Status.PASS
    assert check.detail.endswith("(taken from the policy: shielded_interface, constant_time)")
    unsaid = evolve(current(), debug=None)
    assert checked(unsaid, known, at)["policy.trust.confidentiality.not_by"].status is Status.FAIL


def test_what_evidence_says_is_not_taken_from_a_policy() -> None:
    goal, at = 'confidentiality = { not_by = ["host"] }', "2016-01-01T00:00:00Z"
    known = f"{goal}\n[trust.facts]\nshielded_interface = true\nconstant_time = true\ndebug = false"
    check = checked(evolve(current(), debug=True), known, at)["policy.trust.confidentiality.not_by"]
    assert check.status is Status.FAIL
    assert "debug" not in check.detail.rsplit("(taken", 1)[1]


def test_an_anchor_that_is_only_emulated_counts_against_goals() -> None:
    key = "00" * 32
    text = f'anchors = [{{ key = "{key}" }}]\n'
    claims = evolve(current(), assurance=Assurance.EMULATED)
    goal = 'confidentiality = { not_by = ["host"] }'
    found = appraise(claims, [parse_policy(
        f'schema = "ttee.policy/1"\nname = "a"\n[trust]\n{goal}\n[tee.intel-tdx]\n{text}'.encode(), where="p"
    )], at="2016-01-01T00:00:00Z")  # fmt: skip
    (check,) = (check for check in found.checks if check.id == "policy.trust.confidentiality.not_by")
    assert check.status is Status.FAIL
    assert "nobody vouches for a real chip" in check.detail


def test_a_policy_that_does_not_accept_the_tee_asks_for_nothing_more() -> None:
    assert checked(current(), 'confidentiality = { not_by = ["host"] }', AFTER, tee="amd-sev-snp") == {}


def test_of_several_policies_each_asks_for_its_own() -> None:
    strict = policy('attestation = { not_by = ["operator:1000"] }', name="strict")
    mild = policy('attestation = { not_by = ["network"] }', name="mild")
    verdict = appraise(current(), [strict, mild], at=AFTER)
    found = [check for check in verdict.checks if check.id == "policy.trust.attestation.not_by"]
    assert [(check.status, check.detail.split("]")[0]) for check in found] == [
        (Status.FAIL, "[strict"),
        (Status.PASS, "[mild"),
    ]


def test_goals_are_read_as_they_are_written() -> None:
    text = 'keys = { not_by = ["host", "host", "lab:5"], no_single = ["party"] }\nleakage = { not_by = ["network"] }'
    assert policy(text).goals == (
        Goal("keys", ("host", "lab:5"), ("party",)),
        Goal("leakage", ("network",)),
    )


@pytest.mark.parametrize(
    ("goals", "line", "said"),
    [
        ('confidentialty = { not_by = ["host"] }', 4, "did you mean 'confidentiality'"),
        ('identity = { not_by = ["host"] }', 4, "is not a key of a policy"),
        ('integrity = { not_by = ["oprator:10"] }', 4, "an adversary; did you mean 'operator'"),
        ('integrity = { not_by = ["operator:ten"] }', 4, "'ten' is not a budget in USD; write operator:1000"),
        ('integrity = { not_by = ["operator:"] }', 4, "is not a budget"),
        ('integrity = { not_by = ["operator:1234567890123"] }', 4, "is not a budget"),
        ('integrity = { not_by = ["operator:\u0661"] }', 4, "is not a budget"),
        ('integrity = { not_by = "operator" }', 4, "not_by is a list of names"),
        ("integrity = { not_by = [3] }", 4, "'int' is not the name of an adversary"),
        ('integrity = { no_single = ["vender"] }', 4, "did you mean 'vendor'"),
        ("[trust.facts]\nshielded = true", 5, "did you mean 'shielded_interface'"),
        ("[trust.facts]\nshielded_interface = 1.5", 5, "is text, an integer, true"),
        ("facts = 3", 4, "facts is a table"),
        ("integrity = {}", 4, "say what must not break it"),
        ("integrity = { not_by = [] }", 4, "say what must not break it"),
        ("integrity = 3", 4, "integrity is a table"),
        ('[trust.integrity]\nnot_bye = ["host"]', 5, "did you mean 'not_by'"),
    ],
)  # fmt: skip
def test_a_goal_that_means_nothing_is_refused_with_its_line(goals: str, line: int, said: str) -> None:
    with pytest.raises(PolicyFileError, match=said) as caught:
        policy(goals)
    assert caught.value.where == f"a.policy.toml:{line}"


def test_goals_are_a_table() -> None:
    with pytest.raises(PolicyFileError, match="trust is a table"):
        parse_policy(b'schema = "ttee.policy/1"\nname = "a"\ntrust = 3\n', where="p")


def test_their_checks_can_be_explained() -> None:
    assert {"policy.trust.PROPERTY.not_by", "policy.trust.PROPERTY.no_single"} <= {c.id for c in all_checks()}
    for name in ("policy.trust.confidentiality.not_by", "policy.trust.keys.no_single"):
        spec = spec_for(name)
        assert spec is not None
        assert spec.id.endswith(name.split(".")[-1])
    assert spec_for("policy.trust.confidentiality.never") is None
