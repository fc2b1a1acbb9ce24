# SPDX-License-Identifier: Apache-2.0
"""Device keys that anybody could hold: published for tests, or made from a secret that anybody would guess.

A signature by such a key proves nothing, however well it verifies.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from ttee.errors import WeakKeyError

if TYPE_CHECKING:
    from collections.abc import Mapping

FEWEST_DISTINCT_BYTES = 12
"""Of the 32 bytes of a key. A random key has fewer once in 10^24 times; a typed one nearly always."""

_KNOWN: tuple[tuple[str, str], ...] = (
    (
        "0faad4ff01178583baa588966f7c1ff32564dd17d7dc2b46cb50a84a69270b4c",
        "Keystone's published test key (keystone:sdk/include/verifier/test_dev_key.h)",
    ),
    # keystone:sm/src/ed25519/keypair.c: from a seed
    ("43eeb17f0bab10dd51ab70983c25200a1742d31b3b7b54c38c34d7b827b26eed", "made from an all-zero seed"),
    ("07cba3deefddbfb8f839820b46001780ea934b8f8769c7017b37241acb87f8d5", "made from an erased seed (ff)"),
    ("13c6c45b3c3043fc0dd58c02955dd3bfbbe05b43feda45b5799a0b4582f70315", "made from the seed 00 01 … 1f"),
    # docs/spec/riscv.md, section 2: from a device secret
    ("a9357f921f006d101e3865d23f9cb02b862cc77efaa8d78946660c0630f22b46", "of an all-zero device secret"),
    ("46fb1072d3f305d0c95deacf5e77dcdd34da4b2465104a9a963ab9cd55a274ce", "of an erased device secret (ff)"),
    ("42bd1d0465131d4949178b494ec583bdd281aaddefdfd50e99cfbb8edc409975", "of the secret 00 01 … 1f"),
)
KNOWN: Mapping[bytes, str] = MappingProxyType({bytes.fromhex(key): reason for key, reason in _KNOWN})
"""Public keys, 32 bytes, and why they are nobody's own."""


def refuse_weak_key(key: bytes) -> None:
    """Return if `key` (32 bytes) may be somebody's own; raise WeakKeyError if it is nobody's."""
    reason = KNOWN.get(key)
    if len(set(key)) < FEWEST_DISTINCT_BYTES:
        reason = "a key of a few repeated bytes" if any(key) else "an all-zero key"
    if reason is not None:
        raise WeakKeyError(f"the device key {key.hex()} is {reason}: anybody can sign with it")
