# SPDX-License-Identifier: Apache-2.0
"""The header that apps include: its helpers do what their names say, for every input."""

from __future__ import annotations

from pathlib import Path

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st

from ttee.app.bundle import Limits
from ttee.app.compiler import compile_app

REFUSED = (1 << 64) - 1


class Guest:
    """sdk.c in wasmtime."""

    def __init__(self, code: bytes) -> None:
        engine = wasmtime.Engine()
        self.store = wasmtime.Store(engine)
        self.exports = wasmtime.Instance(self.store, wasmtime.Module(engine, code), []).exports(self.store)

    def ask(self, request: bytes) -> bytes | None:
        """The reply, or None when the app refuses."""
        memory, alloc, handle = (self.exports[name] for name in ("memory", "alloc", "handle"))
        assert isinstance(memory, wasmtime.Memory)
        assert isinstance(alloc, wasmtime.Func)
        assert isinstance(handle, wasmtime.Func)
        at = alloc(self.store, len(request))
        memory.write(self.store, request, at)
        reply = handle(self.store, at, len(request)) & REFUSED
        if reply == REFUSED:
            return None
        return bytes(memory.read(self.store, reply >> 32, (reply >> 32) + (reply & 0xFFFFFFFF)))


@pytest.fixture(scope="module")
def guest() -> Guest:
    code, said = compile_app(Path(__file__).parent / "guests", "sdk.c", Limits(memory=1 << 20, stack=16384))
    assert not said
    return Guest(code)


@given(value=st.integers(0, (1 << 64) - 2))
def test_numbers_are_read_and_written(guest: Guest, value: int) -> None:
    assert guest.ask(b"u%d" % value) == b"%d" % (value + 1)
    assert guest.ask(b"u000%d" % value) == b"%d" % (value + 1)


@given(text=st.one_of(st.binary(max_size=30), st.integers(1 << 64, 1 << 80).map(lambda n: b"%d" % n)))
def test_what_is_no_number_is_not_read_as_one(guest: Guest, text: bytes) -> None:
    if not text.isdigit() or int(text) >= 1 << 64:
        assert guest.ask(b"u" + text) == b"no number"


@given(
    fields=st.lists(st.binary(max_size=10).filter(lambda field: b"," not in field), min_size=1, max_size=8)
)
def test_requests_are_cut_at_separators(guest: Guest, fields: list[bytes]) -> None:
    """A separator at the very end is followed by nothing, not by an empty field."""
    if len(fields) > 1 and not fields[-1]:
        fields[-1] = b"x"
    assert guest.ask(b"c" + b",".join(fields)) == b"".join(b"[%b]" % field for field in fields)


@given(data=st.binary(max_size=150))
def test_hex_fits_or_the_answer_is_a_refusal(guest: Guest, data: bytes) -> None:
    assert guest.ask(b"h" + data) == (data.hex().encode() if len(data) <= 128 else None)


@given(data=st.binary(max_size=64))
def test_comparisons(guest: Guest, data: bytes) -> None:
    half = len(data) // 2
    left, right = data[:half], data[half : 2 * half]
    assert guest.ask(b"e" + data) == (b"=" if left == right else b"!")
    assert guest.ask(b"e" + data + data) == b"="
    assert guest.ask(b"M" + data) == (b"<" if left < right else b">=")
    assert guest.ask(b"i" + data) == (b"yes" if data == b"exactly this" else b"no")
    assert guest.ask(b"iexactly this") == b"yes"


@given(data=st.binary(max_size=64))
def test_memory_moves(guest: Guest, data: bytes) -> None:
    expected = bytearray(data + b"." * 8)
    expected[3 : 3 + len(data)] = data
    expected[2 : 2 + len(data)] = bytes(expected[3 : 3 + len(data)])
    assert guest.ask(b"m" + data) == bytes(expected)


def test_a_request_may_use_all_memory_and_the_next_one_has_it_again(guest: Guest) -> None:
    first, second = guest.ask(b"a"), guest.ask(b"a")
    assert first is not None
    assert first == second
    assert 90 <= int.from_bytes(first, "little") <= 104


def test_static_variables_are_kept_between_requests(guest: Guest) -> None:
    before, after = guest.ask(b""), guest.ask(b"")
    assert before is not None
    assert after is not None
    assert int.from_bytes(after, "little") == int.from_bytes(before, "little") + 1
