# SPDX-License-Identifier: Apache-2.0
"""Calls to the monitor from the wrong world, at the wrong moment, with numbers that nobody has.

The attacker is the host, or an enclave, or both. He wants an enclave to run again after its end, to act in
another's name, or to confuse the monitor's bookkeeping. Every call is judged by the world that made it,
which the monitor knows by itself, and by the enclave's state (firmware/monitor/trap.c); a number that leads
nowhere is refused.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.attacks.hands import EVERY_WAY, Attacks, EvilEnclave, HostHand
from ttee.tee.riscv.mailbox import SBI_TIME, SBI_TTEE, Call, SbiError, SbiResult

ENCLAVE_CALLS = [Call.RANDOM, Call.STOP, Call.EXIT, Call.EXTEND, Call.EVIDENCE, Call.DERIVE]
HOST_CALLS = [Call.CREATE, Call.DESTROY, Call.RUN, Call.RESUME]
NOBODY = [8, 9, 1 << 31, 1 << 32, 1 << 63, (1 << 64) - 1]
"""Ids that no enclave has: out of range, and negative."""
NOT_SUPPORTED = SbiResult(SbiError.NOT_SUPPORTED)


@pytest.mark.parametrize("call", ENCLAVE_CALLS)
def test_the_host_cannot_make_an_enclaves_call(host: HostHand, evil: EvilEnclave, call: Call) -> None:
    """Evidence, keys and registers of an enclave that is stopped are not for whoever runs meanwhile."""
    assert host.mailbox.sbi(call, evil.scratch, 64, evil.scratch) == SbiResult(SbiError.WRONG_CALLER)
    assert host.mailbox.sbi(call, 0x8030_8000, 64, 0x8030_8000) == SbiResult(SbiError.WRONG_CALLER)
    assert evil.attack("load", evil.scratch) == (0, 0)


@pytest.mark.parametrize("call", HOST_CALLS)
def test_an_enclave_cannot_make_the_hosts_call(evil: EvilEnclave, call: Call) -> None:
    """It cannot create, run or destroy: neither others nor itself."""
    for argument in (evil.id, evil.scratch, evil.utm, 0):
        assert evil.sbi(call, argument) == SbiResult(SbiError.WRONG_CALLER)


def test_an_enclave_cannot_set_the_hosts_timer(evil: EvilEnclave) -> None:
    assert evil.sbi(0, 0, extension=SBI_TIME) == NOT_SUPPORTED


def test_the_hosts_user_mode_cannot_call_the_monitor(host: HostHand, evil: EvilEnclave) -> None:
    """Its calls go to its own operating system, as they should: scause 8, not an answer of ours."""
    cause, _ = host.as_user("call_monitor", evil.id)
    assert cause == 8
    assert evil.attack("load", evil.scratch) == (0, 0)


def test_signing_data_of_an_enclaves_choice_is_refused(evil: EvilEnclave) -> None:
    """Keystone's `attest` (3002) would sign claims that the monitor never made (docs/decisions/0005)."""
    evil.put(evil.scratch, b"debug: false, registers: any that I like")
    assert evil.sbi(3002, evil.scratch + 2048, evil.scratch, 40) == NOT_SUPPORTED
    assert evil.get(evil.scratch + 2048, 2048) == bytes(2048)


@pytest.mark.parametrize("number", NOBODY)
@pytest.mark.parametrize("call", [Call.DESTROY, Call.RUN, Call.RESUME])
def test_ids_that_nobody_has_are_refused(host: HostHand, evil: EvilEnclave, call: Call, number: int) -> None:
    assert host.mailbox.sbi(call, number) == SbiResult(SbiError.ILLEGAL_ARGUMENT)
    assert evil.attack("load", evil.scratch) == (0, 0)


def test_an_enclave_begins_once(host: HostHand, evil: EvilEnclave) -> None:
    """A second `run` would start it again over memory that its first life has written."""
    assert host.mailbox.sbi(Call.RUN, evil.id) == SbiResult(SbiError.NOT_FRESH)


def test_an_enclave_that_never_ran_cannot_be_resumed(host: HostHand, evil: EvilEnclave) -> None:
    evil.handle.destroy()
    handle = host.machine.create_enclave(*evil.images, epm_size=64 << 10, utm_size=8 << 10)
    try:
        assert host.mailbox.sbi(Call.RESUME, handle.id) == SbiResult(SbiError.NOT_RUNNABLE)
        assert handle.run() == SbiResult(SbiError.EDGE_CALL, 1)
    finally:
        handle.destroy()


def test_an_enclave_that_exited_never_runs_again(host: HostHand, evil: EvilEnclave) -> None:
    """Keystone's monitor lets an exited enclave be resumed; then it runs on, past its end, over whatever
    comes next.
    """
    evil.tell("call_monitor", 3, 0, 0, 0, 0, 0, Call.EXIT, SBI_TTEE)
    assert evil.handle.resume() == SbiResult(SbiError.OK, 3)
    for _ in range(2):
        assert host.mailbox.sbi(Call.RESUME, evil.id) == SbiResult(SbiError.NOT_RUNNABLE)
        assert host.mailbox.sbi(Call.RUN, evil.id) == SbiResult(SbiError.NOT_FRESH)
    evil.handle.destroy()  # which is all that is left to do


def test_an_interrupted_enclave_is_resumed_and_not_started_again(host: HostHand, evil: EvilEnclave) -> None:
    evil.tell("spin")
    assert host.mailbox.sbi(Call.RESUME, evil.id) == SbiResult(SbiError.INTERRUPTED)
    assert host.mailbox.sbi(Call.RUN, evil.id) == SbiResult(SbiError.NOT_FRESH)
    assert host.mailbox.sbi(Call.RESUME, evil.id) == SbiResult(SbiError.INTERRUPTED)


def test_a_destroyed_enclave_is_gone(host: HostHand, evil: EvilEnclave) -> None:
    number = evil.id
    evil.handle.destroy()
    for call in (Call.DESTROY, Call.RUN, Call.RESUME):
        assert host.mailbox.sbi(call, number) == SbiResult(SbiError.ILLEGAL_ARGUMENT)


def test_a_slots_next_tenant_inherits_nothing(breed: Callable[..., EvilEnclave]) -> None:
    """Neither registers nor measurement nor the right to be resumed."""
    first = breed()
    first.put(first.scratch, b"\x11" * 48)
    assert first.sbi(Call.EXTEND, 0, first.scratch).error == SbiError.OK
    slot = first.id
    first.handle.destroy()
    second = breed(app=b"another")
    assert second.id == slot
    assert second.sbi(Call.EVIDENCE, second.scratch, 4096, second.scratch).error == SbiError.OK
    evidence = second.get(second.scratch, 2048)
    assert evidence[:64] == second.handle.measurement
    assert b"registers" in evidence
    assert bytes(48) in evidence[1352:]
    assert second.handle.measurement != first.handle.measurement


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(2000, SBI_TTEE)
@example(2004, SBI_TTEE)
@example(2006, SBI_TTEE)
@example(0, 0x10)
@given(st.integers(0, 2**64 - 1) | st.integers(1990, 4000), st.just(SBI_TTEE) | st.integers(0, 2**64 - 1))
def test_numbers_that_mean_nothing_are_not_supported(
    host: HostHand, evil: EvilEnclave, function: int, extension: int
) -> None:
    """Any function of any extension, from both worlds, with an enclave's id and addresses as arguments."""
    arguments = (evil.scratch, evil.id, 64)
    if extension == SBI_TTEE and function in [*ENCLAVE_CALLS, *HOST_CALLS]:
        return
    if (extension, function) != (SBI_TIME, 0):
        result = host.mailbox.sbi(function, *arguments, extension=extension)
        assert result.error in (SbiError.NOT_SUPPORTED, SbiError.WRONG_CALLER)
        assert result.value == 0
    result = evil.sbi(function, *arguments, extension=extension)
    assert result.error in (SbiError.NOT_SUPPORTED, SbiError.WRONG_CALLER)
    assert result.value == 0
    assert evil.attack("load", evil.scratch) == (0, 0)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(["run", "resume", "destroy", "create"]), st.sampled_from([0, 1, 2])),
        max_size=12,
    )
)
def test_no_order_of_calls_opens_an_enclave_or_confuses_the_monitor(
    host: HostHand, attacks: Attacks, breed: Callable[..., EvilEnclave], steps: list[tuple[str, int]]
) -> None:
    """Three enclaves, calls in any order, against a model of their states: fresh, stopped or gone."""
    machine = host.machine
    born = [breed() for _ in range(3)]
    images = born[0].images
    handles = {number: enclave.handle for number, enclave in enumerate(born)}
    ids = {number: enclave.id for number, enclave in enumerate(born)}
    state = dict.fromkeys(range(3), "stopped")
    try:
        for what, which in steps:
            if what == "create":
                if state[which] == "gone":
                    handles[which] = machine.create_enclave(*images, epm_size=64 << 10, utm_size=8 << 10)
                    ids[which] = handles[which].id
                    state[which] = "fresh"
                continue
            if state[which] == "gone":
                continue  # its number may be somebody else's by now
            if what == "destroy":
                handles[which].destroy()
                state[which] = "gone"
                continue
            words = handles[which].utm.cast("Q")
            words[0], words[1] = attacks.offsets["count"], 1  # something harmless to do
            result = host.mailbox.sbi(Call.RUN if what == "run" else Call.RESUME, ids[which])
            expected = {
                ("run", "fresh"): SbiError.EDGE_CALL,
                ("run", "stopped"): SbiError.NOT_FRESH,
                ("resume", "fresh"): SbiError.NOT_RUNNABLE,
                ("resume", "stopped"): SbiError.EDGE_CALL,
            }[what, state[which]]
            assert result.error == expected
            state[which] = "stopped" if expected == SbiError.EDGE_CALL else state[which]
        for which, handle in handles.items():
            if state[which] != "gone":
                assert host.refusals(handle.record.epm) == EVERY_WAY
    finally:
        for handle in handles.values():
            handle.destroy()
