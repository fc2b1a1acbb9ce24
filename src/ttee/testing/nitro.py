# SPDX-License-Identifier: Apache-2.0
"""AWS Nitro in software: a root of trust, and enclaves whose documents it vouches for, with any fault asked for.

vendor = Vendor.named("a cloud")
enclave = vendor.enclave()
data = enclave.document(nonce=b"…")
endorsements = vendor.endorsements()             # pins this vendor's root instead of AWS's
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha384
from typing import Any

from attrs import evolve, field, frozen
from cryptography.hazmat.primitives.asymmetric import ec

from ttee.codec import cose
from ttee.model import Anchor, Assurance, Endorsements
from ttee.tee.nitro import evidence
from ttee.tee.nitro.evidence import Document
from ttee.testing import x509

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""The moment at which documents are made, unless asked otherwise."""
LEVELS = ("root", "region", "zone", "instance")
LISTS = {
    "root": "http://aws-nitro-enclaves-crl.s3.amazonaws.com/crl/00000000-0000-4000-8000-000000000000.crl",
    "region": "http://crl-us-east-1-aws-nitro-enclaves.s3.us-east-1.amazonaws.com/crl/"
    "00000000-0000-4000-8000-000000000001.crl",
}
"""Where the lists of an authority are, as its certificates say: AWS's addresses, at which nobody else is asked."""
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973


def named_key(name: str) -> ec.EllipticCurvePrivateKey:
    """The same key on P-384 each time: whoever knows the name holds it."""
    secret = int.from_bytes(sha384(b"ttee/testing/nitro/1" + name.encode()).digest()) % (_ORDER - 1) + 1
    return ec.derive_private_key(secret, ec.SECP384R1())


@frozen(slots=True)
class Vendor:
    """A cloud: the keys of its root, region, zone and instance."""

    name: str
    keys: Mapping[str, ec.EllipticCurvePrivateKey] = field(repr=False)

    @classmethod
    def named(cls, name: str) -> Vendor:
        """The same vendor each time."""
        return cls(name, {level: named_key(f"{name}/{level}") for level in LEVELS})

    def subject(self, level: str) -> bytes:
        """The Name of an authority."""
        return x509.name(C="US", O="Somebody", OU=self.name, CN=f"{level}.nitro-enclaves")

    def authority(self, level: str, **faults: Any) -> bytes:
        """The certificate of one level; `faults` replace what `x509.certificate` is given."""
        at = LEVELS.index(level)
        above = LEVELS[max(at - 1, 0)]
        length = len(LEVELS) - 1 - at if at else None
        usual: dict[str, Any] = {
            "subject": self.subject(level),
            "issuer": self.subject(above),
            "key": x509.public(self.keys[level]),
            "signer": x509.ecdsa(self.keys[above]),
            "serial": at + 1,
            "extensions": (
                x509.basic_constraints(ca=True, path_length=length),
                x509.key_usage(0, 5, 6),
                *([x509.crl_points(LISTS[above])] if at and above in LISTS else []),
            ),
        }
        return x509.certificate(**usual | faults)

    def bundle(self, **changed: bytes) -> tuple[bytes, ...]:
        """The certificates of all levels, root first; `changed` replaces some by name."""
        return tuple(changed.get(level) or self.authority(level) for level in LEVELS)

    def crl(self, level: str, **faults: Any) -> bytes:
        """A revocation list of one level, valid for a month around `NOW`; `revoked={serial: moment}`."""
        usual: dict[str, Any] = {
            "issuer": self.subject(level),
            "signer": x509.ecdsa(self.keys[level]),
            "begin": NOW - timedelta(days=15),
            "end": NOW + timedelta(days=15),
        }
        return x509.crl(**usual | faults)

    def anchor(self, assurance: Assurance = Assurance.SIMULATED) -> Anchor:
        """What a policy holds that pins this vendor's root instead of AWS's."""
        return Anchor(evidence.NAME, x509.public(self.keys["root"]), assurance, "made by ttee.testing")

    def endorsements(self, **documents: bytes) -> Endorsements:
        """All that a document needs, and revocation lists by name: `crl=…`."""
        return Endorsements(anchors=(self.anchor(),), documents=documents)

    def enclave(self, name: str = "an enclave") -> Enclave:
        """An enclave, which is the same each time."""
        return Enclave(self, name, named_key(f"{self.name}/{name}"))


@frozen(slots=True)
class Enclave:
    """An enclave, and the key that the security module made for it."""

    vendor: Vendor
    name: str
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    def certificate(self, **faults: Any) -> bytes:
        """The enclave's certificate, which lives for three hours from `NOW`."""
        usual: dict[str, Any] = {
            "subject": x509.name(C="US", O="Somebody", OU=self.vendor.name, CN=self.name),
            "issuer": self.vendor.subject("instance"),
            "key": x509.public(self.key),
            "signer": x509.ecdsa(self.vendor.keys["instance"]),
            "serial": 0x123,
            "begin": NOW - timedelta(seconds=3),
            "end": NOW + timedelta(hours=3),
            "extensions": (x509.basic_constraints(ca=False), x509.key_usage(0)),
        }
        return x509.certificate(**usual | faults)

    def content(self, **fields: Any) -> Document:
        """What a document says; `fields` replace those of `Document`."""
        pcrs = {index: sha384(bytes([index])).digest() if index < 5 else bytes(48) for index in range(16)}
        usual: dict[str, Any] = {
            "module_id": "i-0123456789abcdef0-enc0123456789abcdef",
            "timestamp": int(NOW.timestamp() * 1000),
            "pcrs": pcrs,
            "certificate": self.certificate(),
            "cabundle": self.vendor.bundle(),
            "public_key": None,
            "user_data": None,
            "nonce": None,
        }
        return Document(**usual | fields)

    def sign(self, payload: bytes, **faults: Any) -> bytes:
        """The document over a payload as it stands; `faults` replace the fields of `cose.Sign1`."""
        return cose.encode(evolve(cose.sign(payload, self.key), **faults))

    def document(self, **fields: Any) -> bytes:
        """A signed document; `fields` replace those of `Document`."""
        return self.sign(evidence.encode(self.content(**fields)))
