# SPDX-License-Identifier: Apache-2.0
"""Policies: made from an app, from evidence, shown in words, checked."""

from __future__ import annotations

from pathlib import Path

import click
from attrs import evolve
from click.core import ParameterSource

from ttee.appraise import (
    SIGNATURE_ONLY,
    Policy,
    builtin_policy,
    load_policy,
    parse_policy,
    policy_from_claims,
)
from ttee.cli.apps import load_app
from ttee.cli.endorsing import Endorsing, endorsement_options, read_evidence
from ttee.cli.options import command, subcommand, write_output
from ttee.cli.output import Output, table
from ttee.cli.policies import machine_policy
from ttee.cli.policy_import import import_policy
from ttee.cli.verify import read_key
from ttee.codec import json
from ttee.codec.rfc3339 import moment
from ttee.connect import now, verify
from ttee.errors import UsageError
from ttee.model import Anchor, Assurance, Evidence
from ttee.tee import best_tee, tee_named
from ttee.tee.base import Tee


@command(
    examples="""
    ttee policy new hello --tee riscv
    ttee policy new --from hello.evidence.json
    ttee policy import corim.cbor --signer maker.pem
    ttee policy show hello.policy.toml
    ttee policy check hello.policy.toml
    """,
    group=True,
)
def policy() -> None:
    """Make, show and check policies.

    A policy says what a relying party accepts. Without one nothing is accepted.
    """


@subcommand(
    policy,
    "new",
    examples="""
    ttee policy new hello --tee riscv -o hello.policy.toml
    ttee policy new hello --tee riscv --device-key 9a41…
    ttee policy new --from hello.evidence.json
    ttee policy new --from quote.bin --offline --endorsements collateral/ -o tdx.toml
    """,
)
@click.argument("app", required=False)
@click.option(
    "--tee",
    "tee_name",
    metavar="TEE",
    envvar="TTEE_TEE",
    help="The TEE; by default the best that works here, or the one that the evidence is of.",
)
@click.option("--anchor", "--device-key", "keys", multiple=True, metavar="HEX|FILE",
              help="A key to rely on; by default this machine's device, or what the evidence names.")  # fmt: skip
@click.option("--from", "source", metavar="EVIDENCE", help="Believe this evidence, and pin what it says.")
@click.option("--part", "parts", multiple=True, metavar="NAME=FILE",
              help="With --from: another part of the evidence, in a file of its own.")  # fmt: skip
@endorsement_options
@click.option(
    "--at", metavar="TIME", help="With --from: the moment that all must be good at; by default now."
)
@click.option("--name", help="The policy's name; by default the app's.")
@click.option(
    "-o", "--output", "file", default="-", metavar="FILE", help="Where to write it; stdout by default."
)
@click.pass_context
def _new(
    ctx: click.Context,
    *,
    app: str | None,
    tee_name: str | None,
    keys: tuple[str, ...],
    source: str | None,
    parts: tuple[str, ...],
    paths: tuple[str, ...],
    offline: bool,
    mirrors: tuple[str, ...],
    at: str | None,
    name: str | None,
    file: str,
) -> None:
    """Make a policy that accepts an app, recomputed from source, or what evidence says.

    APP is an app folder or a bundle. Read what comes out, and change it to what you really accept. What its maker does
    not call up to date, what is in debug mode, and what software can forge is refused all the same: a comment says
    which line would accept it.
    """
    output = ctx.ensure_object(Output)
    if (app is None) == (source is None):
        raise UsageError("a policy is made from an APP, or --from evidence", hint="give one of the two")
    if file != "-" and Path(file).exists():
        raise UsageError(
            "this file exists, and policies are not overwritten", where=file, hint="choose another name"
        )
    if source is not None:
        asked = ctx.get_parameter_source("tee_name") is ParameterSource.COMMANDLINE
        evidence = read_evidence(source, tee_name if asked else None, parts)
        endorsing = Endorsing(output, paths=paths, offline=offline, mirrors=mirrors)
        text = _from_evidence(evidence, name or _named_after(source, evidence), keys, endorsing, at or now())
        output.say(
            "this policy believes the evidence it was made from; compare keys and measurements with their owners"
        )
    else:
        if parts or at:
            raise UsageError("--part and --at go with --from")
        tee = tee_named(tee_name) if tee_name else best_tee()
        bundle = load_app(str(app))
        given = tuple(Anchor(tee.name, read_key(key, tee), _unvouched(tee)) for key in keys)
        text = machine_policy(name or bundle.name, bundle, tee, anchors=given or None)
    parse_policy(text.encode(), where="the new policy")
    if output.as_json:
        output.result({"schema": "ttee.policy-file/1", "toml": text}, "")
    else:
        write_output(file, text.encode(), output=output)


policy.add_command(import_policy, "import")


@subcommand(policy, "show", examples="ttee policy show hello.policy.toml\nttee policy show signature-only")
@click.argument("name")
@click.pass_obj
def _show(output: Output, name: str) -> None:
    """Say in words what a policy accepts.

    NAME is a policy file, or the name of a built-in policy.
    """
    found = builtin_policy(name) if name == SIGNATURE_ONLY else load_policy(name)
    output.result(_json(found), _words(found))


@subcommand(policy, "check", examples="ttee policy check hello.policy.toml")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.pass_obj
def _check(output: Output, files: tuple[str, ...]) -> None:
    """Check that policy files can be read, and name TEEs that there are."""
    found = [load_policy(file) for file in files]
    for one in found:
        for tee in one.tees:
            tee_named(tee)
    rows = [(file, one.digest.hex(), "fine") for file, one in zip(files, found, strict=True)]
    output.result({"schema": "ttee.policies/1", "policies": [_json(one) for one in found]}, table(rows))


def _named_after(source: str, evidence: Evidence) -> str:
    """A name for the policy out of that of a file, which may have any characters; else the TEE's."""
    stem = Path(source).name.split(".")[0] if source != "-" else ""
    return "".join(c for c in stem if c.isprintable())[:64] or evidence.tee


def _from_evidence(
    evidence: Evidence, name: str, keys: tuple[str, ...], endorsing: Endorsing, at: str
) -> str:
    """What the evidence says is believed: under the keys given, those it names itself, or its maker's roots."""
    tee = tee_named(evidence.tee)
    anchors = tuple(
        Anchor(tee.name, read_key(key, tee), _unvouched(tee), "given by --anchor") for key in keys
    )
    anchors = anchors or _named_by(evidence, tee)
    found = endorsing.collect(evidence, moment(at))
    claims = verify(evidence, evolve(found, anchors=anchors), at=moment(at))
    return policy_from_claims(name, claims, at=moment(at), advice=tee.advice, anchors=anchors)


def _named_by(evidence: Evidence, tee: Tee) -> tuple[Anchor, ...]:
    """Device keys that evidence names itself: it is consistent with them, and not yet to be trusted."""
    fields = tee.describe(evidence) if tee.describe else {}
    named = [value for field, value in fields.items() if field.split(".")[-1] == "device_key"]
    return tuple(
        Anchor(tee.name, key, _unvouched(tee), "from evidence: compare it")
        for key in named
        if isinstance(key, bytes)
    )


def _unvouched(tee: Tee) -> Assurance:
    """How real a device may be called whose owner has not said that it is a chip."""
    return Assurance.EMULATED if tee.assurance is Assurance.SILICON else tee.assurance


def _json(found: Policy) -> dict[str, json.Encodable]:
    return {
        "schema": "ttee.policy-summary/1",
        "name": found.name,
        "sha256": found.digest.hex(),
        "nonce": "required" if found.nonce_required else "optional",
        "measurements": [measurement.hex() for measurement in found.measurements],
        "loosened": sorted(found.loosened),
        "distrust": {"accept": sorted(found.accepts_broken), "refuse": sorted(found.refuses_broken)},
        "trust": {
            goal.of: {"not_by": list(goal.not_by), "no_single": list(goal.no_single)} for goal in found.goals
        },
        "facts": dict(found.facts),
        "tees": {
            tee: {
                "anchors": [
                    {"key": a.key.hex(), "assurance": a.assurance.value, "note": a.note}
                    for a in section.anchors
                ],
                "exceptions": list(section.exceptions),
                "rules": [{"rule": rule.key, "values": list(rule.values)} for rule in section.rules],
            }
            for tee, section in found.tees.items()
        },
    }


def _words(found: Policy) -> str:
    rows = [("policy", found.name), ("SHA-256", found.digest.hex())]
    if found.signature_only:
        rows.append(("accepts", "whatever is authentic; its verdicts are warnings at best"))
        return table(rows)
    rows.append(
        ("nonce", "required" if found.nonce_required else "optional: without one, the verdict is a warning")
    )
    rows += [("app", measurement.hex()) for measurement in found.measurements]
    rows += [("loosened", way) for way in sorted(found.loosened)]
    rows += [("accepts, though broken", each) for each in sorted(found.accepts_broken)]
    rows += [("refuses as broken", each) for each in sorted(found.refuses_broken)]
    rows += [("takes as known", f"{name} = {json.dumps(value).decode()}") for name, value in found.facts]
    for goal in found.goals:
        rows += [("refuses", f"what {each} could break: {goal.of}") for each in goal.not_by]
        rows += [("refuses", f"what any single {each} could break: {goal.of}") for each in goal.no_single]
    for tee, section in found.tees.items():
        rows.append((f"accepts {tee}", "if all of this holds:"))
        rows += [("  but for", f"the exception {each}") for each in section.exceptions]
        rows += [("  device key", f"{a.key.hex()} ({a.assurance}) {a.note}") for a in section.anchors]
        rows += [
            (f"  {r.key}", f"{r.comparison} {', '.join(str(value) for value in r.values)}")
            for r in section.rules
        ]
    if not found.tees:
        rows.append(("accepts", "no TEE at all"))
    return table(rows)
