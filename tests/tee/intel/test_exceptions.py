# SPDX-License-Identifier: Apache-2.0
"""Azure's TDX machines, whose SEAM loader is older than Intel asks for: refused, unless a policy names it."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from tests.appraise.claims import policy_of
from ttee.appraise import appraise, endorsements, spec_for
from ttee.appraise.exceptions import AZURE_TDX_TCB_COMPONENT as AZURE
from ttee.cli.verdict_text import exit_code, verdict_text
from ttee.errors import PolicyFileError, TcbError
from ttee.model import Claims, Evidence, Status, Verdict
from ttee.pki.cache import forget_all
from ttee.tee import tee_named
from ttee.tee.intel.quote import SGX, TDX
from ttee.testing.intel import NOW, Machine, Vendor

FMSPC = bytes.fromhex("90c06f000000")
AZURES = bytes([5] * 7 + [3]) + bytes(8)
"""SGX components: the SEAM loader, number 7, is 3."""
INTELS = bytes([5] * 8) + bytes(8)
TDX_SVNS = bytes([5, 0, 3]) + bytes(13)
VENDOR = Vendor.random()
HEAD = 'schema = "ttee.policy/1"\nname = "a"\n'


def machine(tee: str = TDX, **changes: Any) -> Machine:
    return VENDOR.machine(tee, **{"fmspc": FMSPC, "components": AZURES, "cpu_svn": AZURES, **changes})


def claims(one: Machine, *granted: str, asked: bytes = INTELS, older: bytes | None = None) -> Claims:
    levels = [one.level(asked, one.pce_svn, TDX_SVNS)]
    if older is not None:
        levels.append(one.level(older, one.pce_svn, TDX_SVNS, "OutOfDate"))
    given = VENDOR.endorsements(one, tcb_info={"tcbLevels": levels})
    evidence = Evidence(one.tee, {"quote": one.quote()})
    return tee_named(one.tee).verify(evidence, evolve(given, exceptions=frozenset(granted)), at=NOW)


def judged(found: Claims, *sections: str) -> Verdict:
    policies = [policy_of(f"{HEAD}[tee.{found.tee}]\n{section}") for section in sections]
    return appraise(found, policies, at=NOW.isoformat())


def test_without_the_exception_no_level_fits_and_the_hint_names_it() -> None:
    with pytest.raises(TcbError, match="reaches none of the 1 TCB levels") as caught:
        claims(machine())
    assert f"policy.exception.{AZURE}" in str(caught.value.hint)
    assert caught.value.check == "intel.tcb.level"


def test_with_it_the_level_counts_and_the_claims_say_so() -> None:
    found = claims(machine(), AZURE)
    assert found.exceptions == (AZURE,)
    assert found.current
    assert found.details["tcb_status"] == "UpToDate"


def test_it_may_lift_a_platform_from_a_lower_level() -> None:
    assert claims(machine(), older=AZURES).details["tcb_status"] == "OutOfDate"
    assert claims(machine(), AZURE, older=AZURES).exceptions == (AZURE,)


def test_a_machine_that_needs_none_makes_no_use_of_it() -> None:
    found = claims(machine(components=INTELS, cpu_svn=INTELS), AZURE)
    assert found.exceptions == ()
    assert found.current


@pytest.mark.parametrize(
    "other",
    [
        machine(fmspc=bytes.fromhex("b0c06f000000")),
        machine(SGX),
        machine(components=bytes([5] * 7 + [2]) + bytes(8)),
        machine(components=bytes([4] + [5] * 6 + [3]) + bytes(8)),
    ],
)
def test_it_is_about_that_component_of_that_platform_down_to_that_version(other: Machine) -> None:
    with pytest.raises(TcbError) as caught:
        claims(other, AZURE)
    assert "exception" not in str(caught.value.hint)


def test_a_cached_result_without_it_is_not_one_with_it() -> None:
    one = machine()
    strict = claims(one, older=AZURES)
    lenient = claims(one, AZURE, older=AZURES)
    forget_all()
    assert repr(claims(one, older=AZURES).checks) == repr(strict.checks)
    assert repr(claims(one, AZURE, older=AZURES).details) == repr(lenient.details)
    assert strict.exceptions != lenient.exceptions


def test_the_verdict_shows_it_and_each_policy_must_grant_it() -> None:
    granting = f'exceptions = ["{AZURE}"]'
    found = claims(machine(), AZURE)
    verdict = judged(found, granting)
    check = next(check for check in verdict.checks if check.id == f"policy.exception.{AZURE}")
    assert check.status is Status.PASS
    assert f"exception {AZURE}" in verdict.loosened
    assert f"`ttee explain policy.exception.{AZURE}`" in " ".join(verdict_text(verdict).split())
    strict = judged(found, granting, "")
    assert any(c.id == check.id and c.status is Status.FAIL for c in strict.checks)
    assert exit_code(strict, strict=False) == 5
    assert spec_for(check.id) is not None


def test_it_is_handed_to_verification_only_if_every_policy_grants_it() -> None:
    one = policy_of(f'{HEAD}[tee.intel-tdx]\nexceptions = ["{AZURE}"]')
    other = policy_of(f"{HEAD}[tee.intel-tdx]")
    assert endorsements([one]).exceptions == {AZURE}
    assert endorsements([one, one]).exceptions == {AZURE}
    assert endorsements([one, other]).exceptions == frozenset()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('exceptions = ["azure-tdx-tcb-componet"]', f"did you mean '{AZURE}'"),
        ('exceptions = ["x"]', f"there is {AZURE}"),
        ('exceptions = "x"', "exceptions is a list of names"),
        ("exceptions = [[]]", "'list' is not the name of a exception|is not the name of"),
    ],
)
def test_an_unknown_name_is_a_mistake_with_the_nearest_one(line: str, why: str) -> None:
    with pytest.raises(PolicyFileError, match=why) as caught:
        policy_of(f"{HEAD}[tee.intel-tdx]\n{line}")
    assert str(caught.value.where).endswith(":4")
