# SPDX-License-Identifier: Apache-2.0
"""dstack's event log: JSON, the firmware's events of RTMR 0 to 2 and the guest's own of RTMR 3.

    [{"imr": 3, "event_type": 134217729, "digest": "<hex>", "event": "app-id", "event_payload": "<hex>"}, …]

The guest's events have a name and a payload, and are hashed over both. `digest` is what was extended:
    version 1    H(u32 type, little endian ‖ ":" ‖ name ‖ ":" ‖ payload)
    version 2    H(canonical JSON of {"name", "payload", "type"}), which the event brings along as `preimage`
A digest may be left out, or empty, where name and payload give it.
Events that say who runs count only before `system-ready`: what follows is the app's own.
Source: Dstack-TEE/dstack:dstack/cc-eventlog, dstack/dstack-attest.
"""

from __future__ import annotations

from ttee.codec import hex, json  # noqa: A004 (the module's name)
from ttee.errors import BindingError, MalformedEvidenceError
from ttee.eventlog.event import MAX_LOG, SIZES, Event, Log, Registers, hasher
from ttee.eventlog.kinds import printable

SOURCE = "Dstack-TEE/dstack:dstack/cc-eventlog"
RUNTIME = 0x08000001
"""The type of the guest's own events."""
SYSTEM_READY = "system-ready"
MAX_EVENTS = 1 << 14
_KEYS = {"imr", "event_type", "event", "event_payload"}
_MORE = {"digest", "version", "preimage"}
_RTMR3 = 4


def parse(data: bytes, *, what: str = "dstack event log") -> Log:
    """The log in `data`. Registers are numbered as UEFI does: RTMR 0 is 1. Raises MalformedEvidenceError; BindingError
    for an event of the guest whose name and payload are not what was extended."""
    value = json.loads(data, what=what, max_size=MAX_LOG, max_depth=3)
    if not isinstance(value, list) or len(value) > MAX_EVENTS:
        raise _malformed(f"it is not a list of at most {MAX_EVENTS} events", what)
    events = tuple(_event(item, number, f"{what}, event {number}") for number, item in enumerate(value))
    return Log("dstack", Registers.MR, ("sha384",), events)


def runtime_digest(name: str, payload: bytes, *, version: int = 1, algorithm: str = "sha384") -> bytes:
    """What a register is extended by for one of the guest's events."""
    return hasher(algorithm)(preimage(name, payload, version)).digest()


def preimage(name: str, payload: bytes, version: int) -> bytes:
    """What is hashed for one of the guest's events."""
    if version == 1:
        return RUNTIME.to_bytes(4, "little") + b":" + name.encode() + b":" + payload
    return json.dumps({"name": name, "payload": payload.hex(), "type": RUNTIME})


def identity_events(log: Log) -> tuple[Event, ...]:
    """The guest's events before `system-ready`, in RTMR 3: the only ones that say who runs."""
    found: list[Event] = []
    for event in log.events:
        if event.register == _RTMR3 and event.type == RUNTIME:
            if event.name == SYSTEM_READY:
                break
            found.append(event)
    return tuple(found)


def _event(item: json.JsonValue, number: int, where: str) -> Event:
    if not isinstance(item, dict) or not item.keys() >= _KEYS or not item.keys() <= _KEYS | _MORE:
        raise _malformed(f"an event does not have {', '.join(sorted(_KEYS))}", where)
    register, kind, name = item["imr"], item["event_type"], item["event"]
    version, given = item.get("version", 1), item.get("preimage")
    if (
        type(register) is not int
        or not 0 <= register <= 3
        or type(kind) is not int
        or not 0 <= kind < 1 << 32
    ):
        raise _malformed("an event's register is 0 to 3, and its type 32 bits", where)
    if not isinstance(name, str) or type(version) is not int or version not in (1, 2):
        raise _malformed("an event's name is text, and its version 1 or 2", where)
    payload, digest = _hex(item, "event_payload", where), _digest(item, where)
    label = ""
    if kind == RUNTIME:
        label, digest = name, digest or runtime_digest(name, payload, version=version)
        if runtime_digest(name, payload, version=version) != digest:
            raise BindingError(
                f"event {number}, {printable(name.encode())}: its name and payload are not what was extended",
                where=where,
                source=SOURCE,
            )
        if given is not None and (version != 2 or given != preimage(name, payload, 2).hex()):
            raise BindingError(
                f"event {number}, {printable(name.encode())}: its preimage is not the canonical one",
                where=where,
                source=SOURCE,
            )
        if version == 2 and given is None:
            raise _malformed("an event of version 2 has no preimage", where)
    if not digest:
        raise _malformed("an event that is not the guest's own has no digest", where)
    return Event(number, register + 1, kind, (digest,), payload, label)


def _digest(item: dict[str, json.JsonValue], where: str) -> bytes:
    return b"" if item.get("digest", "") == "" else _hex(item, "digest", where, SIZES["sha384"])


def _hex(item: dict[str, json.JsonValue], key: str, where: str, size: int | None = None) -> bytes:
    value = item[key]
    if not isinstance(value, str):
        raise _malformed(f"`{key}` is not hex", where)
    return hex.decode(value, what=f"{where}, {key}", size=size)


def _malformed(message: str, where: str) -> MalformedEvidenceError:
    return MalformedEvidenceError(
        f"the dstack event log cannot be read: {message}", where=where, source=SOURCE
    )
