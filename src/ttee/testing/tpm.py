# SPDX-License-Identifier: Apache-2.0
"""Something that speaks like a TPM 2.0, with its vendor, and any fault asked for. For tests only.

It is no TPM: its keys are Python objects, its PCRs a dictionary, and it signs whatever it is told to.

    vendor = Vendor.random("a maker of TPMs")
    tpm = vendor.tpm()
    evidence = tpm.evidence(nonce)                        # endorsements: vendor.endorsements(), or tpm.pinned()
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import define, field
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from ttee.codec import der
from ttee.eventlog.event import ALGORITHMS
from ttee.model import Anchor, Assurance, Endorsements, Evidence
from ttee.tee.tpm import activation, values
from ttee.tee.tpm.evidence import NAME
from ttee.tee.tpm.structures import ATTRIBUTES, CERTIFY, CURVES, ECDSA, MAGIC, QUOTE, RSAPSS, RSASSA
from ttee.testing import x509

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""A moment at which certificates are valid."""
AUTHORITIES = {
    "issuer": "http://pki.infineon.com/made-by-ttee-testing/issuer.crt",
    "root": "http://pki.infineon.com/made-by-ttee-testing/root.crt",
}
"""Where authorities' certificates are, as those below them say: on a host at which makers of TPMs are asked."""
REVOKED = "http://pki.infineon.com/made-by-ttee-testing/issuer.crl"
SAN, EKU = "2.5.29.17", "2.5.29.37"
_NUMBERS = {name: number for number, name in ALGORITHMS.items()}
_HASHES: Mapping[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),  # noqa: S303 (what a verifier must refuse)
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
USUAL = ("fixedTPM", "fixedParent", "sensitiveDataOrigin", "restricted", "sign")
Selection = Iterable[tuple[str, Iterable[int]]]


def sized(data: bytes) -> bytes:
    """A TPM2B."""
    return len(data).to_bytes(2) + data


def selection(chosen: Selection, *, size: int = 3) -> bytes:
    """A TPML_PCR_SELECTION."""
    banks = [(bank, set(pcrs)) for bank, pcrs in chosen]
    found = len(banks).to_bytes(4)
    for bank, pcrs in banks:
        found += _NUMBERS[bank].to_bytes(2) + bytes([size])
        found += sum(1 << pcr for pcr in pcrs).to_bytes(size, "little")
    return found


def attest(
    attested: bytes,
    *,
    extra: bytes = b"",
    kind: int = QUOTE,
    magic: int = MAGIC,
    clock: int = 1000,
    resets: int = 1,
    restarts: int = 0,
    safe: int = 1,
    firmware: int = 0x0001000200030004,
) -> bytes:
    """A TPMS_ATTEST around what is attested."""
    head = magic.to_bytes(4) + kind.to_bytes(2) + sized(b"\0\x0b" + bytes(32)) + sized(extra)
    counters = clock.to_bytes(8) + resets.to_bytes(4) + restarts.to_bytes(4) + bytes([safe])
    return head + counters + firmware.to_bytes(8) + attested


@define
class Key:
    """A key of the kinds that TPMs have."""

    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = field(repr=False)
    scheme: str = "rsassa"
    hash: str = "sha256"
    attributes: Iterable[str] = USUAL

    @classmethod
    def random(cls, scheme: str = "rsassa", hash: str = "sha256", **more: Any) -> Key:  # noqa: A002 (its name)
        """A key like no other: RSA of 2048 bits, or on P-256, P-384 or P-521 as fits the hash."""
        if scheme == "ecdsa":
            curve = {"sha384": ec.SECP384R1, "sha512": ec.SECP521R1}.get(hash, ec.SECP256R1)
            return cls(ec.generate_private_key(curve()), scheme, hash, **more)
        return cls(rsa.generate_private_key(65537, 2048), scheme, hash, **more)

    @property
    def spki(self) -> bytes:
        """Its SubjectPublicKeyInfo."""
        return x509.public(self.private)

    @property
    def area(self) -> bytes:
        """Its TPMT_PUBLIC."""
        attributes = sum(1 << ATTRIBUTES[name] for name in self.attributes)
        scheme = {"rsassa": RSASSA, "rsapss": RSAPSS, "ecdsa": ECDSA}[self.scheme]
        parameters = b"\0\x10" + scheme.to_bytes(2) + _NUMBERS[self.hash].to_bytes(2)
        if isinstance(self.private, rsa.RSAPrivateKey):
            n = self.private.public_key().public_numbers().n
            kind, unique = 1, sized(n.to_bytes(self.private.key_size // 8))
            parameters += self.private.key_size.to_bytes(2) + bytes(4)
        else:
            point = self.private.public_key().public_numbers()
            width = (self.private.curve.key_size + 7) // 8
            curve = next(number for number, name in CURVES.items() if name == self.private.curve.name)
            kind, unique = 0x23, sized(point.x.to_bytes(width)) + sized(point.y.to_bytes(width))
            parameters += curve.to_bytes(2) + b"\0\x10"
        return kind.to_bytes(2) + b"\0\x0b" + attributes.to_bytes(4) + sized(b"") + parameters + unique

    @property
    def name(self) -> bytes:
        """How a TPM calls it."""
        return b"\0\x0b" + hashlib.sha256(self.area).digest()

    def sign(self, data: bytes, *, scheme: str = "", hash: str = "") -> bytes:  # noqa: A002 (its name)
        """A TPMT_SIGNATURE, in its own scheme and hash or in others."""
        scheme, name = scheme or self.scheme, hash or self.hash
        algorithm = _HASHES[name]
        if isinstance(self.private, ec.EllipticCurvePrivateKey):
            width = (self.private.curve.key_size + 7) // 8
            pair = decode_dss_signature(self.private.sign(data, ec.ECDSA(algorithm)))
            return (
                ECDSA.to_bytes(2)
                + _NUMBERS[name].to_bytes(2)
                + b"".join(sized(n.to_bytes(width)) for n in pair)
            )
        if scheme == "rsapss":
            pss = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
            return (
                RSAPSS.to_bytes(2)
                + _NUMBERS[name].to_bytes(2)
                + sized(self.private.sign(data, pss, algorithm))
            )
        signed = self.private.sign(data, padding.PKCS1v15(), algorithm)
        return RSASSA.to_bytes(2) + _NUMBERS[name].to_bytes(2) + sized(signed)


def tpm_name(maker: str = "id:54544545", model: str = "T-TEE test", version: str = "id:00010002") -> bytes:
    """The subject alternative name that says which TPM it is."""
    texts = zip(("2.23.133.2.1", "2.23.133.2.2", "2.23.133.2.3"), (maker, model, version), strict=True)
    rdns = b"".join(
        der.encode(der.SET, x509.sequence(der.encode_oid(oid), der.encode(der.UTF8_STRING, text.encode())))
        for oid, text in texts
    )
    directory = der.encode(der.context(4), der.encode(der.SEQUENCE, rdns))
    return x509.extension(SAN, x509.sequence(directory), critical=True)


def purposes(*oids: str) -> bytes:
    """The extension extendedKeyUsage."""
    return x509.extension(EKU, x509.sequence(*(der.encode_oid(oid) for oid in oids)))


@define
class Vendor:
    """A maker of TPMs: a root that certifies their keys, through one authority."""

    name: str
    root: ec.EllipticCurvePrivateKey = field(repr=False)
    issuer: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def random(cls, name: str = "a maker of TPMs") -> Vendor:
        """A vendor like no other."""
        return cls(name, ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP256R1()))

    def subject(self, level: str) -> bytes:
        """The Name of an authority."""
        return x509.name(C="US", O=self.name, CN=level)

    def chain(self, **faults: Any) -> bytes:
        """The authorities in PEM, root last; `faults` replace what `x509.certificate` is given for the lower one."""
        usual: dict[str, Any] = {
            "subject": self.subject("issuer"),
            "issuer": self.subject("root"),
            "key": x509.public(self.issuer),
            "signer": x509.ecdsa(self.root),
            "serial": 2,
            "extensions": (
                x509.basic_constraints(ca=True, path_length=0),
                x509.key_usage(5, 6),
                x509.issuer_at(AUTHORITIES["root"]),
            ),
        }
        root = x509.certificate(
            subject=self.subject("root"),
            issuer=self.subject("root"),
            key=x509.public(self.root),
            signer=x509.ecdsa(self.root),
            extensions=(x509.basic_constraints(ca=True), x509.key_usage(5, 6)),
        )
        return x509.pem(x509.certificate(**usual | faults)) + x509.pem(root)

    def certificate(self, spki: bytes, usage: int, *extensions: bytes, **faults: Any) -> bytes:
        """A certificate of one of a TPM's keys."""
        usual: dict[str, Any] = {
            "subject": x509.name(CN="a key of a TPM"),
            "issuer": self.subject("issuer"),
            "key": spki,
            "signer": x509.ecdsa(self.issuer, SHA256()),
            "serial": 0x77,
            "extensions": (
                x509.basic_constraints(ca=False),
                x509.key_usage(usage),
                x509.issuer_at(AUTHORITIES["issuer"]),
                x509.crl_points(REVOKED),
                *extensions,
            ),
        }
        return x509.certificate(**usual | faults)

    def crl(self, **faults: Any) -> bytes:
        """The lower authority's revocation list, valid for a month around `NOW`; `revoked={serial: moment}`."""
        usual: dict[str, Any] = {
            "issuer": self.subject("issuer"),
            "signer": x509.ecdsa(self.issuer, SHA256()),
            "begin": NOW - timedelta(days=15),
            "end": NOW + timedelta(days=15),
        }
        return x509.crl(**usual | faults)

    def anchor(self, assurance: Assurance = Assurance.SIMULATED) -> Anchor:
        """What a policy holds that pins this vendor's root."""
        return Anchor(NAME, x509.public(self.root), assurance, "made by ttee.testing")

    def endorsements(self, *anchors: Anchor, **documents: bytes) -> Endorsements:
        """All that a quote needs; `documents` come on top."""
        return Endorsements((self.anchor(), *anchors), {"chain": self.chain(), **documents})

    def tpm(self, ak: Key | None = None, ek: Key | None = None) -> Tpm:
        """Something that speaks like a TPM of this vendor."""
        ek = ek or Key.random(
            attributes=("fixedTPM", "fixedParent", "sensitiveDataOrigin", "restricted", "decrypt")
        )
        return Tpm(self, ak or Key.random(), ek)


@define
class Tpm:
    """Keys and PCRs; PCRs are zero until something is put there."""

    vendor: Vendor
    ak: Key
    ek: Key
    pcrs: dict[str, dict[int, bytes]] = field(factory=dict)

    def value(self, bank: str, pcr: int) -> bytes:
        """What a PCR holds."""
        return self.pcrs.get(bank, {}).get(pcr, bytes(hashlib.new(bank).digest_size))

    def quoted(self, chosen: Selection, nonce: bytes, **faults: Any) -> bytes:
        """A TPMS_ATTEST over the PCRs chosen; `faults` replace what `attest` is given, or `digest`."""
        chosen = [(bank, sorted(pcrs)) for bank, pcrs in chosen]
        whole = b"".join(self.value(bank, pcr) for bank, pcrs in chosen for pcr in pcrs)
        digest = faults.pop("digest", None) or hashlib.new(self.ak.hash, whole).digest()
        return attest(selection(chosen) + sized(digest), extra=nonce, **faults)

    def evidence(
        self,
        nonce: bytes = b"",
        chosen: Selection = (("sha256", range(8)),),
        *,
        faults: Any = None,
        **parts: Any,
    ) -> Evidence:
        """A quote with its values and key; `parts` come on top, replace, or take away (None)."""
        chosen = [(bank, sorted(pcrs)) for bank, pcrs in chosen]
        quote = parts.get("quote") or self.quoted(chosen, nonce, **(faults or {}))
        usual: dict[str, bytes | None] = {
            "quote": quote,
            "signature": self.ak.sign(quote),
            "pcrs": values.encode(
                {bank: {pcr: self.value(bank, pcr) for pcr in pcrs} for bank, pcrs in chosen}
            ),
            "ak": sized(self.ak.area),
        }
        return Evidence(NAME, {name: part for name, part in (usual | parts).items() if part is not None})

    def pinned(self, assurance: Assurance = Assurance.SIMULATED, **documents: bytes) -> Endorsements:
        """What pins this very attestation key."""
        return Endorsements((Anchor(NAME, self.ak.spki, assurance, "pinned for a test"),), documents)

    def ak_certificate(self, **faults: Any) -> bytes:
        """The vendor's certificate of the attestation key."""
        return self.vendor.certificate(self.ak.spki, 0, purposes("2.23.133.8.3"), **faults)

    def ek_certificate(self, **faults: Any) -> bytes:
        """The vendor's certificate of the endorsement key, which says which TPM it is."""
        usage = 2 if isinstance(self.ek.private, rsa.RSAPrivateKey) else 4
        return self.vendor.certificate(self.ek.spki, usage, purposes("2.23.133.8.1"), tpm_name(), **faults)

    def certify(self, iak: Key, **faults: Any) -> dict[str, bytes]:
        """The parts by which `iak` vouches for the attestation key."""
        name = faults.pop("name", self.ak.name)
        body = attest(sized(name) + sized(b"\0\x0b" + bytes(32)), **{"kind": CERTIFY, **faults})
        return {
            "iak_certificate": self.vendor.certificate(iak.spki, 0, purposes("2.23.133.8.3")),
            "certification": body,
            "certification_signature": iak.sign(body),
        }

    def activate(self, challenge: activation.Challenge) -> bytes:
        """TPM2_ActivateCredential: the secret. Raises ValueError if the challenge is for other keys."""
        sealed, blob = challenge.sealed[2:], challenge.blob[2:]
        if isinstance(self.ek.private, rsa.RSAPrivateKey):
            oaep = padding.OAEP(padding.MGF1(SHA256()), SHA256(), b"IDENTITY\0")
            seed = self.ek.private.decrypt(sealed, oaep)
        else:
            width = (self.ek.private.curve.key_size + 7) // 8
            x, y = sealed[2 : 2 + width], sealed[4 + width :]
            point = ec.EllipticCurvePublicKey.from_encoded_point(self.ek.private.curve, b"\4" + x + y)
            own = self.ek.private.public_key().public_numbers().x.to_bytes(width)
            seed = activation.kdf_e(self.ek.private.exchange(ec.ECDH(), point), x, own)
        size = int.from_bytes(blob[:2])
        mac, encrypted = blob[2 : 2 + size], blob[2 + size :]
        if activation.integrity(seed, self.ak.name, encrypted) != mac:
            raise ValueError("TPM_RC_INTEGRITY")
        return activation.cipher(seed, self.ak.name).decryptor().update(encrypted)[2:]


def platform_certificate(
    holder: bytes,
    serial: int,
    issuer: bytes,
    signer: x509.Signer,
    *,
    begin: datetime = x509.BEGIN,
    end: datetime = x509.END,
) -> bytes:
    """A platform certificate of the TPM whose EK certificate has that issuer and serial number."""

    def time(at: datetime) -> bytes:
        return der.encode(der.GENERALIZED_TIME, at.strftime("%Y%m%d%H%M%SZ").encode())

    names = x509.sequence(der.encode(der.context(4), holder))
    base = der.encode(der.context(0), names, der.encode_integer(serial))
    v2 = der.encode(der.context(0), x509.sequence(der.encode(der.context(4), issuer)))
    info = x509.sequence(
        der.encode_integer(1),
        x509.sequence(base),
        v2,
        signer.algorithm,
        der.encode_integer(5),
        x509.sequence(time(begin), time(end)),
        x509.sequence(),
    )
    return x509.sequence(info, signer.algorithm, x509.bits(signer.sign(info)))
