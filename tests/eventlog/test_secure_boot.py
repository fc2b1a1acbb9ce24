# SPDX-License-Identifier: Apache-2.0
"""Secure boot as the firmware measured it: only what was hashed counts, and only a story that firmware tells."""

from __future__ import annotations

from hashlib import sha256

import pytest

from ttee.errors import BindingError, MalformedEvidenceError
from ttee.eventlog import kinds, secure_boot, tcg
from ttee.eventlog.secure_boot import SecureBoot
from ttee.testing import eventlog as make
from ttee.testing.eventlog import Entry

BOOT = make.boot()


def read(entries: list[Entry]) -> SecureBoot | None:
    return secure_boot.read(tcg.parse(make.tcg2(entries)), "sha256")


def config(name: str, value: bytes) -> Entry:
    return Entry(7, kinds.DRIVER_CONFIG, make.variable(name, value))


def test_what_is_on_and_who_vouched_is_read() -> None:
    found = read(BOOT)
    assert found
    assert found.enabled
    assert found.lists["db"] == {sha256(make.CERTIFICATE).digest()}
    assert found.lists["dbx"] == {sha256(make.REVOKED).digest()}
    assert found.authorities == (sha256(make.CERTIFICATE).digest(),)


def test_off_is_off_and_silence_is_none() -> None:
    off = read(make.boot(secure=False))
    assert off
    assert not off.enabled
    assert read(BOOT[:2]) is None


def test_a_lists_header_is_no_signature() -> None:
    # GHSA-9r4w-jg96-92mv: header bytes that a reader takes for entries become trusted digests.
    header = b"\x77" * 16 + b"trusted by mistake".ljust(len(make.CERTIFICATE))
    db = config("db", make.signature_list(make.CERTIFICATE, header=header))
    found = read([db, config("SecureBoot", b"\1")])
    assert found
    assert found.lists["db"] == {sha256(make.CERTIFICATE).digest()}


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ([*BOOT, config("db", make.signature_list(b"mine"))], "after the separator"),
        ([config("SecureBoot", b"\1"), *BOOT], "twice"),
        ([config("SecureBoot", b"\2")], "neither 0 nor 1"),
        ([config("SecureBoot", b"\1")._replace(measured=b"\0")], "not that of its data"),
        ([*BOOT, Entry(7, kinds.AUTHORITY, make.variable("db", bytes(16) + b"a stranger"))], "not in db"),
    ],
)
def test_a_story_that_no_firmware_tells_is_refused(entries: list[Entry], why: str) -> None:
    with pytest.raises(BindingError, match=why):
        read(entries)


@pytest.mark.parametrize(
    "data",
    [
        b"short",
        make.variable("SecureBoot", b"\1") + b"more",
        make.variable("SecureBoot", b"\1")[:-1],
        make.variable("SecureBoot", b"\1").replace("S".encode("utf-16-le"), b"\0\xd8"),
    ],
)
def test_what_is_no_variable_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedEvidenceError):
        read([Entry(7, kinds.DRIVER_CONFIG, data)])


@pytest.mark.parametrize(
    "value",
    [
        b"x",
        make.signature_list(b"one")[:-1],
        make.signature_list(b"one") + b"x",
        bytes(16) + b"\x1c\0\0\0" + bytes(4) + b"\x10\0\0\0",
        bytes(16) + b"\x1c\0\0\0" + b"\xff\xff\xff\xff" + b"\x20\0\0\0",
        bytes(28),
    ],
)
def test_lists_whose_sizes_lie_are_malformed(value: bytes) -> None:
    with pytest.raises(MalformedEvidenceError, match="sizes that do not fit"):
        read([config("SecureBoot", b"\1"), config("db", value)])


def test_what_shim_vouches_for_by_its_own_lists_is_its_own_affair() -> None:
    shim = Entry(7, kinds.AUTHORITY, make.variable("Shim", b"its certificate", owner=b"s" * 16))
    found = read([*BOOT, shim])
    assert found
    assert len(found.authorities) == 1


def test_what_old_shims_wrote_behind_a_variable_is_not_part_of_it() -> None:
    variable = make.variable("db", make.CERTIFICATE)
    old = Entry(7, kinds.AUTHORITY, variable + bytes(5) + b"\xaf", variable + bytes(5))
    found = read([*make.boot(secure=False), old])
    assert found
    assert found.authorities == (sha256(make.CERTIFICATE).digest(),)
