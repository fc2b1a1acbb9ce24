# SPDX-License-Identifier: Apache-2.0
"""edwards25519 and EdDSA from RFC 8032 in plain integers, with any hash: slow, and easy to check.

An oracle for tests only: with SHA-512 it must agree with every Ed25519 library, with SHA3-512 with ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
Point: TypeAlias = tuple[int, int]
IDENTITY: Point = (0, 1)


def add(one: Point, other: Point) -> Point:
    (x1, y1), (x2, y2) = one, other
    k = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + k, P - 2, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - k, P - 2, P) % P
    return x, y


def multiply(scalar: int, point: Point) -> Point:
    result = IDENTITY
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point, scalar = add(point, point), scalar >> 1
    return result


def encode(point: Point) -> bytes:
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def decode(data: bytes) -> Point:
    """RFC 8032, section 5.1.3, without its demand that y be below p."""
    number = int.from_bytes(data, "little")
    y, sign = number & (2**255 - 1), number >> 255
    x = _root((y * y - 1) * pow(D * y * y + 1, P - 2, P) % P)
    return (P - x) % P if x & 1 != sign else x, y % P


def _root(square: int) -> int:
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P:
        raise ValueError("not on the curve")
    return x


_BASE_Y = 4 * pow(5, P - 2, P) % P
BASE: Point = decode(_BASE_Y.to_bytes(32, "little"))


def torsion_points() -> list[Point]:
    """The eight points whose order divides the cofactor, the identity first."""
    y = 2
    while True:
        try:
            generator = multiply(L, decode(y.to_bytes(32, "little")))
        except ValueError:
            generator = IDENTITY
        if multiply(4, generator) != IDENTITY:
            return [multiply(i, generator) for i in range(8)]
        y += 1


def expand(seed: bytes, digest: Callable[[bytes], bytes]) -> tuple[int, bytes]:
    h = digest(seed)
    secret = int.from_bytes(h[:32], "little") & ((1 << 254) - 8) | (1 << 254)
    return secret, h[32:]


def sign(seed: bytes, message: bytes, digest: Callable[[bytes], bytes]) -> tuple[bytes, bytes]:
    """Public key and signature (RFC 8032, section 5.1.6)."""
    secret, prefix = expand(seed, digest)
    public = encode(multiply(secret, BASE))
    r = int.from_bytes(digest(prefix + message), "little") % L
    big_r = encode(multiply(r, BASE))
    h = int.from_bytes(digest(big_r + public + message), "little") % L
    return public, big_r + ((r + h * secret) % L).to_bytes(32, "little")
