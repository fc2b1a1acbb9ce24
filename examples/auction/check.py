# SPDX-License-Identifier: Apache-2.0
"""Checks an auction's result, offline, with nothing but three files. Needs no QEMU, no network, no trust.

    python check.py FOLDER ['NAME AMOUNT SALT' ...]

FOLDER has auction.result.txt, auction.evidence.json, auction.policy.toml. Receipts, if any are given, must be found
among the inputs of the result.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import auction
from ttee.appraise import endorsements, load_policy
from ttee.connect import appraise, verify
from ttee.errors import ExitCode, RefusedError, TteeError, UsageError
from ttee.model import Status, Verdict
from ttee.tee.recognise import load_evidence


def check_folder(folder: Path, receipts: Sequence[str] = ()) -> tuple[auction.Result, Verdict]:
    """The auction's result, and the verdict on its evidence. Raises a TteeError that says what is wrong."""
    policies = [load_policy(folder / auction.POLICY)]
    claims = verify(load_evidence(folder / auction.EVIDENCE), endorsements(policies))
    verdict = appraise(claims, policies)
    failed = next((check for check in verdict.checks if check.status is Status.FAIL), None)
    if failed:
        raise RefusedError(f"the policy refuses this: {failed.detail}", check=failed.id)
    path = folder / auction.RESULT
    try:
        text = path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as problem:
        raise UsageError(f"cannot read the result: {problem}", where=str(path)) from None
    return auction.check_result(text, claims, map(auction.read_receipt, receipts)), verdict


def report(result: auction.Result, verdict: Verdict, receipts: int) -> str:
    """What was found, line by line."""
    passed = sum(check.status is Status.PASS for check in verdict.checks)
    skipped = [check.id for check in verdict.checks if check.status is Status.SKIPPED]
    status = verdict.status.name.lower()
    sold = f"{result.winner} wins and pays {result.price}" if result.winner else "not sold"
    lines = [
        f"evidence  genuine, {verdict.claims.assurance}; {passed} checks passed, none failed",
        f"verdict   {status}" + (f"; not checked: {', '.join(skipped)}" if skipped else ""),
        f"result    {sold}; {result.bids} bids went in",
    ]
    if receipts:
        lines.append(f"receipts  {receipts} of {receipts} found among the inputs")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Print what was found; returns 0, or the exit code of the error."""
    if not arguments or arguments[0] in {"-h", "--help"}:
        print((__doc__ or "").strip(), file=sys.stderr)
        return ExitCode.USAGE
    folder, *receipts = arguments
    try:
        print(report(*check_folder(Path(folder), receipts), len(receipts)))
    except TteeError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return error.exit_code
    return ExitCode.AFFIRMING


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
