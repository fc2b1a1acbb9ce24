# SPDX-License-Identifier: Apache-2.0
"""The shared vectors: evidence gathered in public, and what a verifier must say about it.

They live in `../shared/vectors` beside the checkout, or where TTEE_VECTORS points. A test that needs them
FAILS without them, so that a green run means that they were checked. Who truly has none sets
TTEE_VECTORS=absent, and sees each such test skipped by name.
"""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "vectors"


@frozen
class Case:
    """One line of the manifest: inputs by role, and the expected result."""

    id: str
    inputs: dict[str, bytes]
    valid: bool
    reason: str


@functools.cache
def _root() -> Path:
    setting = os.environ.get("TTEE_VECTORS", "")
    if setting == "absent":
        pytest.skip("TTEE_VECTORS=absent: the shared vectors were not checked")
    root = Path(setting) if setting else _BESIDE
    if not (root / "MANIFEST.json").is_file():
        pytest.fail(
            f"no shared vectors in {root}: set TTEE_VECTORS to their folder, or to `absent` to go without",
            pytrace=False,
        )
    return root


def read(name: str) -> bytes:
    """The bytes of one file of the vectors."""
    return (_root() / name).read_bytes()


def cases(platform: str) -> list[Case]:
    """All cases of a platform, with their inputs."""
    manifest: dict[str, Any] = json.loads(read("MANIFEST.json"))
    found = [case for case in manifest["cases"] if case["platform"] == platform]
    assert found, f"the manifest has no case for {platform}"
    return [
        Case(
            id=case["id"],
            inputs={role: read(name) for role, name in case["inputs"].items()},
            valid=case["expected"]["result"] == "valid",
            reason=str(case["expected"].get("reason", "")),
        )
        for case in found
    ]
