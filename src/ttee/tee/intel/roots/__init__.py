# SPDX-License-Identifier: Apache-2.0
"""The pinned root, and roots that a policy pins instead of it."""

from __future__ import annotations

from hashlib import sha256

from attrs import frozen

from ttee.model import Anchor, Assurance, Endorsements, Reliance
from ttee.pki.certificate import Certificate
from ttee.pki.path import Root

INTEL = Root(
    "Intel SGX Root CA",
    digest=bytes.fromhex("44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3"),
)
"""`intel-sgx-root-ca.der`."""


@frozen(slots=True)
class Trusted:
    """The roots that a verification may end at: the anchors, or Intel's own where there are none."""

    anchors: tuple[Anchor, ...]
    roots: tuple[Root, ...]

    def reliance(self, root: Certificate) -> Reliance:
        """What the result rests on, if it ends at `root`. An anchor's key is a SubjectPublicKeyInfo in DER."""
        kind, digest = ("anchor", root.key_digest) if self.anchors else ("root", root.digest)
        return Reliance(kind, root.common_name, digest)

    def assurance(self, root: Certificate) -> Assurance:
        """How real what ends at `root` is: Intel's is silicon, an anchor is what its maker says."""
        return next((a.assurance for a in self.anchors if a.key == root.spki), Assurance.SILICON)


_OF_INTEL = Trusted((), (INTEL,))


def trusted(endorsements: Endorsements, tee: str) -> Trusted:
    """What is trusted for `tee`: only the anchors that are pinned for it, if there are any."""
    anchors = tuple(anchor for anchor in endorsements.anchors if anchor.tee == tee)
    if not anchors:
        return _OF_INTEL
    roots = tuple(
        Root(anchor.note or "a root of the policy", key=sha256(anchor.key).digest()) for anchor in anchors
    )
    return Trusted(anchors, roots)
