# SPDX-License-Identifier: Apache-2.0
"""Intel's root, by the digest of its certificate (`intel-sgx-root-ca.der`; README.md says where it is from)."""

from __future__ import annotations

from ttee.pki.path import Root
from ttee.pki.trusted import of_maker

INTEL = of_maker(
    Root(
        "Intel SGX Root CA",
        digest=bytes.fromhex("44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3"),
    )
)
