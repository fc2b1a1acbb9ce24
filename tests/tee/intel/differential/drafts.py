# SPDX-License-Identifier: Apache-2.0
"""A quote with its collateral before it is signed: everything that mutations of `mutations.py` may change."""

from __future__ import annotations

import json
from datetime import datetime
from random import Random
from typing import Any

from attrs import define, evolve, field, frozen

from ttee.model import Endorsements, Evidence
from ttee.tee.intel.quote import SGX, TDX
from ttee.testing import intel
from ttee.testing.intel import NOW, Machine, Vendor, sgx_report, td_report

VENDOR, STRANGER = Vendor.random(), Vendor.random()


@frozen
class Made:
    """A quote and its collateral, ready for both verifiers; `traits` are what was done to them."""

    tee: str
    quote: bytes
    collateral: dict[str, Any]
    root: bytes
    at: datetime
    traits: frozenset[str]

    @property
    def evidence(self) -> Evidence:
        return Evidence(self.tee, {"quote": self.quote})

    @property
    def endorsements(self) -> Endorsements:
        return Endorsements((VENDOR.anchor(self.tee),), {"collateral": json.dumps(self.collateral).encode()})


@define
class Draft:
    """All that can be said otherwise before it is signed; `edit` comes after. By default, all is in order."""

    random: Random
    machine: Machine
    version: int
    traits: set[str] = field(factory=set)
    report: dict[str, Any] = field(factory=dict)
    auth: bytes = bytes(range(32))
    qe_report: dict[str, Any] = field(factory=dict)
    leaf: dict[str, Any] = field(factory=dict)
    authority: dict[str, Any] = field(factory=dict)
    signer: dict[str, Any] = field(factory=dict)
    root: dict[str, Any] = field(factory=dict)
    chain: list[str] = field(factory=lambda: ["leaf", "authority", "root"])
    certification: tuple[int, bytes] | None = None
    root_crl: dict[str, Any] = field(factory=dict)
    pck_crl: dict[str, Any] = field(factory=dict)
    tcb_info: dict[str, Any] = field(factory=dict)
    qe_identity: dict[str, Any] = field(factory=dict)
    texts: dict[str, Any] = field(factory=dict)
    """Replacements in documents, before they are signed: (old, new) by name."""
    collateral: dict[str, Any] = field(factory=dict)
    edits: list[tuple[int, int]] = field(factory=list)
    """Bits of the quote that are flipped in the end: a place (-1 is the end) and a mask."""
    tail: bytes = b""
    cut: int | None = None
    at: datetime = NOW

    @classmethod
    def of(cls, random: Random) -> Draft:
        """An ordinary one, of a TEE and version that chance picks."""
        tee = random.choice([SGX, TDX, TDX])
        version = 3 if tee == SGX else random.choice([4, 5])
        machine = VENDOR.machine(tee, kind=random.choice(["platform", "processor"]))
        draft = cls(random, machine, version)
        draft.tcb_info, draft.qe_identity = machine.tcb_info(), machine.qe_identity()
        return draft

    @property
    def tdx(self) -> bool:
        return self.machine.tee == TDX

    def certificates(self) -> dict[str, bytes]:
        vendor = self.machine.vendor
        return {
            "leaf": self.machine.pck(**self.leaf),
            "authority": vendor.authority(self.machine.kind, **self.authority),
            "root": vendor.root(**self.root),
            "stranger": STRANGER.root(),
        }

    def make(self) -> Made:
        """Sign it all."""
        vendor, certificates = self.machine.vendor, self.certificates()
        pem = intel.chain_pem(*(certificates[each] for each in self.chain)).encode()
        ordinary = td_report(version_15=self.version == 5) if self.tdx else sgx_report()
        quote = self.machine.quote(
            version=self.version,
            report=evolve(ordinary, **self.report),
            auth=self.auth,
            qe_report=self.machine.qe_report(self.auth, **self.qe_report),
            certification=self.certification or (5, pem),
        )
        made = bytearray(quote[: self.cut])
        for place, mask in self.edits:
            made[place % len(made)] ^= mask
        return Made(
            tee=self.machine.tee,
            quote=bytes(made) + self.tail,
            collateral=self._collateral(vendor, certificates["root"]),
            root=certificates["root"],
            at=self.at,
            traits=frozenset(self.traits),
        )

    def _collateral(self, vendor: Vendor, root: bytes) -> dict[str, Any]:
        signer = intel.chain_pem(vendor.signer(**self.signer), root)
        parts: dict[str, Any] = {}
        for name, document in (("tcb_info", self.tcb_info), ("qe_identity", self.qe_identity)):
            text = json.dumps(document, separators=(",", ":"))
            old, new = self.texts.get(name, ("", ""))
            text = text.replace(old, new, 1) if old else text
            parts[name] = text
            parts[f"{name}_signature"] = intel.sign(vendor.keys["signer"], text.encode()).hex()
            parts[f"{name}_issuer_chain"] = signer
        parts["root_ca_crl"] = vendor.crl("root", **self.root_crl).hex()
        parts["pck_crl"] = vendor.crl(self.machine.kind, **self.pck_crl).hex()
        parts["pck_crl_issuer_chain"] = intel.chain_pem(vendor.authority(self.machine.kind), root)
        return {**parts, **self.collateral}
