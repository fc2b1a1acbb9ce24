# SPDX-License-Identifier: Apache-2.0
"""How a TEE stands in the world: up to date, of a generation that still holds, by its maker's rules or bent ones.

Steps 5 to 7 of `appraisal.py`; docs/spec/policy.md, sections Up to date, Distrust, Exceptions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ttee.appraise import checks
from ttee.appraise.distrust import Switch, switches
from ttee.appraise.exceptions import EXCEPTIONS
from ttee.appraise.findings import HARDWARE, Finding, failed, kebab, passed, shown, skipped
from ttee.appraise.policy import Policy, Section

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from ttee.model import Claims


def standing(claims: Claims, policy: Policy, at: datetime) -> Iterator[Finding]:
    """What a policy with a section for this TEE makes of it, at that moment."""
    section = policy.tees[claims.tee]
    if claims.current is not None:
        yield _current(claims, section)
    for switch in _broken(claims, at):
        yield _distrust(switch, policy)
    for name in claims.exceptions:
        yield _exception(name, section)


def known_breaks(claims: Claims, at: datetime) -> Iterator[Finding]:
    """The distrust switches that are about it, for a policy that does not judge."""
    for switch in _broken(claims, at):
        yield skipped(switch.spec, _since(switch))


def currency(claims: Claims) -> str:
    """The claims that say how current it is, in words: `tcb-status OutOfDate`."""
    said = ((name, claims.details.get(name)) for name in claims.currency)
    return ", ".join(f"{kebab(name)} {shown(value)}" for name, value in said if value is not None)[:400]


def _current(claims: Claims, section: Section) -> Finding:
    """Rules about the same claims decide in its place: whoever writes one knows what they accept."""
    said = currency(claims)
    if claims.current:
        return passed(checks.CURRENT, f"up to date, as its maker says ({said})")
    deciding = [rule.key for rule in section.rules if rule.claim in claims.currency]
    if deciding:
        return passed(
            checks.CURRENT, f"not up to date ({said}): the policy decides, by {', '.join(deciding)}"
        )
    names = ", ".join(kebab(name) for name in claims.currency)
    mend = f"; a rule about {names} would decide in place of its maker" if names else ""
    return failed(checks.CURRENT, f"its maker does not call it up to date ({said}){mend}", HARDWARE)


def _broken(claims: Claims, at: datetime) -> list[Switch]:
    return [switch for switch in switches().values() if switch.means(claims, at)]


def _since(switch: Switch) -> str:
    by = "by software alone" if switch.by_software else "by who has it in hands"
    return f"broken {by}, as is known since {switch.since:%Y-%m-%d}: {switch.title} ({switch.sources[0]})"


def _distrust(switch: Switch, policy: Policy) -> Finding:
    if switch.id in policy.accepts_broken:
        detail = f"{_since(switch)}; accepted by the policy"
        return passed(switch.spec, detail, loosened=f"distrust-accept {switch.id}")
    if switch.by_software or switch.id in policy.refuses_broken:
        return failed(switch.spec, _since(switch), HARDWARE)
    return skipped(switch.spec, _since(switch), HARDWARE)


def _exception(name: str, section: Section) -> Finding:
    spec = EXCEPTIONS[name]
    if name in section.exceptions:
        return passed(spec, f"granted: {spec.title}", loosened=f"exception {name}")
    return failed(spec, f"made use of, and not granted by this policy: {spec.title}", HARDWARE)
