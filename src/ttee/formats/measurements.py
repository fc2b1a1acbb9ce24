# SPDX-License-Identifier: Apache-2.0
"""Flashbots' measurement files (docs/spec/flashbots.md): which images are accepted, as policies.

    [{"measurement_id": …, "attestation_type": …, "measurements": {REGISTER: {"expected": hex}}}]     version 2
    …, REGISTER: {"expected_any": [hex, …]}                                                           version 3
    {ID: {REGISTER: {"expected": hex}}}                                                               version 1
    {"kind": "azure", "pcr4": hex, "pcr9": hex, "pcr11": hex}                                         attest measure
    {REGISTER: hex}                                                          the header X-Flashbots-Measurement

A record accepts what has all its registers; a file accepts what one of its records does. A policy is an AND, so that
one is made of each record; several become one only where they differ in a single register, which is then a list.
Source: flashbots/attested-tls:crates/attestation/src/measurements.rs; flashbots/cvm-reverse-proxy:multimeasurements.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from attrs import evolve, frozen

from ttee.codec import hex as hex_codec
from ttee.codec import json
from ttee.errors import PolicyFileError
from ttee.formats.policy_text import Draft, RuleLine

SOURCE = "flashbots/attested-tls:crates/attestation/src/measurements.rs"
MAX_SIZE = 1 << 20
MAX_RECORDS = 4096
MAX_VALUES = 256
TEES = {
    "azure-tdx": "azure-vtpm",
    "dcap-tdx": "intel-tdx",
    "gcp-tdx": "intel-tdx",
    "qemu-tdx": "intel-tdx",
    "self-hosted-tdx": "intel-tdx",
}
"""Attestation types, and the TEE that each is of."""
_TDX = ("mr-td", "rtmr0", "rtmr1", "rtmr2", "rtmr3")
_TDX_NAMES = dict(zip(("mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"), _TDX, strict=True))
_PCR = re.compile(r"(?:pcr)?(0|1?[1-9]|10|2[0-3])")
_SIZES = {"azure-vtpm": 32, "intel-tdx": 48}
_KEYS = {"measurement_id", "attestation_type", "measurements"}


@frozen(slots=True)
class Record:
    """What one record accepts: values by claim, in kebab-case; any, without."""

    name: str
    type: str
    rules: Mapping[str, tuple[bytes, ...]]

    @property
    def tee(self) -> str:
        """The TEE it is about."""
        return TEES[self.type]

    def draft(self, origin: Sequence[str] = ()) -> Draft:
        """The policy."""
        loosened = []
        platform = "mr-td" if self.tee == "intel-tdx" else ""
        if not self.rules:
            loosened.append(("insecure-any-app", "The record names no measurement: any app is accepted."))
        if platform not in self.rules:
            loosened.append(
                (
                    "insecure-any-platform",
                    "The record does not say what the app runs on: any platform is accepted.",
                )
            )
        return Draft(
            name=self.name,
            tee=self.tee,
            origin=(f"Made from a Flashbots measurement file: {self.name}, {self.type}.", *origin),
            rules=tuple(RuleLine(claim, values) for claim, values in sorted(self.rules.items())),
            loosened=tuple(loosened),
        )


def looks_like_one(data: bytes) -> bool:
    """Whether it is worth to read `data` as one."""
    return data.lstrip(b" \t\r\n")[:1] in (b"[", b"{")


def parse(data: bytes, *, type_of_header: str = "") -> tuple[Record, ...]:
    """The records of a file. `type_of_header`: the attestation type of a header's value, which does not say it.

    Raises PolicyFileError with the record.
    """
    value = json.loads(data, what="measurements", max_size=MAX_SIZE, max_depth=6, error=PolicyFileError)
    items = value if isinstance(value, list) else _of_object(value, type_of_header)
    if not 1 <= len(items) <= MAX_RECORDS:
        raise _malformed(f"it has {len(items)} records; 1 to {MAX_RECORDS} are read", "measurements")
    records = tuple(_record(item, f"record {number}") for number, item in enumerate(items, 1))
    names = [record.name for record in records if record.name]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise _malformed(f"two records are called {twice[:64]!r}", "measurements")
    return records


def merged(records: Sequence[Record]) -> Record | None:
    """One record that accepts exactly what these do; None if there is none: they differ in more than one register."""
    first = records[0]
    if any(record.type != first.type or record.rules.keys() != first.rules.keys() for record in records):
        return first if len(records) == 1 else None
    differing = [claim for claim in first.rules if len({frozenset(r.rules[claim]) for r in records}) > 1]
    if len(differing) > 1:
        return None
    rules = dict(first.rules)
    for claim in differing:
        rules[claim] = tuple(dict.fromkeys(value for record in records for value in record.rules[claim]))
    name = first.name if len(records) == 1 else f"{first.name} and {len(records) - 1} more"
    return evolve(first, name=name, rules=rules)


def _of_object(value: json.JsonValue, type_of_header: str) -> list[json.JsonValue]:
    """A single record; a file of version 1; a header's value."""
    if not isinstance(value, dict):
        raise _malformed("it is neither a list nor an object", "measurements")
    if value.keys() & {"attestation_type", "kind"}:
        return [value]
    if value and all(key.isdecimal() and isinstance(item, str) for key, item in value.items()):
        if not type_of_header:
            raise _malformed(
                "a header's value does not say which attestation type it is of: give --type", "header"
            )
        entries: dict[str, json.JsonValue] = {key: {"expected": item} for key, item in value.items()}
        return [{"measurement_id": "header", "attestation_type": type_of_header, "measurements": entries}]
    return [
        {"measurement_id": name, "attestation_type": "azure-tdx", "measurements": measurements}
        for name, measurements in value.items()
    ]


def _record(item: json.JsonValue, where: str) -> Record:
    if not isinstance(item, dict):
        raise _malformed("it is not an object", where)
    if "attestation_type" not in item and "kind" in item:
        item = _measured(item, where)
    kind = item.get("attestation_type")
    name = item.get("measurement_id") or ""
    if not isinstance(name, str) or not isinstance(kind, str):
        raise _malformed("measurement_id and attestation_type are texts", where)
    where = f"{where} ({name[:64]})" if name else where
    if "dcap_image_hashes" in item:
        raise _malformed(
            "it has hashes of an image, out of which registers have to be rebuilt for each machine; "
            "only registers themselves are read",
            where,
        )
    if unknown := item.keys() - _KEYS:
        raise _malformed(f"the key {min(unknown)[:64]!r} is unknown", where)
    if kind not in TEES:
        raise _malformed(
            f"the attestation type is {kind[:32]!r}; there are {', '.join(TEES)}"
            + (", and a policy never accepts what has no attestation" if kind == "none" else ""),
            where,
        )
    listed = item.get("measurements")
    if listed is None:
        listed = {}
    if not isinstance(listed, dict):
        raise _malformed("its measurements are not an object", where)
    rules: dict[str, tuple[bytes, ...]] = {}
    for register, entry in listed.items():
        claim = _claim(TEES[kind], register, where)
        if claim in rules:
            raise _malformed(f"{claim} stands there twice, by two names", where)
        rules[claim] = _values(entry, f"{where}, {register[:16]}", _SIZES[TEES[kind]])
    return Record(name or where, kind, rules)


def _measured(item: dict[str, json.JsonValue], where: str) -> dict[str, json.JsonValue]:
    """What `attest measure` prints, of which only Azure's says all there is to compare."""
    if item["kind"] != "azure" or item.keys() != {"kind", "pcr4", "pcr9", "pcr11"}:
        raise _malformed(
            "of what `attest measure` prints, only the kind azure names all registers that have to be compared",
            where,
        )
    return {
        "measurement_id": "",
        "attestation_type": "azure-tdx",
        "measurements": {key: {"expected": item[key]} for key in ("pcr4", "pcr9", "pcr11")},
    }


def _claim(tee: str, register: str, where: str) -> str:
    if tee == "intel-tdx":
        if register in _TDX_NAMES:
            return _TDX_NAMES[register]
        if register in ("0", "1", "2", "3", "4"):
            return _TDX[int(register)]
    elif found := _PCR.fullmatch(register):
        return f"pcr{found[1]}"
    raise _malformed(f"{register[:16]!r} is no register of {tee}", where)


def _values(entry: json.JsonValue, where: str, size: int) -> tuple[bytes, ...]:
    if not isinstance(entry, dict) or len(entry.keys() & {"expected", "expected_any"}) != 1:
        raise _malformed("a register has exactly one of expected and expected_any", where)
    if entry.keys() - {"expected", "expected_any", "warnOnly"} or entry.get("warnOnly", False) is not False:
        raise _malformed("a register has no other keys than those, and warnOnly, if at all, is false", where)
    listed = entry["expected_any"] if "expected_any" in entry else [entry["expected"]]
    if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_VALUES:
        raise _malformed(f"expected_any is not a list of 1 to {MAX_VALUES}", where)
    if not all(isinstance(text, str) for text in listed):
        raise _malformed("an expected value is not hex", where)
    found = (
        hex_codec.decode(str(text).lower(), what=where, size=size, error=PolicyFileError) for text in listed
    )
    return tuple(dict.fromkeys(found))


def _malformed(message: str, where: str) -> PolicyFileError:
    return PolicyFileError(f"measurements, {where}: {message}", where=where, source=SOURCE)
