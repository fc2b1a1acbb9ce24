# SPDX-License-Identifier: Apache-2.0
"""Claims of real evidence, one for each TEE that the shared vectors have; the RISC-V TEE is made in software."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from types import MappingProxyType

from attrs import evolve

from tests import vectors
from tests.appraise.claims import claims_of
from tests.tee.intel.cases import named
from ttee.model import Anchor, Assurance, Claims, Endorsements, Evidence
from ttee.tee import tee_named
from ttee.tee.recognise import recognise
from ttee.tee.tpm import keys


def _case(platform: str, id_: str) -> vectors.Case:
    return next(case for case in vectors.cases(platform) if case.id == id_)


def _moment(id_: str) -> datetime:
    cases = json.loads(vectors.read(vectors.MANIFEST))["cases"]
    return datetime.fromisoformat(next(case["verification_time"] for case in cases if case["id"] == id_))


def _snp(id_: str = "virtee_milan") -> Claims:
    case = _case("snp", id_)
    evidence = tee_named("amd-sev-snp").wrap(case.inputs["report"])
    assert evidence is not None
    given = Endorsements(documents={"vek": case.inputs["vek"], "chain": case.inputs["ca_chain"]})
    return tee_named("amd-sev-snp").verify(evidence, given, at=datetime(2025, 7, 1, tzinfo=UTC))


def _nitro(id_: str = "dstack_prod") -> Claims:
    evidence = tee_named("aws-nitro").wrap(_case("nitro", id_).inputs["document"])
    assert evidence is not None
    return tee_named("aws-nitro").verify(evidence, Endorsements(), at=_moment(id_))


def _nvidia() -> Claims:
    inputs = _case("nvidia", "hopper_sdk").inputs
    evidence = Evidence("nvidia-gpu", {"report": inputs["report"], "chain": inputs["chain"]})
    return tee_named("nvidia-gpu").verify(evidence, Endorsements(), at=datetime(2026, 1, 1, tzinfo=UTC))


def _cca() -> Claims:
    inputs = _case("cca", "tf_rmm").inputs
    return tee_named("arm-cca").verify(
        recognise(inputs["token"]), Endorsements(documents={"cpak": inputs["cpak"]})
    )


def _tpm() -> Claims:
    inputs = _case("tpm", "keylime_quote").inputs
    names = {"attest": "quote", "signature": "signature", "ak": "ak", "pcrs": "pcrs"}
    evidence = Evidence("tpm", {names[role]: data for role, data in inputs.items()})
    anchor = Anchor("tpm", keys.load(inputs["ak"], "ak").spki, Assurance.SILICON)
    return tee_named("tpm").verify(evidence, Endorsements((anchor,)))


def _azure() -> Claims:
    evidence = recognise(_case("azure-vtpm", "azure_snp_vtpm_v1").inputs["evidence"])
    return tee_named("azure-vtpm").verify(
        evidence, Endorsements(), nonce=b"challenge", at=datetime(2025, 6, 1, tzinfo=UTC)
    )


def _riscv() -> Claims:
    return evolve(claims_of(), assurance=Assurance.EMULATED)


GENUINE: Mapping[str, Callable[[], Claims]] = MappingProxyType(
    {
        "amd-sev-snp": cache(_snp),
        "arm-cca": cache(_cca),
        "aws-nitro": cache(_nitro),
        "azure-vtpm": cache(_azure),
        "intel-sgx": cache(lambda: named("phala_sgx_a06711@2025-07").verify()),
        "intel-tdx": cache(lambda: named("gcp_cos113@2026-01").verify()),
        "nvidia-gpu": cache(_nvidia),
        "riscv": cache(_riscv),
        "tpm": cache(_tpm),
    }
)
"""By the name of the TEE."""

DEBUGGED: Mapping[str, Callable[[], Claims]] = MappingProxyType(
    {
        "amd-sev-snp": lambda: _snp("gosev_milan_debug"),
        "aws-nitro": lambda: _nitro("dstack_debug"),
    }
)
"""Real evidence of TEEs in debug mode."""
