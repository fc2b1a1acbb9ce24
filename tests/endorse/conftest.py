# SPDX-License-Identifier: Apache-2.0
"""A service to ask, and a way to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.endorse.service import Service, running
from ttee.endorse.address import parse_mirror
from ttee.endorse.fetcher import Web

ORIGIN = "https://certificates.example"


@pytest.fixture
def service() -> Iterator[Service]:
    with running(Service()) as started:
        yield started


@pytest.fixture
def web(service: Service, waits: list[float]) -> Iterator[Web]:
    """Asks the service in place of ORIGIN; notes how long it would have waited."""
    web = Web([parse_mirror(f"{ORIGIN}={service.address}")], timeout=5, sleep=waits.append)
    yield web
    web.close()


@pytest.fixture
def waits() -> list[float]:
    return []
