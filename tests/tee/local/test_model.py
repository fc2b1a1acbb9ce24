# SPDX-License-Identifier: Apache-2.0
"""The threat model says what the code does: nobody certifies it, it names no machine, and its host wins."""

from __future__ import annotations

import tomllib
from importlib import resources

from ttee.tee.local import TEE

MODEL = tomllib.loads(resources.files("ttee.tee.local").joinpath("model.toml").read_text("utf-8"))


def test_the_model_is_that_of_this_tee() -> None:
    assert MODEL["id"] == TEE.name
    assert "emulated" in MODEL["classes"]


def test_it_promises_nothing_against_its_host() -> None:
    assert MODEL["roles"]["certifier"] == "owner"
    assert MODEL["dimensions"]["memory_confidentiality"] == "none"
    assert MODEL["dimensions"]["set_up_by"] == "host-firmware"
    assert MODEL["dimensions"]["evidence_identity"] == "none"
