# SPDX-License-Identifier: Apache-2.0
"""What others say of TEEs comes out of the data: makers of what they give up, a public forum of attackers."""

from __future__ import annotations

from collections import defaultdict

import pytest

from ttee.trust.answers import ask, scorecard
from ttee.trust.knowledge.terms import Attack, Design, Needs
from ttee.trust.model.build import alone, build
from ttee.trust.shipped import shipped

# --- makers ---------------------------------------------------------------------------------------


def aimed_at(design: Design) -> list[tuple[Attack, Needs]]:
    """The published attacks on a design, and what each needs there."""
    return [
        (attack, attack.needs if target.needs is None else target.needs)
        for attack in shipped().attacks.values()
        if attack.compiled
        for target in attack.targets
        if target.tee in (design.id, *design.classes)
    ]


def declared_out_of_scope(design: Design) -> set[str]:
    """Attacks all of whose ways need something that the maker declares not to defend against."""
    given_up = {name for each in design.out_of_scope for name in each.capabilities}
    return {
        attack.id for attack, needs in aimed_at(design) if all(given_up.intersection(each) for each in needs)
    }


@pytest.mark.parametrize(
    ("design", "attacks"),
    [
        ("intel-sgx", {"battering-ram", "ddrop", "membuster", "tee-fail", "wiretap"}),
        ("intel-tdx", {"ddrop", "membuster", "tee-fail"}),
        ("intel-sgx-client", {"voltpillager"}),
        ("amd-sev-snp", {"battering-ram", "ddrop", "membuster", "tee-fail"}),
        ("amd-sev", set()),
        ("aws-nitro", set()),
        ("nvidia-gpu", set()),
    ],
)
def test_what_makers_declare_out_of_scope_is_out_of_scope_and_nothing_else(
    design: str, attacks: set[str]
) -> None:
    assert declared_out_of_scope(shipped().designs[design]) == attacks


def test_a_declaration_takes_nothing_away() -> None:
    """Out of scope is who said so, and no defence: the operator breaks TDX all the same."""
    model = scorecard.unmendable(build(alone("intel-tdx", shipped()), shipped()))
    who, _ = ask.adversary(model, "operator")
    assert ask.can(model, model.device("confidentiality"), who).broken


def test_beyond_what_intel_gives_up_no_published_attack_on_tdx_is_without_a_fix() -> None:
    tdx = shipped().designs["intel-tdx"]
    unfixed = {attack.id for attack, _ in aimed_at(tdx) if attack.fix_kind in ("none", "design")}
    supply = {"a2", "dopant", "ki-theft", "storm-0558", "dual-ec"}
    assert unfixed - declared_out_of_scope(tdx) == supply


def test_amd_speaks_of_the_bus_and_not_of_voltage() -> None:
    """One Glitch has no fix, and no bulletin that would put it out of scope."""
    snp = shipped().designs["amd-sev-snp"]
    assert "one-glitch" not in declared_out_of_scope(snp)
    assert shipped().attacks["one-glitch"].fix_kind == "none"


# --- the forum ------------------------------------------------------------------------------------
# https://collective.flashbots.net/t/taxonomy-of-tee-attacks/3543: four attackers, and for each attack who it takes,
# and on which TEEs it can and cannot be mitigated. Attackers and columns are the forum's, held against its opening
# post. The rows are attacks of this knowledge; the forum's own were not at hand and are not compared.

FORUM = {
    "remote": {"net", "cotenant", "device_guest", "host_root", "host_firmware", "spd_unlocked"},
    "fabric": {"dimm_tamper", "bus_passive", "bus_active", "stolen_device"},
    "invasive": {"glitch", "em_probe", "invasive"},
    "malicious manufacturer": {"supply_board", "supply_foundry", "supply_software", "vendor_key_or_insider"},
}
"""A remote attacker "does not have physical access": tenants, and the cloud's administrators. Fabric: interposers, and
memory at rest. Invasive: the chip itself, its clock and voltage."""
STATES = {"leak_tls_key", "leak_eph_key", "other_machine_compromised"}


def forum_class(needs: Needs) -> str:
    """The weakest of the forum's attackers who can carry it out."""
    order = list(FORUM)
    of = {capability: order.index(name) for name, few in FORUM.items() for capability in few}
    return order[min(max(of.get(each, 0) for each in one) for one in needs)]


def table() -> dict[str, tuple[str, set[str], set[str]]]:
    """Each attack in the forum's columns: attacker, designs where it can be mitigated, designs where it cannot."""
    rows: dict[str, tuple[str, set[str], set[str]]] = {}
    for design in shipped().designs.values():
        for attack, needs in aimed_at(design):
            _, can, cannot = rows.setdefault(attack.id, (forum_class(needs), set(), set()))
            (cannot if attack.fix_kind in ("none", "design") else can).add(design.id)
    return rows


def test_each_capability_is_one_of_the_forums_attackers() -> None:
    few = [capability for each in FORUM.values() for capability in each]
    assert sorted([*few, *STATES]) == sorted(shipped().capabilities)


@pytest.mark.parametrize(
    ("attack", "attacker", "can", "cannot"),
    [
        ("controlled-channel", "remote", {"intel-sgx", "intel-tdx", "amd-sev-snp"}, set()),
        ("foreshadow", "remote", {"intel-sgx-client"}, set()),
        ("plundervolt", "remote", {"intel-sgx-client"}, set()),
        ("sgaxe", "remote", {"intel-sgx-client"}, set()),
        ("aepic", "remote", {"intel-sgx"}, set()),
        ("downfall", "remote", {"intel-sgx"}, set()),
        ("cachewarp", "remote", {"amd-sev", "amd-sev-snp"}, set()),
        ("heckler", "remote", {"intel-tdx", "amd-sev-snp"}, set()),
        ("severed", "remote", set(), {"amd-sev"}),
        ("badfuse", "remote", set(), {"amd-sev-snp"}),
        ("badram", "remote", {"amd-sev-snp"}, set()),  # by software, where modules are not locked
        ("membuster", "fabric", set(), {"intel-sgx-client", "intel-sgx"}),
        ("battering-ram", "fabric", set(), {"intel-sgx", "amd-sev-snp"}),
        ("wiretap", "fabric", set(), {"intel-sgx"}),
        ("tee-fail", "fabric", set(), {"intel-sgx", "intel-tdx", "amd-sev-snp", "nvidia-gpu"}),
        ("coldboot", "fabric", set(), {"arm-trustzone", "keystone"}),
        ("voltpillager", "invasive", set(), {"intel-sgx-client"}),
        ("one-glitch", "invasive", set(), {"amd-sev", "amd-sev-snp"}),
        ("eucleak", "invasive", set(), {"smart-card", "tpm-discrete"}),
        ("sram-fib", "invasive", set(), {"smart-card", "opentitan"}),
        ("a2", "malicious manufacturer", set(), {"intel-sgx", "amd-sev-snp", "keystone"}),
        ("ki-theft", "malicious manufacturer", set(), {"intel-sgx", "smart-card"}),
    ],
)
def test_an_attack_stands_where_the_forums_classes_put_it(
    attack: str, attacker: str, can: set[str], cannot: set[str]
) -> None:
    found, mitigated, unmitigated = table()[attack]
    assert found == attacker
    assert can <= mitigated
    assert cannot <= unmitigated


def test_nobody_withstands_the_last_two_attackers() -> None:
    """As the forum says: "no TEE defends against the latter two". Whoever makes a design breaks it; only one that no
    single party makes withstands, and that one does not exist."""
    survivors = set()
    for design in shipped().designs:
        model = build(alone(design, shipped()), shipped())
        makers = shipped().designs[design].roles["manufacturer"].of
        events = ("party:owner@machine" if name == "owner" else f"party:{name}" for name in makers)
        if not any(model.base.breaks({event}, model.goal("integrity")) for event in events):
            survivors.add(design)
    assert survivors == {"ideal"}


def test_the_forums_table_has_rows_for_each_attacker() -> None:
    count: defaultdict[str, int] = defaultdict(int)
    for attacker, _, _ in table().values():
        count[attacker] += 1
    assert set(count) == set(FORUM)
    assert count["remote"] > 70
    assert count["fabric"] >= 8
    assert count["invasive"] >= 9
    assert count["malicious manufacturer"] >= 7
