# SPDX-License-Identifier: Apache-2.0
"""The threat model says what the code does: it is simulated, nobody certifies it, and its host wins."""

from __future__ import annotations

import tomllib
from importlib import resources

from ttee.tee.local import TEE

MODEL = tomllib.loads(resources.files("ttee.tee.local").joinpath("model.toml").read_text("utf-8"))


def test_the_model_is_that_of_this_tee() -> None:
    assert MODEL["tee"] == TEE.name
    assert MODEL["assurance"] == TEE.assurance


def test_it_promises_nothing_against_its_host() -> None:
    assert MODEL["keys"]["certified_by"] == "nobody"
    assert MODEL["memory"]["confidentiality"] == "none"
    host = next(entry for entry in MODEL["exposure"] if entry["capability"] == "host_user")
    assert {"confidentiality", "integrity", "attestation", "keys"} <= set(host["breaks"])


def test_every_source_has_a_date() -> None:
    assert all(source["date"] and source["at"] for source in MODEL["source"])
