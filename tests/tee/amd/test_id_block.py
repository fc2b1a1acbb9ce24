# SPDX-License-Identifier: Apache-2.0
"""A key that signed for a guest has the digest by which reports name it."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from ttee.errors import UsageError
from ttee.tee.amd.id_block import key_digest


def test_it_is_what_sev_snp_measure_computes() -> None:
    key = ec.derive_private_key(7, ec.SECP384R1()).public_key()
    assert key_digest(key).hex() == (
        "5a567a369cd97a94c458ab1d41654efc23fd320e1472358c5f9f5b5df4256e78e38a9e3494cc2426bc9f9cd1bca63d1d"
    )


def test_a_key_on_another_curve_is_refused() -> None:
    with pytest.raises(UsageError, match="this one is on secp256r1"):
        key_digest(ec.derive_private_key(7, ec.SECP256R1()).public_key())
