# SPDX-License-Identifier: Apache-2.0
"""Policies as commands find them: given, lying beside an app, or made on the spot for this machine."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from ttee.app.bundle import Bundle
from ttee.appraise import Policy, builtin_policy, load_policy, parse_policy, starting_policy
from ttee.cli.output import Output
from ttee.model import Anchor
from ttee.places import tee_state_dir
from ttee.tee.base import Tee

_F = TypeVar("_F", bound=Callable[..., Any])
_MARK = "# Made by ttee for this machine, and replaced by `ttee run` while unchanged: "
_MARKED = re.compile(re.escape(_MARK).encode() + rb"([0-9a-f]{64})\n")


def policy_options(function: _F) -> _F:
    """`--policy` and `--policy-name`; they arrive as `policy_files` and `policy_names`."""
    for option in (
        click.option(
            "-P", "--policy-name", "policy_names", multiple=True, help="A built-in policy: signature-only."
        ),
        click.option(
            "-p", "--policy", "policy_files", multiple=True, metavar="FILE", envvar="TTEE_POLICY",
            type=click.Path(), help="A policy file; of several, all must accept.",
        ),
    ):  # fmt: skip
        function = option(function)
    return function


def given_policies(
    files: Iterable[str], names: Iterable[str], anchors: Iterable[Anchor] = ()
) -> list[Policy]:
    """Those named on the command line; `anchors` are for the built-in ones. Raises PolicyFileError."""
    anchors = tuple(anchors)
    return [load_policy(file) for file in files] + [builtin_policy(name, anchors) for name in names]


def policies_beside(name: str) -> Path | None:
    """The policy file for an app or instance of this name: in the present folder, or in the app's."""
    for path in (Path(f"{name}.policy.toml"), Path(name, f"{name}.policy.toml")):
        if path.is_file():
            return path
    return None


def machine_policy(name: str, bundle: Bundle, tee: Tee, *, anchors: tuple[Anchor, ...] | None = None) -> str:
    """The text of a policy that accepts this app in this TEE, by default on this machine's own devices."""
    if anchors is None:
        anchors = machine_anchors(tee)
    return starting_policy(
        name,
        tee.name,
        tee.measure(bundle) if tee.measure else {},
        advice=tee.advice,
        app=bundle.measurement,
        anchors=anchors,
        assurance=anchors[0].assurance if anchors else tee.assurance,
    )


def machine_anchors(tee: Tee) -> tuple[Anchor, ...]:
    """This machine's own devices, made now if there are none yet."""
    return tee.anchors(tee_state_dir(tee.name)) if tee.anchors else ()


def policy_on_the_spot(name: str, bundle: Bundle, tee: Tee) -> Policy:
    """The same as `machine_policy`, read."""
    return parse_policy(machine_policy(name, bundle, tee).encode(), where="the policy made on the spot")


def keep_policy(path: Path, text: str, output: Output) -> None:
    """Write a machine policy, over nothing but an earlier one that nobody has changed since."""
    data = text.encode()
    marked = _MARK.encode() + hashlib.sha256(data).hexdigest().encode() + b"\n" + data
    try:
        before = path.read_bytes() if path.exists() else None
        if before == marked:
            return
        if before is not None and not _is_unchanged(before):
            if before != data:
                output.say(
                    f"kept {path}, which you have changed; `ttee policy new` prints what would stand there"
                )
            return
        path.write_bytes(marked)
    except OSError as problem:
        output.say(f"could not write the policy {path}: {problem.strerror}")
        return
    output.say(f"{'wrote' if before is None else 'replaced'} {path}, a policy that accepts what runs now")


def _is_unchanged(data: bytes) -> bool:
    match = _MARKED.match(data)
    return match is not None and hashlib.sha256(data[match.end() :]).hexdigest().encode() == match[1]
