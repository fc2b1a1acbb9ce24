# SPDX-License-Identifier: Apache-2.0
"""Every TEE has a threat model as data (docs/spec/trust.md, section 3.5), and what it says agrees with the code."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any

import pytest

from ttee.tee import TEES

NOT_CERTIFIED = ("keystone", "riscv", "local")


def model(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files(TEES[name]).joinpath("model.toml").read_text("utf-8"))


@pytest.mark.parametrize("name", TEES)
def test_a_model_is_called_as_its_tee_is(name: str) -> None:
    found = model(name)
    assert found["schema"] == "ttee.tee-model/1"
    assert found["id"] == name


@pytest.mark.parametrize("name", TEES)
def test_sources_say_when(name: str) -> None:
    assert all(source["text"] and source["date"] for source in model(name)["source"])


@pytest.mark.parametrize("name", TEES)
def test_nobody_certifies_what_has_no_pinned_root_of_a_maker(name: str) -> None:
    found = model(name)
    assert (found["dimensions"]["certification"] == "none") is (name in NOT_CERTIFIED)
    assert (found["roles"]["certifier"] == "owner") is (name in NOT_CERTIFIED)


@pytest.mark.parametrize("name", ["keystone", "riscv", "local"])
def test_memory_in_clear_is_named(name: str) -> None:
    found = model(name)
    assert found["dimensions"]["memory_confidentiality"] == "none"
    assert found["dimensions"]["physical"] == "out"
    assert "plain-memory" in found["classes"]


@pytest.mark.parametrize("name", ["riscv", "local"])
def test_what_is_no_silicon_says_so(name: str) -> None:
    assert "emulated" in model(name)["classes"]
