# SPDX-License-Identifier: Apache-2.0
"""A policy to start from: commented TOML that pins what is known, for `ttee policy new`.

What is worth pinning each TEE says itself, as advice: rule keys, as policies spell them, with the reason that stands
above the line; an empty reason leaves the line a comment. What its evidence must be pinned by stands there in any
case; all other claims follow as comments.
"""

from __future__ import annotations

import json
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from ttee.appraise.distrust import switches
from ttee.appraise.policy import SCHEMA, Insecure
from ttee.appraise.rules import KEY, Comparison, says_something, split_key
from ttee.model import Anchor, Assurance, Claims, ClaimValue

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

_NONE: Mapping[str, str] = MappingProxyType({})
_APP = "What may run: SHA-384 of the bundle. `ttee measure` recomputes it from source."
_ANCHORS = (
    "Whose signatures count. Check the key with whoever runs the device, not with the evidence;",
    "`silicon` stands here only if its owner vouches for a real chip.",
)
_GOALS = (
    "# What must not be able to break it, as far as is known; the verdict's end says what could:",
    "# [trust]",
    '# confidentiality = { not_by = ["host", "operator:1000"] }',
)
_PINS = {"app": "What runs.", "platform": "What it runs on."}
_SILENT = {"app": "nothing says what runs", "platform": "nothing says what it runs on"}
_REVOCATION, _NOTES = "revocation_checked", 8
_ANY = {"app": Insecure.ANY_APP, "platform": Insecure.ANY_PLATFORM}


def starting_policy(
    name: str,
    tee: str,
    values: Mapping[str, ClaimValue],
    *,
    advice: Mapping[str, str] = _NONE,
    app: bytes | None = None,
    anchors: Iterable[Anchor] = (),
    assurance: Assurance = Assurance.EMULATED,
    nonce_required: bool = False,
) -> str:
    """TOML of a policy that accepts `tee` with these claims: what `Tee.measure` gives. `advice`: `Tee.advice`.

    Without advice all of them are pinned, security versions as the least. `app` is the app's measurement, `assurance`
    that of the TEE. Names are quoted as TOML needs; what comes out can be read by `parse_policy` if `name` is 1 to 64
    printable characters.
    """
    advice = advice or {_recomputed(claim): "As recomputed from source." for claim in values}
    lines = _head(name, assurance, app, nonce_required=nonce_required)
    lines += ["", f"[tee.{tee}]", *_anchor_lines(anchors, assurance)]
    return "\n".join([*lines, *_rules(values, advice), *_others(values, advice)]) + "\n"


def policy_from_claims(
    name: str,
    claims: Claims,
    *,
    at: datetime,
    advice: Mapping[str, str] = _NONE,
    anchors: Sequence[Anchor] = (),
    nonce_required: bool = False,
) -> str:
    """The same, out of claims that are believed: what the evidence said is pinned.

    It accepts that evidence, at `at`, unless its maker does not call it up to date, it is in debug mode, or of a
    generation whose evidence software can forge: then a comment says which line would accept it.
    """
    lines = _head(name, claims.assurance, claims.app, nonce_required=nonce_required)
    if claims.debug:
        lines.insert(2, f"# In debug mode, and so refused. To accept that: {Insecure.DEBUG} = true")
    said = {**claims.details, "app": claims.app}
    for group, names in claims.pins.items():
        if not any(says_something(said.get(name)) for name in names):
            lines.insert(2, f"{_ANY[group]} = true   # {_SILENT[group]}: the verdict is a warning at best")
    lines += [*_distrust(claims, at), "", f"[tee.{claims.tee}]"]
    inside = [anchor for anchor in anchors if anchor.tee != claims.tee]
    anchors = [anchor for anchor in anchors if anchor.tee == claims.tee]
    if anchors or not any(reliance.kind == "root" for reliance in claims.relied_on):
        lines += _anchor_lines(anchors, claims.assurance)
    else:
        lines += ["# Its maker's roots of trust count; `anchors` would stand in their place."]
    if claims.exceptions:
        lines += [
            f"# Rules of its maker that are bent: `ttee explain policy.exception.{claims.exceptions[0]}`"
        ]
        lines += [f"exceptions = {_value(claims.exceptions)}"]
    lines += _currency(claims)
    values = {claim: value for claim, value in claims.details.items() if claim not in claims.currency[:1]}
    advice = _with_pins(advice, claims)
    others = {**({"user_data": claims.user_data} if claims.user_data else {}), **values}
    lines += [*_rules(values, advice, _unmet(claims)), *_others(others, advice)]
    for tee in dict.fromkeys(anchor.tee for anchor in inside):
        theirs = [anchor for anchor in inside if anchor.tee == tee]
        lines += ["", f"[tee.{tee}]  # the TEE inside", *_anchor_lines(theirs, claims.assurance)]
    return "\n".join(lines) + "\n"


def _recomputed(claim: str) -> str:
    return ("min-" if claim.endswith("svn") else "") + claim.replace("_", "-")


def _head(name: str, assurance: Assurance, app: bytes | None, *, nonce_required: bool) -> list[str]:
    lines = [f"schema = {_quoted(SCHEMA)}", f"name = {_quoted(name)}"]
    if assurance is Assurance.EMULATED:
        lines += [
            f"{Insecure.EMULATED} = true      # no real chip is vouched for: its machine can look inside"
        ]
    if assurance is Assurance.SIMULATED:
        lines += [f"{Insecure.DEVELOPMENT} = true   # a simulation: for developing, and protects nothing"]
    lines += ["", "[freshness]"]
    lines += [f'nonce = "{"required" if nonce_required else "optional"}"']
    lines += [
        '# "required": refuse, "optional": warn, when evidence was not made for the verifier\'s own nonce'
    ]
    if app is not None:
        lines += ["", "[app]", f"# {_APP}", f'measurements = ["{app.hex()}"]']
    lines += ["", *_GOALS]
    return lines


def _anchor_lines(anchors: Iterable[Anchor], assurance: Assurance) -> list[str]:
    why = [f"# {line}" for line in _ANCHORS]
    entries = [
        f'  {{ key = "{anchor.key.hex()}", assurance = "{anchor.assurance}", note = {_quoted(anchor.note)} }},'
        for anchor in anchors
    ]
    if entries:
        return [*why, "anchors = [", *entries, "]"]
    if assurance is Assurance.SIMULATED:
        return []
    return [
        *why,
        f'# anchors = [{{ key = "<hex>", assurance = "{assurance}", note = "whose device it is" }}]',
    ]


def _distrust(claims: Claims, at: datetime) -> list[str]:
    found = [switch for switch in switches().values() if switch.means(claims, at)]
    if not found:
        return []
    lines = ["", "[distrust]"]
    for switch in found:
        how = "by software alone: refused, unless it is in the list" if switch.by_software else "by hand"
        lines += [f"# {switch.id}: since {switch.since:%Y-%m-%d}, broken {how}.", f"# {switch.title}"]
    accepted = tuple(switch.id for switch in found if not switch.by_software)
    return [
        *lines,
        "# `ttee explain policy.distrust.ID` says more. What is not in the list ends as a warning, or is refused.",
        f"accept = {_value(accepted)}",
    ]


def _currency(claims: Claims) -> list[str]:
    """The rule that takes the place of the maker's own word on what is up to date."""
    name = next(iter(claims.currency), "")
    value = claims.details.get(name)
    if claims.current is None or not value:
        return []
    line = f"{name.replace('_', '-')} = {_value(value if isinstance(value, tuple) else (value,))}"
    if claims.current:
        return ["# What its maker calls it; anything else is refused, with exit code 7.", line]
    return [
        "# Its maker does NOT call it up to date: this evidence is refused, with exit code 7. To accept it all the",
        "# same, uncomment the next line.",
        f"# {line}",
    ]


def _with_pins(advice: Mapping[str, str], claims: Claims) -> Mapping[str, str]:
    """Of each group that must be pinned, all that the advice is silent on; or else all there are."""
    said = {split_key(key)[1] for key in advice}
    more: dict[str, str] = {}
    for group, names in claims.pins.items():
        missing = [name for name in names if name not in said]
        pinned = [name for name in names if advice.get(name.replace("_", "-")) and claims.details.get(name)]
        for name in missing or ([] if pinned else names):
            more[name.replace("_", "-")] = _PINS[group]
    return {**advice, **more}


def _unmet(claims: Claims) -> dict[str, tuple[str, ...]]:
    """Claims whose opposite nobody wants to pin, with what made them false: notes that can stand in a comment."""
    if claims.details.get(_REVOCATION) is not False:
        return {}
    notes = [note for note in claims.not_checked if note.startswith("revocation of ") and note.isprintable()]
    return {_REVOCATION: tuple(notes[:_NOTES]) or ("no certificate was looked at that can be revoked",)}


def _rules(
    values: Mapping[str, ClaimValue],
    advice: Mapping[str, str],
    unmet: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> Iterator[str]:
    for key, why in advice.items():
        claim = split_key(key)[1]
        line = _line(key, values.get(claim))
        if why and claim in unmet:
            yield f"# {why} Here it would be refused:"
            yield from (f"#   {note}" for note in unmet[claim])
            yield f"# {key} = true"
        elif why and line:
            yield f"# {why}"
            yield line


def _others(values: Mapping[str, ClaimValue], advice: Mapping[str, str]) -> list[str]:
    pinned: Collection[str] = {split_key(key)[1] for key, why in advice.items() if why}
    names = [claim for claim in values if claim not in pinned]
    lines = [line for claim in names if (line := _line(claim.replace("_", "-"), values[claim]))]
    if not lines:
        return []
    return ["", "# Also claimed, and free to differ from run to run:", *(f"# {line}" for line in lines)]


def _line(key: str, value: ClaimValue) -> str:
    """A rule that this value fits; nothing where there is nothing to fit, or no rule can say it.

    Names and texts may be the evidence's own: what a policy cannot spell is left out.
    """
    values = value if isinstance(value, tuple) else (value,)
    if value in (b"", "", ()) or not KEY.fullmatch(key):
        return ""
    if any(isinstance(each, tuple) or each is None or not _printable(each) for each in values):
        return ""
    listed = isinstance(value, bytes) and split_key(key)[0] is Comparison.ONE_OF
    return f"{key} = {_value((value,) if listed else value)}"


def _printable(value: ClaimValue) -> bool:
    return not isinstance(value, str) or value.isprintable()


def _value(value: ClaimValue) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, bytes):
        return f'"{value.hex()}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    return _quoted(value) if isinstance(value, str) else str(value)


def _quoted(text: str) -> str:
    """A basic string (TOML 1.0): JSON's escapes are TOML's, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
