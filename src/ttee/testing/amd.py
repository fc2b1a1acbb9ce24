# SPDX-License-Identifier: Apache-2.0
"""AMD in software: a root of trust, chips, and reports that they sign, with any fault that is asked for.

vendor = Vendor.random(products.MILAN)
chip = vendor.chip()
report = chip.report(report_data=nonce)          # signed bytes
endorsements = vendor.endorsements(chip)         # pins this vendor's root instead of AMD's
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from hashlib import sha384
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384

from ttee.codec import der
from ttee.model import Anchor, Assurance, Endorsements
from ttee.tee.amd import evidence
from ttee.tee.amd.endorsements import addresses
from ttee.tee.amd.evidence import VCEK, VLEK, Report
from ttee.tee.amd.products import COMPONENTS, MILAN, TURIN, Product
from ttee.testing import x509

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = datetime(2026, 1, 1, tzinfo=UTC)
"""A moment at which everything made here is valid, unless asked otherwise."""
_IA5_STRING = 0x16
_OIDS = "1.3.6.1.4.1.3704.1"
_CPUIDS = {"milan": (0x19, 0x01, 1), "genoa": (0x19, 0x11, 1), "turin": (0x1A, 0x02, 1)}


def name(common_name: str) -> bytes:
    """A Name as AMD writes it (AMD 57230)."""
    return x509.name(
        OU="Engineering", C="US", L="Santa Clara", ST="CA", O="Advanced Micro Devices", CN=common_name
    )


def tcb(product: Product = MILAN, **components: int) -> bytes:
    """A TCB of eight bytes: `tcb(MILAN, snp=8, ucode=115)`; what is left out is zero."""
    return bytes(components.get(COMPONENTS.get(number, ""), 0) for number in product.order)


@frozen(slots=True)
class Vendor:
    """The keys of one product line: root (ARK), and those that sign for chips (ASK) and clouds (ASVK)."""

    product: Product
    ark_key: rsa.RSAPrivateKey = field(repr=False)
    ask_key: rsa.RSAPrivateKey = field(repr=False)
    asvk_key: rsa.RSAPrivateKey = field(repr=False)

    @classmethod
    def random(cls, product: Product = MILAN, bits: int = 2048) -> Vendor:
        """A vendor like no other. AMD's keys have 4096 bits; fewer are faster to make."""
        ark, ask, asvk = (rsa.generate_private_key(65537, bits) for _ in range(3))
        return cls(product, ark, ask, asvk)

    def ark(self, **faults: Any) -> bytes:
        """The root certificate; `faults` replace what `x509.certificate` is given."""
        ours = name(f"ARK-{self.product.line}")
        extensions = (x509.basic_constraints(ca=True), x509.key_usage(5, 6))
        return self._certificate(ours, self.ark_key, {"extensions": extensions, "serial": 0x10000} | faults)

    def intermediate(self, kind: int = VCEK, **faults: Any) -> bytes:
        """The ASK, which signs VCEKs, or the ASVK, which signs VLEKs."""
        extensions = (x509.basic_constraints(ca=True, path_length=0), x509.key_usage(5))
        ours, key, serial = self._issuer(kind)
        return self._certificate(ours, key, {"extensions": extensions, "serial": serial} | faults)

    def _issuer(self, kind: int) -> tuple[bytes, rsa.RSAPrivateKey, int]:
        line = self.product.line
        if kind == VLEK:
            return name(f"SEV-VLEK-{line}"), self.asvk_key, 0x10101
        return name(f"SEV-{line}"), self.ask_key, 0x10001

    def _certificate(self, subject: bytes, key: rsa.RSAPrivateKey, details: Mapping[str, Any]) -> bytes:
        usual: dict[str, Any] = {
            "subject": subject,
            "issuer": name(f"ARK-{self.product.line}"),
            "key": x509.public(key),
            "signer": x509.pss(self.ark_key),
        }
        return x509.certificate(**usual | dict(details))

    def chain(self, kind: int = VCEK) -> bytes:
        """Intermediate and root in PEM, as the Key Distribution Service hands them out."""
        return x509.pem(self.intermediate(kind)) + x509.pem(self.ark())

    def crl(self, **faults: Any) -> bytes:
        """A revocation list of this root, valid for a month around `NOW`; `revoked={serial: moment}`."""
        usual: dict[str, Any] = {
            "issuer": name(f"ARK-{self.product.line}"),
            "signer": x509.pss(self.ark_key),
            "begin": NOW - timedelta(days=15),
            "end": NOW + timedelta(days=15),
        }
        return x509.crl(**usual | faults)

    def anchor(self, assurance: Assurance = Assurance.SIMULATED) -> Anchor:
        """What a policy holds that pins this vendor's root instead of AMD's."""
        return Anchor(evidence.NAME, x509.public(self.ark_key), assurance, "made by ttee.testing")

    def endorsements(self, chip: Chip, **documents: bytes) -> Endorsements:
        """All that a report of `chip` needs, revocation list included; `documents` replace those of that name."""
        usual = {"vek": chip.vek(), "chain": self.chain(chip.kind), "crl": self.crl()}
        return Endorsements(anchors=(self.anchor(),), documents=usual | documents)

    def key_service(self, *chips: Chip) -> dict[str, bytes]:
        """What a Key Distribution Service of this vendor answers, by address, for these chips at their TCB."""
        answers: dict[str, bytes] = {}
        for chip in chips:
            where = addresses(chip.unsigned())
            contents = {"vek": chip.vek(), "chain": self.chain(chip.kind), "crl": self.crl()}
            answers |= {address: contents[name] for name, each in where.items() for address in each}
        return answers

    def chip(self, kind: int = VCEK, *, level: bytes | None = None) -> Chip:
        """A chip of this line with a key of its own: a VCEK, or a cloud's VLEK."""
        product = self.product
        hwid = os.urandom(product.hwid_size)
        newest = level if level is not None else tcb(product, fmc=1, bl=3, tee=0, snp=8, ucode=115)
        return Chip(self, kind, ec.generate_private_key(ec.SECP384R1()), hwid, newest)


@frozen(slots=True)
class Chip:
    """A processor, and the key that it signs reports with."""

    vendor: Vendor
    kind: int
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    hwid: bytes
    tcb: bytes

    def extensions(self, **changed: bytes | None) -> tuple[bytes, ...]:
        """AMD's extensions by the last numbers of their OIDs: `extensions(**{"3.8": b"…"})`; None leaves one out."""
        product = self.vendor.product
        chip_or_cloud = (
            {"4": self.hwid} if self.kind == VCEK else {"5": der.encode(_IA5_STRING, b"Some Cloud")}
        )
        stepping = "-B0" if self.kind == VCEK and product is not TURIN else ""
        values: dict[str, bytes | None] = {
            "1": der.encode_integer(0 if product is not TURIN else 1),
            "2": der.encode(_IA5_STRING, (product.line + stepping).encode()),
            **{
                f"3.{number}": der.encode_integer(value)
                for number, value in zip(product.order, self.tcb, strict=True)
            },
            **chip_or_cloud,
            **changed,
        }
        return tuple(
            x509.extension(f"{_OIDS}.{at}", value) for at, value in values.items() if value is not None
        )

    def vek(self, **faults: Any) -> bytes:
        """The certificate of this chip's key; serial number 0, as AMD's have."""
        issuer, key, _ = self.vendor._issuer(self.kind)  # noqa: SLF001 (the same file)
        usual: dict[str, Any] = {
            "subject": name("SEV-VLEK" if self.kind == VLEK else "SEV-VCEK"),
            "issuer": issuer,
            "key": x509.public(self.key),
            "signer": x509.pss(key),
            "serial": 0,
            "extensions": self.extensions(),
        }
        return x509.certificate(**usual | faults)

    def unsigned(self, version: int = 3, **fields: Any) -> Report:
        """A report of this chip without its signature; `fields` replace those of `Report`."""
        masked = self.kind == VLEK
        usual: dict[str, Any] = {
            "version": version,
            "guest_svn": 2,
            "policy": 0x30000,
            "family_id": bytes(16),
            "image_id": bytes(16),
            "vmpl": 0,
            "algorithm": evidence.ECDSA_P384_SHA384,
            "current_tcb": self.tcb,
            "platform_info": 0x21,
            "key_info": self.kind << 2,
            "report_data": bytes(64),
            "measurement": sha384(b"a guest").digest(),
            "host_data": bytes(32),
            "id_key_digest": bytes(48),
            "author_key_digest": bytes(48),
            "report_id": b"\x01" * 32,
            "report_id_ma": b"\xff" * 32,
            "reported_tcb": self.tcb,
            "cpuid": _CPUIDS[self.vendor.product.name] if version > 2 else (0, 0, 0),
            "chip_id": bytes(64) if masked else self.hwid.ljust(64, b"\0"),
            "committed_tcb": self.tcb,
            "current_version": (4, 55, 1),
            "committed_version": (4, 55, 1),
            "launch_tcb": self.tcb,
            "launch_mit_vector": 1 if version > 4 else 0,
            "current_mit_vector": 1 if version > 4 else 0,
            "r": bytes(72),
            "s": bytes(72),
        }
        return Report(**usual | fields)

    def sign(self, report: Report) -> bytes:
        """The bytes of `report`, signed by this chip as it stands."""
        signature = self.key.sign(evidence.encode(report)[: evidence.SIGNED], ec.ECDSA(SHA384()))
        r, s = (number.to_bytes(72, "little") for number in decode_dss_signature(signature))
        return evidence.encode(evolve(report, r=r, s=s))

    def report(self, version: int = 3, **fields: Any) -> bytes:
        """A signed report; `fields` replace those of `Report`."""
        return self.sign(self.unsigned(version, **fields))
