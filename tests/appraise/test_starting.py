# SPDX-License-Identifier: Apache-2.0
"""Policies to start from, out of the evidence of every TEE: they accept it, and nothing else; and what they do not
accept, a comment in them says how to."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests.appraise.claims import policy_of
from tests.appraise.vendors import STORIES, intels
from tests.tee.intel.cases import VectorCase, all_cases
from ttee.appraise import appraise, policy_from_claims
from ttee.appraise.rules import split_key
from ttee.cli.verdict_text import exit_code
from ttee.errors import ExitCode, TteeError
from ttee.model import Anchor, Claims, ClaimValue, Status, Verdict
from ttee.tee import TEES, tee_named
from ttee.tee.intel.quote import SGX, TDX

LATE = datetime(2026, 11, 21, tzinfo=UTC)


def started(
    claims: Claims, at: datetime, *, anchors: tuple[Anchor, ...] = (), change: tuple[str, str] = ("", "")
) -> str:
    advice = tee_named(claims.tee).advice
    text = policy_from_claims("mine", claims, at=at, advice=advice, anchors=anchors)
    assert change[0] in text
    return text.replace(*change, 1)


def judged(claims: Claims, text: str, at: datetime) -> Verdict:
    return appraise(claims, [policy_of(text)], at=at.isoformat())


def failed(verdict: Verdict) -> list[str]:
    return [check.id for check in verdict.checks if check.status is Status.FAIL]


def skipped(verdict: Verdict, claims: Claims) -> list[str]:
    """What the appraisal itself left out."""
    return [c.id for c in verdict.checks[len(claims.checks) :] if c.status is Status.SKIPPED]


@pytest.mark.parametrize("tee", STORIES)
def test_it_accepts_the_evidence_that_it_was_made_of(tee: str) -> None:
    story = STORIES[tee]()
    claims = story.claims()
    verdict = judged(claims, started(claims, story.at, anchors=story.anchors), story.at)
    assert failed(verdict) == []
    assert skipped(verdict, claims) == ["policy.freshness"]
    fresh = evolve(claims, fresh=True)
    assert skipped(judged(fresh, started(claims, story.at, anchors=story.anchors), story.at), fresh) == []


@pytest.mark.parametrize("tee", STORIES)
def test_it_refuses_another_app_and_another_platform(tee: str) -> None:
    story = STORIES[tee]()
    claims = story.claims()
    policy = started(claims, story.at, anchors=story.anchors)
    for names in claims.pins.values():
        others = {name: b"\x66" * 48 for name in names if name in claims.details}
        changed = evolve(claims, details={**claims.details, **others})
        assert failed(judged(changed, policy, story.at))


@pytest.mark.parametrize("tee", STORIES)
def test_what_differs_from_run_to_run_is_left_free(tee: str) -> None:
    story = STORIES[tee]()
    claims = story.claims()
    volatile: dict[str, ClaimValue] = {
        "report_id": b"\x01", "chip_id": b"\x02", "timestamp": 3, "clock": 4, "reset_count": 5, "module_id": "6",
        "rtmr3": b"\x07", "pcr10": b"\x08", "ppid": b"\x09", "device_keys": (b"\x0a",), "boot_seed": b"\x0b",
        "instance_id": b"\x0c", "personalization": b"\x0d", "rem0": b"\x0e", "host_data": b"\x0f",
    }  # fmt: skip
    again = {**claims.details, **{name: value for name, value in volatile.items() if name in claims.details}}
    changed = evolve(claims, details=again, user_data=b"another")
    policy = started(claims, story.at, anchors=story.anchors)
    assert failed(judged(changed, policy, story.at)) == []


@pytest.mark.parametrize("tee", [tee for tee in TEES if tee != "local"])
def test_every_line_that_does_something_says_why_and_advice_is_about_claims_there_are(tee: str) -> None:
    advice = tee_named(tee).advice
    assert advice
    if tee not in STORIES:
        return
    story = STORIES[tee]()
    claims = story.claims()
    lines = started(claims, story.at, anchors=story.anchors).splitlines()
    rules = lines[lines.index(f"[tee.{tee}]") + 1 :]
    for before, line in pairwise(rules):
        if " = " in line and not line.startswith(("#", " ")):
            assert before.startswith("# "), line
    assert any(split_key(key)[1] in claims.details for key in advice)


@pytest.mark.parametrize("tee", [SGX, TDX])
def test_what_is_out_of_date_is_refused_and_the_line_that_would_accept_it_is_there(tee: str) -> None:
    story = intels(tee, "OutOfDate")
    claims = story.claims()
    text = started(claims, story.at, anchors=story.anchors)
    verdict = judged(claims, text, story.at)
    assert failed(verdict) == ["policy.current"]
    assert exit_code(verdict, strict=False) is ExitCode.REVOKED
    accepting = text.replace('# tcb-status = ["OutOfDate"]', 'tcb-status = ["OutOfDate"]')
    assert failed(judged(claims, accepting, story.at)) == []


def test_what_falls_out_of_date_later_is_refused_with_the_same_code() -> None:
    story, later = intels(TDX), intels(TDX, "OutOfDate")
    now, then = story.claims(), later.claims()
    text = started(now, story.at, anchors=(*story.anchors, *later.anchors))
    late = evolve(now, current=False, details={**now.details, "tcb_status": then.details["tcb_status"]})
    verdict = judged(late, text, later.at)
    assert failed(verdict) == ["policy.intel-tdx.tcb-status"]
    assert exit_code(verdict, strict=False) is ExitCode.REVOKED


def test_debug_mode_is_refused_and_the_line_that_would_accept_it_is_there() -> None:
    story = STORIES["amd-sev-snp"]()
    claims = evolve(story.claims(), debug=True)
    text = started(claims, story.at, anchors=story.anchors)
    assert failed(judged(claims, text, story.at)) == ["policy.debug"]
    assert "To accept that: insecure-debug = true" in text
    accepting = text.replace("# In debug mode, and so refused. To accept that: ", "")
    assert failed(judged(claims, accepting, story.at)) == []


def test_machines_that_need_hands_to_break_are_accepted_in_a_line_of_their_own() -> None:
    story = STORIES["amd-sev-snp"]()
    claims = story.claims()
    text = started(claims, LATE, anchors=story.anchors)
    assert 'accept = ["ddr5-interposer"]' in text
    verdict = judged(claims, text, LATE)
    assert skipped(verdict, claims) == ["policy.freshness"]
    assert "distrust-accept ddr5-interposer" in verdict.loosened


def test_machines_that_software_breaks_are_refused_and_the_comment_says_how_to_accept_them() -> None:
    story = STORIES["amd-sev-snp"]()
    claims = evolve(story.claims(), details={**story.claims().details, "product": "milan"})
    text = started(claims, LATE, anchors=story.anchors)
    assert failed(judged(claims, text, LATE)) == ["policy.distrust.milan-root-seed"]
    assert (
        "# milan-root-seed: since 2026-05-13, broken by software alone: refused, unless it is in the list."
        in text
    )
    accepting = text.replace("accept = [", 'accept = ["milan-root-seed", ')
    assert failed(judged(claims, accepting, LATE)) == []


def test_where_nothing_says_what_runs_every_verdict_is_a_warning_and_says_so() -> None:
    story = intels(TDX)
    claims = story.claims()
    silent = dict.fromkeys(claims.pins["app"], bytes(48))
    claims = evolve(claims, fresh=True, details={**claims.details, **silent})
    text = started(claims, story.at, anchors=story.anchors)
    assert "insecure-any-app = true   # nothing says what runs" in text
    verdict = judged(claims, text, story.at)
    assert failed(verdict) == []
    assert skipped(verdict, claims) == ["policy.pinned.app"]
    assert "insecure-any-app" in verdict.loosened
    assert failed(judged(claims, text.replace("insecure-any-app = true", ""), story.at)) == [
        "policy.pinned.app"
    ]


def test_an_exception_that_was_made_use_of_is_granted_again() -> None:
    story = intels(TDX)
    claims = evolve(story.claims(), exceptions=("azure-tdx-tcb-component",))
    text = started(claims, story.at, anchors=story.anchors)
    verdict = judged(claims, text, story.at)
    assert failed(verdict) == []
    assert "exception azure-tdx-tcb-component" in verdict.loosened


@given(st.dictionaries(st.text(min_size=1), st.text() | st.binary(max_size=8) | st.integers(), max_size=4))
def test_names_and_texts_of_the_evidence_cannot_write_lines_of_their_own(
    strange: dict[str, ClaimValue],
) -> None:
    """Some names come from the evidence: what Azure's paravisor says of a VM, components of Arm's devices."""
    claims = evolve(_ARM, details={**_ARM.details, **strange, "implementation_id": "x\n[tee.riscv]"})
    policy = policy_of(started(claims, STORIES["arm-psa"]().at, anchors=STORIES["arm-psa"]().anchors))
    assert policy.tees.keys() == {"arm-psa"}
    assert {rule.claim for rule in policy.tees["arm-psa"].rules} <= {"software_digest", "lifecycle"}


_ARM = STORIES["arm-psa"]().claims()


def test_a_name_that_closes_a_line_is_left_out() -> None:
    hostile = {**_ARM.details, "x = 1\n[tee.riscv]\n# y": 1}
    assert "tee.riscv" not in started(evolve(_ARM, details=hostile), LATE)


def _genuine() -> list[tuple[VectorCase, Claims]]:
    found = []
    for case in all_cases():
        try:
            found.append((case, case.verify()))
        except TteeError:
            continue
    return found


def test_every_genuine_quote_of_the_vectors_is_accepted_unless_it_says_why_not() -> None:
    cases = _genuine()
    assert len(cases) > 15
    reasons = {
        "policy.current": "Its maker does NOT call it up to date",
        "policy.debug": "insecure-debug = true",
    }
    for case, claims in cases:
        text = started(claims, case.at, anchors=case.endorsements.anchors)
        verdict = judged(claims, text, case.at)
        assert set(failed(verdict)) <= reasons.keys(), case.id
        for check, comment in reasons.items():
            assert (check in failed(verdict)) is (f"{comment}" in text), case.id
        if failed(verdict) == ["policy.current"]:
            assert exit_code(verdict, strict=False) is ExitCode.REVOKED
