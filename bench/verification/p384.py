# SPDX-License-Identifier: Apache-2.0
"""SEV-SNP, Nitro and CCA, held against the ECDSA checks on P-384 that they cannot do without.

The limit is `cryptography`'s `verify` over the bytes that are signed, with keys and signatures in the form that OpenSSL
takes: hashing and the curve, and nothing else. What counts is signatures over bytes that were not seen before:

- SEV-SNP: one, the chip's over the report. Nitro: one, the enclave's over its document. (Chains were seen.)
- CCA: one, the monitor's over the realm's part. The platform's part is the same, to the byte, until that platform boots
  again, and is remembered with its signature.
- CCA, another boot: two. Both parts are read anew, and a key of the monitor that was never seen: nothing is warm.

Each verification of a sample is of evidence over a nonce of its own, as a caller gets it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime

from attrs import evolve, frozen
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384
from figures import Figure, Goal, in_turn, show

from ttee.codec import cose
from ttee.model import Endorsements, Evidence
from ttee.tee import tee_named
from ttee.tee.amd import evidence as snp_evidence
from ttee.tee.arm.cca import evidence as cca
from ttee.testing import amd, arm, nitro

RUNS = 120
EACH = 20
WARM_UP = 3
GOAL = 0.85
UNSEEN_GOAL = 0.75
_ALGORITHM = ec.ECDSA(SHA384())

Signed = tuple[ec.EllipticCurvePublicKey, bytes, bytes]
"""A key, a signature in DER, and what it signs."""


@frozen(slots=True)
class Case:
    """One piece of evidence, what it is verified with, and the signatures that nobody has seen before."""

    evidence: Evidence
    endorsements: Endorsements
    nonce: bytes
    at: datetime | None
    signed: tuple[Signed, ...]

    def verify(self) -> None:
        """Bytes to claims."""
        tee_named(self.evidence.tee).verify(self.evidence, self.endorsements, nonce=self.nonce, at=self.at)

    def bare(self) -> None:
        """Nothing but the signatures."""
        for key, signature, data in self.signed:
            key.verify(signature, data, _ALGORITHM)


def main() -> bool:
    """Whether every goal is met."""
    makers = (("SEV-SNP", snp), ("Nitro", nitro_documents), ("CCA", realms))
    met = [measure(name, maker, GOAL) for name, maker in makers]
    return measure("CCA, another boot", boots, UNSEEN_GOAL) and all(met)


def measure(name: str, make: Callable[[int], Sequence[Case]], goal: float) -> bool:
    """Verifications of fresh evidence beside its bare signature checks, in turn."""
    samples = iter([make(sample * EACH) for sample in range(RUNS + WARM_UP)])
    current: list[Sequence[Case]] = []

    def bare() -> None:
        current.append(next(samples))
        for case in current[-1]:
            case.bare()

    def whole() -> None:
        for case in current[-1]:
            case.verify()

    limit, figure = in_turn(
        [(f"{name}, bare P-384 checks", bare), (name, whole)],
        runs=RUNS,
        warm_up=WARM_UP,
        clock=time.process_time,
    )
    met = show(
        f"{name}, {EACH} a sample", [limit, figure], [Goal(limit, figure, goal, at_most=False, at_best=True)]
    )
    print(f"  {_rate(figure):9,.0f} a second of at most {_rate(limit):,.0f}\n")
    return met


def _rate(figure: Figure) -> float:
    return EACH / figure.best


def snp(first: int) -> list[Case]:
    """Reports of one chip."""
    cases = []
    for nonce in _nonces(first):
        data = _CHIP.report(report_data=nonce)
        report = snp_evidence.parse(data)
        r, s = (int.from_bytes(number, "little") for number in (report.r, report.s))
        signed = _CHIP.key.public_key(), encode_dss_signature(r, s), data[: snp_evidence.SIGNED]
        evidence = Evidence(snp_evidence.NAME, {"report": data})
        cases.append(Case(evidence, _CHIP_PINNED, nonce, amd.NOW, (signed,)))
    return cases


def nitro_documents(first: int) -> list[Case]:
    """Documents of one enclave."""
    cases = []
    for nonce in _nonces(first):
        data = _ENCLAVE.document(
            nonce=nonce,
            public_key=bytes(294),
            user_data=bytes(64),
            certificate=_CERTIFICATE,
            cabundle=_BUNDLE,
        )
        evidence = Evidence("aws-nitro", {"document": data})
        cases.append(Case(evidence, _ENCLAVE_PINNED, nonce, nitro.NOW, (_signed(data, _ENCLAVE.key),)))
    return cases


def realms(first: int) -> list[Case]:
    """Tokens of realms on a platform that stays up."""
    return [_token(_MACHINE, _PLATFORM, nonce, seen=True) for nonce in _nonces(first)]


def boots(first: int) -> list[Case]:
    """Tokens of a platform that was started anew for each, and so has a new monitor's key."""
    return [_token(*_boot(), nonce, seen=False) for nonce in _nonces(first)]


def _boot() -> tuple[arm.Machine, bytes]:
    machine = evolve(_MACHINE, monitor_key=ec.generate_private_key(ec.SECP384R1()))
    return machine, cca.parse_token(machine.token()).platform


def _token(machine: arm.Machine, platform: bytes, nonce: bytes, *, seen: bool) -> Case:
    realm = cca.parse_token(machine.token(challenge=nonce)).realm
    evidence = Evidence(cca.NAME, {"token": cca.encode_token(cca.Token(cca.LEGACY, platform, realm))})
    signed = [_signed(realm, machine.monitor_key)]
    if not seen:
        signed.append(_signed(platform, machine.key))
    return Case(evidence, _MACHINE_PINNED, nonce, None, tuple(signed))


def _signed(message: bytes, key: ec.EllipticCurvePrivateKey) -> Signed:
    parsed = cose.parse(message, what="message", max_size=len(message))
    r, s = int.from_bytes(parsed.signature[:48]), int.from_bytes(parsed.signature[48:])
    return key.public_key(), encode_dss_signature(r, s), parsed.signed()


def _nonces(first: int) -> list[bytes]:
    return [number.to_bytes(64) for number in range(first, first + EACH)]


_VENDOR = amd.Vendor.random()
_CHIP = _VENDOR.chip()
_CHIP_PINNED = _VENDOR.endorsements(_CHIP)
_ENCLAVE = nitro.Vendor.named("a cloud").enclave()
_CERTIFICATE, _BUNDLE = _ENCLAVE.certificate(), _ENCLAVE.vendor.bundle()
_ENCLAVE_PINNED = _ENCLAVE.vendor.endorsements()
_MACHINE = arm.Machine.named("a server")
_MACHINE_PINNED = _MACHINE.endorsements()
_PLATFORM = cca.parse_token(_MACHINE.token()).platform
