# SPDX-License-Identifier: Apache-2.0
"""Where a verification may end: at the roots that a policy pins for this TEE, or else at its maker's."""

from __future__ import annotations

from hashlib import sha256

from tests.pki.authority import certificate
from ttee.model import Anchor, Assurance, Endorsements, Reliance
from ttee.pki.path import Root
from ttee.pki.trusted import of_maker, trusted

ROOT, OTHER = certificate("root"), certificate("issuer")
MAKER = of_maker(Root("the maker", digest=ROOT.digest))


def test_without_anchors_the_maker_is_trusted_and_is_silicon() -> None:
    found = trusted(Endorsements(), "tee", MAKER)
    assert found is MAKER
    assert found.reliance(ROOT) == Reliance("root", "root", ROOT.digest)
    assert found.reliance(ROOT, "the maker's root") == Reliance("root", "the maker's root", ROOT.digest)
    assert found.assurance(ROOT) is Assurance.SILICON


def test_an_anchor_for_another_tee_is_none_for_this_one() -> None:
    assert trusted(Endorsements((Anchor("other", OTHER.spki),)), "tee", MAKER) is MAKER


def test_anchors_replace_the_maker_and_say_how_real_they_are() -> None:
    anchors = (
        Anchor("tee", OTHER.spki, Assurance.SIMULATED, "of the lab"),
        Anchor("other", ROOT.spki),
        Anchor("tee", ROOT.spki, Assurance.EMULATED),
    )
    found = trusted(Endorsements(anchors), "tee", MAKER)
    assert found.anchors == (anchors[0], anchors[2])
    assert found.roots == (
        Root("of the lab", key=sha256(OTHER.spki).digest()),
        Root("a root of the policy", key=sha256(ROOT.spki).digest()),
    )
    assert found.reliance(OTHER) == Reliance("anchor", "issuer", OTHER.key_digest)
    assert found.assurance(OTHER) is Assurance.SIMULATED
    assert found.assurance(ROOT) is Assurance.EMULATED
