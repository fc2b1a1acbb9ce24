# SPDX-License-Identifier: Apache-2.0
"""Launcher and worker do not believe each other: a wrong frame ends the conversation, and nothing hangs."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.app.wat import ECHO, module
from ttee.app.bundle import Bundle, Limits
from ttee.codec import cbor
from ttee.errors import TeeDiedError, TeeTimeoutError, TteeError
from ttee.tee.local import process
from ttee.tee.local.frames import LONGEST, TO_LAUNCHER, TO_WORKER, BrokenError, Frames, Kind
from ttee.tee.local.process import WorkerProcess

ORDER = cbor.dumps(
    {
        "fuel": 1_000_000,
        "bundle": Bundle("app", "1", 1, b"", Limits(), module(ECHO)).encode(),
        "secret": bytes(32),
    }
)


@pytest.fixture
def worker() -> Iterator[WorkerProcess]:
    one = WorkerProcess()
    yield one
    one.close()


def pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair()


@given(st.sampled_from(sorted(Kind)), st.binary(max_size=64))
def test_a_frame_arrives_as_it_was_sent(kind: Kind, payload: bytes) -> None:
    one, other = pair()
    with one, other:
        Frames(one, frozenset()).send(kind, payload)
        assert Frames(other, frozenset(Kind)).receive() == (kind, payload)


def test_frames_that_are_too_long_are_neither_sent_nor_received() -> None:
    one, other = pair()
    with one, other:
        with pytest.raises(BrokenError, match="ATTEST frame of 65 bytes"):
            Frames(one, TO_LAUNCHER).send(Kind.ATTEST, bytes(65))
        one.sendall(struct.pack("<BI", Kind.LINE, LONGEST[Kind.LINE] + 1))
        with pytest.raises(BrokenError, match="LINE frame of 4097 bytes"):
            Frames(other, TO_LAUNCHER).receive()


@pytest.mark.parametrize("number", [0, Kind.START, 255])
def test_frames_of_a_kind_that_has_no_business_here_end_it(number: int) -> None:
    one, other = pair()
    with one, other:
        one.sendall(struct.pack("<BI", number, 0))
        with pytest.raises(BrokenError, match=f"frame of kind {number}"):
            Frames(other, TO_LAUNCHER).receive()


def test_a_frame_that_is_cut_short_is_no_frame() -> None:
    one, other = pair()
    with other:
        with one:
            one.sendall(struct.pack("<BI", Kind.LINE, 5) + b"1234")
        with pytest.raises(BrokenError, match="connection ended"):
            Frames(other, TO_LAUNCHER).receive()


def test_an_answer_that_trickles_in_does_not_prolong_the_deadline() -> None:
    one, other = pair()
    with one, other:
        one.sendall(b"\x10")
        with pytest.raises(TimeoutError):
            Frames(other, TO_LAUNCHER).receive(deadline=time.monotonic() + 0.1)
        with pytest.raises(TimeoutError):
            Frames(other, TO_LAUNCHER).receive(deadline=time.monotonic() - 1)


@pytest.mark.parametrize(
    ("kind", "payload", "words"),
    [
        (Kind.ATTEST, bytes(32), "ATTEST is out of order"),
        (Kind.CALL, bytes(32), "CALL is out of order"),
        (Kind.START, cbor.dumps({}), "no order to start an app"),
    ],
)
def test_a_worker_asked_out_of_order_ends_and_says_why(
    worker: WorkerProcess, kind: Kind, payload: bytes, words: str
) -> None:
    with pytest.raises(TeeDiedError, match=words):
        worker.ask(kind, payload, 20)


def test_a_worker_starts_one_app_only(worker: WorkerProcess) -> None:
    worker.ask(Kind.START, ORDER, 20)
    with pytest.raises(TeeDiedError, match="START is out of order"):
        worker.ask(Kind.START, ORDER, 20)


def test_an_order_that_is_malformed_is_answered_by_name(worker: WorkerProcess) -> None:
    with pytest.raises(TteeError, match="order"):
        worker.ask(Kind.START, b"\xff", 20)


class Impostor(WorkerProcess):
    """A worker process that says what the test wants."""

    def __init__(self, says: bytes) -> None:
        super().__init__()
        self._process.kill()
        self._process.wait()
        mouth, ear = pair()
        mouth.sendall(says)
        self._mouth = mouth
        self._connection.close()
        self._connection = ear
        self._frames = Frames(ear, TO_LAUNCHER)

    def close(self) -> None:
        super().close()
        self._mouth.close()


@pytest.mark.parametrize(
    "says",
    [
        struct.pack("<BI", 1, 0),
        struct.pack("<BI", Kind.ANSWER, 1 << 31),
        struct.pack("<BI", Kind.PROBLEM, 2) + b"{}",
        struct.pack("<BI", Kind.PROBLEM, 3) + b"\xff\xff\xff",
    ],
)
def test_a_worker_that_talks_nonsense_is_ended(says: bytes) -> None:
    impostor = Impostor(says)
    try:
        with pytest.raises(TeeDiedError):
            impostor.ask(Kind.ATTEST, bytes(16), 5)
        with pytest.raises(TeeDiedError):
            impostor.ask(Kind.ATTEST, bytes(16), 5)
    finally:
        impostor.close()


@settings(max_examples=10, deadline=None)
@given(st.binary(max_size=64))
def test_whatever_a_worker_says_ends_in_an_answer_or_a_named_error(says: bytes) -> None:
    impostor = Impostor(says)
    try:
        impostor.ask(Kind.ATTEST, bytes(16), 0.05)
    except TteeError:
        pass
    finally:
        impostor.close()


def test_a_silent_worker_is_ended_in_time() -> None:
    impostor = Impostor(b"")
    try:
        with pytest.raises(TeeTimeoutError, match=r"within 0\.05 s"):
            impostor.ask(Kind.ATTEST, bytes(16), 0.05)
    finally:
        impostor.close()


def test_console_lines_are_kept_up_to_a_bound_and_tamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "MAX_LINES", 3)
    line = struct.pack("<BI", Kind.LINE, 2) + b"\x1b["
    impostor = Impostor(line * 5 + struct.pack("<BI", Kind.ANSWER, 0))
    try:
        assert impostor.ask(Kind.ATTEST, bytes(16), 5) == b""
        assert impostor.lines() == ["?["] * 3
    finally:
        impostor.close()


def test_the_secret_is_neither_in_the_arguments_nor_in_the_environment(worker: WorkerProcess) -> None:
    worker.ask(Kind.START, ORDER, 20)
    place = Path(f"/proc/{worker.process_id}")
    arguments = (place / "cmdline").read_bytes().split(b"\0")
    assert arguments[1:-2] == [b"-P", b"-m", b"ttee.tee.local.worker"]
    assert arguments[-2].isdigit()


def test_a_folder_full_of_traps_is_not_where_the_worker_looks_for_its_code(tmp_path: Path) -> None:
    (tmp_path / "ttee").mkdir()
    (tmp_path / "ttee" / "__init__.py").write_text("raise SystemExit('trapped')")
    (tmp_path / "cbor2.py").write_text("raise SystemExit('trapped')")
    code = "from ttee.tee.local.process import WorkerProcess as W; from ttee.tee.local.frames import Kind\n"
    code += f"w = W(); w.ask(Kind.START, bytes.fromhex('{ORDER.hex()}'), 20); w.close()"
    subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path, check=True)


def test_kinds_go_one_way_only() -> None:
    assert not TO_WORKER & TO_LAUNCHER
    assert TO_WORKER | TO_LAUNCHER == frozenset(Kind) == LONGEST.keys()
