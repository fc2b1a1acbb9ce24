# SPDX-License-Identifier: Apache-2.0
"""Firmware's logs: the real ones are read and replayed to the value; what no firmware writes is refused by name."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests import vectors
from ttee.errors import BindingError, EvidenceError, MalformedEvidenceError
from ttee.eventlog import kinds, secure_boot, tcg
from ttee.eventlog.event import MAX_LOG, Registers
from ttee.eventlog.replay import (
    check_replay,
    first_difference,
    is_error_separator,
    measured_data,
    misdescribed,
    replay,
)
from ttee.eventlog.separators import check_separators
from ttee.testing import eventlog as make
from ttee.testing.eventlog import Entry

BOOT = make.boot()
LOG = make.tcg2(BOOT)


def files() -> list[dict[str, Any]]:
    manifest = json.loads(vectors.read("MANIFEST.json"))
    return [file for file in manifest["files"] if file["platform"] == "eventlog"]


@pytest.mark.parametrize("file", files(), ids=lambda file: file["file"])
def test_every_log_of_the_vectors_is_read_and_replays_to_what_is_known(file: dict[str, Any]) -> None:
    log = tcg.parse(vectors.read(file["file"]))
    expected = file["expected"]
    for algorithm, registers in expected.get("replayed", {}).items():
        assert {str(key): value.hex() for key, value in replay(log, algorithm).items()} == registers
    if expected.get("status") == "ok":
        assert len(log.events) == expected["events"] + 1  # the header is an event, too
        assert log.format == ("CCEL" if "CCEL" in file["kind"] or log.registers is Registers.MR else "TCG2")
    elif expected.get("status") == "no spec id":
        assert log.format == "TCG1"
        assert log.algorithms == ("sha1",)
    for algorithm in log.algorithms:
        secure_boot.read(log, algorithm)
        assert not [event for event in log.events if misdescribed(log, event, algorithm)]


def test_a_ccel_replays_to_the_registers_of_the_quote_that_came_with_it() -> None:
    (case,) = vectors.cases("eventlog")
    quote = case.inputs["quote"]
    rtmrs = {1 + i: quote[48 + 328 + 48 * i : 48 + 376 + 48 * i] for i in range(4)}
    assert check_replay(tcg.parse(case.inputs["log"]), "sha384", rtmrs).keys() == {1, 2, 3}


def test_one_changed_digest_is_found_by_name() -> None:
    good = tcg.parse(vectors.read("eventlog/ccel_data.dat"))
    bad = tcg.parse(vectors.read("eventlog/derived/ccel_data~digest_bit.dat"))
    with pytest.raises(BindingError, match="does not give RTMR 0"):
        check_replay(bad, "sha384", replay(good, "sha384"))
    difference = first_difference(bad, good, "sha384")
    assert difference
    assert difference.found == "event 2 of the log (RTMR 0, EV_EFI_PLATFORM_FIRMWARE_BLOB2)"
    assert first_difference(good, good, "sha384") is None


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_boot_replays_to_the_registers(algorithm: str) -> None:
    log = tcg.parse(LOG)
    assert replay(log, algorithm) == make.extend(BOOT, algorithm)
    check_separators(log, algorithm, range(24))


def test_a_register_that_never_saw_the_last_event_says_so() -> None:
    log = tcg.parse(LOG)
    with pytest.raises(BindingError, match=r"never saw event 22 of the log \(PCR 5, EV_EFI_ACTION Exit Boot"):
        check_replay(log, "sha256", make.extend(BOOT[:-1], "sha256"))


def test_an_event_that_says_something_else_than_was_measured_is_named() -> None:
    changed = [entry._replace(measured=b"evil") if entry.register == 4 else entry for entry in BOOT]
    with pytest.raises(BindingError, match=r"first diverging: event 9 .*Calling EFI Application"):
        check_replay(tcg.parse(make.tcg2(changed)), "sha256", make.extend(BOOT, "sha256"))


def test_logs_that_differ_in_length_differ_at_their_end() -> None:
    longer, log = tcg.parse(make.tcg2([*BOOT, BOOT[-1]])), tcg.parse(LOG)
    assert (found := first_difference(longer, log, "sha256"))
    assert found.expected == "the end of the log"
    assert (found := first_difference(log, longer, "sha256"))
    assert found.found == "the end of the log"


def test_the_locality_of_the_start_is_the_first_value_of_pcr_0() -> None:
    locality = Entry(0, kinds.NO_ACTION, tcg.LOCALITY + b"\3")
    log = tcg.parse(make.tcg2([locality, *BOOT]))
    assert log.start == {0: 3}
    assert replay(log, "sha256")[0] != replay(tcg.parse(LOG), "sha256")[0]


@pytest.mark.parametrize(
    "entries",
    [
        [Entry(0, kinds.NO_ACTION, tcg.LOCALITY + b"\7"), *BOOT],
        [Entry(0, kinds.NO_ACTION, tcg.LOCALITY + b"\3\3"), *BOOT],
        [Entry(0, kinds.NO_ACTION, tcg.LOCALITY + b"\3")] * 2,
        [*BOOT, Entry(0, kinds.NO_ACTION, tcg.LOCALITY + b"\3")],
    ],
)
def test_a_locality_that_no_firmware_logs_is_refused(entries: list[Entry]) -> None:
    with pytest.raises(MalformedEvidenceError, match="StartupLocality"):
        tcg.parse(make.tcg2(entries))


@pytest.mark.parametrize("padding", [b"", b"\0" * 5, b"\0" * 4000, b"\xff" * 64])
def test_what_acpi_leaves_behind_the_log_is_counted(padding: bytes) -> None:
    entries = [Entry(1, kinds.SEPARATOR, bytes(4)), Entry(4, kinds.IPL, b"an event")]
    log = tcg.parse(make.ccel(entries, padding=padding))
    assert log.padding == len(padding)
    assert replay(log, "sha384") == make.extend(entries, "sha384")
    assert log.register_name(1) == "RTMR 0"
    assert log.register_name(0) == "MRTD"


BAD = {
    "nothing": b"",
    "too much": bytes(MAX_LOG + 1),
    "cut in the header": LOG[:20],
    "cut in the table": LOG[:28] + b"\x10\0\0\0" + LOG[32:48],
    "cut in an event": LOG[:-1],
    "cut in digests": LOG[:100],
    "padding that is not": LOG + bytes(40) + b"\1",
    "register 24": make.tcg2([Entry(24, kinds.IPL, b"")]),
    "RTMR 4": make.ccel([Entry(5, kinds.IPL, b"")]),
    "register 24 of old": make.tcg1([Entry(24, kinds.IPL, b"")]),
    "header for register 2": make.header(["sha256"], register=2),
    "an algorithm twice": make.header(["sha256", "sha256"]),
    "a wrong size": make.header(["sha256"]).replace(b"\x0b\0\x20\0", b"\x0b\0\x21\0"),
    "an unknown algorithm": make.header(["sha256"]).replace(b"\x0b\0\x20\0", b"\x99\0\x20\0"),
    "no algorithm": make.header([]),
    "another vendor size": make.header(["sha256"])[:-1] + b"\7",
    "a digest twice": make.header(["sha1", "sha256"]) + make.event(BOOT[0], ["sha256", "sha256"]),
    "more digests than algorithms": make.header(["sha256"]) + make.event(BOOT[0], ["sha1", "sha256"]),
    "a huge event": LOG[:-33] + b"\xff\xff\xff\x7f" + LOG[-29:],
    "a huge event of old": make.tcg1(BOOT)[:28] + b"\xff\xff\xff\xff" + b"rest",
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_what_no_firmware_writes_is_malformed_and_says_where(data: bytes) -> None:
    with pytest.raises(MalformedEvidenceError) as caught:
        tcg.parse(data)
    assert caught.value.where


def test_zeros_without_end_cost_no_more_than_their_number() -> None:
    with pytest.raises(MalformedEvidenceError, match="more than 65536 events"):
        tcg.parse(bytes(MAX_LOG - 1) + b"\1")


def test_digests_may_stand_in_another_order_and_a_missing_bank_is_named() -> None:
    swapped = make.header(["sha1", "sha256"]) + make.event(BOOT[0], ["sha256", "sha1"])
    assert replay(tcg.parse(swapped), "sha256") == make.extend(BOOT[:1], "sha256")
    missing = tcg.parse(make.header(["sha1", "sha256"]) + make.event(BOOT[0], ["sha256"]))
    assert replay(missing, "sha256") == make.extend(BOOT[:1], "sha256")
    with pytest.raises(MalformedEvidenceError, match=r"event 1 .*has no digest of sha1"):
        replay(missing, "sha1")
    with pytest.raises(MalformedEvidenceError, match="not of sha512"):
        replay(missing, "sha512")


def test_separators_are_one_each() -> None:
    line = Entry(4, kinds.SEPARATOR, bytes(4))
    with pytest.raises(BindingError, match="PCR 4 has 2 separators"):
        check_separators(tcg.parse(make.tcg2([*BOOT, line])), "sha256", range(24))
    check_separators(tcg.parse(make.tcg2([*BOOT, line])), "sha256", {0, 7})  # nobody asked about PCR 4
    with pytest.raises(BindingError, match="PCR 0 has 0 separators"):
        check_separators(tcg.parse(make.tcg2(BOOT[:3])), "sha256", {0})
    mr = [Entry(1, kinds.SEPARATOR, bytes(4))] * 3
    with pytest.raises(BindingError, match="RTMR 0 has 3 separators"):
        check_separators(tcg.parse(make.ccel(mr)), "sha384", {1})


def test_a_separator_of_an_error_is_no_separator() -> None:
    log = tcg.parse(make.tcg2([Entry(0, kinds.SEPARATOR, b"it broke", b"\1\0\0\0")]))
    assert is_error_separator(log, log.events[1], "sha256")
    assert not misdescribed(log, log.events[1], "sha256")
    with pytest.raises(BindingError, match="an error that the firmware met"):
        check_separators(log, "sha256", {0})
    for entry in (Entry(0, kinds.SEPARATOR, bytes(4), b"x"), Entry(0, kinds.SEPARATOR, b"four")):
        with pytest.raises(BindingError, match="a separator"):
            check_separators(tcg.parse(make.tcg2([entry])), "sha256", {0})


def test_a_boot_loaders_words_count_only_if_they_were_hashed() -> None:
    log = tcg.parse(LOG)
    found = {
        event.name: measured_data(log, event, "sha256") for event in log.events if event.register in (8, 9)
    }
    assert found == {"EV_IPL kernel_cmdline: ro quiet": b"ro quiet", "EV_IPL /vmlinuz": None}
    assert measured_data(log, log.events[0], "sha256") is None


@example(LOG)
@given(st.binary(max_size=300))
def test_arbitrary_bytes_end_in_a_log_or_in_a_named_error(data: bytes) -> None:
    place: str | None = "read to its end"
    try:
        log = tcg.parse(data)
        for algorithm in log.algorithms:
            replay(log, algorithm)
            secure_boot.read(log, algorithm)
            assert all(event.name for event in log.events)
    except EvidenceError as error:
        place = error.where
    assert place


@given(st.integers(0, len(LOG) - 1), st.integers(0, 7))
def test_one_flipped_bit_changes_what_is_read_or_is_refused(at: int, bit: int) -> None:
    data = bytearray(LOG)
    data[at] ^= 1 << bit
    try:
        changed, log = tcg.parse(bytes(data)), tcg.parse(LOG)
    except MalformedEvidenceError:
        return
    assert changed != log or at < 76


@given(st.integers(0, len(LOG)))
def test_a_cut_log_is_refused_or_shorter(at: int) -> None:
    with contextlib.suppress(MalformedEvidenceError):
        assert len(tcg.parse(LOG[:at]).events) <= len(tcg.parse(LOG).events)
