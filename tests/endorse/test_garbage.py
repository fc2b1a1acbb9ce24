# SPDX-License-Identifier: Apache-2.0
"""Somebody puts garbage that lasts long into a folder of answers that is given: one's own answers hold."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve

from tests.tee.amd.vendors import vendor as amd_vendor
from ttee.endorse.gather import gather
from ttee.endorse.store import Store
from ttee.model import Anchor, Endorsements, Evidence
from ttee.tee.amd.evidence import NAME as SNP
from ttee.tee.amd.products import MILAN
from ttee.tee.intel.endorsements import pack, unpack
from ttee.tee.intel.quote import TDX
from ttee.tee.nitro.evidence import NAME as NITRO
from ttee.tee.own import verify
from ttee.tee.sources import Answer
from ttee.testing import amd, nitro
from ttee.testing.intel import NOW, Vendor
from ttee.testing.services import KeyDistribution, Maker, Provisioning, Question, RevocationLists

LATER = timedelta(days=4)
"""By which the garbage says that it is newer."""
INTEL, MACHINE = (vendor := Vendor.random()), vendor.machine(TDX)
AMD, CHIP = amd_vendor(MILAN), amd_vendor(MILAN).chip()
AWS = nitro.Vendor.named("genuine")
FORGERS: dict[str, Maker] = {
    "intel": Provisioning(forger := Vendor.random(), (forger.machine(TDX),), moment=NOW + LATER),
    "amd": KeyDistribution((amd.Vendor.random(MILAN).chip(),), moment=NOW + LATER),
    "aws": RevocationLists(
        nitro.Vendor(AWS.name, nitro.Vendor.named("forger").keys), moment=nitro.NOW + LATER
    ),
}
CASES: dict[str, tuple[Evidence, Any, Anchor]] = {
    "intel": (
        Evidence(TDX, {"quote": MACHINE.quote()}),
        Provisioning(INTEL, (MACHINE,)),
        INTEL.anchor(TDX),
    ),
    "amd": (
        Evidence(SNP, {"report": CHIP.report()}, {"vek": CHIP.vek(), "chain": AMD.chain()}),
        KeyDistribution((CHIP,)),
        AMD.anchor(),
    ),
    "aws": (
        Evidence(NITRO, {"document": AWS.enclave().document()}),
        RevocationLists(AWS),
        AWS.anchor(),
    ),
}


@define(slots=True)
class Web:
    """A service that knows everything."""

    maker: Maker

    def fetch(self, url: str, post: bytes | None = None, content_type: str = "") -> Answer:  # noqa: ARG002
        reply = self.maker.answer(Question(url, post or b""))
        assert reply is not None
        return Answer(reply.body, reply.headers)


@pytest.mark.parametrize("case", CASES)
def test_garbage_that_lasts_longer_does_not_win(case: str, tmp_path: Path) -> None:
    evidence, maker, anchor = CASES[case]
    at = nitro.NOW if case == "aws" else NOW
    own, given = Store(tmp_path / "own"), Store(tmp_path / "given")
    genuine = gather(evidence, stores=[own], fetcher=Web(maker), at=at).documents
    forged = gather(evidence, stores=[given], fetcher=Web(FORGERS[case]), at=at).documents
    assert genuine.keys() == forged.keys()
    assert all(genuine[name] != forged[name] for name in genuine)
    for stores in ([own, given], [given, own]):
        found = gather(evidence, stores=stores, at=at)
        assert found.documents == genuine
        claims = verify(evidence, Endorsements((anchor,), found.documents, own=found.own), at=at)
        assert claims.relied_on


@pytest.mark.parametrize("case", CASES)
def test_of_two_genuine_answers_the_newer_one_counts(case: str, tmp_path: Path) -> None:
    """A folder that was carried here may know of more than what is kept."""
    evidence, maker, _ = CASES[case]
    at = nitro.NOW if case == "aws" else NOW
    own, given = Store(tmp_path / "own"), Store(tmp_path / "given")
    gather(evidence, stores=[own], fetcher=Web(maker), at=at)
    fresh = evolve(maker, moment=at + LATER)
    newer = gather(evidence, stores=[given], fetcher=Web(fresh), at=at).documents
    assert gather(evidence, stores=[own, given], at=at).documents == newer


def test_what_was_packed_is_read_again() -> None:
    documents = {"tcb_info": b"{}", "tcb_info_signature": bytes(64), "root_ca_crl": b"\x30\x00"}
    assert unpack(pack(documents)) == {
        "tcb_info": b"{}",
        "tcb_info_signature": bytes(64).hex().encode(),
        "root_ca_crl": b"3000",
    }
