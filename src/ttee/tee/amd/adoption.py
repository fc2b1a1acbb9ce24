# SPDX-License-Identifier: Apache-2.0
"""Which of the files that somebody has are the endorsements of an SEV-SNP report. No I/O.

    VEK     for the report's chip and TCB; of several, the one whose key signed the report. Where none is for this
            TCB, one of the same chip, so that `verify` names the difference
    chain   whoever signed the VEK, and whoever signed that
    CRL     of the root of that chain: one that is current first, then the highest number

Nothing is decided here: `verify` checks all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from ttee.errors import TteeError
from ttee.model import Evidence
from ttee.pki import found, loose
from ttee.pki.certificate import Certificate, common_name
from ttee.pki.crl import Crl
from ttee.tee.amd.certificates import KINDS, Vek, read_vek, shipped
from ttee.tee.amd.endorsements import CHAIN, CRL, VEK, fits, likely, of_chip, read_given_vek, read_report
from ttee.tee.amd.evidence import SIGNED, Report, encode
from ttee.tee.amd.verify import verify_signature
from ttee.tee.sources import File

_LEAVES = frozenset(f"SEV-{kind}" for kind in KINDS.values())


def adopt(evidence: Evidence, files: Sequence[File], at: datetime) -> Mapping[str, bytes]:
    """The documents for a report among `files`. Raises MalformedEvidenceError."""
    report, own = read_report(evidence, {})
    return adopt_for(report, files, at, own=own)


def adopt_for(
    report: Report, files: Sequence[File], at: datetime, *, own: Mapping[str, bytes] | None = None
) -> Mapping[str, bytes]:
    """The documents for `report` among `files`; `own` are those that came with the evidence."""
    all_found = [found.find(file.data) for file in files]
    pool = list({each.der: each for some in all_found for each in some.certificates}.values())
    documents: dict[str, bytes] = {}
    leaf = _find_leaf(report, pool, at)
    if leaf is not None:
        documents[VEK] = leaf.der
    vek = read_given_vek(report, {**(own or {}), **documents})
    chain = _above(vek, pool, at) if vek is not None else ()
    if chain:
        documents[CHAIN] = loose.pem(chain)
    crl = _find_list((crl for some in all_found for crl in some.crls), report, vek, chain, at)
    if crl is not None:
        documents[CRL] = crl.der
    return documents


def _find_leaf(report: Report, pool: Sequence[Certificate], at: datetime) -> Certificate | None:
    leaves = [each for each in pool if each.common_name in _LEAVES]
    veks = []
    for each in leaves:
        with suppress(TteeError):
            veks.append(read_vek(each, report.signing_key))
    ours = [vek for vek in veks if fits(vek, report)] or [
        vek for vek in veks if vek.hwid is not None and of_chip(vek, report)
    ]
    if made := [vek for vek in ours if _made(vek, report)]:
        known = (*pool, *shipped(made[0].product))
        return max(made[: found.MAX_TWINS], key=lambda vek: _rank(vek, known, at)).certificate
    if ours:
        return max(ours, key=lambda vek: _rank(vek, (), at)).certificate
    return leaves[0] if len(leaves) == 1 else None


def _rank(vek: Vek, known: Sequence[Certificate], at: datetime) -> tuple[object, ...]:
    """Certified by one of `known` first: anybody can write a certificate for a key that is public."""
    validity = vek.certificate.validity
    certified = found.above(vek.certificate, known, at) is not None
    return certified, at in validity, validity.start, vek.certificate.der


def _made(vek: Vek, report: Report) -> bool:
    """Whether this key signed the report."""
    try:
        verify_signature(vek.key, report, encode(report)[:SIGNED])
    except TteeError:
        return False
    return True


def _above(vek: Vek, pool: Sequence[Certificate], at: datetime) -> tuple[Certificate, ...]:
    """Intermediate and root, as far as they are there; ours vouch for an intermediate that came without its root."""
    known = (*pool, *shipped(vek.product))
    intermediate = found.above(vek.certificate, known, at)
    root = found.above(intermediate, known, at) if intermediate is not None else None
    return tuple(each for each in (intermediate, root) if each is not None and each in pool)


def _find_list(
    crls: Iterable[Crl], report: Report, vek: Vek | None, chain: Sequence[Certificate], at: datetime
) -> Crl | None:
    """The list of the root; a list of anybody else is no help, and left alone."""
    lines = (vek.product,) if vek is not None else likely(report)
    if len(lines) != 1:
        return None
    roots = [each for each in (*chain, *shipped(lines[0])) if each.common_name == f"ARK-{lines[0].line}"]

    def rank(crl: Crl) -> tuple[object, ...]:
        genuine = found.issued(crl, roots[0])
        return genuine, at in crl.window, crl.number or 0, crl.window.start, crl.der

    return max(
        (crl for crl in crls if common_name(crl.issuer) == f"ARK-{lines[0].line}"), key=rank, default=None
    )
