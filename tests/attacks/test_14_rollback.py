# SPDX-License-Identifier: Apache-2.0
"""Sealed data and snapshots: what a host that keeps everything can give back later.

The attacker stores what apps seal. He wants to read it, to change it, or to have an app believe something
that is over. What is sealed opens only to the same app (or a version of its owner's) on the same device,
unchanged. But nothing counts how often: AN OLDER BLOB IS AS GOOD AS A NEWER ONE, and availability is his to
grant. Those tests succeed, and are marked so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from attrs import evolve

from tests.app.wat import module
from tests.attacks.evil_app import PAGE
from tests.attacks.hands import DEVICE_SECRET
from tests.tee.riscv.apps import Running, bundled, running
from ttee.channel.sealed import seal_request
from ttee.errors import TeeDiedError, TeeError
from ttee.tee.keystone import eddsa
from ttee.tee.riscv import aot
from ttee.tee.riscv.config import config_page
from ttee.tee.riscv.firmware import Firmware
from ttee.tee.riscv.machine import Machine
from ttee.tee.riscv.mailbox import Operation
from ttee.tee.riscv.measure import enclave_measurement

VAULT = """(module
  (import "ttee" "seal" (func $seal (param i32 i32 i32 i32) (result i32)))
  (import "ttee" "unseal" (func $unseal (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1 1)
  (data (i32.const 65000) "VERSION")
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "handle") (param $at i32) (param $n i32) (result i64)
    (local $got i32)
    (local.set $got
      (if (result i32) (i32.eq (i32.load8_u (local.get $at)) (i32.const 115)) ;; s
        (then (call $seal (i32.add (local.get $at) (i32.const 1)) (i32.sub (local.get $n) (i32.const 1))
          (i32.const 8192) (i32.const 4096)))
        (else (call $unseal (i32.add (local.get $at) (i32.const 1)) (i32.sub (local.get $n) (i32.const 1))
          (i32.const 8192) (i32.const 4096)))))
    (if (i32.lt_s (local.get $got) (i32.const 0)) (then (return (i64.const -1))))
    (i64.or (i64.const {8192 << 32}) (i64.extend_i32_u (local.get $got)))))
""".replace("{8192 << 32}", str(8192 << 32))
"""`s` seals what follows, `u` unseals it."""

OWNER_SEED = b"\x21" * 31 + b"\x01"
OWNER = eddsa.public_key(OWNER_SEED)


def vault(version: str = "VERSION") -> bytes:
    return module(VAULT.replace("VERSION", version))


def seal(app: Running, content: bytes) -> bytes:
    return app.ask(b"s" + content).payload


def unseal(app: Running, blob: bytes) -> bytes | None:
    reply = app.ask(b"u" + blob)
    return reply.payload if reply.status == 0 else None


def owned(version: str, svn: int) -> dict[str, object]:
    """A version of the vault that its owner has signed."""
    bundle = bundled(vault(version), authority=OWNER, svn=svn, memory=PAGE)
    images = aot.build_runtime(), config_page(bundle), aot.compile_app(bundle.module)
    message = b"ttee/enclave/1" + enclave_measurement(*images) + svn.to_bytes(8, "little")
    return {"authority": OWNER, "svn": svn, "memory": PAGE, "signature": eddsa.sign(OWNER_SEED, message)}


@pytest.fixture(scope="module")
def blob(machine: Machine) -> bytes:
    with running(machine, vault(), memory=PAGE) as app:
        return seal(app, b"balance: 100")


@pytest.fixture
def app(machine: Machine) -> Iterator[Running]:
    with running(machine, vault(), memory=PAGE) as app:
        yield app


def test_the_same_app_on_the_same_device_opens_what_it_sealed(app: Running, blob: bytes) -> None:
    """The control, over a restart."""
    assert unseal(app, blob) == b"balance: 100"
    assert b"balance" not in blob


def test_every_byte_of_a_blob_counts(app: Running, blob: bytes) -> None:
    """Its header, too: policy, version and nonce are authenticated."""
    for at in range(len(blob)):
        altered = bytearray(blob)
        altered[at] ^= 1 << at % 8
        assert unseal(app, bytes(altered)) is None, at
    assert unseal(app, blob[:-1]) is None
    assert unseal(app, blob + b"\0") is None
    assert unseal(app, b"") is None


def test_another_app_does_not_open_it(machine: Machine, blob: bytes) -> None:
    with running(machine, vault("another"), memory=PAGE) as other:
        assert unseal(other, blob) is None


def test_the_same_app_with_other_limits_does_not_open_it(machine: Machine, blob: bytes) -> None:
    """They are measured with it."""
    with running(machine, vault(), memory=2 * PAGE) as other:
        assert unseal(other, blob) is None


def test_another_device_does_not_open_it(firmware: Firmware, blob: bytes) -> None:
    with Machine(firmware, DEVICE_SECRET[::-1]) as stolen, running(stolen, vault(), memory=PAGE) as app:
        assert unseal(app, blob) is None


def test_a_debug_monitor_does_not_open_it(firmware: Firmware, blob: bytes) -> None:
    """Else he would boot the same device in debug mode and read it from the app's memory."""
    with (
        Machine(firmware, DEVICE_SECRET, debug=True) as opened,
        running(opened, vault(), memory=PAGE) as app,
    ):
        assert unseal(app, blob) is None


def test_an_older_version_does_not_open_what_a_newer_one_sealed(machine: Machine) -> None:
    """The older one has a flaw that he knows. The other way round it must work: that is what updates are
    for.
    """
    with running(machine, vault("old"), **owned("old", 1)) as old:  # type: ignore[arg-type]
        from_old = seal(old, b"from the old one")
    with running(machine, vault("new"), **owned("new", 2)) as new:  # type: ignore[arg-type]
        from_new = seal(new, b"from the new one")
        assert unseal(new, from_old) == b"from the old one"
    with running(machine, vault("old"), **owned("old", 1)) as old:  # type: ignore[arg-type]
        assert unseal(old, from_new) is None
        assert unseal(old, from_old) == b"from the old one"


def test_a_blob_that_says_it_is_older_does_not_open(machine: Machine) -> None:
    """He writes the older version into the header of the newer blob."""
    with running(machine, vault("new"), **owned("new", 2)) as new:  # type: ignore[arg-type]
        relabelled = bytearray(seal(new, b"secret"))
    relabelled[16] = 1
    with running(machine, vault("old"), **owned("old", 1)) as old:  # type: ignore[arg-type]
        assert unseal(old, bytes(relabelled)) is None


@pytest.mark.succeeds
def test_an_older_blob_of_the_same_version_is_believed(machine: Machine, blob: bytes) -> None:
    """The account was emptied since. He offers what was sealed before, and the app has no way to know."""
    with running(machine, vault(), memory=PAGE) as app:
        emptied = seal(app, b"balance: 0")
    with running(machine, vault(), memory=PAGE) as app:
        assert unseal(app, emptied) == b"balance: 0"
        assert unseal(app, blob) == b"balance: 100"


def with_svn(firmware: Firmware, svn: int) -> Firmware:
    """The same monitor under another security version, which stands in its image (docs/spec/riscv.md, section 2)."""
    image = firmware.monitor[:16] + svn.to_bytes(8, "little") + firmware.monitor[24:]
    return evolve(firmware, monitor=image, monitor_svn=svn)


@contextmanager
def signed_machine(firmware: Firmware) -> Iterator[Machine]:
    message = b"ttee/monitor/1" + firmware.monitor_hash + firmware.monitor_svn.to_bytes(8, "little")
    signature = eddsa.sign(OWNER_SEED, message)
    with Machine(firmware, DEVICE_SECRET, authority=OWNER, authority_signature=signature) as machine:
        yield machine


@pytest.mark.succeeds
def test_an_older_monitor_of_the_same_authority_opens_what_a_newer_one_sealed(firmware: Firmware) -> None:
    """Its flaw is known, its signature still good. Evidence would say which monitor it is; sealing does not ask."""
    with signed_machine(with_svn(firmware, 9)) as newer, running(newer, vault(), memory=PAGE) as app:
        sealed = seal(app, b"balance: 100")
    with signed_machine(with_svn(firmware, 8)) as older, running(older, vault(), memory=PAGE) as app:
        assert unseal(app, sealed) == b"balance: 100"


@pytest.mark.succeeds
def test_an_app_can_be_ended_at_any_moment(machine: Machine) -> None:
    """Destroyed while it waits; its client learns that, and nothing else."""
    with running(machine, vault(), memory=PAGE) as app:
        app.enclave.close()
        with pytest.raises(TeeError):
            app.enclave.call(b"")


@pytest.mark.succeeds
def test_the_whole_machine_can_be_switched_off(firmware: Firmware) -> None:
    """By software: the host has the power switch."""
    with Machine(firmware, DEVICE_SECRET) as machine, pytest.raises(TeeDiedError):
        machine.mailbox.request(Operation.POWER_OFF)


@pytest.mark.succeeds
def test_an_app_that_is_never_entered_never_answers(machine: Machine) -> None:
    """And nobody outside can tell a slow host from one that does not care."""
    with running(machine, vault(), memory=PAGE) as app:
        request, _ = seal_request(app.statement().channel_key, app.bundle.measurement, b"sanybody there?")
        app.enclave.handle.utm[8192 : 8192 + len(request)] = request
        before = bytes(app.enclave.handle.utm)
        for _ in range(100):
            machine.mailbox.request(Operation.NOTHING)
        assert bytes(app.enclave.handle.utm) == before
