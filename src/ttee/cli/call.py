# SPDX-License-Identifier: Apache-2.0
"""Talking to instances: their evidence, and requests over the sealed channel."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ttee.appraise import Policy, load_policy, to_json
from ttee.channel.sealed import MAX_PAYLOAD
from ttee.cli.apps import load_app
from ttee.cli.endorsing import endorsement_options
from ttee.cli.options import Hex, command, read_input, write_output
from ttee.cli.output import Output
from ttee.cli.policies import given_policies, policies_beside, policy_on_the_spot, policy_options
from ttee.cli.verdict_text import verdict_line
from ttee.connect import NONCE_SIZE, RemoteInstance, connect
from ttee.errors import PolicyFileError
from ttee.serve import registry
from ttee.tee import tee_named
from ttee.tee.recognise import dump_evidence

if TYPE_CHECKING:
    from collections.abc import Sequence

_SCHEMES = ("unix:", "http://", "https://")


@command(
    examples="""
    ttee call hello "some request"
    ttee call hello - <request.bin >reply.bin
    ttee call https://ttee.example/ "some request" --policy hello.policy.toml
    """
)
@click.argument("target")
@click.argument("request")
@policy_options
@endorsement_options
@click.option("--at", metavar="TIME", help="The moment that all must be good at, RFC 3339; by default now.")
@click.option("--timeout", type=click.FloatRange(1), default=60.0, envvar="TTEE_TIMEOUT", show_default=True,
              help="Seconds to wait for each answer.")  # fmt: skip
@click.pass_obj
def call(
    output: Output,
    *,
    target: str,
    request: str,
    policy_files: tuple[str, ...],
    policy_names: tuple[str, ...],
    paths: tuple[str, ...],
    offline: bool,
    mirrors: tuple[str, ...],
    at: str | None,
    timeout: float,
) -> None:
    """Verify an instance, then send it a sealed request.

    TARGET is the name of an instance that runs here, or the address of one. REQUEST is text; - reads stdin. Nothing is
    sent unless the verdict is affirming. Without --policy, TARGET.policy.toml in the present folder or in the app's
    counts; if there is none, a policy is made from the app and this machine's own device.
    """
    payload = read_input("-", "the request", MAX_PAYLOAD) if request == "-" else os.fsencode(request)
    policies: Sequence[Policy] = given_policies(policy_files, policy_names)
    address, record = _resolve(target)
    if not policies:
        policies = [_default_policy(target, record, output)]
    instance = RemoteInstance(address, timeout=timeout)
    session = connect(instance, policies, at=at, paths=paths, offline=offline, mirrors=mirrors)
    output.say(verdict_line(session.verdict))
    reply = session.call(payload)
    if output.as_json:
        text = _text(reply)
        answer = {
            "schema": "ttee.reply/1",
            "text": text,
            "hex": reply.hex(),
            "verdict": to_json(session.verdict),
        }
        output.result(answer, "")
    else:
        newline = b"\n" if sys.stdout.isatty() and not reply.endswith(b"\n") else b""
        output.binary(reply + newline)


@command(
    examples="""
    ttee evidence hello -o hello.evidence.json
    ttee evidence hello --nonce 00112233445566778899aabbccddeeff | ttee inspect -
    """
)
@click.argument("target")
@click.option(
    "-o", "--output", "file", default="-", metavar="FILE", help="Where to write it; stdout by default."
)
@click.option(
    "--nonce", type=Hex(16, 64), metavar="HEX", help="The verifier's nonce; by default a random one."
)
@click.option("--timeout", type=click.FloatRange(1), default=60.0, envvar="TTEE_TIMEOUT", show_default=True,
              help="Seconds to wait for the answer.")  # fmt: skip
@click.pass_obj
def evidence(output: Output, *, target: str, file: str, nonce: bytes | None, timeout: float) -> None:
    """Ask an instance for evidence.

    TARGET is the name of an instance that runs here, or the address of one. What comes back is not verified.
    """
    chosen = nonce or os.urandom(NONCE_SIZE)
    address, _ = _resolve(target)
    found = RemoteInstance(address, timeout=timeout).evidence(chosen)
    write_output(file, dump_evidence(found), output=output)
    if file != "-":
        output.say(f"wrote {file}: evidence of {found.tee}, not verified yet")
    if nonce is None:
        output.say(f"its nonce, for `ttee verify --nonce`: {chosen.hex()}")


def _resolve(target: str) -> tuple[str, registry.Record | None]:
    """The address of an instance; its record, if it is one of ours."""
    if target.startswith(_SCHEMES):
        return target, None
    name = Path(target).name if Path(target).is_dir() else target
    record = registry.find(name)
    return record.address, record


def _default_policy(target: str, record: registry.Record | None, output: Output) -> Policy:
    if record is None:
        raise PolicyFileError(
            "an instance of somebody else's needs a policy of yours",
            where=target,
            hint="--policy FILE names one; `ttee policy new` makes one",
        )
    if path := policies_beside(record.name):
        output.say(f"taking the policy {path}")
        return load_policy(path)
    folder = Path(target)
    source = folder if (folder / "ttee.toml").is_file() else record.bundle
    output.say(f"no policy given: making one from {source} and this machine's device")
    return policy_on_the_spot(record.name, load_app(str(source)), tee_named(record.tee))


def _text(reply: bytes) -> str | None:
    try:
        return reply.decode("utf-8")
    except UnicodeDecodeError:
        return None
