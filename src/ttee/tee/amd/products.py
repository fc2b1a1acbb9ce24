# SPDX-License-Identifier: Apache-2.0
"""AMD's product lines with SEV-SNP, and how each of them counts its security versions (the TCB).

A TCB_VERSION is eight bytes; which component stands in which of them depends on the line
(AMD 56860, section 2.2; AMD 57230, table of certificate extensions):

    byte           0    1    2    3    4    5    6    7
    Milan, Genoa   bl   tee  -    -    -    -    snp  ucode
    Turin          fmc  bl   tee  snp  -    -    -    ucode
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from attrs import frozen

SOURCE = "AMD 56860, section 2.2 (TCB_VERSION)"

COMPONENTS = {1: "bl", 2: "tee", 3: "snp", 8: "ucode", 9: "fmc"}
"""Components of a TCB by the last number of their certificate extension (1.3.6.1.4.1.3704.1.3.N)."""

TCB_SIZE = 8


@frozen(slots=True)
class Product:
    """One product line. `order` has, for each byte of a TCB, the extension that speaks of it."""

    name: str
    line: str
    """As certificates and the Key Distribution Service spell it."""
    order: tuple[int, ...]
    hwid_size: int
    """Bytes of the chip's identity, of the 64 that a report has; the rest are zeros."""

    def components(self, tcb: bytes) -> Mapping[str, int]:
        """The named components of a TCB of 8 bytes."""
        return _components(self.order, tcb)


@lru_cache(maxsize=1024)
def _components(order: tuple[int, ...], tcb: bytes) -> Mapping[str, int]:
    """There are few TCBs, and each report has four."""
    named = ((COMPONENTS.get(number), value) for number, value in zip(order, tcb, strict=True))
    return MappingProxyType({name: value for name, value in named if name is not None})


_ZEN_3 = (1, 2, 4, 5, 6, 7, 3, 8)
_ZEN_5 = (9, 1, 2, 3, 5, 6, 7, 8)
MILAN = Product("milan", "Milan", _ZEN_3, hwid_size=64)
GENOA = Product("genoa", "Genoa", _ZEN_3, hwid_size=64)
TURIN = Product("turin", "Turin", _ZEN_5, hwid_size=8)
PRODUCTS = (MILAN, GENOA, TURIN)


def by_cpuid(family: int, model: int) -> Product | None:
    """The product line of a processor (AMD 57230, section Determining the Product Name); None if unknown."""
    if family == 0x19:
        if model <= 0x0F:
            return MILAN
        if 0x10 <= model <= 0x1F or 0xA0 <= model <= 0xAF:
            return GENOA
    if family == 0x1A and model <= 0x11:
        return TURIN
    return None


def by_name(name: str) -> Product | None:
    """The product line that a certificate names: `Milan`, or with a stepping, `Milan-B0`; None if unknown."""
    return next((product for product in PRODUCTS if name.partition("-")[0] == product.line), None)


def at_most(one: bytes, other: bytes) -> bool:
    """Whether no component of the TCB `one` is newer than that of `other` (8 bytes each)."""
    return one == other or all(a <= b for a, b in zip(one, other, strict=True))
