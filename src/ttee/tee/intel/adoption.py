# SPDX-License-Identifier: Apache-2.0
"""Which of the files that somebody has are the endorsements of an Intel quote. No I/O.

Files are of any kind: collateral as PCCS users have it, whole or in parts, Intel's bare answers, certificates and
revocation lists in DER, PEM or hex. They are taken apart, and of each part the best is chosen: what is for this
quote, then what its signer signed, then what is current, then the highest evaluation number or the latest issue.

Nothing is decided here: `verify` checks all of it. What is for another platform is handed on only if it is the one
of its kind, so that `verify` names what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TypeVar

from attrs import frozen

from ttee.errors import TteeError
from ttee.pki import found, loose
from ttee.pki.cache import memo
from ttee.pki.certificate import Certificate, common_name
from ttee.pki.crl import Crl
from ttee.pki.signature import load_public_key, verify_ecdsa_raw
from ttee.tee.intel import pck
from ttee.tee.intel.collateral import ROOT_CN, TCB_SIGNER_CN, p256
from ttee.tee.intel.endorsements import MAX_SIZE, signed, unpack
from ttee.tee.intel.platform import PCK_CN, own_chain
from ttee.tee.intel.quote import PCK_CHAIN, PCK_LEAF, Quote
from ttee.tee.intel.tcb_info import QeIdentity, TcbInfo, parse_qe_identity, parse_tcb_info
from ttee.tee.sources import File

MAX_SIGNERS = 16
"""Certificates of one name that are tried: Intel has renewed its signer twice."""
_T = TypeVar("_T")


@frozen(slots=True)
class Signed:
    """A document of Intel's: the bytes that are signed, what they say, and the certificates that came along."""

    body: bytes
    signature: bytes
    content: TcbInfo | QeIdentity
    own: tuple[Certificate, ...] = ()

    @property
    def der(self) -> bytes:
        """What makes it different from others."""
        return self.signature + self.body


@frozen(slots=True)
class Parts:
    """What a file holds."""

    documents: tuple[Signed, ...]
    certificates: tuple[Certificate, ...]
    crls: tuple[Crl, ...]


def adopt_for(quote: Quote, files: Sequence[File], at: datetime) -> Mapping[str, bytes]:
    """The documents for `quote` among `files`, by the names that `endorsements.py` lists.

    Raises what `verify` would about the certificates in the quote.
    """
    all_parts = [take_apart(file.data) for file in files]
    pool = _distinct(certificate for parts in all_parts for certificate in parts.certificates)
    # Certificates are renewed with the same key: those that are valid come first.
    pool.sort(key=lambda certificate: at not in certificate.validity)
    chain = _complete(own_chain(quote) or _find_leaf(quote, pool, at), pool, at)
    root = chain[2] if len(chain) == 3 else None
    documents: dict[str, bytes] = {}
    if root is not None and quote.certification == PCK_LEAF:
        documents["pck_crl_issuer_chain"] = loose.pem(chain[1:])
    elif root is not None and quote.certification != PCK_CHAIN:
        documents["pck_certificate_chain"] = loose.pem(chain)
    given = _distinct(each for parts in all_parts for each in parts.documents)
    fits, signers = _fits(quote, chain), _Signers.among(pool, root, at)
    for name, kind in (("tcb_info", TcbInfo), ("qe_identity", QeIdentity)):
        best = _best([each for each in given if isinstance(each.content, kind)], fits, signers.rank)
        if best is not None:
            documents[name], documents[f"{name}_signature"] = best.body, best.signature
            if signer := signers.chain(best):
                documents[f"{name}_issuer_chain"] = loose.pem(signer)
    return documents | _lists(_distinct(crl for parts in all_parts for crl in parts.crls), chain, at)


def take_apart(data: bytes) -> Parts:
    """What a file holds; nothing of a file of another kind."""
    return _remembered(data) if len(data) <= found.SMALL else _take_apart(data)


def _take_apart(data: bytes) -> Parts:
    documents: list[Signed] = []
    if len(data) <= MAX_SIZE and data.lstrip()[:1] == b"{":
        given: dict[str, bytes] = {}
        with suppress(TteeError):
            given = unpack(data)
        if not given:  # perhaps a bare answer of Intel's: either of the two
            given = {"tcb_info": data, "qe_identity": data}
        parsers: Mapping[str, Callable[[bytes], TcbInfo | QeIdentity]] = {
            "tcb_info": parse_tcb_info,
            "qe_identity": parse_qe_identity,
        }
        for name in parsers.keys() & given.keys():
            with suppress(TteeError):
                body, signature = signed(given, name)
                chain = found.find(given.get(f"{name}_issuer_chain", b"")).certificates
                documents.append(Signed(body, signature, parsers[name](body), chain))
    x509 = found.find(data)
    return Parts(tuple(documents), x509.certificates, x509.crls)


_remembered = memo(512)(_take_apart)


def _distinct(items: Iterable[_T]) -> list[_T]:
    """Each once, in order: people have the same certificate in many files."""
    return list({item.der: item for item in items}.values())  # type: ignore[attr-defined]


def _best(
    items: Sequence[_T], fits: Callable[[_T], bool], rank: Callable[[_T], tuple[object, ...]]
) -> _T | None:
    """The highest of those that fit; if none does, the only one there is."""
    fitting = [item for item in items if fits(item)]
    if fitting:
        return max(fitting, key=rank)
    return items[0] if len(items) == 1 else None


# --- signed documents -----------------------------------------------------------------------------


def _fits(quote: Quote, chain: Sequence[Certificate]) -> Callable[[Signed], bool]:
    """Whether a document is for this TEE and, as far as the platform is known, for its kind."""
    extension = None
    with suppress(TteeError):
        extension = pck.parse(chain[0]) if chain else None

    def fits(document: Signed) -> bool:
        content = document.content
        if content.tee != quote.tee or isinstance(content, QeIdentity) or extension is None:
            return content.tee == quote.tee
        return (content.fmspc, content.pce_id) == (extension.fmspc, extension.pce_id)

    return fits


@frozen(slots=True)
class _Signers:
    """Who signed a document: the signer that came along, or another of the pool; and how good that makes it."""

    named: Sequence[Certificate]
    """Certificates that say they are the signer's."""
    above: Mapping[bytes, Sequence[Certificate]]
    """Certificates by their subject, the platform's own root first."""
    root: Certificate | None
    at: datetime

    @classmethod
    def among(cls, pool: Sequence[Certificate], root: Certificate | None, at: datetime) -> _Signers:
        """Those in `pool`; few of each name, so that a thousand files take a thousand times as long as one."""
        above: dict[bytes, list[Certificate]] = {}
        for each in (*(() if root is None else (root,)), *pool):
            above.setdefault(each.subject, []).append(each)
        named = [each for each in pool if each.common_name == TCB_SIGNER_CN]
        if root is not None:  # before those that only say so
            named.sort(key=lambda each: not found.issued(each, root))
        return cls(named[:MAX_SIGNERS], {name: some[:MAX_SIGNERS] for name, some in above.items()}, root, at)

    def rank(self, document: Signed) -> tuple[object, ...]:
        """Genuine first, then current, then new."""
        content, (_, genuine) = document.content, self._find(document)
        return genuine, self.at in content.window, content.evaluation, content.window.start, document.der

    def chain(self, document: Signed) -> tuple[Certificate, ...]:
        """Signer and root; else what came along."""
        return self._find(document)[0]

    def _find(self, document: Signed) -> tuple[tuple[Certificate, ...], bool]:
        """The chain, and whether it ends in the platform's own root, as far as that is known."""
        others = document.own
        for chain in self._chains(document):
            if self.root is None or chain[-1].spki == self.root.spki:
                return chain, True
            others = chain
        return others, False

    def _chains(self, document: Signed) -> Iterator[tuple[Certificate, ...]]:
        signers = sorted((*document.own[:1], *self.named), key=lambda each: self.at not in each.validity)
        for signer in signers:
            if _holds((signer.spki, document.signature, document.body)):
                above = (*self.above.get(signer.issuer, ()), *document.own[1:2])
                yield from ((signer, each) for each in above if found.issued(signer, each))


def _holds(statement: tuple[bytes, bytes, bytes]) -> bool:
    """Whether a key (SubjectPublicKeyInfo) made a signature of a text."""
    return _known(statement) if len(statement[2]) <= found.SMALL else _is_signed(statement)


def _is_signed(statement: tuple[bytes, bytes, bytes]) -> bool:
    spki, signature, body = statement
    try:
        key = p256(load_public_key(spki, what="a key"), "a key")
        verify_ecdsa_raw(key, signature, body, what="a statement")
    except TteeError:
        return False
    return True


_known = memo(256)(_is_signed)


# --- certificates and lists -----------------------------------------------------------------------


def _find_leaf(quote: Quote, pool: Sequence[Certificate], at: datetime) -> tuple[Certificate, ...]:
    """The PCK certificate of a quote that brings none: its key signed the report of the quoting enclave."""
    leaves = [each for each in pool if each.common_name == PCK_CN]
    ours = [each for each in leaves if _holds((each.spki, quote.qe_signature, quote.qe_report))]
    leaf = _best(
        ours[: found.MAX_TWINS] or leaves,
        lambda _: bool(ours),
        lambda each: (
            found.above(each, pool, at) is not None,
            at in each.validity,
            each.validity.end,
            each.der,
        ),
    )
    return () if leaf is None else (leaf,)


def _complete(
    chain: tuple[Certificate, ...], pool: Sequence[Certificate], at: datetime
) -> tuple[Certificate, ...]:
    """`chain` (leaf, authority, root), with those that it lacks out of the pool, as far as they are there."""
    while 0 < len(chain) < 3:
        above = found.above(chain[-1], pool, at)
        if above is None:
            break
        chain = (*chain, above)
    return chain


def _lists(crls: Sequence[Crl], chain: Sequence[Certificate], at: datetime) -> dict[str, bytes]:
    """The lists of the root and of the authority. Where the chain does not say who they are, their names do."""
    root, authority = chain[2] if len(chain) == 3 else None, chain[1] if len(chain) > 1 else None
    of_root = [crl for crl in crls if common_name(crl.issuer) == ROOT_CN]
    others = [crl for crl in crls if common_name(crl.issuer) != ROOT_CN]
    chosen = {
        "root_ca_crl": _best(
            of_root, lambda crl: root is None or crl.issuer == root.subject, _newest(root, at)
        ),
        "pck_crl": _best(
            others, lambda crl: not chain or crl.issuer == chain[0].issuer, _newest(authority, at)
        ),
    }
    return {name: crl.der for name, crl in chosen.items() if crl is not None}


def _newest(issuer: Certificate | None, at: datetime) -> Callable[[Crl], tuple[object, ...]]:
    def rank(crl: Crl) -> tuple[object, ...]:
        genuine = issuer is not None and found.issued(crl, issuer)
        return genuine, at in crl.window, crl.number or 0, crl.window.start, crl.der

    return rank
