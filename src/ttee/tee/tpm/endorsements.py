# SPDX-License-Identifier: Apache-2.0
"""Which endorsements a TPM's keys need: the authorities above their certificates, and revocation lists. No I/O.

ak_certificate, ek_certificate   as the parts of these names, where the evidence has none, in DER
chain.PART                       the certificates above that of a part, in PEM, root last
chain                            those above any of them
crl, crl.…                       revocation lists in DER, each for the certificates of its issuer
activation_record, last_seen, platform_issuer                                                 (docs/spec/tpm.md)

Authorities' certificates and lists are asked for where certificates say, on hosts of TPM makers alone (`makers.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from hashlib import sha256
from itertools import islice

from attrs import frozen

from ttee.codec import json
from ttee.errors import EndorsementError, TteeError, UsageError
from ttee.model import Evidence
from ttee.pki import loose
from ttee.pki.addresses import issuer_addresses
from ttee.pki.certificate import Certificate, load_padded_certificate
from ttee.pki.found import MAX_NAMESAKES, MAX_TWINS, find
from ttee.pki.path import check_issued
from ttee.tee import lists
from ttee.tee.own import Split, split_off
from ttee.tee.sources import Answer, File, Source
from ttee.tee.tpm import keys
from ttee.tee.tpm.certificates import ALGORITHMS, MAX_CHAIN
from ttee.tee.tpm.makers import HOSTS, Own, own_roots
from ttee.tee.tpm.platform import names_issuer

AK, EK, IAK = "ak_certificate", "ek_certificate", "iak_certificate"
CERTIFIED = (AK, EK, IAK)
"""Parts that are certificates of keys."""
CHAIN, RECORD, ISSUER = "chain", "activation_record", "platform_issuer"
DOCUMENTS = (AK, EK, CHAIN, f"{CHAIN}.*", *lists.DOCUMENTS, RECORD, "last_seen", ISSUER)


def split(evidence: Evidence) -> Split:
    """The quote with the certificates that came along, and the lists that did."""
    return split_off(evidence, lists.DOCUMENTS)


@frozen(slots=True)
class Asked:
    """A certificate of a key, and what documents about it are called."""

    what: str
    data: bytes
    chain: str
    """The document that has the authorities above it."""
    own: Own
    """Roots that it can end at."""
    lists: str = lists.CRL


def _asked(part: str, data: bytes) -> Asked:
    return Asked(part, data, f"{CHAIN}.{part}", own_roots())


def certified(parts: Mapping[str, bytes], documents: Mapping[str, bytes]) -> dict[str, bytes]:
    """The certificates of keys, by part: the evidence's; else, among the documents, one of its attestation key, and
    one of its endorsement key if the TPM has shown that it has both."""
    extra = (AK, EK) if "activation" in parts else (AK,)
    found = {name: documents[name] for name in extra if name in documents}
    return found | {name: parts[name] for name in CERTIFIED if name in parts}


def chain_of(part: str, parts: Mapping[str, bytes], documents: Mapping[str, bytes]) -> bytes:
    """The certificates above that of a part, in PEM; empty if there are none."""
    return documents.get(f"{CHAIN}.{part}") or parts.get(CHAIN) or documents.get(CHAIN, b"")


def sources(evidence: Evidence, documents: Mapping[str, bytes], at: datetime) -> tuple[Source, ...]:
    """Questions for the next authority of each path that does not reach a root, and for lists of those that do."""
    found: list[Source] = []
    for part, data in certified(evidence.parts, documents).items():
        given = find(chain_of(part, evidence.parts, documents)).certificates
        found += questions(_asked(part, data), given, documents, at)
    return tuple(found)


def questions(
    asked: Asked, given: Sequence[Certificate], documents: Mapping[str, bytes], at: datetime
) -> tuple[Source, ...]:
    """Those about one certificate, of whose authorities `given` are at hand."""
    path = climb(asked.data, given, asked.own)
    top = path[-1] if path else None
    if top is None or top.issuer == top.subject or len(path) > MAX_CHAIN:
        return lists.sources(path, documents, HOSTS, at, asked.lists)
    return tuple(
        Source(
            url,
            (asked.chain,),
            f"certificate of {top.issuer_common_name or 'the issuer'}, above {asked.what}",
            needed=False,
            read=partial(_take_issuer, name=asked.chain, path=path),
        )
        for url in issuer_addresses(top, HOSTS)
    )


def adopt(evidence: Evidence, files: Sequence[File], at: datetime) -> Mapping[str, bytes]:
    """The certificates of these keys, the authorities above them, their current lists, and what was sealed for them."""
    loose_ones = [each for file in files for each in find(file.data).certificates]
    found: dict[str, bytes] = _of_keys(evidence, files, loose_ones)
    for part, data in certified(evidence.parts, found).items():
        pool = [*find(evidence.parts.get(CHAIN, b"")).certificates, *loose_ones]
        found |= authorities(_asked(part, data), pool, files, at)
    if "platform_certificate" in evidence.parts:
        for each in loose_ones:
            if names_issuer(evidence.parts["platform_certificate"], each):
                found[ISSUER] = each.der
    return found


def authorities(
    asked: Asked, pool: Sequence[Certificate], files: Sequence[File], at: datetime
) -> dict[str, bytes]:
    """The authorities above one certificate, out of `pool`, and the lists of all of them, out of `files`."""
    path = climb(asked.data, pool, asked.own)
    found = lists.adopt(path, files, at, ALGORITHMS, asked.lists)
    if len(path) > 1:
        found[asked.chain] = loose.pem(path[1:])
    return found


def climb(data: bytes, pool: Sequence[Certificate], own: Own) -> tuple[Certificate, ...]:
    """The certificate in `data`, and those of `pool` and of our roots above it, as far as each signed the one below."""
    try:
        leaf, _ = load_padded_certificate(data, what="certificate")
    except TteeError:
        return ()
    known = (*pool, *_roots(own))
    pinned = {root.digest for root in own}
    path = [leaf]
    while path[-1].issuer != path[-1].subject and len(path) <= MAX_CHAIN:
        above = list(islice(_issuers(path[-1], known), MAX_TWINS))
        if not above:
            break
        # Authorities certify each other: a root that is pinned comes first, one that is not last. Anybody can write a
        # certificate for an authority's name and key: one that another certified comes before one that none did.
        path.append(
            max(
                above,
                key=lambda each: (
                    each.digest in pinned,
                    each.issuer != each.subject,
                    any(True for _ in _issuers(each, known)),
                ),
            )
        )
    return tuple(path)


def _roots(own: Own) -> Iterator[Certificate]:
    return (root.certificate for root in own if root.certificate is not None)


def _issuers(certificate: Certificate, known: Sequence[Certificate]) -> Iterator[Certificate]:
    namesakes = (each for each in known if each.subject == certificate.issuer)
    return (each for each in islice(namesakes, MAX_NAMESAKES) if _issued(certificate, each))


def _issued(certificate: Certificate, issuer: Certificate) -> bool:
    if certificate.issuer != issuer.subject or certificate.der == issuer.der:
        return False
    try:
        check_issued(certificate, issuer, algorithms=ALGORITHMS, what="certificate")
    except TteeError:
        return False
    return True


def _of_keys(evidence: Evidence, files: Sequence[File], pool: Sequence[Certificate]) -> dict[str, bytes]:
    """Certificates of the keys themselves, for evidence that came without."""
    found: dict[str, bytes] = {}
    try:
        key = keys.load(evidence.parts["ak"], "ak") if "ak" in evidence.parts else None
    except TteeError:
        return found
    if key is not None and not evidence.parts.keys() & CERTIFIED:  # each way that is offered must hold
        ours = [each for each in pool if each.spki == key.spki and not each.is_ca]
        found.update((AK, each.der) for each in _certified_first(ours, pool))
    if "activation" in evidence.parts:
        secret = sha256(evidence.parts["activation"]).hexdigest()
        for file in files:
            # Nobody signed it: from a folder, it could be of whoever made the evidence.
            ek = _sealed_for(file.data, secret) if file.named else None
            if ek is None:
                continue
            found[RECORD] = file.data
            if EK not in evidence.parts:
                ours = [each for each in pool if each.key_digest.hex() == ek]
                found.update((EK, each.der) for each in _certified_first(ours, pool))
    return found


def _certified_first(ours: Sequence[Certificate], pool: Sequence[Certificate]) -> Sequence[Certificate]:
    """One of several certificates of a key: of those that somebody known certified, if there are any, the last."""
    known = (*pool, *_roots(own_roots()))
    made = [each for each in ours[-MAX_TWINS:] if any(True for _ in _issuers(each, known))]
    return (made or ours)[-1:]


def _sealed_for(data: bytes, secret: str) -> str | None:
    """Whom an activation record is for, if it is of this secret: SHA-256 of the endorsement key, in hex."""
    if len(data) > 4096 or data.lstrip()[:1] != b"{":
        return None
    try:
        value = json.loads(data, what=RECORD, max_size=4096, max_depth=1)
    except TteeError:
        return None
    if not isinstance(value, dict) or value.get("secret_sha256") != secret:
        return None
    ek = value.get("ek")
    return ek if isinstance(ek, str) else None


def _take_issuer(answer: Answer, *, name: str, path: tuple[Certificate, ...]) -> Mapping[str, bytes]:
    """The path so far, with the issuer in an answer on top. Raises EndorsementError."""
    for each in find(answer.body).certificates:
        if _issued(path[-1], each):
            return {name: loose.pem((*path[1:], each))}
    raise EndorsementError(
        f"there is no certificate in the answer that issued that of {path[-1].common_name or 'the key'!r}",
        where=name,
    )


def anchor_key(data: bytes) -> bytes:
    """The key in a file, as an anchor has it: that of a certificate or public key (PEM, DER), or a TPM2B_PUBLIC or
    TPMT_PUBLIC, by its SubjectPublicKeyInfo. Raises UsageError."""
    if data[:2] in (b"\x00\x01", b"\x00\x23") or data[2:4] in (b"\x00\x01", b"\x00\x23"):
        try:
            return keys.load(data, "anchor").spki
        except TteeError as problem:
            raise UsageError(problem.message, where=problem.where, source=problem.source) from None
    return loose.key_of(data)
