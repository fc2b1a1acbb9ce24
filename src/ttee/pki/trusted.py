# SPDX-License-Identifier: Apache-2.0
"""Which roots a verification may end at: those that the policy pins for a TEE, or else its maker's own.

Roots of a policy replace the maker's. They are pinned by key: an anchor holds the SubjectPublicKeyInfo of one.
"""

from __future__ import annotations

from hashlib import sha256

from attrs import frozen

from ttee.model import Anchor, Assurance, Endorsements, Reliance
from ttee.pki.certificate import Certificate
from ttee.pki.path import Root


@frozen(slots=True, cache_hash=True)
class Trusted:
    """Roots to end at; `anchors` is empty where they are the maker's."""

    anchors: tuple[Anchor, ...]
    roots: tuple[Root, ...]

    def reliance(self, root: Certificate, name: str = "") -> Reliance:
        """What the result rests on, if it ends at `root`; `name` if its common name does not say enough."""
        kind, digest = ("anchor", root.key_digest) if self.anchors else ("root", root.digest)
        return Reliance(kind, name or root.common_name, digest)

    def assurance(self, root: Certificate) -> Assurance:
        """How real what ends at `root` is: a maker's is silicon, an anchor's is what its policy says."""
        said = (anchor.assurance for anchor in self.anchors if anchor.key == root.spki)
        return next(said, Assurance.SILICON)


def trusted(endorsements: Endorsements, tee: str, own: Trusted) -> Trusted:
    """What is trusted for `tee`: the anchors that are pinned for it and no other; `own` if there are none."""
    anchors = tuple(anchor for anchor in endorsements.anchors if anchor.tee == tee)
    if not anchors:
        return own
    return Trusted(
        anchors,
        tuple(Root(each.note or "a root of the policy", key=sha256(each.key).digest()) for each in anchors),
    )


def of_maker(*roots: Root) -> Trusted:
    """A maker's own roots."""
    return Trusted((), roots)
