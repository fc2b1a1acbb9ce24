# SPDX-License-Identifier: Apache-2.0
"""What an appraisal checks, and what each check is for (behind `ttee explain`); docs/spec/verdict.md."""

from __future__ import annotations

import re

from ttee.appraise.distrust import switches
from ttee.appraise.exceptions import EXCEPTIONS
from ttee.model import CheckSpec

_POLICY = "docs/spec/policy.md"

TEE = CheckSpec(
    id="policy.tee",
    title="The policy accepts this TEE",
    guards="Evidence of a TEE that you never meant to trust, with whatever rules that one has.",
    remedy="If you trust this TEE, give the policy a section [tee.NAME] for it, with anchors and measurements.",
    source=_POLICY,
)
ANCHOR = CheckSpec(
    id="policy.anchor",
    title="What the evidence rests on is pinned by this policy",
    guards="Evidence that was verified against somebody else's keys, and then held against your policy.",
    remedy="Add the key to `anchors` of that TEE, if you trust it: the verdict's relied_on names it.",
    source=f"{_POLICY}; RFC 9334, section 7.4",
)
ASSURANCE = CheckSpec(
    id="policy.assurance",
    title="The TEE is as real as the policy asks",
    guards="An emulator, or a simulation with a throw-away key, taken for hardware: its host sees everything.",
    remedy="Run it on hardware; or, knowing that it protects nothing from its host, say `insecure-emulated` "
    "or `insecure-development` in the policy.",
    source="docs/threat-model.md",
)
DEBUG = CheckSpec(
    id="policy.debug",
    title="The TEE is not in debug mode",
    guards="A TEE that was opened for debugging: its host may read and change it.",
    remedy="Start the TEE in normal mode, or say `insecure-debug` in the policy while you debug.",
    source=_POLICY,
)
CURRENT = CheckSpec(
    id="policy.current",
    title="Its maker calls the TEE up to date",
    guards="A genuine TEE whose firmware or microcode has flaws that its maker has mended and published since.",
    remedy="Have the platform updated; `claims` in the verdict say what is out of date, and by which advisories. To "
    "accept it anyway, write a rule about one of the claims that the detail names: tcb-status = [...].",
    source=f"{_POLICY}, section Up to date",
)
FRESHNESS = CheckSpec(
    id="policy.freshness",
    title="The evidence was made for the verifier's own nonce",
    guards="Replay: evidence of a time when the TEE was still in order, or made for somebody else.",
    remedy='Ask for evidence with a nonce and give the same one to `ttee verify --nonce`; or say nonce = "optional".',
    source="docs/spec/report-data.md; RFC 9334, section 10.2",
)
MEASUREMENT = CheckSpec(
    id="policy.app.measurement",
    title="The app is one of those that the policy lists",
    guards="Another app, or a patched one, in a genuine TEE.",
    remedy="Compare with `ttee measure`, from source that you trust; list the new measurement if you accept it.",
    source="docs/spec/app.md",
)
PINNED_APP = CheckSpec(
    id="policy.pinned.app",
    title="The policy pins what runs",
    guards="A genuine TEE that runs anything at all, a liar included: signatures alone do not say what runs.",
    remedy="Pin one of the claims that the detail names; `ttee measure` and `ttee policy new` give their values. "
    "`insecure-any-app` accepts any, with a warning.",
    source=f"{_POLICY}, section What must be pinned",
)
PINNED_PLATFORM = CheckSpec(
    id="policy.pinned.platform",
    title="The policy pins what the app runs on",
    guards="A monitor that the device measured and signed for, and that makes up its claims.",
    remedy="Pin one of the claims that the detail names; `ttee measure` and `ttee policy new` give their values. "
    "`insecure-any-platform` accepts any, with a warning.",
    source=f"{_POLICY}, section What must be pinned",
)
SIGNATURE_ONLY = CheckSpec(
    id="policy.signature-only",
    title="Nothing but authenticity was asked for",
    guards="Anything: the built-in policy signature-only accepts whoever runs whatever.",
    remedy="Write a policy: `ttee policy new`.",
    source=f"{_POLICY}, section Built in",
)
RULE = CheckSpec(
    id="policy.TEE.CLAIM",
    title="A claim of this TEE is as the policy's rule says",
    guards="A TEE or an app other than the one whose measurement, version or setting was agreed on.",
    remedy="Compare the claim with what you expect; `ttee measure` recomputes measurements from source.",
    source=f"{_POLICY}, section Keys",
)

NOT_BY = CheckSpec(
    id="policy.trust.PROPERTY.not_by",
    title="None of the adversaries that the policy names breaks this property, as far as is known",
    guards="A genuine TEE that the very people whom you fear can break, by an attack that was published.",
    remedy="The detail has the cut that breaks it. Close it (update, another configuration, another TEE), combine TEEs "
    "(`ttee trust who DEPLOYMENT`), or name weaker adversaries under [trust].",
    source=f"{_POLICY}, section Trust goals; docs/spec/trust.md",
)
NO_SINGLE = CheckSpec(
    id="policy.trust.PROPERTY.no_single",
    title="Nothing of the kinds that the policy names breaks this property alone",
    guards="A single party, vendor, jurisdiction or flaw on which everything rests.",
    remedy="The detail has the cut that breaks it. One TEE always rests on its maker: combine several, of different "
    "makers (`ttee trust singletons DEPLOYMENT`), or leave that kind out under [trust].",
    source=f"{_POLICY}, section Trust goals; docs/spec/trust.md",
)

PINNED = {"app": PINNED_APP, "platform": PINNED_PLATFORM}
CHECKS = (
    TEE,
    ANCHOR,
    ASSURANCE,
    DEBUG,
    CURRENT,
    FRESHNESS,
    MEASUREMENT,
    *EXCEPTIONS.values(),
    PINNED_APP,
    PINNED_PLATFORM,
    SIGNATURE_ONLY,
    NOT_BY,
    NO_SINGLE,
    RULE,
)
_GOAL_ID = re.compile(r"policy\.trust\.[a-z]+\.(not_by|no_single)")
_RULE_ID = re.compile(
    r"policy\.(?!app\.|pinned\.|exception\.|distrust\.|trust\.)[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*"
)


def all_checks() -> tuple[CheckSpec, ...]:
    """All but those of rules, one for each distrust switch among them."""
    return (*CHECKS, *(switch.spec for switch in switches().values()))


def spec_for(check: str) -> CheckSpec | None:
    """The specification of a check of ours by its id, those of rules included; None for any other id."""
    for spec in all_checks():
        if spec.id == check:
            return spec
    if goal := _GOAL_ID.fullmatch(check):
        return NOT_BY if goal[1] == "not_by" else NO_SINGLE
    return RULE if _RULE_ID.fullmatch(check) else None
