# SPDX-License-Identifier: Apache-2.0
"""What a TCB is worth: levels, modules, and how several statuses become one, as Intel's own library has it."""

from __future__ import annotations

from typing import Any

import pytest

from ttee.errors import TcbError
from ttee.pki.window import ALWAYS
from ttee.tee.intel import tcb
from ttee.tee.intel.pck import PckTcb
from ttee.tee.intel.quote import TDX
from ttee.tee.intel.tcb_info import Module, SvnLevel, TcbInfo, TcbLevel
from ttee.testing.intel import td_report

FIVES, FOURS = bytes([5] * 16), bytes([4] * 16)
DATE = "2025-01-01T00:00:00Z"


def level(
    sgx: bytes = FIVES, pce: int = 11, tdx: bytes = bytes(16), status: str = "UpToDate", *also: str
) -> TcbLevel:
    return TcbLevel(sgx, pce, tdx, status, DATE, also)


def svn(number: int, status: str = "UpToDate", *also: str) -> SvnLevel:
    return SvnLevel(number, status, DATE, also)


def info(*levels: TcbLevel, modules: tuple[Module, ...] = ()) -> TcbInfo:
    first = Module("", bytes(48), bytes(8), b"\xff" * 8, ())
    return TcbInfo(TDX, 3, ALWAYS, bytes(6), bytes(2), 17, levels, (first, *modules))


def module(*levels: SvnLevel, name: str = "TDX_01", **changes: Any) -> Module:
    fields: dict[str, Any] = {"mr_signer": bytes(48), "attributes": bytes(8), "mask": b"\xff" * 8, **changes}
    return Module(name=name, levels=levels, **fields)


def pck(components: bytes = FIVES, pce: int = 11) -> PckTcb:
    return PckTcb(components, pce, components)


def svns(*numbers: int) -> bytes:
    return bytes(numbers).ljust(16, b"\0")


# --- levels ---------------------------------------------------------------------------------------


def test_the_highest_level_that_every_component_reaches_counts() -> None:
    levels = info(level(), level(FOURS, 10, status="OutOfDate"))
    assert tcb.match_platform(levels, pck(), None)[0].status == "UpToDate"
    assert tcb.match_platform(levels, pck(bytes([9] * 16), 99), None)[0].status == "UpToDate"
    assert tcb.match_platform(levels, pck(FIVES, 10), None)[0].status == "OutOfDate"


@pytest.mark.parametrize("component", range(16))
def test_every_one_of_the_sixteen_components_counts(component: int) -> None:
    lower = FIVES[:component] + b"\4" + FIVES[component + 1 :]
    levels = info(level(), level(FOURS, 10, status="OutOfDate"))
    assert tcb.match_platform(levels, pck(lower), None)[0].status == "OutOfDate"


@pytest.mark.parametrize("component", range(16))
def test_every_one_of_the_sixteen_tdx_components_counts(component: int) -> None:
    """For modules of the first generation; a later one's SVNs are its own."""
    lower = FIVES[:component] + b"\4" + FIVES[component + 1 :]
    lower = lower if component == 1 else lower[:1] + b"\0" + lower[2:]
    least = FIVES if component == 1 else FIVES[:1] + b"\0" + FIVES[2:]
    levels = info(level(tdx=least), level(FOURS, 10, bytes(16), "OutOfDate"))
    found = tcb.match_platform(levels, pck(), lower)[0]
    later = component == 1
    assert found.status == ("UpToDate" if later else "OutOfDate")


def test_a_later_modules_own_svns_are_left_to_its_identity() -> None:
    levels = info(level(tdx=svns(9, 9, 3)), level(FOURS, 10, bytes(16), "OutOfDate"))
    assert tcb.match_platform(levels, pck(), svns(0, 1, 3))[0].status == "UpToDate"
    assert tcb.match_platform(levels, pck(), svns(8, 0, 3))[0].status == "OutOfDate"
    assert tcb.match_platform(levels, pck(), svns(0, 1, 2))[0].status == "OutOfDate"


def test_the_sgx_part_is_told_apart() -> None:
    levels = info(level(tdx=svns(0, 0, 9)), level(FOURS, 10, bytes(16), "OutOfDate"))
    platform, sgx = tcb.match_platform(levels, pck(), svns(5, 1, 3))
    assert (platform.status, sgx.status) == ("OutOfDate", "UpToDate")


def test_a_platform_below_every_level_is_not_supported() -> None:
    with pytest.raises(TcbError, match="none of the 1 TCB levels"):
        tcb.match_platform(info(level()), pck(FOURS), None)
    with pytest.raises(TcbError, match="TEE TCB SVN"):
        tcb.match_platform(info(level(tdx=FIVES)), pck(), bytes(16))


# --- modules --------------------------------------------------------------------------------------


def test_modules_are_found_by_their_generation_in_upper_case_hex() -> None:
    known = info(level(), modules=(module(name="TDX_01"), module(name="TDX_0A")))
    assert tcb.find_module(known, 0).name == ""
    assert tcb.find_module(known, 10).name == "TDX_0A"
    with pytest.raises(TcbError, match="TDX_02"):
        tcb.find_module(known, 2)


def test_a_module_has_the_highest_level_that_its_svn_reaches() -> None:
    listed = module(svn(5), svn(2, "OutOfDate"))
    assert tcb.match_module(listed, svns(6, 1)) == svn(5)
    assert tcb.match_module(listed, svns(4, 1)) == svn(2, "OutOfDate")
    with pytest.raises(TcbError, match="below all"):
        tcb.match_module(listed, svns(1, 1))


def test_a_module_is_known_by_its_signer() -> None:
    tcb.check_module(module(svn(5)), td_report())
    for listed in (module(svn(5)), info(level()).modules[0]):
        with pytest.raises(TcbError, match="signed by"):
            tcb.check_module(listed, td_report(mr_signer_seam=b"\1" * 48))


def test_attributes_count_under_the_mask_and_are_zero_elsewhere() -> None:
    listed = module(svn(1), attributes=b"\3" + bytes(7), mask=b"\1" + bytes(7))
    tcb.check_module(listed, td_report(seam_attributes=b"\1" + bytes(7)))
    for wrong in (b"\0" + bytes(7), b"\3" + bytes(7)):
        with pytest.raises(TcbError, match="attributes"):
            tcb.check_module(listed, td_report(seam_attributes=wrong))


def test_modules_of_the_first_generation_have_no_level_of_their_own() -> None:
    assert tcb.match_module(info(level()).modules[0], svns(1, 0)) is None


# --- one status out of several --------------------------------------------------------------------

_WORSE = {
    "UpToDate": "OutOfDate",
    "SWHardeningNeeded": "OutOfDate",
    "ConfigurationNeeded": "OutOfDateConfigurationNeeded",
    "ConfigurationAndSWHardeningNeeded": "OutOfDateConfigurationNeeded",
    "OutOfDate": "OutOfDate",
    "OutOfDateConfigurationNeeded": "OutOfDateConfigurationNeeded",
}


def status(
    platform: str,
    qe: str = "UpToDate",
    td_module: str | None = None,
    *,
    sgx: str | None = None,
    now: str | None = None,
    module_now: str | None = None,
) -> str:
    levels = (level(status=platform), level(status=sgx or platform))
    part = None if td_module is None else svn(3, td_module)
    runs = None
    if now is not None:
        runs = tcb.TdxTcb(level(status=now), None if module_now is None else svn(5, module_now))
    return tcb.converge(levels, svn(6, qe), part, runs).status


@pytest.mark.parametrize("platform", _WORSE)
def test_parts_that_are_up_to_date_leave_the_status_as_it_is(platform: str) -> None:
    assert status(platform) == status(platform, td_module="UpToDate") == platform


@pytest.mark.parametrize("platform", _WORSE)
def test_a_part_that_is_out_of_date_makes_the_whole_so(platform: str) -> None:
    assert status(platform, qe="OutOfDate") == _WORSE[platform]
    assert status(platform, td_module="OutOfDate") == _WORSE[platform]
    assert status(platform, qe="OutOfDate", td_module="OutOfDate") == _WORSE[platform]
    assert status(platform, qe="ConfigurationNeeded") == _WORSE[platform]


@pytest.mark.parametrize(
    "parts",
    [
        {"platform": "Revoked"},
        {"platform": "UpToDate", "qe": "Revoked"},
        {"platform": "UpToDate", "td_module": "Revoked"},
    ],
)
def test_a_part_that_intel_revoked_is_an_error(parts: dict[str, str]) -> None:
    with pytest.raises(TcbError, match="revoked"):
        status(**parts)


def test_the_advisories_of_all_parts_are_listed_once_and_sorted() -> None:
    levels = (level(FIVES, 11, bytes(16), "OutOfDate", "C", "A"), level())
    found = tcb.converge(levels, svn(1, "OutOfDate", "B", "A"), svn(1, "OutOfDate", "D"), None)
    assert found.advisories == ("A", "B", "C", "D")
    with pytest.raises(TcbError, match=r"\(X\)"):
        tcb.converge((level(FIVES, 11, bytes(16), "Revoked", "X"), level()), svn(1), None, None)


# --- what the trust domain was started with, and what runs now -------------------------------------

OLD, OLD_CONFIGURATION = "OutOfDate", "OutOfDateConfigurationNeeded"
AGAIN, AGAIN_CONFIGURATION = "TDRelaunchAdvised", "TDRelaunchAdvisedConfigurationNeeded"


@pytest.mark.parametrize("td_module", [OLD, "UpToDate"])
def test_a_td_that_was_started_under_what_has_been_mended_since_is_to_be_started_again(
    td_module: str,
) -> None:
    started: dict[str, Any] = {"platform": OLD, "sgx": "UpToDate", "td_module": td_module}
    assert status(**started, now="UpToDate") == AGAIN
    assert status(**started, now="SWHardeningNeeded", module_now="UpToDate") == AGAIN


def test_it_helps_nothing_if_what_runs_now_is_old_too() -> None:
    assert status("UpToDate", td_module=OLD, now=OLD) == OLD
    assert status("UpToDate", td_module=OLD, now="UpToDate", module_now=OLD) == OLD
    assert status("ConfigurationNeeded", td_module=OLD, now=OLD) == OLD_CONFIGURATION


def test_it_helps_nothing_if_something_else_is_out_of_date() -> None:
    assert status("UpToDate", qe=OLD, td_module=OLD, now="UpToDate") == OLD
    assert status(OLD, now="UpToDate") == OLD  # the SGX part is old as well
    assert status(OLD, sgx="UpToDate") == OLD  # a report 1.0 says nothing of now


def test_a_configuration_that_is_needed_is_still_needed() -> None:
    assert status("ConfigurationNeeded", td_module=OLD, now="UpToDate") == AGAIN_CONFIGURATION
    assert status(OLD, sgx="ConfigurationNeeded", now="UpToDate") == AGAIN_CONFIGURATION
    assert status(OLD_CONFIGURATION, sgx="UpToDate", now="UpToDate") == AGAIN_CONFIGURATION
    assert status(OLD, sgx="UpToDate", now="ConfigurationNeeded") == AGAIN_CONFIGURATION
    assert status("SWHardeningNeeded", td_module=OLD, now="UpToDate") == AGAIN


def test_what_runs_now_counts_if_it_is_the_older_one() -> None:
    assert status("UpToDate", now=OLD) == OLD
    assert status("UpToDate", now="UpToDate", module_now=OLD) == OLD
    assert status("UpToDate", now="ConfigurationNeeded", module_now=OLD) == OLD_CONFIGURATION
    assert status("ConfigurationNeeded", now="UpToDate") == "ConfigurationNeeded"


@pytest.mark.parametrize("runs", [{"now": "Revoked"}, {"now": "UpToDate", "module_now": "Revoked"}])
def test_what_runs_now_must_not_be_revoked(runs: dict[str, str]) -> None:
    with pytest.raises(TcbError, match="now"):
        status("UpToDate", **runs)


def test_advisories_of_what_runs_now_count_where_its_status_does() -> None:
    started, now = (
        (level(FIVES, 11, bytes(16), "UpToDate", "A"), level()),
        level(FIVES, 11, bytes(16), OLD, "N"),
    )
    assert tcb.converge(started, svn(1), None, tcb.TdxTcb(now, svn(1, OLD, "M"))).advisories == (
        "A",
        "M",
        "N",
    )
    fine = level(FIVES, 11, bytes(16), "UpToDate", "N")
    assert tcb.converge(started, svn(1), None, tcb.TdxTcb(fine, None)).advisories == ("A",)


def test_what_runs_now_is_what_a_report_15_says() -> None:
    levels = info(
        level(tdx=svns(5, 0, 3)),
        level(FOURS, 10, svns(3, 0, 2), OLD),
        modules=(module(svn(5), svn(2, OLD)),),
    )
    assert tcb.running(levels, pck(), None) is None
    assert tcb.running(levels, pck(), td_report()) is None

    def now(*numbers: int) -> tcb.TdxTcb | None:
        return tcb.running(levels, pck(), td_report(version_15=True, tee_tcb_svn_2=svns(*numbers)))

    assert now(5, 1, 3) == tcb.TdxTcb(levels.levels[0], svn(5))
    assert now(2, 1, 2) == tcb.TdxTcb(levels.levels[1], svn(2, OLD))
    assert now(5, 0, 3) == tcb.TdxTcb(levels.levels[0], None)
    for unlisted in ((1, 1, 3), (5, 7, 3), (5, 1, 1), (2, 0, 3)):
        with pytest.raises(TcbError):
            now(*unlisted)
