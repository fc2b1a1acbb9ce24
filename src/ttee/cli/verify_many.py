# SPDX-License-Identifier: Apache-2.0
"""`ttee verify-many`: a fleet, one outcome an item, in the order of the input."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import click

from ttee.appraise import to_json
from ttee.cli.endorsing import Endorsing, endorsement_options
from ttee.cli.fleet import fleet
from ttee.cli.options import command
from ttee.cli.output import Output, harmless, styled, table
from ttee.cli.policies import given_policies, policy_options
from ttee.cli.progress import Progress
from ttee.cli.verdict_text import exit_code
from ttee.cli.verify import read_key
from ttee.codec import json, problem
from ttee.connect import remember
from ttee.endorse.memory import unremembered
from ttee.errors import ExitCode, UsageError
from ttee.many import Outcome
from ttee.many import verify_many as verify_all
from ttee.model import Anchor, Status, Tier
from ttee.tee import all_tees

SCHEMA = "ttee.outcome/1"
SUMMARY_SCHEMA = "ttee.fleet/1"
MAX_BAD = 1000
"""Bad items that the one object of --json lists; --jsonl has them all."""
RESULTS = {
    ExitCode.NOT_AUTHENTIC: "not authentic",
    ExitCode.REVOKED: "revoked",
    ExitCode.REFUSED: "refused",
    ExitCode.MALFORMED: "malformed",
    ExitCode.UNAVAILABLE: "endorsements unavailable",
    ExitCode.TEE: "worker died",
    ExitCode.INTERNAL: "internal error",
    ExitCode.USAGE: "unreadable",
    ExitCode.WARNING: "warning",
    ExitCode.AFFIRMING: "affirming",
}
"""What an item can come to, by the exit code that `ttee verify --strict` has for it; the gravest first."""


@command(
    examples="""
    ttee verify-many reports/ --policy fleet.toml
    ttee verify-many fleet.jsonl -p fleet.toml --jobs 8 --jsonl >outcomes.jsonl
    ttee verify-many reports/ --policy-name signature-only --offline --endorsements collateral/
    producer | ttee verify-many - -p fleet.toml --jsonl | consumer
    """
)
@click.argument("source")
@policy_options
@endorsement_options
@click.option("--anchor", "keys", multiple=True, metavar="HEX|FILE",
              help="A key to rely on; for signature-only, since policy files pin their own.")  # fmt: skip
@click.option("--at", metavar="TIME", help="The moment of the appraisal, RFC 3339; by default now.")
@click.option("--at-from-lines", is_flag=True,
              help="Let a line's own \"at\" count: it can be a moment before a revocation.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(1, 1024), default=1, show_default=True, envvar="TTEE_JOBS",
              help="Processes that verify.")  # fmt: skip
@click.option("--jsonl", is_flag=True, help="Print one JSON object for each item, as they come.")
@click.option(
    "--strict", is_flag=True, envvar="TTEE_STRICT", help="End with exit code 9 if a verdict is a warning."
)
@click.pass_obj
def verify_many(
    output: Output,
    *,
    source: str,
    policy_files: tuple[str, ...],
    policy_names: tuple[str, ...],
    paths: tuple[str, ...],
    offline: bool,
    mirrors: tuple[str, ...],
    keys: tuple[str, ...],
    at: str | None,
    at_from_lines: bool,
    jobs: int,
    jsonl: bool,
    strict: bool,
) -> int:
    """Verify a fleet: a folder, or a line of JSON for each.

    SOURCE is a folder, whose files are taken by name, those in folders inside included, hidden ones not; or a file of
    JSON lines; - is stdin. A line has "evidence" (an evidence file's object), "file" (a path) or "blob" (base64url),
    and perhaps "name", "nonce" (hex) and, with --at-from-lines, "at". Endorsements are looked for as `ttee verify`
    does, each question asked once. No bad item stops the others. Ends with 0 if all are affirming, else
    with the code that `ttee verify` has for the gravest: 4, 7, 5, 3, 6, 8, 1, 2, and 9 with --strict.
    """
    if keys and not policy_names:
        raise UsageError(
            "--anchor goes with --policy-name signature-only; a policy file pins its own anchors",
            hint="add the key to `anchors` in the policy",
        )
    policies = given_policies(policy_files, policy_names, [a for key in keys for a in _anchors(key)])
    endorsing = Endorsing(output, paths=paths, offline=offline, mirrors=mirrors, many=True)
    recall = remember if at is None else partial(unremembered, why="the moment was given with --at")
    results: Counter[ExitCode] = Counter()
    bad: list[json.Encodable] = []
    with ExitStack() as stack:
        executor = None
        if jobs > 1:
            from ttee.cli.workers import Workers  # noqa: PLC0415 (a verification alone needs no processes)

            executor = stack.enter_context(Workers(jobs))
        outcomes = verify_all(
            fleet(source, moments=at_from_lines),
            policies,
            documents=endorsing.collect,
            recall=recall,
            at=at,
            executor=executor,
            ahead=2 * jobs,
        )
        stack.enter_context(closing(outcomes))
        progress = stack.enter_context(Progress())
        for outcome in outcomes:
            result = _result(outcome)
            results[result] += 1
            is_bad = result is not ExitCode.AFFIRMING and (strict or result is not ExitCode.WARNING)
            if jsonl:
                progress.above(json.line(_whole(outcome, result if is_bad else ExitCode.AFFIRMING)))
            elif is_bad:
                if len(bad) < MAX_BAD:
                    bad.append(_short(outcome, result))
                if not output.as_json:
                    progress.above(_line(outcome, result))
            progress.step(is_bad)
    if not results:
        raise UsageError("there is nothing to verify", where=source)
    if results.total() == results[ExitCode.MALFORMED] and Path(source).is_file():
        output.say("no line is as it should be; if this is one piece of evidence, `ttee verify` takes it")
    worst = next(code for code in RESULTS if results[code])
    if worst is ExitCode.WARNING and not strict:
        worst = ExitCode.AFFIRMING
    if not jsonl:
        counts = {RESULTS[code]: results[code] for code in reversed(RESULTS) if results[code]}
        width = len(f"{max(counts.values()):,}")
        summary = table([(f"{number:>{width},}", result) for result, number in counts.items()], indent="  ")
        output.result(
            {
                "schema": SUMMARY_SCHEMA,
                "items": results.total(),
                "results": {result.replace(" ", "-"): number for result, number in counts.items()},
                "exit_code": int(worst),
                "bad": bad,
            },
            f"\n{summary}" if bad else summary,
        )
    return worst


def _anchors(key: str) -> list[Anchor]:
    """The key, for each TEE that can read it. Raises UsageError if none can."""
    found, problem = list[Anchor](), UsageError("this is no key of any TEE", where=key)
    for tee in all_tees():
        try:
            found.append(Anchor(tee.name, read_key(key, tee), note="given by --anchor"))
        except UsageError as reason:
            problem = reason
    if not found:
        raise problem
    return found


def _result(outcome: Outcome) -> ExitCode:
    """What `ttee verify --strict` would end with."""
    if outcome.verdict is not None:
        return exit_code(outcome.verdict, strict=True)
    assert outcome.error is not None  # noqa: S101 (it is one of the two)
    return outcome.error.exit_code


def _whole(outcome: Outcome, code: ExitCode) -> Mapping[str, json.Encodable]:
    about: dict[str, json.Encodable] = {
        "schema": SCHEMA,
        "index": outcome.index,
        "name": outcome.name,
        "exit_code": int(code),
    }
    if outcome.verdict is not None:
        return {**about, "verdict": to_json(outcome.verdict)}
    assert outcome.error is not None  # noqa: S101
    return {**about, "error": problem.encode(outcome.error)}


def _short(outcome: Outcome, code: ExitCode) -> Mapping[str, json.Encodable]:
    check, message = _reason(outcome)
    return {
        "index": outcome.index,
        "name": outcome.name,
        "exit_code": int(code),
        "message": message,
        **({"check": check} if check else {}),
    }


def _line(outcome: Outcome, code: ExitCode) -> str:
    check, message = _reason(outcome)
    mark = styled("\N{EN DASH}", "yellow") if code is ExitCode.WARNING else styled("✗", "red")
    name = outcome.name or f"item {outcome.index}"
    said = f"{name}: {RESULTS[code]}: {message}" + (f" ({check})" if check else "")
    return f"{mark} {harmless(said)}".replace("\n", "?") + "\n"


def _reason(outcome: Outcome) -> tuple[str | None, str]:
    """The check that failed, or was skipped, first, if it was one; and what is wrong."""
    if outcome.verdict is None:
        assert outcome.error is not None  # noqa: S101
        return outcome.error.check, outcome.error.message
    worst = Status.SKIPPED if outcome.verdict.status is Tier.WARNING else Status.FAIL
    check = next(check for check in outcome.verdict.checks if check.status is worst)
    return check.id, check.detail
