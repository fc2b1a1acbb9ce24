# SPDX-License-Identifier: Apache-2.0
"""Launching an app in the RISC-V TEE: what runs is what `measure` says, and nothing survives its instance."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve

from tests.app.wat import ECHO, app, module
from ttee.app.bundle import Bundle, Limits
from ttee.appraise import parse_policy, starting_policy
from ttee.channel.sealed import seal_request
from ttee.connect import connect
from ttee.errors import AppTrappedError, TeeDiedError, TeeError, TeeTimeoutError
from ttee.model import Endorsements
from ttee.tee.base import Instance
from ttee.tee.keystone import eddsa
from ttee.tee.riscv import TEE
from ttee.tee.riscv import launch as launching
from ttee.tee.riscv.device import device_key, device_secret
from ttee.tee.riscv.launch import RiscvInstance, launch, to_sign
from ttee.tee.riscv.machine import Machine

NONCE = bytes(range(32))
BUNDLE = Bundle("echo", "1", 1, b"", Limits(memory=2 * 65536, request=1024, reply=1024), module(ECHO))
SPINNING = evolve(BUNDLE, module=app("", handle="(loop (br 0)) (unreachable)"))


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[RiscvInstance]:
    with launch(BUNDLE, state=tmp_path) as instance:
        yield instance


def test_what_runs_is_what_measure_says_and_what_this_machines_device_vouches_for(
    instance: RiscvInstance, tmp_path: Path
) -> None:
    assert TEE.anchors is not None
    assert TEE.measure is not None
    endorsements = Endorsements(anchors=TEE.anchors(tmp_path))
    claims = TEE.verify(instance.evidence(NONCE), endorsements, nonce=NONCE)
    measured = TEE.measure(BUNDLE)
    assert {name: claims.details[name] for name in measured} == measured
    assert claims.app == BUNDLE.measurement
    assert claims.details["device_key"] == device_key(device_secret(tmp_path))


def test_a_session_with_it_opens_under_the_policy_that_is_made_for_it(
    instance: RiscvInstance, tmp_path: Path
) -> None:
    assert TEE.anchors is not None
    assert TEE.measure is not None
    text = starting_policy(
        "here", "riscv", TEE.measure(BUNDLE), app=BUNDLE.measurement, anchors=TEE.anchors(tmp_path)
    )
    assert connect(instance, parse_policy(text.encode(), where="here")).call(b"hello") == b"hello"


def test_the_device_survives_its_instances_and_others_do_not_have_it(tmp_path: Path) -> None:
    keys = []
    for folder in ("one", "one", "two"):
        (tmp_path / folder).mkdir(exist_ok=True)
        with launch(BUNDLE, state=tmp_path / folder) as instance:
            described = TEE.describe and TEE.describe(instance.evidence(NONCE))
            keys.append(described and described["report.device_key"])
    assert keys[0] == keys[1]
    assert keys[0] != keys[2]


def test_the_device_key_follows_from_the_secret_as_the_specification_says() -> None:
    """HKDF-SHA3-512, and Keystone's EdDSA: the same secret always gives the same device."""
    assert device_key(bytes(32)) == device_key(bytes(32))
    assert device_key(bytes(32)) != device_key(bytes(31) + b"\1")


def test_an_authority_must_have_signed_what_is_launched(tmp_path: Path) -> None:
    seed = bytes(range(32))
    bundle = evolve(BUNDLE, authority=eddsa.public_key(seed), svn=3)
    signature = eddsa.sign(seed, to_sign(bundle))
    with launch(bundle, state=tmp_path, signature=signature) as instance:
        claims = TEE.verify(instance.evidence(NONCE), Endorsements(anchors=launching.anchors(tmp_path)))
        assert (claims.details["authority"], claims.details["app_svn"]) == (bundle.authority, 3)
    for wrong in (
        b"",
        eddsa.sign(bytes(32), to_sign(bundle)),
        eddsa.sign(seed, to_sign(evolve(bundle, svn=4))),
    ):
        with pytest.raises(TeeError, match="refused to create"):
            launch(bundle, state=tmp_path, signature=wrong)


def test_an_app_that_traps_ends_with_its_last_words_and_answers_nothing_more(tmp_path: Path) -> None:
    with launch(evolve(BUNDLE, module=app("", handle="(unreachable)")), state=tmp_path) as instance:
        for _ in range(2):
            with pytest.raises(AppTrappedError):
                instance.call(sealed(instance, tmp_path))


def test_an_app_that_takes_too_long_is_interrupted(tmp_path: Path) -> None:
    with launch(SPINNING, state=tmp_path, timeout=2) as instance, pytest.raises(TeeTimeoutError):
        instance.call(sealed(instance, tmp_path))


@pytest.mark.parametrize("how", ["close", "kill"])
def test_a_request_under_way_ends_when_the_machine_does(tmp_path: Path, how: str) -> None:
    with launch(SPINNING, state=tmp_path) as instance:
        message = sealed(instance, tmp_path)
        ended: list[BaseException] = []

        def ask() -> None:
            try:
                instance.call(message)
            except TeeError as error:
                ended.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        while not instance.enclave._lock.locked():
            threading.Event().wait(0.01)
        if how == "kill":
            os.kill(instance.machine.qemu.pid, signal.SIGKILL)
        else:
            instance.close()
        thread.join(30)
        assert [type(error) for error in ended] == [TeeDiedError]
        with pytest.raises(TeeDiedError):
            instance.log()


def test_closing_twice_is_fine_and_nothing_answers_afterwards(tmp_path: Path) -> None:
    instance = launch(BUNDLE, state=tmp_path)
    pid = instance.machine.qemu.pid
    instance.close()
    instance.close()
    assert not Path(f"/proc/{pid}").exists()
    with pytest.raises(TeeDiedError):
        instance.evidence(NONCE)


def test_a_start_that_fails_leaves_no_machine_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machines: list[Machine] = []

    class Watched(Machine):
        def __init__(self, *arguments: object, **options: object) -> None:
            super().__init__(*arguments, **options)  # type: ignore[arg-type]
            machines.append(self)

    monkeypatch.setattr("ttee.tee.riscv.launch.Machine", Watched)
    broken = evolve(BUNDLE, module=app('(func (export "_initialize") (unreachable))'))
    with pytest.raises(AppTrappedError):
        launch(broken, state=tmp_path)
    assert not Path(f"/proc/{machines[0].qemu.pid}").exists()


@pytest.mark.parametrize(
    ("missing", "package"), [("qemu-system-riscv64", "qemu-system-misc"), ("wasm2c", "wabt")]
)
def test_what_is_missing_is_named_with_its_package(
    monkeypatch: pytest.MonkeyPatch, missing: str, package: str
) -> None:
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda program: None if program == missing else which(program))
    here = TEE.available()
    assert not here.works
    assert here.missing == missing
    assert package in here.hint


def sealed(instance: Instance, state: Path) -> bytes:
    """A request that the instance can open."""
    claims = TEE.verify(instance.evidence(NONCE), Endorsements(anchors=launching.anchors(state)), nonce=NONCE)
    assert claims.channel_key is not None
    return seal_request(claims.channel_key, instance.bundle.measurement, b"hello")[0]
