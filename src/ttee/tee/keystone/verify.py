# SPDX-License-Identifier: Apache-2.0
"""Is a Keystone report authentic? Numbered steps; each is a check of `checks.py`, and raises by name.

    1  exactly 1352 bytes                                     keystone.report.size
    2  data_len at most 1024, before it is used               keystone.report.data-length
    3  the device key is pinned                               keystone.device-key.pinned
    4  the device key is not published, guessable, degenerate keystone.device-key.strength
    5  device key signed the monitor's hash and key           keystone.monitor.signature
    6  monitor key signed enclave hash, data_len and data     keystone.enclave.signature
    7  data is the nonce that was asked for                   keystone.data.nonce

The key inside the report is not signed: it may hint at which pinned key to try, and is never an anchor.
Measurements are compared with expected ones where opinions live: in the policy.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

from attrs import frozen

from ttee.errors import (
    AnchorError,
    FreshnessError,
    MalformedEvidenceError,
    SignatureError,
    UsageError,
    WeakKeyError,
)
from ttee.model import Anchor, Assurance, Claims, Endorsements, Evidence, Reliance
from ttee.tee.keystone import checks, eddsa
from ttee.tee.keystone.evidence import MAX_DATA, SIZE, Report, check_size, parse
from ttee.tee.keystone.weak_keys import refuse_weak_key
from ttee.tee.steps import Steps

if TYPE_CHECKING:
    from datetime import datetime

NAME = "keystone"
PINS = {"app": ("enclave_hash",), "platform": ("monitor_hash",)}
_CHAINS = 1024


@frozen(slots=True)
class Authentic:
    """A report whose signatures hold, and the pinned key they rest on."""

    report: Report
    anchor: Anchor
    assurance: Assurance
    relied_on: tuple[Reliance, ...]
    not_checked: tuple[str, ...]


def verify(
    evidence: Evidence,
    endorsements: Endorsements,
    *,
    nonce: bytes | None = None,
    at: datetime | None = None,  # noqa: ARG001 (nothing here expires)
) -> Claims:
    """The claims of a Keystone report (one part, `report`). Pure.

    `nonce` is compared with the signed data; without it freshness is not checked, and the claims say so.
    Raises MalformedEvidenceError, AnchorError, WeakKeyError, SignatureError, FreshnessError.
    """
    if nonce is not None and not 0 < len(nonce) <= MAX_DATA:
        raise UsageError(f"a nonce for Keystone has 1 to {MAX_DATA} bytes, this one has {len(nonce)}")
    steps = Steps()
    if evidence.parts.keys() != {"report"}:
        raise MalformedEvidenceError(
            f"keystone evidence is one part, report; not {', '.join(evidence.parts) or 'none'}"[:300],
            where="parts",
            source="docs/spec/evidence.md",
        )
    report = parse_report(evidence.parts["report"], steps)
    authentic = verify_report(report, NAME, endorsements, steps)
    not_checked = [
        *authentic.not_checked,
        "debug, security versions and runtime registers: a Keystone report does not have them",
    ]
    if nonce is None:
        steps.skipped(checks.NONCE, "no nonce was given to compare the data with")
        not_checked.append("freshness: no nonce was given; the report may be a replay")
    else:
        with steps(checks.NONCE, f"the data is the nonce ({len(nonce)} bytes)"):
            if report.data != nonce:
                raise FreshnessError(
                    f"the report's data is not the nonce {nonce.hex()}",
                    where="report, byte 72 (enclave.data)",
                    hint="ask for a report over a fresh nonce; this one is old, or somebody else's",
                )
    return Claims(
        tee=NAME,
        assurance=authentic.assurance,
        checks=steps.checks,
        relied_on=authentic.relied_on,
        not_checked=tuple(not_checked),
        nonce=report.data if nonce is not None else None,
        user_data=report.data,
        fresh=nonce is not None,
        pins=PINS,
        details={
            "enclave_hash": report.enclave_hash,
            "monitor_hash": report.sm_hash,
            "monitor_key": report.sm_public_key,
            "device_key": authentic.anchor.key,
            "data": report.data,
        },
    )


def parse_report(data: bytes, steps: Steps) -> Report:
    """Steps 1 and 2."""
    with steps(checks.SIZE, f"{SIZE} bytes"):
        check_size(data)
    with steps(checks.DATA_LENGTH, "") as step:
        report = parse(data)
        step.detail = f"{len(report.data)} bytes of data are signed"
    return report


def verify_report(report: Report, tee: str, endorsements: Endorsements, steps: Steps) -> Authentic:
    """Steps 3 to 6, against the anchors of `tee`: a device pinned for one TEE vouches for no other."""
    with steps(checks.PINNED, "") as step:
        anchor = _anchor(report, tee, endorsements)
        step.detail = f"pinned: {anchor.key.hex()}"
    assurance = _strength(anchor, endorsements, steps)
    with steps(checks.MONITOR_SIGNATURE, "the device vouches for the monitor and its key"):
        _verify_chain(anchor.key, report.sm_signed, report.sm_signature)
    with steps(checks.ENCLAVE_SIGNATURE, "the monitor vouches for the enclave and its data"):
        eddsa.verify(report.sm_public_key, report.enclave_signature, report.enclave_signed)
    return Authentic(
        report=report,
        anchor=anchor,
        assurance=assurance,
        relied_on=_relied_on(tee, anchor.key, report.sm_public_key),
        not_checked=_not_checked(
            len(report.data),
            zeros=report.slack.count(0) == len(report.slack),
            same=report.device_key == anchor.key,
        ),
    )


@lru_cache(maxsize=_CHAINS)
def _relied_on(tee: str, device_key: bytes, monitor_key: bytes) -> tuple[Reliance, ...]:
    """The keys that the result rests on, which are the same for every report of one boot."""
    return (
        Reliance("anchor", f"{tee} device key", sha256(device_key).digest()),
        Reliance("key", f"{tee} monitor key", sha256(monitor_key).digest()),
    )


@lru_cache(maxsize=_CHAINS)
def _not_checked(signed: int, *, zeros: bool, same: bool) -> tuple[str, ...]:
    """What no signature covers, in words: behind `signed` bytes of data, zeros or not; the same device key or not."""
    behind = "zeros" if zeros else "NOT zeros: somebody put something there"
    key = "the pinned one" if same else "ANOTHER than the pinned one"
    return (
        f"report bytes {72 + signed} to 1095, behind the data: not signed; they are {behind}",
        f"report bytes 1320 to 1351, the device key inside the report: not signed; it is {key}",
        "age and revocation of the device key: the format has neither",
    )


def _anchor(report: Report, tee: str, endorsements: Endorsements) -> Anchor:
    """The pinned key that signed the monitor section. The one that the report names is only tried first.

    If that one is pinned and did not sign, it is returned all the same: the next steps say what is wrong.
    """
    anchors = [anchor for anchor in endorsements.anchors if anchor.tee == tee]
    if not anchors:
        raise AnchorError(
            f"no device key is pinned for {tee}",
            hint=f"pin one under [tee.{tee}] in the policy; the report names {report.device_key.hex()}",
        )
    anchors.sort(key=lambda anchor: anchor.key != report.device_key)
    for anchor in anchors:
        try:
            _verify_chain(anchor.key, report.sm_signed, report.sm_signature)
        except (SignatureError, WeakKeyError):
            continue
        return anchor
    if anchors[0].key == report.device_key:
        return anchors[0]
    raise AnchorError(
        f"none of the device keys pinned for {tee} signed this report's monitor ({len(anchors)} tried)",
        where="report, byte 1256 (sm.signature)",
        hint=f"the report names {report.device_key.hex()}; pin it only if you trust that device",
    )


def _strength(anchor: Anchor, endorsements: Endorsements, steps: Steps) -> Assurance:
    """What the pinned key is worth: if anybody can hold it, a simulation, whatever its anchor says."""
    try:
        with steps(checks.STRENGTH, "of prime order, on no list of published or guessable keys"):
            _check_device_key(anchor.key)
    except WeakKeyError as weak:
        if not endorsements.development:
            raise
        steps.skipped(checks.STRENGTH, f"let through by insecure-development: {weak.message}")
        return Assurance.SIMULATED
    return anchor.assurance


@lru_cache(maxsize=_CHAINS)
def _check_device_key(key: bytes) -> None:
    refuse_weak_key(key)
    eddsa.check_public_key(key)


@lru_cache(maxsize=_CHAINS)
def _verify_chain(device_key: bytes, sm_signed: bytes, sm_signature: bytes) -> None:
    """The device's signature over the monitor, which is the same from boot to boot of one monitor.

    Remembered by everything it rests on, and only when it holds: lru_cache keeps no exceptions.
    """
    eddsa.verify(device_key, sm_signature, sm_signed)


def forget_chains() -> None:
    """Empty the memory of verified chains: for measurements, and for tests that results do not depend on it."""
    _verify_chain.cache_clear()
    _check_device_key.cache_clear()
