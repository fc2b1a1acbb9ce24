# SPDX-License-Identifier: Apache-2.0
"""What a platform's TCB is worth: levels, TDX modules, and how several statuses become one. No cryptography.

Source: Intel, SGX-TDX-DCAP-QuoteVerificationLibrary:Verifiers/Checks (steps 4.1.2.4.11 and 4.1.2.4.17).
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from ttee.errors import TcbError
from ttee.tee.intel.pck import PckTcb
from ttee.tee.intel.reports import SgxReport, TdReport
from ttee.tee.intel.tcb_info import Module, QeIdentity, SvnLevel, TcbInfo, TcbLevel

REVOKED = "Revoked"
_CONFIGURATION = frozenset(
    {"ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded", "OutOfDateConfigurationNeeded"}
)
_OUT_OF_DATE = frozenset({"OutOfDate", "OutOfDateConfigurationNeeded"})
_CURRENT = frozenset(
    {"UpToDate", "SWHardeningNeeded", "ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded"}
)


@frozen(slots=True)
class TcbVerdict:
    """What the TCB is worth, as a whole and in its parts; advisories are those of all parts, in order."""

    status: str
    advisories: tuple[str, ...]
    platform: TcbLevel
    sgx_status: str
    """The status of the SGX part alone; for SGX, the platform's."""
    qe: SvnLevel
    module: SvnLevel | None
    """None for SGX, and for TDX modules of the first generation."""


def match_platform(info: TcbInfo, tcb: PckTcb, td: TdReport | None) -> tuple[TcbLevel, TcbLevel]:
    """The highest level that the platform reaches, and the highest as far as SGX goes. Raises TcbError."""
    sgx = None
    for level in info.levels:
        if tcb.pce_svn < level.pce_svn or not _reaches(tcb.components, level.sgx):
            continue
        sgx = sgx or level
        # A module of a later generation has SVNs of its own (components 0 and 1), which `match_module` looks at.
        if td is None or _reaches(td.tee_tcb_svn, level.tdx, 2 if td.tee_tcb_svn[1] else 0):
            return level, sgx
    raise TcbError(
        f"the platform reaches none of the {len(info.levels)} TCB levels that Intel lists for FMSPC "
        f"{info.fmspc.hex()}: CPU SVN {tcb.components.hex()}, PCE SVN {tcb.pce_svn}"
        + (f", TEE TCB SVN {td.tee_tcb_svn.hex()}" if td else ""),
        where="tcb_info.tcbLevels",
        hint="all signatures hold, but the platform is older than anything Intel supports; have it updated",
    )


def find_module(info: TcbInfo, generation: int) -> Module:
    """The TDX module of that generation (the second byte of a TEE TCB SVN). Raises TcbError."""
    name = f"TDX_{generation:02X}" if generation else ""
    found = next((module for module in info.modules if module.name == name), None)
    if found is None:
        raise TcbError(f"Intel lists no TDX module {name}", where="tcb_info.tdxModuleIdentities")
    return found


def match_module(module: Module, td: TdReport) -> SvnLevel | None:
    """The level of the TDX module that the report is of; None for the first generation. Raises TcbError."""
    if td.mr_signer_seam != module.mr_signer:
        raise TcbError(
            f"the TDX module was signed by {td.mr_signer_seam.hex()}; Intel lists {module.mr_signer.hex()}",
            where="report, byte 64 (MRSIGNERSEAM)",
        )
    actual, mask = (int.from_bytes(value) for value in (td.seam_attributes, module.mask))
    if actual & ~mask or actual != int.from_bytes(module.attributes) & mask:
        raise TcbError(
            f"the TDX module has the attributes {td.seam_attributes.hex()}; Intel lists {module.attributes.hex()}",
            where="report, byte 112 (SEAMATTRIBUTES)",
        )
    return match_svn(module.levels, td.tee_tcb_svn[0], f"TDX module {module.name}") if module.name else None


def match_qe(identity: QeIdentity, report: SgxReport) -> SvnLevel:
    """The level of the quoting enclave. Raises TcbError."""
    return match_svn(identity.levels, report.isv_svn, "quoting enclave")


def match_svn(levels: Sequence[SvnLevel], svn: int, what: str) -> SvnLevel:
    """The highest level that `svn` reaches. Raises TcbError."""
    for level in levels:
        if svn >= level.svn:
            return level
    raise TcbError(f"the {what} has the SVN {svn}, below all that Intel lists", where="tcbLevels")


def converge(
    info: TcbInfo,
    levels: tuple[TcbLevel, TcbLevel],
    qe: SvnLevel,
    module: SvnLevel | None,
    td: TdReport | None,
) -> TcbVerdict:
    """One status out of all. `levels` as `match_platform` gives them. Raises TcbError for what Intel revoked."""
    platform, sgx = levels
    parts = (("platform", platform), ("quoting enclave", qe), ("TDX module", module))
    for name, part in parts:
        if part is not None and part.status == REVOKED:
            raise TcbError(
                f"Intel revoked the TCB level of the {name}" + _because(part.advisories),
                where=name,
                hint="its keys are no longer trusted; have the platform updated, and provisioned anew",
            )
    status = _with_part(platform.status, module)
    parts_but_tdx_are_current = sgx.status in _CURRENT and qe.status == "UpToDate"
    if parts_but_tdx_are_current and status in _OUT_OF_DATE and _relaunch_helps(info, module, td):
        needed = sgx.status in _CONFIGURATION or status in _CONFIGURATION
        status = "TDRelaunchAdvisedConfigurationNeeded" if needed else "TDRelaunchAdvised"
    advisories = dict.fromkeys(
        advisory for _, part in parts if part is not None for advisory in part.advisories
    )
    return TcbVerdict(
        status=_with_part(status, qe),
        advisories=tuple(sorted(advisories)),
        platform=platform,
        sgx_status=sgx.status,
        qe=qe,
        module=module,
    )


def _reaches(svns: bytes, least: bytes, begin: int = 0) -> bool:
    return all(svn >= bound for svn, bound in zip(svns[begin:], least[begin:], strict=True))


def _with_part(status: str, part: SvnLevel | None) -> str:
    """The status of the platform together with a part of its own: only "up to date" leaves it as it is."""
    if part is None or part.status == "UpToDate":
        return status
    return {
        "UpToDate": "OutOfDate",
        "SWHardeningNeeded": "OutOfDate",
        "ConfigurationNeeded": "OutOfDateConfigurationNeeded",
        "ConfigurationAndSWHardeningNeeded": "OutOfDateConfigurationNeeded",
    }.get(status, status)


def _relaunch_helps(info: TcbInfo, module: SvnLevel | None, td: TdReport | None) -> bool:
    """Whether the TD was started under an older TDX module than runs now (step 4.1.2.4.17.4.3).

    A TD report 1.5 names the module that runs now as well: if that is current, starting the TD again is enough.
    """
    now = None if td is None else td.tee_tcb_svn_2
    if now is None or module is None or module.status != "OutOfDate":
        return False
    latest = info.levels[0].tdx
    least = find_module(info, now[1]).levels[0].svn if now[1] else latest[0]
    return now[0] >= least and now[2] >= latest[2]


def _because(advisories: Sequence[str]) -> str:
    return f" ({', '.join(advisories[:8])})" if advisories else ""
