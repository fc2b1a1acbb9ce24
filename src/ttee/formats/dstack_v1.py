# SPDX-License-Identifier: Apache-2.0
"""dstack attestations of version 1, in MessagePack: {version: 1, platform: {kind, data}, stack: {kind, data}}.

    platform   tdx {quote, event_log}; gcp-tdx {quote, event_log, tpm_quote}; nitro-enclave {nsm_quote};
               sev-snp {report, cert_chain, mr_config}; aws-nitro-tpm {attestation_doc}
    stack      dstack {report_data, runtime_events, config}; dstack-pod: the same and report_data_payload

Bytes are byte strings, or arrays of small numbers, as Rust's serde writes a Vec<u8>.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from ttee.codec import json, msgpack
from ttee.errors import MalformedEvidenceError
from ttee.formats import dstack_v0
from ttee.formats.dstack_statement import SOURCE, Attestation, LoggedEvent, Statement

_T = TypeVar("_T")
_QUOTES = {
    dstack_v0.TDX: ("quote", "event_log"),
    dstack_v0.GCP_TDX: ("quote", "event_log", "tpm_quote"),
    dstack_v0.NITRO: ("nsm_quote",),
    dstack_v0.SEV_SNP: ("report", "cert_chain", "mr_config"),
}
"""Keys of a platform's data; the first is the quote."""
_STACK = ("report_data", "runtime_events", "config")


def parse(data: bytes, max_size: int) -> Attestation:
    """The attestation in `data`. Raises MalformedEvidenceError."""
    value = msgpack.loads(data, what="dstack attestation", max_size=max_size, max_depth=8)
    top = _map(value, ("version", "platform", "stack"), (), "")
    if top["version"] != 1 or isinstance(top["version"], bool):
        raise _malformed("its version is not 1", "version")
    kind, inner = _variant(top["platform"], "platform")
    if kind == dstack_v0.NITRO_TPM:
        raise dstack_v0.unknown_tee(kind)
    if kind not in _QUOTES:
        raise _malformed(f"the platform {kind[:32]!r} is none of {', '.join(_QUOTES)}", "platform.kind")
    keys = _QUOTES[kind]
    platform = _map(inner, keys, (), "platform.data")
    flavour, inner = _variant(top["stack"], "stack")
    if flavour not in ("dstack", "dstack-pod"):
        raise _malformed(f"the stack {flavour[:32]!r} is neither dstack nor dstack-pod", "stack.kind")
    payload = ("report_data_payload",) if flavour == "dstack-pod" else ()
    stack = _map(inner, _STACK + payload, (), "stack.data")
    report_data = _octets(stack["report_data"], "stack.data.report_data")
    if len(report_data) != 64:
        raise _malformed(f"report_data has {len(report_data)} bytes instead of 64", "stack.data.report_data")
    payload_text = _text(stack["report_data_payload"], "stack.data.report_data_payload") if payload else None
    return dstack_v0.compose(
        kind,
        _octets(platform[keys[0]], f"platform.data.{keys[0]}"),
        events=_list(platform.get("event_log", []), "platform.data.event_log", _logged),
        runtime=_list(stack["runtime_events"], "stack.data.runtime_events", _runtime),
        statement=Statement(
            report_data,
            _text(stack["config"], "stack.data.config"),
            payload_text,
            _text(platform.get("mr_config", ""), "platform.data.mr_config"),
            tpm_quote=_plain(platform["tpm_quote"]) if "tpm_quote" in platform else {},
        ),
        endorsements=dstack_v0.certificates(
            list(_list(platform.get("cert_chain", []), "platform.data.cert_chain", _octets))
        ),
    )


def _logged(value: msgpack.Value, where: str) -> LoggedEvent:
    keys = ("imr", "event_type", "event", "event_payload")
    item = _map(value, keys, ("digest", "version", "preimage"), where)
    preimage = item.get("preimage")
    return LoggedEvent(
        _number(item["imr"], where),
        _number(item["event_type"], where),
        _octets(item.get("digest", b""), where),
        _text(item["event"], where),
        _octets(item["event_payload"], where),
        _number(item.get("version", 1), where),
        _text(preimage, where) if preimage is not None else None,
    )


def _runtime(value: msgpack.Value, where: str) -> tuple[str, bytes]:
    item = _map(value, ("event", "payload"), ("version",), where)
    return _text(item["event"], where), _octets(item["payload"], where)


def _variant(value: msgpack.Value, where: str) -> tuple[str, msgpack.Value]:
    """An enum: its kind, and its data."""
    item = _map(value, ("kind", "data"), (), where)
    return _text(item["kind"], f"{where}.kind"), item["data"]


def _map(
    value: msgpack.Value, keys: tuple[str, ...], optional: tuple[str, ...], where: str
) -> Mapping[str, msgpack.Value]:
    if not isinstance(value, dict) or not set(keys) <= value.keys() <= {*keys, *optional}:
        raise _malformed(f"{where or 'it'} is not a map of {', '.join(keys)}", where)
    return value


def _list(value: msgpack.Value, where: str, read: Callable[[msgpack.Value, str], _T]) -> tuple[_T, ...]:
    if not isinstance(value, list) or len(value) > dstack_v0.MAX_EVENTS:
        raise _malformed(f"{where} is not a list of at most {dstack_v0.MAX_EVENTS}", where)
    return tuple(read(item, f"{where}[{index}]") for index, item in enumerate(value))


def _octets(value: msgpack.Value, where: str) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, list) and all(type(item) is int and 0 <= item < 256 for item in value):
        return bytes(item for item in value if isinstance(item, int))
    raise _malformed(f"{where} is not bytes", where)


def _text(value: msgpack.Value, where: str) -> str:
    if not isinstance(value, str):
        raise _malformed(f"{where} is not text", where)
    return value


def _number(value: msgpack.Value, where: str) -> int:
    if type(value) is not int or not 0 <= value < 1 << 32:
        raise _malformed(f"{where} has a number that is not of 32 bits", where)
    return value


def _plain(value: msgpack.Value) -> Mapping[str, json.Encodable]:
    """The same in JSON's kinds: bytes in hex."""

    def plain(item: msgpack.Value) -> json.Encodable:
        if isinstance(item, bytes):
            return item.hex()
        if isinstance(item, list):
            return [plain(each) for each in item]
        if isinstance(item, dict):
            return {key: plain(each) for key, each in item.items()}
        if isinstance(item, int) and abs(item) > 1 << 53:
            raise _malformed("a number of more than 53 bits", "platform.data.tpm_quote")
        return item

    if not isinstance(value, dict):
        raise _malformed("tpm_quote is not a map", "platform.data.tpm_quote")
    return {key: plain(item) for key, item in value.items()}


def _malformed(message: str, where: str) -> MalformedEvidenceError:
    return MalformedEvidenceError(f"dstack attestation: {message}", where=where, source=SOURCE)
