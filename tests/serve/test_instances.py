# SPDX-License-Identifier: Apache-2.0
"""Instances in processes of their own: found by name, ended on request, tidied up when they crash."""

from __future__ import annotations

import os
import signal
import socket
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import evolve

from tests.app.wat import ECHO, module
from ttee import places
from ttee.app.bundle import Bundle, Limits
from ttee.channel.http import Peer
from ttee.errors import InstanceError, ModuleError, TeeUnavailableError, UsageError
from ttee.serve import registry
from ttee.serve.daemon import start
from ttee.serve.hold import Order
from ttee.tee.recognise import recognise

NONCE = bytes(32)
LIMITS = Limits(memory=2 * 65536, stack=16384, request=1024, reply=1024)
ORDER = Order("echo", "local", Bundle("echo", "1", 1, b"", LIMITS, module(ECHO)))


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Folders of our own; whatever still runs is ended."""
    with tempfile.TemporaryDirectory(prefix="ttee-") as root:
        monkeypatch.setenv("TTEE_STATE_DIR", f"{root}/state")
        monkeypatch.setenv("TTEE_RUNTIME_DIR", f"{root}/run")
        yield Path(root)
        for record in registry.running()[0]:
            registry.stop(record)


def children(pid: int) -> list[int]:
    """Of all its threads."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for thread in threads for child in (thread / "children").read_text().split()]


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_an_instance_is_started_found_asked_and_ended() -> None:
    record = start(ORDER)
    assert registry.find("echo") == record
    assert registry.running() == ([record], [])
    assert (record.tee, record.app, record.url) == ("local", ORDER.bundle.measurement, None)
    assert recognise(Peer(record.address).evidence(NONCE)).tee == "local"
    assert Peer(record.address).info()["name"] == "echo"
    assert Bundle.decode(record.bundle.read_bytes()) == ORDER.bundle
    registry.stop(record)
    assert registry.running() == ([], [])
    assert record.log.exists()
    assert not record.bundle.exists()
    assert not Path(record.address.removeprefix("unix:")).exists()


def test_it_outlives_whoever_started_it_and_belongs_to_nobody_else() -> None:
    record = start(ORDER)
    assert os.getsid(record.pid) != os.getsid(0)
    assert record.pid not in children(os.getpid())
    where = Path(record.address.removeprefix("unix:"))
    assert stat.S_IMODE(where.stat().st_mode) == 0o600
    assert stat.S_IMODE(where.parent.stat().st_mode) == 0o700


def test_with_a_port_it_answers_over_tcp_too() -> None:
    record = start(evolve(ORDER, port=0))
    assert record.url is not None
    assert record.url.startswith("http://127.0.0.1:")
    assert Peer(record.url).info()["name"] == "echo"


def test_a_name_is_given_once() -> None:
    start(ORDER)
    with pytest.raises(InstanceError, match="runs already"):
        start(ORDER)
    start(evolve(ORDER, name="second"))
    assert [record.name for record in registry.running()[0]] == ["echo", "second"]


@pytest.mark.parametrize("tee", ["local", "riscv"])
def test_one_that_was_killed_is_noticed_and_tidied_up_with_all_its_processes(tee: str) -> None:
    record = start(evolve(ORDER, tee=tee))
    (worker, *_) = children(record.pid)
    os.kill(record.pid, signal.SIGKILL)
    wait_until(lambda: not alive(record.pid) and not alive(worker))
    assert registry.running() == ([], ["echo"])
    assert registry.running() == ([], [])
    assert not Path(record.address.removeprefix("unix:")).exists()
    with pytest.raises(InstanceError):
        registry.find("echo")
    assert start(ORDER).name == "echo"


def test_looking_for_one_that_was_killed_says_what_became_of_it() -> None:
    record = start(ORDER)
    os.kill(record.pid, signal.SIGKILL)
    wait_until(lambda: not alive(record.pid))
    with pytest.raises(InstanceError, match="ended unexpectedly") as caught:
        registry.find("echo")
    assert "ttee logs echo" in str(caught.value.hint)


def test_when_its_tee_dies_the_instance_ends_and_says_so() -> None:
    record = start(ORDER)
    (worker, *_) = children(record.pid)
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: not registry.runs("echo"))
    assert registry.running() == ([], [])
    assert len(record.log.read_text().splitlines()) >= 2


def test_what_stops_a_start_is_told_and_nothing_is_left() -> None:
    wrong = evolve(ORDER, bundle=evolve(ORDER.bundle, module=b"\0asm\1\0\0\0"))
    with pytest.raises(ModuleError):
        start(wrong)
    with pytest.raises(TeeUnavailableError):
        start(evolve(ORDER, tee="keystone"))
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UsageError, match="cannot listen"):
        start(evolve(ORDER, port=taken.getsockname()[1]))
    assert registry.running() == ([], [])
    assert not registry.runs("echo")
    assert start(ORDER).name == "echo"


def test_interrupting_a_start_leaves_nothing_running(monkeypatch: pytest.MonkeyPatch) -> None:
    from ttee.serve import daemon

    honest = daemon._news
    pids: list[int] = []

    def interrupted(*arguments: object) -> object:
        if pids:
            raise KeyboardInterrupt
        news = honest(*arguments)  # type: ignore[arg-type]
        pids.append(int(str(news["pid"])))
        return news

    monkeypatch.setattr(daemon, "_news", interrupted)
    with pytest.raises(KeyboardInterrupt):
        start(ORDER)
    wait_until(lambda: not alive(pids[0]))
    assert registry.running() == ([], [])


def test_a_name_cannot_lead_out_of_the_folder() -> None:
    for name in ("../x", "", "x/y", "X", "-x", "x" * 65, "x\n"):
        with pytest.raises(InstanceError):
            registry.home_of(name)


def test_a_socket_path_that_the_kernel_would_not_take_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TTEE_RUNTIME_DIR", str(tmp_path / ("x" * 100)))
    with pytest.raises(InstanceError, match="at most 107"):
        registry.socket_of("echo")


def test_a_similar_name_is_offered() -> None:
    start(ORDER)
    with pytest.raises(InstanceError, match="did you mean 'echo'"):
        registry.find("ecco")


def test_a_damaged_record_is_no_instance() -> None:
    record = start(ORDER)
    path = registry.home_of("echo") / "record.json"
    for damage in (b"", b"{", b"[]", b'{"schema": "ttee.instance/1", "app": "00"}', b"\xff"):
        path.write_bytes(damage)
        assert registry.running() == ([], [])
    registry.publish(record)
    assert registry.running() == ([record], [])


# --- folders --------------------------------------------------------------------------------------------


def test_folders_follow_the_base_directory_specification(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for variable in ("TTEE_STATE_DIR", "TTEE_RUNTIME_DIR"):
        monkeypatch.delenv(variable)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "run").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    assert places.state_dir() == tmp_path / "state" / "ttee"
    assert places.runtime_dir() == tmp_path / "run" / "ttee"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert places.state_dir() == tmp_path / ".local" / "state" / "ttee"


def test_a_folder_of_ours_is_for_our_eyes_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.mkdir(mode=0o755)
    monkeypatch.setenv("TTEE_STATE_DIR", str(open_to_all))
    assert stat.S_IMODE(places.state_dir().stat().st_mode) == 0o700


def test_a_folder_that_may_be_somebody_elses_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to("target")
    (tmp_path / "file").touch()
    for name in ("link", "file", "file/below"):
        with monkeypatch.context() as patch:
            patch.setenv("TTEE_STATE_DIR", str(tmp_path / name))
            with pytest.raises(UsageError):
                places.state_dir()
