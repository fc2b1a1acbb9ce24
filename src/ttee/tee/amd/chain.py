# SPDX-License-Identifier: Apache-2.0
"""Does AMD vouch for the key that signed a report? Steps 4 to 7 of `verify.py`.

They are the same for all reports of one chip and TCB, so what held is remembered by everything it rests on:
certificates, list, roots, and what of the report counts here.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256

from attrs import frozen

from ttee.errors import BindingError, EndorsementError, RevokedError
from ttee.model import Assurance, Check, Reliance
from ttee.pki.cache import PositiveCache
from ttee.pki.certificate import Certificate
from ttee.pki.crl import Crl, check_crl, check_not_revoked, load_crl
from ttee.pki.trusted import Trusted
from ttee.pki.window import Window
from ttee.tee.amd import certificates, checks, endorsements
from ttee.tee.amd.certificates import KINDS, Vek
from ttee.tee.amd.endorsements import ASK, CHAIN, CRL, VEK
from ttee.tee.amd.evidence import NAME, Report
from ttee.tee.steps import Steps


@frozen(slots=True)
class Endorsed:
    """A key that AMD vouches for: steps 4 to 7, as they ended."""

    vek: Vek
    assurance: Assurance
    checks: tuple[Check, ...]
    relied_on: tuple[Reliance, ...]
    not_checked: tuple[str, ...]
    editions: Mapping[str, int]
    """Number and issue of the revocation list, which never go back."""
    revocation_checked: bool
    """Whether ARK's list was there: it is about both certificates below it."""


_ENDORSED: PositiveCache[Hashable, Endorsed] = PositiveCache(1024)


def endorse(report: Report, documents: Mapping[str, bytes], trust: Trusted, at: datetime) -> Endorsed:
    """Steps 4 to 7. `documents`: see `endorsements.py`.

    Raises EndorsementError, CertificateError, AnchorError, SignatureError, BindingError, RevokedError.
    """
    key = _key(report, documents, trust)
    found = _ENDORSED.get(key, at)
    return found if found is not None else _ENDORSED.put(key, *_endorse(report, documents, trust, at))


def _key(report: Report, documents: Mapping[str, bytes], trust: Trusted) -> Hashable:
    """Everything that steps 4 to 7 look at."""
    given = (documents.get(VEK), documents.get(CHAIN), documents.get(ASK), documents.get(CRL))
    return report.signing_key, report.version, report.cpuid, given, trust


def _endorse(
    report: Report, documents: Mapping[str, bytes], trust: Trusted, at: datetime
) -> tuple[Endorsed, Window]:
    """Steps 4 to 7, and when they hold."""
    steps, not_checked = Steps(), list[str]()
    kind, name = report.signing_key, KINDS[report.signing_key]
    with steps(checks.CERTIFICATE, "") as step:
        leaf, given = _certificates(report, documents, not_checked)
        vek = certificates.read_vek(leaf, kind)
        line = vek.product.line
        step.detail = f"a {name} for {line}"
    with steps(checks.PRODUCT, f"{line}, by certificate{' and processor' if report.version > 2 else ''}"):
        _require_product(report, vek)
    get = endorsements.chain_url(kind, vek.product)
    with steps(checks.CHAIN, "") as step:
        path = certificates.find_path(vek, given, trust.roots)
        window = certificates.verify(path, trust.roots, at, get=get)
        step.detail = " ── ".join(certificate.common_name for certificate in reversed(path))
    leaf, intermediate, root = path
    relied_on = [
        trust.reliance(root, f"AMD {root.common_name}"),
        Reliance("certificate", intermediate.common_name, intermediate.digest),
        Reliance("certificate", leaf.common_name, leaf.digest),
    ]
    get = endorsements.crl_url(kind, vek.product)
    editions: dict[str, int] = {}
    if CRL in documents:
        with steps(checks.REVOCATION, "") as step:
            crl = load_crl(documents[CRL], what="CRL")
            _require_not_revoked(crl, path, at, get)
            step.detail = f"list {crl.number}, with {len(crl.revoked)} entries"
        window &= crl.window
        editions = _editions(crl, root, trust)
        relied_on.append(Reliance("endorsement", f"CRL of {root.common_name}", sha256(crl.der).digest()))
    else:
        steps.skipped(checks.REVOCATION, f"no list was given (document `crl`); it is at {get}")
        not_checked.append(f"revocation of the keys: no list was given (document `crl`); it is at {get}")
    not_checked.append(
        "whether the security versions are current: AMD signs no list of them; a policy can say min-reported-snp-svn"
    )
    endorsed = Endorsed(
        vek,
        trust.assurance(root),
        steps.checks,
        tuple(relied_on),
        tuple(not_checked),
        editions,
        CRL in documents,
    )
    return endorsed, window


def _certificates(
    report: Report, documents: Mapping[str, bytes], not_checked: list[str]
) -> tuple[Certificate, list[Certificate]]:
    """The VEK's certificate, and all others at hand. A host's ASK that cannot be read is not needed."""
    name = KINDS[report.signing_key]
    if VEK not in documents:
        where = endorsements.addresses(report)[VEK]
        raise EndorsementError(
            f"the {name} that signed this report is missing (document `vek`)",
            hint=f"get it from {' or '.join(where)}"
            if where
            else "the host has it: ask for an extended report",
        )
    leaf, *given = certificates.load(documents[VEK], what=name)
    if CHAIN in documents:
        given += certificates.load(documents[CHAIN], what="chain")
    if ASK in documents:
        try:
            given += certificates.load(documents[ASK], what="its ASK")
        except EndorsementError as problem:
            not_checked.append(f"a certificate in the host's table, which was not needed: {problem.message}")
    return leaf, given


def _require_product(report: Report, vek: Vek) -> None:
    """Step 5."""
    line = vek.product.line
    if report.version > 2 and report.product is not vek.product:
        family, model, _ = report.cpuid
        theirs = report.product.line if report.product else "no product line known here"
        raise BindingError(
            f"the certificate is for {line}, the report of family {family:#x}, model {model:#x} ({theirs})",
            where="report, byte 0x188",
        )
    certificates.require_name(
        vek.certificate.issuer, certificates.ISSUERS[vek.kind].format(line), what="VEK's issuer"
    )


def _require_not_revoked(crl: Crl, path: Sequence[Certificate], at: datetime, get: str) -> None:
    """Step 7. The list is the ARK's own; a VEK's serial number, 0 as a rule, is looked up in it all the same."""
    leaf, intermediate, root = path
    check_crl(crl, root, at=at, algorithms=certificates.ALGORITHMS, what="CRL", get=get)
    check_not_revoked(intermediate, crl, what="the intermediate")
    if leaf.serial.to_bytes(leaf.serial.bit_length() // 8 + 1, "big") in crl.revoked:
        raise RevokedError(
            f"the {leaf.common_name} (serial number {leaf.serial:x}) was revoked",
            where="vek",
            hint="AMD no longer vouches for this key; ask the operator for another machine",
        )


def _editions(crl: Crl, root: Certificate, trust: Trusted) -> dict[str, int]:
    """Below roots that a policy pins, they are counted apart: nobody's test raises what AMD's must reach."""
    name = f"{NAME} crl {root.common_name}"
    under = f" under {root.key_digest.hex()[:16]}" if trust.anchors else ""
    found = {f"{name} issued{under}": int(crl.window.start.timestamp())}
    return found if crl.number is None else {**found, f"{name} number{under}": crl.number}
