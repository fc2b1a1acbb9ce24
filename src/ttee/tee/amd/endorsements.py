# SPDX-License-Identifier: Apache-2.0
"""Which endorsements an SEV-SNP report needs, and where AMD's Key Distribution Service has them. No I/O.

vek     the certificate of the key that signed: needed (DER, or PEM with the chain behind it)
chain   the ASK or ASVK, and ARK, in PEM: only where they are others than those we carry
crl     the revocation list of the product line, in DER: without it, revocation is not checked
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from ttee.model import Evidence
from ttee.tee.amd import table
from ttee.tee.amd.evidence import VCEK, VLEK, Report
from ttee.tee.amd.products import GENOA, MILAN, TURIN, Product

VEK, CHAIN, CRL = "vek", "chain", "crl"
ASK = "ask"
"""An intermediate out of the host's certificate table."""
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
