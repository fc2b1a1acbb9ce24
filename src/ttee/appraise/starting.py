# SPDX-License-Identifier: Apache-2.0
"""A policy to start from: commented TOML that pins what is known, for `ttee policy new`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ttee.appraise.policy import SCHEMA, Insecure
from ttee.model import Anchor, Assurance, ClaimValue

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SVN = "svn"
_MAY_CHANGE = frozenset({"monitor_key", "device_key", "epm_size", "utm_size", "config_digest", "data"})
"""Claims that follow from pinned ones, or may differ from run to run: written as comments."""

_WHY = {
    "app": "What may run: SHA-384 of the bundle. `ttee measure` recomputes it from source.",
    "anchors": "Whose signatures count. Check the key with whoever runs the device, not with the evidence;\n"
    "# `silicon` stands here only if its owner vouches for a real chip.",
    "monitor_hash": "What the app runs on: the monitor that makes the claims.",
    "enclave_hash": "What runs: runtime, configuration and app, as they lie in memory.",
    "authority": "Who may sign versions of the app, in place of enclave-hash.",
    "platform": "The machine, in the monitor's words.",
    "monitor_svn": "Refuse a monitor that is older than this, even one pinned above.",
    "app_svn": "Refuse a version of the app that is older than this.",
}


def starting_policy(
    name: str,
    tee: str,
    values: Mapping[str, ClaimValue],
    *,
    app: bytes | None = None,
    anchors: Iterable[Anchor] = (),
    assurance: Assurance = Assurance.EMULATED,
    nonce_required: bool = False,
) -> str:
    """TOML of a policy that accepts `tee` with these claims: those of `details`, or of `Tee.measure`.

    `app` is the app's measurement, `assurance` that of the TEE. Names are quoted as TOML needs; what comes out
    can be read by `parse_policy` if `name` is 1 to 64 printable characters.
    """
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
        lines += ["", "[app]", f"# {_WHY['app']}", f'measurements = ["{app.hex()}"]']
    lines += ["", f"[tee.{tee}]", *_anchor_lines(anchors, assurance)]
    for claim, value in values.items():
        if claim not in _MAY_CHANGE:
            lines += _claim_lines(claim, value)
    others = [line for claim in values if claim in _MAY_CHANGE for line in _claim_lines(claim, values[claim])]
    if others:
        lines += [
            "",
            "# Also claimed, and free to differ from run to run:",
            *(f"# {line}" for line in others),
        ]
    return "\n".join(lines) + "\n"


def _anchor_lines(anchors: Iterable[Anchor], assurance: Assurance) -> list[str]:
    entries = [
        f'  {{ key = "{anchor.key.hex()}", assurance = "{anchor.assurance}", note = {_quoted(anchor.note)} }},'
        for anchor in anchors
    ]
    if entries:
        return [f"# {_WHY['anchors']}", "anchors = [", *entries, "]"]
    if assurance is Assurance.SIMULATED:
        return []
    return [
        f"# {_WHY['anchors']}",
        f'# anchors = [{{ key = "<hex>", assurance = "{assurance}", note = "whose device it is" }}]',
    ]


def _claim_lines(claim: str, value: ClaimValue) -> list[str]:
    why = [f"# {_WHY[claim]}"] if claim in _WHY else []
    key = claim.replace("_", "-")
    if value is None or value == b"" or isinstance(value, tuple):
        return []
    if isinstance(value, int) and not isinstance(value, bool) and claim.endswith(_SVN):
        return [*why, f"min-{key} = {value}"]
    return [*why, f"{key} = [{_value(value)}]" if isinstance(value, bytes) else f"{key} = {_value(value)}"]


def _value(value: ClaimValue) -> str:
    if isinstance(value, bytes):
        return f'"{value.hex()}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    return _quoted(value) if isinstance(value, str) else str(value)


def _quoted(text: str) -> str:
    """A basic string (TOML 1.0): JSON's escapes are TOML's, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
