# SPDX-License-Identifier: Apache-2.0
"""A CoMID: statements about environments, in triples (draft-ietf-rats-corim, section 5). No opinion on them.

comid        0 language, 1 {0 id, 1 version}, 2 entities, 3 linked tags, 4 triples
triples      0 reference values, 1 endorsed values, 2 identity keys, 3 attestation keys; the others are listed
environment  {0 class {0 id, 1 vendor, 2 model, 3 layer, 4 index}, 1 instance, 2 group}
measurement  {0 key, 1 values, 2 authorized by}
values       0 version, 1 svn, 2 digests, 3 flags, 4 raw value, 5 its mask, 11 name, 13 keys, 14 registers, …
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from ttee.codec.cbor_tags import Tagged, TaggedValue
from ttee.formats.corim.fields import Fields, identifier, listed, malformed, untagged

OCTETS = 560
"""Tagged bytes: ids and raw values."""
UEID, MASKED = 550, 563
SVN, MIN_SVN = 552, 553
KEY, CERTIFICATE, PATH = 554, 555, 556
KINDS = {
    KEY: "public key (PEM)",
    CERTIFICATE: "certificate (PEM)",
    PATH: "certificate path (PEM)",
    557: "thumbprint of a key",
    558: "COSE_Key",
    559: "thumbprint of a certificate",
    561: "thumbprint of a certificate path",
    562: "certificate (DER)",
    OCTETS: "bytes",
}
"""Tags of keys (section 5.1.4.1.2)."""
_ALGORITHMS = {1: "sha-256", 7: "sha-384", 8: "sha-512", 10: "sha3-256", 11: "sha3-384", 12: "sha3-512"}
_SIZES = {"sha-256": 32, "sha-384": 48, "sha-512": 64, "sha3-256": 32, "sha3-384": 48, "sha3-512": 64}
"""IANA's registry of named information hash algorithms."""
_OTHERS = {
    4: "dependencies",
    5: "memberships",
    6: "software identity tags",
    8: "series of conditional endorsements",
    10: "conditional endorsements",
}


@frozen(slots=True)
class Environment:
    """What a statement is about."""

    class_id: TaggedValue = None
    vendor: str | None = None
    model: str | None = None
    instance: TaggedValue = None
    group: TaggedValue = None
    has_class: bool = False

    def __str__(self) -> str:
        """In words."""
        said = {
            "class": shown(self.class_id),
            "vendor": self.vendor,
            "model": self.model,
            "instance": shown(self.instance),
            "group": shown(self.group),
        }
        return ", ".join(f"{name} {value}" for name, value in said.items() if value) or "any environment"


@frozen(slots=True)
class Measurement:
    """What is expected of one thing. What is not said is None, or empty."""

    where: str
    key: TaggedValue = None
    name: str | None = None
    version: str | None = None
    svn: int | None = None
    min_svn: int | None = None
    digests: tuple[tuple[str, bytes], ...] = ()
    """Alternatives of one value, by algorithm."""
    raw: bytes | None = None
    mask: bytes | None = None
    signers: tuple[TaggedValue, ...] = ()
    registers: Mapping[int | str, tuple[tuple[str, bytes], ...]] = field(factory=dict)
    authorized: bool = False
    """Whether it counts only where a named key authorized it."""

    def __str__(self) -> str:
        """In words."""
        said = [shown(self.key) or "measurement", self.name, self.version and f"version {self.version}"]
        said.append(f"svn {self.svn}" if self.svn is not None else "")
        said.append(f"svn >= {self.min_svn}" if self.min_svn is not None else "")
        said += [f"{algorithm} {value.hex()}" for algorithm, value in self.digests]
        said += [f"raw {self.raw.hex()}" if self.raw is not None else ""]
        said += [
            f"register {name}: {a} {v.hex()}" for name, digests in self.registers.items() for a, v in digests
        ]
        return ", ".join(text for text in said if text)


@frozen(slots=True)
class Key:
    """A key, certificate or thumbprint, as it stands there."""

    tag: int
    value: TaggedValue

    def __str__(self) -> str:
        """In words."""
        return KINDS.get(self.tag, f"key of the kind {self.tag}")


@frozen(slots=True)
class Values:
    """A triple of reference or endorsed values."""

    environment: Environment
    measurements: tuple[Measurement, ...]


@frozen(slots=True)
class Keys:
    """A triple of keys."""

    environment: Environment
    keys: tuple[Key, ...]
    conditional: bool = False
    """Whether it holds only under conditions, which are not read."""


@frozen(slots=True)
class Comid:
    """One tag of statements."""

    id: str
    reference: tuple[Values, ...] = ()
    endorsed: tuple[Values, ...] = ()
    identity: tuple[Keys, ...] = ()
    attestation: tuple[Keys, ...] = ()


def parse(value: TaggedValue, where: str, unread: list[str]) -> Comid:
    """The CoMID in a map. Raises MalformedEvidenceError; what is not known is listed in `unread`."""
    fields = Fields(value, where, unread)
    fields.text(0, "language")
    tag = Fields(fields.take(1, "tag identity"), f"{where}, tag identity", unread)
    name = identifier(tag.take(0, "tag id"), f"{where}, tag id")
    version = tag.get(1)
    if version is not None and (type(version) is not int or version < 0):
        raise malformed("the tag's version is not a number", where)
    tag.done()
    entities(fields, 2, f"{where}, entities", unread)
    if 3 in fields:
        fields.get(3)
        unread.append(f"{where}: linked tags, which are not fetched")
    triples = Fields(fields.take(4, "triples"), f"{where}, triples", unread)
    fields.done()
    found = Comid(
        name,
        tuple(
            _values(item, f"{where}, reference values", unread)
            for item in triples.items(0, "reference values")
        ),
        tuple(
            _values(item, f"{where}, endorsed values", unread) for item in triples.items(1, "endorsed values")
        ),
        tuple(_keys(item, f"{where}, identity keys", unread) for item in triples.items(2, "identity keys")),
        tuple(
            _keys(item, f"{where}, attestation keys", unread) for item in triples.items(3, "attestation keys")
        ),
    )
    others = [what for key, what in _OTHERS.items() if triples.items(key, what)]
    unread += [f"{where}: {what}" for what in others]
    triples.done()
    if not (others or found.reference or found.endorsed or found.identity or found.attestation):
        raise malformed("there is no triple in it", where)
    return found


def entities(fields: Fields, key: int, where: str, unread: list[str]) -> tuple[str, ...]:
    """The names of those who stand behind it."""
    found = []
    for item in fields.items(key, "entities"):
        entity = Fields(item, where, unread)
        name = entity.take(0, "name")
        if not isinstance(name, str):
            raise malformed("an entity's name is not text", where)
        found.append(name)
        entity.get(1)
        roles = entity.items(2, "roles")
        if any(type(role) is not int for role in roles):
            raise malformed("an entity's roles are not numbers", where)
        entity.done()
    return tuple(found)


def _values(item: TaggedValue, where: str, unread: list[str]) -> Values:
    environment, measurements = listed(item, where, size=2)
    return Values(
        _environment(environment, where, unread),
        tuple(
            _measurement(each, f"{where}[{index}]", unread)
            for index, each in enumerate(listed(measurements, where))
        ),
    )


def _keys(value: TaggedValue, where: str, unread: list[str]) -> Keys:
    triple = listed(value, where)
    if not 2 <= len(triple) <= 3:
        raise malformed("a triple of keys has two parts, or three with its conditions", where)
    keys = []
    for item in listed(triple[1], where):
        old = isinstance(item, dict) and item.keys() == {0}  # as the first drafts had it
        each = Tagged(KEY, item[0]) if old and isinstance(item, dict) else item
        if not isinstance(each, Tagged) or each.tag not in KINDS:
            raise malformed("a key has none of the tags of keys", where)
        keys.append(Key(each.tag, each.value))
    if len(triple) == 3:
        unread.append(f"{where}: conditions")
    return Keys(_environment(triple[0], where, unread), tuple(keys), conditional=len(triple) == 3)


def _environment(value: TaggedValue, where: str, unread: list[str]) -> Environment:
    fields = Fields(value, f"{where}, environment", unread)
    if not any(key in fields for key in (0, 1, 2)):
        raise malformed("an environment has no class, instance or group", where)
    has_class, instance, group = 0 in fields, fields.get(1), fields.get(2)
    class_id, vendor, model = None, None, None
    if has_class:
        inner = Fields(fields.get(0), f"{where}, class", unread)
        class_id, vendor, model = inner.get(0), inner.text(1, "vendor"), inner.text(2, "model")
        for key, name in ((3, "layer"), (4, "index")):
            if (number := inner.get(key)) is not None:
                if type(number) is not int:
                    raise malformed(f"{name} is not a number", where)
                unread.append(f"{where}, class: {name} {number}")
        inner.done()
    fields.done()
    return Environment(class_id, vendor, model, instance, group, has_class)


def _measurement(value: TaggedValue, where: str, unread: list[str]) -> Measurement:
    fields = Fields(value, where, unread)
    key = fields.get(0)
    values = Fields(fields.take(1, "values"), f"{where}, values", unread)
    authorized = bool(fields.items(2, "authorized by"))
    fields.done()
    version = None
    if 0 in values:
        said = Fields(values.get(0), f"{where}, version", unread)
        version = said.text(0, "version")
        said.get(1)  # how versions of this kind are ordered: nothing here compares them
        said.done()
    svn, least = _svn(values.get(1), where)
    raw = values.get(4)
    mask = values.get(5)
    if isinstance(raw, Tagged) and raw.tag == MASKED:
        raw, mask = listed(raw.value, where, size=2)
    if isinstance(raw, Tagged):
        raw = untagged(raw, OCTETS, f"{where}, raw value")
    if not isinstance(raw, bytes | None) or not isinstance(mask, bytes | None):
        raise malformed("a raw value and its mask are bytes", where)
    registers = values.get(14)
    if registers is not None and not isinstance(registers, dict):
        raise malformed("integrity registers are not a map", where)
    found = Measurement(
        where,
        key,
        values.text(11, "name"),
        version,
        svn,
        least,
        tuple(_digest(each, where) for each in values.items(2, "digests")),
        raw,
        mask,
        tuple(values.items(13, "keys")),
        {
            name: tuple(_digest(each, where) for each in listed(digests, where))
            for name, digests in (registers or {}).items()
        },
        authorized,
    )
    values.done()
    return found


def _svn(value: TaggedValue, where: str) -> tuple[int | None, int | None]:
    """A security version that must be this one, or at least this one."""
    if value is None:
        return None, None
    tag, number = (value.tag, value.value) if isinstance(value, Tagged) else (SVN, value)
    if tag not in (SVN, MIN_SVN) or type(number) is not int or number < 0:
        raise malformed("a security version is not a number", where)
    return (number, None) if tag == SVN else (None, number)


def _digest(value: TaggedValue, where: str) -> tuple[str, bytes]:
    """An algorithm of IANA's registry, and a digest of its size; algorithms of others have names."""
    algorithm, digest = listed(value, f"{where}, digest", size=2)
    if not isinstance(digest, bytes) or not digest:
        raise malformed("a digest is not bytes", where)
    if isinstance(algorithm, str):
        name = algorithm.lower()
    elif type(algorithm) is int:
        name = _ALGORITHMS.get(algorithm, f"algorithm {algorithm}")
    else:
        raise malformed("a digest's algorithm is neither a number nor a name", where)
    if len(digest) != _SIZES.get(name, len(digest)):
        raise malformed(f"a digest of {name} has {_SIZES[name]} bytes, not {len(digest)}", where)
    return name, digest


def shown(value: TaggedValue) -> str:
    """A value in words."""
    if isinstance(value, Tagged):
        return shown(value.value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(shown, value)) + "]"
    return "" if value is None else str(value)
