# SPDX-License-Identifier: Apache-2.0
"""All certificates and revocation lists in a file, in whatever form, and which of them belong together.

DER, PEM (any number, with text between), hex or base64 of DER, or a JSON object with such texts in it: what a file
holds shows from its content. Nothing is verified here, and what cannot be read is passed over: who misses it says so.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice

from attrs import frozen

from ttee.codec import json
from ttee.errors import TteeError
from ttee.pki.cache import memo
from ttee.pki.certificate import Certificate, load_certificate
from ttee.pki.crl import Crl, load_crl
from ttee.pki.signature import Scheme, load_public_key, verify_signature

MAX_SIZE = 8 << 20
"""Of a file that is looked at."""
MAX_TWINS, MAX_NAMESAKES = 16, 256
"""Certificates of one key, or one name, that are held against each other."""
SMALL = 128 << 10
"""Of a file whose content is remembered: a fleet's evidence is held against the same files time and again."""
_BLOCK = re.compile(rb"-----BEGIN (CERTIFICATE|X509 CRL)-----([A-Za-z0-9+/=\s]++)-----END \1-----")
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2}|\s)++")
_BASE64 = re.compile(rb"[A-Za-z0-9+/=\s]++")


@frozen(slots=True)
class Found:
    """What a file holds, in its order."""

    certificates: tuple[Certificate, ...] = ()
    crls: tuple[Crl, ...] = ()


def find(data: bytes) -> Found:
    """The certificates and revocation lists in `data`; none for a file of another kind."""
    return _remembered(data) if len(data) <= SMALL else _find(data)


def issued(below: Certificate | Crl, above: Certificate) -> bool:
    """Whether `above` signed this certificate or list, by name and key: what belongs together, and no more."""
    if below.issuer != above.subject:
        return False
    statement = above.spki, below.scheme, below.signature, below.tbs
    return _signed(statement) if len(below.tbs) <= SMALL else _is_signed(statement)


def above(below: Certificate, pool: Sequence[Certificate], at: datetime) -> Certificate | None:
    """The best of those in `pool` that signed `below`: one that is itself signed by one of them, then a current one.

    Anybody can write a certificate with the name and key of an authority, and be in the way with it.
    """

    def signers(signed: Certificate) -> Iterator[Certificate]:
        namesakes = (each for each in pool if each.subject == signed.issuer)
        return (each for each in islice(namesakes, MAX_NAMESAKES) if issued(signed, each))

    def rank(each: Certificate) -> tuple[bool, bool]:
        return any(True for _ in signers(each)), at in each.validity

    return max(islice(signers(below), MAX_TWINS), key=rank, default=None)


def _is_signed(statement: tuple[bytes, Scheme, bytes, bytes]) -> bool:
    spki, scheme, signature, tbs = statement
    try:
        verify_signature(load_public_key(spki, what="a key"), scheme, signature, tbs, what="a statement")
    except TteeError:
        return False
    return True


_signed = memo(256)(_is_signed)


def _find(data: bytes) -> Found:
    certificates: list[Certificate] = []
    crls: list[Crl] = []
    for label, content in _contents(data):
        with suppress(TteeError):
            if label != b"X509 CRL":
                certificates.append(load_certificate(content, what="a certificate"))
                continue
        with suppress(TteeError):
            if label != b"CERTIFICATE":
                crls.append(load_crl(content, what="a CRL"))
    return Found(tuple(certificates), tuple(crls))


_remembered = memo(512)(_find)


def _contents(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """DER by DER, with its label in PEM; an empty one where there is none."""
    if len(data) > MAX_SIZE:
        return
    if data[:1] == b"\x30" and data[1:2] >= b"\x80":  # "0" and a digit is hex
        yield b"", data
    elif data.lstrip()[:1] == b"{":
        with suppress(TteeError):
            value = json.loads(data, what="a file", max_size=MAX_SIZE)
            for text in value.values() if isinstance(value, dict) else ():
                if isinstance(text, str):
                    yield from _of_text(text.encode())
    else:
        yield from _of_text(data)


def _of_text(text: bytes) -> Iterator[tuple[bytes, bytes]]:
    if b"-----BEGIN " in text:
        for block in _BLOCK.finditer(text):
            with suppress(binascii.Error):
                yield block[1], binascii.a2b_base64(b"".join(block[2].split()), strict_mode=True)
        return
    with suppress(binascii.Error):
        if _HEX.fullmatch(text):
            yield b"", binascii.unhexlify(b"".join(text.split()))
        elif _BASE64.fullmatch(text):
            yield b"", binascii.a2b_base64(b"".join(text.split()), strict_mode=True)
