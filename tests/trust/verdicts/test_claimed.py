# SPDX-License-Identifier: Apache-2.0
"""Claims become facts, a design and parties; what nobody knows counts for the attacker."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trust.genuine import DEBUGGED, GENUINE
from ttee.errors import KnowledgeError
from ttee.model import Assurance, Claims
from ttee.tee import TEES
from ttee.trust.answers import ask
from ttee.trust.deployment.parts import KOf
from ttee.trust.knowledge.facts import Fact
from ttee.trust.knowledge.terms import Property
from ttee.trust.shipped import shipped
from ttee.trust.verdicts.claimed import Question, asked_for, deployment_for, parse_sheet, question, sheet_of
from ttee.trust.verdicts.residual import PROPERTIES, model_of

AT = "2026-11-21T12:00:00Z"

FACTS: Mapping[str, Mapping[str, Fact]] = {
    "amd-sev-snp": {"product": "milan", "memory": "ddr4", "alias_check_complete": False, "smt_enabled": True,
                    "reported_snp_svn": 8, "reported_ucode_svn": 115, "signing_key": "vcek", "debug": False},
    "arm-cca": {"debug": False, "assurance": "simulated"},
    "aws-nitro": {"debug": False, "assurance": "silicon"},
    "azure-vtpm": {"product": "milan", "tee_inside": "amd-sev-snp", "alias_check_complete": True, "debug": False},
    "intel-sgx": {"sgx_type": "standard", "tcb_status": "ConfigurationAndSWHardeningNeeded", "debug": False},
    "intel-tdx": {"tcb_status": "OutOfDate", "tcb_evaluation": 18, "smt_enabled": True, "memory": "ddr5",
                  "migratable": False, "debug": False, "assurance": "silicon"},
    "nvidia-gpu": {"kind": "gpu", "assurance": "silicon"},
    "riscv": {"platform": "visionfive-2", "debug": False, "assurance": "emulated"},
    "tpm": {"assurance": "silicon"},
}  # fmt: skip


def asked(claims: Claims, *, at: str = AT, **more: object) -> Question:
    return question(claims, at=at, **more)  # type: ignore[arg-type]


def breaks_no_less(more: Question, less: Question) -> None:
    """Each of the smallest cuts of the question that knows more breaks the one that knows less."""
    before, after = model_of(more), model_of(less)
    for property_ in PROPERTIES:
        for cut in ask.who(before, before.goal(property_)).listed(40):
            assert after.base.breaks(cut, after.goal(property_)), (property_, sorted(cut))


@pytest.mark.parametrize("tee", GENUINE)
def test_real_evidence_says_these_facts(tee: str) -> None:
    assert FACTS[tee].items() <= dict(asked(GENUINE[tee]()).facts).items()


@pytest.mark.parametrize("tee", TEES)
def test_every_tee_has_a_table(tee: str) -> None:
    assert sheet_of(tee).designs


def test_a_tee_without_a_table_is_an_error() -> None:
    with pytest.raises(KnowledgeError, match=r"no facts\.toml is about 'abacus'"):
        sheet_of("abacus")


@pytest.mark.parametrize("tee", GENUINE)
def test_no_claim_that_attacks_ask_for_is_left_out_of_the_table(tee: str) -> None:
    sheet = sheet_of(tee)
    read = {name for name, _ in sheet.reads} | {each.fact for each in sheet.derived}
    wanted = asked_for(shipped(), [id_ for id_, _ in sheet.designs])
    assert not (wanted - read) & GENUINE[tee]().details.keys()


@pytest.mark.parametrize("tee", GENUINE)
def test_a_fact_less_never_breaks_less(tee: str) -> None:
    claims = GENUINE[tee]()
    for _, read in sheet_of(tee).reads:
        without = {name: value for name, value in claims.details.items() if name != read.claim}
        breaks_no_less(asked(claims), asked(evolve(claims, details=without)))
    breaks_no_less(asked(claims), asked(evolve(claims, debug=None)))


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(["amd-sev-snp", "intel-tdx", "intel-sgx", "azure-vtpm"]), st.data())
def test_more_facts_never_add_a_break(tee: str, data: st.DataObject) -> None:
    claims = GENUINE[tee]()
    names = [read.claim for _, read in sheet_of(tee).reads]
    known = data.draw(st.sets(st.sampled_from(names)))
    fewer = data.draw(st.sets(st.sampled_from(sorted(known)))) if known else set()
    some, few = (
        evolve(claims, details={name: claims.details[name] for name in each if name in claims.details})
        for each in (known, fewer)
    )
    breaks_no_less(asked(some), asked(few))


def test_a_design_that_evidence_leaves_open_is_any_of_those_it_may_be() -> None:
    claims = GENUINE["intel-sgx"]()
    one = asked(claims)
    assert one.designs == ("intel-sgx-standard",)
    either = asked(evolve(claims, details={**claims.details, "sgx_type": None}))
    assert either.designs == ("intel-sgx-standard", "intel-sgx")
    deployment = deployment_for(either, shipped())
    assert deployment.parts[deployment.root] == KOf(1, ("tee-intel-sgx-standard", "tee-intel-sgx"))
    breaks_no_less(one, either)
    server = asked(evolve(claims, details={**claims.details, "sgx_type": "scalable"}))
    assert server.designs == ("intel-sgx",)
    breaks_no_less(server, either)


@pytest.mark.parametrize(
    ("fmspc", "memory"),
    [("00606a000000", "ddr4"), ("90c06f000000", "ddr5"), ("20a06f000000", "ddr5"), ("00906e000000", None)],
)
def test_a_processor_stands_for_its_memory(fmspc: str, memory: str | None) -> None:
    claims = GENUINE["intel-sgx"]()
    details = {**claims.details, "fmspc": bytes.fromhex(fmspc)}
    assert dict(asked(evolve(claims, details=details)).facts).get("memory") == memory


@pytest.mark.parametrize("tee", DEBUGGED)
def test_a_real_tee_in_debug_mode_is_broken_by_its_host(tee: str) -> None:
    claims = DEBUGGED[tee]()
    assert claims.debug is True
    assert host_breaks(claims)


@pytest.mark.parametrize("tee", ["intel-sgx", "intel-tdx", "amd-sev-snp", "aws-nitro", "arm-cca", "riscv"])
@pytest.mark.parametrize("debug", [True, None])
def test_debug_mode_or_none_who_knows_lets_the_host_in(tee: str, debug: bool | None) -> None:
    claims = evolve(GENUINE[tee](), debug=debug, assurance=Assurance.SILICON)
    assert host_breaks(claims, at="2015-12-31T00:00:00Z")
    if tee not in ("intel-sgx", "riscv"):  # these had been broken by their hosts already
        assert not host_breaks(evolve(claims, debug=False), at="2015-12-31T00:00:00Z")


def host_breaks(claims: Claims, at: str = AT) -> bool:
    model = model_of(asked(claims, at=at), fixed=("code",))
    adversary, budget = ask.adversary(model, "host:0")
    answers = [ask.can(model, model.goal(each), adversary, budget).broken for each in PROPERTIES[:2]]
    return all(answers)


def test_of_what_is_simulated_anybody_makes_evidence() -> None:
    model = model_of(asked(GENUINE["arm-cca"]()))
    assert all(model.base.breaks((), model.goal(each)) for each in PROPERTIES)


def test_whoever_has_an_emulator_has_what_runs_there() -> None:
    claims = evolve(GENUINE["tpm"](), assurance=Assurance.EMULATED)
    model = model_of(asked(claims, at="2014-01-01T00:00:00Z"))
    for property_ in (*PROPERTIES, Property.KEYS):
        assert model.base.breaks(["capability:host_root@machine"], model.goal(property_))
    assert asked(GENUINE["tpm"](), assurance=Assurance.EMULATED) == asked(claims)


def test_the_maker_of_a_tpm_is_named_by_its_certificate() -> None:
    claims = GENUINE["tpm"]()
    known = evolve(claims, details={**claims.details, "tpm_manufacturer": "id:49465800"})
    roles = {role: [party.id for party in few] for role, few in asked(known).roles}
    assert roles == {role: ["infineon"] for role in ("manufacturer", "certifier", "updater")}
    assert asked(claims).roles == ()
    breaks_no_less(asked(known, at="2014-01-01T00:00:00Z"), asked(known, at="2014-01-01T00:00:00Z"))


def test_a_cloud_that_signs_with_a_vlek_vouches_beside_amd() -> None:
    claims = GENUINE["amd-sev-snp"]()
    vlek = asked(evolve(claims, details={**claims.details, "signing_key": "vlek"}))
    model = model_of(vlek)
    for party in ("amd", "vlek-holder"):
        assert model.base.breaks([f"party:{party}"], model.goal(Property.ATTESTATION))


def test_a_key_that_nobody_names_may_be_a_clouds() -> None:
    claims = GENUINE["amd-sev-snp"]()
    unknown = asked(evolve(claims, details={**claims.details, "signing_key": None}))
    for each in (unknown, asked(evolve(claims, details={**claims.details, "signing_key": "vlek"}))):
        breaks_no_less(each, unknown)
        made = model_of(each)
        assert made.base.breaks(["party:vlek-holder"], made.goal(Property.ATTESTATION))
    assert "party:vlek-holder" not in model_of(asked(claims)).events


def test_whoever_holds_a_pinned_key_certifies_too() -> None:
    model = model_of(asked(GENUINE["riscv"]()))
    assert model.base.breaks(["party:pinned-1"], model.goal(Property.ATTESTATION))
    assert "riscv device key" in model.events["party:pinned-1"].name


def test_azure_and_aws_run_their_machines_themselves() -> None:
    for tee, operator in (("azure-vtpm", "microsoft"), ("aws-nitro", "aws")):
        model = model_of(asked(GENUINE[tee]()))
        assert [part.operator for part in model.leaves.values()] == [operator]


def test_a_policy_that_lists_the_machine_pins_it() -> None:
    claims = GENUINE["amd-sev-snp"]()
    assert not asked(claims).pin
    pinned = asked(claims, ruled={"chip_id", "measurement"})
    assert pinned.pin
    breaks_no_less(pinned, asked(claims))
    assert asked(GENUINE["riscv"]()).pin  # its anchor is the machine's own key


def test_a_moment_after_what_is_known_is_answered_by_what_is_known() -> None:
    last = shipped().as_of.isoformat()
    assert asked(GENUINE["intel-tdx"](), at="2099-01-01T00:00:00Z").at == last
    assert asked(GENUINE["intel-tdx"](), at="2025-01-01T00:00:00Z").at == "2025-01-01"
    assert asked(GENUINE["intel-tdx"](), at="2025-01-01T23:00:00-05:00").at == "2025-01-02"


@pytest.mark.parametrize("tee", ["intel-tdx", "amd-sev-snp"])
def test_time_only_adds(tee: str) -> None:
    claims = GENUINE[tee]()
    breaks_no_less(asked(claims, at="2025-01-01T00:00:00Z"), asked(claims, at="2026-06-01T00:00:00Z"))


def test_long_claims_are_no_facts() -> None:
    claims = GENUINE["riscv"]()
    long = evolve(claims, details={**claims.details, "platform": "x" * 65})
    assert "platform" not in dict(asked(long).facts)


GOOD = """\
schema = "ttee.facts/1"
tee = "intel-tdx"
[[design]]
id = "intel-tdx"
[facts]
smt = "smt_enabled"
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('"ttee.facts/1"', '"ttee.facts/2"', 1, "the schema must be"),
        ('id = "intel-tdx"', 'id = "intel-tdz"', 4, "did you mean 'intel-tdx'"),
        ("[[design]]\nid", "[[desing]]\nid", 3, "did you mean 'design'"),
        ('[[design]]\nid = "intel-tdx"\n', "", 0, "at least one"),
        ("smt = ", "smt = 3 #", 6, "text"),
        ('smt = "smt_enabled"', 'smt = { claim = "x", bytes = [1] }', 6, "from, to"),
        ("[facts]", '[[derived]]\nfact = "memory"\nis = 1.5\n[facts]', 7, "a fact is text"),
        ("[facts]", '[[party]]\nrole = "operater"\nis = "aws"\n[facts]', 6, "did you mean 'operator'"),
        (
            "[facts]",
            '[[party]]\nrole = "operator"\nis = "aws"\nbeside = true\n[facts]',
            8,
            "one operator alone",
        ),
        ("[facts]", '[[party]]\nrole = "operator"\nis = "awz"\n[facts]', 7, "did you mean 'aws'"),
        ("[facts]", '[[party]]\nrole = "operator"\nis = "aws"\nname = "a"\n[facts]', 8, "has a name already"),
    ],
)
def test_a_table_that_is_wrong_says_where(old: str, new: str, line: int, said: str) -> None:
    with pytest.raises(KnowledgeError, match=said) as caught:
        parse_sheet(GOOD.replace(old, new, 1).encode(), "facts.toml")
    assert caught.value.where == (f"facts.toml:{line}" if line else "facts.toml")


def test_the_table_above_is_fine() -> None:
    assert parse_sheet(GOOD.encode(), "facts.toml")[0] == "intel-tdx"
