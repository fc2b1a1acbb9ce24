# SPDX-License-Identifier: Apache-2.0
"""A machine per file of attacks, and enclaves that end with the test that made them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.attacks.hands import DEVICE_SECRET, Attacks, Died, EvilEnclave, HostHand
from ttee.tee.riscv.firmware import Firmware, build_firmware
from ttee.tee.riscv.machine import Machine


@pytest.fixture(scope="session")
def firmware() -> Firmware:
    return build_firmware()


@pytest.fixture(scope="session")
def attacks() -> Attacks:
    return Attacks.build()


@pytest.fixture(scope="module")
def machine(firmware: Firmware) -> Iterator[Machine]:
    with Machine(firmware, DEVICE_SECRET) as machine:
        yield machine


@pytest.fixture(scope="module")
def host(machine: Machine, attacks: Attacks) -> HostHand:
    return HostHand(machine, attacks)


@pytest.fixture
def breed(machine: Machine, attacks: Attacks) -> Iterator[Callable[..., EvilEnclave]]:
    """Makes evil enclaves, and destroys them after the test."""
    brood: list[EvilEnclave] = []

    def bear(**how: object) -> EvilEnclave:
        brood.append(partial(EvilEnclave, machine, attacks)(**how))  # type: ignore[arg-type]
        return brood[-1]

    yield bear
    for enclave in brood:
        enclave.handle.destroy()


@pytest.fixture
def attempt(machine: Machine, attacks: Attacks) -> Callable[..., tuple[int, int] | Died]:
    """One attack by an evil enclave that lives for it alone: what came of it."""

    def attempt(name: str, *arguments: int) -> tuple[int, int] | Died:
        enclave = EvilEnclave(machine, attacks)
        try:
            return enclave.attack(name, *arguments)
        finally:
            enclave.handle.destroy()

    return attempt


@pytest.fixture
def evil(breed: Callable[..., EvilEnclave]) -> EvilEnclave:
    return breed()
