# SPDX-License-Identifier: Apache-2.0
"""Steps 3 and 4 of the demo: bidders verify and bid; the result is proven to somebody who was not there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import auction
from auction import EVIDENCE, POLICY, RESULT
from stage import APP, BIDS, LOT, RESERVE, Stage
from story import OtherwiseError, Story, short
from ttee.connect import connect
from ttee.model import Status, Tier, Verdict
from ttee.tee.recognise import dump_evidence


def bids(stage: Stage) -> tuple[auction.Seller, list[auction.Receipt]]:
    """Step 3: nobody says anything to a TEE before its evidence is affirmed."""
    story, host = stage.story, stage.host
    story.chapter("Three bidders verify first, then bid")
    story.say(
        """Each sends a fresh random number, a nonce, and gets evidence over it: signed by the monitor, whose
        key the device has signed. What alice finds:"""
    )
    story.gap()
    seller = auction.Seller(connect(host, stage.expected.policy).call)
    seller.open(LOT, RESERVE)
    sessions = {name: connect(host, stage.expected.policy) for name in BIDS}
    _show(story, sessions["alice"].verdict)
    affirming = all(session.verdict.status is Tier.AFFIRMING for session in sessions.values())
    story.expect("verify.affirming", affirming, "alice, bob and carol find the same: affirming.")
    story.gap()
    story.say(
        """Only now each seals a bid to the channel key. What a bidder says, and what the host gets to see of
        it on its way:"""
    )
    story.gap()
    receipts = []
    for name, amount in BIDS.items():
        receipts.append(auction.Bidder(sessions[name].call, name).bid(amount))
        message = host.sealed[-1]
        story.row(f"bid {name} {amount}", f"{message[:20].hex(' ', 4)} ...", f"{len(message)} bytes")
    seen = b"\0".join([*host.sealed, *host.replies, *(line.encode() for line in stage.instance.log())])
    secrets = [word.encode() for name, amount in BIDS.items() for word in (f"bid {name}", str(amount))]
    story.expect(
        "bids.sealed",
        not any(secret in seen for secret in secrets),
        "No bid and no amount in anything that the host carried or printed.",
    )
    return seller, receipts


def _show(story: Story, verdict: Verdict) -> None:
    claims = verdict.claims
    passed = sum(check.status is Status.PASS for check in verdict.checks)
    unchecked = len(verdict.not_checked)
    story.row("signatures", "genuine", "pinned device key -> monitor key")
    story.row("app, monitor", "as expected", "the digests of step 1")
    story.row("nonce", "hers", "the evidence is new, and made for her")
    story.row("channel key", short(claims.channel_key or b""), "made inside: only the TEE opens her bid")
    story.row("hardware", str(claims.assurance).upper(), f"policy says {', '.join(verdict.loosened)}")
    story.row(
        "verdict", verdict.status.name.lower(), f"{passed} checks passed, {unchecked} listed as not made"
    )


def result(stage: Stage, seller: auction.Seller, receipts: list[auction.Receipt]) -> None:
    """Step 4: the result, checked by dana, who has three files and nothing else."""
    story, out = stage.story, stage.out
    story.chapter("The result, and a proof that travels")
    story.say(
        """The seller closes the auction. The TEE signs the result together with the app's measurement and a
        digest of all that went in. Losing bids stay inside."""
    )
    story.gap()
    text, evidence = seller.close(stage.instance.tee)
    story.quote(text)
    (out / RESULT).write_text(text, "ascii")
    (out / EVIDENCE).write_bytes(dump_evidence(evidence))
    story.gap()
    story.say(
        """dana was not there. She has three files: result, evidence, policy. She checks them offline, in a
        process that finds no QEMU. bob adds his receipt:"""
    )
    story.gap()
    story.quote(dana(out, str(receipts[1])))
    story.held("result.proven", "Genuine, of this app, from three bids, and bob's is among them.")
    story.say("Warning, as no nonce of hers is in it: it proves what happened, not when.")
    story.gap()
    story.say("To do the same, on any machine that has T-TEE and these three files:")
    story.command(f"{program('ttee')} verify {out / EVIDENCE} \\")
    story.command(f"    --policy {out / POLICY}", prompt=" ")
    story.command(f"{program('python')} {os.path.relpath(APP / 'check.py')} {out}")


def dana(folder: Path, *receipts: str) -> str:
    """What check.py says of the files in `folder`; raises OtherwiseError unless it accepts them."""
    done = subprocess.run(
        [sys.executable, str(APP / "check.py"), str(folder), *receipts],
        env={**os.environ, "PATH": ""},  # no QEMU, no compiler
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise OtherwiseError(f"check.py does not accept the result: {done.stderr.strip()}")
    return done.stdout


def program(name: str) -> str:
    """How to call a program of this Python's environment from here."""
    beside = Path(sys.executable).parent / name
    short_way = os.path.relpath(beside)
    return name if shutil.which(name) == str(beside) or len(short_way) > 24 else short_way
