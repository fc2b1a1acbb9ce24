# SPDX-License-Identifier: Apache-2.0
"""From reference values to policies: each TEE's profile says what its environments, keys and measurements mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attrs import evolve

from ttee.errors import UsageError
from ttee.formats.corim import arm, snp
from ttee.formats.corim.envelope import Corim
from ttee.formats.policy_text import Draft
from ttee.model import Assurance

_Convert = Callable[[Corim, Assurance], tuple[Draft, ...]]
TEES: Mapping[str, tuple[tuple[str, ...], _Convert]] = {
    "arm-cca": (arm.CCA_PLATFORM + arm.CCA_REALM, arm.cca),
    "arm-psa": (arm.PSA, arm.psa),
    "amd-sev-snp": (snp.PROFILES, snp.convert),
}
"""The profiles of each TEE, and what reads them."""


def tee_of(corim: Corim) -> str:
    """The TEE whose profile this is. Raises UsageError."""
    for tee, (profiles, _) in TEES.items():
        if corim.profile in profiles:
            return tee
    raise UsageError(
        f"the CoRIM has {'the profile ' + ascii(corim.profile)[1:81] if corim.profile else 'no profile'}, "
        "which does not say which TEE it is for",
        where="CoRIM, profile",
        hint=f"say it with --tee: {', '.join(TEES)}; or --show what is in it",
    )


def convert(
    corims: Sequence[Corim], tee: str, *, assurance: Assurance = Assurance.EMULATED
) -> tuple[Draft, ...]:
    """Policies for `tee`, one for each design or image that these are about; at least one.

    Several CoRIMs of one profile complete each other, as do those of CCA's platforms and realms: each realm on each
    platform is a policy. `assurance`: how real the devices are whose keys they have. Raises MalformedEvidenceError for
    what the profile does not allow, UsageError for another TEE's profile, or nothing to convert.
    """
    if tee not in TEES:
        raise UsageError(f"reference values for {tee!r} are not read", hint=f"there are {', '.join(TEES)}")
    profiles, read = TEES[tee]
    by_profile: dict[str | None, Corim] = {}
    for corim in corims:
        if corim.profile is not None and corim.profile not in profiles:
            raise UsageError(
                f"the CoRIM {corim.id} has the profile {ascii(corim.profile)[1:81]}, which is none of {tee}'s",
                where="CoRIM, profile",
                hint=f"its profiles are {', '.join(profiles)}",
            )
        known = by_profile.get(corim.profile)
        by_profile[corim.profile] = (
            evolve(known, id=f"{known.id}, {corim.id}", comids=known.comids + corim.comids)
            if known
            else corim
        )
    drafts = [draft for corim in by_profile.values() for draft in read(corim, assurance)]
    if not drafts:
        raise UsageError("there are neither reference values nor keys to make a policy of", where="CoRIM")
    realms = [draft for draft in drafts if any(rule.key == arm.REALM_RULE for rule in draft.rules)]
    platforms = [draft for draft in drafts if draft not in realms]
    if tee == "arm-cca" and realms and platforms:
        return tuple(_together(platform, realm) for platform in platforms for realm in realms)
    return tuple(drafts)


def _together(platform: Draft, realm: Draft) -> Draft:
    """What runs, and what it runs on: nothing is left open."""
    return Draft(
        name=f"{platform.name}, {realm.name}",
        tee=platform.tee,
        origin=platform.origin + realm.origin,
        rules=realm.rules + platform.rules,
        anchors=platform.anchors,
    )
