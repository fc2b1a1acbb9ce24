# SPDX-License-Identifier: Apache-2.0
"""Keys of a TPM, and what they signed: RSASSA, RSAPSS and ECDSA with SHA-256, SHA-384 or SHA-512.

SHA-1 has no place here: whoever makes two attestations with one SHA-1 has a signature for both.
"""

from __future__ import annotations

from functools import lru_cache

from attrs import frozen
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ttee.errors import MalformedEvidenceError, SignatureError, WeakKeyError
from ttee.pki.signature import RSA_BITS, PublicKey, load_point, load_public_key
from ttee.tee.tpm.structures import SOURCE, Public, Signature, parse_public

_HASHES = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
_CURVES = {"secp256r1": ec.SECP256R1(), "secp384r1": ec.SECP384R1(), "secp521r1": ec.SECP521R1()}


@frozen(slots=True)
class Key:
    """A key; `public` is its public area, unless it came as a SubjectPublicKeyInfo, which says nothing of its use."""

    key: PublicKey
    spki: bytes
    public: Public | None


@lru_cache(maxsize=1024)
def load(data: bytes, what: str) -> Key:
    """The key in a TPM2B_PUBLIC, TPMT_PUBLIC, or SubjectPublicKeyInfo in DER.

    Raises MalformedEvidenceError; WeakKeyError: RSA outside of 2048 to 8192 bits, a point not on its curve.
    """
    if data[:1] == b"\x30":
        key = load_public_key(data, what=what, error=MalformedEvidenceError)
        return Key(key, data, None)
    public = parse_public(data, what=what)
    key = _key(public, what)
    return Key(key, key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), public)


def _key(public: Public, what: str) -> PublicKey:
    if public.curve:
        return load_point(_CURVES[public.curve], public.point, what=what)
    modulus = int.from_bytes(public.modulus)
    if modulus.bit_length() not in RSA_BITS:
        raise WeakKeyError(f"the {what} is an RSA key of {modulus.bit_length()} bits", where=what)
    try:
        return rsa.RSAPublicNumbers(public.exponent, modulus).public_key()
    except ValueError:
        raise WeakKeyError(f"the {what} is an RSA key that cannot be used", where=what) from None


def verify_signature(key: Key, signature: Signature, signed: bytes, *, what: str) -> None:
    """Return if `signature` is that of `signed`, in the key's own scheme if it has one. Raises SignatureError."""
    if signature.hash not in _HASHES:
        raise _wrong(f"is over {signature.hash}, which is not accepted", what)
    scheme = (signature.scheme, signature.hash)
    if key.public is not None and key.public.scheme and scheme != (key.public.scheme, key.public.hash):
        raise _wrong(
            f"is of {' and '.join(scheme)}; its key signs with {key.public.scheme} and {key.public.hash}",
            what,
        )
    if (signature.scheme == "ecdsa") is isinstance(key.key, rsa.RSAPublicKey):
        raise _wrong("is of another kind than its key", what)
    algorithm = _HASHES[signature.hash]
    try:
        if isinstance(key.key, rsa.RSAPublicKey):
            pss = padding.PSS(padding.MGF1(algorithm), padding.PSS.AUTO)
            scheme_of = pss if signature.scheme == "rsapss" else padding.PKCS1v15()
            key.key.verify(signature.value, signed, scheme_of, algorithm)
        else:
            r, s = int.from_bytes(signature.value), int.from_bytes(signature.second)
            key.key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(algorithm))
    except InvalidSignature:
        raise _wrong("does not verify", what) from None


def _wrong(message: str, what: str) -> SignatureError:
    return SignatureError(
        f"the signature of the {what} {message}", where="signature", source=f"{SOURCE}, section 11.3"
    )
