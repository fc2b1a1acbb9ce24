# SPDX-License-Identifier: Apache-2.0
"""The knowledge that we ship: it loads, nothing dangles, everything has a source; one file more is one attack more."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest

import ttee
from tools import check_knowledge
from ttee.errors import KnowledgeError
from ttee.trust.answers import ask
from ttee.trust.knowledge.reading import read_knowledge
from ttee.trust.knowledge.terms import Knowledge, Property, first_day
from ttee.trust.model.build import alone, build
from ttee.trust.shipped import shipped

PACKAGE = Path(ttee.__file__).parent
FOLDER = PACKAGE / "trust" / "knowledge"
OURS = ("emulator-owner",)
"""What we know of our own TEEs, whose source is our own specification."""

NEW = """\
schema = "ttee.attack/1"
id = "a-new-one"
name = "Something that somebody publishes tomorrow"
public = "2026-11-20"
needs = [["host_root"]]
breaks = ["confidentiality"]
reach = "machine"
fix = { kind = "none" }
sources = [{ text = "a paper" }]

[[target]]
tee = "intel-tdx"
"""


def models() -> list[Path]:
    return sorted((PACKAGE / "tee").glob("**/model.toml"))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "knowledge"))


def test_it_loads_and_is_as_large_as_we_say() -> None:
    assert len(shipped().designs) >= 27
    assert len(shipped().attacks) >= 126


def test_make_check_is_content(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_knowledge.main() == 0
    assert "attacks" in capsys.readouterr().out


def test_each_file_is_called_as_what_is_in_it() -> None:
    for folder in ("attacks", "designs"):
        for path in (FOLDER / folder).glob("*.toml"):
            assert tomllib.loads(path.read_text("utf-8"))["id"] == path.stem


def test_every_attack_and_design_has_a_source_that_can_be_found() -> None:
    for attack in shipped().attacks.values():
        assert attack.sources
        if attack.checked and attack.id not in OURS:
            assert any(
                source.url or "AMD-SB" in source.text or "," in source.text for source in attack.sources
            )
    for design in shipped().designs.values():
        assert design.sources


def test_every_attack_that_counts_aims_at_some_design() -> None:
    aims = {name for design in shipped().designs.values() for name in (design.id, *design.classes)}
    for attack in shipped().attacks.values():
        assert attack.targets or not attack.compiled, attack.id
        assert {target.tee for target in attack.targets} <= aims


def test_no_class_and_no_capability_is_there_for_nothing() -> None:
    aimed = {target.tee for attack in shipped().attacks.values() for target in attack.targets}
    classes = {name for design in shipped().designs.values() for name in design.classes}
    assert classes <= aimed
    used = {
        name
        for attack in shipped().attacks.values()
        for needs in (attack.needs, *(target.needs or () for target in attack.targets))
        for each in needs
        for name in each
    }
    assert set(shipped().capabilities) - used == set()


def test_every_party_is_somebody() -> None:
    named = {
        name for design in shipped().designs.values() for few in design.roles.values() for name in few.of
    }
    makers = {part.maker for design in shipped().designs.values() for part in design.components}
    parents = {party.parent for party in shipped().parties.values()}
    clouds = {"google", "microsoft", "oracle", "ovh", "hetzner", "alibaba", "aws", "ibm"}
    makers_of_tpms = {"stm", "ntc"}
    others = {"arm", "qualcomm", "nxp", "thead", "broadcom", "supermicro"}
    assert set(shipped().parties) <= named | makers | parents | clouds | makers_of_tpms | others


def test_no_attack_lies_in_the_future_of_the_knowledge() -> None:
    for attack in shipped().attacks.values():
        day = first_day(attack.public)
        assert day is not None
        assert day <= shipped().as_of


def test_aws_is_maker_operator_and_certifier_in_one_event() -> None:
    nitro = shipped().designs["aws-nitro"]
    assert {few.of for few in (nitro.roles["manufacturer"], nitro.roles["certifier"])} == {("aws",)}
    assert shipped().parties["aws"].parent == "amazon"
    model = build(alone("aws-nitro", shipped()), shipped())
    for goal in ("confidentiality", "integrity", "attestation", "keys"):
        assert model.base.breaks({"party:amazon"}, model.goal(goal))


def test_an_allegation_is_listed_and_never_counts() -> None:
    alleged = [attack.id for attack in shipped().attacks.values() if attack.status == "alleged"]
    assert alleged == ["supermicro"]
    model = build(alone("intel-tdx", shipped()), shipped())
    assert not any(rule.id == "supermicro" for rule in model.base.rules)


def test_an_attack_on_a_channel_is_derived_by_rules_and_not_counted_twice() -> None:
    derived = {attack.id for attack in shipped().attacks.values() if attack.modelled_by == "channel"}
    assert derived == {"ratls-replay", "diversion", "intra-handshake", "contrast-relay"}


def test_switches_of_policies_and_attacks_have_the_same_days() -> None:
    switches = {path.stem: path for path in (PACKAGE / "appraise" / "distrust").glob("*.toml")}
    for switch, attack in (
        ("badram", "badram"),
        ("ddr4-interposer", "battering-ram"),
        ("ddr5-interposer", "tee-fail"),
        ("milan-root-seed", "badfuse"),
    ):
        since = tomllib.loads(switches[switch].read_text("utf-8"))["since"]
        assert first_day(shipped().attacks[attack].public) == since


# --- adding one, and getting it wrong -------------------------------------------------------------


def host_breaks_tdx(knowledge: Knowledge) -> bool:
    fixed = tuple(kind for kind in ("tcb", "config", "measured-image", "code", "policy", "protocol"))
    model = build(alone("intel-tdx", knowledge), knowledge, fixed=fixed)
    who, _ = ask.adversary(model, "host")
    return ask.can(model, model.device(Property.CONFIDENTIALITY), who).broken


def test_an_attack_more_is_a_file_more(copy: Path) -> None:
    before = read_knowledge(copy, models())
    assert not host_breaks_tdx(before)
    (copy / "attacks" / "a-new-one.toml").write_text(NEW)
    after = read_knowledge(copy, models())
    assert after.attacks.keys() - before.attacks.keys() == {"a-new-one"}
    assert host_breaks_tdx(after)


MISTAKES = [
    ('needs = [["host_root"]]', 'needs = [["host_rot"]]', "host_root"),
    ('tee = "intel-tdx"', 'tee = "intel-tdr"', "intel-tdx"),
    ('sources = [{ text = "a paper" }]', "sources = []", "at least one"),
    ('kind = "none"', 'kind = "tcp"', "tcb"),
    ('breaks = ["confidentiality"]', 'breaks = ["confidentialty"]', "confidentiality"),
    ('public = "2026-11-20"', 'public = "soon"', "public"),
]


@pytest.mark.parametrize(("right", "wrong", "said"), MISTAKES)
def test_a_mistake_is_named_with_its_file_and_line(copy: Path, right: str, wrong: str, said: str) -> None:
    assert right in NEW
    text = NEW.replace(right, wrong)
    (copy / "attacks" / "a-new-one.toml").write_text(text)
    with pytest.raises(KnowledgeError, match=said) as problem:
        read_knowledge(copy, models())
    line = 1 + text[: text.index(wrong)].count("\n")
    assert problem.value.where == f"a-new-one.toml:{line}"


def test_a_design_without_a_source_is_refused(copy: Path) -> None:
    path = copy / "designs" / "argos.toml"
    text = path.read_text("utf-8")
    path.write_text(text[: text.index("[[source]]")])
    with pytest.raises(KnowledgeError, match="source"):
        read_knowledge(copy, models())


def test_a_role_of_nobody_is_refused(copy: Path) -> None:
    path = copy / "designs" / "argos.toml"
    path.write_text(path.read_text("utf-8").replace('certifier = "infineon"', 'certifier = "infinion"'))
    with pytest.raises(KnowledgeError, match="infineon"):
        read_knowledge(copy, models())


def test_a_guard_over_a_fact_of_which_nobody_speaks_is_found(copy: Path) -> None:
    text = NEW + 'unless = [{ fact = "tcb_statsu", is = "UpToDate" }]\n'
    (copy / "attacks" / "a-new-one.toml").write_text(text)
    found = list(check_knowledge.unknown_facts(read_knowledge(copy, models())))
    assert len(found) == 1
    assert "tcb_statsu" in found[0]
    assert found[0].startswith("attacks/a-new-one.toml")


def test_each_fact_that_people_may_say_is_asked_for() -> None:
    asked = {each.fact for attack in shipped().attacks.values() for each in check_knowledge.guards(attack)}
    assert check_knowledge.said_by_people() <= asked
    assert not check_knowledge.said_by_people() & check_knowledge.said_by_verifiers()
