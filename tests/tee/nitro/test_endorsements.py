# SPDX-License-Identifier: Apache-2.0
"""Revocation lists for Nitro documents: where they are asked for, and which of those that one has count."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from ttee.endorse.address import parse_mirror
from ttee.endorse.fetcher import Web
from ttee.endorse.gather import Gathered, gather
from ttee.errors import MalformedEvidenceError, RevokedError
from ttee.model import Claims, Endorsements, Evidence, Status
from ttee.tee.nitro import TEE, checks, endorsements
from ttee.tee.sources import File
from ttee.testing import x509
from ttee.testing.nitro import LISTS, NOW, Vendor
from ttee.testing.services.nitro import RevocationLists
from ttee.testing.services.server import Fault, Services, serve

VENDOR = Vendor.named("a cloud")
EVIDENCE = Evidence(TEE.name, {"document": VENDOR.enclave().document()})


def adopted(*files: bytes) -> dict[str, bytes]:
    assert TEE.adopt
    return dict(TEE.adopt(EVIDENCE, [File(f"file {i}", data) for i, data in enumerate(files)], NOW))


def verified(gathered: Gathered) -> Claims:
    return TEE.verify(EVIDENCE, Endorsements((VENDOR.anchor(),), gathered.documents), at=NOW)


@contextmanager
def asking(maker: RevocationLists) -> Iterator[tuple[Services, Web]]:
    with serve(maker) as services:
        web = Web([parse_mirror(each) for each in services.mirrors], timeout=5, sleep=lambda _: None)
        try:
            yield services, web
        finally:
            web.close()


def test_the_lists_that_certificates_name_are_asked_for_and_count() -> None:
    with asking(RevocationLists(VENDOR)) as (services, web):
        claims = verified(gather(EVIDENCE, fetcher=web, at=NOW))
    assert {re.sub("^https", "http", url) for url in services.asked} == set(LISTS.values())
    assert [check.status for check in claims.checks if check.id == checks.REVOCATION.id] == [Status.PASS]
    assert sorted(claims.editions.values()) == [1, 1, *[int((NOW - timedelta(days=15)).timestamp())] * 2]
    assert all(name.startswith("aws-nitro crl ") for name in claims.editions)
    # Instance and enclave have certificates that name no list.
    assert claims.details["revocation_checked"] is True
    assert len([note for note in claims.not_checked if note.startswith("revocation of")]) == 2


def test_a_zone_that_aws_took_back_is_found_out_by_asking() -> None:
    with (
        asking(RevocationLists(VENDOR, revoked={"region": (3,)})) as (_, web),
        pytest.raises(RevokedError) as caught,
    ):
        verified(gather(EVIDENCE, fetcher=web, at=NOW))
    assert caught.value.check == checks.REVOCATION.id


@pytest.mark.parametrize("fault", [Fault.UNKNOWN, Fault.BROKEN, Fault.GARBLED, Fault.STALE, Fault.EMPTY])
def test_without_lists_the_verification_goes_on_and_says_so(fault: Fault) -> None:
    """A list of another time says nothing about this moment, and an old document has none any more."""
    with asking(RevocationLists(VENDOR)) as (services, web):
        services.faults["crl"] = fault
        gathered = gather(EVIDENCE, fetcher=web, at=NOW)
    assert not gathered.documents
    assert len([each for each in gathered.asked if each.problem]) == 2
    assert any(note.startswith("revocation of the certificates") for note in verified(gathered).not_checked)


def test_what_is_at_hand_is_not_asked_for() -> None:
    lists = adopted(VENDOR.crl("root"), VENDOR.crl("region"))
    assert endorsements.sources(EVIDENCE, lists, NOW) == ()
    assert len(endorsements.sources(EVIDENCE, adopted(VENDOR.crl("root")), NOW)) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.example/crl/a.crl",
        "http://crl-us-east-1-aws-nitro-enclaves.s3.us-east-1.amazonaws.com.evil.example/crl/a.crl",
        "http://somebody.s3.amazonaws.com/crl/a.crl",
    ],
)
def test_a_document_cannot_send_us_anywhere_but_to_awss_buckets(url: str) -> None:
    extensions = (x509.basic_constraints(ca=True), x509.key_usage(0, 5, 6), x509.crl_points(url))
    bundle = VENDOR.bundle(region=VENDOR.authority("region", extensions=extensions))
    document = VENDOR.enclave().document(cabundle=bundle)
    (asked,) = endorsements.sources(Evidence(TEE.name, {"document": document}), {}, NOW)
    assert asked.url == LISTS["region"].replace("http:", "https:")


def test_of_loose_files_the_newest_current_list_of_each_issuer_is_taken() -> None:
    old = VENDOR.crl("root", begin=NOW - timedelta(days=20), number=1)
    new = VENDOR.crl("root", begin=NOW - timedelta(days=2), number=2)
    stale = VENDOR.crl("root", begin=NOW - timedelta(days=9), end=NOW - timedelta(days=1), number=3)
    later = VENDOR.crl("root", begin=NOW + timedelta(days=1), number=4)
    forged = VENDOR.crl("root", signer=x509.ecdsa(VENDOR.keys["zone"]), number=5)
    strange = Vendor.named("another cloud").crl("root", number=6)
    for files in (
        (old, new, stale, later, forged, strange, b"", b"text"),
        (strange, forged, later, stale, new, old),
    ):
        assert list(adopted(*files).values()) == [new]
    assert adopted(stale, later, forged, strange) == {}


def test_of_a_malformed_document_nothing_is_adopted_and_nothing_asked() -> None:
    broken = Evidence(TEE.name, {"document": b"\x84"})
    assert endorsements.adopt(broken, [File("list", VENDOR.crl("root"))], NOW) == {}
    with pytest.raises(MalformedEvidenceError):
        endorsements.sources(broken, {}, NOW)


def test_an_anchor_is_given_as_a_certificate() -> None:
    assert TEE.anchor_key is not None
    assert TEE.anchor_key(x509.pem(VENDOR.authority("root"))) == VENDOR.anchor().key
