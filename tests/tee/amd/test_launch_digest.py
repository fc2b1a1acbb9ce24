# SPDX-License-Identifier: Apache-2.0
"""The launch measurement agrees with virtee/sev-snp-measure, and firmware that lies about itself is refused."""

from __future__ import annotations

import struct

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests.tee.amd.guests import EXPECTED, FIRMWARE, IMAGE, MILAN, SECTIONS
from tests.tee.amd.guests import KERNEL as FILES
from ttee.errors import UsageError
from ttee.tee.amd import firmware
from ttee.tee.amd.launch_digest import Kernel, Machine, Vmm, cpu_signature, launch_digest

KERNEL = Kernel.of(*FILES)


@pytest.mark.parametrize("line", EXPECTED)
def test_it_is_what_sev_snp_measure_computes(line: str) -> None:
    vmm, vcpus, features, kernel, expected = line.split()
    machine = Machine(int(vcpus), MILAN, int(features, 16), Vmm(vmm))
    assert launch_digest(FIRMWARE, machine, KERNEL if kernel == "kernel" else None).hex() == expected


def test_a_processor_has_its_signature() -> None:
    assert [cpu_signature(25, 1, 1), cpu_signature(23, 49, 0), cpu_signature(26, 2, 1)] == [
        0xA00F11,
        0x830F10,
        0xB00F21,
    ]


def test_whatever_is_started_changes_it() -> None:
    machine = Machine(2, MILAN)
    digests = {
        launch_digest(FIRMWARE, machine, KERNEL),
        launch_digest(FIRMWARE, machine),
        launch_digest(FIRMWARE, machine, evolve(KERNEL, kernel=bytes(32))),
        launch_digest(FIRMWARE, machine, evolve(KERNEL, initrd=bytes(32))),
        launch_digest(FIRMWARE, machine, evolve(KERNEL, cmdline=bytes(32))),
        launch_digest(FIRMWARE, evolve(machine, vcpus=3)),
        launch_digest(FIRMWARE, evolve(machine, cpu=0)),
        launch_digest(FIRMWARE, evolve(machine, features=3)),
        launch_digest(evolve(FIRMWARE, image=b"\1" + IMAGE[1:]), machine),
        launch_digest(evolve(FIRMWARE, reset_address=0), machine),
        launch_digest(evolve(FIRMWARE, sections=SECTIONS[1:]), machine),
    }
    assert len(digests) == 11


def test_what_cannot_be_started_is_named() -> None:
    for vcpus in (0, 1025):
        with pytest.raises(UsageError, match="1 to 1024 processors"):
            launch_digest(FIRMWARE, Machine(vcpus))
    with pytest.raises(UsageError, match="further processors"):
        launch_digest(evolve(FIRMWARE, reset_address=None), Machine(2))
    with pytest.raises(UsageError, match="does not measure a kernel"):
        launch_digest(evolve(FIRMWARE, sections=SECTIONS[:1]), Machine(1), KERNEL)
    for nowhere in (None, 0):
        with pytest.raises(UsageError, match="where the kernel's hashes belong"):
            launch_digest(evolve(FIRMWARE, hash_table=nowhere), Machine(1), KERNEL)
    with pytest.raises(UsageError, match="do not fit into the page"):
        launch_digest(evolve(FIRMWARE, hash_table=0x810FFF), Machine(1), KERNEL)
    two_pages = tuple(evolve(each, size=0x2000) for each in SECTIONS)
    with pytest.raises(UsageError, match="more than a page"):
        launch_digest(evolve(FIRMWARE, sections=two_pages), Machine(1), KERNEL)


# --- firmware -------------------------------------------------------------------------------------

END_OF_TABLE = 8192 - 32


def test_firmware_says_what_it_was_made_to_say() -> None:
    assert FIRMWARE.sections == SECTIONS
    assert (FIRMWARE.reset_address, FIRMWARE.hash_table) == (0x80B004, 0x810C00)
    assert FIRMWARE.address == (1 << 32) - 8192
    little = firmware.read(firmware.encode(4096, (), reset_address=None, hash_table=None))
    assert (little.sections, little.reset_address, little.hash_table) == ((), None, None)


def changed(offset: int, value: bytes) -> bytes:
    offset %= len(IMAGE)
    return IMAGE[:offset] + value + IMAGE[offset + len(value) :]


METADATA = len(IMAGE) - 1024


@pytest.mark.parametrize(
    ("image", "why"),
    [
        (b"", "whole pages"),
        (IMAGE[1:], "whole pages"),
        (bytes(8192), "no footer table"),
        (changed(END_OF_TABLE - 18, b"\xff\xff"), "no footer table"),
        (changed(END_OF_TABLE - 18, b"\x11\x00"), "no footer table"),
        (changed(END_OF_TABLE - 18, b"\x12\x00"), "no SEV metadata"),
        (changed(END_OF_TABLE - 36, b"\x00\x00"), "says that it has 0 bytes"),
        (changed(END_OF_TABLE - 36, b"\xff\x00"), "says that it has 255 bytes"),
        (changed(END_OF_TABLE - 36, b"\x12\x00"), "footer table"),
        (changed(METADATA, b"ASEX"), "another form"),
        (changed(METADATA + 8, b"\x02"), "another form"),
        (changed(METADATA + 12, b"\xff\xff\xff\xff"), "4294967295 sections"),
        (changed(METADATA + 12, b"\x08"), "8 sections"),
        (changed(METADATA + 16 + 4, b"\x01"), "of type 1, with 36865 bytes"),
        (changed(METADATA + 16 + 7, b"\xff"), "of type 1"),
        (changed(METADATA + 16 + 8, b"\x07"), "of type 7"),
    ],
)
def test_firmware_that_lies_about_itself_is_refused(image: bytes, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        firmware.read(image)


@pytest.mark.parametrize("from_end", [0, 15, 8193, 0xFFFFFFFF])
def test_metadata_outside_the_firmware_are_refused(from_end: int) -> None:
    at = IMAGE.index(firmware.SEV_METADATA) - 6
    with pytest.raises(UsageError, match=r"lie outside|another form"):
        firmware.read(changed(at, struct.pack("<I", from_end)))


@given(st.integers(4096, 8191), st.binary(min_size=1, max_size=8))
def test_any_change_of_firmware_is_read_or_refused(offset: int, value: bytes) -> None:
    try:
        read = firmware.read(changed(offset, value)[:8192])
    except UsageError:
        return
    assert len(read.sections) <= 64
