# SPDX-License-Identifier: Apache-2.0
"""What a platform's TCB is worth: levels, TDX modules, and how several statuses become one. No cryptography.

Source: Intel, SGX-TDX-DCAP-QuoteVerificationLibrary:Verifiers/Checks (steps 4.1.2.4.11 and 4.1.2.4.17).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
class TdxTcb:
    """The TCB that a TDX module runs with: the platform's level, and its own if it is of a later generation."""

    platform: TcbLevel
    module: SvnLevel | None

    @property
    def status(self) -> str:
        """The status of both."""
        return with_part(self.platform.status, self.module)


@frozen(slots=True)
class TcbVerdict:
    """What the TCB is worth, as a whole and in its parts; advisories are those of all parts, sorted."""

    status: str
    advisories: tuple[str, ...]
    platform: TcbLevel
    sgx_status: str
    """The status of the SGX part alone; for SGX, the platform's."""
    qe: SvnLevel
    module: SvnLevel | None
    """None for SGX, and for TDX modules of the first generation."""
    now: TdxTcb | None
    """For TD reports 1.5: what runs now, where `platform` and `module` are of the time when the TD was started."""


def match_platform(info: TcbInfo, tcb: PckTcb, tdx: bytes | None) -> tuple[TcbLevel, TcbLevel]:
    """The highest level that the platform reaches, and the highest as far as SGX goes. `tdx`: a TEE TCB SVN.

    Raises TcbError.
    """
    sgx = None
    for level in info.levels:
        if tcb.pce_svn < level.pce_svn or not _reaches(tcb.components, level.sgx):
            continue
        sgx = sgx or level
        # A module of a later generation has SVNs of its own (components 0 and 1), which `match_module` looks at.
        if tdx is None or _reaches(tdx, level.tdx, 2 if tdx[1] else 0):
            return level, sgx
    raise TcbError(
        f"the platform reaches none of the {len(info.levels)} TCB levels that Intel lists for FMSPC "
        f"{info.fmspc.hex()}: CPU SVN {tcb.components.hex()}, PCE SVN {tcb.pce_svn}"
        + (f", TEE TCB SVN {tdx.hex()}" if tdx else ""),
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


def check_module(module: Module, td: TdReport) -> None:
    """Return if the TD was started under this module, as far as its signer and attributes go. Raises TcbError."""
    if td.mr_signer_seam != module.mr_signer:
        raise TcbError(
            f"the TDX module was signed by {td.mr_signer_seam.hex()}; Intel lists {module.mr_signer.hex()}",
            where="report, byte 64 (MRSIGNERSEAM)",
        )
    actual, mask = (int.from_bytes(value) for value in (td.seam_attributes, module.mask))
    if actual != int.from_bytes(module.attributes) & mask:  # so no bit outside of the mask either
        raise TcbError(
            f"the TDX module has the attributes {td.seam_attributes.hex()}; Intel lists {module.attributes.hex()}",
            where="report, byte 112 (SEAMATTRIBUTES)",
        )


def match_module(module: Module, tdx: bytes) -> SvnLevel | None:
    """The module's level for a TEE TCB SVN; None for the first generation, which has none. Raises TcbError."""
    return match_svn(module.levels, tdx[0], f"TDX module {module.name}") if module.name else None


def running(info: TcbInfo, tcb: PckTcb, td: TdReport | None) -> TdxTcb | None:
    """The TCB that the TD runs with now; None where the report does not say (SGX, TD reports 1.0). Raises TcbError."""
    if td is None or td.tee_tcb_svn_2 is None:
        return None
    now = td.tee_tcb_svn_2
    level, _ = match_platform(info, tcb, now)
    return TdxTcb(level, match_module(find_module(info, now[1]), now))


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
    levels: tuple[TcbLevel, TcbLevel], qe: SvnLevel, module: SvnLevel | None, now: TdxTcb | None
) -> TcbVerdict:
    """One status out of all. `levels` as `match_platform` gives them. Raises TcbError for what Intel revoked."""
    platform, sgx = levels
    parts: list[tuple[str, TcbLevel | SvnLevel | None]] = [
        ("platform", platform),
        ("TDX module", module),
        ("quoting enclave", qe),
    ]
    running_now: list[tuple[str, TcbLevel | SvnLevel | None]] = []
    if now is not None:
        running_now = [("platform as it runs now", now.platform), ("TDX module that runs now", now.module)]
    _refuse_revoked([*parts, *running_now])
    status = TdxTcb(platform, module).status
    if now is not None and status in _OUT_OF_DATE:
        # The TD was started under what is out of date; if that has been mended since, starting it again is enough.
        if now.status not in _OUT_OF_DATE and sgx.status in _CURRENT and qe.status == "UpToDate":
            needed = _CONFIGURATION & {sgx.status, status, now.status}
            status = "TDRelaunchAdvisedConfigurationNeeded" if needed else "TDRelaunchAdvised"
    elif now is not None and now.status in _OUT_OF_DATE:
        status = now.status
        parts += running_now
    return TcbVerdict(
        status=with_part(status, qe),
        advisories=tuple(sorted({each for _, part in parts if part is not None for each in part.advisories})),
        platform=platform,
        sgx_status=sgx.status,
        qe=qe,
        module=module,
        now=now,
    )


def with_part(status: str, part: SvnLevel | None) -> str:
    """The status of the platform together with a part of its own: only "up to date" leaves it as it is."""
    if part is None or part.status == "UpToDate":
        return status
    return {
        "UpToDate": "OutOfDate",
        "SWHardeningNeeded": "OutOfDate",
        "ConfigurationNeeded": "OutOfDateConfigurationNeeded",
        "ConfigurationAndSWHardeningNeeded": "OutOfDateConfigurationNeeded",
    }.get(status, status)


def _reaches(svns: bytes, least: bytes, begin: int = 0) -> bool:
    return all(svn >= bound for svn, bound in zip(svns[begin:], least[begin:], strict=True))


def _refuse_revoked(parts: Iterable[tuple[str, TcbLevel | SvnLevel | None]]) -> None:
    for name, part in parts:
        if part is not None and part.status == REVOKED:
            because = f" ({', '.join(part.advisories[:8])})" if part.advisories else ""
            raise TcbError(
                f"Intel revoked the TCB level of the {name}{because}",
                where=name,
                hint="its keys are no longer trusted; have the platform updated, and provisioned anew",
            )
