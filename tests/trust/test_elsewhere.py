# SPDX-License-Identifier: Apache-2.0
"""Without a pin any machine of the design will do: one that was bought, or another one of the same deployment."""

from __future__ import annotations

import pytest

from tests.trust.known import attack, deployment, knowledge_of, model
from tests.trust.model.test_build import breaks
from ttee.trust.answers import ask
from ttee.trust.model.build import Model, build

TWO_CLOUDS = """
[part.a]
tee = "tdx"
operator = "google"
{a}
[part.b]
tee = "tdx"
operator = "ovh"
[part.x]
split = {{ k = 2, of = ["a", "b"] }}
"""
TAP = ("capability:bus_passive@b", "capability:host_root@b", "equipment:bus-tap")


def two(a: str = "") -> Model:
    return model(TWO_CLOUDS.format(a=a))


def test_the_key_of_one_machine_forges_the_evidence_of_another() -> None:
    assert breaks(two(), "attestation", *TAP)
    assert breaks(two(), "attestation", "party:ovh", "equipment:bus-tap")
    assert not breaks(two("pin = true"), "attestation", *TAP)


def test_an_operator_needs_no_second_machine_for_the_second_share() -> None:
    made = two()
    who, _ = ask.adversary(made, "operator")
    assert ask.can(made, made.goal("confidentiality"), who, 1000).broken
    pinned = model(TWO_CLOUDS.format(a="").replace("operator", "pin = true\noperator"))
    assert not ask.can(pinned, pinned.goal("confidentiality"), who, 1000).broken


def test_what_is_known_of_the_one_refutes_the_key_of_the_other() -> None:
    known = knowledge_of(
        attacks={
            "old": attack(
                "old",
                "2024",
                '[["host_root"]]',
                '["attestation"]',
                '[[target]]\ntee = "tdx"\nunless = [{ fact = "spl", at_least = 5 }]',
                fix="tcb",
            )
        }
    )
    patched = build(deployment(TWO_CLOUDS.format(a="facts = { spl = 5 }")), known)
    assert breaks(patched, "attestation", "capability:host_root@b", part="b")
    assert not breaks(patched, "attestation", "capability:host_root@b", part="a")
    assert breaks(build(deployment(TWO_CLOUDS.format(a="")), known), "attestation", "machine:tdx")


@pytest.mark.parametrize(
    ("broken", "lost"),
    [
        ("confidentiality", {"confidentiality", "leakage"}),
        ("integrity", {"confidentiality", "leakage", "integrity", "freshness"}),
        ("freshness", {"freshness"}),
        ("leakage", {"leakage"}),
        ("keys", set[str]()),
        ("availability", set[str]()),
    ],
)
def test_users_without_a_pin_are_led_to_a_machine_that_can_be_read(broken: str, lost: set[str]) -> None:
    known = knowledge_of(
        attacks={"tap": attack("tap", "2024", '[["bus_active"]]', f'["{broken}"]', '[[target]]\ntee = "tdx"')}
    )
    one = '[part.a]\ntee = "tdx"\n'
    free, pinned = build(deployment(one), known), build(deployment(one + "pin = true\n"), known)
    everything = (
        "confidentiality",
        "leakage",
        "integrity",
        "attestation",
        "freshness",
        "availability",
        "keys",
    )
    assert {each for each in everything if breaks(free, each, "machine:tdx")} == lost
    assert "machine:tdx" not in pinned.events or not any(
        pinned.base.breaks(["machine:tdx"], pinned.goal(each)) for each in everything
    )
    vouched = build(deployment(one + '[part.x]\npoc = { of = "a", by = "google" }\n'), known)
    assert not any(breaks(vouched, each, "machine:tdx") for each in everything)
    assert all(breaks(vouched, each, "machine:tdx", "party:google") for each in lost)


def test_what_a_design_leaves_open_is_open_on_a_bought_machine_too() -> None:
    free, pinned = model('[part.a]\ntee = "tdx"\n'), model('[part.a]\ntee = "tdx"\npin = true\n')
    for events, property_ in (
        (("exposure:S1@tdx", "machine:tdx"), "attestation"),
        (("exposure:S2@tdx", "machine:tdx"), "integrity"),
        (("exposure:S6@tdx", "machine:tdx"), "leakage"),
    ):
        assert breaks(free, property_, *events)
        assert not pinned.base.breaks(events, pinned.goal(property_))


@pytest.mark.parametrize(("operator", "passes"), [("ovh", False), ("google", True), (None, True)])
def test_a_proof_of_cloud_holds_for_every_machine_of_that_cloud(operator: str | None, passes: bool) -> None:
    other = f'operator = "{operator}"' if operator else ""
    made = model(
        TWO_CLOUDS.format(a="").replace('operator = "ovh"', other)
        + '[part.c]\npoc = { of = "a", by = "google" }\n[part.y]\nall = ["c", "x"]\n'
    )
    assert breaks(made, "attestation", *TAP, part="c") is passes
