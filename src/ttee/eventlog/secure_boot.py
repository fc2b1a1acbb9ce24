# SPDX-License-Identifier: Apache-2.0
"""What the firmware measured about secure boot, and whether it kept to it (PCR 7, or RTMR 0).

Before the separator: SecureBoot, PK, KEK, db, dbx, once each. Whoever was let run, before it or after: the entry of db
that vouched for it. After the separator none of the variables changes.
Source: TCG PC Client Platform Firmware Profile 1.06, sections 3.3.4.8 and 10.4.2; UEFI 2.10, section 32.4.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from attrs import field, frozen

from ttee.errors import BindingError, MalformedEvidenceError
from ttee.eventlog.event import Event, Log, Registers
from ttee.eventlog.kinds import AUTHORITY, DRIVER_CONFIG, SEPARATOR, variable_size
from ttee.eventlog.replay import measured_data

SOURCE = "TCG PC Client Platform Firmware Profile 1.06, section 3.3.4.8"
GLOBAL = bytes.fromhex("61dfe48bca93d211aa0d00e098032b8c")
DATABASE = bytes.fromhex("cbb219d73a3d9645a3bcdad00e67656f")
_OWNERS = {"SecureBoot": GLOBAL, "PK": GLOBAL, "KEK": GLOBAL, "db": DATABASE, "dbx": DATABASE}
_LISTS = ("PK", "KEK", "db", "dbx")
_LIST_HEAD, _OWNER = 28, 16
MAX_ENTRIES = 1 << 16


@frozen(slots=True)
class SecureBoot:
    """What was measured. Bytes are SHA-256 of signatures (certificates, or digests of images) without their owners."""

    enabled: bool
    lists: Mapping[str, frozenset[bytes]] = field(factory=dict)
    """PK, KEK, db, dbx: what is in them."""
    authorities: tuple[bytes, ...] = ()
    """Entries of db that vouched for something that ran, in their order."""


def read(log: Log, algorithm: str) -> SecureBoot | None:
    """What the log's secure boot register says; None if it says nothing. Replay it first.

    Only data whose digest was extended count. Raises MalformedEvidenceError, and BindingError for a story that no
    firmware tells: a variable there twice, or measured after the separator; an authority that is not in db.
    """
    register = 7 if log.registers is Registers.PCR else 1
    variables: dict[str, tuple[Event, bytes]] = {}
    authorities: list[bytes] = []
    closed = False
    for event in log.events:
        if event.register != register or not event.digests:
            continue
        if event.type == SEPARATOR:
            closed = True
        elif event.type in (DRIVER_CONFIG, AUTHORITY):
            _read_event(log, event, algorithm, variables, authorities, closed=closed)
    if "SecureBoot" not in variables:
        return None
    event, value = variables["SecureBoot"]
    if value not in (b"", b"\0", b"\1"):
        raise _refused(log, event, "its value is neither 0 nor 1")
    lists = {name: _signatures(log, *variables[name]) for name in _LISTS if name in variables}
    for authority in authorities:
        if "db" in lists and authority not in lists["db"]:
            raise BindingError(
                f"{authority.hex()} vouched for something that ran, and is not in db",
                where=f"event log, {log.register_name(register)}",
                hint="get the whole log of one boot; firmware lets nothing run by what is not in db",
                source=SOURCE,
            )
    return SecureBoot(value == b"\1", lists, tuple(authorities))


def _read_event(
    log: Log,
    event: Event,
    algorithm: str,
    variables: dict[str, tuple[Event, bytes]],
    authorities: list[bytes],
    *,
    closed: bool,
) -> None:
    data = measured_data(log, event, algorithm)
    if data is None:
        raise _refused(log, event, "its digest is not that of its data")
    owner, name, value = _variable(log, event, data)
    if event.type == AUTHORITY:
        if (owner, name) == (DATABASE, "db"):
            authorities.append(sha256(_without_owner(value)).digest())
        return  # shim's own lists (MokList, SbatLevel, …) are its own affair
    if _OWNERS.get(name) != owner:
        return
    if closed:
        raise _refused(log, event, "the variable is measured again after the separator")
    if name in variables:
        raise _refused(log, event, "the variable is there twice")
    variables[name] = (event, value)


def _without_owner(value: bytes) -> bytes:
    """The certificate of an authority: EFI_SIGNATURE_DATA, or (old shims) the certificate alone."""
    return value if value[:2] == b"\x30\x82" else value[_OWNER:]


def _variable(log: Log, event: Event, data: bytes) -> tuple[bytes, str, bytes]:
    """Owner, name and value of a UEFI_VARIABLE_DATA."""
    if len(data) < 32 or variable_size(data) != len(data):
        raise _malformed(log, event, "its data is no UEFI variable")
    begin = 32 + 2 * int.from_bytes(data[16:24], "little")
    try:
        name = data[32:begin].decode("utf-16-le")
    except UnicodeDecodeError:
        raise _malformed(log, event, "the name of its variable is not UTF-16") from None
    return data[:16], name, data[begin:]


def _signatures(log: Log, event: Event, value: bytes) -> frozenset[bytes]:
    """The entries of EFI_SIGNATURE_LISTs, one behind the other.

    Each list may have a header before its entries, which is not one of them: who takes it for one trusts what the
    header says (GHSA-9r4w-jg96-92mv).
    """
    found: set[bytes] = set()
    at = entries = 0
    while at < len(value):
        size, header, each = (int.from_bytes(value[at + i : at + i + 4], "little") for i in (16, 20, 24))
        begin, end = at + _LIST_HEAD + header, at + size
        if end > len(value) or begin > end or each <= _OWNER or (end - begin) % each:
            raise _malformed(log, event, "its signature lists have sizes that do not fit")
        entries += (end - begin) // each
        if entries > MAX_ENTRIES:
            raise _malformed(log, event, f"its signature lists have more than {MAX_ENTRIES} entries")
        found.update(sha256(value[i + _OWNER : i + each]).digest() for i in range(begin, end, each))
        at = end
    return frozenset(found)


def _refused(log: Log, event: Event, message: str) -> BindingError:
    return BindingError(
        f"{log.event_name(event)}: {message}", where=f"event log, event {event.number}", source=SOURCE
    )


def _malformed(log: Log, event: Event, message: str) -> MalformedEvidenceError:
    return MalformedEvidenceError(
        f"{log.event_name(event)}: {message}", where=f"event log, event {event.number}", source=SOURCE
    )
