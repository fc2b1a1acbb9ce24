# SPDX-License-Identifier: Apache-2.0
"""A policy file out of what others wrote down (docs/spec/policy.md): each rule with where it comes from above it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from attrs import field, frozen

from ttee.appraise import parse_policy
from ttee.errors import PolicyFileError
from ttee.model import Anchor, Assurance

SCHEMA = "ttee.policy/1"
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")

Value = bool | int | str | bytes


@frozen(slots=True)
class RuleLine:
    """A rule of a policy: its key in kebab-case, the values, and comments on them, by value."""

    key: str
    values: tuple[Value, ...]
    why: str = ""
    notes: tuple[str, ...] = ()
    """One for each value, or none at all."""


@frozen(slots=True)
class Draft:
    """A policy to be written: for one TEE."""

    name: str
    tee: str
    origin: tuple[str, ...]
    """Comments on top: where all of it comes from, and what was left out."""
    rules: tuple[RuleLine, ...] = ()
    anchors: tuple[Anchor, ...] = ()
    loosened: tuple[tuple[str, str], ...] = field(factory=tuple)
    """Loosenings that what others wrote down amounts to, each with the reason."""
    left_open: tuple[tuple[str, str], ...] = ()
    """Loosenings, or rules, that the reader may want: written as comments, so that the policy refuses till then."""

    def text(self, *, nonce_required: bool = False) -> str:
        """The policy, which `parse_policy` reads. Raises PolicyFileError for values that a policy cannot hold."""
        lines = [f"schema = {quoted(SCHEMA)}", f"name = {quoted(_name(self.name))}"]
        lines += [f"# {comment(line)}" for line in self.origin]
        loosened = list(self.loosened)
        if any(anchor.assurance is not Assurance.SILICON for anchor in self.anchors):
            loosened.append(("insecure-emulated", "nobody said that these keys are of real chips"))
        for way, why in loosened:
            lines += [f"# {comment(why)}", f"{way} = true"]
        for way, why in self.left_open:
            lines += [f"# {comment(why)}", f"# {way}"]
        lines += ["", "[freshness]", f'nonce = "{"required" if nonce_required else "optional"}"']
        lines += ["", f"[tee.{self.tee}]", *_anchors(self.anchors)]
        for rule in self.rules:
            lines += _rule(rule)
        text = "\n".join(lines) + "\n"
        parse_policy(text.encode(), where="the policy that was made of it")
        return text


def quoted(text: str) -> str:
    """A basic string (TOML 1.0): JSON's escapes are TOML's, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def comment(text: str) -> str:
    """Text of others as a comment may hold it: one line of printable ASCII, cut short."""
    shown = _UNPRINTABLE.sub(".", text)
    return shown if len(shown) <= 200 else shown[:199] + "~"


def _name(text: str) -> str:
    return comment(text)[:64] or "imported"


def _anchors(anchors: Iterable[Anchor]) -> list[str]:
    entries = [
        f'  {{ key = "{anchor.key.hex()}", assurance = "{anchor.assurance}", note = {quoted(comment(anchor.note))} }},'
        for anchor in anchors
    ]
    return ["anchors = [", *entries, "]"] if entries else []


def _rule(rule: RuleLine) -> list[str]:
    if not rule.values:
        raise PolicyFileError(f"{rule.key} would accept nothing")
    why = [f"# {comment(rule.why)}"] if rule.why else []
    if rule.key.startswith(("min-", "max-", "bits-")):
        return [*why, f"{rule.key} = {_value(rule.values[0])}"]
    if len(rule.values) == 1:
        note = f"  # {comment(rule.notes[0])}" if rule.notes else ""
        return [*why, f"{rule.key} = [{_value(rule.values[0])}]{note}"]
    notes = rule.notes or ("",) * len(rule.values)
    entries = [
        f"  {_value(value)},{f'  # {comment(note)}' if note else ''}"
        for value, note in zip(rule.values, notes, strict=True)
    ]
    return [*why, f"{rule.key} = [", *entries, "]"]


def _value(value: Value) -> str:
    if isinstance(value, bytes):
        return f'"{value.hex()}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    return quoted(value) if isinstance(value, str) else str(value)
