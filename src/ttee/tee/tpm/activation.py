# SPDX-License-Identifier: Apache-2.0
"""Credential activation: a TPM shows that an attestation key lives beside its endorsement key, which cannot sign.

    challenge = make_credential(ek_spki, ak_name)
    challenge.blob, challenge.sealed        → TPM2_ActivateCredential: the secret, if both keys are its own
    challenge.record()                      → document `activation_record` when the quote is verified; no secret in it
    the secret                              → part `activation` of the evidence

Source: TPM 2.0 Library, part 1, sections 24 (Credential protection), 11.4.10 (KDFa, KDFe), B.10.4 and C.6.4 (how the
seed travels to RSA and ECC keys). For endorsement keys of the default templates (SHA-256, AES-128; TCG EK Credential
Profile 2.5, annex B).
"""

from __future__ import annotations

import os
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac

from attrs import field, frozen
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.hashes import SHA256

from ttee.codec import json
from ttee.errors import BindingError, EndorsementError, UsageError
from ttee.pki.signature import load_public_key

SOURCE = "TPM 2.0 Library, part 1, section 24"
SECRET = 32
_LABEL = b"IDENTITY"


@frozen(slots=True)
class Challenge:
    """What a verifier sends to a TPM, and remembers."""

    blob: bytes
    """TPM2B_ID_OBJECT."""
    sealed: bytes
    """TPM2B_ENCRYPTED_SECRET."""
    ek: bytes
    """SHA-256 of the endorsement key's SubjectPublicKeyInfo."""
    ak_name: bytes
    secret: bytes = field(repr=False)

    def record(self) -> bytes:
        """What the verification needs: whom the secret was for, and its digest."""
        digest = sha256(self.secret).hexdigest()
        return json.dumps({"ek": self.ek.hex(), "ak_name": self.ak_name.hex(), "secret_sha256": digest})


def make_credential(ek_spki: bytes, ak_name: bytes) -> Challenge:
    """A secret that only the TPM with this endorsement key opens, and only if it has the key of that name, too.

    Raises UsageError: an endorsement key that is neither RSA nor on P-256 or P-384.
    """
    key = load_public_key(ek_spki, what="endorsement key", error=UsageError)
    secret = os.urandom(SECRET)
    if isinstance(key, rsa.RSAPublicKey):
        seed = os.urandom(32)
        oaep = padding.OAEP(padding.MGF1(SHA256()), SHA256(), _LABEL + b"\0")
        sealed = key.encrypt(seed, oaep)
    else:
        ephemeral = ec.generate_private_key(key.curve)
        point = ephemeral.public_key().public_numbers()
        size = (key.curve.key_size + 7) // 8
        x, y = point.x.to_bytes(size), point.y.to_bytes(size)
        shared = ephemeral.exchange(ec.ECDH(), key)
        seed = kdf_e(shared, x, key.public_numbers().x.to_bytes(size))
        sealed = _sized(x) + _sized(y)
    return Challenge(
        _sized(protect(seed, ak_name, secret)), _sized(sealed), sha256(ek_spki).digest(), ak_name, secret
    )


def protect(seed: bytes, name: bytes, secret: bytes) -> bytes:
    """TPMS_ID_OBJECT: the secret under keys that `seed` and `name` give."""
    encrypted = cipher(seed, name).encryptor().update(_sized(secret))
    return _sized(integrity(seed, name, encrypted)) + encrypted


def cipher(seed: bytes, name: bytes) -> Cipher[CFB]:
    """The cipher that hides the secret; its key is used once, so its IV is zero."""
    return Cipher(AES(kdf_a(seed, b"STORAGE", name, 128)), CFB(bytes(16)))


def integrity(seed: bytes, name: bytes, encrypted: bytes) -> bytes:
    """The HMAC that binds the hidden secret to the attestation key's name."""
    return hmac(kdf_a(seed, b"INTEGRITY", b"", 256), encrypted + name, "sha256")


def kdf_a(key: bytes, label: bytes, context: bytes, bits: int) -> bytes:
    """Part 1, section 11.4.10.2, for up to 256 bits of SHA-256."""
    return hmac(key, (1).to_bytes(4) + label + b"\0" + context + bits.to_bytes(4), "sha256")[: bits // 8]


def kdf_e(shared: bytes, party_u: bytes, party_v: bytes) -> bytes:
    """Part 1, section 11.4.10.3, for 256 bits of SHA-256."""
    return sha256((1).to_bytes(4) + shared + _LABEL + b"\0" + party_u + party_v).digest()


def check_activation(secret: bytes, record: bytes, *, ek: bytes, ak_name: bytes) -> None:
    """Return if this is the secret that was sealed for these two keys. `ek`: SHA-256 of its SubjectPublicKeyInfo.

    Raises BindingError; EndorsementError for a record that cannot be read.
    """
    value = json.loads(record, what="activation_record", max_size=4096, max_depth=1, error=EndorsementError)
    if not isinstance(value, dict) or value.keys() != {"ek", "ak_name", "secret_sha256"}:
        raise EndorsementError(
            "activation_record does not have exactly ek, ak_name and secret_sha256",
            where="activation_record",
            hint="it is what `Challenge.record()` of ttee.tee.tpm.activation gave",
            source=SOURCE,
        )
    if (value["ek"], value["ak_name"]) != (ek.hex(), ak_name.hex()):
        raise BindingError(
            "the secret was sealed for another endorsement key, or another attestation key",
            where="activation_record",
            source=SOURCE,
        )
    if not compare_digest(sha256(secret).hexdigest().encode(), str(value["secret_sha256"]).encode()):
        raise BindingError(
            "the TPM did not give back the secret that was sealed for it", where="activation", source=SOURCE
        )


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(2) + data
