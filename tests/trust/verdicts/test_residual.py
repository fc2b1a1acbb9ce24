# SPDX-License-Identifier: Apache-2.0
"""The statement that a verdict ends with: in words, short, the same for the same facts."""

from __future__ import annotations

import pickle
import textwrap
from pathlib import Path

import pytest
from attrs import evolve

from tests.appraise.vendors import STORIES
from tests.trust.genuine import GENUINE
from ttee.appraise import appraise, signature_only, to_ear, to_json
from ttee.codec import json
from ttee.model import Assurance, Claims, Residual
from ttee.tee import TEES
from ttee.trust.shipped import shipped
from ttee.trust.verdicts import residual as statement
from ttee.trust.verdicts.claimed import question
from ttee.trust.verdicts.residual import PROPERTIES, by_reach, lines, model_of, residual

AT = "2026-11-21T12:00:00Z"
GOLDEN = Path(__file__).parent / "statements.txt"


def said(claims: Claims, at: str = AT) -> Residual:
    found = appraise(claims, [signature_only()], at=at).residual
    assert found is not None
    return found


def statements() -> str:
    """All of them, as `statements.txt` has them."""
    parts = []
    for tee, claims in GENUINE.items():
        text = [
            textwrap.fill(line, 100, subsequent_indent="  ", break_on_hyphens=False)
            for line in lines(said(claims()))
        ]
        parts.append("\n".join([f"== {tee}", *text, ""]).replace("\N{NO-BREAK SPACE}", " "))
    return "\n".join(parts)


def test_real_evidence_ends_in_these_statements() -> None:
    """Reviewed by reading. After a change of the knowledge, write them anew and read them again:

    python -m tests.trust.verdicts.test_residual
    """
    assert statements() == GOLDEN.read_text("utf-8")


@pytest.mark.parametrize("tee", GENUINE)
def test_a_statement_is_short_and_never_says_secure(tee: str) -> None:
    text = list(lines(said(GENUINE[tee]())))
    assert 3 <= len(text) <= 6
    assert all(len(line) < 700 and line.endswith(".") for line in text)
    assert "secure" not in " ".join(text).replace("secure processor", "").replace("security", "")
    assert set(said(GENUINE[tee]()).broken_by) == set(PROPERTIES)
    assert all(said(GENUINE[tee]()).broken_by.values())


@pytest.mark.parametrize("tee", TEES)
def test_no_tee_is_without_a_statement(tee: str) -> None:
    made = STORIES[tee]().claims() if tee in STORIES else evolve(GENUINE["riscv"](), tee=tee)
    assert all(said(evolve(made, assurance=Assurance.SILICON)).broken_by.values())


def test_the_day_counts_and_what_lies_beyond_knowledge_is_said() -> None:
    claims = GENUINE["intel-tdx"]()
    early, late = said(claims, "2025-07-01T00:00:00Z"), said(claims, "2031-01-01T00:00:00Z")
    assert early.at == "2025-07-01"
    assert "TEE.fail" not in " ".join(early.broken_by["attestation"])
    assert late.at == late.as_of == shipped().as_of.isoformat()
    assert late.broken_by == said(claims).broken_by
    assert "later ones are not known here" in list(lines(late))[-1]
    assert "later ones" not in list(lines(early))[-1]


def test_what_anybody_can_break_has_no_further_names() -> None:
    claims = GENUINE["arm-cca"]()
    assert claims.assurance is Assurance.SIMULATED
    assert set(said(claims).broken_by.values()) == {
        ("anybody (it is only simulated, so that anybody can make such evidence)",)
    }
    assert next(lines(said(claims))).startswith(
        "Confidentiality, integrity and attestation could still be broken by anybody (it is only simulated, so that "
        "anybody can make such evidence)."
    )


def test_what_was_not_checked_is_shortened_here_and_whole_in_the_verdict() -> None:
    verdict = appraise(GENUINE["riscv"](), [signature_only()], at=AT)
    assert verdict.residual is not None
    assert verdict.residual.not_checked == verdict.not_checked
    (line,) = (line for line in lines(verdict.residual) if line.startswith("Not checked"))
    assert len(line) < 300
    assert line.endswith("more.")


def test_the_owner_of_a_party_goes_without_saying() -> None:
    names = said(GENUINE["aws-nitro"]()).broken_by["attestation"]
    assert "Amazon Web Services" in names
    assert "Amazon.com" not in names


def test_adversaries_come_in_the_order_of_their_reach() -> None:
    local, elsewhere = by_reach(model_of(question(GENUINE["intel-tdx"](), at=AT)))
    assert [each.id for each in local] == ["network", "remote", "host", "operator", "lab"]
    assert [each.id for each in elsewhere] == ["buyer"]


def test_the_same_facts_give_the_same_bytes_remembered_or_not() -> None:
    claims = GENUINE["amd-sev-snp"]()
    first = json.dumps(to_json(appraise(claims, [signature_only()], at=AT)))
    again = json.dumps(to_json(appraise(claims, [signature_only()], at=AT)))
    statement._answer.cache_clear()
    assert first == again == json.dumps(to_json(appraise(claims, [signature_only()], at=AT)))


def test_answers_are_remembered_by_facts_within_bounds() -> None:
    statement._answer.cache_clear()
    claims = GENUINE["amd-sev-snp"]()
    other = evolve(claims, user_data=b"another", details={**claims.details, "report_id": bytes(32)})
    for each in (claims, other, claims):
        said(each)
    assert statement._answer.cache_info().misses == 1
    assert statement._answer.cache_info().maxsize == statement.MEMORY


def test_a_verdict_can_go_to_another_process_and_answers_there() -> None:
    verdict = appraise(GENUINE["intel-tdx"](), [signature_only()], at=AT)
    there = pickle.loads(pickle.dumps(verdict))  # noqa: S301 (our own)
    assert there == verdict
    assert there.residual == verdict.residual


def test_json_and_ear_carry_it() -> None:
    verdict = appraise(GENUINE["intel-tdx"](), [signature_only()], at=AT)
    value = to_json(verdict)["residual"]
    assert isinstance(value, dict)
    assert value["designs"] == ["Intel TDX"]
    facts, unknown = value["facts"], value["unknown"]
    assert isinstance(facts, dict)
    assert isinstance(unknown, list)
    assert facts["tcb_status"] == "OutOfDate"
    assert "tdx_module" in unknown
    submods = to_ear(verdict)["submods"]
    assert isinstance(submods, dict)
    assert submods["intel-tdx"]["ttee.verdict"]["residual"] == value  # type: ignore[index,call-overload]


def test_a_verdict_made_by_hand_has_none() -> None:
    verdict = evolve(appraise(GENUINE["intel-tdx"](), [signature_only()], at=AT), still=None)
    assert verdict.residual is None
    assert "residual" not in to_json(verdict)


def test_a_statement_over_an_open_design_names_both() -> None:
    claims = GENUINE["intel-sgx"]()
    either = evolve(claims, details={**claims.details, "sgx_type": None})
    found = residual(question(either, at=AT))
    assert len(found.designs) == 2
    assert " or " in list(lines(found))[-1]


if __name__ == "__main__":
    GOLDEN.write_text(statements(), "utf-8")
