# SPDX-License-Identifier: Apache-2.0
"""Intel's two signed documents, typed: TCB info (versions 2 and 3) and the identity of the quoting enclave.

Whose they are and whether they are current is checked in `collateral.py`; what they mean, in `tcb.py`.
Source: Intel PCS API version 4, "Get TCB Info" and "Get Quote Verification Enclave Identity".
"""

from __future__ import annotations

from itertools import pairwise

from attrs import frozen

from ttee.codec import json
from ttee.errors import EndorsementError
from ttee.pki.window import Window
from ttee.tee.intel.fields import Fields
from ttee.tee.intel.quote import SGX, TDX

MAX_SIZE = 1 << 20
MAX_LEVELS, MAX_ADVISORIES = 256, 1024

PLATFORM_STATUSES = frozenset(
    {
        "UpToDate",
        "SWHardeningNeeded",
        "ConfigurationNeeded",
        "ConfigurationAndSWHardeningNeeded",
        "OutOfDate",
        "OutOfDateConfigurationNeeded",
        "Revoked",
    }
)
QE_STATUSES = PLATFORM_STATUSES - {"SWHardeningNeeded", "ConfigurationAndSWHardeningNeeded"}
MODULE_STATUSES = frozenset({"UpToDate", "OutOfDate", "Revoked"})


@frozen(slots=True)
class TcbLevel:
    """A level of the platform: the least that each part must have, and what having that is worth."""

    sgx: bytes
    """The 16 SGX components."""
    pce_svn: int
    tdx: bytes
    """The 16 TDX components; none for SGX."""
    status: str
    date: str
    advisories: tuple[str, ...]


@frozen(slots=True)
class SvnLevel:
    """A level of an enclave or a TDX module: the least SVN, and what having that is worth."""

    svn: int
    status: str
    date: str
    advisories: tuple[str, ...]


@frozen(slots=True)
class Module:
    """A TDX module: who signed it, which attributes it may have, its levels, highest first."""

    name: str
    """`TDX_01` and so on, in upper case; empty for modules of the first generation, which have no levels."""
    mr_signer: bytes
    attributes: bytes
    mask: bytes
    levels: tuple[SvnLevel, ...]


@frozen(slots=True)
class TcbInfo:
    """What Intel says of all platforms of one kind; `levels` from highest to lowest."""

    tee: str
    version: int
    window: Window
    fmspc: bytes
    pce_id: bytes
    evaluation: int
    """tcbEvaluationDataNumber."""
    levels: tuple[TcbLevel, ...]
    modules: tuple[Module, ...]
    """For TDX, the first is that of the first generation."""


@frozen(slots=True)
class QeIdentity:
    """What Intel says of its quoting enclave."""

    tee: str
    version: int
    window: Window
    evaluation: int
    misc_select: bytes
    misc_mask: bytes
    attributes: bytes
    attributes_mask: bytes
    mr_signer: bytes
    isv_prod_id: int
    levels: tuple[SvnLevel, ...]


def parse_tcb_info(data: bytes) -> TcbInfo:
    """TCB info out of the bytes that are signed. Raises EndorsementError with the field."""
    top = _document(data, "tcb_info")
    version = top.number("version", below=1 << 16)
    if version not in {2, 3}:
        raise top.wrong("version", f"is {version}; 2 and 3 are known")
    name = top.text("id") if version == 3 else "SGX"
    if name not in {"SGX", "TDX"}:
        raise top.wrong("id", "is neither SGX nor TDX")
    tdx = name == "TDX"
    if top.number("tcbType", below=1 << 16) != 0:
        raise top.wrong("tcbType", "is not 0, the one way to compare levels that is known")
    if not tdx and ("tdxModule" in top or "tdxModuleIdentities" in top):
        raise top.wrong("tdxModule", "stands in TCB info for SGX")
    levels = [
        _components_level(level, version, tdx=tdx) for level in top.objects("tcbLevels", at_most=MAX_LEVELS)
    ]
    levels.sort(key=_order, reverse=True)
    if not levels or any(_order(one) == _order(next_) for one, next_ in pairwise(levels)):
        raise top.wrong("tcbLevels", "has no level, or one of them twice")
    return TcbInfo(
        tee=TDX if tdx else SGX,
        version=version,
        window=_window(top),
        fmspc=top.octets("fmspc", 6),
        pce_id=top.octets("pceId", 2),
        evaluation=top.number("tcbEvaluationDataNumber", below=1 << 32),
        levels=tuple(levels),
        modules=_modules(top) if tdx else (),
    )


def parse_qe_identity(data: bytes) -> QeIdentity:
    """The identity of a quoting enclave out of the bytes that are signed. Raises EndorsementError."""
    top = _document(data, "qe_identity")
    tee = {"QE": SGX, "TD_QE": TDX}.get(top.text("id"))
    if tee is None:
        raise top.wrong("id", "is neither QE nor TD_QE")
    version = top.number("version", below=1 << 16)
    if version != 2 and (tee, version) != (TDX, 3):
        raise top.wrong("version", f"is {version}; 2 is known, and 3 for TDX")
    return QeIdentity(
        tee=tee,
        version=version,
        window=_window(top),
        evaluation=top.number("tcbEvaluationDataNumber", below=1 << 32),
        misc_select=top.octets("miscselect", 4),
        misc_mask=top.octets("miscselectMask", 4),
        attributes=top.octets("attributes", 16),
        attributes_mask=top.octets("attributesMask", 16),
        mr_signer=top.octets("mrsigner", 32),
        isv_prod_id=top.number("isvprodid", below=1 << 16),
        levels=_svn_levels(top, QE_STATUSES),
    )


def _document(data: bytes, what: str) -> Fields:
    value = json.loads(data, what=what, max_size=MAX_SIZE, max_depth=8, error=EndorsementError)
    if not isinstance(value, dict):
        raise EndorsementError(f"{what} is not an object", where=what, hint="get it again")
    return Fields(value, what)


def _window(top: Fields) -> Window:
    return Window(top.time("issueDate"), top.time("nextUpdate"))


def _order(level: TcbLevel) -> tuple[bytes, int, bytes]:
    return level.sgx, level.pce_svn, level.tdx


def _components_level(level: Fields, version: int, *, tdx: bool) -> TcbLevel:
    tcb = level.object("tcb")
    if version == 2:
        sgx = bytes(tcb.number(f"sgxtcbcomp{i:02}svn", below=256) for i in range(1, 17))
    else:
        sgx = tcb.svns("sgxtcbcomponents", 16)
    status, date, advisories = _status(level, PLATFORM_STATUSES)
    return TcbLevel(
        sgx=sgx,
        pce_svn=tcb.number("pcesvn", below=1 << 16),
        tdx=tcb.svns("tdxtcbcomponents", 16) if tdx else b"",
        status=status,
        date=date,
        advisories=advisories,
    )


def _modules(top: Fields) -> tuple[Module, ...]:
    first = _module("", top.object("tdxModule"), ())
    if "tdxModuleIdentities" not in top:
        return (first,)
    later = [
        _module(item.text("id").upper(), item, _svn_levels(item, MODULE_STATUSES))
        for item in top.objects("tdxModuleIdentities", at_most=MAX_LEVELS)
    ]
    if len({module.name for module in later}) != len(later):
        raise top.wrong("tdxModuleIdentities", "has one module twice")
    return (first, *later)


def _module(name: str, item: Fields, levels: tuple[SvnLevel, ...]) -> Module:
    return Module(
        name,
        item.octets("mrsigner", 48),
        item.octets("attributes", 8),
        item.octets("attributesMask", 8),
        levels,
    )


def _svn_levels(item: Fields, statuses: frozenset[str]) -> tuple[SvnLevel, ...]:
    levels = [
        SvnLevel(level.object("tcb").number("isvsvn", below=1 << 16), *_status(level, statuses))
        for level in item.objects("tcbLevels", at_most=MAX_LEVELS)
    ]
    levels.sort(key=lambda level: level.svn, reverse=True)
    if not levels or len({level.svn for level in levels}) != len(levels):
        raise item.wrong("tcbLevels", "has no level, or one of them twice")
    return tuple(levels)


def _status(level: Fields, statuses: frozenset[str]) -> tuple[str, str, tuple[str, ...]]:
    status = level.text("tcbStatus")
    if status not in statuses:
        raise level.wrong("tcbStatus", "is a status that is not known here")
    level.time("tcbDate")
    return status, level.text("tcbDate"), level.texts("advisoryIDs", at_most=MAX_ADVISORIES)
