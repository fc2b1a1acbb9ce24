# SPDX-License-Identifier: Apache-2.0
"""Arm's profiles: reference values of CCA platforms, CCA realms and PSA devices, and the keys of devices.

    platform   class id: implementation id. {SCHEME}.software-component: digests, name (its type), version, signer;
               cca.platform-config: raw value. Attestation keys: one public key, the instance is a UEID
    realm      class id: the initial measurement. cca.rim, cca.rem0 to 3: digests; cca.rpv: raw value

Sources: draft-ydb-rats-cca-endorsements; draft-fdb-rats-psa-endorsements. The first drafts had tags of their own (600
implementation id, 601 {1 type, 4 version, 5 signer}), which are read as well.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable

from attrs import evolve, field, frozen
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ttee.codec.cbor_tags import Tagged, TaggedValue
from ttee.errors import MalformedEvidenceError
from ttee.formats.corim import comid
from ttee.formats.corim.comid import Environment, Keys, Measurement
from ttee.formats.corim.envelope import Corim
from ttee.formats.corim.fields import malformed
from ttee.formats.policy_text import Draft, RuleLine
from ttee.model import Anchor, Assurance
from ttee.pki.signature import load_public_key

CCA_PLATFORM = ("tag:arm.com,2025:cca_platform#1.0.0", "http://arm.com/cca/ssd/1")
CCA_REALM = ("tag:arm.com,2025:cca_realm#1.0.0", "http://arm.com/cca/realm/1")
PSA = ("tag:arm.com,2025:psa#1.0.0", "http://arm.com/psa/iot/1", "http://arm.com/psa/2.0.0")
REALM_RULE = "realm-initial-measurement"
_OLD_IMPLEMENTATION, _OLD_COMPONENT = 600, 601
_DIGESTS = (32, 48, 64)
_REMS = tuple(f"cca.rem{index}" for index in range(4))
_REALM_KEYS = ("cca.rim", "cca.rpv", *_REMS)
_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----")


@frozen(slots=True)
class _Component:
    """Software that a device may have booted."""

    digests: tuple[bytes, ...]
    type: str | None
    version: str | None
    signer: bytes | None

    def __str__(self) -> str:
        said = [
            self.type or "",
            self.version or "",
            f"signed by {self.signer.hex()[:16]}" if self.signer else "",
        ]
        return " ".join(text for text in said if text)


@frozen(slots=True)
class _Design:
    """What is said about one implementation id."""

    components: list[_Component] = field(factory=list)
    configurations: list[bytes] = field(factory=list)
    keys: list[tuple[bytes, bytes]] = field(factory=list)
    """Instance id and SubjectPublicKeyInfo."""
    notes: list[str] = field(factory=list)


def psa(corim: Corim, assurance: Assurance) -> tuple[Draft, ...]:
    """A policy for each implementation id. Raises MalformedEvidenceError."""
    return tuple(
        _platform("arm-psa", corim, implementation, design, assurance)
        for implementation, design in _designs(corim, "psa").items()
    )


def cca(corim: Corim, assurance: Assurance) -> tuple[Draft, ...]:
    """A policy for each implementation id, or for each realm. Raises MalformedEvidenceError."""
    if corim.profile in CCA_REALM:
        return tuple(
            _realm(corim, values.environment, values.measurements)
            for each in corim.comids
            for values in each.reference
        )
    more = f'{REALM_RULE} = ["..."]'
    return tuple(
        evolve(
            _platform("arm-cca", corim, implementation, design, assurance),
            left_open=((more, "Which realm may run, this CoRIM does not say: add, to the rules below,"),),
        )
        for implementation, design in _designs(corim, "cca").items()
    )


def _designs(corim: Corim, scheme: str) -> dict[bytes, _Design]:
    designs: dict[bytes, _Design] = {}
    for each in corim.comids:
        for values in each.reference:
            design = designs.setdefault(_implementation(values.environment, reference=True), _Design())
            for measurement in values.measurements:
                _add(design, measurement, scheme)
        for keys in (*each.attestation, *each.identity):
            design = designs.setdefault(_implementation(keys.environment, reference=False), _Design())
            if keys.conditional:
                design.notes.append(f"left out: a key that holds under conditions ({keys.environment})")
            else:
                design.keys.append((_instance(keys.environment), _key(keys)))
        if each.endorsed:
            raise malformed("endorsed values have no meaning in this profile", "endorsed values")
    return designs


def _implementation(environment: Environment, *, reference: bool) -> bytes:
    value = environment.class_id
    if not environment.has_class:
        raise malformed("an environment has no class, which is the implementation id", str(environment))
    if not isinstance(value, Tagged) or value.tag not in (comid.OCTETS, _OLD_IMPLEMENTATION):
        raise malformed("an environment's class id is not an implementation id in bytes", str(environment))
    if not isinstance(value.value, bytes) or len(value.value) != 32:
        raise malformed("an implementation id does not have 32 bytes", str(environment))
    if environment.group is not None or (reference and environment.instance is not None):
        raise malformed("reference values are of an instance, or a group", str(environment))
    return value.value


def _instance(environment: Environment) -> bytes:
    value = environment.instance
    if not isinstance(value, Tagged) or value.tag != comid.UEID:
        raise malformed("a device key has no instance that is a UEID", str(environment))
    if not isinstance(value.value, bytes) or len(value.value) != 33 or value.value[0] != 1:
        raise malformed("an instance id is not 01 and 32 bytes", str(environment))
    return value.value


def _key(keys: Keys) -> bytes:
    where = f"attestation keys ({keys.environment})"
    if len(keys.keys) != 1 or keys.keys[0].tag != comid.KEY:
        raise malformed(f"a device has exactly one public key, not {', '.join(map(str, keys.keys))}", where)
    text = keys.keys[0].value
    if not isinstance(text, str):
        raise malformed("a public key is not text", where)
    found = _PEM.fullmatch(text.strip())
    try:
        der = base64.b64decode("".join((found[1] if found else text).split()), validate=True)
    except (binascii.Error, ValueError):
        raise malformed("a public key is not PEM", where) from None
    key = load_public_key(der, what=where, error=MalformedEvidenceError)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise malformed("a device key is not an elliptic curve's", where)
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _add(design: _Design, measurement: Measurement, scheme: str) -> None:
    key, where = measurement.key, measurement.where
    if measurement.authorized:
        design.notes.append(f"left out, as it counts only where a key authorized it: {measurement}")
    elif key == f"{scheme}.software-component":
        signers = [_octets(signer, where, "a signer id", _DIGESTS) for signer in measurement.signers]
        if len(signers) > 1:
            raise malformed("a component has more than one signer", where)
        signer = signers[0] if signers else None
        design.components.append(
            _Component(_digests(measurement), measurement.name, measurement.version, signer)
        )
    elif isinstance(key, Tagged) and key.tag == _OLD_COMPONENT:
        design.components.append(_old_component(key.value, measurement))
    elif key == "cca.platform-config" and scheme == "cca":
        if not measurement.raw:
            raise malformed("the configuration of a platform has no raw value", where)
        design.configurations.append(measurement.raw)
        if measurement.mask is not None and set(measurement.mask) != {0xFF}:
            design.notes.append(
                f"platform-config is compared in all its bits; under the mask {measurement.mask.hex()} fewer count"
            )
    else:
        raise malformed(
            f"{comid.shown(key)[:64] or 'nothing'} is no key of a measurement in this profile", where
        )


def _old_component(value: TaggedValue, measurement: Measurement) -> _Component:
    where = measurement.where
    if not isinstance(value, dict) or value.keys() - {1, 4, 5}:
        raise malformed("a component's key is not {1 type, 4 version, 5 signer}", where)
    kind, version, signer = value.get(1), value.get(4), value.get(5)
    if (
        not isinstance(kind, str | None)
        or not isinstance(version, str | None)
        or not isinstance(signer, bytes | None)
    ):
        raise malformed("a component's key is not of text, text and bytes", where)
    return _Component(_digests(measurement), kind, version, signer)


def _digests(measurement: Measurement) -> tuple[bytes, ...]:
    """The digests of one component: any of them, as algorithms differ."""
    found = tuple(value for _, value in measurement.digests)
    if not found:
        raise malformed("a component has no digest", measurement.where)
    if any(len(value) not in _DIGESTS for value in found):
        raise malformed("a component's digest has neither 32, 48 nor 64 bytes", measurement.where)
    return found


def _octets(value: TaggedValue, where: str, name: str, sizes: tuple[int, ...]) -> bytes:
    plain = value.value if isinstance(value, Tagged) and value.tag == comid.OCTETS else None
    if not isinstance(plain, bytes) or len(plain) not in sizes:
        raise malformed(f"{name} is not tagged bytes of {', '.join(map(str, sizes))}", where)
    return plain


def _platform(tee: str, corim: Corim, implementation: bytes, design: _Design, assurance: Assurance) -> Draft:
    rules = [RuleLine("implementation-id", (implementation,), "The design: hardware and immutable firmware.")]
    if design.keys:
        instances = tuple(dict.fromkeys(instance for instance, _ in design.keys))
        rules.append(RuleLine("instance-id", instances, "The devices whose keys are the anchors above."))
    rules += _software(design.components)
    if design.configurations:
        values = tuple(dict.fromkeys(design.configurations))
        rules.append(RuleLine("platform-config", values, "How the platform is configured."))
    by_key: dict[bytes, list[bytes]] = {}
    for instance, key in design.keys:
        by_key.setdefault(key, []).append(instance)
    anchors = tuple(
        Anchor(tee, key, assurance, f"CoRIM {corim.id}: instance {', '.join(i.hex() for i in of)}")
        for key, of in by_key.items()
    )
    return Draft(
        name=f"{corim.id} {implementation.hex()[:16]}",
        tee=tee,
        origin=tuple(design.notes),
        rules=tuple(rules),
        anchors=anchors,
    )


def _software(components: Iterable[_Component]) -> list[RuleLine]:
    """Each component of a token must be one of those known; and those of a type, of that type."""
    known: dict[bytes, str] = {}
    by_type: dict[str, dict[bytes, str]] = {}
    for each in components:
        for digest in each.digests:
            known.setdefault(digest, str(each))
            slug = re.sub(r"[^a-z0-9]+", "-", (each.type or "").lower()).strip("-")
            if slug:
                by_type.setdefault(f"component-{slug}", {}).setdefault(digest, str(each))
    if not known:
        return []
    why = "Every component that was measured is one of these."
    rules = [RuleLine("software-measurements", tuple(known), why, tuple(known.values()))]
    rules += [
        RuleLine(key, tuple(values), "", tuple(values.values())) for key, values in sorted(by_type.items())
    ]
    return rules


def _realm(corim: Corim, environment: Environment, measurements: Iterable[Measurement]) -> Draft:
    where = f"realm ({environment})"
    if not environment.has_class:
        raise malformed("an environment has no class, which is the realm's initial measurement", where)
    rim = _octets(environment.class_id, where, "the class id", _DIGESTS)
    if environment.instance is not None or environment.group is not None:
        raise malformed("a realm's environment has an instance, or a group", where)
    found: dict[str, tuple[bytes, ...]] = {}
    for each in measurements:
        if each.authorized:
            raise malformed("a measurement counts only where a key authorized it", each.where)
        key = next((name for name in _REALM_KEYS if name == each.key), None)
        if key is None:
            raise malformed(
                f"{comid.shown(each.key)[:64] or 'nothing'} is no key of a realm's measurement", each.where
            )
        if key in found:
            raise malformed(f"{key} stands there twice", each.where)
        if key == "cca.rpv":
            if each.raw is None or len(each.raw) != 64:
                raise malformed("the personalization value has not 64 raw bytes", each.where)
            found[key] = (each.raw,)
        else:
            found[key] = _digests(each)
    if rim not in found.get("cca.rim", ()):
        raise malformed("cca.rim is missing, or another than the class id", where)
    rules = [RuleLine(REALM_RULE, found["cca.rim"], "What runs: the realm as it started.")]
    rules += [
        RuleLine(key.removeprefix("cca."), found[key], "What it measured since then.")
        for key in _REMS
        if key in found
    ]
    if "cca.rpv" in found:
        rules.append(RuleLine("personalization", found["cca.rpv"], "What its owner called it."))
    return Draft(
        name=f"{corim.id} {rim.hex()[:16]}",
        tee="arm-cca",
        origin=(),
        rules=tuple(rules),
        left_open=(
            (
                "anchors, software-measurements, implementation-id",
                "What it runs on, this CoRIM does not say: import the platform's CoRIM along with it, for",
            ),
        ),
    )
