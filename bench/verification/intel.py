# SPDX-License-Identifier: Apache-2.0
"""Verifying Intel quotes, held against dcap-qvl on the same quotes and collateral, in the same process.

- dcap-qvl: its collateral object is made once; it does all of its public-key operations for each quote.
- warm: quotes of a platform that was seen, with collateral that was seen. One signature check is left.
- another platform: the collateral was seen, nothing of the platform was.
- cold: nothing was seen, each time; the collateral is read out of its JSON, as dcap-qvl reads it in "with its JSON".
- nine bare checks: what cold cannot do without (two links and the leaf's, two lists, two documents, quoting enclave,
  quote), by OpenSSL. They take over four fifths of what dcap-qvl takes in all, and reading certificates, lists and JSON
  in Python takes as long again and more: cold is slower than dcap-qvl. It is held to a bound that notices when it gets
  worse, and to no more.

Quotes and collateral are those of the shared vectors: five TDX quotes, and an SGX quote.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import dcap_qvl
from cryptography.hazmat.primitives.asymmetric import ec
from figures import Figure, Goal, in_turn, show
from tests.tee.intel.cases import VectorCase, all_cases

from ttee.pki.cache import forget_all
from ttee.pki.signature import load_point, verify_ecdsa_raw
from ttee.tee.intel.platform import forget_platforms
from ttee.tee.intel.quote import parse
from ttee.tee.intel.verify import verify

RUNS = 16
EACH = 300
WARM_GOAL = 1 / 6
PLATFORM_GOAL = 1.0
COLD_GOAL = 3.0
TDX = (
    "phala_b0c06f",
    "flashtestations_12c1_b",
    "flashtestations_46f6",
    "flashtestations_f200_a",
    "flashtestations_c200",
)
SGX = ("teepot_sw_hardening@2023-06",)


def main() -> bool:
    """Whether every goal is met."""
    cases = {case.id: case for case in all_cases()}
    met = [_bench(name, [cases[each] for each in ids]) for name, ids in (("TDX", TDX), ("SGX", SGX))]
    return all(met)


def _bench(name: str, cases: list[VectorCase]) -> bool:
    at = cases[0].at
    text = (cases[0].collateral or b"").decode()
    theirs = dcap_qvl.QuoteCollateralV3.from_json(text)
    moment = int(at.timestamp())
    ours = [(case.evidence, case.endorsements) for case in cases]

    def peer(number: int) -> None:
        dcap_qvl.verify(cases[number].quote, theirs, moment)

    def peer_with_json(number: int) -> None:
        dcap_qvl.verify(cases[number].quote, dcap_qvl.QuoteCollateralV3.from_json(text), moment)

    def warm(number: int) -> None:
        evidence, endorsements = ours[number]
        verify(evidence, endorsements, at=at)

    def another_platform(number: int) -> None:
        forget_platforms()
        warm(number)

    def cold(number: int) -> None:
        forget_all()
        warm(number)

    parsed = [parse(case.quote) for case in cases]
    keys = [load_point(ec.SECP256R1(), quote.key, what="attestation key") for quote in parsed]

    def nine_bare_checks(number: int) -> None:
        for _ in range(9):
            verify_ecdsa_raw(keys[number], parsed[number].signature, parsed[number].signed, what="quote")

    def measure(*subjects: tuple[str, Callable[[int], None]]) -> list[Figure]:
        """In turn. What is warm is not measured beside what forgets."""
        repeated = [(f"{name}, {label}", _repeated(work, len(cases))) for label, work in subjects]
        return in_turn(repeated, runs=RUNS, warm_up=3, clock=time.process_time)

    whole, on_warm = measure(("dcap-qvl", peer), ("warm", warm))
    whole_json, on_platform, on_cold, on_nine = measure(
        ("dcap-qvl with its JSON", peer_with_json),
        ("another platform", another_platform),
        ("cold", cold),
        ("nine bare checks", nine_bare_checks),
    )
    figures = [whole, on_warm, whole_json, on_platform, on_cold, on_nine]
    goals = [
        Goal(on_warm, whole, WARM_GOAL, at_best=True),
        Goal(on_platform, whole, PLATFORM_GOAL, at_best=True),
        Goal(on_cold, whole_json, COLD_GOAL, at_best=True),
    ]
    met = show(f"Intel {name} quotes, {EACH} a sample", figures, goals)
    wanted = Goal(on_cold, whole_json, 1.0, at_best=True)
    mark = "ok" if wanted.met else "MISSED, as is known (docs/decisions/0016-cold-intel.md):"
    print(f"  {mark} cold no slower than dcap-qvl: {wanted.ratio:.3f}\n")
    for figure in figures:
        print(
            f"  {_rate(figure):9,.0f} a second   {_rate(figure) / _rate(whole):6.2f} x dcap-qvl   {figure.name}"
        )
    print()
    return met


def _rate(figure: Figure) -> float:
    return EACH / figure.best


def _repeated(work: Callable[[int], None], kinds: int) -> Callable[[], None]:
    def several() -> None:
        for number in range(EACH):
            work(number % kinds)

    return several
