# SPDX-License-Identifier: Apache-2.0
"""A verdict in plain words: what was found, what it rests on, and what nobody looked at."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable

from ttee.appraise.remaining import said
from ttee.appraise.rules import split_key
from ttee.cli.output import short, styled, table
from ttee.errors import ExitCode
from ttee.model import Assurance, Claims, Residual, Status, Tier, Verdict

_STATUS = {
    Tier.AFFIRMING: ("green", "every check passed"),
    Tier.WARNING: ("yellow", "nothing failed, but some checks were skipped"),
    Tier.CONTRAINDICATED: ("red", "the policy does not accept this"),
}
_MARKS = {Status.PASS: ("✓", "green"), Status.SKIPPED: ("\N{EN DASH}", "yellow"), Status.FAIL: ("✗", "red")}
_ASSURANCE = {
    Assurance.SILICON: "silicon: its maker, or the pinned key's owner, vouches that it belongs to a real chip",
    Assurance.EMULATED: "emulated: nobody vouches for a real chip; whoever owns the machine may look inside",
    Assurance.SIMULATED: "simulated: anybody can make such evidence; it protects nothing from anybody",
}
_ON = "emulated: on {}, with nobody to vouch for a real chip; whoever owns the machine may look inside"
_LOOSENED = {
    "insecure-emulated": "accepts a TEE that nobody vouches is a real chip: its machine may look inside",
    "insecure-development": "accepts simulated TEEs and keys that anybody holds: for development only",
    "insecure-debug": "accepts debug mode, in which the host may read and change the TEE",
    "insecure-any-app": "accepts any app: what runs there is unknown",
    "insecure-any-platform": "accepts any software beneath the app, a lying one included",
    "distrust-accept": "accepts machines that are broken for good: `ttee explain policy.distrust.{name}`",
    "exception": "bends a rule of the TEE's maker: `ttee explain policy.exception.{name}`",
    "signature-only": "asks for authenticity alone: not what runs, on what, how real, how fresh",
}
_WIDTH = 100
_OLD = re.compile(r"policy\.current|policy\.[a-z0-9-]+\.min-([a-z0-9-]+-)?svn")
"""Checks that fail when the software is genuine, and older than its maker or the policy allows."""


def verdict_text(verdict: Verdict) -> str:
    """The whole verdict, for people."""
    claims = verdict.claims
    colour, meaning = _STATUS[verdict.status]
    policies = ", ".join(f"{name} (SHA-256 {short(digest)})" for name, digest in verdict.policy)
    facts = [("tee", claims.tee), ("assurance", _assurance(claims))]
    if claims.app is not None:
        facts.append(("app", claims.app.hex()))
    if claims.user_data:
        facts.append(("user data", claims.user_data.hex()))
    facts += [("at", verdict.at), ("policy", policies)]
    parts = [f"{styled(verdict.status.name.lower(), 'bold', colour)}: {meaning}", table(facts, indent="  ")]
    parts += [_section("checks", _checks(verdict))]
    parts += [
        _section(
            "relied on", table([(r.kind, r.name, r.digest.hex()) for r in claims.relied_on], indent="  ")
        )
    ]
    residual, not_checked = said(verdict)
    parts += [_section("not checked", _list(not_checked))]
    loosened = [_loosening(way) for way in verdict.loosened]
    parts += [_section("loosened by the policy", _list(loosened))]
    parts += [_section("who could still break it", _residual(residual))]
    return "\n\n".join(part for part in parts if part)


def verdict_line(verdict: Verdict) -> str:
    """The verdict in one line."""
    claims = verdict.claims
    app = f", app {short(claims.app)}" if claims.app else ""
    policies = ", ".join(name for name, _ in verdict.policy)
    return f"{verdict.status.name.lower()}: {claims.tee} ({claims.assurance}){app}, policy {policies}"


def exit_code(verdict: Verdict, *, strict: bool) -> ExitCode:
    """What `ttee verify` returns for it."""
    if verdict.status is Tier.AFFIRMING:
        return ExitCode.AFFIRMING
    if verdict.status is Tier.WARNING:
        return ExitCode.WARNING if strict else ExitCode.AFFIRMING
    failed = [check.id for check in verdict.checks if check.status is Status.FAIL]
    return ExitCode.REVOKED if all(_is_old(check, verdict.claims) for check in failed) else ExitCode.REFUSED


def _is_old(check: str, claims: Claims) -> bool:
    """Whether a failed check is about how current the TEE is: by its kind, or as a rule about such a claim."""
    section, _, key = check.removeprefix("policy.").partition(".")
    about_currency = section == claims.tee and split_key(key)[1] in claims.currency
    return about_currency or _OLD.fullmatch(check) is not None


def _loosening(way: str) -> str:
    kind, _, name = way.partition(" ")
    return f"{way}: {_LOOSENED.get(kind, 'a loosening of the policy')}".format(name=name)


def _assurance(claims: Claims) -> str:
    """How real it is. Not every TEE says what it runs on, and an anchor that is silent does not make it QEMU."""
    platform = claims.details.get("platform")
    if claims.assurance is Assurance.EMULATED and isinstance(platform, str):
        return _ON.format(platform)
    return _ASSURANCE[claims.assurance]


def _checks(verdict: Verdict) -> str:
    """Marks, ids and details, aligned; long details run on below themselves."""
    width = max(len(check.id) for check in verdict.checks)
    lines = []
    for check in verdict.checks:
        mark, colour = _MARKS[check.status]
        first, *rest = textwrap.wrap(check.detail, max(74, _WIDTH - width - 6), break_on_hyphens=False) or [
            ""
        ]
        lines.append(f"  {styled(mark, colour)} {check.id:<{width}}  {first}".rstrip())
        lines += [" " * (width + 6) + more for more in rest]
    return "\n".join(lines)


def _residual(residual: Residual | None) -> str:
    if residual is None:
        return ""
    from ttee.trust.verdicts.residual import lines  # noqa: PLC0415 (brings the knowledge base along)

    return _paragraphs(lines(residual))


def _section(title: str, body: str) -> str:
    return f"{styled(title, 'bold')}\n{body}" if body else ""


def _list(items: tuple[str, ...] | list[str]) -> str:
    return "\n".join(
        "\n    ".join(textwrap.wrap(f"  - {item}", _WIDTH, break_on_hyphens=False)) for item in items
    )


def _paragraphs(items: Iterable[str]) -> str:
    return "\n".join(
        "\n    ".join(textwrap.wrap(f"  {item}", _WIDTH, break_on_hyphens=False)) for item in items
    )
