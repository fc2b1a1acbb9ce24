# SPDX-License-Identifier: Apache-2.0
"""TPM 2.0 structures as bytes: attestations, public areas, signatures, PCR selections. No cryptography.

    TPMS_ATTEST    magic FF544347 ‖ type u16 ‖ qualified signer 2B ‖ extra data 2B ‖ clock u64 ‖ resets u32
                   ‖ restarts u32 ‖ safe u8 ‖ firmware u64 ‖ attested
       quote       attested = count u32, as many (hash u16 ‖ size u8 ‖ bitmap) ‖ digest 2B
       certify     attested = name 2B ‖ qualified name 2B
    TPMT_SIGNATURE scheme u16 ‖ hash u16 ‖ signature 2B, or r 2B ‖ s 2B
    TPMT_PUBLIC    type u16 ‖ name's hash u16 ‖ attributes u32 ‖ policy 2B ‖ parameters ‖ key

All big endian; `2B` is a size of two bytes, then as many. Source: TPM 2.0 Library, part 2, sections 10 to 12.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import new
from types import MappingProxyType

from attrs import frozen

from ttee.errors import MalformedEvidenceError
from ttee.eventlog.event import ALGORITHMS

SOURCE = "TPM 2.0 Library, part 2"
MAGIC = 0xFF544347
CERTIFY, QUOTE = 0x8017, 0x8018
RSA, ECC, NULL = 0x0001, 0x0023, 0x0010
RSASSA, RSAPSS, ECDSA = 0x0014, 0x0016, 0x0018
SCHEMES: Mapping[int, str] = MappingProxyType({RSASSA: "rsassa", RSAPSS: "rsapss", ECDSA: "ecdsa"})
CURVES: Mapping[int, str] = MappingProxyType({0x0003: "secp256r1", 0x0004: "secp384r1", 0x0005: "secp521r1"})
ATTRIBUTES: Mapping[str, int] = MappingProxyType(
    {"fixedTPM": 1, "fixedParent": 4, "sensitiveDataOrigin": 5, "restricted": 16, "decrypt": 17, "sign": 18}
)
"""Bits of TPMA_OBJECT (section 8.3) that say what a key may do and where it was made."""
MAX_SELECTIONS = 16
MAX_BITMAP = 4

Selection = tuple[tuple[str, tuple[int, ...]], ...]
"""Banks and their PCRs, in the order in which their values are hashed."""


class Reader:
    """Reads a structure from its first byte to its last."""

    def __init__(self, data: bytes, what: str) -> None:
        """`what` names it in errors."""
        self.data, self.what, self.at = data, what, 0

    def number(self, size: int) -> int:
        """An unsigned integer of `size` bytes."""
        return int.from_bytes(self.take(size))

    def sized(self) -> bytes:
        """A TPM2B: its size in two bytes, then its content."""
        return self.take(self.number(2))

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        end = self.at + size
        if end > len(self.data):
            raise self.error(f"it ends inside a field of {size} bytes")
        found = self.data[self.at : end]
        self.at = end
        return found

    def end(self) -> None:
        """Nothing may follow."""
        if self.at != len(self.data):
            raise self.error(f"{len(self.data) - self.at} bytes stand behind its end")

    def error(self, message: str) -> MalformedEvidenceError:
        """What is wrong at the present place."""
        return MalformedEvidenceError(
            f"the {self.what} cannot be read: {message}", where=f"{self.what}, byte {self.at}", source=SOURCE
        )


@frozen(slots=True)
class Attest:
    """A TPMS_ATTEST. `magic` and `type` are kept as they came: checking them is the verifier's.

    `reset_count`, `restart_count` and `firmware` are blurred by the TPM for keys outside of the platform's and
    endorsement hierarchies (part 1, section 36.7): then they say only whether they changed.
    """

    magic: int
    type: int
    signer: bytes
    extra: bytes
    clock: int
    """Milliseconds the TPM has been powered on for."""
    reset_count: int
    restart_count: int
    safe: bool
    firmware: int
    selection: Selection
    digest: bytes
    name: bytes
    """Of a key that is certified; empty in a quote."""


def parse_attest(data: bytes, *, what: str, kind: int = QUOTE) -> Attest:
    """The TPMS_ATTEST that `data` is. What is attested is read only if it is of that kind, QUOTE or CERTIFY, and has
    the magic number; the caller refuses it otherwise. Raises MalformedEvidenceError."""
    reader = Reader(data, what)
    magic, found = reader.number(4), reader.number(2)
    signer, extra = reader.sized(), reader.sized()
    clock, resets, restarts, safe = reader.number(8), reader.number(4), reader.number(4), reader.number(1)
    firmware = reader.number(8)
    if safe > 1:
        raise reader.error("`safe` is neither 0 nor 1")
    selection: Selection = ()
    digest = name = b""
    if magic == MAGIC and found == kind == QUOTE:
        selection, digest = _selection(reader), reader.sized()
        reader.end()
    elif magic == MAGIC and found == kind == CERTIFY:
        name, _ = reader.sized(), reader.sized()
        reader.end()
    return Attest(
        magic, found, signer, extra, clock, resets, restarts, bool(safe), firmware, selection, digest, name
    )


def _selection(reader: Reader) -> Selection:
    count = reader.number(4)
    if count > MAX_SELECTIONS:
        raise reader.error(f"it selects from {count} banks")
    found: dict[str, tuple[int, ...]] = {}
    for _ in range(count):
        bank, size = ALGORITHMS.get(reader.number(2)), reader.number(1)
        if bank is None or bank in found or size > MAX_BITMAP:
            raise reader.error("it selects from an unknown bank, from one twice, or more PCRs than there are")
        found[bank] = bits(reader.take(size))
    return tuple(found.items())


def bits(bitmap: bytes) -> tuple[int, ...]:
    """The PCRs that a bitmap selects: bit 0 of byte 0 is PCR 0."""
    return tuple(8 * i + bit for i, byte in enumerate(bitmap) for bit in range(8) if byte >> bit & 1)


@frozen(slots=True)
class Signature:
    """A TPMT_SIGNATURE: `scheme` is rsassa, rsapss or ecdsa; of the last, `value` is r and `second` is s."""

    scheme: str
    hash: str
    value: bytes
    second: bytes = b""


def parse_signature(data: bytes) -> Signature:
    """The TPMT_SIGNATURE that `data` is. Raises MalformedEvidenceError."""
    reader = Reader(data, "signature")
    scheme, algorithm = SCHEMES.get(reader.number(2)), ALGORITHMS.get(reader.number(2))
    if scheme is None or algorithm is None:
        raise reader.error("it is none of RSASSA, RSAPSS and ECDSA, or of an unknown hash")
    value = reader.sized()
    second = reader.sized() if scheme == "ecdsa" else b""
    reader.end()
    return Signature(scheme, algorithm, value, second)


@frozen(slots=True)
class Public:
    """A TPMT_PUBLIC of an RSA or ECC key; `scheme` and `hash` are empty if the key has no fixed ones."""

    name: bytes
    """How the TPM calls it: the number of a hash algorithm, and that hash of the public area."""
    attributes: int
    scheme: str
    hash: str
    modulus: bytes = b""
    exponent: int = 0
    curve: str = ""
    point: bytes = b""
    """x || y."""

    def has(self, attribute: str) -> bool:
        """Whether an attribute (`ATTRIBUTES`) is set."""
        return bool(self.attributes >> ATTRIBUTES[attribute] & 1)


def parse_public(data: bytes, *, what: str) -> Public:
    """The TPM2B_PUBLIC or TPMT_PUBLIC that `data` is. Raises MalformedEvidenceError."""
    if int.from_bytes(data[:2]) == len(data) - 2:
        data = data[2:]
    reader = Reader(data, what)
    kind, name_hash, attributes, _policy = (
        reader.number(2),
        reader.number(2),
        reader.number(4),
        reader.sized(),
    )
    if kind not in (RSA, ECC) or name_hash not in (0x000B, 0x000C, 0x000D):
        raise reader.error("it is no RSA or ECC key named by SHA-256, SHA-384 or SHA-512")
    if reader.number(2) != NULL:  # a symmetric cipher, of keys that protect others
        reader.take(4)
    scheme, algorithm = _scheme(reader)
    name = name_hash.to_bytes(2) + new(ALGORITHMS[name_hash], data).digest()
    if kind == RSA:
        size, exponent, modulus = reader.number(2), reader.number(4) or 65537, reader.sized()
        if len(modulus) * 8 != size:
            raise reader.error("its modulus has another size than it says")
        reader.end()
        return Public(name, attributes, scheme, algorithm, modulus, exponent)
    curve = CURVES.get(reader.number(2))
    if reader.number(2) != NULL:  # a key derivation function and its hash
        reader.take(2)
    x, y = reader.sized(), reader.sized()
    reader.end()
    size = {"secp256r1": 32, "secp384r1": 48, "secp521r1": 66}.get(curve or "", 0)
    if curve is None or len(x) > size or len(y) > size:
        raise reader.error("its curve is none of P-256, P-384 and P-521, or its point too large")
    return Public(
        name, attributes, scheme, algorithm, curve=curve, point=x.rjust(size, b"\0") + y.rjust(size, b"\0")
    )


def _scheme(reader: Reader) -> tuple[str, str]:
    number = reader.number(2)
    if number == NULL:
        return "", ""
    scheme, algorithm = SCHEMES.get(number), ALGORITHMS.get(reader.number(2))
    if scheme is None or algorithm is None:
        raise reader.error("its scheme is none of RSASSA, RSAPSS and ECDSA")
    return scheme, algorithm
