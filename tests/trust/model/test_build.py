# SPDX-License-Identifier: Apache-2.0
"""What a deployment means: who breaks what, part by part, told as small stories."""

from __future__ import annotations

import pytest

from tests.trust.known import ATTACKS, DESIGNS, attack, deployment, knowledge, knowledge_of, model
from ttee.errors import QuestionError, TooLargeError
from ttee.trust.answers import ask
from ttee.trust.calculus.graph import graph
from ttee.trust.calculus.rules import Derivation
from ttee.trust.knowledge.facts import Facts
from ttee.trust.knowledge.terms import Property
from ttee.trust.model.build import Model, alone, build, designs_of

ONE = '[part.a]\ntee = "tdx"\noperator = "google"\nauthor = "ovh"\n'
THREE = """
[part.a]
tee = "tdx"
operator = "google"
[part.b]
tee = "snp"
operator = "microsoft"
[part.c]
tee = "cca"
operator = "ovh"
"""
SIX = [
    Property(name)
    for name in ("confidentiality", "integrity", "attestation", "freshness", "availability", "keys")
]


def breaks(made: Model, property_: str, *events: str, part: str | None = None) -> bool:
    for event in events:
        assert event in made.events, f"{event} is not an event here"
    return made.base.breaks(events, made.goal(property_, part))


def cuts(made: Model, property_: str, part: str | None = None) -> set[frozenset[str]]:
    found = ask.who(made, made.goal(property_, part))
    assert found.bound is None
    return set(found.listed(100_000))


def scorecard(
    design: str, adversary: str, at: str, fixed: tuple[str, ...] = (), facts: Facts | None = None
) -> str:
    """The properties that this adversary breaks on the TEE itself, by their letters."""
    made = build(alone(design, knowledge(), facts), knowledge(), at=at, fixed=fixed)
    who, budget = ask.adversary(made, adversary)
    letters = zip("CIAFVK", SIX, strict=True)
    return "".join(letter for letter, each in letters if ask.can(made, made.device(each), who, budget).broken)


# --- history, replayed ----------------------------------------------------------------------------


def test_an_operator_with_a_thousand_dollars_breaks_tdx_once_the_bus_tap_is_public() -> None:
    assert scorecard("tdx", "operator:1000", "2025-10") == ""
    assert scorecard("tdx", "operator:1000", "2025-10-28") == "CAK"
    assert scorecard("tdx", "operator:999", "2025-10-28") == ""


def test_host_software_breaks_milan_once_its_fuses_are_public() -> None:
    patched: Facts = {"product": "milan", "spl": 27}
    assert scorecard("snp", "host", "2026-05-12", facts=patched) == ""
    assert scorecard("snp", "operator:0", "2026-05-12", facts=patched) == ""
    # Forged evidence hides the old microcode, so that all of what it is open to counts again.
    assert scorecard("snp", "operator:0", "2026-05-13", facts=patched) == "CIAK"
    assert scorecard("snp", "operator:0", "2026-05-13", facts={"product": "genoa", "spl": 27}) == ""


def test_fixes_that_are_taken_to_be_applied_make_the_strict_column() -> None:
    assert scorecard("snp", "host", "2026-05-12") == "CI"
    assert scorecard("snp", "host", "2026-05-12", ("tcb",)) == ""


# --- claims, and what they are worth --------------------------------------------------------------


def test_a_patch_claim_counts_only_while_attestation_is_unbroken() -> None:
    made = model('[part.a]\ntee = "snp"\nfacts = { product = "milan", spl = 27 }\n', at="2025-01-01")
    assert not breaks(made, "confidentiality", "capability:host_root@a")
    assert not made.base.breaks(["capability:host_root@a"], made.device("integrity"))
    assert made.base.breaks(["capability:host_root@a", "crypto:signature"], made.device("integrity"))


def test_claims_that_rest_on_attestation_leave_no_cycle_for_who_relies_on_it() -> None:
    made = model('[part.a]\ntee = "snp"\nfacts = { product = "genoa" }\n')
    for property_ in SIX:
        assert graph(made.base, tuple(made.events), made.goal(property_)).largest_cycle == 1
    stolen = ("capability:host_firmware@a", "crypto:signature")  # believed to be no Milan, which it is
    assert made.base.breaks(stolen, made.device("attestation"))
    assert not made.base.breaks(stolen[:1], made.device("attestation"))


def test_what_is_not_known_counts_for_the_attacker() -> None:
    for facts in ("", "facts = { spl = 26 }\n", 'facts = { spl = "new" }\n'):
        made = model(f'[part.a]\ntee = "snp"\n{facts}', at="2025-01-01")
        assert breaks(made, "integrity", "capability:host_root@a")


def test_every_component_has_an_undisclosed_flaw_so_that_nothing_is_ever_secure() -> None:
    bare = knowledge_of(attacks={})
    for design in bare.designs:
        made = build(alone(design, bare), bare)
        for property_ in SIX:
            assert ask.who(made, made.goal(property_)).count > 0


# --- one TEE --------------------------------------------------------------------------------------


def test_a_machine_of_ones_own_forges_evidence_unless_the_machine_is_pinned() -> None:
    anyones = frozenset({"machine:tdx", "equipment:bus-tap"})
    assert anyones in cuts(model(ONE), "attestation")
    assert anyones not in cuts(model(ONE + "pin = true\n"), "attestation")


def test_a_pin_does_not_hold_where_evidence_names_no_machine() -> None:
    made = model('[part.a]\ntee = "cca"\npin = true\n', at="2021")
    assert breaks(made, "attestation", "machine:cca")


def test_a_key_that_the_whole_fleet_shares_breaks_a_pinned_machine_too() -> None:
    fleet = attack(
        "group-key", "2020", '[["host_root"]]', '["attestation"]', '[[target]]\ntee = "tdx"', reach="fleet"
    )
    known = knowledge_of(attacks={"group-key": fleet})
    made = build(deployment(ONE + "pin = true\n"), known)
    assert made.base.breaks(["machine:tdx"], made.goal("attestation"))


def test_the_operator_has_what_comes_with_the_machine() -> None:
    made = model(ONE)
    assert breaks(made, "confidentiality", "party:google", "equipment:bus-tap")
    assert not breaks(made, "confidentiality", "party:google")
    assert breaks(made, "availability", "party:google")


def test_who_owns_a_party_is_that_party() -> None:
    made = model('[part.a]\ntee = "tdx"\noperator = "linkedin"\n')
    assert breaks(made, "availability", "party:microsoft")


def test_the_author_and_the_program_are_trusted_too() -> None:
    made = model(ONE)
    for property_ in ("confidentiality", "integrity", "keys"):
        assert breaks(made, property_, "party:ovh")
        assert breaks(made, property_, "flaw:code@app")
    assert not breaks(made, "attestation", "party:ovh")


def test_an_allegation_makes_no_rule() -> None:
    alleged = ATTACKS["bus-tap"].replace('reach = "machine"', 'reach = "machine"\nstatus = "alleged"')
    known = knowledge_of(attacks={"bus-tap": alleged})
    assert "equipment:bus-tap" not in build(alone("tdx", known), known).events


# --- structural rules -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("design", "events", "broken"),
    [
        ("tdx", ("exposure:S1@tdx", "capability:bus_passive@machine"), {"leakage", "attestation", "keys"}),
        ("tdx", ("exposure:S2@tdx", "capability:bus_active@machine"), {"integrity", "freshness"}),
        ("tdx", ("exposure:S6@tdx", "capability:host_root@machine"), {"leakage"}),
        ("snp", ("exposure:S7@snp", "capability:host_firmware@machine"), {"integrity"}),
    ],
)
def test_designs_speak_for_themselves_where_no_attack_is_published(
    design: str, events: tuple[str, ...], broken: set[str]
) -> None:
    known = knowledge_of(attacks={})
    made = build(alone(design, known), known)
    held = made.base.closure(events)
    assert {each for each in Property if f"device.{each}(tee)" in held} == broken
    assert not made.base.closure(events[1:]) & {f"device.{each}(tee)" for each in Property}


def test_memory_on_the_chip_has_no_bus() -> None:
    events = build(alone("cca", knowledge()), knowledge()).events
    assert not [event for event in events if event.startswith(("exposure:S1", "exposure:S2"))]


def test_the_maker_alone_breaks_everything_and_the_reason_names_the_rule() -> None:
    made = model(ONE)
    assert all(breaks(made, property_, "party:intel") for property_ in SIX)
    tree = ask.explain(made, frozenset({"party:intel"}), made.device("attestation"))
    assert "S3" in ids(tree)


def test_who_runs_and_certifies_a_machine_breaks_it_alone() -> None:
    made = model('[part.a]\ntee = "tdx"\noperator = "google"\nroles = { certifier = "operator" }\n')
    assert breaks(made, "confidentiality", "party:google")
    assert "S4" in ids(ask.explain(made, frozenset({"party:google"}), made.goal("attestation")))


def test_whoever_updates_what_makes_evidence_forges_it() -> None:
    one = ONE + 'roles = { updater = "amd" }\n'
    assert breaks(model(one), "attestation", "party:amd")
    diced = {"tdx": DESIGNS["tdx"].replace("[dimensions]", '[dimensions]\nlaunch = "dice"')}
    made = build(deployment(one), knowledge_of(designs=diced, attacks={}))
    assert breaks(made, "integrity", "party:amd")
    assert not made.base.breaks(["party:amd"], made.device("attestation"))


def test_a_verifier_that_must_be_asked_lies_or_keeps_silent() -> None:
    made = model(ONE + 'verifier = "ovh"\n')
    assert breaks(made, "attestation", "party:ovh")
    assert breaks(made, "availability", "party:ovh")


def test_updates_signed_by_several_take_several() -> None:
    roles = 'roles = { updater = { k = 2, of = ["ovh", "arm", "google"] } }\n'
    made = model(f'[part.a]\ntee = "tdx"\n{roles}')
    assert not breaks(made, "integrity", "party:ovh")
    assert breaks(made, "integrity", "party:ovh", "party:arm")


# --- combinations ---------------------------------------------------------------------------------


def test_all_must_be_forged_where_all_must_vouch_and_one_where_any_will_do() -> None:
    every = model(THREE + '[part.x]\nall = ["a", "b", "c"]\n')
    assert not breaks(every, "attestation", "party:intel", "party:amd")
    assert breaks(every, "attestation", "party:intel", "party:amd", "party:arm")
    any_ = model(THREE + '[part.x]\nany = ["a", "b", "c"]\n')
    assert breaks(any_, "attestation", "party:arm")
    assert breaks(any_, "confidentiality", "party:arm")


def test_each_of_all_holds_the_secret_but_a_forgery_of_one_gets_nothing() -> None:
    every = model(
        THREE.replace('tee = "tdx"', 'tee = "tdx"\npin = true') + '[part.x]\nall = ["a", "b", "c"]\n'
    )
    assert breaks(every, "confidentiality", "flaw:tdx-chip")
    assert not breaks(every, "attestation", "machine:cca")
    assert not breaks(every, "confidentiality", "machine:cca")


def test_shares_of_a_secret_take_k_and_keep_away_n_minus_k_plus_one() -> None:
    split = model(THREE + '[part.x]\nsplit = { k = 2, of = ["a", "b", "c"] }\n')
    assert not breaks(split, "confidentiality", "party:intel")
    assert breaks(split, "confidentiality", "party:intel", "party:amd")
    assert not breaks(split, "availability", "party:google")
    assert breaks(split, "availability", "party:google", "party:ovh")
    assert not breaks(split, "integrity", "party:intel")
    plain = model(THREE + '[part.x]\nsplit = { k = 2, of = ["a", "b", "c"], verified = false }\n')
    assert breaks(plain, "integrity", "party:intel")


def test_replicas_compare_answers_and_each_knows_the_secret() -> None:
    made = model(THREE + '[part.x]\nreplicate = { agree = 2, of = ["a", "b", "c"] }\n')
    assert not breaks(made, "integrity", "party:intel")
    assert breaks(made, "integrity", "party:intel", "party:arm")
    assert breaks(made, "confidentiality", "party:intel")


def test_an_attacker_has_to_get_through_both_walls_but_not_past_the_inner_program() -> None:
    made = model(THREE + '[part.x]\nnest = { outer = "a", inner = "b" }\n', root="x")
    assert not breaks(made, "confidentiality", "party:intel")
    assert breaks(made, "confidentiality", "party:intel", "party:amd")
    assert breaks(made, "integrity", "flaw:code@app")


def test_one_wall_is_got_through_and_the_other_only_said_to_be_there() -> None:
    pinned = '[part.{name}]\ntee = "{tee}"\npin = true\n'
    made = model(
        pinned.format(name="a", tee="tdx") + pinned.format(name="b", tee="snp")
        + '[part.x]\nnest = { outer = "a", inner = "b" }\n', at="2025-01-01",
    )  # fmt: skip
    outer = "capability:host_root@b"  # old microcode: what is inside b can be read
    assert breaks(made, "confidentiality", outer, part="b")
    assert not breaks(made, "confidentiality", outer)
    forged = "party:intel"  # who vouches for a wall where there is none
    assert breaks(made, "confidentiality", outer, forged)
    assert breaks(made, "keys", outer, forged)


def test_what_goes_wrong_with_a_program_reaches_past_what_its_parts_are_combined_to() -> None:
    programs = THREE.replace("operator", 'code = "{code}"\noperator')
    for number, name in enumerate("abc"):
        programs = programs.replace("{code}", f"code-{name}", 1) if number < 3 else programs
    split = programs + '[part.s]\nsplit = { k = 2, of = ["b", "c"] }\n'
    made = model(split + '[part.x]\nnest = { outer = "a", inner = "s" }\n')
    both = ("flaw:code@code-b", "flaw:code@code-c")
    for property_ in ("confidentiality", "integrity", "freshness", "keys"):
        assert breaks(made, property_, *both)
        assert not breaks(made, property_, both[0])
    replicas = programs + '[part.s]\nreplicate = { agree = 2, of = ["b", "c"] }\n'
    made = model(replicas + '[part.x]\nnest = { outer = "a", inner = "s" }\n')
    assert breaks(made, "confidentiality", both[0])
    assert breaks(made, "integrity", *both)
    assert not breaks(made, "integrity", both[0])


def test_whoever_changes_what_is_combined_brings_back_what_was() -> None:
    made = model(ONE + '[part.x]\nchannel = { to = "a", binding = "none" }\n')
    assert breaks(made, "freshness", "capability:net")
    made = model(THREE + '[part.x]\nsplit = { k = 2, of = ["a", "b"], verified = false }\n', root="x")
    assert breaks(made, "freshness", "party:amd")


def test_key_holders_who_do_not_answer_stop_what_they_should_decrypt() -> None:
    fhe = '[part.x]\nfhe_in = { integrity = "a", k = 2, keyholders = ["b", "arm"] }\n'
    made = model(THREE + fhe, root="x")
    assert breaks(made, "availability", "capability:host_root@b")
    assert not breaks(made, "confidentiality", "capability:host_root@b")


def test_a_proof_of_cloud_takes_its_provider_or_the_machine_at_hand() -> None:
    made = model(ONE + '[part.x]\npoc = { of = "a", by = "microsoft" }\n')
    assert not breaks(made, "attestation", "machine:tdx", "equipment:bus-tap")
    assert breaks(made, "attestation", "machine:tdx", "equipment:bus-tap", "party:microsoft")
    assert breaks(made, "attestation", "party:intel", "capability:host_root@a")
    assert not breaks(made, "attestation", "party:intel")


def test_a_log_takes_its_witnesses_and_a_release_its_signers() -> None:
    log = '[part.x]\nlog = { of = "a", k = 2, witnesses = ["arm", "amd", "microsoft"] }\n'
    made = model(ONE + log)
    assert not breaks(made, "integrity", "party:ovh", "party:arm")
    assert breaks(made, "integrity", "party:ovh", "party:arm", "party:amd")
    release = '[part.x]\nrelease = { of = "a", k = 2, keys = ["ovh", "arm", "amd"] }\n'
    made = model(ONE + release)
    assert not breaks(made, "integrity", "party:ovh")
    assert breaks(made, "integrity", "party:ovh", "party:amd")


def test_a_log_can_cover_firmware_too() -> None:
    log = '[part.x]\nlog = {{ of = "a", k = 1, witnesses = ["arm"], covers = [{covers}] }}\n'
    one = ONE + 'roles = { updater = "amd" }\n'
    assert breaks(model(one + log.format(covers='"code"')), "integrity", "party:amd")
    logged = model(one + log.format(covers='"code", "firmware"'))
    assert not breaks(logged, "integrity", "party:amd")
    assert breaks(logged, "integrity", "party:amd", "party:arm")


def test_encrypted_data_do_not_care_what_leaks() -> None:
    fhe = '[part.x]\nfhe_in = { integrity = "a", k = 2, keyholders = ["arm", "amd", "ovh"] }\n'
    made = model(ONE + fhe)
    for cut in cuts(made, "confidentiality"):
        assert cut == {"crypto:fhe"} or cut < {"party:arm", "party:amd", "party:ovh"}
    assert breaks(made, "integrity", "party:intel")
    front = model(ONE + fhe + '[part.front]\nchannel = { to = "x", binding = "none" }\n')
    assert not breaks(front, "confidentiality", "capability:net")
    assert breaks(front, "integrity", "capability:net")


def test_counters_of_several_makers_stop_what_is_rolled_back() -> None:
    counted = """
[part.x]
once = { of = "a", k = 2, counters = ["b", "c", "d"] }
[part.d]
tee = "tdx"
"""
    pinned = THREE.replace('tee = "tdx"', 'tee = "tdx"\npin = true')
    made = model(pinned + counted, root="x")
    rollback = ("exposure:S2@tdx", "capability:bus_active@d")
    assert breaks(made, "freshness", *rollback, part="d")
    assert not breaks(made, "freshness", *rollback)
    assert breaks(
        made, "freshness", "party:intel"
    )  # it makes one machine and one counter of the three: both quorums


def test_a_holder_that_is_a_part_signs_falsely_once_it_is_broken() -> None:
    made = model(THREE + '[part.x]\nrelease = { of = "a", k = 1, keys = ["b"] }\n', root="x")
    assert breaks(made, "integrity", "flaw:snp-chip")


# --- channels -------------------------------------------------------------------------------------


def test_an_unbound_channel_falls_to_the_network_and_a_pinned_one_does_not() -> None:
    front = '[part.front]\nchannel = {{ to = "a", binding = "{binding}", pin = {pin} }}\n'
    bare = model(ONE + front.format(binding="none", pin="false"))
    assert breaks(bare, "confidentiality", "capability:net")
    bound = model(ONE + front.format(binding="exporter", pin="false"))
    assert not breaks(bound, "confidentiality", "capability:net")
    assert breaks(bound, "confidentiality", "capability:net", "machine:tdx", "equipment:bus-tap")
    assert breaks(bound, "identity", "capability:net")
    pinned = model(ONE + front.format(binding="exporter", pin="true"))
    assert not breaks(pinned, "confidentiality", "capability:net", "machine:tdx", "equipment:bus-tap")
    assert not breaks(pinned, "identity", "capability:net")
    assert breaks(pinned, "confidentiality", "capability:net", "leak:ephemeral@front")


def test_evidence_without_a_nonce_is_shown_again() -> None:
    front = '[part.front]\nchannel = { to = "a", binding = "exporter", nonce = false }\n'
    assert breaks(model(ONE + front), "freshness", "capability:net")


# --- questions about what is not there ------------------------------------------------------------


def test_unknown_names_and_days_have_the_nearest_valid_one() -> None:
    made = model(ONE)
    for wrong, hint in (
        (lambda: made.goal("confidentality"), "confidentiality"),
        (lambda: made.goal("integrity", "aa"), "a"),
        (lambda: made.device("integrity", "aa"), "a"),
        (lambda: alone("tdxx", knowledge()), "tdx"),
        (lambda: model(ONE, fixed=("tbc",)), "tcb"),
        (lambda: model(ONE, at="2030"), "earlier day"),
        (lambda: ask.adversary(made, "opeator:5"), "operator"),
        (lambda: ask.adversary(made, "operator:lots"), "operator:1000"),
        (lambda: ask.alone(made, made.goal("keys"), "partie"), "party"),
        (lambda: ask.explain(made, frozenset({"party:intl"}), made.goal("keys")), "party:intel"),
        (lambda: ask.explain(made, frozenset({"party:google"}), made.goal("keys")), "who"),
    ):
        with pytest.raises(QuestionError) as caught:
            wrong()
        assert hint in (caught.value.hint or "")
        assert caught.value.exit_code == 2


def test_parts_that_double_with_every_log_around_them_are_bounded() -> None:
    steps = "".join(
        f'[part.p{i}]\nall = ["p{i + 1}", "l{i}"]\n'
        f'[part.l{i}]\nlog = {{ of = "p{i + 1}", k = 2, witnesses = ["arm", "amd"] }}\n'
        for i in range(15)
    )
    with pytest.raises(TooLargeError):
        model(steps + '[part.p15]\ntee = "tdx"\n', root="p0")


def test_a_model_knows_its_designs() -> None:
    assert [design.id for design in designs_of(model(THREE, root="a"))] == ["tdx"]


def ids(tree: Derivation) -> set[str]:
    return set() if tree.rule is None else {tree.rule.id}.union(*map(ids, tree.because))
