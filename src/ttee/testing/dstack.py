# SPDX-License-Identifier: Apache-2.0
"""dstack attestations with any content, faults included, in both versions. For tests only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from attrs import field, frozen

from ttee.codec import msgpack, scale
from ttee.eventlog import dstack
from ttee.formats import dstack_v0
from ttee.formats.dstack_statement import LoggedEvent

BOOT: tuple[tuple[str, bytes], ...] = (
    ("system-preparing", b""),
    ("app-id", bytes(range(20))),
    ("compose-hash", bytes(range(32))),
    ("instance-id", bytes(range(20, 40))),
    ("boot-mr-done", b""),
    ("os-image-hash", bytes(range(32, 64))),
    ("key-provider", b'{"name":"kms","id":"c0ffee"}'),
    ("storage-fs", b"zfs"),
    (dstack.SYSTEM_READY, b""),
)
"""What a guest tells of its start, and its app's own word may follow."""


def logged(
    events: Iterable[tuple[str, bytes]] = BOOT, *, version: int = 1, stripped: bool = False
) -> tuple[LoggedEvent, ...]:
    """The guest's own events as a log has them; stripped ones have no digest."""
    return tuple(
        LoggedEvent(
            3,
            dstack.RUNTIME,
            b"" if stripped else dstack.runtime_digest(name, payload, version=version),
            name,
            payload,
            version,
            dstack.preimage(name, payload, version).hex() if version == 2 else None,
        )
        for name, payload in events
    )


def register(events: Iterable[LoggedEvent]) -> bytes:
    """RTMR 3 after these events."""
    value = bytes(48)
    for event in events:
        if event.register == 3:
            digest = event.digest or dstack.runtime_digest(event.name, event.payload, version=event.version)
            value = hashlib.sha384(value + digest).digest()
    return value


@frozen(slots=True)
class Attestation:
    """What goes into an attestation of TDX, SEV-SNP or Nitro: `kind` is one of `dstack_v0.VARIANTS`."""

    quote: bytes
    kind: str = dstack_v0.TDX
    events: tuple[LoggedEvent, ...] = field(factory=logged)
    runtime: Sequence[tuple[str, bytes]] = BOOT
    report_data: bytes = bytes(64)
    config: str = '{"cpu_count":2}'
    certificates: tuple[bytes, ...] = ()
    mr_config: str = ""
    payload: str | None = None
    """Makes a `dstack-pod` of version 1."""

    def v0(self) -> bytes:
        """In SCALE."""
        body = bytes([0, dstack_v0.VARIANTS.index(self.kind)]) + scale.octets(self.quote)
        if self.kind in (dstack_v0.TDX, dstack_v0.GCP_TDX):
            body += _vector(map(_scale_event, self.events))
        if self.kind == dstack_v0.GCP_TDX:
            pcr = (14).to_bytes(4, "little") + scale.octets(b"sha256") + scale.octets(bytes(32))
            body += scale.octets(b"message") + scale.octets(b"signature") + _vector([pcr])
            body += scale.octets(b"certificate") + b"\1" + _vector([bytes(4) + scale.octets(bytes(32))])
        if self.kind == dstack_v0.SEV_SNP:
            body += _vector(map(scale.octets, self.certificates)) + scale.octets(self.mr_config.encode())
        body += _vector(scale.octets(name.encode()) + scale.octets(payload) for name, payload in self.runtime)
        return body + self.report_data + scale.octets(self.config.encode())

    def v1(self) -> bytes:
        """In MessagePack, with byte arrays as Rust writes them."""
        return msgpack.dumps(self.content())

    def content(self) -> dict[str, msgpack.Encodable]:
        """The same, before it is encoded: for those who spoil it."""
        quote = list(self.quote)
        events: list[msgpack.Encodable] = [_map_event(event) for event in self.events]
        data: dict[str, msgpack.Encodable] = {
            dstack_v0.TDX: {"quote": quote, "event_log": events},
            dstack_v0.GCP_TDX: {"quote": quote, "event_log": events, "tpm_quote": {"message": b"message"}},
            dstack_v0.NITRO: {"nsm_quote": quote},
            dstack_v0.SEV_SNP: {
                "report": quote,
                "cert_chain": [list(each) for each in self.certificates],
                "mr_config": self.mr_config,
            },
        }
        stack: dict[str, msgpack.Encodable] = {
            "report_data": list(self.report_data),
            "runtime_events": [{"event": name, "payload": payload} for name, payload in self.runtime],
            "config": self.config,
        }
        if self.payload is not None:
            stack["report_data_payload"] = self.payload
        kind = "dstack" if self.payload is None else "dstack-pod"
        return {
            "version": 1,
            "platform": {"kind": self.kind, "data": data.get(self.kind, {"attestation_doc": quote})},
            "stack": {"kind": kind, "data": stack},
        }


def _vector(items: Iterable[bytes]) -> bytes:
    found = list(items)
    return scale.compact(len(found)) + b"".join(found)


def _scale_event(event: LoggedEvent) -> bytes:
    numbers = event.register.to_bytes(4, "little") + event.type.to_bytes(4, "little")
    return numbers + b"".join(map(scale.octets, (event.digest, event.name.encode(), event.payload)))


def _map_event(event: LoggedEvent) -> dict[str, msgpack.Encodable]:
    return {
        "imr": event.register,
        "event_type": event.type,
        "digest": event.digest,
        "event": event.name,
        "event_payload": event.payload,
        **({"version": event.version, "preimage": event.preimage} if event.version != 1 else {}),
    }
