# SPDX-License-Identifier: Apache-2.0
"""Revocation lists as endorsements: the documents `crl` and `crl.…`, in DER, each for the certificates of its issuer.

None is needed: a verification names the certificates that no list speaks of. So a list that is not current at the
moment in question is left where it lies, and one that is asked for is asked where its maker publishes it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import pairwise

from ttee.errors import EndorsementError, TteeError
from ttee.pki.addresses import can_be_revoked, crl_addresses
from ttee.pki.certificate import Certificate
from ttee.pki.crl import Crl, check_crl, load_crl
from ttee.pki.found import find
from ttee.pki.window import rfc3339
from ttee.tee.sources import Answer, File, Source

CRL = "crl"
DOCUMENTS = (CRL, f"{CRL}.*")


def given(documents: Mapping[str, bytes], kind: str = CRL) -> dict[str, bytes]:
    """The lists among the documents, by name. `kind`: what they are called there."""
    return {
        name: documents[name] for name in sorted(documents) if name == kind or name.startswith(kind + ".")
    }


def all_held(path: Sequence[Certificate], unlisted: Collection[Certificate]) -> bool:
    """Whether each certificate in `path` (leaf first, root last) that can be revoked was held against a list: all but
    the `unlisted` were. Where no list counted at all, nothing was."""
    held = [each for each in path[:-1] if each not in unlisted]
    return bool(held) and not any(map(can_be_revoked, unlisted))


def name_of(issuer: Certificate, kind: str = CRL) -> str:
    """What the list of this issuer is called, unless somebody named it."""
    return f"{kind}.{issuer.key_digest.hex()[:16]}"


def sources(
    path: Sequence[Certificate],
    documents: Mapping[str, bytes],
    hosts: re.Pattern[str],
    at: datetime,
    kind: str = CRL,
) -> tuple[Source, ...]:
    """Questions for the lists of the issuers in `path` (leaf first) of which none is at hand; https, on `hosts`."""
    issuers = {crl.issuer for crl in map(_read, given(documents, kind).values()) if crl is not None}
    return tuple(
        Source(
            url,
            (name_of(issuer, kind),),
            f"revocation list of {issuer.common_name or 'the issuer'}",
            needed=False,
            read=partial(_take, name=name_of(issuer, kind), at=at),
            until=partial(_until, kind=kind),
        )
        for certificate, issuer in pairwise(path)
        if issuer.subject not in issuers
        for url in crl_addresses(certificate, hosts)
    )


def adopt(
    path: Sequence[Certificate],
    files: Sequence[File],
    at: datetime,
    algorithms: Collection[str],
    kind: str = CRL,
) -> dict[str, bytes]:
    """For each issuer in `path` the newest of its lists among `files` that is current at `at`."""
    found = [crl for file in files for crl in find(file.data).crls]
    best: dict[str, Crl] = {}
    for issuer in path[1:]:
        for crl in found:
            try:
                check_crl(crl, issuer, at=at, algorithms=algorithms, what=CRL)
            except TteeError:
                continue
            name = name_of(issuer, kind)
            if name not in best or _age(crl) > _age(best[name]):
                best[name] = crl
    return {name: crl.der for name, crl in best.items()}


def _age(crl: Crl) -> tuple[datetime, int]:
    return crl.window.start, crl.number or 0


def _read(data: bytes) -> Crl | None:
    try:
        return load_crl(data, what=CRL)
    except TteeError:
        return None


def editions(tee: str, crl: Crl, issuer: Certificate) -> dict[str, int]:
    """Number and issue date of a list that holds: neither goes back. Counted for each key that signs lists."""
    name = f"{tee} crl {issuer.common_name[:64] or 'unnamed'} {issuer.key_digest.hex()[:16]}"
    found = {f"{name} issued": int(crl.window.start.timestamp())}
    return found if crl.number is None else {**found, f"{name} number": crl.number}


def _take(answer: Answer, *, name: str, at: datetime) -> Mapping[str, bytes]:
    """The list in an answer. Raises EndorsementError: none, or of another time."""
    crl = load_crl(answer.body, what=name)
    if at not in crl.window:
        raise EndorsementError(
            f"the list is of {rfc3339(crl.window.start)}, to be renewed by {rfc3339(crl.window.end)}, "
            f"and not current at {rfc3339(at)}",
            where=name,
        )
    return {name: crl.der}


def _until(documents: Mapping[str, bytes], *, kind: str) -> datetime | None:
    """When the first of these lists has to be renewed."""
    ends = [crl.window.end for crl in map(_read, given(documents, kind).values()) if crl is not None]
    return min(ends, default=None)
