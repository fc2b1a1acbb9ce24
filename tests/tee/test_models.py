# SPDX-License-Identifier: Apache-2.0
"""Every TEE has a threat model as data, all of one shape, and what it says agrees with the code."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from typing import Any

import pytest

from ttee.tee import TEES, tee_named

TABLES = {
    "isolation": {"unit", "mechanism", "sharing", "launch"},
    "memory": {"confidentiality", "integrity", "freshness", "io", "sealed_storage"},
    "keys": {"root", "signing", "certified_by", "attestation_service", "identity"},
    "evidence": {"freshness", "channel_binding", "coverage", "authority_signature"},
    "stance": {
        "host_software",
        "side_channels",
        "physical",
        "supply_chain",
        "availability",
        "update_authority",
        "openness",
    },
}
PROPERTIES = {"confidentiality", "integrity", "keys", "attestation", "rollback", "availability"}


def model(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files(TEES[name]).joinpath("model.toml").read_text("utf-8"))


@pytest.mark.parametrize("name", TEES)
def test_a_model_has_the_shape_of_all(name: str) -> None:
    found = model(name)
    assert found["schema"] == "ttee.model/1"
    assert found["tee"] == name
    assert found["assurance"] == tee_named(name).assurance
    assert found["title"]
    assert found["summary"]
    for table, keys in TABLES.items():
        assert found[table].keys() == keys
    assert found.keys() == {
        "schema",
        "tee",
        "title",
        "assurance",
        "as_of",
        "summary",
        "exposure",
        "source",
        *TABLES,
    }


@pytest.mark.parametrize("name", TEES)
def test_what_breaks_it_is_named_with_a_reason(name: str) -> None:
    exposures = model(name)["exposure"]
    assert exposures
    for exposure in exposures:
        assert re.fullmatch(r"[a-z_]+", exposure["capability"])
        assert exposure["why"]
        assert set(exposure["breaks"]) <= PROPERTIES


@pytest.mark.parametrize("name", TEES)
def test_sources_say_where_and_when(name: str) -> None:
    assert all(source["title"] and source["at"] and source["date"] for source in model(name)["source"])


@pytest.mark.parametrize("name", ["keystone", "riscv"])
def test_physical_attackers_are_named_and_win(name: str) -> None:
    exposed = {exposure["capability"]: set(exposure["breaks"]) for exposure in model(name)["exposure"]}
    assert {"confidentiality", "attestation"} <= exposed["stolen_device"]
    assert {"confidentiality", "integrity", "attestation"} <= exposed["bus_active"]
    assert model(name)["stance"]["physical"].startswith("out of scope")
