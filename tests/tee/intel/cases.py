# SPDX-License-Identifier: Apache-2.0
"""The shared vectors of SGX and TDX, ready to verify."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from attrs import frozen

from tests import vectors
from ttee.model import Anchor, Claims, Endorsements, Evidence
from ttee.pki.certificate import load_pem_chain
from ttee.tee.intel.quote import SGX
from ttee.tee.intel.sgx import TEE as SGX_TEE
from ttee.tee.intel.tdx import TEE as TDX_TEE
from ttee.tee.intel.verify import verify

PREPRODUCTION = "gotdx_spr_e4_preprod"
"""Its quote is followed by a remark in plain text, so it is malformed before its TCB level can be missing."""


@frozen
class VectorCase:
    """One case of the manifest."""

    id: str
    quote: bytes
    endorsements: Endorsements
    at: datetime
    expected: dict[str, Any]

    @property
    def evidence(self) -> Evidence:
        found = SGX_TEE.wrap(self.quote) or TDX_TEE.wrap(self.quote)
        assert found is not None, self.id
        return found

    def verify(self) -> Claims:
        return verify(self.evidence, self.endorsements, at=self.at)

    @property
    def collateral(self) -> bytes | None:
        return self.endorsements.documents.get("collateral")


def all_cases() -> list[VectorCase]:
    manifest: dict[str, Any] = json.loads(vectors.read("MANIFEST.json"))
    return [_case(case) for case in manifest["cases"] if case["platform"] in {"sgx", "tdx"}]


def named(case: str) -> VectorCase:
    return next(each for each in all_cases() if each.id == case)


def _case(case: dict[str, Any]) -> VectorCase:
    inputs = {role: vectors.read(name) for role, name in case["inputs"].items()}
    quote = inputs.pop("quote")
    given = Endorsements(documents=inputs) if "collateral" in inputs else _intels_own_sample(inputs)
    return VectorCase(
        case["id"], quote, given, datetime.fromisoformat(case["verification_time"]), case["expected"]
    )


def _intels_own_sample(files: dict[str, bytes]) -> Endorsements:
    """The files of Intel's sample, by the names that we give them; its root is a test root, pinned as an anchor."""
    root = load_pem_chain(files["trustedRootCaCert"], what="root", size=range(1, 2))[0]
    return Endorsements(
        anchors=(Anchor(SGX, root.spki),),
        documents={
            "pck_certificate_chain": files["pckCert"] + files["pckSignChain"],
            "root_ca_crl": files["rootCaCrl"],
            "pck_crl": files["intermediateCaCrl"],
            "tcb_info": files["tcbInfo"],
            "tcb_info_issuer_chain": files["tcbSignChain"],
            "qe_identity": files["qeIdentity"],
            "qe_identity_issuer_chain": files["tcbSignChain"],
        },
    )
