# SPDX-License-Identifier: Apache-2.0
"""A small authority of our own: root, issuer and leaf, with any fault."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from ttee.pki.certificate import Certificate, load_certificate
from ttee.testing import x509

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ALGORITHMS = {"ecdsa-p256-sha256"}
KEYS = {role: ec.generate_private_key(ec.SECP256R1()) for role in ("root", "issuer", "leaf", "stranger")}
_ISSUERS = {"root": "root", "issuer": "root", "leaf": "issuer"}
EXTENSIONS = {
    "root": (x509.basic_constraints(ca=True, path_length=1), x509.key_usage(5, 6)),
    "issuer": (x509.basic_constraints(ca=True, path_length=0), x509.key_usage(5, 6)),
    "leaf": (x509.basic_constraints(ca=False), x509.key_usage(0)),
}


def signer(role: str) -> x509.Signer:
    return x509.ecdsa(KEYS[role], SHA256())


def der(role: str, **faults: Any) -> bytes:
    above = _ISSUERS[role]
    fields: dict[str, Any] = {
        "subject": x509.name(CN=role),
        "issuer": x509.name(CN=above),
        "key": x509.public(KEYS[role]),
        "signer": signer(above),
        "extensions": EXTENSIONS[role],
    }
    return x509.certificate(**{**fields, **faults})


def certificate(role: str, **faults: Any) -> Certificate:
    return load_certificate(der(role, **faults), what=role)


def chain(**faults: dict[str, Any]) -> list[Certificate]:
    """Leaf, issuer, root; `faults` by role."""
    return [certificate(role, **faults.get(role, {})) for role in ("leaf", "issuer", "root")]
