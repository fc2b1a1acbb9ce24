# SPDX-License-Identifier: Apache-2.0
"""Which endorsements an SEV-SNP report needs, and where AMD's Key Distribution Service has them. No I/O.

vek     the certificate of the key that signed: needed (DER, or PEM with the chain behind it)
chain   the ASK or ASVK, and ARK, in PEM: only where they are others than those we carry
crl     the revocation list of the product line, in DER: without it, revocation is not checked

The service has VCEKs by chip and TCB; it asks for patience (429) when it is asked often. A VLEK it does not hand out:
the cloud's host has it, in the certificate table of an extended report (AMD 57230, chapter 4).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from urllib.parse import urlencode

from attrs import evolve

from ttee.errors import EndorsementError, TteeError
from ttee.model import Evidence
from ttee.pki import found
from ttee.pki.crl import load_crl
from ttee.tee.amd import certificates, checks, table
from ttee.tee.amd.certificates import KINDS, Vek
from ttee.tee.amd.evidence import VCEK, VLEK, Report, parse
from ttee.tee.amd.products import GENOA, MILAN, TURIN, Product
from ttee.tee.own import Split, split_off
from ttee.tee.sources import Answer, Source
from ttee.tee.steps import Steps

VEK, CHAIN, CRL = "vek", "chain", "crl"
ASK = "ask"
"""An intermediate out of the host's certificate table."""
DOCUMENTS = (VEK, CHAIN, CRL)
SERVICE = "https://kdsintf.amd.com"
_PATHS = {VCEK: "vcek", VLEK: "vlek"}


def gather(evidence: Evidence, report: Report, given: Mapping[str, bytes]) -> dict[str, bytes]:
    """What is at hand: `given` by the relying party first, then what came with the evidence.

    Raises MalformedEvidenceError for a certificate table that is none.
    """
    found = dict(evidence.endorsements)
    if "certificates" in evidence.parts:
        hosts = table.parse(evidence.parts["certificates"])
        kind = _PATHS.get(report.signing_key)
        named = {VEK: hosts.get(kind or ""), ASK: hosts.get("ask"), CRL: hosts.get("crl")}
        found |= {name: content for name, content in named.items() if content}
    return found | dict(given)


def addresses(report: Report) -> dict[str, tuple[str, ...]]:
    """Where each document can be had; several addresses where the report leaves the product line open."""
    return {
        VEK: tuple(vcek_url(report, product) for product in likely(report) if report.signing_key == VCEK),
        CHAIN: tuple(chain_url(report.signing_key, product) for product in likely(report)),
        CRL: tuple(crl_url(report.signing_key, product) for product in likely(report)),
    }


def likely(report: Report) -> tuple[Product, ...]:
    """The product lines that a report can be of. Version 2 does not say; a short chip id is Turin's."""
    if report.version > 2:
        return (report.product,) if report.product else ()
    short = any(report.chip_id[:8]) and not any(report.chip_id[8:])
    return (TURIN,) if short else (MILAN, GENOA)


def vcek_url(report: Report, product: Product) -> str:
    """The VCEK of the report's chip at its reported TCB (AMD 57230, section 4.1)."""
    levels = {f"{name}SPL": value for name, value in product.components(report.reported_tcb).items()}
    chip = report.chip_id[: product.hwid_size].hex()
    return f"{SERVICE}/vcek/v1/{product.line}/{chip}?{urlencode(levels)}"


def chain_url(kind: int, product: Product) -> str:
    """Intermediate and root, for keys of this kind."""
    return f"{SERVICE}/{_PATHS.get(kind, 'vcek')}/v1/{product.line}/cert_chain"


def crl_url(kind: int, product: Product) -> str:
    """The revocation list of the root."""
    return f"{SERVICE}/{_PATHS.get(kind, 'vcek')}/v1/{product.line}/crl"


def split(evidence: Evidence) -> Split:
    """The report with the certificates that came along, and the list in its host's table, or beside it."""
    lasting, own = split_off(evidence, (CRL,))
    if "certificates" not in evidence.parts:
        return lasting, own
    try:
        hosts = dict(table.parse(evidence.parts["certificates"]))
    except TteeError:  # `verify` says what is wrong with it
        return lasting, own
    if (crl := hosts.pop(CRL, None)) is None:
        return lasting, own
    parts = {**lasting.parts, "certificates": table.encode(hosts)}
    return evolve(lasting, parts=parts), {CRL: crl} if crl else own


# --- what to ask for ------------------------------------------------------------------------------


def sources(evidence: Evidence, documents: Mapping[str, bytes], at: datetime) -> tuple[Source, ...]:
    """The questions that are open for a report. Raises MalformedEvidenceError."""
    report, given = read_report(evidence, documents)
    return sources_for(report, given, at)


def read_report(evidence: Evidence, documents: Mapping[str, bytes]) -> tuple[Report, Mapping[str, bytes]]:
    """The report, and all that is at hand for it. Raises MalformedEvidenceError, as `verify` does."""
    with Steps()(checks.FORMAT, ""):
        report = parse(evidence.parts.get("report", b""))
        return report, gather(evidence, report, documents)


def sources_for(report: Report, documents: Mapping[str, bytes], at: datetime) -> tuple[Source, ...]:
    """The questions that are open: what is missing, of another chip or TCB, or not current at `at`.

    First the VEK, and when it is there, what is above it: a report of version 2 does not say its product line, so that
    its VCEK is asked for under each that it can be of. What cannot be read is left to `verify`.
    """
    vek = read_given_vek(report, documents)
    above = () if vek is None else _open_above(vek, documents, at)
    return (*_open_vek(report, vek, missing=VEK not in documents), *above)


def _open_vek(report: Report, vek: Vek | None, *, missing: bool) -> Iterator[Source]:
    asks = missing or (vek is not None and not fits(vek, report))
    if not asks or report.signing_key != VCEK or not any(report.chip_id):
        return
    for line in (vek.product,) if vek is not None and of_chip(vek, report) else likely(report):
        yield Source(
            vcek_url(report, line),
            (VEK,),
            f"VCEK of chip {report.chip_id[:8].hex()}… at its TCB",
            needed=missing,
            read=_certificate,
            until=_expiry,
        )


def _open_above(vek: Vek, documents: Mapping[str, bytes], at: datetime) -> Iterator[Source]:
    if CHAIN not in documents and not _issuer_at_hand(vek, documents):
        why = f"certificates above this {KINDS[vek.kind]}"
        yield Source(chain_url(vek.kind, vek.product), (CHAIN,), why, needed=False)
    if CRL not in documents or not _current(documents[CRL], at):
        yield Source(
            crl_url(vek.kind, vek.product),
            (CRL,),
            f"revocation list of ARK-{vek.product.line}",
            needed=False,
            read=_list,
            until=lambda documents: load_crl(documents[CRL], what="CRL").window.end,
        )


def read_given_vek(report: Report, documents: Mapping[str, bytes]) -> Vek | None:
    """The VCEK or VLEK among the documents; None if there is none, or it cannot be read."""
    try:
        return certificates.read_vek(certificates.load(documents[VEK], what="VEK")[0], report.signing_key)
    except (KeyError, TteeError):
        return None


def fits(vek: Vek, report: Report) -> bool:
    """Whether it is for this chip (unless the host masks which one it is) at this TCB."""
    return vek.tcb == report.reported_tcb and of_chip(vek, report)


def of_chip(vek: Vek, report: Report) -> bool:
    """Whether it is for this chip, at any TCB; always so for a VLEK, and where the host masks the chip."""
    chip = report.chip_id
    return vek.hwid is None or not any(chip) or vek.hwid.ljust(len(chip), b"\0") == chip


def _issuer_at_hand(vek: Vek, documents: Mapping[str, bytes]) -> bool:
    given = (found.find(documents[name]).certificates for name in (VEK, ASK) if name in documents)
    at_hand = (*certificates.shipped(vek.product), *(each for some in given for each in some))
    return any(found.issued(vek.certificate, each) for each in at_hand)


def _current(data: bytes, at: datetime) -> bool:
    """Whether a list is current, or cannot be read, which is for `verify` to say."""
    try:
        return at in load_crl(data, what="CRL").window
    except TteeError:
        return True


def _certificate(answer: Answer) -> Mapping[str, bytes]:
    certificates.load(answer.body, what="the service's answer")
    return {VEK: answer.body}


def _expiry(documents: Mapping[str, bytes]) -> datetime:
    return certificates.load(documents[VEK], what="VEK")[0].validity.end


def _list(answer: Answer) -> Mapping[str, bytes]:
    return {CRL: load_crl(answer.body, what="the service's answer", error=EndorsementError).der}
