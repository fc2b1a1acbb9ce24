# SPDX-License-Identifier: Apache-2.0
"""What a dstack attestation says beside its quote: the part `dstack` of evidence, and the checks that it allows.

The part is JSON: {"report_data"?: hex, "config"?: text, "payload"?: text, "mr_config"?: text,
"events"?: [{"event", "payload": hex}], "tpm_quote"?: {…}}. Only what is held against something signed counts:
report data are those of the quote, and where there is a payload, its digest; `mr_config` is what the host data are the
digest of. Configuration, a Nitro enclave's events and a vTPM's quote are nobody's word, and listed as not checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256, sha512

from attrs import field, frozen

from ttee.codec import hex as hex_codec
from ttee.codec import json
from ttee.errors import BindingError, MalformedEvidenceError
from ttee.model import ClaimValue, Evidence

SOURCE = "Dstack-TEE/dstack:dstack/dstack-attest"
PART = "dstack"
MAX_SIZE = 4 << 20
_KEYS = ("report_data", "config", "payload", "mr_config", "events", "tpm_quote")
_DOCUMENT_DOMAIN = b"dstack-mr-config-v3:\0"
_APP_DATA = b"app-data:"
_HEX_KEYS = ("app_id", "compose_hash", "gpu_policy_hash", "key_provider_id", "instance_id")


@frozen(slots=True)
class Statement:
    """An attestation but for the quote and the log. Nothing in it is signed."""

    report_data: bytes | None = None
    """64 bytes that the quote should have."""
    config: str = ""
    """How the machine was started, in JSON."""
    payload: str | None = None
    """What the report data are the digest of (kind dstack-pod)."""
    mr_config: str = ""
    """The document that SEV-SNP's host data are the digest of."""
    events: tuple[tuple[str, bytes], ...] = ()
    """Events that no register holds."""
    tpm_quote: Mapping[str, json.Encodable] = field(factory=dict)
    """Of a vTPM beside the TEE (gcp-tdx)."""

    def encode(self) -> bytes:
        """The part, canonical; what is empty is left out."""
        said: dict[str, json.Encodable] = {
            "report_data": self.report_data.hex() if self.report_data else None,
            "config": self.config,
            "payload": self.payload,
            "mr_config": self.mr_config,
            "events": [{"event": name, "payload": payload.hex()} for name, payload in self.events],
            "tpm_quote": self.tpm_quote,
        }
        return json.dumps(
            {key: value for key, value in said.items() if value or (key, value) == ("payload", "")}
        )

    @classmethod
    def read(cls, part: bytes) -> Statement:
        """The statement in a part. Raises MalformedEvidenceError."""
        value = json.loads(part, what=PART, max_size=MAX_SIZE, max_depth=5)
        if not isinstance(value, dict) or value.keys() - set(_KEYS):
            raise _malformed(f"it is not an object of {', '.join(_KEYS)}", PART)
        texts = [value.get(key, "") for key in ("report_data", "config", "payload", "mr_config")]
        events, tpm_quote = value.get("events", []), value.get("tpm_quote", {})
        if not all(isinstance(text, str) for text in texts):
            raise _malformed("report_data, config, payload and mr_config are texts", PART)
        if not isinstance(events, list) or not isinstance(tpm_quote, dict):
            raise _malformed("events are a list, and tpm_quote is an object", PART)
        report_data, config, payload, mr_config = map(str, texts)
        return cls(
            hex_codec.decode(report_data, what=f"{PART}, report_data", size=64) if report_data else None,
            config,
            payload if "payload" in value else None,
            mr_config,
            tuple(_event(item) for item in events),
            tpm_quote,
        )

    def check(self, report_data: bytes) -> None:
        """Return if the quote's report data are the stated ones. Raises BindingError."""
        if self.report_data is not None and self.report_data != report_data:
            raise BindingError(
                f"the attestation names the report data {self.report_data.hex()}, the quote has {report_data.hex()}",
                where=f"{PART}, report_data",
                source=SOURCE,
            )
        if self.payload is not None and sha512(_APP_DATA + self.payload.encode()).digest() != report_data:
            raise BindingError(
                "the report data are not SHA-512 of app-data: and the payload",
                where=f"{PART}, payload",
                source=SOURCE,
            )

    def document(self, host_data: bytes) -> dict[str, ClaimValue]:
        """Claims of the document `mr_config`, which SEV-SNP's host data vouch for.

        Raises BindingError, MalformedEvidenceError; nothing is claimed without a document.
        """
        if not self.mr_config:
            return {}
        if sha256(_DOCUMENT_DOMAIN + self.mr_config.encode()).digest() != host_data:
            raise BindingError(
                f"the host data are {host_data.hex()}, and not the digest of mr_config",
                where=f"{PART}, mr_config",
                source="Dstack-TEE/dstack:dstack/dstack-types/src/mr_config.rs",
            )
        value = json.loads(self.mr_config.encode(), what="mr_config", max_size=MAX_SIZE, max_depth=3)
        if not isinstance(value, dict):
            raise _malformed("mr_config is not an object", "mr_config")
        claims: dict[str, ClaimValue] = {}
        for key in _HEX_KEYS:
            if (text := value.get(key)) is not None:
                if not isinstance(text, str):
                    raise _malformed(f"{key} is not text", f"mr_config, {key}")
                claims[key] = hex_codec.decode(text, what=f"mr_config, {key}")
        provider = value.get("key_provider")
        if isinstance(provider, str):
            claims["key_provider"] = provider
        return claims

    def not_checked(self) -> Iterator[str]:
        """What nobody vouches for."""
        if self.config:
            yield "the configuration in the dstack attestation: nothing signs it"
        if self.events:
            names = ", ".join(ascii(name)[1:-1][:32] for name, _ in self.events[:8])
            yield f"events that no register holds: {names}"
        if self.tpm_quote:
            yield "the quote of the virtual TPM in the dstack attestation: verify it by itself, as tpm"


@frozen(slots=True)
class Attestation:
    """An attestation of any version: the TEE, its parts, and what is said beside them."""

    tee: str
    parts: Mapping[str, bytes]
    statement: Statement
    endorsements: Mapping[str, bytes] = field(factory=dict)

    def evidence(self) -> Evidence:
        """The evidence of the TEE inside."""
        return Evidence(self.tee, {**self.parts, PART: self.statement.encode()}, self.endorsements)


@frozen(slots=True)
class LoggedEvent:
    """One entry of the event log as V0 and V1 have it."""

    register: int
    type: int
    digest: bytes
    name: str
    payload: bytes
    version: int = 1
    preimage: str | None = None


def event_log(events: tuple[LoggedEvent, ...]) -> bytes:
    """The part `event_log` (docs/spec/dstack.md), as dstack's guest agent writes it."""
    return json.dumps(
        [
            {
                "imr": event.register,
                "event_type": event.type,
                "digest": event.digest.hex(),
                "event": event.name,
                "event_payload": event.payload.hex(),
                **({"version": event.version} if event.version != 1 else {}),
                **({"preimage": event.preimage} if event.preimage is not None else {}),
            }
            for event in events
        ]
    )


def tdx_parts(
    quote: bytes, events: tuple[LoggedEvent, ...], runtime: tuple[tuple[str, bytes], ...]
) -> dict[str, bytes]:
    """Quote and log of a trust domain. `runtime` is a second copy of the guest's own events, taken a moment apart.

    Raises MalformedEvidenceError if neither copy begins with the other.
    """
    logged = tuple((event.name, event.payload) for event in events if event.register == 3)
    common = min(len(logged), len(runtime))
    if logged[:common] != runtime[:common]:
        raise _malformed("its two lists of the guest's events are two stories", "runtime_events")
    if len(runtime) > len(logged):
        raise _malformed("it tells of events of the guest that its log does not have", "runtime_events")
    return {"quote": quote, "event_log": event_log(events)}


def _event(item: json.JsonValue) -> tuple[str, bytes]:
    if not isinstance(item, dict) or item.keys() != {"event", "payload"}:
        raise _malformed("an event does not have exactly event and payload", f"{PART}, events")
    name, payload = item["event"], item["payload"]
    if not isinstance(name, str) or not isinstance(payload, str):
        raise _malformed("an event is not of texts", f"{PART}, events")
    return name, hex_codec.decode(payload, what=f"{PART}, events")


def _malformed(message: str, where: str) -> MalformedEvidenceError:
    return MalformedEvidenceError(f"dstack attestation: {message}", where=where, source=SOURCE)
