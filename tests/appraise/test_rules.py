# SPDX-License-Identifier: Apache-2.0
"""Rules about claims of every kind: what each comparison accepts, refuses, and cannot be asked."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.appraise.claims import AT, policy_of
from ttee.appraise import Comparison, Rule, appraise
from ttee.appraise.rules import PREFIXES, split_key
from ttee.errors import PolicyFileError
from ttee.model import Assurance, Claims, ClaimValue, Status

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def ends(line: str, **claims: ClaimValue) -> Status:
    """How one rule of a policy ends, for a TEE that claims this."""
    made = Claims("intel-tdx", Assurance.SILICON, (), (), (), details=claims)
    policy = policy_of(f'schema = "ttee.policy/1"\nname = "one rule"\n[tee.intel-tdx]\n{line}')
    name = line.split(" ", maxsplit=1)[0]
    verdict = appraise(made, [policy], at=AT)
    return next(check.status for check in verdict.checks if check.id == f"policy.intel-tdx.{name}")


@pytest.mark.parametrize(
    ("line", "value", "holds"),
    [
        ('rtmr1 = ["0102"]', b"\x01\x02", True),
        ('rtmr1 = ["0103", "0104"]', b"\x01\x02", False),
        ("debug-allowed = false", False, True),
        ("debug-allowed = false", 0, False),
        ("min-svn = 3", 3, True),
        ("min-svn = 3", 2, False),
        ("min-svn = 1", True, False),
        ("max-svn = 3", 3, True),
        ("max-svn = 3", 4, False),
        ("max-svn = 3", "3", False),
        ('min-tcb = "0201"', b"\x02\x01", True),
        ('min-tcb = "0201"', b"\x03\x01", True),
        ('min-tcb = "0201"', b"\x03\x00", False),
        ('min-tcb = "0201"', b"\x03\x01\x00", False),
        ('min-tcb = "2024-01-01"', b"\x03\x01", False),
        ('max-tcb = "0201"', b"\x02\x00", True),
        ('min-tcb-date = "2024-03-13"', "2024-03-13T00:00:00Z", True),
        ('min-tcb-date = "2024-03-13T01:00:00+01:00"', "2024-03-13T00:00:00Z", True),
        ('min-tcb-date = "2024-03-14"', "2024-03-13T00:00:00Z", False),
        ('min-tcb-date = "2024-03-13"', "someday", False),
        ('min-tcb-date = "2024-03-13"', "0001-01-01T00:00:00+14:00", False),
        ('max-tcb-date = "2024-03-13"', "2024-03-12T00:00:00Z", True),
        ('min-firmware = "1.55"', "1.55.21", True),
        ('min-firmware = "1.55.9"', "1.55.21", True),
        ('min-firmware = "1.55.22"', "1.55.21", False),
        ('min-firmware = "1.55.22"', "new", False),
        ('max-firmware = "1.55.21"', "1.54.99", True),
        ("max-age-tcb-date = 365", "2026-01-01T00:00:00Z", True),
        ("max-age-tcb-date = 30", "2026-10-23T12:00:00Z", True),
        ("max-age-tcb-date = 30", "2026-10-22T12:00:00Z", True),
        ("max-age-tcb-date = 30", "2026-10-22T11:59:59Z", False),
        ('min-firmware = "2024-01-01"', "1.55.21", False),
        ("max-age-tcb-date = 18446744073709551615", "0001-01-01T00:00:00Z", True),
        ("max-age-tcb-date = 30", 7, False),
        ('prefix-module-id = "i-0abc"', "i-0abcdef-enc1", True),
        ('prefix-module-id = ["i-1", "i-0abc"]', "i-0abcdef-enc1", True),
        ('prefix-module-id = "i-1"', "i-0abcdef-enc1", False),
        ('prefix-fmspc = "9"', b"\x90\xc0", True),
        ('prefix-fmspc = "9"', 9, False),
        ("bits-mit-vector = 0b101", 0b1101, True),
        ("bits-mit-vector = 0b101", 0b1001, False),
        ("bits-mit-vector = 1", True, False),
        ('advisory-ids = ["A", "B"]', ("A",), True),
        ('advisory-ids = ["A", "B"]', ("A", "C"), False),
        ('advisory-ids = ["A"]', (), True),
        ("unexplained-pcrs = [10]", (10, 11), False),
        ("min-numbers = 3", (3, 4), True),
        ('software = ["x"]', (("x",),), False),
        ('rtmr1 = ["00"]', None, False),
    ],
)
def test_what_each_comparison_accepts(line: str, value: ClaimValue, holds: bool) -> None:
    _, claim = split_key(line.split(" ", maxsplit=1)[0])
    assert ends(line, **{claim: value}) is (Status.PASS if holds else Status.FAIL)


def test_true_is_no_number_even_in_a_rule_that_no_file_could_make() -> None:
    assert not Rule("flags", Comparison.BITS, (True,)).holds(1, NOW)
    assert not Rule("date", Comparison.MAX_AGE, (True,)).holds("2026-01-01T00:00:00Z", NOW)
    assert str(Rule("debug", Comparison.ONE_OF, (True,))).endswith(" true")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('min-svn = "new"', "an integer; or a date, a version or bytes, in quotes"),
        ("min-svn = true", "an integer; or"),
        ("min-svn = [1, 2]", "one value, not a list"),
        ("max-age-tcb-date = -1", "a natural number"),
        ('max-age-tcb-date = "1 year"', "a natural number"),
        ("bits-mit-vector = true", "a natural number"),
        ("prefix-module-id = 7", "text, or bytes in hex, in quotes"),
        ('prefix-module-id = ["i", ""]', "text, or bytes in hex, in quotes"),
        ("prefix-module-id = []", "accepts nothing"),
    ],
)
def test_rules_that_could_never_hold_are_mistakes_with_their_line(line: str, why: str) -> None:
    with pytest.raises(PolicyFileError, match=why) as caught:
        policy_of(f'schema = "ttee.policy/1"\nname = "a"\n[tee.intel-tdx]\n{line}')
    assert str(caught.value.where).endswith(":4")


def test_registers_and_user_data_have_names_for_all_tees() -> None:
    claims = Claims(
        "intel-tdx", Assurance.SILICON, (), (), (), registers=(b"\x01", b"\x02"), user_data=b"\xaa\xbb"
    )
    rules = 'register1 = ["02"]\nuser-data = ["aabb"]\nprefix-user-data = "aa"\nregister2 = ["02"]\nreport-data = "aa"'
    policy = policy_of(f'schema = "ttee.policy/1"\nname = "a"\n[tee.intel-tdx]\n{rules}')
    found = {c.id.removeprefix("policy.intel-tdx."): c for c in appraise(claims, [policy], at=AT).checks}
    assert [found[key].status for key in ("register1", "user-data", "prefix-user-data")] == [Status.PASS] * 3
    assert found["register2"].status is Status.FAIL
    assert found["report-data"].detail.endswith("did you mean user-data?")


@given(st.sampled_from(list(Comparison)), st.from_regex(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", fullmatch=True))
def test_a_rules_key_says_what_it_asks_and_of_what(comparison: Comparison, claim: str) -> None:
    rule = Rule(claim, comparison, ("00",))
    found = split_key(rule.key)
    if not claim.replace("_", "-").startswith(tuple(filter(None, PREFIXES.values()))):
        assert found in {(comparison, claim), (Comparison.MAX_AGE, claim.removeprefix("age_"))}


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=6,
)


@given(st.sampled_from(list(Comparison)), _VALUES, st.booleans() | st.integers() | st.text())
def test_any_claim_ends_in_a_yes_or_a_no(
    comparison: Comparison, value: ClaimValue, wanted: int | str
) -> None:
    assert Rule("claim", comparison, (wanted,)).holds(value, NOW) in (True, False)


def test_the_specification_names_every_kind_of_rule() -> None:
    text = (Path(__file__).parents[2] / "docs/spec/policy.md").read_text()
    for prefix in filter(None, PREFIXES.values()):
        assert f"`tee.NAME.{prefix}CLAIM`" in text
