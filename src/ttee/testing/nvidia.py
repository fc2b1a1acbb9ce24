# SPDX-License-Identifier: Apache-2.0
"""NVIDIA in software: a root, GPUs that it certifies, and reference values that it signs, with any fault asked for.

vendor = Vendor.named("a GPU maker")
gpu = vendor.gpu()
evidence = pack([gpu.answer(nonce)])
endorsements = vendor.endorsements(**vendor.rims(gpu))       # pins this vendor's root instead of NVIDIA's
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha384
from typing import Any

from attrs import evolve, field, frozen
from cryptography import x509 as load
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from ttee.codec import der
from ttee.model import Anchor, Assurance, Endorsements
from ttee.tee.nvidia import evidence
from ttee.tee.nvidia.evidence import Report
from ttee.testing import x509

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LEVELS = ("root", "model", "provisioner", "boot ROM")
DRIVER_INDEXES, VBIOS_INDEXES = range(8, 16), range(8)
_SWID = "http://standards.iso.org/iso/19770/-2/2015/schema.xsd"
_DS = "http://www.w3.org/2000/09/xmldsig#"
_C14N = "http://www.w3.org/2006/12/xml-c14n11"


def named_key(name: str) -> ec.EllipticCurvePrivateKey:
    """The same key on P-384 each time: whoever knows the name holds it."""
    secret = int.from_bytes(sha384(b"ttee/testing/nvidia/1" + name.encode()).digest()[:47]) + 1
    return ec.derive_private_key(secret, ec.SECP384R1())


def sign_raw(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    """r || s."""
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(SHA384())))
    return r.to_bytes(48) + s.to_bytes(48)


@frozen(slots=True)
class Vendor:
    """A maker of GPUs."""

    name: str

    @classmethod
    def named(cls, name: str) -> Vendor:
        """The same vendor each time."""
        return cls(name)

    def subject(self, level: str) -> bytes:
        """The Name of an authority."""
        return x509.name(C="US", O=self.name, CN=f"{self.name} {level}")

    def key(self, level: str) -> ec.EllipticCurvePrivateKey:
        """The key of an authority."""
        return named_key(f"{self.name}/{level}")

    def authority(self, level: str, **faults: Any) -> bytes:
        """The certificate of one level; `faults` replace what `x509.certificate` is given."""
        at = LEVELS.index(level)
        above = LEVELS[max(at - 1, 0)]
        usual: dict[str, Any] = {
            "subject": self.subject(level),
            "issuer": self.subject(above),
            "key": x509.public(self.key(level)),
            "signer": x509.ecdsa(self.key(above)),
            "serial": at + 1,
            "extensions": (x509.basic_constraints(ca=True), x509.key_usage(0, 5, 6)),
        }
        return x509.certificate(**usual | faults)

    def gpu(self, name: str = "a GPU", **fields: Any) -> Gpu:
        """A GPU, which is the same each time; `fields` replace those of `Gpu`."""
        return Gpu(self, name, named_key(f"{self.name}/{name}"), **fields)

    def anchor(self, assurance: Assurance = Assurance.SIMULATED) -> Anchor:
        """What a policy holds that pins this vendor's root instead of NVIDIA's."""
        return Anchor(evidence.NAME, x509.public(self.key("root")), assurance, "made by ttee.testing")

    def endorsements(self, documents: Mapping[str, bytes] | None = None) -> Endorsements:
        """All that a report needs, and further documents by name."""
        return Endorsements(anchors=(self.anchor(),), documents=documents or {})

    def rims(self, gpu: Gpu) -> dict[str, bytes]:
        """The reference values of a GPU's driver and VBIOS, by the names of the documents."""
        values = gpu.measurements()
        return {
            "rim.driver": self.rim(gpu.driver, {index: [values[index]] for index in DRIVER_INDEXES}),
            "rim.vbios": self.rim("96.00.9F.00.01", {index: [values[index]] for index in VBIOS_INDEXES}),
        }

    def rim(
        self,
        version: str,
        values: Mapping[int, list[bytes]],
        *,
        payload: str = "",
        root: str = "SoftwareIdentity",
        signer: ec.EllipticCurvePrivateKey | None = None,
        **faults: Any,
    ) -> bytes:
        """A signed RIM: alternatives by index; `payload` replaces its resources, `root` the name of the whole, `faults`
        its leaf certificate."""
        resources = payload or "".join(
            f'<s:Resource active="True" alternatives="{len(each)}" '
            f'index="{index}" name="M{index}" size="48" type="Measurement"'
            + "".join(f' h:Hash{number}="{value.hex()}"' for number, value in enumerate(each))
            + "></s:Resource>"
            for index, each in values.items()
        )
        head = f'<s:{root} xmlns:h="http://www.w3.org/2001/04/xmlenc#sha384" xmlns:s="{_SWID}" name="T">'
        body = (
            f'<s:Meta colloquialVersion="{version}" product="T"></s:Meta><s:Payload>{resources}</s:Payload>'
        )
        foot = f"</s:{root}>"
        digest = b64encode(sha384((head + body + foot).encode()).digest()).decode()
        info = (
            f'<ds:CanonicalizationMethod Algorithm="{_C14N}"></ds:CanonicalizationMethod>'
            '<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"></ds:SignatureMethod>'
            '<ds:Reference URI=""><ds:Transforms>'
            f'<ds:Transform Algorithm="{_DS}enveloped-signature"></ds:Transform>'
            f'<ds:Transform Algorithm="{_C14N}"></ds:Transform></ds:Transforms>'
            '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#sha384"></ds:DigestMethod>'
            f"<ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
        )
        scope = f'xmlns:ds="{_DS}" xmlns:h="http://www.w3.org/2001/04/xmlenc#sha384" xmlns:s="{_SWID}"'
        key = named_key(f"{self.name}/rim")
        signature = sign_raw(signer or key, f"<ds:SignedInfo {scope}>{info}".encode())
        usual: dict[str, Any] = {
            "subject": self.subject("rim"),
            "issuer": self.subject("root"),
            "key": x509.public(key),
            "signer": x509.ecdsa(self.key("root")),
            "serial": 99,
            "extensions": (x509.basic_constraints(ca=False), x509.key_usage(0)),
        }
        certificates = "".join(
            f"<ds:X509Certificate>{b64encode(each).decode()}</ds:X509Certificate>"
            for each in (x509.certificate(**usual | faults), self.authority("root"))
        )
        return (
            f'{head}{body}<ds:Signature xmlns:ds="{_DS}"><ds:SignedInfo>{info}'
            f"<ds:SignatureValue>{b64encode(signature).decode()}</ds:SignatureValue>"
            f"<ds:KeyInfo><ds:X509Data>{certificates}</ds:X509Data></ds:KeyInfo></ds:Signature>{foot}"
        ).encode()


def ocsp_answer(
    certificate: bytes,
    issuer: bytes,
    key: ec.EllipticCurvePrivateKey,
    *,
    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
    reason: load.ReasonFlags | None = None,
    responder: bytes | None = None,
    begin: datetime = NOW,
    end: datetime | None = None,
    nonce: bytes | None = None,
) -> bytes:
    """An answer about a certificate, signed with `key`: the issuer's, or that of `responder`, which goes with it.

    `nonce`: what it repeats of its question.
    """
    subject, above = (load.load_der_x509_certificate(each) for each in (certificate, issuer))
    signer = above if responder is None else load.load_der_x509_certificate(responder)
    revoked = NOW if status is ocsp.OCSPCertStatus.REVOKED else None
    builder = ocsp.OCSPResponseBuilder().add_response(
        subject, above, SHA256(), status, begin, end, revoked, reason if revoked else None
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signer)
    if responder is not None:
        builder = builder.certificates([signer])
    if nonce is not None:
        builder = builder.add_extension(load.OCSPNonce(nonce), critical=False)
    return builder.sign(key, SHA384()).public_bytes(Encoding.DER)


@frozen(slots=True)
class Gpu:
    """A GPU, and the key that its boot ROM made for its firmware."""

    vendor: Vendor
    name: str
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    driver: str = "550.90.07"
    firmware: bytes = sha384(b"firmware").digest()

    def leaf(self, **faults: Any) -> bytes:
        """The certificate of the firmware's key; `faults` replace what `x509.certificate` is given."""
        fwid = x509.sequence(der.encode_oid("2.16.840.1.101.3.4.2.2"), x509.octets(self.firmware))
        info = x509.sequence(der.encode_integer(1), x509.public(self.key), fwid)
        usual: dict[str, Any] = {
            "subject": x509.name(C="US", O=self.vendor.name, CN=self.name),
            "issuer": self.vendor.subject("boot ROM"),
            "key": x509.public(self.key),
            "signer": x509.ecdsa(self.vendor.key("boot ROM")),
            "extensions": (
                x509.basic_constraints(ca=False),
                x509.key_usage(0),
                x509.extension("2.23.133.5.4.1", info),
            ),
        }
        return x509.certificate(**usual | faults)

    def chain(self, leaf: bytes | None = None) -> bytes:
        """The chain in PEM, leaf first."""
        above = (self.vendor.authority(level) for level in reversed(LEVELS))
        return b"".join(map(x509.pem, (leaf or self.leaf(), *above)))

    def measurements(self) -> dict[int, bytes]:
        """What its firmware measures."""
        return {index: sha384(f"measurement {index}".encode()).digest() for index in range(16)}

    def content(self, nonce: bytes = bytes(32), **fields: Any) -> Report:
        """An exchange that is not signed yet; `fields` replace those of `Report`."""
        usual: dict[str, Any] = {
            "request": b"\x11\xe0\x01\xff" + nonce + b"\0",
            "header": b"\x11\x60\0\0",
            "measurements": self.measurements(),
            "device_nonce": sha384(nonce).digest()[:32],
            "opaque": {
                evidence.DRIVER: self.driver.encode() + b"\0",
                evidence.VBIOS: bytes.fromhex("009f009601000000"),
                evidence.NVDEC0: b"\xaa",
                evidence.FWID: self.firmware,
            },
            "signature": b"",
        }
        return Report(**usual | fields)

    def report(self, nonce: bytes = bytes(32), **fields: Any) -> bytes:
        """A signed exchange."""
        content = self.content(nonce, **fields)
        return evidence.encode(evolve(content, signature=sign_raw(self.key, evidence.encode(content))))

    def answer(self, nonce: bytes = bytes(32), **fields: Any) -> tuple[bytes, bytes]:
        """Report and chain, as `evidence.pack` takes them."""
        return self.report(nonce, **fields), self.chain()
