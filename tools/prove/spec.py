# SPDX-License-Identifier: Apache-2.0
"""What the monitor must guarantee about addresses, in the mathematics of whole numbers.

Written from docs/spec/riscv.md and the privileged architecture, not from the code. Addresses and sizes are 64 bits, but
every sum here is taken in 72 bits, so that nothing can wrap around: the code has to find out what wraps by itself.
"""

from __future__ import annotations

from typing import Any

import z3
from attrs import frozen

PAGE = 4096
_BITS = 72


def number(term: Any) -> Any:
    """An address or a size as a whole number, with room for sums."""
    return z3.BitVecVal(term, _BITS) if isinstance(term, int) else z3.ZeroExt(_BITS - term.size(), term)


def at_most(one: Any, other: Any) -> Any:
    """one <= other, as whole numbers."""
    return z3.ULE(number(one), number(other))


@frozen(slots=True, eq=False)
class Range:
    """The bytes from `base` up to and without `base + size`."""

    base: Any
    size: Any

    @property
    def end(self) -> Any:
        """The first address behind it; may be 2^64 or more."""
        return number(self.base) + number(self.size)

    @property
    def exists(self) -> Any:
        """It has a byte, and all its bytes have addresses of 64 bits."""
        return z3.And(number(self.size) != 0, z3.ULE(self.end, number(0) + (1 << 64)))

    def has(self, address: Any) -> Any:
        """One of its bytes is at `address`."""
        return z3.And(at_most(self.base, address), z3.ULT(number(address), self.end))

    def within(self, outer: Range) -> Any:
        """Each of its bytes is one of the outer range's."""
        return z3.And(at_most(outer.base, self.base), z3.ULE(self.end, outer.end))

    def apart(self, other: Range) -> Any:
        """No byte is in both."""
        return z3.Or(z3.ULE(self.end, number(other.base)), z3.ULE(other.end, number(self.base)))

    def is_napot(self) -> Any:
        """A power of two of at least a page, at a multiple of itself."""
        return z3.Or(
            *(z3.And(self.size == (1 << k), z3.Extract(k - 1, 0, self.base) == 0) for k in range(12, 64))
        )


def pmp_matches(pmpaddr: Any, address: Any) -> Any:
    """A NAPOT entry with this pmpaddr matches a physical address of 56 bits.

    Privileged architecture 1.12, section 3.7.1, table 3.11: `yyyy...yyy0` is 8 bytes, `yyyy...yy01` 16, `...y011`
    32, and so on; pmpaddr has bits 55 to 2 of an address, in its own bits 53 to 0. All ones is everything.
    """
    y = z3.Extract(53, 0, pmpaddr)
    where = z3.Extract(55, 2, address)
    cases = [z3.And(y == (1 << 54) - 1)]
    for ones in range(53):
        encoded = z3.Extract(ones, 0, y) == (1 << ones) - 1
        same = z3.Extract(53, ones + 1, y) == z3.Extract(53, ones + 1, where)
        cases.append(z3.And(encoded, same))
    cases.append(y == (1 << 53) - 1)
    return z3.Or(*cases)


@frozen(slots=True, eq=False)
class Record:
    """The words of a creation record: docs/spec/riscv.md, section 3."""

    epm: Any
    epm_size: Any
    utm: Any
    utm_size: Any
    runtime: Any
    user: Any
    free: Any
    reserved: Any

    @property
    def private(self) -> Range:
        """The enclave's memory."""
        return Range(self.epm, self.epm_size)

    @property
    def shared(self) -> Range:
        """The pages that it shares with the host."""
        return Range(self.utm, self.utm_size)

    def aligned(self) -> list[Any]:
        """Each image starts with a page."""
        return [z3.URem(at, z3.BitVecVal(PAGE, 64)) == 0 for at in (self.runtime, self.user, self.free)]

    def is_layout(self) -> Any:
        """Page-aligned images in their order inside the EPM: the runtime, one config page, the app, free memory."""
        return z3.And(
            *self.aligned(),
            z3.ULT(number(self.epm), number(self.runtime)),
            number(self.user) == number(self.runtime) + PAGE,
            at_most(self.user, self.free),
            z3.ULE(number(self.free), self.private.end),
        )

    def is_creatable(self, pool: Range) -> Any:
        """It could be created if no other enclave were there; whether its two regions are apart is asked elsewhere."""
        regions = (self.private, self.shared)
        return z3.And(
            self.reserved == 0,
            pool.exists,
            *(z3.And(region.is_napot(), region.within(pool)) for region in regions),
            self.is_layout(),
        )
