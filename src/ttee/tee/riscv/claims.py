# SPDX-License-Identifier: Apache-2.0
"""What the monitor says about an enclave (docs/spec/riscv.md, section 4): CBOR, signed by its digest."""

from __future__ import annotations

from functools import lru_cache, partial
from hashlib import sha512
from typing import TYPE_CHECKING

from attrs import asdict, astuple, frozen

from ttee.codec import cbor
from ttee.errors import MalformedEvidenceError
from ttee.guest import registers as runtime_registers

if TYPE_CHECKING:
    from collections.abc import Callable

PROFILE = "ttee/riscv/1"
SOURCE = "docs/spec/riscv.md, section 4"
MAX_SIZE = 1024
MAX_PLATFORM = 64
PAGE = 4096
REPORT_DATA = 64
AUTHORITY = 32
_SHAPE = cbor.MapShape(
    {
        "svn": int,
        "debug": bool,
        "app_svn": int,
        "profile": str,
        "epm_size": int,
        "platform": str,
        "utm_size": int,
        "authority": bytes,
        "registers": list,
        "report_data": bytes,
    },
    SOURCE,
)


@frozen(slots=True)
class MonitorClaims:
    """The monitor's claims. Sizes are in bytes."""

    svn: int
    """The monitor's own security version."""
    debug: bool
    app_svn: int
    profile: str
    epm_size: int
    """Memory of the enclave alone."""
    platform: str
    utm_size: int
    """Memory that it shares with the host."""
    authority: bytes
    """The key that signed this enclave, 32 bytes; empty for none."""
    registers: tuple[bytes, ...]
    report_data: bytes
    """64 bytes that the enclave passed on: the digest of its statement."""

    def encode(self) -> bytes:
        """The canonical bytes."""
        return cbor.dumps(asdict(self))

    @classmethod
    def decode(cls, data: bytes) -> MonitorClaims:
        """The claims in exactly these bytes. Raises MalformedEvidenceError, naming the key."""
        try:
            with_report_data = _around_report_data(data[:-REPORT_DATA])
        except MalformedEvidenceError:
            return _decoded(data)  # which raises as well, and speaks of these bytes
        return with_report_data(data[-REPORT_DATA:])

    def problem(self) -> tuple[str, str] | None:
        """The first key that the profile does not allow, and why."""
        if self.profile != PROFILE:
            return "profile", f"must be {PROFILE!r}, and is {self.profile[:64]!r}"
        for key, number in (("svn", self.svn), ("app_svn", self.app_svn)):
            if not 0 <= number < 1 << 64:
                return key, "must be an unsigned 64-bit integer"
        for key, size in (("epm_size", self.epm_size), ("utm_size", self.utm_size)):
            if size < PAGE or size & size - 1:
                return key, f"must be a power of two from {PAGE} on, and is {size}"
        if not 1 <= len(self.platform) <= MAX_PLATFORM or not self.platform.isascii():
            return "platform", f"must have 1 to {MAX_PLATFORM} ASCII characters"
        if not self.platform.isprintable():
            return "platform", "has characters that cannot be printed"
        if len(self.authority) not in (0, AUTHORITY):
            return "authority", f"must have 0 or {AUTHORITY} bytes, and has {len(self.authority)}"
        if [*map(len, self.registers)] != [runtime_registers.SIZE] * runtime_registers.COUNT:
            return "registers", f"must be {runtime_registers.COUNT} of {runtime_registers.SIZE} bytes each"
        if len(self.report_data) != REPORT_DATA:
            return "report_data", f"must have {REPORT_DATA} bytes, and has {len(self.report_data)}"
        return None


@lru_cache(maxsize=runtime_registers.REMEMBERED)
def _around_report_data(before: bytes) -> Callable[[bytes], MonitorClaims]:
    """What makes claims of their report data: every report of an enclave has the same bytes before it.

    The report data is the last key in canonical order and has its one length. So its bytes are the last of the
    claims, whatever they are, and claims are well formed with them exactly when they are so with zeros.
    """
    fields = astuple(_decoded(before + bytes(REPORT_DATA)), recurse=False)
    return partial(MonitorClaims, *fields[:-1])


def _decoded(data: bytes) -> MonitorClaims:
    value = _SHAPE.loads(data, what="claims", max_size=MAX_SIZE)
    value["registers"] = tuple(value["registers"])
    claims = MonitorClaims(**value)
    problem = claims.problem()
    if problem is not None:
        key, what = problem
        raise MalformedEvidenceError(f"the claims' {key} {what}", where=f"claims, key {key}", source=SOURCE)
    return claims


def digest(claims: bytes) -> bytes:
    """The 64 bytes that stand in the report as its data."""
    return sha512(b"ttee/riscv-claims/1" + claims).digest()
