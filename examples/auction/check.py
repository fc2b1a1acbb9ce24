# SPDX-License-Identifier: Apache-2.0
"""Checks an auction's result, offline, with nothing but three files. Needs no QEMU, no network, no trust.

    python check.py RESULT EVIDENCE POLICY ['NAME AMOUNT SALT' ...]

The optional receipts must be found among the inputs of the result.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import auction
from ttee.appraise import endorsements, load_policy
from ttee.connect import appraise, verify
from ttee.errors import ExitCode, RefusedError, TteeError, UsageError
from ttee.model import Status, Tier, Verdict
from ttee.tee.recognise import load_evidence


def check_files(
    result: Path, evidence: Path, policy: Path, receipts: Sequence[str] = ()
) -> tuple[auction.Result, Verdict]:
    """What the auction's result is, and the verdict on its evidence. Raises a TteeError that says what is wrong."""
    policies = [load_policy(policy)]
    claims = verify(load_evidence(evidence), endorsements(policies))
    verdict = appraise(claims, policies)
    failed = [check for check in verdict.checks if check.status is Status.FAIL]
    if failed:
        raise RefusedError(f"the policy refuses this: {failed[0].detail}", check=failed[0].id)
    try:
        text = result.read_text("ascii")
    except (OSError, UnicodeDecodeError) as problem:
        raise UsageError(f"cannot read the result: {problem}", where=str(result)) from None
    return auction.check_result(text, claims, map(auction.read_receipt, receipts)), verdict


def main(arguments: Sequence[str]) -> int:
    """Print what was found; the exit code of the error otherwise."""
    if len(arguments) < 3:
        print((__doc__ or "").strip(), file=sys.stderr)
        return ExitCode.USAGE
    result, evidence, policy = map(Path, arguments[:3])
    try:
        found, verdict = check_files(result, evidence, policy, arguments[3:])
    except TteeError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return error.exit_code
    passed = sum(check.status is Status.PASS for check in verdict.checks)
    skipped = [check.detail for check in verdict.checks if check.status is Status.SKIPPED]
    print(f"evidence  genuine, {verdict.claims.assurance}; {passed} checks passed, none failed")
    print(f"verdict   {verdict.status.name.lower()}" + "".join(f"; {detail}" for detail in skipped))
    sold = f"{found.winner} wins and pays {found.price}" if found.winner else "not sold"
    print(f"result    signed by the TEE: {sold}; {found.bids} bids went in")
    if arguments[3:]:
        print(f"receipts  {len(arguments[3:])} of {len(arguments[3:])} found among the inputs")
    return ExitCode.AFFIRMING if verdict.status in {Tier.AFFIRMING, Tier.WARNING} else ExitCode.REFUSED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
