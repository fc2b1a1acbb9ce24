# SPDX-License-Identifier: Apache-2.0
"""Which endorsements a Nitro document can use: revocation lists, which AWS keeps where its certificates say. No I/O.

crl, crl.…   revocation lists in DER: optional, each for the certificates of its issuer

Only AWS's own buckets are asked, whatever a document says: nothing in it has been verified when the question arises.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from ttee.errors import TteeError
from ttee.model import Evidence
from ttee.pki.certificate import Certificate, load_certificate
from ttee.tee import lists
from ttee.tee.nitro.evidence import open_envelope, parse
from ttee.tee.own import Split, split_off
from ttee.tee.sources import File, Source

ALGORITHMS = ("ecdsa-p384-sha384",)
DOCUMENTS = lists.DOCUMENTS
HOSTS = re.compile(
    r"(aws-nitro-enclaves-crl\.s3|crl-[a-z0-9-]{1,32}-aws-nitro-enclaves\.s3\.[a-z0-9-]{1,32})\.amazonaws\.com(\.cn)?"
)


def sources(evidence: Evidence, documents: Mapping[str, bytes], at: datetime) -> tuple[Source, ...]:
    """The lists that are not at hand, of those that the certificates name. Raises MalformedEvidenceError."""
    return lists.sources(path(evidence), documents, HOSTS, at)


def adopt(evidence: Evidence, files: Sequence[File], at: datetime) -> Mapping[str, bytes]:
    """The current lists of the issuers in this document. Of a document that is malformed, nothing."""
    try:
        found = path(evidence)
    except TteeError:
        return {}
    return lists.adopt(found, files, at, ALGORITHMS)


def split(evidence: Evidence) -> Split:
    """The document, and the lists that came along."""
    return split_off(evidence, DOCUMENTS)


def path(evidence: Evidence) -> tuple[Certificate, ...]:
    """The certificates of a document as they read, the enclave's first. Raises MalformedEvidenceError."""
    document = parse(open_envelope(evidence.parts.get("document", b"")).payload)
    bundle = [
        load_certificate(each, what=f"cabundle[{index}]") for index, each in enumerate(document.cabundle)
    ]
    return (load_certificate(document.certificate, what="certificate"), *reversed(bundle))
