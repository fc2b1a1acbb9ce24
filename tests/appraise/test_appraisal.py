# SPDX-License-Identifier: Apache-2.0
"""Authentic claims against policies: each check passing and failing, and no way to affirm by saying nothing."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from attrs import asdict, evolve
from hypothesis import given
from hypothesis import strategies as st

from tests.appraise.claims import AT, GOOD, TEE, claims_of, policy_of
from ttee.appraise import CHECKS, appraise, builtin_policy, endorsements, signature_only, spec_for
from ttee.errors import PolicyFileError, UsageError
from ttee.model import Assurance, Claims, Endorsements, Reliance, Status, Tier
from ttee.tee.keystone import evidence as keystone_evidence
from ttee.tee.keystone import verify as keystone
from ttee.testing.keystone import Device
from ttee.testing.riscv import SoftwareTee

if TYPE_CHECKING:
    from ttee.model import Verdict

CLAIMS = claims_of()
SIMULATED = evolve(
    CLAIMS, tee="local", assurance=Assurance.SIMULATED, relied_on=(), pins={"app": ("app",)}, details={}
)


def judged(claims: Claims, *texts: str) -> Verdict:
    return appraise(claims, [policy_of(text) for text in texts], at=AT)


def ended(verdict: Verdict, check: str) -> Status:
    return next(c.status for c in verdict.checks if c.id == check)


def failed(verdict: Verdict) -> list[str]:
    return [check.id for check in verdict.checks if check.status is Status.FAIL]


def without(*keys: str) -> str:
    """The good policy with some lines left out."""
    return "\n".join(line for line in GOOD.splitlines() if not line.startswith(keys))


# --- what is in order -----------------------------------------------------------------------------


def test_a_tee_in_order_is_affirmed_and_every_check_is_listed() -> None:
    verdict = judged(CLAIMS, GOOD)
    assert verdict.status is Tier.AFFIRMING
    assert verdict.checks[: len(CLAIMS.checks)] == CLAIMS.checks
    assert [check.id for check in verdict.checks[len(CLAIMS.checks) :]] == [
        "policy.tee",
        "policy.anchor",
        "policy.assurance",
        "policy.debug",
        "policy.freshness",
        "policy.app.measurement",
        "policy.riscv.monitor-hash",
        "policy.riscv.enclave-hash",
        "policy.riscv.min-monitor-svn",
        "policy.pinned.app",
        "policy.pinned.platform",
    ]
    assert verdict.loosened == ()
    assert verdict.at == AT
    assert [name for name, _ in verdict.policy] == ["good"]
    details = {check.id: check.detail for check in verdict.checks}
    assert details["policy.assurance"] == "silicon, as the anchor says"
    assert verdict.vector["executables"] is verdict.vector["hardware"] is Tier.AFFIRMING
    assert verdict.vector["runtime-opaque"] is Tier.NONE


def test_the_same_inputs_give_the_same_verdict() -> None:
    assert repr(judged(claims_of(), GOOD)) == repr(judged(claims_of(), GOOD))


def test_claims_that_no_rule_looks_at_are_named() -> None:
    unseen = "claims that no policy looked at: "
    assert judged(CLAIMS, GOOD).not_checked[-1] == (
        unseen + "app-svn, platform, authority, epm-size, utm-size, config-digest"
    )
    rules = "".join(f'{name} = "x"\n' for name in ("platform", "authority", "config-digest"))
    numbers = "app-svn = 1\nepm-size = 1\nutm-size = 1\n"
    assert unseen not in "".join(judged(CLAIMS, GOOD + rules + numbers).not_checked)
    bare = without("[app]", "measurements")
    assert judged(CLAIMS, bare).not_checked[-1].startswith(unseen + "app measurement, app-svn")
    assert "app measurement" not in judged(evolve(CLAIMS, app=None), bare).not_checked[-1]


def test_details_are_short_and_name_the_policy_only_among_several() -> None:
    details = {check.id: check.detail for check in judged(CLAIMS, GOOD).checks}
    assert details["policy.riscv.enclave-hash"] == f"{TEE.enclave_hash.hex()[:16]}…, as listed"
    assert details["policy.riscv.min-monitor-svn"] == "1, at least 1 is asked for"
    assert details["policy.app.measurement"] == f"the app is {TEE.app.hex()[:16]}…, as listed"
    assert judged(CLAIMS, GOOD, GOOD).checks[-3].detail.startswith("[good] ")


# --- no policy, empty policies --------------------------------------------------------------------


def test_no_policy_is_an_error_and_never_accepts() -> None:
    with pytest.raises(PolicyFileError, match="no policy was given"):
        appraise(CLAIMS, [], at=AT)
    with pytest.raises(PolicyFileError, match="no policy was given"):
        endorsements([])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[tee.riscv]",
        "[tee.keystone]",
        "insecure-emulated = true\ninsecure-development = true\n[tee.riscv]",
    ],
)
def test_a_policy_that_says_little_accepts_nothing(text: str) -> None:
    verdict = judged(CLAIMS, f'schema = "ttee.policy/1"\nname = "little"\n{text}')
    assert verdict.status is Tier.CONTRAINDICATED


_LINES = st.sets(
    st.sampled_from(
        [
            "insecure-emulated",
            "insecure-development",
            "insecure-debug",
            "insecure-any-app",
            "insecure-any-platform",
        ]
    )
)


@given(_LINES, st.sets(st.sampled_from(GOOD.splitlines()[2:])), st.booleans())
def test_nothing_is_affirmed_unless_app_and_platform_are_pinned(
    loosened: set[str], left_out: set[str], optional: bool
) -> None:
    """Whatever lines are left out, and whatever is loosened."""
    kept = [line for line in GOOD.splitlines()[2:] if line not in left_out or line.startswith("[")]
    head = ['schema = "ttee.policy/1"', 'name = "some"', *(f"{way} = true" for way in loosened)]
    head += ["[freshness]", f'nonce = "{"optional" if optional else "required"}"']
    text = "\n".join(head + kept)
    if judged(CLAIMS, text).status is Tier.AFFIRMING:
        assert "monitor-hash =" in text
        assert "enclave-hash =" in text
        assert "anchors =" in text


# --- each check -----------------------------------------------------------------------------------


def test_a_tee_without_a_section_is_refused() -> None:
    verdict = judged(CLAIMS, GOOD.replace("[tee.riscv]", "[tee.risv]"))
    assert failed(verdict)[0] == "policy.tee"
    assert "risv" in next(c.detail for c in verdict.checks if c.id == "policy.tee")


def test_evidence_verified_against_other_anchors_than_the_policys_is_refused() -> None:
    other = Device.named("another device").key.hex()
    verdict = judged(CLAIMS, GOOD.replace(TEE.device.key.hex(), other))
    assert failed(verdict) == ["policy.anchor"]
    assert verdict.vector["instance-identity"] is Tier.CONTRAINDICATED


def test_a_device_pinned_for_another_tee_does_not_count() -> None:
    anchors = next(line for line in GOOD.splitlines() if line.startswith("anchors"))
    assert failed(judged(CLAIMS, without("anchors") + f"\n[tee.keystone]\n{anchors}\n")) == ["policy.anchor"]


def test_evidence_that_rests_on_nothing_is_refused_unless_it_is_a_simulation() -> None:
    nothing = evolve(CLAIMS, relied_on=())
    assert failed(judged(nothing, GOOD)) == ["policy.anchor"]
    assert failed(judged(nothing, without("anchors"))) == ["policy.anchor"]


@pytest.mark.parametrize(
    ("anchored", "loosening", "status"),
    [
        (Assurance.EMULATED, "", Tier.CONTRAINDICATED),
        (Assurance.EMULATED, "insecure-emulated", Tier.AFFIRMING),
        (Assurance.EMULATED, "insecure-development", Tier.AFFIRMING),
        (Assurance.SIMULATED, "", Tier.CONTRAINDICATED),
        (Assurance.SIMULATED, "insecure-emulated", Tier.CONTRAINDICATED),
        (Assurance.SIMULATED, "insecure-development", Tier.AFFIRMING),
    ],
)
def test_what_is_not_silicon_needs_a_loosening_that_shows(
    anchored: Assurance, loosening: str, status: Tier
) -> None:
    text = f"{loosening} = true\n{GOOD}" if loosening else GOOD
    verdict = judged(claims_of(anchored=anchored), text)
    assert verdict.status is status
    if status is Tier.AFFIRMING:
        assert verdict.loosened == (loosening,)
        assert verdict.vector["hardware"] is Tier.NONE
    else:
        assert failed(verdict) == ["policy.assurance"]
        assert verdict.loosened == ()


def test_a_loosening_that_was_not_needed_does_not_show() -> None:
    assert judged(CLAIMS, "insecure-emulated = true\n" + GOOD).loosened == ()


def test_the_policys_own_word_on_a_device_counts_when_it_promises_less() -> None:
    verdict = judged(CLAIMS, GOOD.replace('"silicon"', '"emulated"'))
    assert failed(verdict) == ["policy.assurance"]


def test_debug_mode_is_refused_unless_loosened() -> None:
    claims = claims_of(evolve(TEE, debug=True))
    assert failed(judged(claims, GOOD)) == ["policy.debug"]
    assert judged(claims, GOOD).vector["configuration"] is Tier.CONTRAINDICATED
    assert judged(CLAIMS, GOOD).vector["configuration"] is Tier.AFFIRMING
    verdict = judged(claims, "insecure-debug = true\n" + GOOD)
    assert verdict.status is Tier.AFFIRMING
    assert verdict.loosened == ("insecure-debug",)
    assert verdict.vector["configuration"] is Tier.NONE


def test_evidence_that_is_silent_on_debug_is_not_judged_on_it() -> None:
    verdict = judged(evolve(CLAIMS, debug=None), GOOD)
    assert "policy.debug" not in [check.id for check in verdict.checks]


def test_freshness_is_required_unless_the_policy_says_optional_and_then_it_is_a_warning() -> None:
    stale = claims_of(fresh=False)
    assert failed(judged(stale, GOOD)) == ["policy.freshness"]
    optional = GOOD + '[freshness]\nnonce = "optional"\n'
    assert judged(stale, optional).status is Tier.WARNING
    assert judged(CLAIMS, optional).status is Tier.AFFIRMING


def test_another_app_is_refused() -> None:
    other = claims_of(evolve(TEE, app=b"\x66" * 48))
    verdict = judged(other, GOOD)
    assert failed(verdict) == ["policy.app.measurement"]
    assert verdict.vector["executables"] is Tier.CONTRAINDICATED


def test_a_measurement_is_asked_for_and_the_evidence_names_none() -> None:
    assert failed(judged(evolve(CLAIMS, app=None), GOOD)) == ["policy.app.measurement"]


@pytest.mark.parametrize("claim", ["monitor_hash", "enclave_hash"])
def test_a_patched_monitor_or_enclave_is_refused(claim: str) -> None:
    patched = claims_of(SoftwareTee(**{**asdict(TEE, recurse=False), claim: b"\x66" * 64}))
    name = claim.replace("_", "-")
    verdict = judged(patched, GOOD)
    assert failed(verdict) == [f"policy.riscv.{name}"]
    assert verdict.vector["executables"] is Tier.CONTRAINDICATED


def test_an_older_monitor_is_refused() -> None:
    assert failed(judged(claims_of(evolve(TEE, svn=0)), GOOD)) == ["policy.riscv.min-monitor-svn"]
    assert judged(claims_of(evolve(TEE, svn=7)), GOOD).status is Tier.AFFIRMING


@pytest.mark.parametrize(
    ("rule", "status"),
    [
        ('platform = "visionfive-2"', Status.PASS),
        ('platform = ["qemu-virt", "visionfive-2"]', Status.PASS),
        ('platform = "qemu-virt"', Status.FAIL),
        ("monitor-svn = 1", Status.PASS),
        ("monitor-svn = [2, 3]", Status.FAIL),
        ("monitor-svn = true", Status.FAIL),
        ('monitor-svn = "1"', Status.FAIL),
        ("min-platform = 1", Status.FAIL),
        ('authority = ""', Status.PASS),
        ('monitr-hash = ["00"]', Status.FAIL),
        ("min-monitr-svn = 0", Status.FAIL),
    ],
)
def test_rules_compare_values_of_one_kind_and_fail_on_claims_that_are_not_made(
    rule: str, status: Status
) -> None:
    verdict = judged(CLAIMS, f"{without('min-')}\n{rule}\n")
    name = rule.split(" ", maxsplit=1)[0]
    assert ended(verdict, f"policy.riscv.{name}") is status
    if "monitr" in rule:
        detail = next(c.detail for c in verdict.checks if c.id == f"policy.riscv.{name}")
        assert "did you mean monitor-" in detail


# --- what must be pinned --------------------------------------------------------------------------


def test_the_apps_measurement_alone_pins_nothing_as_it_is_the_runtimes_word() -> None:
    verdict = judged(CLAIMS, without("enclave-hash"))
    assert failed(verdict) == ["policy.pinned.app"]
    detail = next(c.detail for c in verdict.checks if c.id == "policy.pinned.app")
    assert "enclave-hash or authority" in detail


def test_an_unpinned_monitor_is_refused_as_it_makes_the_claims() -> None:
    assert failed(judged(CLAIMS, without("monitor-hash"))) == ["policy.pinned.platform"]


def test_a_pinned_authority_stands_in_for_the_enclaves_measurement() -> None:
    signer = Device.named("an author").key
    rule = f'authority = ["{signer.hex()}"]\n'
    signed = claims_of(evolve(TEE, authority=signer))
    assert judged(signed, without("enclave-hash") + "\n" + rule).status is Tier.AFFIRMING
    assert failed(judged(CLAIMS, without("enclave-hash") + "\n" + rule)) == [
        "policy.riscv.authority",
        "policy.pinned.app",
    ]


def test_pinning_an_empty_authority_pins_nothing() -> None:
    verdict = judged(CLAIMS, without("enclave-hash") + '\nauthority = ""\n')
    assert failed(verdict) == ["policy.pinned.app"]


def test_a_least_version_pins_nothing() -> None:
    assert "policy.pinned.platform" in failed(judged(CLAIMS, without("monitor-hash")))


@pytest.mark.parametrize(
    ("way", "left_out"), [("insecure-any-app", "enclave-hash"), ("insecure-any-platform", "monitor-hash")]
)
def test_leaving_a_pin_out_on_purpose_is_a_warning_at_best(way: str, left_out: str) -> None:
    verdict = judged(CLAIMS, f"{way} = true\n{without(left_out)}")
    assert verdict.status is Tier.WARNING
    assert verdict.loosened == (way,)
    assert verdict.vector["executables"] is Tier.WARNING
    assert judged(CLAIMS, f"{way} = true\n{GOOD}").status is Tier.AFFIRMING


def test_a_simulation_is_affirmed_for_developing_and_says_so() -> None:
    text = f"""
        schema = "ttee.policy/1"
        name = "laptop"
        insecure-development = true
        [app]
        measurements = ["{TEE.app.hex()}"]
        [tee.local]
    """
    verdict = judged(SIMULATED, text)
    assert verdict.status is Tier.AFFIRMING
    assert verdict.loosened == ("insecure-development",)
    assert failed(judged(SIMULATED, text.replace("insecure-development = true", ""))) == ["policy.assurance"]
    assert "policy.pinned.app" in failed(
        judged(SIMULATED, text.replace("[app]", "").replace("measure", "# "))
    )


# --- several policies -----------------------------------------------------------------------------


def test_several_policies_must_all_accept() -> None:
    verdict = judged(CLAIMS, GOOD, GOOD.replace("min-monitor-svn = 1", "min-monitor-svn = 2"))
    assert failed(verdict) == ["policy.riscv.min-monitor-svn"]
    assert [name for name, _ in verdict.policy] == ["good", "good"]
    assert any(check.detail.startswith("[good] ") for check in verdict.checks)


def test_what_one_of_them_pins_is_pinned() -> None:
    assert judged(CLAIMS, without("enclave-hash"), without("monitor-hash")).status is Tier.AFFIRMING


def test_a_loosening_must_be_said_by_all() -> None:
    emulated = claims_of(anchored=Assurance.EMULATED)
    assert judged(emulated, "insecure-emulated = true\n" + GOOD, GOOD).status is Tier.CONTRAINDICATED
    loose = f"insecure-any-app = true\n{without('enclave-hash')}"
    assert failed(judged(CLAIMS, loose, without("enclave-hash"))) == ["policy.pinned.app"]


def test_only_anchors_that_all_of_them_pin_count_and_the_weaker_word_on_each() -> None:
    one = policy_of(GOOD)
    emulated = policy_of(GOOD.replace('"silicon"', '"emulated"'))
    other = policy_of(GOOD.replace(TEE.device.key.hex(), Device.named("another").key.hex()))
    assert endorsements([one]) == one.endorsements() == Endorsements(anchors=one.tees["riscv"].anchors)
    assert [anchor.assurance for anchor in endorsements([one, emulated]).anchors] == [Assurance.EMULATED]
    assert endorsements([one, other]).anchors == ()


def test_weak_keys_are_let_through_only_if_all_of_them_develop() -> None:
    developing = policy_of("insecure-development = true\n" + GOOD)
    assert endorsements([developing]).development
    assert not endorsements([developing, policy_of(GOOD)]).development


# --- signature-only -------------------------------------------------------------------------------


def test_signature_only_is_a_warning_whatever_runs() -> None:
    policy = builtin_policy("signature-only", [TEE.anchor()])
    assert policy.endorsements().anchors == (TEE.anchor(),)
    for claims in (
        CLAIMS,
        claims_of(evolve(TEE, debug=True), fresh=False, anchored=Assurance.EMULATED),
        SIMULATED,
    ):
        verdict = appraise(claims, [policy], at=AT)
        assert verdict.status is Tier.WARNING
        assert verdict.loosened == ("signature-only",)
        assert verdict.checks[-1].id == "policy.signature-only"
        assert verdict.checks[-1].status is Status.SKIPPED
        assert not any("up to date" in note for note in verdict.not_checked)


def test_signature_only_loosens_nothing_beside_another_policy() -> None:
    policies = [signature_only(), policy_of(GOOD)]
    assert endorsements(policies) == policy_of(GOOD).endorsements()
    assert appraise(CLAIMS, policies, at=AT).status is Tier.WARNING
    stale = claims_of(fresh=False)
    assert appraise(stale, policies, at=AT).status is Tier.CONTRAINDICATED
    assert not endorsements([signature_only()]).development


def test_there_is_one_built_in_policy() -> None:
    with pytest.raises(PolicyFileError, match="no policy 'anything' is built in"):
        builtin_policy("anything")


# --- other TEEs, other inputs ---------------------------------------------------------------------


def test_a_plain_keystone_report_is_appraised_by_the_same_rules() -> None:
    report = TEE.device.boot(b"a monitor").report(b"\x11" * 64, TEE.nonce)
    evidence = keystone_evidence.wrap(keystone_evidence.encode(report))
    assert evidence is not None
    text = f"""
        schema = "ttee.policy/1"
        name = "board"
        [tee.keystone]
        anchors = [{{ key = "{TEE.device.key.hex()}", assurance = "silicon" }}]
        monitor-hash = "{report.sm_hash.hex()}"
        enclave-hash = "{report.enclave_hash.hex()}"
    """
    policy = policy_of(text)
    claims = keystone.verify(evidence, policy.endorsements(), nonce=TEE.nonce)
    assert appraise(claims, [policy], at=AT).status is Tier.AFFIRMING
    loose = policy_of(text.replace("enclave-hash", "# "))
    assert failed(appraise(claims, [loose], at=AT)) == ["policy.pinned.app"]


@pytest.mark.parametrize(
    "at", ["", "now", "2026-11-21", "2026-11-21T12:00:00", "2026-11-21 12:00:00Z", "2026-13-01T00:00:00Z"]
)
def test_a_moment_is_written_as_rfc_3339_does(at: str) -> None:
    with pytest.raises(UsageError, match="is not a moment"):
        appraise(CLAIMS, [policy_of(GOOD)], at=at)


def test_every_check_of_a_verdict_can_be_explained() -> None:
    verdict = judged(CLAIMS, GOOD)
    for check in verdict.checks[len(CLAIMS.checks) :]:
        spec = spec_for(check.id)
        assert spec is not None
        assert spec.source == check.source
    assert spec_for("policy.signature-only") in CHECKS
    assert spec_for("keystone.report.size") is None


# --- a maker's own roots --------------------------------------------------------------------------


def rooted(*names: str) -> Claims:
    """Claims of evidence that ends at roots of its maker's."""
    relied_on = tuple(Reliance("root", name, sha256(name.encode()).digest()) for name in names)
    return evolve(CLAIMS, relied_on=relied_on)


def test_its_makers_roots_count_where_the_policy_pins_none() -> None:
    verdict = judged(rooted("a root"), without("anchors"))
    assert verdict.status is Tier.AFFIRMING
    detail = next(c.detail for c in verdict.checks if c.id == "policy.anchor")
    assert detail == "its maker's root: a root"
    said = next(c for c in verdict.checks if c.id == "policy.assurance")
    assert (said.status, said.detail) == (Status.PASS, "silicon, as the maker says")


def test_its_makers_roots_do_not_count_beside_anchors_that_the_policy_pins() -> None:
    """As when one of two policies pins an anchor, and the other none: verification then ends at the maker's root."""
    assert failed(judged(rooted("a root"), GOOD)) == ["policy.anchor"]
    key = b"a root of the policy's".hex()
    pinned = evolve(CLAIMS, relied_on=(Reliance("root", "ours", sha256(bytes.fromhex(key)).digest()),))
    assert failed(judged(pinned, GOOD.replace(TEE.device.key.hex(), key))) == []


def test_of_a_tee_in_a_tee_the_anchors_of_both_count() -> None:
    key = b"a root of the inner one"
    inner = Reliance("anchor", "inner root", sha256(key).digest())
    claims = evolve(
        CLAIMS, relied_on=(*CLAIMS.relied_on, inner), details={**CLAIMS.details, "tee_inside": "amd-sev-snp"}
    )
    assert failed(judged(claims, GOOD)) == ["policy.anchor"]
    both = f'{GOOD}[tee.amd-sev-snp]\nanchors = [{{ key = "{key.hex()}", assurance = "silicon" }}]\n'
    assert failed(judged(claims, both)) == []
    assert failed(judged(evolve(CLAIMS, relied_on=(inner,)), both)) == ["policy.anchor"]


def test_pinning_zeros_pins_nothing() -> None:
    """A register that nothing went into is the same for every app."""
    claims = evolve(CLAIMS, details={**CLAIMS.details, "enclave_hash": bytes(64)})
    verdict = judged(claims, GOOD.replace(TEE.enclave_hash.hex(), "00" * 64))
    assert failed(verdict) == ["policy.pinned.app"]
