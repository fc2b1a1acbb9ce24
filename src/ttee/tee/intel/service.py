# SPDX-License-Identifier: Apache-2.0
"""What to ask Intel's Provisioning Certification Service (PCS), or a cache of it (PCCS), for a quote. No I/O.

    tcb?fmspc=…            TCB info            chain of its signer in the header TCB-Info-Issuer-Chain
    qe/identity            quoting enclave     … SGX-Enclave-Identity-Issuer-Chain
    pckcrl?ca=…            PCK CRL             … SGX-PCK-CRL-Issuer-Chain
    pckcert?…              PCK certificate     … SGX-PCK-Certificate-Issuer-Chain; only for quotes without one
    IntelSGXRootCA.der     root's CRL

What to ask for, the quote itself says: FMSPC and authority stand in its PCK certificate, which nobody has verified
yet. That is enough to ask a question by; whether the answer is for this platform, `verify` checks.

Source: Intel, "API Documentation for Intel SGX and Intel TDX Provisioning Certification Services", version 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Literal
from urllib.parse import unquote_to_bytes

from attrs import evolve

from ttee.errors import EndorsementError, TteeError
from ttee.model import Evidence
from ttee.pki import found
from ttee.pki.cache import memo
from ttee.pki.certificate import Certificate, load_pem_chain
from ttee.pki.crl import Crl, load_crl
from ttee.tee.intel import checks, pck
from ttee.tee.intel.adoption import adopt_for
from ttee.tee.intel.endorsements import (
    NEEDED,
    PCS,
    ROOT_CRL,
    SOURCE,
    address,
    crl_der,
    merged,
    pack,
    parts,
    signed,
)
from ttee.tee.intel.evidence import split
from ttee.tee.intel.platform import authority_of, own_chain
from ttee.tee.intel.quote import PCK_LEAF, PPID_RSA_3072, Quote
from ttee.tee.intel.tcb_info import QeIdentity, TcbInfo, parse_qe_identity, parse_tcb_info
from ttee.tee.sources import Answer, File, Source
from ttee.tee.steps import Steps

Update = Literal["standard", "early"]
"""Which TCB info and identity: `early` is as soon as Intel publishes a recovery, `standard` half a year or so later,
when operators have had time to update (the PCS parameter `update`)."""

_CHAIN_SIZE = 64 << 10
_ENCRYPTED_PPID = 384
_Documents = Mapping[str, bytes]
_Parse = Callable[[bytes], TcbInfo | QeIdentity]


def sources(evidence: Evidence, documents: _Documents, at: datetime) -> tuple[Source, ...]:
    """The questions that are open for a quote. Raises what `verify` would about its form, EndorsementError."""
    given = merged(evidence.endorsements, documents)
    return sources_for(read_quote(evidence), given, at)


def adopt(evidence: Evidence, files: Sequence[File], at: datetime) -> _Documents:
    """The documents for a quote among `files`. Raises what `verify` would about its form."""
    return adopt_for(read_quote(evidence), files, at)


def read_quote(evidence: Evidence) -> Quote:
    """The quote, with errors that name the check which fails."""
    steps = Steps()
    with steps(checks.QUOTE_FORM, ""):
        quote = split(evidence)
    with steps(checks.PCK_CHAIN, ""):
        for leaf in own_chain(quote)[:1]:
            pck.parse(leaf)
    return quote


def sources_for(
    quote: Quote, documents: _Documents, at: datetime, *, update: Update = "standard"
) -> tuple[Source, ...]:
    """The questions that are open: what is missing, not current at `at`, or for another platform.

    An answer is needed where something is missing; without a better one, what is at hand goes to `verify`, as does what
    cannot be read, and `verify` names what is wrong with it. Raises EndorsementError for a `collateral` that is none.
    """
    with Steps()(checks.COLLATERAL_FORM, ""):
        given = parts(documents)
    required = {*NEEDED, "pck_certificate_chain"}
    if quote.certification == PCK_LEAF:
        required.add("pck_crl_issuer_chain")
    missing = required - given.keys()
    return tuple(
        evolve(source, needed=not missing.isdisjoint(source.documents), file=pack)
        for source in _open(quote, given, at, update)
    )


def _open(quote: Quote, given: _Documents, at: datetime, update: Update) -> Iterator[Source]:
    leaf = _leaf(quote, given)
    if leaf is None and quote.certification == PPID_RSA_3072 and "pck_certificate_chain" not in given:
        yield _certificate(quote)
    extension = None
    with suppress(TteeError):
        extension = pck.parse(leaf) if leaf is not None else None
    suffix = "&update=early" if update == "early" else ""

    def fits(content: TcbInfo | QeIdentity) -> bool:
        ours = isinstance(content, QeIdentity) or extension is None or content.fmspc == extension.fmspc
        return ours and content.tee == quote.tee and at in content.window

    if extension is not None and _wants(given, "tcb_info", parse_tcb_info, fits):
        yield _signed_document(
            "tcb_info",
            address(quote.tee, fmspc=extension.fmspc)["tcb_info"] + suffix,
            f"TCB levels of platform {extension.fmspc.hex()}",
            ("tcb-info-issuer-chain", "sgx-tcb-info-issuer-chain"),
            parse_tcb_info,
        )
    if _wants(given, "qe_identity", parse_qe_identity, fits):
        yield _signed_document(
            "qe_identity",
            address(quote.tee)["qe_identity"] + suffix.replace("&", "?"),
            "identity of Intel's quoting enclave",
            ("sgx-enclave-identity-issuer-chain",),
            parse_qe_identity,
        )
    if leaf is not None and (
        _wants_list(given, "pck_crl", at, leaf)
        or (quote.certification == PCK_LEAF and "pck_crl_issuer_chain" not in given)
    ):
        yield _pck_crl(leaf)
    if _wants_list(given, "root_ca_crl", at, None):
        yield Source(
            ROOT_CRL, ("root_ca_crl",), "revocation list of Intel's root", until=_until_list("root_ca_crl")
        )


def _leaf(quote: Quote, given: _Documents) -> Certificate | None:
    """The PCK certificate: the quote's, or one among the documents."""
    own = own_chain(quote)
    if not own and "pck_certificate_chain" in given:
        own = found.find(given["pck_certificate_chain"]).certificates
    return own[0] if own else None


# --- what is open ---------------------------------------------------------------------------------


def _wants(given: _Documents, name: str, parse: _Parse, fits: Callable[[TcbInfo | QeIdentity], bool]) -> bool:
    if name not in given or f"{name}_issuer_chain" not in given:
        return True
    try:
        return not fits(_parsed((parse, signed(given, name)[0])))
    except TteeError:
        return False


@memo(32)
def _parsed(document: tuple[_Parse, bytes]) -> TcbInfo | QeIdentity:
    parse, body = document
    return parse(body)


def _wants_list(given: _Documents, name: str, at: datetime, below: Certificate | None) -> bool:
    if name not in given:
        return True
    try:
        crl = _list(crl_der(given, name))
    except TteeError:
        return False
    return at not in crl.window or (below is not None and crl.issuer != below.issuer)


@memo(8)
def _list(data: bytes) -> Crl:
    return load_crl(data, what="a CRL")


# --- the questions --------------------------------------------------------------------------------


def _signed_document(name: str, url: str, why: str, headers: tuple[str, ...], parse: _Parse) -> Source:
    """TCB info or an identity. The signature stands in the answer, the signer's chain in a header."""

    def read(answer: Answer) -> _Documents:
        body, signature = signed({name: answer.body}, name)
        return {
            name: body,
            f"{name}_signature": signature,
            f"{name}_issuer_chain": _header_chain(answer, headers, 2, url),
        }

    def until(documents: _Documents) -> datetime:
        return _parsed((parse, signed(documents, name)[0])).window.end

    documents = (name, f"{name}_signature", f"{name}_issuer_chain")
    return Source(url, documents, why, read=read, until=until)


def _pck_crl(leaf: Certificate) -> Source:
    authority = authority_of(leaf)
    url = f"{PCS}/sgx/certification/v4/pckcrl?ca={authority}&encoding=der"

    def read(answer: Answer) -> _Documents:
        chain = _header_chain(answer, ("sgx-pck-crl-issuer-chain",), 2, url)
        return {"pck_crl": crl_der({"pck_crl": answer.body}, "pck_crl"), "pck_crl_issuer_chain": chain}

    return Source(
        url,
        ("pck_crl", "pck_crl_issuer_chain"),
        f"revocation list of the {authority} CA",
        read=read,
        until=_until_list("pck_crl"),
    )


def _certificate(quote: Quote) -> Source:
    """The PCK certificate of a quote that names its platform by an encrypted PPID (certification data of type 3).

    Intel's own service wants a subscription key for this; a PCCS, which knows platforms by the id of their quoting
    enclave, wants none: `--mirror` leads there. PPIDs that are not encrypted, or for an older key, nobody takes.
    """
    data = quote.certification_data
    end = _ENCRYPTED_PPID + 20
    if len(data) != end:
        raise EndorsementError(
            f"the quote names its platform in {len(data)} bytes instead of {end}",
            where="quote, certification data",
            hint="give the platform's PCK chain as the document pck_certificate_chain",
            source=SOURCE,
        )
    ppid, cpu_svn, pce_svn, pce_id = data[:384], data[384:400], data[400:402], data[402:404]
    url = (
        f"{PCS}/sgx/certification/v4/pckcert?qeid={quote.user_data[:16].hex()}&encrypted_ppid={ppid.hex()}"
        f"&cpusvn={cpu_svn.hex()}&pcesvn={pce_svn.hex()}&pceid={pce_id.hex()}"
    )

    def read(answer: Answer) -> _Documents:
        above = _header_chain(answer, ("sgx-pck-certificate-issuer-chain",), 2, url)
        return {"pck_certificate_chain": answer.body.rstrip() + b"\n" + above}

    def until(documents: _Documents) -> datetime:
        chain = documents["pck_certificate_chain"]
        return load_pem_chain(chain, what="pck_certificate_chain", size=range(3, 4), error=EndorsementError)[
            0
        ].validity.end

    why = "PCK certificate of the platform; Intel asks for a subscription key, a PCCS (--mirror) does not"
    return Source(url, ("pck_certificate_chain",), why, read=read, until=until)


def _until_list(name: str) -> Callable[[_Documents], datetime]:
    return lambda documents: _list(crl_der(documents, name)).window.end


def _header_chain(answer: Answer, names: tuple[str, ...], size: int, url: str) -> bytes:
    """The certificates in a header: PEM, percent-encoded. Raises EndorsementError."""
    text = next((answer.headers[name] for name in names if name in answer.headers), None)
    if text is None:
        raise EndorsementError(
            f"the answer has no header {names[0]}",
            where=url,
            hint="this is not Intel's service, nor a mirror that passes its headers on",
            source=SOURCE,
        )
    if len(text) > _CHAIN_SIZE:
        raise EndorsementError(f"the header {names[0]} has {len(text)} bytes", where=url, source=SOURCE)
    chain = unquote_to_bytes(text)
    load_pem_chain(chain, what=f"the header {names[0]}", size=range(size, size + 1), error=EndorsementError)
    return chain
