# SPDX-License-Identifier: Apache-2.0
"""Which modules hold the checks of each room, and which tests answer for them."""

from __future__ import annotations

from attrs import frozen


@frozen
class Room:
    """Dotted names of modules, and paths of tests. `package`: whose memories are emptied before each test."""

    name: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]
    package: str = "ttee"


def _room(name: str, package: str, modules: str, *tests: str) -> Room:
    return Room(name, tuple(f"{package}.{module}" for module in modules.split()), tests)


def _tee(name: str, modules: str, test: str = "", *more: str) -> Room:
    return _room(name, f"ttee.tee.{name}", modules, f"tests/tee/{name}{test}", *more)


APPRAISE = "appraisal policy policy_file rules standing exceptions verdict"
_CORIM = ("tests/formats/test_corim.py", "tests/formats/test_corim_narrow.py")
_REVOCATION = "tests/appraise/test_revocation.py"
_LAUNCHER = ("tests/tee/intel/test_canonical.py", "tests/tee/tpm/test_go_tpm_tools.py")

ROOMS = {
    room.name: room
    for room in (
        _tee("intel", "verify collateral platform tcb pck"),
        _tee("amd", "verify chain certificates table id_block"),
        _tee("nitro", "verify chain"),
        _tee("arm", "cca.verify psa.verify signed keys"),
        _tee("tpm", "verify quote trust logs certificates platform clock keys"),
        _tee("azure", "verify hcl", "", _REVOCATION),
        _tee("nvidia", "verify machine reference chain ocsp rim xmldsig", "", _REVOCATION),
        _tee("keystone", "verify eddsa weak_keys"),
        _tee("riscv", "verify claims", "/test_verify.py"),
        _tee("local", "verify", "/test_verify.py"),
        _room("appraise", "ttee.appraise", APPRAISE, "tests/appraise"),
        _room("pki", "ttee.pki", "path crl certificate signature window trusted cache", "tests/pki"),
        _room("formats", "ttee.formats", "dstack_statement", "tests/formats/test_dstack_statement.py"),
        _room("corim", "ttee.formats.corim", "arm envelope", *_CORIM),
        _room("measurements", "ttee.formats", "measurements", "tests/formats/test_measurements.py"),
        _room("launcher", "ttee", "eventlog.cos tee.intel.canonical", *_LAUNCHER),
        _room("dstack", "ttee.tee.intel", "dstack", "tests/tee/intel/test_dstack.py"),
        _room("own", "ttee.tee", "own", "tests/tee/test_own.py"),
        _room("channel", "ttee.channel", "sealed", "tests/channel"),
    )
}
