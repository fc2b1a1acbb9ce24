# SPDX-License-Identifier: Apache-2.0
"""What CCA and PSA tokens have in common: typed claims out of a CBOR map, lifecycle, software components.

Source: RFC 9783 (PSA), section 4; draft-ffm-rats-cca-token, section 4. A claim that neither knows is signed like
the others and has no meaning here (RFC 9711, section 7.3): it is listed, and not interpreted.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from hashlib import sha256
from types import MappingProxyType

from attrs import frozen

from ttee.codec import cbor
from ttee.codec.cbor import VendorValue
from ttee.errors import MalformedEvidenceError
from ttee.model import ClaimValue

MAX_CLAIMS = 64 * 1024
MAX_COMPONENTS = 256
DIGEST_SIZES = (32, 48, 64)
HASHES: Mapping[str, int] = MappingProxyType({"sha-256": 32, "sha-384": 48, "sha-512": 64})
"""Hash algorithms by the names of IANA's registry, and their sizes in bytes."""
_SPELLINGS = {spelt: name for name in HASHES for spelt in (name, name.replace("-", ""))}

LIFECYCLES: Mapping[int, str] = MappingProxyType(
    {
        0x00: "unknown",
        0x10: "assembly-and-test",
        0x20: "rot-provisioning",
        0x30: "secured",
        0x40: "non-rot-debug",
        0x50: "recoverable-rot-debug",
        0x60: "decommissioned",
    }
)
"""States by the upper byte of the lifecycle claim (RFC 9783, section 4.3.1; CCA has the same)."""
ATTESTS = frozenset({"secured", "non-rot-debug"})
"""States in which the root of trust guards its key, so that its tokens mean something."""

_TYPE, _MEASUREMENT, _VERSION, _SIGNER, _HASH = 1, 2, 4, 5, 6


@frozen(slots=True)
class Component:
    """A piece of software that the platform measured at boot."""

    type: str | None
    measurement: bytes
    signer: bytes
    version: str | None
    hash_name: str | None


class Fields:
    """The claims of one token by their numbers; every reader raises MalformedEvidenceError with the claim's name."""

    def __init__(self, data: bytes, what: str, source: str) -> None:
        """`what`: the token's name in errors."""
        # Signed as it stands, so that nobody but its signer chose the form.
        value = cbor.loads_vendor(data, what=what, max_size=MAX_CLAIMS, max_depth=8, shortest=False)
        if not isinstance(value, dict):
            raise MalformedEvidenceError(f"{what} is not a map of claims", where=what, source=source)
        self._init(value, what, source)

    def _init(self, value: dict[int | str, VendorValue], what: str, source: str) -> None:
        self._left = dict(value)
        self._what, self._source = what, source

    @classmethod
    def of(cls, value: VendorValue, what: str, source: str) -> Fields:
        """The same for a map that lies inside another."""
        if not isinstance(value, dict):
            raise MalformedEvidenceError(f"{what} is not a map", where=what, source=source)
        fields = cls.__new__(cls)
        fields._init(value, what, source)  # noqa: SLF001 (its own)
        return fields

    def __contains__(self, claim: int) -> bool:
        return claim in self._left

    @property
    def unread(self) -> tuple[str, ...]:
        """The claims that nobody asked for, by number or name."""
        return tuple(sorted(ascii(key)[:32] for key in self._left))

    def take(self, claim: int, name: str) -> VendorValue:
        """A claim of any type, which must be there."""
        if claim not in self._left:
            raise self.malformed(f"the claim {claim} ({name}) is missing", name)
        return self._left.pop(claim)

    def octets(self, claim: int, name: str, sizes: Container[int]) -> bytes:
        """Bytes, of one of these sizes."""
        value = self.take(claim, name)
        if not isinstance(value, bytes):
            raise self.malformed(f"{name} is not a byte string", name)
        if len(value) not in sizes:
            raise self.malformed(f"{name} has {len(value)} bytes, which it cannot have", name)
        return value

    def text(self, claim: int, name: str) -> str:
        """Printable text of 1 to 256 characters."""
        value = self.take(claim, name)
        if not isinstance(value, str) or not 1 <= len(value) <= 256 or not value.isprintable():
            raise self.malformed(f"{name} is not a text of 1 to 256 printable characters", name)
        return value

    def number(self, claim: int, name: str, allowed: range) -> int:
        """An integer of that range."""
        value = self.take(claim, name)
        if type(value) is not int or value not in allowed:
            raise self.malformed(f"{name} is not an integer from {allowed[0]} to {allowed[-1]}", name)
        return value

    def hash_name(self, claim: int, name: str) -> str:
        """The name of a hash algorithm that is known here; `SHA256`, as TF-M spells it, is sha-256."""
        value = self.text(claim, name)
        known = _SPELLINGS.get(value.lower())
        if known is None:
            raise self.malformed(f"{name} is {ascii(value)[:32]}; known are {', '.join(HASHES)}", name)
        return known

    def instance_id(self, claim: int, name: str) -> bytes:
        """A UEID of type RAND: 01 and 32 bytes (RFC 9711, section 4.2.1)."""
        value = self.octets(claim, name, (33,))
        if value[0] != 1:
            raise self.malformed(f"{name} does not begin with 01 (RAND)", name)
        return value

    def lifecycle(self, claim: int, name: str) -> int:
        """A lifecycle value of one of the known states."""
        value = self.number(claim, name, range(1 << 16))
        if value >> 8 not in LIFECYCLES:
            raise self.malformed(f"{name} is {value:#06x}, which is no state", name)
        return value

    def components(self, claim: int, name: str) -> tuple[Component, ...]:
        """The software components: at least one, each with measurement and signer."""
        value = self.take(claim, name)
        if not isinstance(value, list) or not 1 <= len(value) <= MAX_COMPONENTS:
            raise self.malformed(f"{name} is not a list of 1 to {MAX_COMPONENTS}", name)
        return tuple(
            _component(Fields.of(each, f"{self._what}, {name}[{index}]", self._source))
            for index, each in enumerate(value)
        )

    def malformed(self, message: str, name: str) -> MalformedEvidenceError:
        """An error about one claim."""
        return MalformedEvidenceError(
            f"{self._what}: {message}", where=f"{self._what}, {name}", source=self._source
        )


def _component(fields: Fields) -> Component:
    return Component(
        type=fields.text(_TYPE, "type") if _TYPE in fields else None,
        measurement=fields.octets(_MEASUREMENT, "measurement value", DIGEST_SIZES),
        signer=fields.octets(_SIGNER, "signer id", DIGEST_SIZES),
        version=fields.text(_VERSION, "version") if _VERSION in fields else None,
        hash_name=fields.hash_name(_HASH, "hash algorithm") if _HASH in fields else None,
    )


def encode_components(components: Sequence[Component]) -> VendorValue:
    """What `Fields.components` reads."""
    found: list[VendorValue] = []
    for each in components:
        entry: dict[int | str, VendorValue] = {_MEASUREMENT: each.measurement, _SIGNER: each.signer}
        texts = {_TYPE: each.type, _VERSION: each.version, _HASH: each.hash_name}
        found.append(entry | {key: text for key, text in texts.items() if text is not None})
    return found


def lifecycle_name(value: int) -> str:
    """The state of a lifecycle value that `Fields.lifecycle` let through."""
    return LIFECYCLES[value >> 8]


def software_claims(components: Sequence[Component]) -> dict[str, ClaimValue]:
    """The components as claims: all of them, one digest for all, and the measurement of each by its type.

    `software_measurements` are those of all, for policies that list which ones they know.
    `software_digest` is SHA-256 over the deterministic CBOR of [[type or "", measurement, signer], …]. A type that two
    components have gets no claim of its own: which of the two would it be?
    """
    named: dict[str, list[bytes]] = {}
    for each in components:
        slug = re.sub(r"[^a-z0-9]+", "_", (each.type or "").lower()).strip("_")
        if slug:
            named.setdefault(f"component_{slug}", []).append(each.measurement)
    listed: list[list[str | bytes]] = [
        [each.type or "", each.measurement, each.signer] for each in components
    ]
    return {
        "software": tuple(
            (each.type, each.version, each.measurement, each.signer, each.hash_name) for each in components
        ),
        "software_measurements": tuple(each.measurement for each in components),
        "software_digest": sha256(cbor.dumps(listed)).digest(),
        **{name: found[0] for name, found in named.items() if len(found) == 1},
    }


def odd_sizes(measurements: Mapping[str, tuple[bytes, str | None]]) -> tuple[str, ...]:
    """Which measurements have another size than the hash algorithm that the token names for them."""
    return tuple(
        f"{name} has {len(value)} bytes, {hash_name} has {HASHES[hash_name]}"
        for name, (value, hash_name) in measurements.items()
        if hash_name is not None and len(value) != HASHES[hash_name]
    )
