# SPDX-License-Identifier: Apache-2.0
"""An app in the local TEE, end to end: it answers over the sealed channel, and its faults stay its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import evolve

from tests.app.wat import ECHO, app, module
from ttee.app.build import build
from ttee.app.bundle import Bundle, Limits
from ttee.channel.sealed import ReplyStatus, seal_request
from ttee.codec import cbor
from ttee.errors import (
    AppTrappedError,
    ChannelError,
    KeysUsedUpError,
    ModuleError,
    ReplayedError,
    RequestTooLargeError,
    TeeDiedError,
    TeeTimeoutError,
    TeeUnavailableError,
    UsageError,
)
from ttee.model import Assurance, Endorsements, Evidence
from ttee.tee import tee_named
from ttee.tee.local import TEE
from ttee.tee.local import launch as launching
from ttee.tee.local.launch import LocalInstance, launch
from ttee.tee.local.verify import verify

LIMITS = Limits(memory=2 * 65536, stack=16384, request=1024, reply=1024)
NONCE = bytes(range(32))


def bundle(code: bytes, **changes: object) -> Bundle:
    return evolve(Bundle("app", "1", 1, b"", LIMITS, code), **changes)  # type: ignore[arg-type]


Start = Callable[..., LocalInstance]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts apps, and ends them."""
    running: list[LocalInstance] = []

    def start(code: bytes | Bundle, **options: object) -> LocalInstance:
        what = code if isinstance(code, Bundle) else bundle(code)
        running.append(launch(what, state=tmp_path, **options))  # type: ignore[arg-type]
        return running[-1]

    yield start
    for instance in running:
        instance.close()
        assert not Path(f"/proc/{instance.process_id}").exists()


def ask(instance: LocalInstance, request: bytes) -> tuple[ReplyStatus, bytes]:
    """Verify, then send a request over the sealed channel."""
    key = verify(instance.evidence(NONCE), Endorsements(), nonce=NONCE).channel_key
    assert key is not None
    message, pending = seal_request(key, instance.bundle.measurement, request)
    reply = pending.open(instance.call(message))
    return reply.status, reply.payload


def test_an_app_answers_over_the_sealed_channel_after_its_evidence_was_verified(start: Start) -> None:
    instance = start(module(ECHO))
    claims = verify(instance.evidence(NONCE), Endorsements(), nonce=NONCE)
    assert claims.assurance is Assurance.SIMULATED
    assert claims.app == instance.bundle.measurement
    assert claims.fresh
    assert claims.details == TEE.measure(instance.bundle)  # type: ignore[misc]
    assert [event[1] for event in claims.events] == ["app", "config", "system-ready"]
    assert ask(instance, b"hello") == (ReplyStatus.OK, b"hello")
    assert ask(instance, b"") == (ReplyStatus.OK, b"")


def test_the_hello_example_greets_and_counts(start: Start, tmp_path: Path) -> None:
    example = Path(__file__).parents[3] / "examples" / "hello"
    folder = shutil.copytree(example, tmp_path / "hello", ignore=shutil.ignore_patterns("build"))
    instance = start(build(folder).bundle)
    assert ask(instance, b"Ada") == (ReplyStatus.OK, b"Hello, Ada! You are number 1.\n")
    assert ask(instance, b"") == (ReplyStatus.REFUSED, b"refused by the app")
    assert ask(instance, b"Bob") == (ReplyStatus.OK, b"Hello, Bob! You are number 2.\n")


def test_the_registry_launches_it_by_name(tmp_path: Path) -> None:
    tee = tee_named("local")
    assert tee.available().works
    assert tee.launch is not None
    with tee.launch(bundle(module(ECHO)), state=tmp_path) as instance:
        assert instance.tee == "local"


def test_importing_the_entry_leaves_wasmtime_alone() -> None:
    code = "import sys, ttee.tee.local, ttee.tee.local.launch; sys.exit('wasmtime' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_wasmtime_the_message_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching, "find_spec", lambda _name: None)
    with pytest.raises(TeeUnavailableError) as refusal:
        launch(bundle(module(ECHO)), state=tmp_path)
    assert "pip install 'ttee[local]'" in str(refusal.value.hint)


def test_a_bundle_whose_module_is_no_app_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(ModuleError, match="exports no function 'alloc'"):
        launch(bundle(module("(module)")), state=tmp_path)


def test_a_module_of_wrong_types_is_refused_by_the_engine(start: Start) -> None:
    code = module(ECHO).replace(b"\x41\x80\x08", b"\x42\x80\x08")  # alloc answers an i64, and says i32
    with pytest.raises(ModuleError, match="the module is not valid"):
        start(code)


@pytest.mark.parametrize(
    ("handle", "reason"),
    [
        ("unreachable", "unreachable code"),
        ("(i64.extend_i32_u (i32.div_u (local.get 0) (i32.const 0)))", "division by zero"),
        ("(i64.load (i32.const 131072))", "out of bounds"),
        ("(i64.extend_i32_u (i32.trunc_f32_s (f32.const nan)))", "no integer for this number"),
        ("(i64.extend_i32_u (i32.div_s (i32.const 0x80000000) (i32.const -1)))", "integer overflow"),
        ("(call $forever)", "stack overflow"),
        ("(i64.const 0x0002000000000001)", "out of bounds"),
        ("(i64.const 0x00000000ffffffff)", "out of bounds"),
        ("(call $random (i32.const 131072) (i32.const 1)) (i64.const 0)", "out of bounds"),
        ("(call $random (i32.const -1) (i32.const 2)) (i64.const 0)", "out of bounds"),
    ],
)
def test_a_trap_ends_the_instance_and_says_why(start: Start, handle: str, reason: str) -> None:
    forever = "(func $forever (result i64) (i64.add (call $forever) (i64.const 1)))"
    random = '(import "ttee" "random" (func $random (param i32 i32)))\n'
    instance = start(app(random + forever, handle=handle))
    with pytest.raises(AppTrappedError, match=f"trap: {reason}"):
        ask(instance, b"x")
    assert not Path(f"/proc/{instance.process_id}").exists()
    with pytest.raises(AppTrappedError, match=f"trap: {reason}"):
        instance.evidence(NONCE)


def test_a_call_through_a_wrong_type_is_a_trap(start: Start) -> None:
    body = "(table 1 1 funcref) (elem (i32.const 0) $f) (func $f)"
    code = app(body, handle="(call_indirect (result i64) (i32.const 0))")
    with pytest.raises(AppTrappedError, match="wrong type"):
        ask(start(code), b"x")


def test_an_alloc_that_points_outside_memory_is_a_trap(start: Start) -> None:
    code = module(ECHO.replace("i32.const 1024", "i32.const 65535"))
    with pytest.raises(AppTrappedError, match="out of bounds"):
        ask(start(code), b"xy")


def test_an_app_that_loops_for_ever_runs_out_of_fuel(start: Start) -> None:
    instance = start(app("", handle="(loop $l (br $l)) (i64.const 0)"), fuel=1_000_000)
    with pytest.raises(AppTrappedError, match="out of fuel; one request may burn 1000000") as refusal:
        ask(instance, b"x")
    assert "loop" in str(refusal.value.hint)


def test_fuel_is_counted_for_each_request_anew(start: Start) -> None:
    loop = (
        "(local $i i32) (loop $l (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) "
    )
    instance = start(app("", handle=loop + "(i32.const 50000)))) (i64.const 0)"), fuel=1_000_000)
    for _ in range(5):
        assert ask(instance, b"x") == (ReplyStatus.OK, b"")


def test_an_app_that_does_not_answer_in_time_is_ended(start: Start) -> None:
    instance = start(app("", handle="(loop $l (br $l)) (i64.const 0)"), fuel=1 << 60)
    instance._timeout = 1.0
    with pytest.raises(TeeTimeoutError, match="within 1 s"):
        ask(instance, b"x")
    assert not Path(f"/proc/{instance.process_id}").exists()


def test_a_trap_while_starting_is_told(start: Start) -> None:
    with pytest.raises(AppTrappedError, match="unreachable"):
        start(app('(func (export "_initialize") unreachable)'))


def test_initialize_runs_once_before_the_first_request(start: Start) -> None:
    body = (
        "(global $n (mut i32) (i32.const 48))\n"
        '(func (export "_initialize") (global.set $n (i32.add (global.get $n) (i32.const 1))))\n'
    )
    handle = "(i32.store8 (i32.const 0) (global.get $n)) (i64.const 1)"
    instance = start(app(body, handle=handle))
    assert ask(instance, b"x") == ask(instance, b"x") == (ReplyStatus.OK, b"1")


def test_memory_grows_to_its_maximum_and_no_further(start: Start) -> None:
    handle = (
        "(i32.store8 (i32.const 0) (i32.add (i32.const 65) (memory.grow (i32.const 1))))"
        "(i32.store8 (i32.const 1) (i32.add (i32.const 65) (memory.grow (i32.const 1)))) (i64.const 2)"
    )
    assert ask(start(app("", handle=handle)), b"") == (ReplyStatus.OK, b"B@")


def test_refusals_of_the_app_and_of_the_runtime_reach_the_client_sealed(start: Start) -> None:
    refuse = start(app("", handle="(i64.const -1)"))
    assert ask(refuse, b"x") == (ReplyStatus.REFUSED, b"refused by the app")
    no_room = start(module(ECHO.replace("i32.const 1024", "i32.const 0")))
    assert ask(no_room, b"x") == (ReplyStatus.REFUSED, b"no room for the request")
    too_long = start(app("", handle="(i64.const 1025)"))
    assert ask(too_long, b"x") == (ReplyStatus.REFUSED, b"the reply is larger than the app's limit")
    assert ask(too_long, b"x")[0] is ReplyStatus.REFUSED


def test_what_the_app_logs_is_read_once_and_ends_up_in_the_message_of_its_trap(start: Start) -> None:
    body = '(import "ttee" "log" (func $log (param i32 i32)))\n(data (i32.const 8) "last\\1b words")\n'
    log = "(call $log (i32.const 8) (i32.const 11))"
    instance = start(app(body, handle=f"{log} (if (local.get $length) (then unreachable)) (i64.const 0)"))
    ask(instance, b"")
    assert instance.log() == ["last? words"]
    assert instance.log() == []
    with pytest.raises(AppTrappedError, match=r"unreachable code; its last log lines:\n  last\? words"):
        ask(instance, b"x")
    assert instance.log() == ["last? words"]
    with pytest.raises(AppTrappedError):
        instance.log()


def test_an_app_extends_register_3_and_the_evidence_shows_it(start: Start) -> None:
    body = (
        '(import "ttee" "extend" (func $extend (param i32 i32 i32 i32) (result i32)))\n'
        '(data (i32.const 8) "bidpayload")\n'
    )
    handle = "(i64.extend_i32_u (call $extend (i32.const 8) (i32.const 3) (i32.const 11) (i32.const 7)))"
    instance = start(app(body, handle=handle))
    ask(instance, b"x")
    claims = verify(instance.evidence(NONCE), Endorsements(), nonce=NONCE)
    assert claims.events[-1] == (3, "bid", b"payload")
    assert claims.registers is not None
    assert any(claims.registers[3])


def test_evidence_that_the_app_asked_for_carries_its_data_and_no_nonce(start: Start) -> None:
    body = '(import "ttee" "report" (func $report (param i32 i32 i32 i32) (result i32)))\n'
    handle = (
        "(i64.or (i64.const 0x200000000000) (i64.extend_i32_u"
        "(call $report (local.get $at) (local.get $length) (i32.const 8192) (i32.const 4096))))"
    )
    instance = start(bundle(app(body, handle=handle), limits=evolve(LIMITS, reply=4096)))
    status, reply = ask(instance, b"the app's data")
    assert status is ReplyStatus.OK
    parts = cbor.loads(reply, what="evidence", max_size=4096)
    claims = verify(Evidence("local", parts), Endorsements())  # type: ignore[arg-type]
    assert claims.user_data == b"the app's data"
    assert claims.nonce is None
    assert not claims.fresh


SEALS = """(import "ttee" "seal" (func $seal (param i32 i32 i32 i32) (result i32)))
(import "ttee" "unseal" (func $unseal (param i32 i32 i32 i32) (result i32)))
"""
SEAL_OR_UNSEAL = """
(i64.or (i64.const 0x200000000000) (i64.extend_i32_u
  (if (result i32) (i32.lt_u (local.get $length) (i32.const 64))
    (then (call $seal (local.get $at) (local.get $length) (i32.const 8192) (i32.const 1024)))
    (else (call $unseal (local.get $at) (local.get $length) (i32.const 8192) (i32.const 1024))))))
"""


def test_what_an_app_seals_its_next_run_opens_and_another_app_does_not(start: Start) -> None:
    sealing = app(SEALS, handle=SEAL_OR_UNSEAL)
    first = start(sealing)
    _, blob = ask(first, b"secret")
    assert len(blob) == 70
    first.close()
    assert ask(start(sealing), blob) == (ReplyStatus.OK, b"secret")
    with pytest.raises(AppTrappedError):  # unseal answers -3, which is no length
        ask(start(bundle(sealing, version="2")), blob)


def test_with_an_authority_newer_versions_read_what_older_ones_sealed_and_never_the_reverse(
    start: Start,
) -> None:
    sealing = app(SEALS, handle=SEAL_OR_UNSEAL)
    old, new = (bundle(sealing, authority=b"k" * 32, svn=svn, version=str(svn)) for svn in (1, 2))
    _, of_old = ask(start(old), b"old")
    _, of_new = ask(start(new), b"new")
    assert ask(start(new), of_old) == (ReplyStatus.OK, b"old")
    with pytest.raises(AppTrappedError):
        ask(start(old), of_new)


def test_a_request_is_answered_once(start: Start) -> None:
    instance = start(module(ECHO))
    key = verify(instance.evidence(NONCE), Endorsements()).channel_key
    assert key is not None
    message, _ = seal_request(key, instance.bundle.measurement, b"x")
    instance.call(message)
    with pytest.raises(ReplayedError):
        instance.call(message)
    altered, _ = seal_request(key, instance.bundle.measurement, b"x")
    with pytest.raises(ChannelError):
        instance.call(altered[:-1] + bytes([altered[-1] ^ 1]))
    with pytest.raises(ChannelError):
        instance.call(b"")
    assert ask(instance, b"still here") == (ReplyStatus.OK, b"still here")


@pytest.mark.slow
def test_a_key_serves_4096_requests_then_the_client_asks_for_evidence_again(start: Start) -> None:
    instance = start(module(ECHO))
    key = verify(instance.evidence(NONCE), Endorsements()).channel_key
    assert key is not None
    for _ in range(4096):
        instance.call(seal_request(key, instance.bundle.measurement, b"")[0])
    with pytest.raises(KeysUsedUpError):
        instance.call(seal_request(key, instance.bundle.measurement, b"")[0])
    assert verify(instance.evidence(NONCE), Endorsements()).channel_key != key
    assert ask(instance, b"x") == (ReplyStatus.OK, b"x")


def test_requests_above_the_limit_are_refused_before_they_are_copied(start: Start) -> None:
    instance = start(module(ECHO))
    assert ask(instance, b"x" * 1024)[0] is ReplyStatus.OK
    with pytest.raises(RequestTooLargeError, match="1025 bytes; the app takes 1024"):
        ask(instance, b"x" * 1025)
    with pytest.raises(RequestTooLargeError, match="sealed request of"):
        ask(instance, b"x" * 5000)
    with pytest.raises(RequestTooLargeError):
        instance.call(bytes(1 << 24))
    assert ask(instance, b"x")[0] is ReplyStatus.OK


def test_a_nonce_that_no_statement_carries_is_refused(start: Start) -> None:
    with pytest.raises(UsageError, match="16 to 64 bytes, this one has 15"):
        start(module(ECHO)).evidence(bytes(15))


def test_a_worker_that_is_killed_is_missed_at_once(start: Start) -> None:
    instance = start(module(ECHO))
    os.kill(instance.process_id, signal.SIGKILL)
    with pytest.raises(TeeDiedError, match="killed by signal 9"):
        ask(instance, b"x")
    with pytest.raises(TeeDiedError):
        instance.log()


def test_closing_ends_a_request_under_way_and_closing_twice_is_fine(start: Start) -> None:
    instance = start(app("", handle="(loop $l (br $l)) (i64.const 0)"), fuel=1 << 60)
    threading.Timer(0.5, instance.close).start()
    with pytest.raises(TeeDiedError):
        ask(instance, b"x")
    instance.close()
    with pytest.raises(TeeDiedError):
        instance.evidence(NONCE)


def test_an_interrupt_ends_the_app_rather_than_mixing_up_its_answers(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = start(module(ECHO))
    worker = instance._worker

    def interrupted(_deadline: float) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(worker, "_answer", interrupted)
        with pytest.raises(KeyboardInterrupt):
            instance.evidence(NONCE)
    with pytest.raises(TeeDiedError, match="interrupted"):
        instance.evidence(NONCE)


def test_a_launcher_that_is_killed_leaves_no_worker_behind(tmp_path: Path) -> None:
    code = f"""
        import threading, time
        from pathlib import Path
        from tests.app.wat import app
        from tests.tee.local.test_launch import ask, bundle
        from ttee.tee.local.launch import launch
        code = app("", handle="(loop $l (br $l)) (i64.const 0)")
        instance = launch(bundle(code), state=Path({str(tmp_path)!r}), fuel=1 << 60)
        threading.Thread(target=ask, args=(instance, b"x"), daemon=True).start()
        print(instance.process_id, flush=True)
        time.sleep(60)
    """
    launcher = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    with launcher:
        assert launcher.stdout is not None
        worker = int(launcher.stdout.readline())
        time.sleep(0.3)
        launcher.kill()
    for _ in range(100):
        if not _runs(worker):
            return
        time.sleep(0.05)
    os.kill(worker, signal.SIGKILL)
    pytest.fail("the worker outlived its launcher by 5 s")


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
