# SPDX-License-Identifier: Apache-2.0
"""The deployments in examples/trust: each says what its first lines promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from ttee.trust.answers.ways import Ways
from ttee.trust.model.build import Model, build
from ttee.trust.pages.page import page
from ttee.trust.shipped import deployment_of, shipped

FOLDER = Path(__file__).parents[2] / "examples" / "trust"
DEPLOYMENTS = sorted(path.stem for path in FOLDER.glob("*.toml"))


def model(name: str) -> Model:
    path = FOLDER / f"{name}.toml"
    return build(deployment_of(path.read_bytes(), path.name, shipped()), shipped())


def parties(name: str, property_: str) -> set[str]:
    made = model(name)
    return set(Ways.of(made, made.goal(property_)).singles()["party"])


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_each_has_a_report(name: str) -> None:
    assert f"Whom you still have to trust: {model(name).deployment.name}" in page(model(name))


def test_one_machine_in_one_cloud_is_in_its_makers_hands_and_the_clouds() -> None:
    assert {"intel", "microsoft"} <= parties("one-cloud", "confidentiality") | parties(
        "one-cloud", "availability"
    )


def test_a_shared_key_is_in_no_single_makers_and_no_single_clouds_hands() -> None:
    alone = parties("two-vendors", "confidentiality")
    assert not alone & {"intel", "amd", "microsoft", "google"}
    assert "us-both" in alone


def test_a_pinned_channel_is_not_diverted_by_whoever_has_the_network() -> None:
    made = model("channel")
    assert not made.base.breaks(["capability:net"], made.goal("identity"))
    assert not made.base.breaks(["capability:net"], made.goal("confidentiality"))


def test_three_machines_that_must_agree_are_wrong_only_with_two_makers() -> None:
    alone = parties("replicated", "integrity")
    assert not alone & {"intel", "amd", "aws", "microsoft", "google", "ada", "grace"}
