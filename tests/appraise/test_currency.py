# SPDX-License-Identifier: Apache-2.0
"""How current a TEE is: its maker's word counts, unless a policy has one of its own about the same claims."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.appraise.claims import AT, GOOD, TEE, claims_of, policy_of
from ttee.appraise import appraise, signature_only
from ttee.cli.verdict_text import exit_code
from ttee.errors import ExitCode
from ttee.model import Claims, Status, Tier, Verdict

BASE = claims_of()


def of_status(status: str, *, current: bool | None) -> Claims:
    details = {**BASE.details, "tcb_status": status, "tcb_date": "2024-03-13T00:00:00Z"}
    return evolve(BASE, details=details, current=current, currency=("tcb_status", "tcb_date"))


OLD = of_status("OutOfDate", current=False)


def judged(claims: Claims, more: str = "", text: str = GOOD) -> Verdict:
    return appraise(claims, [policy_of(text + more)], at=AT)


def failed(verdict: Verdict) -> list[str]:
    return [check.id for check in verdict.checks if check.status is Status.FAIL]


def test_what_its_maker_calls_up_to_date_is_affirmed() -> None:
    verdict = judged(of_status("UpToDate", current=True))
    assert verdict.status is Tier.AFFIRMING
    assert "policy.current" in [check.id for check in verdict.checks]


def test_what_its_maker_does_not_is_refused_with_a_code_of_its_own() -> None:
    verdict = judged(OLD)
    assert failed(verdict) == ["policy.current"]
    assert verdict.vector["hardware"] is Tier.CONTRAINDICATED
    assert exit_code(verdict, strict=False) is ExitCode.REVOKED
    detail = next(check.detail for check in verdict.checks if check.id == "policy.current")
    assert "tcb-status OutOfDate" in detail
    assert "a rule about tcb-status, tcb-date would decide" in detail


def test_a_maker_that_does_not_speak_of_it_is_not_asked() -> None:
    assert "policy.current" not in [c.id for c in judged(of_status("", current=None)).checks]


@pytest.mark.parametrize(
    ("rule", "refused", "code"),
    [
        ('tcb-status = ["UpToDate", "OutOfDate"]', [], ExitCode.AFFIRMING),
        ('min-tcb-date = "2024-01-01"', [], ExitCode.AFFIRMING),
        ('tcb-status = "UpToDate"', ["policy.riscv.tcb-status"], ExitCode.REVOKED),
        ('min-tcb-date = "2025-01-01"', ["policy.riscv.min-tcb-date"], ExitCode.REVOKED),
        ("max-age-tcb-date = 90", ["policy.riscv.max-age-tcb-date"], ExitCode.REVOKED),
        ('platform = "visionfive-2"', ["policy.current"], ExitCode.REVOKED),
        ('platform = "another"', ["policy.current", "policy.riscv.platform"], ExitCode.REFUSED),
    ],
)
def test_a_rule_about_the_same_claims_decides_in_its_place(
    rule: str, refused: list[str], code: ExitCode
) -> None:
    verdict = judged(OLD, f"{rule}\n")
    assert failed(verdict) == refused
    assert exit_code(verdict, strict=False) is code


def test_a_stricter_policy_may_refuse_what_its_maker_calls_current() -> None:
    verdict = judged(of_status("UpToDate", current=True), 'min-tcb-date = "2025-01-01"\n')
    assert exit_code(verdict, strict=False) is ExitCode.REVOKED


def test_a_rule_in_one_of_two_policies_speaks_for_that_one_alone() -> None:
    lenient = policy_of(GOOD + 'tcb-status = ["OutOfDate"]\n')
    assert failed(appraise(OLD, [lenient, policy_of(GOOD)], at=AT)) == ["policy.current"]
    assert failed(appraise(OLD, [lenient, lenient], at=AT)) == []


def test_signature_only_does_not_look_and_says_so() -> None:
    for claims, word in ((OLD, "it is not"), (of_status("UpToDate", current=True), "it is")):
        verdict = appraise(claims, [signature_only([TEE.anchor()])], at=AT)
        assert verdict.status is Tier.WARNING
        assert any(
            line.startswith(f"whether it is up to date: its maker says that {word} (")
            for line in verdict.not_checked
        )
    assert not [line for line in judged(OLD).not_checked if line.startswith("whether it is up to date")]
