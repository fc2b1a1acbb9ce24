# SPDX-License-Identifier: Apache-2.0
"""An evil enclave hands the monitor pointers.

The attacker writes the enclave. The monitor, in M-mode, reads and writes for it: random bytes, evidence,
keys, digests. He passes addresses of the monitor, the host, another enclave, and ranges that begin in his
memory and end elsewhere, so that the monitor does what he cannot. Each pointer counts only if all of its
range lies in the caller's own memory, which nobody else can change meanwhile (`in_enclave`,
firmware/monitor/bounds.h). Shared pages do not count: the host could change them between check and use.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.attacks.hands import DEVICE_SECRET, EvilEnclave
from ttee.codec import cbor
from ttee.tee.riscv.firmware import Firmware
from ttee.tee.riscv.machine import MAILBOX_BASE, MONITOR_BASE, Machine
from ttee.tee.riscv.mailbox import Call, SbiError, SbiResult

TOP = 1 << 64
REPORT = 1352
ILLEGAL = SbiResult(SbiError.ILLEGAL_ARGUMENT)
ENOUGH = 2048
"""Bytes that hold any evidence."""


@pytest.fixture(scope="module")
def machine(firmware: Firmware) -> Iterator[Machine]:
    """Little RAM, so that all of it can be compared."""
    with Machine(firmware, DEVICE_SECRET, ram_size=16 << 20) as machine:
        yield machine


class Scene:
    """An evil enclave, its victim, and all memory that must not change."""

    def __init__(self, breed: Callable[..., EvilEnclave]) -> None:
        self.victim = breed()
        self.evil = breed()
        self.machine = self.evil.machine

    def places(self) -> dict[str, int]:
        """Everywhere that is not his."""
        evil, victim = self.evil, self.victim
        return {
            "the monitor": MONITOR_BASE + 0x1000,
            "the monitor's stack": 0x801F_E000,
            "the host": 0x8040_0000,
            "the mailbox": MAILBOX_BASE,
            "his shared pages": evil.utm + 4096,
            "the victim": victim.scratch,
            "the victim's shared pages": victim.utm + 4096,
            "the boot ROM": 0x2000_0000,
            "the timer": 0x0200_4000,
            "the console": 0x1000_0000,
            "nowhere": 0x4000_0000,
            "address 0": 0,
            "the last bytes": TOP - 16,
            "just before his memory": evil.epm - 8,
            "just behind his memory": evil.epm_end,
            "across the end of his memory": evil.epm_end - 16,
        }

    def world(self) -> list[bytes]:
        """All RAM but the monitor's variables, the mailbox, the host's stack, and what the two tell each
        other.
        """
        machine, evil = self.machine, self.evil
        parts = [
            (MONITOR_BASE, len(machine.firmware.monitor)),
            (0x8020_1000, 0x2F_0000),
            (evil.epm, evil.handle.record.epm_size),
            (self.victim.epm, self.victim.handle.record.epm_size),
            (self.victim.utm, self.victim.handle.record.utm_size),
        ]
        return [machine.read(start, size) for start, size in parts]


@pytest.fixture
def scene(breed: Callable[..., EvilEnclave]) -> Scene:
    return Scene(breed)


def refuse_all(scene: Scene, call: Callable[[int], SbiResult]) -> None:
    """Every foreign place in turn: refused, and nothing anywhere has changed."""
    for name, place in scene.places().items():
        before = scene.world()
        assert call(place) == ILLEGAL, name
        assert scene.world() == before, name


def test_random_bytes_are_written_to_his_memory_only(scene: Scene) -> None:
    refuse_all(scene, lambda place: scene.evil.sbi(Call.RANDOM, place, 64))


def test_a_digest_is_read_from_his_memory_only(scene: Scene) -> None:
    """`extend` over foreign memory would put a digest of a secret into his evidence."""
    for index in range(4):
        refuse_all(scene, lambda place, index=index: scene.evil.sbi(Call.EXTEND, index, place))  # type: ignore[misc]
    assert registers(scene.evil) == [bytes(48)] * 4


def test_evidence_is_written_to_his_memory_only(scene: Scene) -> None:
    evil = scene.evil
    refuse_all(scene, lambda place: evil.sbi(Call.EVIDENCE, place, ENOUGH, evil.scratch))


def test_report_data_is_read_from_his_memory_only(scene: Scene) -> None:
    """64 foreign bytes in signed claims would be 64 bytes read."""
    evil = scene.evil
    refuse_all(scene, lambda place: evil.sbi(Call.EVIDENCE, evil.scratch, ENOUGH, place))


def derive_record(
    out: int, *, policy: int = 0, svn: int = 0, path: int = 0, length: int = 0, reserved: int = 0
) -> bytes:
    return struct.pack("<6Q", out, policy, svn, path, length, reserved)


def test_a_key_is_written_to_his_memory_only(scene: Scene) -> None:
    evil = scene.evil

    def derive(place: int) -> SbiResult:
        evil.machine.write(evil.scratch, derive_record(place))
        return evil.sbi(Call.DERIVE, evil.scratch)

    for name, place in scene.places().items():
        evil.machine.write(evil.scratch, derive_record(place))
        before = scene.world()
        assert derive(place) == ILLEGAL, name
        assert scene.world() == before, name


def test_a_path_is_read_from_his_memory_only(scene: Scene) -> None:
    """A key derived from foreign memory would be an oracle for what stands there."""
    evil = scene.evil
    for name, place in scene.places().items():
        evil.machine.write(evil.scratch, derive_record(evil.scratch + 64, path=place, length=32))
        assert evil.sbi(Call.DERIVE, evil.scratch) == ILLEGAL, name
        assert evil.get(evil.scratch + 64, 32) == bytes(32), name


def test_the_record_of_a_derivation_is_read_from_his_memory_only(scene: Scene) -> None:
    refuse_all(scene, lambda place: scene.evil.sbi(Call.DERIVE, place))


LENGTHS = [65, 1025, 1 << 31, 1 << 32, 1 << 63, TOP - 1, TOP - 64]


@pytest.mark.parametrize("length", LENGTHS)
def test_lengths_beyond_their_bounds_are_refused(scene: Scene, length: int) -> None:
    """`base + length` must not wrap around and look small."""
    evil = scene.evil
    evil.put(evil.scratch, derive_record(evil.scratch + 64, path=evil.scratch, length=max(length, 257)))
    before = scene.world()
    assert evil.sbi(Call.RANDOM, evil.scratch, length) == ILLEGAL
    assert evil.sbi(Call.DERIVE, evil.scratch) == ILLEGAL
    if length > 1 << 30:
        assert evil.sbi(Call.EVIDENCE, evil.scratch, length, evil.scratch) == ILLEGAL
    assert scene.world() == before


def test_a_capacity_below_the_need_is_refused_before_anything_is_written(scene: Scene) -> None:
    evil = scene.evil
    whole = evil.sbi(Call.EVIDENCE, evil.scratch, ENOUGH, evil.scratch)
    assert whole.error == SbiError.OK
    for capacity in (0, 1, 64, REPORT - 1, REPORT, whole.value - 1):
        before = scene.world()
        assert evil.sbi(Call.EVIDENCE, evil.scratch, capacity, evil.scratch) == ILLEGAL
        assert scene.world() == before
    assert evil.sbi(Call.EVIDENCE, evil.scratch, whole.value, evil.scratch) == whole


def test_evidence_up_to_the_last_byte_of_his_memory_is_fine(evil: EvilEnclave) -> None:
    size = evil.sbi(Call.EVIDENCE, evil.scratch, ENOUGH, evil.scratch).value
    assert evil.sbi(Call.EVIDENCE, evil.epm_end - size, size, evil.scratch).error == SbiError.OK


@pytest.mark.parametrize("offset", [-64, -32, 0, 8, 72, 1096, 1320, 1352, 1400])
def test_a_report_over_its_own_report_data_says_what_was_there_first(evil: EvilEnclave, offset: int) -> None:
    """Output over input: the claims carry the 64 bytes as they were, and the report signs those claims."""
    out = evil.scratch
    evil.put(out + offset, bytes(range(64)))
    result = evil.sbi(Call.EVIDENCE, out, ENOUGH, out + offset)
    assert result.error == SbiError.OK
    evidence = evil.get(out, result.value)
    claims = evidence[REPORT:]
    assert cbor.loads(claims, what="claims", max_size=1024, max_depth=2)["report_data"] == bytes(range(64))  # type: ignore[index, call-overload]
    assert evidence[72:136] == hashlib.sha512(b"ttee/riscv-claims/1" + claims).digest()


def test_a_key_over_its_own_record_or_path_is_the_same_key(evil: EvilEnclave) -> None:
    record, elsewhere = evil.scratch, evil.scratch + 512
    path = b"a path of 32 bytes, no more......"[:32]
    evil.put(record + 256, path)
    evil.put(record, derive_record(elsewhere, path=record + 256, length=32))
    assert evil.sbi(Call.DERIVE, record).error == SbiError.OK
    key = evil.get(elsewhere, 32)
    for out in (record, record + 16, record + 256, record + 240):
        evil.put(record + 256, path)
        evil.put(record, derive_record(out, path=record + 256, length=32))
        assert evil.sbi(Call.DERIVE, record).error == SbiError.OK
        assert evil.get(out, 32) == key


def registers(evil: EvilEnclave) -> list[bytes]:
    result = evil.sbi(Call.EVIDENCE, evil.scratch, ENOUGH, evil.scratch)
    claims = cbor.loads(
        evil.get(evil.scratch, result.value)[REPORT:], what="claims", max_size=1024, max_depth=2
    )
    return list(claims["registers"])  # type: ignore[index, call-overload, arg-type]


@pytest.mark.parametrize("index", [4, 5, 1 << 32, TOP - 1])
def test_there_is_no_fifth_register(scene: Scene, index: int) -> None:
    """An index out of bounds would write 48 chosen bytes over the monitor's variables."""
    before = registers(scene.evil)
    assert scene.evil.sbi(Call.EXTEND, index, scene.evil.scratch) == ILLEGAL
    assert registers(scene.evil) == before


@pytest.mark.parametrize("policy", [1, 2, 255, 1 << 32, TOP - 1])
def test_without_an_authority_there_are_no_keys_of_one(scene: Scene, policy: int) -> None:
    evil = scene.evil
    evil.put(evil.scratch, derive_record(evil.scratch + 64, policy=policy))
    assert evil.sbi(Call.DERIVE, evil.scratch) == ILLEGAL
    assert evil.get(evil.scratch + 64, 32) == bytes(32)


def test_a_record_with_something_reserved_is_refused(evil: EvilEnclave) -> None:
    evil.put(evil.scratch, derive_record(evil.scratch + 64, reserved=1))
    assert evil.sbi(Call.DERIVE, evil.scratch) == ILLEGAL


CALLS = [Call.RANDOM, Call.EXTEND, Call.EVIDENCE, Call.DERIVE]


def near(scene: Scene) -> st.SearchStrategy[int]:
    edges = [*scene.places().values(), scene.evil.epm, scene.evil.scratch]
    close = st.builds(lambda edge, off: (edge + off) % TOP, st.sampled_from(edges), st.integers(-80, 80))
    return close | st.integers(0, TOP - 1) | st.integers(0, 2048)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_he_passes_only_his_own_memory_changes(scene: Scene, data: st.DataObject) -> None:
    """Any call with any three words: everybody else's memory is as it was, whether the call was refused or
    not.
    """
    evil = scene.evil
    words = [data.draw(near(scene)) for _ in range(3)]
    record = [data.draw(near(scene)) for _ in range(6)]
    evil.machine.write(evil.scratch, struct.pack("<6Q", *record))
    own = [0, 1, 3]  # the monitor's image, the host's memory, the victim's
    before = scene.world()
    utm = evil.machine.read(scene.victim.utm, 8192)
    result = evil.sbi(data.draw(st.sampled_from(CALLS)), *words)
    after = scene.world()
    assert result.error in (SbiError.OK, SbiError.ILLEGAL_ARGUMENT)
    assert [after[i] for i in own] == [before[i] for i in own]
    assert evil.machine.read(scene.victim.utm, 8192) == utm
    if result.error != SbiError.OK:
        assert after == before
