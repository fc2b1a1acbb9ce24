# SPDX-License-Identifier: Apache-2.0
"""What must hold of any deployment and any rules, whatever they are: more rules, parties and walls only one way."""

from __future__ import annotations

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.trust.calculus.test_cuts import instance, rule
from tests.trust.known import model
from ttee.trust.answers import ask
from ttee.trust.calculus.cuts import cuts_of
from ttee.trust.calculus.rules import Rule, RuleBase
from ttee.trust.model.build import Model

Cut = frozenset[str]
DESIGNS = ("tdx", "snp", "cca")
PARTIES = ("google", "microsoft", "ovh")
PROPERTIES = ("confidentiality", "integrity", "attestation", "freshness", "availability", "keys")
FEW = settings(max_examples=40, deadline=None)


@st.composite
def tees(draw: st.DrawFn, least: int = 2, most: int = 4) -> list[str]:
    """The tables of some TEEs, part p0 and so on, whose operators and programs may be the same."""
    made = []
    for number in range(draw(st.integers(least, most))):
        operator, author = draw(st.sampled_from(PARTIES)), draw(st.sampled_from(PARTIES))
        made.append(
            f'[part.p{number}]\ntee = "{draw(st.sampled_from(DESIGNS))}"\n'
            f'operator = "{operator}"\nauthor = "{author}"\n'
            f"pin = {str(draw(st.booleans())).lower()}\n"
        )
    return made


def names(parts: list[str]) -> str:
    return ", ".join(f'"p{number}"' for number in range(len(parts)))


def cuts(made: Model, property_: str) -> set[Cut]:
    found = ask.who(made, made.goal(property_))
    assert found.bound is None
    return set(found.listed(200_000))


def no_weaker(new: set[Cut], old: set[Cut]) -> bool:
    """Whether whatever the new deployment falls to, the old one fell to as well."""
    return all(any(before <= cut for before in old) for cut in new)


@given(instance(), rule())
@settings(max_examples=150, deadline=None)
def test_adding_a_rule_never_removes_a_break(made: tuple[RuleBase, tuple[str, ...], str], more: Rule) -> None:
    base, events, goal = made
    before = set(cuts_of(base, events, goal).smallest_first())
    after = set(cuts_of(RuleBase([*base.rules, more]), events, goal).smallest_first())
    assert no_weaker(before, after)


@given(tees(3, 4), st.data())
@FEW
def test_raising_k_never_adds_a_smaller_confidentiality_cut(parts: list[str], data: st.DataObject) -> None:
    low = data.draw(st.integers(1, len(parts) - 1))
    high = data.draw(st.integers(low + 1, len(parts)))
    for combination in ("split", "k_of"):
        smaller, larger = (
            cuts(
                model("".join(parts) + f"[part.x]\n{combination} = {{ k = {k}, of = [{names(parts)}] }}\n"),
                "confidentiality",
            )
            for k in (low, high)
        )
        assert no_weaker(larger, smaller)
        assert min(map(len, larger)) >= min(map(len, smaller))


@given(tees(2, 4), st.sampled_from(PROPERTIES))
@FEW
def test_adding_an_any_branch_never_strengthens_anything_but_availability(
    parts: list[str], property_: str
) -> None:
    fewer = cuts(model("".join(parts) + f"[part.x]\nany = [{names(parts[:-1])}]\n", root="x"), property_)
    more = cuts(model("".join(parts) + f"[part.x]\nany = [{names(parts)}]\n"), property_)
    if property_ == "availability":
        assert no_weaker(more, fewer)
    else:
        assert no_weaker(fewer, more)


@given(tees(2, 4), st.sampled_from(PROPERTIES), st.sampled_from(["all", "any", "split", "replicate"]))
@FEW
def test_merging_two_parties_never_enlarges_a_cut(parts: list[str], property_: str, how: str) -> None:
    combination = {
        "all": f"all = [{names(parts)}]",
        "any": f"any = [{names(parts)}]",
        "split": f"split = {{ k = 2, of = [{names(parts)}] }}",
        "replicate": f"replicate = {{ agree = 2, of = [{names(parts)}] }}",
    }[how]
    text = "".join(parts) + f"[part.x]\n{combination}\n"
    assume('"microsoft"' in text)
    apart, merged = cuts(model(text), property_), cuts(model(text.replace('"microsoft"', '"ovh"')), property_)
    as_one = {
        frozenset("party:ovh" if event == "party:microsoft" else event for event in cut) for cut in apart
    }
    assert no_weaker(as_one, merged)
    assert min(map(len, merged)) <= min(map(len, apart))


@given(tees(1, 3), st.sampled_from(["confidentiality", "integrity", "attestation", "keys"]))
@FEW
def test_a_pin_a_proof_of_cloud_a_log_or_a_second_wall_never_weakens(
    parts: list[str], property_: str
) -> None:
    inner = "".join(parts) + f"[part.y]\nany = [{names(parts)}]\n"
    before = cuts(model(inner), property_)
    for wall in (
        'poc = { of = "y", by = "amd" }',
        'log = { of = "y", k = 1, witnesses = ["arm"] }',
        'nest = { outer = "y", inner = "p0" }',
        'all = ["y"]',
    ):
        assert no_weaker(cuts(model(f"{inner}[part.x]\n{wall}\n"), property_), before)


@given(tees(1, 2), st.sampled_from(PROPERTIES), st.sampled_from(["2022", "2025-01", "2025-11"]))
@FEW
def test_time_only_adds_breaks(parts: list[str], property_: str, at: str) -> None:
    text = "".join(parts) + f"[part.x]\nall = [{names(parts)}]\n"
    assert no_weaker(cuts(model(text, at=at), property_), cuts(model(text), property_))
