# SPDX-License-Identifier: Apache-2.0
"""TPM quotes over 24 PCRs, with a firmware log of 87 events: that of a cloud's VM, out of the shared vectors.

- log seen: a machine sends the same log with each quote until it boots again. New are nonce and signature.
- log unseen: nothing of the log is remembered, as with the first quote of each machine of a fleet.
- bare: the RSA-2048 check of the attestation key's signature, by OpenSSL.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from figures import Figure, in_turn, show
from tests import vectors

from ttee.eventlog import tcg
from ttee.eventlog.replay import replay
from ttee.pki.cache import forget_all
from ttee.pki.signature import load_public_key
from ttee.tee.tpm.structures import parse_signature
from ttee.tee.tpm.verify import verify
from ttee.testing.tpm import Key, Tpm, Vendor

RUNS = 60
EACH = 20
GOAL = 3000
LOG = "eventlog/ubuntu-1804-amd-sev.bin"
EVENTS = 87


def main() -> bool:
    """Whether the goal is met."""
    data = vectors.read(LOG)
    log = tcg.parse(data)
    assert len(log.events) - 1 == EVENTS  # the first is the header
    tpm = Tpm(Vendor.random(), Key.random(), Key.random(), {"sha256": replay(log, "sha256")})
    pinned = tpm.pinned()
    nonces = [number.to_bytes(32) for number in range(1, EACH + 1)]
    quotes = [tpm.evidence(nonce, (("sha256", range(24)),), event_log=data) for nonce in nonces]
    key = load_public_key(tpm.ak.spki, what="ak")
    assert isinstance(key, rsa.RSAPublicKey)
    signed = [(parse_signature(each.parts["signature"]).value, each.parts["quote"]) for each in quotes]

    def bare(number: int) -> None:
        key.verify(*signed[number], padding.PKCS1v15(), SHA256())

    def seen(number: int) -> None:
        verify(quotes[number], pinned, nonce=nonces[number])

    def unseen(number: int) -> None:
        tcg.forget_logs()
        forget_all()
        seen(number)

    figures = _measured(("bare signature check", bare), ("log seen", seen))
    figures += _measured(("log unseen", unseen))
    show(f"TPM quotes with {EVENTS} events, {EACH} a sample", figures)
    for figure in figures:
        print(f"  {EACH / figure.best:9,.0f} a second   {figure.name}")
    rate = EACH / figures[1].best
    met = rate >= GOAL
    print(f"\n  {'ok  ' if met else 'MISSED'} {rate:,.0f} quotes a second   (goal: at least {GOAL:,})\n")
    return met


def _measured(*subjects: tuple[str, Callable[[int], None]]) -> list[Figure]:
    several = [(name, _repeated(work)) for name, work in subjects]
    return in_turn(several, runs=RUNS, warm_up=3, clock=time.process_time)


def _repeated(work: Callable[[int], None]) -> Callable[[], None]:
    def several() -> None:
        for number in range(EACH):
            work(number)

    return several
