# SPDX-License-Identifier: Apache-2.0
"""Firmware, machines and puppets for the tests of this room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.tee.riscv.puppet import DEVICE_SECRET, Puppet, build_puppet
from ttee.tee.riscv.firmware import Firmware, build_firmware
from ttee.tee.riscv.machine import Machine


@pytest.fixture(scope="session")
def firmware() -> Firmware:
    return build_firmware()


@pytest.fixture(scope="session")
def puppet_code(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return build_puppet(tmp_path_factory.mktemp("puppet"))


@pytest.fixture
def machine(firmware: Firmware) -> Iterator[Machine]:
    with Machine(firmware, DEVICE_SECRET) as machine:
        yield machine


@pytest.fixture
def puppet(machine: Machine, puppet_code: bytes) -> Puppet:
    return Puppet(machine, puppet_code)
