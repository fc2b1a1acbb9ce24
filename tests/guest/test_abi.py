# SPDX-License-Identifier: Apache-2.0
"""The imports, called as an app would call them: rightly, wrongly and with malice."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttee.guest.abi import Services, TrapError, one_line
from ttee.guest.registers import Event, RuntimeRegisters
from ttee.guest.sealing import OVERHEAD, KeyPolicy, Sealer

SIZE = 4096


class Memory:
    """4 KiB of linear memory."""

    def __init__(self) -> None:
        self.bytes = bytearray(SIZE)

    def check(self, address: int, length: int) -> None:
        if address + length > SIZE:
            raise TrapError("out of bounds")

    def read(self, address: int, length: int) -> bytes:
        assert address + length <= SIZE
        return bytes(self.bytes[address : address + length])

    def write(self, address: int, data: bytes) -> None:
        assert address + len(data) <= SIZE
        self.bytes[address : address + len(data)] = data


class App:
    """An app at its imports."""

    def __init__(self, *, evidence: bytes | None = b"evidence") -> None:
        self.memory = Memory()
        self.registers = RuntimeRegisters()
        self.lines: list[str] = []
        self.services = Services(
            memory=self.memory,
            registers=self.registers,
            sealer=Sealer(derive, policy=KeyPolicy.MEASUREMENT, svn=1),
            line=self.lines.append,
            evidence=lambda user_data: evidence and evidence + user_data,
            entropy=lambda length: b"\xaa" * length,
        )

    def put(self, data: bytes, at: int = 0) -> tuple[int, int]:
        self.memory.write(at, data)
        return at, len(data)


def derive(policy: KeyPolicy, svn: int, path: bytes) -> bytes:
    return hashlib.sha256(repr((policy, svn, path)).encode()).digest()


def test_random_fills_exactly_the_range() -> None:
    app = App()
    app.services.random(10, 3)
    assert app.memory.bytes[9:14] == b"\0\xaa\xaa\xaa\0"


def test_a_log_line_is_one_line_cut_at_1024_bytes() -> None:
    app = App()
    app.services.log(*app.put(b"caf\xc3\xa9\n\x1b[2J"))
    app.services.log(*app.put(b"x" * 2000))
    assert app.lines == ["café??[2J", "x" * 1024]


def test_extend_logs_an_event_of_register_3() -> None:
    app = App()
    assert app.services.extend(*app.put(b"bid"), *app.put(b"\1\2", 100)) == 0
    assert app.registers.events == (Event(3, "bid", b"\1\2"),)


@pytest.mark.parametrize(
    ("name", "payload"), [(b"", b""), (b"n" * 65, b""), (b"\xff", b""), (b"n", bytes(1025))]
)
def test_an_event_out_of_bounds_is_refused(name: bytes, payload: bytes) -> None:
    app = App()
    assert app.services.extend(*app.put(name), *app.put(payload, 1000)) == -4
    assert app.registers.events == ()


def test_a_full_log_is_told_to_the_app() -> None:
    app = App()
    answers = [app.services.extend(*app.put(b"n"), 0, 0) for _ in range(257)]
    assert answers == [0] * 256 + [-2]


def test_derived_keys_depend_on_the_path() -> None:
    app = App()
    app.services.derive_key(*app.put(b"a"), 100)
    app.services.derive_key(*app.put(b"b"), 200)
    one, other = app.memory.read(100, 32), app.memory.read(200, 32)
    assert one != other
    assert one == derive(KeyPolicy.MEASUREMENT, 1, b"ttee/derive/1" + b"a")


def test_a_path_that_is_too_long_is_a_trap() -> None:
    with pytest.raises(TrapError, match="more than 128 bytes"):
        App().services.derive_key(0, 257, 1000)


def test_what_is_sealed_is_unsealed() -> None:
    app = App()
    length = app.services.seal(*app.put(b"secret"), 100, 1000)
    assert length == 6 + OVERHEAD
    assert app.services.unseal(100, length, 2000, 6) == 6
    assert app.memory.read(2000, 6) == b"secret"


def test_outputs_that_do_not_fit_are_told_and_nothing_is_written() -> None:
    app = App()
    assert app.services.seal(*app.put(b"secret"), 100, 6 + OVERHEAD - 1) == -1
    length = app.services.seal(0, 6, 200, 1000)
    assert app.services.unseal(200, length, 2000, 5) == -1
    assert app.services.report(0, 4, 3000, 11) == -1
    assert not any(app.memory.read(100, 69) + app.memory.read(2000, 6) + app.memory.read(3000, 12))


def test_what_was_not_sealed_here_is_refused() -> None:
    app = App()
    assert app.services.unseal(0, OVERHEAD - 1, 1000, 1000) == -3
    assert app.services.unseal(0, OVERHEAD + 5, 1000, 1000) == -3


def test_report_answers_with_evidence_over_the_apps_data() -> None:
    app = App()
    assert app.services.report(*app.put(b"data"), 1000, 1000) == 12
    assert app.memory.read(1000, 12) == b"evidencedata"


def test_more_than_64_bytes_of_user_data_or_a_tee_that_declines_refuse_the_report() -> None:
    assert App().services.report(0, 65, 1000, 1000) == -4
    assert App(evidence=None).services.report(0, 0, 1000, 1000) == -4


CALLS: list[tuple[str, list[int]]] = [
    ("random", [SIZE - 1, 2]),
    ("random", [-1, 2]),
    ("log", [0, -1]),
    ("extend", [SIZE, 1, 0, 0]),
    ("extend", [0, 1, SIZE, 1]),
    ("derive_key", [SIZE, 1, 0]),
    ("derive_key", [0, 1, SIZE - 31]),
    ("seal", [0, SIZE + 1, 0, SIZE]),
    ("seal", [0, 1, 1, SIZE]),
    ("unseal", [1, SIZE, 0, 0]),
    ("unseal", [0, 1, -1, 1]),
    ("report", [SIZE, 1, 0, 0]),
    ("report", [0, 1, 1, SIZE]),
]


@pytest.mark.parametrize(("name", "arguments"), CALLS)
def test_a_range_that_leaves_memory_is_a_trap_and_changes_nothing(name: str, arguments: list[int]) -> None:
    app = App()
    with pytest.raises(TrapError):
        getattr(app.services, name)(*arguments)
    assert not any(app.memory.bytes)
    assert app.registers.events == ()
    assert app.lines == []


ARITY = {"random": 2, "log": 2, "extend": 4, "derive_key": 3, "seal": 4, "unseal": 4, "report": 4}
_i32 = st.integers(-(1 << 31), (1 << 31) - 1) | st.integers(-100, SIZE + 100)


@given(st.sampled_from(sorted(ARITY)), st.lists(_i32, min_size=4, max_size=4))
def test_any_arguments_are_answered_or_trap(name: str, arguments: list[int]) -> None:
    call: Any = getattr(App().services, name)
    try:
        result = call(*arguments[: ARITY[name]])
    except TrapError:
        return
    assert result is None or -4 <= result <= SIZE


@given(st.binary(max_size=50))
def test_a_log_line_never_commands_a_terminal(text: bytes) -> None:
    assert one_line(text).isprintable()
