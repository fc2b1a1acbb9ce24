# SPDX-License-Identifier: Apache-2.0
"""The Ed25519 key in a file, as an anchor: for the TEEs whose devices sign with one."""

from __future__ import annotations

from ttee.codec import base64url, json
from ttee.errors import UsageError
from ttee.pki.loose import MAX_SIZE, key_of

_SPKI = bytes.fromhex("302a300506032b6570032100")
"""What stands before the 32 bytes of a key in a SubjectPublicKeyInfo (RFC 8410, section 4)."""
_SIZE = 32


def anchor_key(data: bytes) -> bytes:
    """The key in a public key file (PEM or DER, RFC 8410), or a JWK (RFC 8037), 32 bytes. Raises UsageError."""
    if data.lstrip()[:1] == b"{":
        key = _jwk(data)
    elif data.startswith(_SPKI):  # the usual reader of DER has no use for such keys
        key = data.removeprefix(_SPKI)
    else:
        key = key_of(data).removeprefix(_SPKI)
    if len(key) != _SIZE:
        raise UsageError(
            "this file has a key of another kind than Ed25519", hint="give an Ed25519 public key"
        )
    return key


def _jwk(data: bytes) -> bytes:
    value = json.loads(data, what="this JWK", max_size=MAX_SIZE, max_depth=4, error=UsageError)
    if not isinstance(value, dict) or (value.get("kty"), value.get("crv")) != ("OKP", "Ed25519"):
        raise UsageError("this JWK is not of an Ed25519 key", source="RFC 8037, section 2")
    if "d" in value:
        raise UsageError("this JWK has the private half of its key; give the public one alone")
    x = value.get("x")
    if not isinstance(x, str):
        raise UsageError("this JWK has no x", source="RFC 8037, section 2")
    return base64url.decode(x, what="x", error=UsageError)
