# SPDX-License-Identifier: Apache-2.0
"""The shared vectors: evidence gathered in public, and what a verifier must say about it.

They are read from TTEE_VECTORS if that is set, else from `../shared/vectors` beside the checkout, else from the small
copy in `tests/data/vectors`. A vector that is nowhere fails its test: nothing here is ever skipped.
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
COPY = Path(__file__).resolve().parent / "data" / "vectors"


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
    setting = os.environ.get("TTEE_VECTORS")
    if setting and not Path(setting, MANIFEST).is_file():
        pytest.fail(f"TTEE_VECTORS is {setting}, and there is no {MANIFEST}", pytrace=False)
    places = [Path(setting)] if setting else [SHARED, COPY]
    return next(place for place in places if (place / MANIFEST).is_file())


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
