# SPDX-License-Identifier: Apache-2.0
"""Generations that are broken for good: what is refused, what is warned about, since when, and who may accept it."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.appraise.claims import policy_of
from tests.appraise.vendors import STORIES
from ttee.appraise import appraise, signature_only, spec_for
from ttee.appraise.distrust import _switch, switches
from ttee.cli.verdict_text import exit_code, verdict_text
from ttee.codec.rfc3339 import moment
from ttee.errors import PolicyFileError
from ttee.model import Assurance, Claims, ClaimValue, Status, Tier, Verdict
from ttee.tee import TEES

LATE = "2026-11-21T12:00:00Z"
HEAD = 'schema = "ttee.policy/1"\nname = "a"\n'


def snp(product: str, **more: ClaimValue) -> Claims:
    details: dict[str, ClaimValue] = {"product": product, "alias_check_complete": True, **more}
    return Claims("amd-sev-snp", Assurance.SILICON, (), (), (), details=details)


def judged(claims: Claims, more: str = "", at: str = LATE) -> Verdict:
    return appraise(claims, [policy_of(f"{HEAD}{more}\n[tee.{claims.tee}]")], at=at)


def found(verdict: Verdict) -> dict[str, Status]:
    prefix = "policy.distrust."
    return {c.id.removeprefix(prefix): c.status for c in verdict.checks if c.id.startswith(prefix)}


def test_what_software_can_forge_is_refused_and_what_needs_hands_is_a_warning() -> None:
    verdict = judged(snp("milan"))
    assert found(verdict) == {"ddr4-interposer": Status.SKIPPED, "milan-root-seed": Status.FAIL}
    assert verdict.vector["hardware"] is Tier.CONTRAINDICATED
    assert exit_code(verdict, strict=False) == 5
    detail = next(c.detail for c in verdict.checks if c.id == "policy.distrust.milan-root-seed")
    assert "since 2026-05-13" in detail
    assert "arxiv.org" in detail


def test_a_moment_before_it_was_known_is_judged_by_what_was_known() -> None:
    assert found(judged(snp("milan"), at="2026-05-12T23:59:59Z")) == {"ddr4-interposer": Status.SKIPPED}
    assert found(judged(snp("milan"), at="2025-09-29T00:00:00Z")) == {}
    assert found(judged(snp("milan"), at="2026-05-13T00:00:00Z"))["milan-root-seed"] is Status.FAIL


def test_a_policy_may_accept_it_by_name_and_every_verdict_shows_that() -> None:
    verdict = judged(snp("milan"), '[distrust]\naccept = ["milan-root-seed", "ddr4-interposer"]')
    assert set(found(verdict).values()) == {Status.PASS}
    assert verdict.loosened == ("distrust-accept ddr4-interposer", "distrust-accept milan-root-seed")
    assert "`ttee explain policy.distrust.milan-root-seed`" in " ".join(verdict_text(verdict).split())


def test_what_is_accepted_and_not_there_does_not_show() -> None:
    assert judged(snp("rome"), '[distrust]\naccept = ["milan-root-seed"]').loosened == ()


def test_a_policy_may_refuse_what_would_be_a_warning() -> None:
    assert found(judged(snp("turin"))) == {"ddr5-interposer": Status.SKIPPED}
    refusing = judged(snp("turin"), '[distrust]\nrefuse = ["ddr5-interposer"]')
    assert found(refusing) == {"ddr5-interposer": Status.FAIL}


def test_of_several_policies_each_has_its_own_say() -> None:
    texts = (f'{HEAD}[distrust]\naccept = ["ddr5-interposer"]\n[tee.amd-sev-snp]', f"{HEAD}[tee.amd-sev-snp]")
    verdict = appraise(snp("genoa"), [policy_of(text) for text in texts], at=LATE)
    assert [c.status for c in verdict.checks if c.id.startswith("policy.distrust")] == [
        Status.PASS, Status.SKIPPED,
    ]  # fmt: skip


def test_signature_only_says_so_and_stays_a_warning() -> None:
    verdict = appraise(snp("milan"), [signature_only()], at=LATE)
    assert set(found(verdict).values()) == {Status.SKIPPED}
    assert verdict.status is Tier.WARNING
    assert exit_code(verdict, strict=False) == 0


@pytest.mark.parametrize(
    ("claims", "ids"),
    [
        (snp("genoa", alias_check_complete=False), {"badram", "ddr5-interposer"}),
        (snp("turin", alias_check_complete=False), {"ddr5-interposer"}),
        (evolve(snp("milan"), tee="azure-vtpm"), {"milan-root-seed", "ddr4-interposer"}),
        (evolve(snp("", tee_inside="intel-tdx"), tee="azure-vtpm"), {"ddr5-interposer"}),
        (evolve(snp(""), tee="intel-tdx"), {"ddr5-interposer"}),
        (
            evolve(snp("", sgx_type="scalable", fmspc=bytes.fromhex("30606a000000")), tee="intel-sgx"),
            {"ddr4-interposer"},
        ),
        (
            evolve(
                snp("", sgx_type="scalable with integrity", fmspc=bytes.fromhex("90c06f000000")),
                tee="intel-sgx",
            ),
            {"ddr5-interposer"},
        ),
        (evolve(snp("", sgx_type="standard", fmspc=bytes.fromhex("00606a000000")), tee="intel-sgx"), set()),
        (evolve(snp("milan"), tee="aws-nitro"), set()),
        (Claims("amd-sev-snp", Assurance.SILICON, (), (), ()), set()),
    ],
)
def test_which_machines_are_meant(claims: Claims, ids: set[str]) -> None:
    assert found(judged(claims)).keys() == ids


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ('accept = ["milan-rot-seed"]', "did you mean 'milan-root-seed'"),
        ('refuse = ["anything"]', "there is badram, "),
        ("accept = [1]", "'int' is not the name of a distrust switch"),
        ('accept = "badram"', "accept is a list of names"),
        ('accept = ["badram"]\nrefuse = ["badram"]', "badram is both accepted and refused"),
        ('acept = ["badram"]', "did you mean 'accept'"),
    ],
)
def test_a_mistake_in_a_policy_names_what_was_meant(table: str, why: str) -> None:
    with pytest.raises(PolicyFileError, match=why) as caught:
        policy_of(f"{HEAD}[distrust]\n{table}")
    assert caught.value.where


def test_every_switch_can_be_explained_and_is_about_tees_and_claims_that_there_are() -> None:
    for name, switch in switches().items():
        spec = spec_for(f"policy.distrust.{name}")
        assert spec is not None
        assert switch.reason == spec.guards
        assert name in switch.remedy
        assert switch.sources
        assert switch.since <= moment(LATE)
        for tee, rules in switch.applies:
            assert tee in TEES
            story = {name: make for name, make in STORIES.items() if name == tee}
            known = set().union(*(make().claims().details for make in story.values()))
            assert {rule.claim for rule in rules} <= known | {"tee_inside"}


def test_a_file_that_is_no_switch_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match="not a switch"):
        _switch({"id": "half"})
