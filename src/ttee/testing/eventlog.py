# SPDX-License-Identifier: Apache-2.0
"""Event logs with any content, faults included: what a firmware writes, and what it never would. For tests only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ttee.eventlog import kinds
from ttee.eventlog.event import ALGORITHMS, SIZES, hasher
from ttee.eventlog.secure_boot import DATABASE, GLOBAL

_NUMBERS = {name: number for number, name in ALGORITHMS.items()}


def _u16(value: int) -> bytes:
    return value.to_bytes(2, "little")


def _u32(value: int) -> bytes:
    return value.to_bytes(4, "little")


class Entry(NamedTuple):
    """An event to log. Its digests are those of `measured`, or of `data` if that is None; `digests` replaces them."""

    register: int
    kind: int
    data: bytes
    measured: bytes | None = None
    digests: Mapping[str, bytes] | None = None

    def digest(self, algorithm: str) -> bytes:
        """What a register is extended by."""
        if self.digests is not None:
            return self.digests[algorithm]
        if self.kind == kinds.NO_ACTION:
            return bytes(SIZES[algorithm])
        return hasher(algorithm)(self.data if self.measured is None else self.measured).digest()


def variable(name: str, value: bytes, owner: bytes | None = None) -> bytes:
    """A UEFI_VARIABLE_DATA; the owner is the usual one when left out."""
    owner = owner or (DATABASE if name in ("db", "dbx") else GLOBAL)
    text = name.encode("utf-16-le")
    return owner + len(name).to_bytes(8, "little") + len(value).to_bytes(8, "little") + text + value


def signature_list(*signatures: bytes, header: bytes = b"", kind: bytes = bytes(16)) -> bytes:
    """An EFI_SIGNATURE_LIST of signatures of one size."""
    each = 16 + len(signatures[0])
    content = header + b"".join(b"\x77" * 16 + signature for signature in signatures)
    return kind + _u32(28 + len(content)) + _u32(len(header)) + _u32(each) + content


CERTIFICATE = b"\x30\x82 a certificate that vouches for boot loaders"
REVOKED = b"a digest that nobody may run any more".ljust(48)


def boot(*, secure: bool = True, kernel: bytes = b"a kernel", command_line: str = "ro quiet") -> list[Entry]:
    """A boot as a server's firmware, GRUB and a kernel log it."""
    entries = [
        Entry(0, kinds.S_CRTM_VERSION, "a firmware 1.0".encode("utf-16-le")),
        Entry(0, 0x8000000A, b"\x05image" + bytes(16), b"the firmware's volumes"),
        Entry(7, kinds.DRIVER_CONFIG, variable("SecureBoot", bytes([secure]))),
        Entry(7, kinds.DRIVER_CONFIG, variable("PK", signature_list(b"the platform's key"))),
        Entry(7, kinds.DRIVER_CONFIG, variable("KEK", signature_list(b"a vendor's key"))),
        Entry(7, kinds.DRIVER_CONFIG, variable("db", signature_list(CERTIFICATE))),
        Entry(7, kinds.DRIVER_CONFIG, variable("dbx", signature_list(REVOKED))),
        Entry(1, kinds.VARIABLE_BOOT, variable("BootOrder", b"\0\0"), b"\0\0"),
        Entry(4, kinds.EFI_ACTION, b"Calling EFI Application from Boot Option"),
        *(Entry(register, kinds.SEPARATOR, bytes(4)) for register in range(8)),
    ]
    if secure:
        entries.append(Entry(7, kinds.AUTHORITY, variable("db", bytes(16) + CERTIFICATE)))
    return [
        *entries,
        Entry(4, 0x80000003, b"path of the boot loader", b"the boot loader"),
        Entry(8, kinds.IPL, f"kernel_cmdline: {command_line}\0".encode(), command_line.encode()),
        Entry(9, kinds.IPL, b"/vmlinuz\0", kernel),
        Entry(5, kinds.EFI_ACTION, b"Exit Boot Services Invocation"),
    ]


def header(algorithms: Sequence[str], *, register: int = 0) -> bytes:
    """The first event of a log: Spec ID Event03."""
    table = b"".join(_u16(_NUMBERS[each]) + _u16(SIZES[each]) for each in algorithms)
    content = b"Spec ID Event03\0" + _u32(0) + bytes([0, 2, 0, 2]) + _u32(len(algorithms)) + table + b"\0"
    return _u32(register) + _u32(kinds.NO_ACTION) + bytes(20) + _u32(len(content)) + content


def event(entry: Entry, algorithms: Sequence[str]) -> bytes:
    """A TCG_PCR_EVENT2."""
    digests = b"".join(_u16(_NUMBERS[each]) + entry.digest(each) for each in algorithms)
    return (
        _u32(entry.register)
        + _u32(entry.kind)
        + _u32(len(algorithms))
        + digests
        + _u32(len(entry.data))
        + entry.data
    )


def tcg2(entries: Iterable[Entry], algorithms: Sequence[str] = ("sha1", "sha256")) -> bytes:
    """A log for a TPM."""
    return header(algorithms) + b"".join(event(entry, algorithms) for entry in entries)


def ccel(entries: Iterable[Entry], *, padding: bytes = b"") -> bytes:
    """A log for a trust domain, whose registers are numbered as UEFI does."""
    return header(["sha384"], register=1) + b"".join(event(entry, ["sha384"]) for entry in entries) + padding


def tcg1(entries: Iterable[Entry]) -> bytes:
    """A log of SHA-1 digests."""
    return b"".join(
        _u32(entry.register) + _u32(entry.kind) + entry.digest("sha1") + _u32(len(entry.data)) + entry.data
        for entry in entries
    )


def extend(entries: Iterable[Entry], algorithm: str) -> dict[int, bytes]:
    """What the registers become, written down once more, apart from `ttee.eventlog.replay`."""
    values: dict[int, bytes] = {}
    for entry in entries:
        if entry.kind != kinds.NO_ACTION:
            before = values.get(entry.register, bytes(SIZES[algorithm]))
            values[entry.register] = hashlib.new(algorithm, before + entry.digest(algorithm)).digest()
    return values


def ima_entry(name: str, content: bytes, *, register: int = 10, violation: bool = False) -> bytes:
    """One measured file of an IMA log, binary, template ima-ng."""
    fields = (b"sha256:\0" + hashlib.sha256(content).digest(), name.encode() + b"\0")
    data = b"".join(_u32(len(field)) + field for field in fields)
    digest = bytes(20) if violation else hashlib.sha1(data, usedforsecurity=False).digest()
    return _u32(register) + digest + _u32(6) + b"ima-ng" + _u32(len(data)) + data


def tlv(kind: int, value: bytes) -> bytes:
    """A TLV of a canonical event log."""
    return bytes([kind]) + len(value).to_bytes(4) + value


def cel_record(
    number: int,
    register: int,
    content: bytes,
    *,
    kind: int = 108,
    digest: bytes | None = None,
    bank: str = "sha384",
) -> bytes:
    """A record with a digest for one bank; `content` is a TLV."""
    digest = hasher(bank)(content).digest() if digest is None else digest
    listed = tlv(_NUMBERS[bank], digest)
    return b"".join((tlv(0, number.to_bytes(8)), tlv(kind, bytes([register])), tlv(3, listed), content))
