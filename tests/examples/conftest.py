# SPDX-License-Identifier: Apache-2.0
"""The example under test, built once; `house` runs it in each TEE that can carry it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ttee.app.build import build
from ttee.app.bundle import Bundle

EXAMPLE = Path(__file__).parents[2] / "examples" / "auction"
sys.path.insert(0, str(EXAMPLE))

from tests.examples.house import House  # noqa: E402 (it imports the example)


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("auction") / "auction"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("build", "__pycache__"))
    return build(folder).bundle


@pytest.fixture(params=["local", "riscv"])
def house(request: pytest.FixtureRequest, bundle: Bundle, tmp_path: Path) -> Iterator[House]:
    with House(bundle, request.param, tmp_path) as house:
        yield house


@pytest.fixture(scope="session")
def new_house(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], House]:
    """For properties, which need a fresh auction for each example."""
    state = tmp_path_factory.mktemp("state")
    return lambda: House(bundle, "local", state)
