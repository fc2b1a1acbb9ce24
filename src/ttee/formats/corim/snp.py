# SPDX-License-Identifier: Apache-2.0
"""AMD's profile: reference values of SEV-SNP guests, by the fields of a report.

Keys are numbers: those of a guest are compared; those of a machine, of one report and of its TCB are not: they differ
from machine to machine, and a policy asks for the least that it wants, with `min-reported-…-svn`.
Source: draft-deeglaze-amd-sev-snp-corim-profile.
"""

from __future__ import annotations

from collections.abc import Mapping

from ttee.codec.cbor_tags import Tagged
from ttee.formats.corim.comid import Environment, Measurement, Values, shown
from ttee.formats.corim.envelope import Corim
from ttee.formats.corim.fields import dotted, malformed
from ttee.formats.policy_text import Draft, RuleLine
from ttee.model import Assurance

PROFILES = ("tag:amd.com,2024:snp-corim-profile", "http://amd.com/please-permalink-me")
_AMD = "1.3.6.1.4.1.3704.3."
"""Class ids: 1 where a VCEK signs, 2 where a VLEK does."""
_OID = 111
_RAW: Mapping[int, tuple[str, int]] = {
    3: ("family-id", 16),
    4: ("image-id", 16),
    642: ("host-data", 32),
    643: ("id-key-digest", 48),
    644: ("author-key-digest", 48),
}
_GUEST_SVN, _VMPL, _MEASUREMENT, _REPORT_DATA = 1, 5, 641, 640
_OTHERS: Mapping[int, str] = {
    0: "report version",
    2: "guest policy",
    6: "current TCB",
    7: "platform information",
    _REPORT_DATA: "report data",
    645: "report id",
    646: "report id of the migration agent",
    647: "reported TCB",
    3328: "chip id",
    3329: "committed TCB",
    3330: "current version",
    3936: "committed version",
    3968: "launch TCB",
}


def convert(corim: Corim, assurance: Assurance) -> tuple[Draft, ...]:  # noqa: ARG001 (AMD's roots are pinned)
    """A policy for each guest. Raises MalformedEvidenceError."""
    keys = [str(each.environment) for tag in corim.comids for each in (*tag.attestation, *tag.identity)]
    notes = [f"not used: keys of {key}; AMD's roots come with the verifier" for key in keys]
    return tuple(
        _guest(corim, values, notes) for tag in corim.comids for values in (*tag.reference, *tag.endorsed)
    )


def _guest(corim: Corim, values: Values, notes: list[str]) -> Draft:
    _check_class(values.environment)
    rules: dict[str, RuleLine] = {}
    left: list[str] = []
    for each in values.measurements:
        number = each.key
        if type(number) is not int:
            raise malformed("the key of a measurement is not a number", each.where)
        if each.authorized:
            raise malformed("a measurement counts only where a key authorized it", each.where)
        if number in _OTHERS:
            left.append(_OTHERS[number])
            continue
        rule = _rule(number, each)
        if rule.key in rules:
            raise malformed(f"{rule.key} stands there twice", each.where)
        rules[rule.key] = rule
    if "measurement" not in rules:
        raise malformed(f"there is no launch measurement ({_MEASUREMENT})", "reference values")
    name = rules["measurement"].values[0]
    return Draft(
        name=f"{corim.id} {name.hex()[:16] if isinstance(name, bytes) else ''}".strip(),
        tee="amd-sev-snp",
        origin=(*notes, *([f"not compared: {', '.join(left)}"] if left else [])),
        rules=tuple(rules.values()),
    )


def _check_class(environment: Environment) -> None:
    value = environment.class_id
    if (
        not isinstance(value, Tagged)
        or value.tag != _OID
        or not isinstance(value.value, bytes)
        or not value.value
    ):
        raise malformed("the class id is not an OID", str(environment))
    if not dotted(value.value, str(environment)).startswith(_AMD):
        raise malformed(f"the class id is not one of AMD's ({_AMD}…)", str(environment))


def _rule(number: int, each: Measurement) -> RuleLine:
    if number == _GUEST_SVN:
        if each.svn is None and each.min_svn is None:
            raise malformed("the guest's security version is missing", each.where)
        least = each.min_svn is not None
        return RuleLine("min-guest-svn" if least else "guest-svn", (each.min_svn or each.svn or 0,))
    if number == _MEASUREMENT:
        digests = tuple(value for _, value in each.digests) or ((each.raw,) if each.raw else ())
        if not digests or any(len(value) != 48 for value in digests):
            raise malformed("the launch measurement does not have 48 bytes", each.where)
        return RuleLine("measurement", digests, "What runs: the guest's memory at its start.")
    if number == _VMPL:
        if each.raw is None or len(each.raw) != 4:
            raise malformed("the VMPL does not have four raw bytes", each.where)
        return RuleLine("vmpl", (int.from_bytes(each.raw),))
    if number not in _RAW:
        raise malformed(f"{shown(number)} is no field of a report in this profile", each.where)
    key, size = _RAW[number]
    value = each.raw if each.raw is not None else next((value for _, value in each.digests), None)
    if value is None or len(value) != size:
        raise malformed(f"{key} does not have {size} bytes", each.where)
    return RuleLine(key, (value,))
