# SPDX-License-Identifier: Apache-2.0
"""The shared vectors are the ones that their manifest names; where they are absent, tests fail and say so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256

import pytest

from tests import vectors


@pytest.fixture
def _looked_for_anew() -> Iterator[None]:
    vectors.root.cache_clear()
    yield
    vectors.root.cache_clear()


def test_every_file_is_the_one_that_the_manifest_names() -> None:
    files = json.loads(vectors.read(vectors.MANIFEST))["files"]
    assert files
    for file in files:
        assert sha256(vectors.read(file["file"])).hexdigest() == file["sha256"], file["file"]


@pytest.mark.usefixtures("_looked_for_anew")
def test_absent_vectors_are_a_failure_that_names_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTEE_VECTORS", "/nowhere")
    with pytest.raises(pytest.fail.Exception, match=r"absent: there is no /nowhere/MANIFEST\.json"):
        vectors.read("keystone/report_ok.bin")
