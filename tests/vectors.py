# SPDX-License-Identifier: Apache-2.0
"""The shared vectors: evidence gathered in public, and what a verifier must say about it.

They are not part of this project: they are read from TTEE_VECTORS if that is set, else from `../shared/vectors` beside
the checkout. Where they are absent, the tests that need them fail and say so: nothing here is ever skipped quietly.
"""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

MANIFEST = "MANIFEST.json"
SHARED = Path(__file__).resolve().parents[2] / "shared" / "vectors"


@frozen
class Case:
    """One line of the manifest: inputs by role, and the expected result."""

    id: str
    inputs: dict[str, bytes]
    valid: bool
    reason: str


@functools.cache
def root() -> Path:
    """The folder of the vectors."""
    place = Path(os.environ.get("TTEE_VECTORS") or SHARED)
    if not (place / MANIFEST).is_file():
        pytest.fail(
            f"the shared vectors are absent: there is no {place / MANIFEST}; TTEE_VECTORS says where they are",
            pytrace=False,
        )
    return place


def read(name: str) -> bytes:
    """The bytes of one file of the vectors."""
    return (root() / name).read_bytes()


def cases(platform: str) -> list[Case]:
    """All cases of a platform, with their inputs."""
    manifest: dict[str, Any] = json.loads(read(MANIFEST))
    found = [case for case in manifest["cases"] if case["platform"] == platform]
    assert found, f"{root() / MANIFEST} has no case for {platform}"
    return [
        Case(
            id=case["id"],
            inputs={role: read(name) for role, name in case["inputs"].items()},
            valid=case["expected"]["result"] == "valid",
            reason=str(case["expected"].get("reason", "")),
        )
        for case in found
    ]
