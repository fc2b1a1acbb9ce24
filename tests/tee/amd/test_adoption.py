# SPDX-License-Identifier: Apache-2.0
"""A folder of files, and a report: which of them are its endorsements, and what is still to be asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import vectors
from tests.tee.amd.test_verify import expected
from tests.tee.amd.vendors import vendor, wrapped
from ttee.errors import BindingError, EndorsementError, MalformedEvidenceError, RevokedError, TteeError
from ttee.model import Claims, Endorsements, Evidence, Status
from ttee.pki.certificate import load_certificate
from ttee.tee.amd import TEE, checks, table
from ttee.tee.amd.adoption import adopt, adopt_for
from ttee.tee.amd.endorsements import sources
from ttee.tee.amd.evidence import VLEK, parse
from ttee.tee.amd.products import GENOA, MILAN, TURIN
from ttee.tee.amd.verify import verify
from ttee.tee.sources import Answer, File
from ttee.testing import x509
from ttee.testing.amd import NOW, Chip, Vendor, tcb

VENDOR = vendor()
CHIP, CLOUD = VENDOR.chip(), VENDOR.chip(VLEK)
NEWER = evolve(VENDOR.chip(level=tcb(MILAN, bl=4, snp=9, ucode=120)), hwid=CHIP.hwid)
"""The same chip after an update; AMD certifies another key for that."""


def files(*contents: bytes) -> list[File]:
    return [File("file", each) for each in contents]


def verified(shown: Evidence, some: Sequence[File], at: datetime = NOW) -> Claims:
    documents = {**adopt(shown, some, at)}
    return verify(shown, Endorsements((VENDOR.anchor(),), documents), at=at)


def all_of(chip: Chip, **changes: Any) -> list[File]:
    return files(chip.vek(), VENDOR.chain(chip.kind), VENDOR.crl(**changes))


# --- the shared vectors ---------------------------------------------------------------------------


@cache
def everything() -> tuple[File, ...]:
    found = [path for path in sorted((vectors.root() / "snp").rglob("*")) if path.is_file()]
    assert len(found) > 15
    return tuple(File(path.name, path.read_bytes()) for path in found)


def outcome(report: bytes, documents: Mapping[str, bytes], at: datetime) -> object:
    try:
        return verify(wrapped(report), Endorsements(documents=documents), at=at).details["product"]
    except TteeError as error:
        return type(error), error.check


def adopted_outcome(report: bytes, some: Sequence[File], at: datetime) -> object:
    try:
        return outcome(report, adopt(wrapped(report), some, at), at)
    except MalformedEvidenceError as error:
        return type(error), error.check


@pytest.mark.parametrize("case", vectors.cases("snp"), ids=lambda case: case.id)
def test_a_shared_vector_has_its_expected_result_out_of_loose_files(case: vectors.Case) -> None:
    """Out of its own files, and out of all files that there are."""
    report, at = case.inputs["report"], datetime.fromisoformat(expected(case.id)["verification_time"])
    own = {"vek": case.inputs["vek"], "chain": case.inputs["ca_chain"]}
    wanted = outcome(report, own, at)
    assert isinstance(wanted, str) is case.valid
    assert adopted_outcome(report, files(*own.values()), at) == wanted
    if case.id == "trustee_milan_wrong_vcek_legacy":
        wanted = "milan"  # among all files is the VCEK that signed it: the report itself is genuine
    assert adopted_outcome(report, everything(), at) == wanted
    assert adopted_outcome(report, everything()[::-1], at) == wanted


# --- the choice -----------------------------------------------------------------------------------


@pytest.mark.parametrize("chip", [CHIP, CLOUD, NEWER], ids=["vcek", "vlek", "updated"])
@pytest.mark.parametrize("version", [2, 3, 5])
def test_each_report_gets_the_certificate_of_its_key(chip: Chip, version: int) -> None:
    some = [each for one in (CHIP, CLOUD, NEWER, VENDOR.chip(), VENDOR.chip(VLEK)) for each in all_of(one)]
    for order in (some, some[::-1]):
        shown = wrapped(chip.report(version))
        assert _is_of(chip, adopt(shown, order, NOW)["vek"])
        claims = verified(shown, order)
        assert [check.id for check in claims.checks if check.status is Status.SKIPPED] == [checks.NONCE.id]


def twin(der: bytes, **changes: Any) -> bytes:
    """A certificate with everything that another has, key included, signed by a stranger."""
    one = load_certificate(der, what="one")
    extensions = [x509.extension(oid, e.value, critical=e.critical) for oid, e in one.extensions.items()]
    usual: dict[str, Any] = {
        "subject": one.subject,
        "issuer": one.issuer,
        "key": one.spki,
        "extensions": extensions,
    }
    return x509.certificate(**usual | {"signer": x509.pss(Vendor.random().ark_key), "serial": 4711} | changes)


def test_certificates_that_a_stranger_signed_are_not_in_the_way() -> None:
    authority, late = VENDOR.intermediate(), {"begin": NOW - timedelta(days=1)}
    strangers = [twin(each, **late) for each in (CHIP.vek(), authority, VENDOR.ark())]
    expired = VENDOR.intermediate(end=NOW - timedelta(days=1))
    shown = wrapped(CHIP.report())
    for more in (strangers, [expired], *([each] for each in strangers)):
        for some in ([*files(*more), *all_of(CHIP)], [*all_of(CHIP), *files(*more)]):
            assert verified(shown, some).details["product"] == "milan"


def _is_of(chip: Chip, vek: bytes) -> bool:
    return load_certificate(vek, what="vek").spki == x509.public(chip.key)


def test_pem_bundles_are_taken_apart() -> None:
    bundle = b"all of it:\n" + x509.pem(CHIP.vek()) + VENDOR.chain()
    crl = x509.pem(VENDOR.crl()).replace(b" CERTIFICATE-", b" X509 CRL-")
    claims = verified(wrapped(CHIP.report()), files(crl, bundle))
    assert f"{TEE.name} crl ARK-Milan number" in next(iter(claims.editions)).replace("issued", "number")


def test_what_azures_machines_hand_out_is_taken_apart() -> None:
    """Trusted Hardware Identity Management answers with PEM in JSON."""
    answer = {"vcekCert": x509.pem(CHIP.vek()).decode(), "tcbm": "0", "cacheControl": "86400"}
    answer["certificateChain"] = VENDOR.chain().decode()
    documents = adopt(wrapped(CHIP.report()), files(json.dumps(answer).encode()), NOW)
    assert set(documents) == {"vek", "chain"}
    assert verify(wrapped(CHIP.report()), Endorsements((VENDOR.anchor(),), documents), at=NOW).tee == TEE.name


def test_where_the_host_masks_the_chip_the_signature_says_whose_the_report_is() -> None:
    report = CHIP.report(chip_id=bytes(64))
    some = [*all_of(VENDOR.chip(level=CHIP.tcb)), *all_of(CHIP), *all_of(VENDOR.chip(level=CHIP.tcb))]
    assert _is_of(CHIP, adopt(wrapped(report), some, NOW)["vek"])
    assert verified(wrapped(report), some).tee == TEE.name
    assert not [source for source in sources(wrapped(report), {}, NOW) if source.documents == ("vek",)]


def test_the_certificate_of_another_tcb_is_handed_on_and_asked_for_again() -> None:
    """After an update: `verify` names the difference; online, the service has the right one."""
    shown = wrapped(NEWER.report())
    documents = adopt(shown, all_of(CHIP), NOW)
    with pytest.raises(BindingError) as caught:
        verify(shown, Endorsements((VENDOR.anchor(),), documents), at=NOW)
    assert caught.value.check == checks.TCB.id
    (question,) = sources(shown, documents, NOW)
    assert "blSPL=4&teeSPL=0&snpSPL=9&ucodeSPL=120" in question.url
    assert not question.needed
    assert sources(shown, adopt(shown, all_of(NEWER), NOW), NOW) == ()


def test_certificates_of_other_chips_are_left_alone_but_for_the_only_one() -> None:
    shown = wrapped(CHIP.report())
    strangers = [VENDOR.chip().vek() for _ in range(2)]
    assert "vek" not in adopt(shown, files(*strangers), NOW)
    assert adopt(shown, files(strangers[0]), NOW)["vek"] == strangers[0]
    with pytest.raises(BindingError) as caught:
        verified(shown, files(strangers[0], VENDOR.chain()))
    assert caught.value.check == checks.CHIP.id


def test_the_newest_list_of_the_right_root_counts() -> None:
    shown, later = wrapped(CHIP.report()), NOW - timedelta(days=1)
    life = timedelta(days=30)
    newer = VENDOR.crl(revoked={0x10001: later}, begin=later, end=later + life, number=2)
    forged = Vendor.random(MILAN).crl(number=99)
    with pytest.raises(RevokedError):
        verified(shown, [*all_of(CHIP), *files(forged, newer)])
    assert verified(shown, [*files(forged), *all_of(CHIP)]).editions
    other = vendor(GENOA).crl()
    claims = verified(shown, files(CHIP.vek(), VENDOR.chain(), other))
    assert any("revocation of the keys" in each for each in claims.not_checked)


def test_a_stale_list_is_handed_on_and_named() -> None:
    past = NOW - timedelta(days=90)
    some = all_of(CHIP, begin=past, end=past + timedelta(days=30))
    with pytest.raises(EndorsementError, match="not current at"):
        verified(wrapped(CHIP.report()), some)
    questions = sources(wrapped(CHIP.report()), adopt(wrapped(CHIP.report()), some, NOW), NOW)
    assert [source.documents for source in questions] == [("crl",)]


def test_what_the_host_handed_out_needs_no_file() -> None:
    """The certificate table of an extended report has the VLEK; the rest is among the files."""
    certificates = table.encode({"vlek": CLOUD.vek()})
    shown = Evidence(TEE.name, {"report": CLOUD.report(2), "certificates": certificates})
    documents = adopt(shown, files(VENDOR.chain(VLEK), VENDOR.crl()), NOW)
    assert set(documents) == {"chain", "crl"}
    assert sources(shown, documents, NOW) == ()
    assert (
        verify(shown, Endorsements((VENDOR.anchor(),), documents), at=NOW).details["csp_id"] == "Some Cloud"
    )


@settings(max_examples=40)
@given(st.lists(st.binary(max_size=300), max_size=6), st.integers(0, 900))
def test_files_of_other_kinds_are_left_alone(noise: list[bytes], cut: int) -> None:
    some = [*files(*noise, VEK[:cut]), *files(VEK, CHAIN, LIST)]
    assert set(adopt_for(REPORT, some, NOW)) == {"vek", "chain", "crl"}


VEK, CHAIN, LIST, REPORT = CHIP.vek(), VENDOR.chain(), VENDOR.crl(), parse(CHIP.report())


# --- questions ------------------------------------------------------------------------------------


def test_the_certificate_is_asked_for_first_and_then_what_is_above_it() -> None:
    shown = wrapped(CHIP.report(3))
    questions = sources(shown, {}, NOW)
    assert [(source.documents, source.needed) for source in questions] == [(("vek",), True)]
    questions = sources(shown, {"vek": CHIP.vek()}, NOW)
    assert [(source.documents, source.needed) for source in questions] == [
        (("chain",), False),
        (("crl",), False),
    ]
    assert all("/Milan/" in source.url for source in questions)


def test_a_report_of_version_2_is_asked_for_as_one_line_or_another() -> None:
    questions = sources(wrapped(CHIP.report(2)), {}, NOW)
    assert [source.url.split("/")[5] for source in questions] == ["Milan", "Genoa"]
    turin = vendor(TURIN).chip()
    questions = sources(wrapped(turin.report(2)), {}, NOW)
    assert ["/Turin/" in source.url for source in questions] == [True]
    assert f"/{turin.hwid.hex()}?fmcSPL=1&blSPL=3" in questions[0].url


def test_a_chain_is_asked_for_only_where_ours_does_not_do() -> None:
    shown = wrapped(CHIP.report())
    questions = sources(shown, {"vek": CHIP.vek(), "crl": VENDOR.crl()}, NOW)
    assert [source.url for source in questions] == ["https://kdsintf.amd.com/vcek/v1/Milan/cert_chain"]
    genuine = wrapped(vectors.read("snp/virtee_milan.report.bin"))
    vek = vectors.read("snp/virtee_milan.vek.der")
    assert [source.documents for source in sources(genuine, {"vek": vek}, NOW)] == [("crl",)]


def test_answers_that_are_none_are_refused() -> None:
    shown = wrapped(CHIP.report())
    (vek,) = sources(shown, {}, NOW)
    crl = sources(shown, {"vek": CHIP.vek()}, NOW)[-1]
    for question in (vek, crl):
        assert question.read is not None
        with pytest.raises(EndorsementError):
            question.read(Answer(b"<html>"))
    assert vek.until({"vek": CHIP.vek()}) == x509.END
    assert crl.until({"crl": VENDOR.crl()}) == NOW + timedelta(days=15)


def test_what_cannot_be_read_is_left_to_verification() -> None:
    shown = wrapped(CHIP.report())
    assert sources(shown, {"vek": b"?"}, NOW) == ()
    assert sources(shown, {"vek": CHIP.vek(), "chain": b"?", "crl": b"?"}, NOW) == ()
    with pytest.raises(MalformedEvidenceError) as caught:
        sources(wrapped(CHIP.report()[:-1]), {}, NOW)
    assert caught.value.check == checks.FORMAT.id


def test_an_unsigned_report_asks_for_nothing() -> None:
    assert sources(wrapped(CHIP.report(key_info=7 << 2)), {}, NOW) == ()


# --- how current ----------------------------------------------------------------------------------


def test_amd_does_not_say_what_is_current_and_its_list_counts() -> None:
    claims = verified(wrapped(CHIP.report()), all_of(CHIP, number=7))
    assert (claims.current, claims.currency) == (None, ())
    values = {name.partition(" under ")[0]: value for name, value in claims.editions.items()}
    issued = int((NOW - timedelta(days=15)).timestamp())
    assert values == {
        "amd-sev-snp crl ARK-Milan issued": issued,
        "amd-sev-snp crl ARK-Milan number": 7,
    }
    assert all(" under " in name for name in claims.editions)  # our own root, and not AMD's


def test_an_anchor_is_taken_out_of_a_certificate() -> None:
    assert TEE.anchor_key is not None
    assert TEE.anchor_key(VENDOR.ark()) == TEE.anchor_key(x509.pem(VENDOR.ark())) == VENDOR.anchor().key
