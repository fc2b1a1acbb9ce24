# SPDX-License-Identifier: Apache-2.0
"""Policies: made from an app, from evidence, shown in words, checked."""

from __future__ import annotations

from pathlib import Path

import click

from ttee.appraise import SIGNATURE_ONLY, Policy, builtin_policy, load_policy, parse_policy, starting_policy
from ttee.cli.apps import load_app
from ttee.cli.options import Hex, command, read_input, subcommand, write_output
from ttee.cli.output import Output, table
from ttee.cli.policies import machine_policy
from ttee.codec import json
from ttee.connect import verify
from ttee.errors import MalformedEvidenceError, UsageError
from ttee.model import Anchor, Assurance, Claims, Endorsements, Evidence
from ttee.tee import best_tee, tee_named
from ttee.tee.base import Tee
from ttee.tee.recognise import MAX_SIZE, recognise


@command(
    examples="""
    ttee policy new hello --tee riscv
    ttee policy new --from hello.evidence.json
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
    """,
)
@click.argument("app", required=False)
@click.option(
    "--tee",
    "tee_name",
    metavar="TEE",
    envvar="TTEE_TEE",
    help="The TEE; by default the best that works here.",
)
@click.option("--device-key", "keys", type=Hex(32), multiple=True, metavar="HEX",
              help="A device to rely on; by default this machine's.")  # fmt: skip
@click.option("--from", "source", metavar="EVIDENCE", help="Believe this evidence, and pin what it says.")
@click.option("--name", help="The policy's name; by default the app's.")
@click.option(
    "-o", "--output", "file", default="-", metavar="FILE", help="Where to write it; stdout by default."
)
@click.pass_obj
def _new(
    output: Output,
    *,
    app: str | None,
    tee_name: str | None,
    keys: tuple[bytes, ...],
    source: str | None,
    name: str | None,
    file: str,
) -> None:
    """Make a policy that accepts an app, recomputed from source, or what evidence says.

    APP is an app folder or a bundle. Read what comes out, and change it to what you really accept.
    """
    if (app is None) == (source is None):
        raise UsageError("a policy is made from an APP, or --from evidence", hint="give one of the two")
    if file != "-" and Path(file).exists():
        raise UsageError(
            "this file exists, and policies are not overwritten", where=file, hint="choose another name"
        )
    if source is not None:
        if keys or tee_name:
            raise UsageError("--from takes the TEE and the device key from the evidence")
        text = _from_evidence(source, name, output)
    else:
        tee = tee_named(tee_name) if tee_name else best_tee()
        bundle = load_app(str(app))
        given = tuple(Anchor(tee.name, key, _unvouched(tee)) for key in keys)
        text = machine_policy(name or bundle.name, bundle, tee, anchors=given or None)
    parse_policy(text.encode(), where="the new policy")
    if output.as_json:
        output.result({"schema": "ttee.policy-file/1", "toml": text}, "")
    else:
        write_output(file, text.encode(), output=output)


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


def _from_evidence(source: str, name: str | None, output: Output) -> str:
    evidence = recognise(read_input(source, "evidence", MAX_SIZE))
    claims, anchors = _believe(evidence)
    output.say(
        "this policy believes the evidence it was made from; compare keys and measurements with their owners"
    )
    return starting_policy(
        name or (Path(source).name.split(".")[0] if source != "-" else evidence.tee),
        evidence.tee,
        claims.details,
        app=claims.app,
        anchors=anchors,
        assurance=claims.assurance,
    )


def _believe(evidence: Evidence) -> tuple[Claims, tuple[Anchor, ...]]:
    """Claims of evidence under the key that it names itself: consistent, and not yet to be trusted."""
    tee = tee_named(evidence.tee)
    fields = tee.describe(evidence) if tee.describe else {}
    named = [value for field, value in fields.items() if field.split(".")[-1] == "device_key"]
    anchors = tuple(
        Anchor(tee.name, key, _unvouched(tee), "from evidence: compare it")
        for key in named
        if isinstance(key, bytes)
    )
    if not anchors and tee.assurance is not Assurance.SIMULATED:
        raise MalformedEvidenceError("the evidence names no device key", where="parts")
    return verify(evidence, Endorsements(anchors=anchors)), anchors


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
        "tees": {
            tee: {
                "anchors": [
                    {"key": a.key.hex(), "assurance": a.assurance.value, "note": a.note}
                    for a in section.anchors
                ],
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
    for tee, section in found.tees.items():
        rows.append((f"accepts {tee}", "if all of this holds:"))
        rows += [("  device key", f"{a.key.hex()} ({a.assurance}) {a.note}") for a in section.anchors]
        rows += [
            (f"  {r.key}", f"{r.comparison} {', '.join(str(value) for value in r.values)}")
            for r in section.rules
        ]
    if not found.tees:
        rows.append(("accepts", "no TEE at all"))
    return table(rows)
