# SPDX-License-Identifier: Apache-2.0
"""A folder of files, and a quote: which of them are its endorsements, and what is still to be asked for."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import vectors
from tests.tee.intel.cases import VectorCase, all_cases
from ttee.errors import (
    CertificateError,
    EndorsementError,
    MalformedEvidenceError,
    SignatureError,
    TteeError,
    UsageError,
)
from ttee.model import Claims, Endorsements, Evidence
from ttee.pki.certificate import load_certificate
from ttee.tee import tee_named
from ttee.tee.intel import checks
from ttee.tee.intel.evidence import split
from ttee.tee.intel.quote import PCK_LEAF, PPID, SGX, TDX
from ttee.tee.intel.service import adopt, sources, sources_for
from ttee.tee.intel.verify import verify
from ttee.tee.sources import Answer, File
from ttee.testing import x509
from ttee.testing.intel import NOW, Machine, Vendor, chain_pem
from ttee.testing.services.intel import certification

VENDOR = Vendor.random()
GUEST, ENCLAVE = VENDOR.machine(TDX), VENDOR.machine(SGX, kind="processor")
OTHER = VENDOR.machine(TDX, fmspc=bytes.fromhex("00806f050000"))
FAULTY_COLLATERAL = {"tcb_info_upgraded", "qe_identity_edited", "wrong_pck_crl", "tcb_info_other_fmspc"}
"""Cases whose fault is in the collateral: where there is better, it is taken, and the quote is genuine."""


def evidence(machine: Machine = GUEST, **options: Any) -> Evidence:
    return Evidence(machine.tee, {"quote": machine.quote(**options)})


def files(*contents: bytes | str | Mapping[str, Any]) -> list[File]:
    """Files that are called the same: a name says nothing."""
    return [File("file", _bytes(each)) for each in contents]


def _bytes(content: bytes | str | Mapping[str, Any]) -> bytes:
    if isinstance(content, bytes):
        return content
    return (content if isinstance(content, str) else json.dumps(dict(content))).encode()


def verified(
    given: Sequence[File], shown: Evidence | None = None, at: datetime = NOW, vendor: Vendor = VENDOR
) -> Claims:
    shown = shown or evidence()
    anchors = (vendor.anchor(shown.tee),)
    return verify(shown, Endorsements(anchors, adopt(shown, given, at)), at=at)


def refused(kind: type[TteeError], given: Sequence[File], shown: Evidence | None = None) -> TteeError:
    with pytest.raises(kind) as caught:
        verified(given, shown)
    return caught.value


def collateral(machine: Machine = GUEST, **changes: Any) -> dict[str, str]:
    return VENDOR.collateral(machine, **changes)


def edition(number: int, begin: int = -5, end: int = 25) -> dict[str, Any]:
    """What a document says of itself: its evaluation number, and days from now."""
    days = {"issueDate": begin, "nextUpdate": end}
    dates = {key: (NOW + timedelta(days=day)).strftime("%Y-%m-%dT%H:%M:%SZ") for key, day in days.items()}
    return {"tcbEvaluationDataNumber": number, **dates}


# --- the shared vectors ---------------------------------------------------------------------------


@cache
def everything() -> tuple[File, ...]:
    """Every file of the platform, quotes and broken collateral included."""
    folders = [vectors.root() / name for name in ("intel-dcap", "sgx", "tdx")]
    found = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    assert len(found) > 70
    return tuple(File(path.name, path.read_bytes()) for path in found)


def outcome(case: VectorCase, documents: Mapping[str, bytes] | None) -> object:
    try:
        given = documents if documents is not None else case.endorsements.documents
        claims = verify(case.evidence, Endorsements(case.endorsements.anchors, given), at=case.at)
    except TteeError as error:
        return type(error), error.check
    return claims.details["tcb_status"], claims.details["advisory_ids"], claims.current


def adopted_outcome(case: VectorCase, given: Sequence[File]) -> object:
    try:
        documents = adopt(case.evidence, given, case.at)
    except TteeError as error:
        return type(error), error.check
    return outcome(case, documents)


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.id)
def test_a_shared_vector_has_its_expected_result_out_of_loose_files(case: VectorCase) -> None:
    """Out of its own files, and out of all files that there are."""
    expected = outcome(case, None)
    own = [File("file", data) for data in case.endorsements.documents.values()]
    assert adopted_outcome(case, own) == expected
    among_all = adopted_outcome(case, everything())
    if case.id.partition("~")[2] in FAULTY_COLLATERAL:
        assert among_all == ("UpToDate", (), True)
    else:
        assert among_all == expected
    assert adopted_outcome(case, everything()[::-1]) == among_all


def test_the_genuine_collateral_answers_all_questions_and_stale_collateral_does_not() -> None:
    case = next(case for case in all_cases() if case.id == "phala_b0c06f")
    documents = adopt(case.evidence, everything(), case.at)
    assert sources(case.evidence, documents, case.at) == ()
    later = case.at + timedelta(days=365)
    assert [source.needed for source in sources(case.evidence, documents, later)] == [False] * 4
    assert [source.needed for source in sources(case.evidence, {}, case.at)] == [True] * 4


# --- forms ----------------------------------------------------------------------------------------


def parts_as_files(machine: Machine, **changes: Any) -> list[File]:
    """Each part a file of its own, as they come from Intel."""
    parts = collateral(machine, **changes)
    answers = [
        f'{{"{key}":{parts[name]},"signature":"{parts[f"{name}_signature"]}"}}'
        for key, name in (("tcbInfo", "tcb_info"), ("enclaveIdentity", "qe_identity"))
    ]
    crls = [bytes.fromhex(parts[name]) for name in ("root_ca_crl", "pck_crl")]
    return files(*answers, *crls, parts["tcb_info_issuer_chain"])


@pytest.mark.parametrize("machine", [GUEST, ENCLAVE], ids=["tdx", "sgx"])
def test_whole_collateral_and_its_parts_are_as_good(machine: Machine) -> None:
    whole, loose = files(collateral(machine)), parts_as_files(machine)
    for some in (whole, loose, loose[::-1], whole + loose):
        assert verified(some, evidence(machine)).current is True


@pytest.mark.parametrize("form", ["der", "hex", "pem", "base64", "json"])
def test_lists_come_in_many_forms(form: str) -> None:
    parts = collateral()
    crls = [bytes.fromhex(parts.pop(name)) for name in ("root_ca_crl", "pck_crl")]
    pem = [x509.pem(crl).replace(b" CERTIFICATE-", b" X509 CRL-") for crl in crls]
    given: dict[str, list[Any]] = {
        "der": crls,
        "hex": [crl.hex().upper() + "\n" for crl in crls],
        "pem": [b"Both lists:\n" + b"and\n".join(pem)],
        "base64": [b64encode(crl) for crl in crls],
        "json": [{"crl_data": each.decode(), "issuer_chain": "?"} for each in pem],
    }
    assert verified(files(parts, *given[form])).current is True


def test_two_halves_of_a_collateral_make_one() -> None:
    parts = collateral()
    names = sorted(parts)
    with pytest.raises(EndorsementError, match="missing"):
        verified(files({name: parts[name] for name in names[:5]}))
    half_and_half = (
        {name: parts[name] for name in names if name.startswith("tcb")},
        {name: parts[name] for name in names if not name.startswith("tcb")},
    )
    assert verified(files(*half_and_half)).current is True


# --- the choice -----------------------------------------------------------------------------------


def test_each_quote_gets_what_is_for_its_tee_and_platform() -> None:
    given = files(collateral(OTHER), collateral(ENCLAVE), collateral(GUEST))
    for machine in (GUEST, OTHER, ENCLAVE):
        claims = verified(given, evidence(machine))
        assert (claims.tee, claims.details["fmspc"]) == (machine.tee, machine.fmspc)


def test_the_highest_evaluation_number_counts_among_what_is_current() -> None:
    editions = {
        "stale, though high": edition(99, -60, -30),
        "current": edition(18),
        "current, and early": edition(19),
        "not yet issued": edition(50, 10, 40),
    }
    given = files(*(collateral(tcb_info=each, qe_identity=each) for each in editions.values()))
    claims = verified(given)
    assert claims.details["tcb_evaluation"] == 19
    assert claims.editions[f"intel-tdx tcb_info {GUEST.fmspc.hex()} evaluation{under()}"] == 19


def test_of_what_is_stale_the_newest_is_handed_on_and_named() -> None:
    given = files(
        collateral(tcb_info=edition(16, -90, -60)),
        collateral(tcb_info=edition(17, -60, -30)),
    )
    error = refused(EndorsementError, given)
    assert error.check == checks.TCB_INFO_CURRENT.id
    assert "2025-11-02" in error.message


def test_the_newest_lists_count() -> None:
    later = NOW - timedelta(days=1)
    newer = VENDOR.crl("platform", [GUEST.serial], begin=later, end=later + timedelta(days=30), number=2)
    for some in (files(collateral(), newer), files(newer, collateral())):
        assert refused(TteeError, some).check == checks.PCK_REVOKED.id


def test_what_is_for_another_platform_is_handed_on_only_if_it_is_the_one() -> None:
    """Then `verify` names what is wrong with it; of several, none is more likely than the other."""
    rest = {name: text for name, text in collateral().items() if not name.startswith("tcb_info")}
    one = {name: text for name, text in collateral(OTHER).items() if name.startswith("tcb_info")}
    error = refused(EndorsementError, files(rest, one))
    assert error.check == checks.TCB_INFO_PLATFORM.id
    third = VENDOR.collateral(VENDOR.machine(TDX, fmspc=bytes(6)))
    error = refused(EndorsementError, files(rest, one, third))
    assert error.check == checks.COLLATERAL_FORM.id
    assert f"tcb?fmspc={GUEST.fmspc.hex().upper()}" in str(error.hint)
    refusal = refused(EndorsementError, [], evidence(ENCLAVE))
    assert "pckcrl?ca=processor&encoding=der," in str(refusal.hint)


def test_collateral_is_asked_for_again_if_it_is_for_another_platform() -> None:
    given = adopt(evidence(), files(collateral(OTHER)), NOW)
    (question,) = sources(evidence(), given, NOW)
    assert question.url.endswith(f"tdx/certification/v4/tcb?fmspc={GUEST.fmspc.hex().upper()}")
    assert not question.needed


# --- what others put there ------------------------------------------------------------------------


def test_forged_collateral_does_not_get_in_the_way_of_genuine_collateral() -> None:
    """It has a higher number, and is signed: by somebody else, below another root of the same name."""
    forger = Vendor.random()
    twin = forger.machine(TDX)
    forged = forger.collateral(twin, tcb_info=edition(99), qe_identity=edition(99))
    for some in (files(forged, collateral()), files(collateral(), forged)):
        assert verified(some).details["tcb_evaluation"] == 17


def test_a_broken_signature_does_not_get_in_the_way_of_a_good_one() -> None:
    broken = {**collateral(tcb_info=edition(99)), "tcb_info_signature": "11" * 64}
    same = {**collateral(), "tcb_info_signature": "11" * 64, "tcb_info_issuer_chain": "nothing"}
    assert verified(files(broken, same, collateral())).details["tcb_evaluation"] == 17
    assert verified(files(collateral(), same, broken)).details["tcb_evaluation"] == 17
    assert refused(SignatureError, files(broken)).check == checks.TCB_INFO_SIGNATURE.id


def test_a_list_that_somebody_else_signed_does_not_get_in_the_way() -> None:
    forged = Vendor.random().crl("platform", [GUEST.serial], number=99)
    assert verified(files(forged, collateral())).current is True


def test_a_signer_that_was_renewed_is_found_among_the_files() -> None:
    """The same key, an old certificate and a new one; the old one came with the document."""
    old = VENDOR.signer(end=NOW - timedelta(days=1))
    parts = {**collateral(), "tcb_info_issuer_chain": chain_pem(old, VENDOR.root())}
    parts["qe_identity_issuer_chain"] = parts["tcb_info_issuer_chain"]
    assert refused(EndorsementError, files(parts)).check == checks.TCB_SIGNER.id
    assert verified(files(parts, x509.pem(VENDOR.signer()))).current is True


WHOLE = json.dumps(collateral()).encode()


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=200) | st.text(max_size=100).map(str.encode), max_size=8), st.data())
def test_files_of_other_kinds_are_left_alone(noise: list[bytes], data: st.DataObject) -> None:
    cut = WHOLE[: data.draw(st.integers(0, len(WHOLE) - 2))]
    assert verified(files(*noise, WHOLE, cut)).current is True
    adopt(evidence(), files(*noise, cut), NOW)


# --- quotes that do not bring all their certificates ----------------------------------------------


def test_the_certificate_of_a_quote_without_one_is_the_one_whose_key_signed() -> None:
    shown = evidence(certification=certification(GUEST))
    twin = VENDOR.machine(TDX)  # the same platform in every word, with another key
    given = files(collateral(), twin.chain(), GUEST.chain())
    assert verified(given, shown).details["ppid"] == GUEST.ppid
    bundle = files(collateral(), x509.pem(GUEST.pck()), x509.pem(VENDOR.authority()))
    assert verified(bundle, shown).current is True


def test_a_quote_with_its_own_certificate_alone_gets_those_above_it() -> None:
    shown = evidence(certification=(PCK_LEAF, x509.pem(GUEST.pck())))
    parts = collateral()
    assert parts.pop("pck_crl_issuer_chain")
    questions = sources(shown, {"collateral": json.dumps(parts).encode()}, NOW)
    assert [source.documents for source in questions] == [("pck_crl", "pck_crl_issuer_chain")]
    assert questions[0].needed
    assert verified(files(parts, x509.pem(VENDOR.authority())), shown).current is True


def test_a_platform_that_only_intel_can_tell_is_asked_for_first() -> None:
    shown = evidence(certification=certification(GUEST))
    urls = [source.url for source in sources(shown, {}, NOW)]
    assert [url.rpartition("/")[2].partition("?")[0] for url in urls] == [
        "pckcert",
        "identity",
        "IntelSGXRootCA.der",
    ]
    assert f"cpusvn={GUEST.cpu_svn.hex()}&pcesvn=0b00&pceid=0000" in urls[0]


def test_a_platform_in_plain_words_can_be_asked_of_nobody() -> None:
    shown = evidence(certification=(PPID, GUEST.ppid + GUEST.cpu_svn + b"\x0b\0\0\0"))
    assert not any("pckcert" in source.url for source in sources(shown, {}, NOW))
    assert verified(files(collateral(), GUEST.chain()), shown).current is True


def test_an_encrypted_ppid_of_another_size_is_refused() -> None:
    kind, data = certification(GUEST)
    with pytest.raises(EndorsementError, match="in 403 bytes instead of 404"):
        sources(evidence(certification=(kind, data[:-1])), {}, NOW)


# --- questions ------------------------------------------------------------------------------------


def test_what_is_malformed_is_said_as_verification_says_it() -> None:
    broken = Evidence(TDX, {"quote": GUEST.quote()[:-1]})
    bare = evidence(certification=(5, chain_pem(VENDOR.signer(), VENDOR.authority(), VENDOR.root()).encode()))
    for shown, kind, check in (
        (broken, MalformedEvidenceError, checks.QUOTE_FORM),
        (bare, CertificateError, checks.PCK_CHAIN),
    ):
        for ask in (lambda: sources(shown, {}, NOW), lambda: adopt(shown, [], NOW)):  # noqa: B023
            with pytest.raises(kind) as caught:
                ask()
            assert caught.value.check == check.id
    with pytest.raises(EndorsementError) as unread:
        sources(evidence(), {"collateral": b"{"}, NOW)
    assert unread.value.check == checks.COLLATERAL_FORM.id


def test_what_cannot_be_read_is_left_to_verification() -> None:
    parts = {name: text.encode() for name, text in collateral().items()}
    for name in ("tcb_info", "qe_identity", "pck_crl", "root_ca_crl"):
        assert sources(evidence(), {**parts, name: b"?"}, NOW) == ()


def test_early_updates_are_asked_for_where_they_are_wanted() -> None:
    urls = [source.url for source in sources_for(split(evidence()), {}, NOW, update="early")]
    assert [url.endswith("update=early") for url in urls] == [True, True, False, False]
    assert urls[1].endswith("/qe/identity?update=early")


@pytest.mark.parametrize("name", ["TCB-Info-Issuer-Chain", "SGX-TCB-Info-Issuer-Chain"])
def test_an_answer_is_split_into_its_documents_and_says_how_long_it_is_good(name: str) -> None:
    question = sources(evidence(), {}, NOW)[0]
    parts = collateral()
    body = f'{{"tcbInfo":{parts["tcb_info"]},"signature":"{parts["tcb_info_signature"]}"}}\n'
    chain = parts["tcb_info_issuer_chain"].replace("\n", "%0A").replace("+", "%2B").replace(" ", "%20")
    assert question.read is not None
    documents = question.read(Answer(body.encode(), {name: chain}))
    assert tuple(documents) == question.documents
    assert documents["tcb_info"] == parts["tcb_info"].encode()
    assert documents["tcb_info_issuer_chain"] == parts["tcb_info_issuer_chain"].encode()
    assert question.until(documents) == NOW + timedelta(days=25)
    with pytest.raises(EndorsementError, match="65537 bytes"):
        question.read(Answer(body.encode(), {name: "%" * 65537}))


@settings(max_examples=60)
@given(st.binary(max_size=300), st.text(max_size=80), st.sampled_from(["tcb-info-issuer-chain", "other"]))
def test_any_other_answer_is_refused_by_name(body: bytes, header: str, name: str) -> None:
    for question in sources(evidence(certification=certification(GUEST)), {}, NOW) + sources(
        evidence(), {}, NOW
    ):
        answer = Answer(body, {name: header, **dict.fromkeys(HEADERS, header)})
        with pytest.raises(EndorsementError):
            question.until(question.read(answer) if question.read else {question.documents[0]: body})


HEADERS = (
    "sgx-enclave-identity-issuer-chain",
    "sgx-pck-crl-issuer-chain",
    "sgx-pck-certificate-issuer-chain",
)


# --- strangers ------------------------------------------------------------------------------------


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
    return x509.certificate(**usual | {"signer": x509.ecdsa(STRANGER), "serial": 4711} | changes)


STRANGER = ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize("certification_data", [None, certification(GUEST)], ids=["chain", "ppid"])
def test_certificates_that_a_stranger_signed_are_not_in_the_way(
    certification_data: tuple[int, bytes] | None,
) -> None:
    """However many say that they are Intel's signer, or are of a key of Intel's or of the platform."""
    shown = evidence(certification=certification_data)
    usual = collateral()
    answers = [
        f'{{"{key}":{usual[name]},"signature":"{usual[f"{name}_signature"]}"}}'
        for key, name in (("tcbInfo", "tcb_info"), ("enclaveIdentity", "qe_identity"))
    ]
    genuine = [GUEST.pck(), VENDOR.authority(GUEST.kind), VENDOR.signer(), VENDOR.root()]
    lists = [bytes.fromhex(usual[name]) for name in ("root_ca_crl", "pck_crl")]
    strangers = [twin(each, end=x509.END + timedelta(days=1)) for each in genuine]
    strangers += [twin(VENDOR.signer(), serial=n, key=x509.public(STRANGER)) for n in range(1, 40)]
    rest = files(*answers, *genuine, *lists)
    for some in ([*files(*strangers), *rest], [*rest, *files(*strangers)]):
        assert verified(some, shown).details["tcb_status"] == "UpToDate"


# --- how current ----------------------------------------------------------------------------------


def under() -> str:
    claims = verified(files(collateral()))
    return " under" + next(iter(claims.editions)).partition(" under")[2]


def test_editions_count_what_never_goes_back() -> None:
    claims = verified(files(collateral()))
    platform, issued = GUEST.fmspc.hex(), int(NOW.timestamp())
    day = 24 * 3600
    assert {name.removesuffix(under()): value for name, value in claims.editions.items()} == {
        f"intel-tdx tcb_info {platform} evaluation": 17,
        f"intel-tdx tcb_info {platform} issued": issued - 5 * day,
        "intel-tdx qe_identity evaluation": 17,
        "intel-tdx qe_identity issued": issued - 4 * day,
        "intel crl Intel SGX Root CA issued": issued - 10 * day,
        "intel crl Intel SGX Root CA number": 1,
        "intel crl Intel SGX PCK Platform CA issued": issued - 10 * day,
        "intel crl Intel SGX PCK Platform CA number": 1,
    }


def test_below_intels_own_root_editions_are_counted_together() -> None:
    case = next(case for case in all_cases() if case.id == "phala_b0c06f")
    assert not any("under" in name for name in case.verify().editions)


# --- anchors --------------------------------------------------------------------------------------


@pytest.mark.parametrize("tee", [SGX, TDX])
def test_an_anchor_is_taken_out_of_a_certificate(tee: str) -> None:
    key_of = tee_named(tee).anchor_key
    assert key_of is not None
    root = VENDOR.root()
    assert key_of(root) == key_of(x509.pem(root)) == VENDOR.anchor(tee).key
    with pytest.raises(UsageError):
        key_of(b"nothing of the kind")
