# SPDX-License-Identifier: Apache-2.0
"""Who vouches for an attestation key? Three ways, and a fourth for those who went one of them before.

    (a)  a certificate of the key itself: clouds, makers          part  ak_certificate
    (b)  a certificate of the endorsement key, and activation     parts ek_certificate, activation
    (c)  the device's own attestation key certified it            parts iak_certificate, certification,
                                                                        certification_signature
    (d)  the key is pinned, by its SubjectPublicKeyInfo or name   an anchor

Each way that the evidence offers must hold; at least one must be there. Of a pinned key nothing else is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256

from attrs import field, frozen

from ttee.errors import (
    AnchorError,
    BindingError,
    EndorsementError,
    MalformedEvidenceError,
    NotAuthenticError,
)
from ttee.model import Anchor, Assurance, ClaimValue, Endorsements, Evidence, Reliance
from ttee.pki.window import require_moment
from ttee.tee.steps import Steps
from ttee.tee.tpm import certificates, checks, keys
from ttee.tee.tpm.activation import check_activation
from ttee.tee.tpm.certificates import AK_PURPOSE, AK_USAGE, EK_PURPOSE, Path, verify_certificate
from ttee.tee.tpm.endorsements import CERTIFIED, RECORD, certified, chain_of
from ttee.tee.tpm.keys import Key
from ttee.tee.tpm.platform import check_platform_certificate
from ttee.tee.tpm.structures import CERTIFY, MAGIC, parse_attest, parse_signature

NEEDED = ("fixedTPM", "fixedParent", "sensitiveDataOrigin", "restricted", "sign")
FORBIDDEN = "decrypt"


@frozen(slots=True)
class Vouched:
    """An attestation key that somebody vouches for."""

    assurance: Assurance
    relied_on: tuple[Reliance, ...]
    not_checked: tuple[str, ...]
    details: Mapping[str, ClaimValue] = field(factory=dict)
    editions: Mapping[str, int] = field(factory=dict)
    revocation_checked: bool = False
    """Of a pinned key nobody says whether it is revoked."""


def check_attributes(key: Key, steps: Steps) -> None:
    """Check `tpm.ak.attributes`. Raises NotAuthenticError."""
    if key.public is None:
        steps.skipped(
            checks.ATTRIBUTES, "the key came without its public area; whoever vouches for it must know"
        )
        return
    with steps(checks.ATTRIBUTES, ", ".join(NEEDED)):
        lacking = [name for name in NEEDED if not key.public.has(name)]
        if lacking or key.public.has(FORBIDDEN):
            raise NotAuthenticError(
                f"the attestation key lacks {', '.join(lacking)}"
                if lacking
                else "the attestation key decrypts, too",
                where="ak, objectAttributes",
            )


def vouch(
    key: Key, evidence: Evidence, endorsements: Endorsements, *, tee: str, at: datetime | None, steps: Steps
) -> Vouched:
    """Check `tpm.ak.trust`. Raises UsageError without `at` where certificates are looked at; AnchorError if nobody
    vouches; MalformedEvidenceError, NotAuthenticError, EndorsementError, RevokedError."""
    anchors = [anchor for anchor in endorsements.anchors if anchor.tee == tee]
    pinned = _pinned(key, anchors)
    if pinned is not None:
        with steps(checks.TRUST, f"the key is pinned: {pinned.note or pinned.key.hex()}"[:200]):
            return Vouched(
                pinned.assurance,
                (Reliance("anchor", "TPM attestation key", sha256(key.spki).digest()),),
                ("who made the TPM, and whether it is one: whoever pinned its key vouches for that",),
            )
    # What was sealed, only who sealed it can say: whoever made the evidence could write a record of their own.
    own = {name: data for name, data in evidence.endorsements.items() if name != RECORD}
    documents = {**own, **endorsements.documents}
    parts = {**evidence.parts, **certified(evidence.parts, documents)}
    offered = parts.keys() & CERTIFIED
    if not offered:
        raise AnchorError(
            "nobody vouches for the attestation key",
            where="ak",
            hint=f"pin it in the policy if you trust that TPM: SHA-256 {sha256(key.spki).hexdigest()}; "
            "or give ak_certificate, or ek_certificate and activation",
            check=checks.TRUST.id,
        )
    at = require_moment(at, "a TPM quote with certificates")
    ways = _Ways(key, parts, documents, anchors, at, steps)
    found: list[Vouched] = []
    if "ak_certificate" in offered:
        found.append(ways.by_own_certificate())
    if "ek_certificate" in offered:
        found.append(ways.by_activation())
    if "iak_certificate" in offered:
        found.append(ways.by_certification())
    return Vouched(
        min((each.assurance for each in found), key=_WORTH.index),
        tuple(dict.fromkeys(each for way in found for each in way.relied_on)),
        tuple(dict.fromkeys(each for way in found for each in way.not_checked)),
        {name: value for way in found for name, value in way.details.items()},
        {name: number for way in found for name, number in way.editions.items()},
        all(way.revocation_checked for way in found),
    )


_WORTH = (Assurance.SIMULATED, Assurance.EMULATED, Assurance.SILICON)


def _pinned(key: Key, anchors: Sequence[Anchor]) -> Anchor | None:
    names = {key.spki, key.public.name} if key.public is not None else {key.spki}
    return next((anchor for anchor in anchors if anchor.key in names), None)


@frozen(slots=True)
class _Ways:
    key: Key
    parts: Mapping[str, bytes]
    documents: Mapping[str, bytes]
    anchors: Sequence[Anchor]
    at: datetime
    steps: Steps

    def path(self, part: str, usage: int) -> Path:
        chain = chain_of(part, self.parts, self.documents)
        found = verify_certificate(
            self.parts[part], chain, self.documents, self.anchors, self.at, what=part, usage=usage
        )
        if any(reliance.kind == "endorsement" for reliance in found.relied_on):
            with self.steps(checks.REVOCATION, "by the lists that were given"):
                pass
        else:
            self.steps.skipped(checks.REVOCATION, "no revocation list was given (documents `crl`, `crl.…`)")
        return found

    def by_own_certificate(self) -> Vouched:
        """Way (a)."""
        with self.steps(checks.TRUST, "") as step:
            path = self.path("ak_certificate", AK_USAGE)
            certificates.check_purpose(path, AK_PURPOSE, what="ak_certificate")
            if path.leaf.spki != self.key.spki:
                raise BindingError("ak_certificate is of another key than `ak`", where="ak_certificate")
            step.detail = f"{path.root.name} certified the key"
        return _vouched(path, {"ak_subject": path.leaf.common_name})

    def by_activation(self) -> Vouched:
        """Way (b)."""
        usage = certificates.ek_usage(self.parts["ek_certificate"])
        with self.steps(checks.EK_CERTIFICATE, "") as step:
            path = self.path("ek_certificate", usage)
            certificates.check_purpose(path, EK_PURPOSE, what="ek_certificate")
            identity = certificates.tpm_identity(path.leaf, what="ek_certificate")
            step.detail = f"{path.root.name} certified the TPM"
        details: dict[str, ClaimValue] = {**identity, "ek_key": path.leaf.key_digest}
        if "platform_certificate" in self.parts:
            with self.steps(checks.PLATFORM, "the machine's maker names this TPM"):
                check_platform_certificate(
                    self.parts["platform_certificate"], path.leaf, self.documents, self.anchors, self.at
                )
        if "activation" not in self.parts:
            if "ak_certificate" in self.parts or "iak_certificate" in self.parts:
                self.steps.skipped(
                    checks.ACTIVATION, "another way vouches for the key; this one was not gone to its end"
                )
                return Vouched(
                    Assurance.SILICON,
                    (),
                    (*path.not_checked, "that ek_certificate is of the same TPM"),
                    revocation_checked=path.revocation_checked,
                )
            raise MalformedEvidenceError(
                "ek_certificate without activation says nothing about the attestation key",
                where="parts",
                hint="make a credential (ttee.tee.tpm.activation), have it activated, and add what comes out",
            )
        if RECORD not in self.documents:
            raise EndorsementError(
                "activation_record is missing: what was sealed, and for whom",
                where=RECORD,
                hint="name the file with what `Challenge.record()` of ttee.tee.tpm.activation gave; in a folder "
                "it does not count",
            )
        with self.steps(checks.ACTIVATION, "the TPM gave back the secret that was sealed for both keys"):
            if self.key.public is None:
                raise MalformedEvidenceError(
                    "activation is of a key's name: give its public area as `ak`", where="ak"
                )
            check_activation(
                self.parts["activation"],
                self.documents[RECORD],
                ek=path.leaf.key_digest,
                ak_name=self.key.public.name,
            )
        with self.steps(checks.TRUST, "it lives in the TPM that the certificate is of"):
            return _vouched(path, details)

    def by_certification(self) -> Vouched:
        """Way (c)."""
        with self.steps(checks.CERTIFICATION, "") as step:
            path = self.path("iak_certificate", AK_USAGE)
            iak = keys.load(path.leaf.spki, "iak_certificate")
            data = self.parts.get("certification", b"")
            attest = parse_attest(data, what="certification", kind=CERTIFY)
            if attest.magic != MAGIC or attest.type != CERTIFY:
                raise NotAuthenticError(
                    "certification is no TPM2_Certify attestation", where="certification, byte 0"
                )
            signature = parse_signature(self.parts.get("certification_signature", b""))
            keys.verify_signature(iak, signature, data, what="certification")
            if self.key.public is None or attest.name != self.key.public.name:
                raise BindingError("another key than `ak` was certified", where="certification, name")
            step.detail = f"{path.root.name} certified the device, and the device the key"
        with self.steps(checks.TRUST, "the device's own attestation key vouches for it"):
            return _vouched(path, {"device": path.leaf.common_name, "iak_key": path.leaf.key_digest})


def _vouched(path: Path, details: Mapping[str, ClaimValue]) -> Vouched:
    note = (f"what stands behind {path.root.name}: {path.root.note}",) if path.root.note else ()
    return Vouched(
        path.root.assurance,
        path.relied_on,
        (*path.not_checked, *note),
        details,
        path.editions,
        path.revocation_checked,
    )
