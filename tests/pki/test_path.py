# SPDX-License-Identifier: Apache-2.0
"""Paths of a fixed shape: every rule by which a link holds, and what breaks it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.pki import authority
from tests.pki.authority import ALGORITHMS, NOW, certificate, chain
from ttee.errors import (
    AnchorError,
    CertificateError,
    EndorsementError,
    SignatureError,
    TteeError,
    WeakKeyError,
)
from ttee.pki.certificate import CRL_SIGN, Certificate
from ttee.pki.path import Root, check_anchored, verify_path
from ttee.pki.window import Window
from ttee.testing import x509

GOOD = chain()
ROOT = Root("ours", digest=GOOD[-1].digest)
BY_KEY = Root("ours", key=GOOD[-1].key_digest)
LONG_AGO, LATER = NOW - timedelta(days=9), NOW + timedelta(days=9)


def holds(path: list[Certificate], root: Root = BY_KEY, **how: Any) -> Window:
    return verify_path(path, root, **{"at": NOW, "algorithms": ALGORITHMS, "what": "chain", **how})


def refused(path: list[Certificate], kind: type[TteeError], words: str, **how: Any) -> TteeError:
    with pytest.raises(TteeError) as caught:
        holds(path, **how)
    assert type(caught.value) is kind, caught.value.message
    assert words in caught.value.message, caught.value.message
    assert caught.value.where
    return caught.value


def test_a_good_path_holds_while_all_of_it_is_valid() -> None:
    window = holds(chain(leaf={"begin": LONG_AGO}, issuer={"end": LATER}))
    assert window == Window(LONG_AGO, LATER)
    assert holds(GOOD, ROOT) == holds(GOOD, Root("both", ROOT.digest, BY_KEY.key))
    assert NOW in verify_path(
        GOOD, [Root("other", bytes(32)), ROOT], at=NOW, algorithms=ALGORITHMS, what="chain"
    )


# --- the root -------------------------------------------------------------------------------------


def test_a_root_that_is_not_pinned_is_no_anchor_and_is_named() -> None:
    for root in (
        Root("theirs", digest=bytes(32)),
        Root("theirs", key=bytes(32)),
        Root("x", ROOT.digest, bytes(32)),
    ):
        error = refused(GOOD, AnchorError, "'root'", root=root)
        assert GOOD[-1].digest.hex() in error.message
        assert root.name in str(error.hint)
    refused([], AnchorError, "is empty")
    refused(GOOD[:-1], AnchorError, "'issuer'")


def test_a_root_that_is_pinned_by_nothing_anchors_nothing() -> None:
    with pytest.raises(WeakKeyError):
        check_anchored(GOOD, Root("anything"), what="chain")


def test_a_pinned_key_vouches_for_what_its_certificate_says() -> None:
    """Else anybody could give the root another name, use or time."""
    stranger = {"signer": authority.signer("stranger")}
    refused(chain(root=stranger), SignatureError, "does not verify")
    refused(chain(root={"issuer": x509.name(CN="other")}), CertificateError, "another issuer")


def test_a_root_pinned_by_digest_needs_no_signature_of_its_own() -> None:
    odd = chain(root={"signer": authority.signer("stranger")})
    assert NOW in holds(odd, Root("ours", digest=odd[-1].digest))


# --- links ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["leaf", "issuer"])
def test_a_link_that_another_key_signed_is_broken(role: str) -> None:
    refused(chain(**{role: {"signer": authority.signer("stranger")}}), SignatureError, "does not verify")


@pytest.mark.parametrize("role", ["leaf", "issuer"])
def test_a_link_to_another_name_is_broken(role: str) -> None:
    refused(chain(**{role: {"issuer": x509.name(CN="other")}}), CertificateError, "another issuer")


def test_a_certificate_cannot_be_taken_out_or_put_elsewhere() -> None:
    leaf, issuer, root = GOOD
    refused([leaf, root], CertificateError, "another issuer")
    refused([issuer, leaf, root], CertificateError, "authority")


@pytest.mark.parametrize("role", ["leaf", "issuer", "root"])
@pytest.mark.parametrize(
    "faults", [{"begin": NOW + timedelta(seconds=1)}, {"end": NOW - timedelta(seconds=1)}]
)
def test_every_certificate_is_valid_at_the_moment(role: str, faults: dict[str, Any]) -> None:
    path = chain(**{role: faults})
    refused(path, CertificateError, "not at 2026-01-01T00:00:00Z")
    error = refused(path, EndorsementError, role, stale=EndorsementError, get="https://maker.example")
    assert "https://maker.example" in str(error.hint)


def test_the_first_and_the_last_second_are_valid() -> None:
    assert holds(chain(leaf={"begin": NOW, "end": NOW})) == Window(NOW, NOW)


# --- algorithms -----------------------------------------------------------------------------------


def test_only_the_makers_algorithms_count() -> None:
    refused(GOOD, CertificateError, "ecdsa-p256-sha256", algorithms={"ecdsa-p384-sha384", "rsa-pss-sha384"})
    other_hash = chain(leaf={"signer": x509.ecdsa(authority.KEYS["issuer"])})
    refused(other_hash, CertificateError, "ecdsa-p256-sha384")
    assert NOW in holds(other_hash, algorithms={*ALGORITHMS, "ecdsa-p256-sha384"})


def test_an_algorithm_that_nobody_knows_does_not_count() -> None:
    odd = x509.Signer(x509.sequence(b"\6\3\x2a\3\4"), authority.signer("issuer").sign)
    refused(chain(leaf={"signer": odd}), CertificateError, "does not fit")


def test_an_algorithm_of_another_kind_of_key_does_not_count() -> None:
    big = ec.generate_private_key(ec.SECP384R1())
    path = chain(leaf={"signer": x509.ecdsa(big)}, issuer={"key": x509.public(big)})
    refused(path, CertificateError, "ecdsa-p384-sha384")
    assert NOW in holds(path, algorithms={*ALGORITHMS, "ecdsa-p384-sha384"})


# --- use ------------------------------------------------------------------------------------------


def test_an_authority_says_that_it_is_one_and_a_leaf_that_it_is_not() -> None:
    refused(
        chain(issuer={"extensions": (x509.basic_constraints(ca=False), x509.key_usage(5))}),
        CertificateError,
        "not a certificate authority",
    )
    refused(
        chain(issuer={"extensions": (x509.key_usage(5),)}), CertificateError, "not a certificate authority"
    )
    refused(
        chain(leaf={"extensions": (x509.basic_constraints(ca=True), x509.key_usage(0))}),
        CertificateError,
        "is a certificate authority",
    )


def test_path_lengths_are_kept() -> None:
    """The root allows one authority below it, the issuer none."""
    refused(
        chain(root={"extensions": (x509.basic_constraints(ca=True, path_length=0), x509.key_usage(5))}),
        CertificateError,
        "allows 0 authorities",
    )
    below = certificate(
        "issuer",
        subject=x509.name(CN="below"),
        issuer=x509.name(CN="issuer"),
        signer=authority.signer("issuer"),
    )
    leaf = certificate("leaf", issuer=x509.name(CN="below"))
    refused([leaf, below, *GOOD[1:]], CertificateError, "allows")
    unbounded = {"extensions": (x509.basic_constraints(ca=True), x509.key_usage(5))}
    longer = [leaf, below, certificate("issuer", **unbounded), certificate("root", **unbounded)]
    assert NOW in holds(longer)


def test_keys_are_for_what_they_are_used_for() -> None:
    ca = x509.basic_constraints(ca=True, path_length=0)
    refused(chain(issuer={"extensions": (ca, x509.key_usage(6))}), CertificateError, "keyUsage lacks bit 5")
    refused(
        chain(leaf={"extensions": (x509.basic_constraints(ca=False), x509.key_usage(1))}),
        CertificateError,
        "keyUsage lacks bit 0",
    )
    unsaid = chain(leaf={"extensions": (x509.basic_constraints(ca=False),)}, issuer={"extensions": (ca,)})
    assert NOW in holds(unsaid)


def test_a_path_may_end_in_an_authority_if_the_caller_says_so() -> None:
    """For the signers of revocation lists; its own pathLen does not count it, the root's does."""
    ends = GOOD[1:]
    assert NOW in holds(ends, leaf_is_ca=True, leaf_usage=CRL_SIGN)
    refused(ends, CertificateError, "is a certificate authority")
    strict = [
        ends[0],
        certificate("root", extensions=(x509.basic_constraints(ca=True, path_length=0), x509.key_usage(5))),
    ]
    refused(strict, CertificateError, "allows 0", leaf_is_ca=True, leaf_usage=CRL_SIGN)


@pytest.mark.parametrize("role", ["leaf", "issuer", "root"])
def test_a_critical_extension_that_nobody_knows_is_refused(role: str) -> None:
    extensions = (*authority.EXTENSIONS[role], x509.extension("1.2.3.4", b"\5\0", critical=True))
    path = chain(**{role: {"extensions": extensions}})
    refused(path, CertificateError, "1.2.3.4")
    assert NOW in holds(path, known_critical={"1.2.3.4"})
    harmless = (*authority.EXTENSIONS[role], x509.extension("1.2.3.4", b"\5\0"))
    assert NOW in holds(chain(**{role: {"extensions": harmless}}))
