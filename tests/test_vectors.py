# SPDX-License-Identifier: Apache-2.0
"""The copy of the vectors that travels with the source is complete, and says what the shared ones say."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from tests import vectors

if TYPE_CHECKING:
    from pathlib import Path


def manifest(place: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((place / vectors.MANIFEST).read_text())
    return value


def test_every_file_of_the_copy_is_the_one_that_its_manifest_names() -> None:
    found = {str(path.relative_to(vectors.COPY)) for path in vectors.COPY.rglob("*.bin")}
    named = {file["file"]: file["sha256"] for file in manifest(vectors.COPY)["files"]}
    assert found == set(named)
    for name, digest in named.items():
        assert sha256((vectors.COPY / name).read_bytes()).hexdigest() == digest


def test_the_copy_agrees_with_the_vectors_in_use() -> None:
    in_use = {case["id"]: case for case in manifest(vectors.root())["cases"]}
    assert all(in_use[case["id"]] == case for case in manifest(vectors.COPY)["cases"])
