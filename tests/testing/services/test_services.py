# SPDX-License-Identifier: Apache-2.0
"""Software makers' services: what they hand out verifies, and each fault ends in a named error or a refusal."""

from __future__ import annotations

import socket
import threading
import urllib.request
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.tee.amd.vendors import vendor as amd_vendor
from ttee.endorse.address import parse_mirror
from ttee.endorse.fetcher import Web
from ttee.endorse.gather import gather
from ttee.errors import EndorsementError, ExitCode, FetchError, NotThereError, RevokedError, TteeError
from ttee.model import Claims, Endorsements, Evidence, Status
from ttee.tee import tee_named
from ttee.tee.amd.evidence import NAME as SNP
from ttee.tee.amd.evidence import VLEK
from ttee.tee.amd.products import GENOA, MILAN
from ttee.tee.intel.quote import SGX, TDX
from ttee.testing.amd import NOW as AMD_NOW
from ttee.testing.intel import NOW, Machine, Vendor
from ttee.testing.services import (
    Fault,
    KeyDistribution,
    Maker,
    Provisioning,
    Question,
    Reply,
    Services,
    serve,
)
from ttee.testing.services.intel import certification

VENDOR = Vendor.random()
GUEST, ENCLAVE = VENDOR.machine(TDX), VENDOR.machine(SGX, kind="processor", ppid=bytes(16))
CHIP = amd_vendor(MILAN).chip()
MAKERS: tuple[Maker, ...] = (Provisioning(VENDOR, (GUEST, ENCLAVE)), KeyDistribution((CHIP,)))


@pytest.fixture
def services() -> Iterator[Services]:
    with serve(*MAKERS) as running:
        yield running


def online(services: Services, evidence: Evidence, timeout: float = 5.0) -> Claims:
    """What a user gets who has nothing but the evidence, and pins the maker's root."""
    web = Web([parse_mirror(each) for each in services.mirrors], timeout=timeout, sleep=lambda _: None)
    anchor = amd_vendor(MILAN).anchor() if evidence.tee == SNP else VENDOR.anchor(evidence.tee)
    try:
        found = gather(evidence, fetcher=web, at=NOW)
    finally:
        web.close()
    return tee_named(evidence.tee).verify(evidence, Endorsements((anchor,), found.documents), at=NOW)


def quote(machine: Machine, **options: object) -> Evidence:
    return Evidence(machine.tee, {"quote": machine.quote(**options)})  # type: ignore[arg-type]


def report(version: int = 3) -> Evidence:
    return Evidence(SNP, {"report": CHIP.report(version)})


# --- what they are for ----------------------------------------------------------------------------


@pytest.mark.parametrize("machine", [GUEST, ENCLAVE], ids=["tdx", "sgx"])
def test_a_quote_alone_is_enough_online(services: Services, machine: Machine) -> None:
    claims = online(services, quote(machine))
    assert claims.current is True
    assert claims.details["tcb_status"] == "UpToDate"
    assert len(services.asked) == len(set(services.asked)) == 4


@pytest.mark.parametrize("machine", [GUEST, ENCLAVE], ids=["tdx", "sgx"])
def test_a_quote_without_certificates_takes_a_round_more(services: Services, machine: Machine) -> None:
    claims = online(services, quote(machine, certification=certification(machine)))
    assert claims.details["ppid"] == machine.ppid
    asked = [url.partition("?")[0].rpartition("/")[2] for url in services.asked]
    assert sorted(asked) == ["IntelSGXRootCA.der", "identity", "pckcert", "pckcrl", "tcb"]
    assert asked.index("pckcert") < asked.index("tcb")


@pytest.mark.parametrize("version", [2, 3, 5])
def test_a_report_alone_is_enough_online(services: Services, version: int) -> None:
    claims = online(services, report(version))
    assert claims.current is None
    assert all(check.status is Status.PASS for check in claims.checks if check.id.startswith("amd.chain"))
    assert claims.editions.keys() == {
        key for key in claims.editions if key.startswith(f"{SNP} crl ARK-Milan ")
    }


def test_a_report_of_an_old_version_is_asked_for_under_each_line_that_it_can_be_of() -> None:
    chip = amd_vendor(GENOA).chip()
    with serve(KeyDistribution((chip, CHIP))) as services:
        web = Web([parse_mirror(each) for each in services.mirrors])
        evidence = Evidence(SNP, {"report": chip.report(2)})
        found = gather(evidence, fetcher=web, at=AMD_NOW)
        web.close()
    assert ["/Milan/" in url for url in services.asked] == [True, False, False, False]
    anchors = (amd_vendor(GENOA).anchor(),)
    claims = tee_named(SNP).verify(evidence, Endorsements(anchors, found.documents), at=AMD_NOW)
    assert claims.details["product"] == "genoa"


def test_a_vlek_is_not_to_be_had_from_the_service(services: Services) -> None:
    cloud = amd_vendor(MILAN).chip(VLEK)
    with pytest.raises(EndorsementError, match="VLEK that signed this report is missing"):
        online(services, Evidence(SNP, {"report": cloud.report()}))
    assert not any("?" in url for url in services.asked)


def test_early_updates_have_a_higher_number() -> None:
    with serve(*MAKERS) as services:
        base = services.mirrors[0].partition("=")[2]
        url = f"{base}/tdx/certification/v4/tcb?fmspc={GUEST.fmspc.hex()}"
        numbers = []
        for update in ("", "&update=standard", "&update=early"):
            with urllib.request.urlopen(url + update) as answer:  # noqa: S310 (loopback)
                numbers.append(b'"tcbEvaluationDataNumber":18' in answer.read())
    assert numbers == [False, False, True]


def test_a_service_can_hand_out_lists_in_pem() -> None:
    with serve(*MAKERS) as services:
        base = services.mirrors[0].partition("=")[2]
        with urllib.request.urlopen(f"{base}/sgx/certification/v4/pckcrl?ca=platform") as answer:  # noqa: S310
            assert answer.read().startswith(b"-----BEGIN X509 CRL-----")


UNKNOWN = (
    "api.trustedservices.intel.com/tdx/certification/v4/tcb?fmspc=ffffffffffff",
    "api.trustedservices.intel.com/sgx/certification/v4/pckcrl?ca=nobody",
    "api.trustedservices.intel.com/tdx/certification/v4/pckcrl?ca=platform",
    "api.trustedservices.intel.com/sgx/certification/v4/pckcert?encrypted_ppid=00",
    "api.trustedservices.intel.com/sgx/certification/v3/tcb",
    "certificates.trustedservices.intel.com/OtherRootCA.der",
    "kdsintf.amd.com/vcek/v1/Rome/cert_chain",
    "kdsintf.amd.com/vcek/v1/Milan/00?blSPL=1",
    "kdsintf.amd.com/",
)


@pytest.mark.parametrize("url", UNKNOWN)
def test_what_a_service_does_not_know_is_status_404(services: Services, url: str) -> None:
    web = Web([parse_mirror(each) for each in services.mirrors])
    with pytest.raises(NotThereError, match="404"):
        web.fetch(f"https://{url}")
    web.close()
    assert services.asked == [f"https://{url}"]


def test_another_makers_service_is_a_class_with_an_answer() -> None:
    """One that takes POSTs, as responders of OCSP do."""

    class Echo:
        hosts = ("ocsp.example",)

        def answer(self, question: Question) -> Reply | None:
            return Reply(question.body + question.path.encode()) if question.body else None

    with serve(Echo(), *MAKERS) as services:
        web = Web([parse_mirror(each) for each in services.mirrors])
        assert web.fetch("https://ocsp.example/here", b"who? ", "text/plain").body == b"who? /here"
        with pytest.raises(NotThereError):
            web.fetch("https://ocsp.example/here")
        web.close()
        with socket.create_connection(("127.0.0.1", services.port), timeout=5) as greedy:
            greedy.sendall(b"POST /ocsp.example/ HTTP/1.0\r\nContent-Length: 1048577\r\n\r\n")
            assert b" 413 " in greedy.recv(4096)
        with socket.create_connection(("127.0.0.1", services.port), timeout=5) as elsewhere:
            elsewhere.sendall(b"GET /nobody.example/ HTTP/1.0\r\n\r\n")
            assert b" 404 " in elsewhere.recv(4096)


def test_a_service_ends_with_its_with() -> None:
    """Even while somebody waits for a slow answer: nothing of it is left."""
    with serve(*MAKERS) as services:
        services.faults["tcb"] = Fault.SLOW
        with pytest.raises(FetchError, match="did not answer"):
            online(services, quote(GUEST), timeout=0.3)
        port = services.port
    assert not any(thread.name == "ttee-services" for thread in threading.enumerate())
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


# --- faults ---------------------------------------------------------------------------------------

NEEDED = {
    Fault.UNKNOWN: (NotThereError, "status 404"),
    Fault.BUSY: (FetchError, "busy: status 429"),
    Fault.BROKEN: (FetchError, "busy: status 500"),
    Fault.FORBIDDEN: (FetchError, "status 401"),
    Fault.ELSEWHERE: (FetchError, "sends us elsewhere"),
    Fault.TRUNCATED: (FetchError, ""),
    Fault.SLOW: (FetchError, "did not answer within"),
    Fault.HUGE: (FetchError, "more than 16777216 bytes"),
    Fault.EMPTY: (EndorsementError, ""),
    Fault.GARBLED: (EndorsementError, ""),
}


@pytest.mark.parametrize("fault", NEEDED)
@pytest.mark.parametrize(
    "where", ["tdx/certification/v4/tcb", "qe/identity", "pckcrl", "IntelSGXRootCA.der", "/vcek/v1/Milan/"]
)
def test_a_service_that_fails_is_named_with_the_address(services: Services, fault: Fault, where: str) -> None:
    services.faults[where] = fault
    kind, says = NEEDED[fault]
    with pytest.raises(kind) as caught:
        online(
            services, report() if "vcek" in where else quote(GUEST), timeout=0.5 if fault is Fault.SLOW else 5
        )
    assert says in caught.value.message
    assert caught.value.exit_code is ExitCode.UNAVAILABLE
    assert where in str(caught.value.where)


@pytest.mark.parametrize("fault", [Fault.NO_HEADERS, Fault.WRONG_HEADERS])
@pytest.mark.parametrize("where", ["tdx/certification/v4/tcb", "qe/identity", "pckcrl", "pckcert"])
def test_an_answer_without_its_signers_is_refused(services: Services, fault: Fault, where: str) -> None:
    services.faults[where] = fault
    with pytest.raises(EndorsementError, match="header"):
        online(services, quote(GUEST, certification=certification(GUEST)))


def test_a_busy_service_is_asked_again(services: Services) -> None:
    services.faults["pckcrl"] = Fault.BUSY_ONCE
    assert online(services, quote(GUEST)).current is True
    assert sum("pckcrl" in url for url in services.asked) == 2


@pytest.mark.parametrize("where", ["tdx/certification/v4/tcb", "qe/identity", "pckcrl", "IntelSGXRootCA.der"])
def test_a_service_that_hands_out_old_things_does_not_pass(services: Services, where: str) -> None:
    """It is asked once, not for ever; verification says which document is stale."""
    services.faults[where] = Fault.STALE
    with pytest.raises(EndorsementError, match="not current at"):
        online(services, quote(GUEST))
    assert sum(where in url for url in services.asked) == 1


def test_an_old_list_of_amds_does_not_pass(services: Services) -> None:
    services.faults["/crl"] = Fault.STALE
    with pytest.raises(EndorsementError, match="not current at"):
        online(services, report())


@pytest.mark.parametrize("fault", [Fault.UNKNOWN, Fault.BUSY, Fault.GARBLED, Fault.HUGE])
def test_without_amds_list_revocation_is_not_checked_and_the_result_says_so(
    services: Services, fault: Fault
) -> None:
    services.faults["/crl"] = fault
    claims = online(services, report())
    assert any("revocation of the keys" in each for each in claims.not_checked)
    assert not claims.editions


def test_revoked_machines_and_chips_are_refused() -> None:
    makers = (
        Provisioning(VENDOR, (GUEST,), revoked=(GUEST.serial,)),
        KeyDistribution((CHIP,), revoked=(0x10001,)),
    )
    with serve(*makers) as services:
        for evidence in (quote(GUEST), report()):
            with pytest.raises(RevokedError):
                online(services, evidence)


def test_what_is_out_of_date_is_a_claim() -> None:
    levels = [GUEST.level(GUEST.components, GUEST.pce_svn, bytes(16), "OutOfDate", ["INTEL-SA-00003"])]
    with serve(Provisioning(VENDOR, (GUEST,), tcb_info={"tcbLevels": levels})) as services:
        claims = online(services, quote(GUEST))
    assert claims.current is False
    assert claims.currency == ("tcb_status",)
    assert claims.details["advisory_ids"] == ("INTEL-SA-00003",)


def test_a_service_of_another_moment_is_current_then() -> None:
    later = NOW + timedelta(days=400)
    with serve(Provisioning(VENDOR, (GUEST,), moment=later)) as services:
        web = Web([parse_mirror(each) for each in services.mirrors])
        found = gather(quote(GUEST), fetcher=web, at=later)
        web.close()
    given = Endorsements((VENDOR.anchor(TDX),), found.documents)
    assert tee_named(TDX).verify(quote(GUEST), given, at=later).current is True
    with pytest.raises(TteeError, match="not current"):
        tee_named(TDX).verify(quote(GUEST), given, at=NOW)
