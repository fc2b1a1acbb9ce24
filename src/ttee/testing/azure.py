# SPDX-License-Identifier: Apache-2.0
"""An Azure confidential VM in software: an SEV-SNP report over the key of something that speaks like a TPM.

vm = ConfidentialVm(chip, tpm)
evidence = vm.evidence(nonce)                            # endorsements: vm.endorsements()
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

from attrs import define
from cryptography.hazmat.primitives.asymmetric import rsa

from ttee.model import Endorsements, Evidence
from ttee.tee.azure import hcl
from ttee.tee.azure.evidence import NAME
from ttee.testing import tpm as tpm_double
from ttee.testing.amd import Chip


def _number(value: int) -> str:
    return urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8)).decode().rstrip("=")


@define
class ConfidentialVm:
    """A VM with a paravisor: the chip below it, and the virtual TPM, whose attestation key must be RSA."""

    chip: Chip
    tpm: tpm_double.Tpm

    def runtime(self, user_data: bytes = bytes(64), **changed: Any) -> bytes:
        """The JSON that the report is over."""
        assert isinstance(self.tpm.ak.private, rsa.RSAPrivateKey)  # noqa: S101 (a test double's own precondition)
        numbers = self.tpm.ak.private.public_key().public_numbers()
        key = {
            "kid": hcl.AK,
            "key_ops": ["sign"],
            "kty": "RSA",
            "e": _number(numbers.e),
            "n": _number(numbers.n),
        }
        usual = {
            "keys": [key],
            "vm-configuration": {"console-enabled": False, "secure-boot": True, "vmUniqueId": "a VM"},
            "user-data": user_data.hex(),
        }
        return json.dumps(usual | changed).encode()

    def hcl_report(
        self, runtime: bytes, *, report: bytes | None = None, kind: int = hcl.SNP, hash_kind: int = hcl.SHA256
    ) -> bytes:
        """The HCL report over a runtime JSON; its SNP report is made here unless given."""
        report = report or self.snp_report(runtime)
        sizes = (20 + len(runtime), 1, kind, hash_kind, len(runtime))
        head = hcl.MAGIC + b"".join(value.to_bytes(4, "little") for value in (1, 0x92A, 2)) + bytes(16)
        body = b"".join(value.to_bytes(4, "little") for value in sizes) + runtime
        return (head + report + body).ljust(2600, b"\0")

    def snp_report(self, runtime: bytes) -> bytes:
        """The chip's report over the hash of the runtime JSON."""
        return self.chip.report(report_data=sha256(runtime).digest() + bytes(32))

    def evidence(self, nonce: bytes = b"", *, user_data: bytes = bytes(64), **parts: Any) -> Evidence:
        """A quote of PCR 0 to 7, and the HCL report; `parts` come on top, replace, or take away (None)."""
        chosen = parts.pop("chosen", (("sha256", range(8)),))
        quoted = self.tpm.evidence(nonce, chosen).parts
        usual: dict[str, bytes | None] = {
            "quote": quoted["quote"],
            "signature": quoted["signature"][6:],
            "pcrs": quoted["pcrs"],
            "hcl_report": self.hcl_report(self.runtime(user_data)),
        }
        return Evidence(NAME, {name: part for name, part in (usual | parts).items() if part is not None})

    def endorsements(self, **documents: bytes) -> Endorsements:
        """The chip's endorsements, and what is given."""
        return self.chip.vendor.endorsements(self.chip, **documents)
