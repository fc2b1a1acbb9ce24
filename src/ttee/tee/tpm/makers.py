# SPDX-License-Identifier: Apache-2.0
"""Whose TPMs are trusted, unless a policy pins roots of its own: the makers' roots, by the SHA-256 of the certificate.

`roots/README.md` has where each digest comes from. Where an authority certifies virtual TPMs, they are worth what their
hypervisor is worth. Roots that lie in `roots/` need not come along with the evidence; the others are found where the
certificates below them say, or among the files that one has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources

from attrs import frozen

from ttee.model import Assurance
from ttee.pki.certificate import Certificate, load_pem_chain


@frozen(slots=True)
class Pinned:
    """A pinned root, what its TPMs are, and whether its certificates say what they are for.

    `tells_by_usage`: those of attestation keys say that they are of endorsement keys, and only keyUsage tells them
    apart: the one signs, the other never does.
    """

    name: str
    assurance: Assurance
    says_purpose: bool = True
    tells_by_usage: bool = False
    note: str = ""


@frozen(slots=True)
class OwnRoot:
    """A root that is pinned here: its digest, and itself if we have it."""

    digest: bytes
    pinned: Pinned
    certificate: Certificate | None = None


Own = tuple[OwnRoot, ...]

FILES = {
    "google-ek-ak-ca-root.pem": Pinned(
        "Google EK/AK CA Root",
        Assurance.EMULATED,
        says_purpose=False,
        note="a virtual TPM of Google Compute Engine",
    ),
    "google-tpm-ek-root-1.pem": Pinned(
        "Google TPM EK root 1",
        Assurance.EMULATED,
        tells_by_usage=True,
        note="a virtual TPM of Google Compute Engine",
    ),
}
"""Files in roots/."""

_FIRMWARE = "a TPM in the firmware of a processor, which shares its fate"

DIGESTS: Mapping[str, Pinned] = {
    "899e35474c9807eb4c7f2f7a12da0028fb250cd02154d0009fca7d9c66574f3b": Pinned(
        "Infineon OPTIGA(TM) RSA Root CA", Assurance.SILICON
    ),
    "cfeb02fecd55ad7a73c6e1d11985d4c47dee248ab63dcb66091a2489660443c3": Pinned(
        "Infineon OPTIGA(TM) ECC Root CA", Assurance.SILICON
    ),
    "2782e51a95e86d9557fe4204316cf805bd6f5898f81f9732e944d742bcdc5f54": Pinned(
        "Nuvoton TPM Root CA 1110", Assurance.SILICON
    ),
    "e38c280f7c0e0b49f31efc7531032bb6a86c3fba4eb89beb1d510eaa4510ae4a": Pinned(
        "Nuvoton TPM Root CA 1111", Assurance.SILICON
    ),
    "4aebe77a51ed29959a7f9f5e07a24a558dee8167f3985d724995a541c258dfda": Pinned(
        "Nuvoton TPM Root CA 2110", Assurance.SILICON
    ),
    "cd8185ff8995ed09811970090a8c36fafab34ef87f47fa51fdb9ecf95c9c2e04": Pinned(
        "Nuvoton TPM Root CA 2111", Assurance.SILICON
    ),
    "f27bf02c6e00c73d915eeb6a6a2f5fbf0c31ae0393149e6b5c31e41b113841c3": Pinned(
        "GlobalSign Trusted Platform Module Root CA",
        Assurance.SILICON,
        note="GlobalSign certified STMicroelectronics' root for TPMs",
    ),
    "2e1b3ba79af56d758be51697621bc4b9e8cee0983db3e749c55eb9b37c6d2ae0": Pinned(
        "Intel TPM EK root", Assurance.SILICON, note=_FIRMWARE
    ),
    "beb40bb7507b33967226aa80e084749fbb6593893c642e818d682e9a8d07fc24": Pinned(
        "Intel OnDie CA root", Assurance.SILICON, note=_FIRMWARE
    ),
    "67bd2472a546751caca5f358a78f80727531671338960a9bcfdfbe6a34d0c6a1": Pinned(
        "AMD AMDTPM", Assurance.SILICON, note=_FIRMWARE
    ),
    "870c7a35ceab3d59979f2c6a524042d404cb71518004350925fb2ced79a999da": Pinned(
        "Microsoft TPM Root Certificate Authority 2014",
        Assurance.SILICON,
        note="Microsoft's service found the TPM of this key genuine; whose it is, it does not say",
    ),
}
"""Roots that are pinned by the SHA-256 of their certificate in DER."""

HOSTS = re.compile(
    r"pki\.infineon\.com|sw-center\.st\.com|secure\.globalsign\.(com|net)|(www\.)?nuvoton\.com|ftpm\.amd\.com"
    r"|(ekop|upgrades|tsci|pki|trustedservices)\.intel\.com|(www\.|pkiops\.)?microsoft\.com|pki\.goog"
    r"|privateca-content-[0-9a-f-]{36}\.storage\.googleapis\.com"
)
"""Where makers publish authorities' certificates and revocation lists. Nobody else is asked, whatever a certificate
says: when the question arises, nobody has verified it."""


@cache
def own_roots() -> Own:
    """The roots of TPMs that are pinned here."""
    return load_roots(__package__ or "", FILES) + tuple(
        OwnRoot(bytes.fromhex(digest), pinned) for digest, pinned in DIGESTS.items()
    )


def load_roots(package: str, named: Mapping[str, Pinned]) -> Own:
    """The roots in a package's folder `roots`, by file name."""
    folder = resources.files(package).joinpath("roots")
    found = []
    for name, pinned in named.items():
        (root,) = load_pem_chain(folder.joinpath(name).read_bytes(), what=name, size=range(1, 2))
        found.append(OwnRoot(root.digest, pinned, root))
    return tuple(found)
