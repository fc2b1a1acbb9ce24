# SPDX-License-Identifier: Apache-2.0
"""Intel in software: a root of trust, platforms, quotes and collateral, with any fault that is asked for.

vendor = Vendor.random()
machine = vendor.machine(TDX)
quote = machine.quote(report_data=nonce)             # signed bytes
endorsements = vendor.endorsements(machine)          # pins this vendor's root instead of Intel's

Faults replace what a certificate, list, document or report would say: `machine.pck(end=…)`,
`vendor.collateral(machine, tcb_info={"fmspc": "…"})`. For tests only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from attrs import evolve, field, frozen
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ttee.codec import der
from ttee.model import Anchor, Assurance, Endorsements
from ttee.tee.intel import quote as quotes
from ttee.tee.intel.pck import SGX_EXTENSION
from ttee.tee.intel.quote import PCK_CHAIN, SGX, TDX
from ttee.tee.intel.reports import SgxReport, TdReport
from ttee.testing import x509

NOW = datetime(2026, 1, 1, tzinfo=UTC)
"""A moment at which everything made here is valid, unless asked otherwise."""
QE_SIGNER = bytes.fromhex("dc9e2a7c6f948f17474e34a7fc43ed030f7c1563f1babddf6340c82e0e54a8c5")
_SERIALS = {"platform": 2, "processor": 3, "signer": 4}
_AUTHORITIES = {"platform": "Intel SGX PCK Platform CA", "processor": "Intel SGX PCK Processor CA"}
_Key = ec.EllipticCurvePrivateKey


def name(common_name: str) -> bytes:
    """A Name as Intel writes it (Intel PCK Certificate Profile, section 1.3)."""
    return x509.name(CN=common_name, O="Intel Corporation", L="Santa Clara", ST="CA", C="US")


def sign(key: _Key, data: bytes) -> bytes:
    """r || s."""
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


def raw(key: _Key) -> bytes:
    """The public key, x || y."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]


def new_key() -> _Key:
    """A key on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def sgx_report(**changes: Any) -> SgxReport:
    """The report of an ordinary enclave; `changes` replace its fields."""
    fields: dict[str, Any] = {
        "cpu_svn": bytes(16),
        "misc_select": bytes(4),
        "reserved_1": bytes(28),
        "attributes": b"\x05" + bytes(7) + b"\xe7" + bytes(7),
        "mr_enclave": sha256(b"enclave").digest(),
        "reserved_2": bytes(32),
        "mr_signer": sha256(b"signer").digest(),
        "reserved_3": bytes(96),
        "isv_prod_id": 7,
        "isv_svn": 3,
        "reserved_4": bytes(60),
        "report_data": bytes(64),
    }
    return SgxReport(**{**fields, **changes})


def td_report(*, version_15: bool = False, **changes: Any) -> TdReport:
    """The report of an ordinary trust domain, 1.0 or 1.5; `changes` replace its fields."""
    measurements = (
        "mr_td",
        "mr_config_id",
        "mr_owner",
        "mr_owner_config",
        "rtmr0",
        "rtmr1",
        "rtmr2",
        "rtmr3",
    )
    fields: dict[str, Any] = {
        "tee_tcb_svn": bytes([5, 1, 3]) + bytes(13),
        "mr_seam": bytes(48),
        "mr_signer_seam": bytes(48),
        "seam_attributes": bytes(8),
        "td_attributes": (1 << 28).to_bytes(8, "little"),
        "xfam": (0x602E7).to_bytes(8, "little"),
        **{each: sha256(each.encode()).digest() + bytes(16) for each in measurements},
        "report_data": bytes(64),
        "tee_tcb_svn_2": bytes([5, 1, 3]) + bytes(13) if version_15 else None,
        "mr_service_td": bytes(48) if version_15 else None,
    }
    return TdReport(**{**fields, **changes})


@frozen(slots=True)
class Vendor:
    """The keys of a vendor: root, the two authorities for platforms, the signer of collateral."""

    keys: Mapping[str, _Key] = field(repr=False)

    @classmethod
    def random(cls) -> Vendor:
        """A vendor like no other."""
        return cls({role: new_key() for role in ("root", "platform", "processor", "signer")})

    def root(self, **faults: Any) -> bytes:
        """The root certificate; `faults` replace what `x509.certificate` is given."""
        extensions = (x509.basic_constraints(ca=True, path_length=1), x509.key_usage(5, 6))
        return self._certificate("Intel SGX Root CA", "root", {"extensions": extensions} | faults)

    def authority(self, kind: str = "platform", **faults: Any) -> bytes:
        """The authority for platforms of several sockets (`platform`) or of one (`processor`)."""
        extensions = (x509.basic_constraints(ca=True, path_length=0), x509.key_usage(5, 6))
        return self._certificate(_AUTHORITIES[kind], kind, {"extensions": extensions} | faults)

    def signer(self, **faults: Any) -> bytes:
        """The certificate that signs TCB info and identities."""
        extensions = (x509.basic_constraints(ca=False), x509.key_usage(0, 1))
        return self._certificate("Intel SGX TCB Signing", "signer", {"extensions": extensions} | faults)

    def _certificate(self, common_name: str, role: str, given: dict[str, Any]) -> bytes:
        fields: dict[str, Any] = {
            "subject": name(common_name),
            "issuer": name("Intel SGX Root CA"),
            "key": x509.public(self.keys[role]),
            "signer": x509.ecdsa(self.keys["root"], SHA256()),
            "serial": _SERIALS.get(role, 1),
        }
        return x509.certificate(**{**fields, **given})

    def crl(self, role: str = "root", revoked: Iterable[int] = (), **faults: Any) -> bytes:
        """The list of `root`, `platform` or `processor`; `revoked` are serial numbers."""
        fields: dict[str, Any] = {
            "issuer": name(_AUTHORITIES.get(role, "Intel SGX Root CA")),
            "signer": x509.ecdsa(self.keys[role], SHA256()),
            "begin": NOW - timedelta(days=10),
            "end": NOW + timedelta(days=20),
            "revoked": dict.fromkeys(revoked, NOW - timedelta(days=11)),
        }
        return x509.crl(**{**fields, **faults})

    def anchor(self, tee: str, assurance: Assurance = Assurance.SILICON) -> Anchor:
        """What a policy holds that pins this vendor's root for `tee`."""
        return Anchor(tee, x509.public(self.keys["root"]), assurance, "made by ttee.testing")

    def machine(self, tee: str = TDX, **changes: Any) -> Machine:
        """A platform of this vendor; `changes` replace its fields."""
        return Machine(self, tee, new_key(), new_key(), **changes)

    def collateral(self, machine: Machine, **changes: Any) -> dict[str, str]:
        """The collateral for a platform, by the names that PCCS users and dcap-qvl know.

        `changes`: a whole part, as text; or, for `tcb_info` and `qe_identity`, a mapping of what they say otherwise.
        """
        parts: dict[str, str] = {}
        for which, document in (("tcb_info", machine.tcb_info()), ("qe_identity", machine.qe_identity())):
            change = changes.pop(which, {})
            text = (
                change
                if isinstance(change, str)
                else json.dumps({**document, **change}, separators=(",", ":"))
            )
            parts[which] = text
            parts[f"{which}_signature"] = sign(self.keys["signer"], text.encode()).hex()
            parts[f"{which}_issuer_chain"] = chain_pem(self.signer(), self.root())
        parts["root_ca_crl"] = self.crl().hex()
        parts["pck_crl"] = self.crl(machine.kind).hex()
        parts["pck_crl_issuer_chain"] = chain_pem(self.authority(machine.kind), self.root())
        return {**parts, **changes}

    def endorsements(self, machine: Machine, **changes: Any) -> Endorsements:
        """The same, ready to verify with, and this vendor's root pinned."""
        document = json.dumps(self.collateral(machine, **changes)).encode()
        return Endorsements((self.anchor(machine.tee),), {"collateral": document})


@frozen(slots=True)
class Machine:
    """A platform: its PCK key, the key of its quoting enclave, and what its certificate says of it."""

    vendor: Vendor
    tee: str
    pck_key: _Key = field(repr=False)
    attestation_key: _Key = field(repr=False)
    kind: str = "platform"
    serial: int = 0x1234567890
    components: bytes = bytes([5] * 8) + bytes(8)
    cpu_svn: bytes = bytes([5] * 8) + bytes(8)
    pce_svn: int = 11
    pce_id: bytes = bytes(2)
    fmspc: bytes = bytes.fromhex("b0c06f000000")
    ppid: bytes = bytes(range(16))
    sgx_type: int = 1
    configuration: tuple[bool, ...] | None = (True, True, True)

    def extension(self) -> bytes:
        """The SGX extension of the PCK certificate (Intel PCK Certificate Profile, section 1.3.5)."""
        octets = x509.octets
        tcb = [(i, der.encode_integer(svn)) for i, svn in enumerate(self.components, 1)]
        tcb += [(17, der.encode_integer(self.pce_svn)), (18, octets(self.cpu_svn))]
        fields = [
            _field("1", octets(self.ppid)),
            _field("2", x509.sequence(*(_field(f"2.{arc}", value) for arc, value in tcb))),
            _field("3", octets(self.pce_id)),
            _field("4", octets(self.fmspc)),
            _field("5", der.encode_integer(self.sgx_type, der.ENUMERATED)),
        ]
        if self.configuration is not None:
            flags = (_field(f"7.{arc}", x509.boolean(on)) for arc, on in enumerate(self.configuration, 1))
            fields += [_field("6", octets(bytes(16))), _field("7", x509.sequence(*flags))]
        return x509.extension(SGX_EXTENSION, x509.sequence(*fields))

    def pck(self, **faults: Any) -> bytes:
        """The PCK certificate; `faults` replace what `x509.certificate` is given."""
        fields: dict[str, Any] = {
            "subject": name("Intel SGX PCK Certificate"),
            "issuer": name(_AUTHORITIES[self.kind]),
            "key": x509.public(self.pck_key),
            "signer": x509.ecdsa(self.vendor.keys[self.kind], SHA256()),
            "serial": self.serial,
            "extensions": (x509.basic_constraints(ca=False), x509.key_usage(0, 1), self.extension()),
        }
        return x509.certificate(**{**fields, **faults})

    def chain(self) -> bytes:
        """PCK certificate, authority and root, in PEM."""
        return chain_pem(self.pck(), self.vendor.authority(self.kind), self.vendor.root()).encode()

    def qe_report(self, auth: bytes = bytes(range(32)), **changes: Any) -> SgxReport:
        """The report of the quoting enclave over its attestation key and `auth`; `changes` replace its fields."""
        given: dict[str, Any] = {
            "attributes": b"\x11" + bytes(15),
            "mr_signer": QE_SIGNER,
            "isv_prod_id": 2 if self.tee == TDX else 1,
            "isv_svn": 6,
            "report_data": sha256(raw(self.attestation_key) + auth).digest() + bytes(32),
        }
        return sgx_report(**{**given, **changes})

    def quote(
        self,
        *,
        version: int | None = None,
        report: SgxReport | TdReport | None = None,
        report_data: bytes = bytes(64),
        auth: bytes = bytes(range(32)),
        qe_report: SgxReport | None = None,
        certification: tuple[int, bytes] | None = None,
    ) -> bytes:
        """A signed quote, over `report_data` (zeros are put behind it); every part can be replaced."""
        given = report or (sgx_report() if self.tee == SGX else td_report(version_15=version == 5))
        body = evolve(given, report_data=report_data.ljust(64, b"\0")) if report is None else given
        signed = quotes.signed_part(version or (3 if self.tee == SGX else 4), body)
        qe = (qe_report or self.qe_report(auth)).encode()
        return quotes.authenticated(
            signed,
            sign(self.attestation_key, signed),
            key=raw(self.attestation_key),
            qe_report=qe,
            qe_signature=sign(self.pck_key, qe),
            qe_auth=auth,
            certification=certification or (PCK_CHAIN, self.chain()),
        )

    def tcb_info(self) -> dict[str, Any]:
        """TCB info under which this platform is up to date, and an older one is not."""
        info: dict[str, Any] = {
            "id": "TDX" if self.tee == TDX else "SGX",
            "version": 3,
            "issueDate": _moment(NOW - timedelta(days=5)),
            "nextUpdate": _moment(NOW + timedelta(days=25)),
            "fmspc": self.fmspc.hex().upper(),
            "pceId": self.pce_id.hex(),
            "tcbType": 0,
            "tcbEvaluationDataNumber": 17,
        }
        tdx = bytes([5, 0, 3]) + bytes(13)
        older = bytes(max(svn - 1, 0) for svn in self.components)
        if self.tee == TDX:
            info["tdxModule"] = module()
            info["tdxModuleIdentities"] = [
                {"id": "TDX_01", **module(), "tcbLevels": [svn_level(5), svn_level(2, "OutOfDate")]}
            ]
        info["tcbLevels"] = [
            self.level(self.components, self.pce_svn, tdx),
            self.level(
                older, self.pce_svn - 1, bytes([3, 0, 2]) + bytes(13), "OutOfDate", ["INTEL-SA-00001"]
            ),
        ]
        return info

    def level(
        self,
        components: bytes,
        pce_svn: int,
        tdx: bytes,
        status: str = "UpToDate",
        advisories: Iterable[str] = (),
    ) -> dict[str, Any]:
        """A level of TCB info version 3."""
        tcb: dict[str, Any] = {"sgxtcbcomponents": [{"svn": svn} for svn in components], "pcesvn": pce_svn}
        if self.tee == TDX:
            tcb["tdxtcbcomponents"] = [{"svn": svn} for svn in tdx]
        return {"tcb": tcb, **_worth(status, advisories)}

    def qe_identity(self) -> dict[str, Any]:
        """The identity of the quoting enclave that this platform has."""
        return {
            "id": "TD_QE" if self.tee == TDX else "QE",
            "version": 2,
            "issueDate": _moment(NOW - timedelta(days=4)),
            "nextUpdate": _moment(NOW + timedelta(days=26)),
            "tcbEvaluationDataNumber": 17,
            "miscselect": "00000000",
            "miscselectMask": "FFFFFFFF",
            "attributes": "11000000000000000000000000000000",
            "attributesMask": "FBFFFFFFFFFFFFFF0000000000000000",
            "mrsigner": QE_SIGNER.hex().upper(),
            "isvprodid": 2 if self.tee == TDX else 1,
            "tcbLevels": [svn_level(6), svn_level(4, "OutOfDate", ["INTEL-SA-00002"])],
        }


def module(**changes: str) -> dict[str, str]:
    """What TCB info says of a TDX module, without its levels."""
    fields = {"mrsigner": "00" * 48, "attributes": "00" * 8, "attributesMask": "FF" * 8}
    return {**fields, **changes}


def svn_level(svn: int, status: str = "UpToDate", advisories: Iterable[str] = ()) -> dict[str, Any]:
    """A level of an enclave or a TDX module."""
    return {"tcb": {"isvsvn": svn}, **_worth(status, advisories)}


def chain_pem(*certificates: bytes) -> str:
    """Certificates in PEM, one behind the other."""
    return b"".join(map(x509.pem, certificates)).decode()


def _worth(status: str, advisories: Iterable[str]) -> dict[str, Any]:
    listed = list(advisories)
    worth: dict[str, Any] = {"tcbDate": _moment(NOW - timedelta(days=300)), "tcbStatus": status}
    return {**worth, "advisoryIDs": listed} if listed else worth


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _field(arcs: str, value: bytes) -> bytes:
    return x509.sequence(der.encode_oid(f"{SGX_EXTENSION}.{arcs}"), value)
