# SPDX-License-Identifier: Apache-2.0
"""A host attaches endorsements to its evidence: those that can become stale keep nobody from asking."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from attrs import define, evolve, field

import ttee
from tests.tee.amd.vendors import vendor as amd_vendor
from ttee.appraise import signature_only
from ttee.endorse.gather import Gathered, gather
from ttee.endorse.store import Kept, Store
from ttee.errors import EndorsementError, FetchError, NotThereError, RevokedError
from ttee.model import Claims, Endorsements, Evidence
from ttee.tee import tee_named
from ttee.tee.amd import table
from ttee.tee.amd.endorsements import crl_url
from ttee.tee.amd.evidence import NAME as SNP
from ttee.tee.amd.evidence import VCEK
from ttee.tee.amd.products import MILAN
from ttee.tee.intel.endorsements import COLLATERAL
from ttee.tee.intel.quote import TDX
from ttee.tee.nitro.evidence import NAME as NITRO
from ttee.tee.own import verify
from ttee.tee.sources import Answer
from ttee.testing import nitro, x509
from ttee.testing.intel import NOW, Vendor
from ttee.testing.services import KeyDistribution, Maker, Provisioning, Question, RevocationLists

INTEL = Vendor.random()
MACHINE = INTEL.machine(TDX)
AMD = amd_vendor(MILAN)
CHIP = AMD.chip()
AWS = nitro.Vendor.named("of own lists")
CAME = "which came with the evidence"


@define(slots=True)
class Web:
    """A maker's service; `down` is what of its addresses cannot be reached."""

    maker: Maker
    down: str = "nothing"
    asked: list[str] = field(factory=list)

    def fetch(self, url: str, post: bytes | None = None, content_type: str = "") -> Answer:  # noqa: ARG002 (a Fetcher's)
        self.asked.append(url)
        if self.down in url:
            raise FetchError("the service cannot be reached", where=url)
        reply = self.maker.answer(Question(url, post or b""))
        if reply is None:
            raise NotThereError("the service does not know", where=url)
        return Answer(reply.body, reply.headers)


def quote(**changes: object) -> Evidence:
    """A quote with collateral that its host attached."""
    collateral = json.dumps(INTEL.collateral(MACHINE, **changes)).encode()
    return Evidence(TDX, {"quote": MACHINE.quote()}, {COLLATERAL: collateral})


def report() -> Evidence:
    """An extended report, in whose table its host has the key's certificate and a list."""
    host = table.encode({"vcek": CHIP.vek(), "crl": AMD.crl()})
    return Evidence(SNP, {"report": CHIP.report(), "certificates": host}, {"chain": AMD.chain()})


def judged(evidence: Evidence, found: Gathered) -> Claims:
    anchors = (INTEL.anchor(TDX), AMD.anchor(), AWS.anchor())
    return verify(evidence, Endorsements(anchors, found.documents, own=found.own), at=NOW)


def from_evidence(claims: Claims) -> list[str]:
    return [each for each in claims.not_checked if CAME in each]


def test_a_host_attaches_the_list_from_before_its_key_was_revoked() -> None:
    service = Web(Provisioning(INTEL, (MACHINE,), revoked=(MACHINE.serial,)))
    with pytest.raises(RevokedError):
        judged(quote(), gather(quote(), fetcher=service, at=NOW))
    assert judged(quote(), gather(quote(), at=NOW)).tee == TDX


def test_a_host_attaches_it_in_its_certificate_table_or_beside_it() -> None:
    revoked = KeyDistribution((CHIP,), revoked=(2,))
    for evidence in (
        report(),
        Evidence(SNP, {"report": CHIP.report()}, {"crl": AMD.crl(), "vek": CHIP.vek()}),
    ):
        service = Web(revoked)
        found = gather(evidence, fetcher=service, at=NOW)
        assert service.asked[-1] == crl_url(VCEK, MILAN)
        assert found.own == frozenset()
        assert found.documents["crl"] != AMD.crl()


def test_offline_what_came_along_counts_and_the_verdict_says_so() -> None:
    for evidence, names in ((quote(), "pck_crl, qe_identity"), (report(), "crl")):
        claims = judged(evidence, gather(evidence, at=NOW))
        assert len(from_evidence(claims)) == 1
        assert names in from_evidence(claims)[0]
    assert not from_evidence(ttee.verify(quote(), INTEL.endorsements(MACHINE), at=NOW))


def test_an_unreachable_service_is_an_error_whatever_came_along() -> None:
    with pytest.raises(FetchError):
        gather(quote(), fetcher=Web(Provisioning(INTEL, (MACHINE,)), down="https://"), at=NOW)


def test_a_list_that_can_be_done_without_is_not_taken_from_the_host_when_the_service_is_down() -> None:
    found = gather(report(), fetcher=Web(KeyDistribution((CHIP,)), down="crl"), at=NOW)
    claims = judged(report(), found)
    assert "crl" not in found.documents
    assert any("revo" in each for each in claims.not_checked)
    assert not from_evidence(claims)


def test_chains_and_keys_that_came_along_are_not_asked_for() -> None:
    service = Web(KeyDistribution((CHIP,)))
    claims = judged(report(), gather(report(), fetcher=service, at=NOW))
    assert service.asked == [crl_url(VCEK, MILAN)]
    assert not from_evidence(claims)


def test_a_chain_inside_collateral_is_kept_where_the_rest_is_not() -> None:
    packed = quote(pck_certificate_chain=MACHINE.chain().decode())
    split = tee_named(TDX).split
    assert split is not None
    lasting, own = split(packed)
    assert lasting.endorsements.keys() == {"pck_certificate_chain", "pck_crl_issuer_chain"}
    assert own.keys() >= {"tcb_info", "tcb_info_signature", "qe_identity", "root_ca_crl", "pck_crl"}


@pytest.mark.parametrize(
    ("tee", "lasting", "stale"),
    [
        (
            "azure-vtpm",
            ("vek", "ak_chain", "pck_certificate_chain"),
            ("crl", "ak_crl", "ak_crl.1", "tcb_info"),
        ),
        ("nvidia-gpu", ("rim.driver", "rim.vbios"), ("ocsp", "ocsp.1")),
        ("tpm", ("ak_certificate", "chain", "chain.ek_certificate"), ("crl", "crl.1")),
        ("intel-sgx", ("pck_crl_issuer_chain",), ("qe_identity", "qe_identity_signature", "pck_crl")),
        ("aws-nitro", (), ("crl", "crl.1")),
    ],
)
def test_each_tee_tells_what_goes_stale(tee: str, lasting: tuple[str, ...], stale: tuple[str, ...]) -> None:
    split = tee_named(tee).split
    assert split is not None
    rest, own = split(Evidence(tee, {}, dict.fromkeys((*lasting, *stale), b"data")))
    assert (set(rest.endorsements), set(own)) == (set(lasting), set(stale))


def test_a_certificate_table_without_a_list_or_that_is_none_stays_as_it_is() -> None:
    split = tee_named(SNP).split
    assert split is not None
    for host in (table.encode({"vcek": CHIP.vek()}), b"no table"):
        evidence = Evidence(SNP, {"report": CHIP.report(), "certificates": host})
        assert split(evidence) == (evidence, {})


def test_collateral_that_cannot_be_read_is_no_concern_online_and_an_error_offline() -> None:
    evidence = evolve(quote(), endorsements={COLLATERAL: b"{"})
    service = Web(Provisioning(INTEL, (MACHINE,)))
    assert judged(evidence, gather(evidence, fetcher=service, at=NOW)).tee == TDX
    with pytest.raises(EndorsementError):
        judged(evidence, gather(evidence, at=NOW))


def test_what_came_along_in_pieces_does_not_go_before_what_was_given_in_one() -> None:
    """A host cannot put its own TCB info in front of that of the user's collateral."""
    pieces = {name: text.encode() for name, text in INTEL.collateral(MACHINE, tcb_info="{}").items()}
    evidence = Evidence(TDX, {"quote": MACHINE.quote()}, pieces)
    assert not from_evidence(verify(evidence, INTEL.endorsements(MACHINE), at=NOW))


def test_offline_a_current_answer_that_is_kept_goes_first_and_a_stale_one_last(tmp_path: Path) -> None:
    store, url = Store(tmp_path), crl_url(VCEK, MILAN)
    newer = AMD.crl(number=9)
    store.keep(Kept(url, None, {"crl": newer}, NOW, NOW + timedelta(days=15)))
    assert gather(report(), stores=[store], at=NOW).documents == {"crl": newer}
    old = AMD.crl(begin=NOW - timedelta(days=40), end=NOW - timedelta(days=10))
    store.keep(Kept(url, None, {"crl": old}, NOW, NOW - timedelta(days=10)))
    found = gather(report(), stores=[store], at=NOW)
    assert found.documents == {}
    assert len(from_evidence(judged(report(), found))) == 1


def test_a_list_that_no_service_is_there_for_counts_and_the_verdict_says_so() -> None:
    """Certificates that name no address, or one that is not their maker's."""
    unnamed = (x509.basic_constraints(ca=True, path_length=2), x509.key_usage(0, 5, 6))
    document = AWS.enclave().document(cabundle=AWS.bundle(region=AWS.authority("region", extensions=unnamed)))
    lists = {"crl": AWS.crl("root"), "crl.region": AWS.crl("region"), "crl.noise": b"noise"}
    evidence = Evidence(NITRO, {"document": document}, lists)
    found = gather(evidence, fetcher=Web(RevocationLists(AWS)), at=nitro.NOW)
    assert found.own == frozenset({"crl"})
    claims = verify(evidence, Endorsements((AWS.anchor(),), found.documents, own=found.own), at=nitro.NOW)
    assert from_evidence(claims) == [f"whether there is something newer than crl, {CAME}"]


def test_in_a_fleet_it_is_the_same() -> None:
    policy = signature_only([INTEL.anchor(TDX)])
    service = Web(Provisioning(INTEL, (MACHINE,), revoked=(MACHINE.serial,)))

    def ask(evidence: Evidence, at: datetime) -> Endorsements:
        found = gather(evidence, fetcher=service, at=at)
        return Endorsements(documents=found.documents, own=found.own)

    at = "2026-01-01T00:00:00Z"
    (outcome,) = ttee.verify_many([quote()], policy, documents=ask, at=at)
    assert isinstance(outcome.error, RevokedError)
    (outcome,) = ttee.verify_many([quote()], policy, at=at)
    assert outcome.verdict is not None
    assert len(from_evidence(outcome.verdict.claims)) == 1


def test_collect_says_what_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TTEE_CACHE_DIR", str(tmp_path))
    policy, service = signature_only([INTEL.anchor(TDX)]), Web(Provisioning(INTEL, (MACHINE,)))
    assert ttee.collect(quote(), policy, fetcher=service, at=NOW).own == frozenset()
    assert ttee.collect(quote(), policy, offline=True, at=NOW).own is None
