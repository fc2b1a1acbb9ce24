# SPDX-License-Identifier: Apache-2.0
"""Intel's Provisioning Certification Service (PCS, version 4) and its address for the root's list, in software.

Quotes that bring no certificates name their platform by a PPID that only Intel can decrypt. Here, `encrypted` stands
in for that: a digest that nobody can turn back, by which the service knows the machines that it was given.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import shake_256
from typing import Any
from urllib.parse import quote

from attrs import field, frozen

from ttee.tee.intel.quote import PPID_RSA_3072, SGX, TDX
from ttee.testing import x509
from ttee.testing.intel import NOW, Machine, Vendor, chain_pem, sign
from ttee.testing.services.server import Question, Reply

API, CERTIFICATES = "api.trustedservices.intel.com", "certificates.trustedservices.intel.com"
_FAMILIES = {"sgx": SGX, "tdx": TDX}
_AGE = timedelta(days=5)
_LIFE = timedelta(days=30)
_LONG_AGO = timedelta(days=120)


@frozen(slots=True)
class Provisioning:
    """Answers for `machines` of `vendor`; what expires is current at `moment`."""

    vendor: Vendor
    machines: tuple[Machine, ...]
    moment: datetime = NOW
    tcb_info: Mapping[str, Any] = field(factory=dict)
    """What TCB info says otherwise."""
    revoked: tuple[int, ...] = ()
    """Serial numbers of PCK certificates that are revoked."""
    hosts: tuple[str, ...] = (API, CERTIFICATES)

    def answer(self, question: Question) -> Reply | None:
        """The answer to one question; None for what it does not know."""
        if question.host == CERTIFICATES:
            return Reply(self._list("root", question)) if question.path == "/IntelSGXRootCA.der" else None
        family, _, what = question.path.lstrip("/").partition("/certification/v4/")
        tee = _FAMILIES.get(family)
        if tee is not None and what == "tcb":
            return self._tcb_info(tee, question)
        if tee is not None and what == "qe/identity":
            return self._identity(tee, question)
        if tee == SGX and what == "pckcrl" and question.query.get("ca") in {"platform", "processor"}:
            return self._pck_crl(question.query["ca"], question)
        if tee == SGX and what == "pckcert":
            return self._certificate(question.query)
        return None

    def _tcb_info(self, tee: str, question: Question) -> Reply | None:
        fmspc = question.query.get("fmspc", "").lower()
        found = (each for each in self.machines if each.tee == tee and each.fmspc.hex() == fmspc)
        machine = next(found, None)
        if machine is None:
            return None
        document = {**machine.tcb_info(), **self._dates(question), **self.tcb_info}
        return self._signed("tcbInfo", _early(document, question), "TCB-Info-Issuer-Chain")

    def _identity(self, tee: str, question: Question) -> Reply | None:
        machine = next((each for each in self.machines if each.tee == tee), None)
        if machine is None:
            return None
        document = {**machine.qe_identity(), **self._dates(question)}
        return self._signed(
            "enclaveIdentity", _early(document, question), "SGX-Enclave-Identity-Issuer-Chain"
        )

    def _signed(self, name: str, document: Mapping[str, Any], header: str) -> Reply:
        text = json.dumps(document, separators=(",", ":"))
        signature = sign(self.vendor.keys["signer"], text.encode()).hex()
        chain = chain_pem(self.vendor.signer(), self.vendor.root())
        return Reply(f'{{"{name}":{text},"signature":"{signature}"}}'.encode(), {header: quote(chain)})

    def _pck_crl(self, authority: str, question: Question) -> Reply:
        chain = chain_pem(self.vendor.authority(authority), self.vendor.root())
        data = self._list(authority, question)
        if question.query.get("encoding") != "der":
            data = x509.pem(data).replace(b" CERTIFICATE-", b" X509 CRL-")
        return Reply(data, {"SGX-PCK-CRL-Issuer-Chain": quote(chain)})

    def _list(self, role: str, question: Question) -> bytes:
        begin = self._issued(question)
        revoked = self.revoked if role != "root" else ()
        return self.vendor.crl(role, revoked, begin=begin, end=begin + _LIFE)

    def _certificate(self, query: Mapping[str, str]) -> Reply | None:
        ppid = query.get("encrypted_ppid", "")
        machine = next((each for each in self.machines if encrypted(each).hex() == ppid.lower()), None)
        if machine is None:
            return None
        above = chain_pem(self.vendor.authority(machine.kind), self.vendor.root())
        headers = {
            "SGX-PCK-Certificate-Issuer-Chain": quote(above),
            "SGX-PCK-Certificate-CA-Type": machine.kind,
            "SGX-FMSPC": machine.fmspc.hex().upper(),
        }
        return Reply(x509.pem(machine.pck()), headers)

    def _issued(self, question: Question) -> datetime:
        return self.moment - (_LONG_AGO if question.stale else _AGE)

    def _dates(self, question: Question) -> dict[str, str]:
        issued = self._issued(question)
        moments = {"issueDate": issued, "nextUpdate": issued + _LIFE}
        return {name: at.strftime("%Y-%m-%dT%H:%M:%SZ") for name, at in moments.items()}


def encrypted(machine: Machine) -> bytes:
    """What stands in for the PPID under Intel's RSA key: 384 bytes."""
    return shake_256(b"not an encryption: " + machine.ppid).digest(384)


def certification(machine: Machine) -> tuple[int, bytes]:
    """Certification data, for `Machine.quote`, that name the platform and bring no certificate (type 3)."""
    svns = machine.pce_svn.to_bytes(2, "little") + machine.pce_id
    return PPID_RSA_3072, encrypted(machine) + machine.cpu_svn + svns


def _early(document: dict[str, Any], question: Question) -> dict[str, Any]:
    """With `update=early`, what is of the next TCB recovery."""
    early = question.query.get("update") == "early"
    return {**document, "tcbEvaluationDataNumber": document["tcbEvaluationDataNumber"] + early}
