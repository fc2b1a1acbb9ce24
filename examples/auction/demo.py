# SPDX-License-Identifier: Apache-2.0
"""The whole story on one machine: an auction in a RISC-V TEE, and then everything its attackers try.

Each step says what will happen, does it, and holds what happened against that: the exit code is 0 only if all
ended as announced, 8 if something must be installed first.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import attackers
import bidding
from auction import EVIDENCE, POLICY, RESULT
from stage import APP, Expected, Host, Stage
from story import OtherwiseError, Story, short
from ttee.app.build import build
from ttee.appraise import parse_policy, starting_policy
from ttee.errors import ExitCode, TeeUnavailableError, TteeError
from ttee.tee.riscv.launch import anchors, available, launch, measure


def opening(story: Story) -> None:
    """What this is."""
    story.title("T-TEE: an auction that nobody has to be trusted with")
    story.say(
        """A painting is sold by sealed bids. The highest bid wins and pays the second highest. Whoever runs
        the auction must not see the bids, and must not cheat. So it runs in a TEE: a place that its own host
        cannot look into, and that proves to anyone what runs inside."""
    )
    story.gap()
    story.say(
        """This TEE is RISC-V, with a boot ROM, a monitor and a runtime of our own. The software is real, the
        chip is emulated by QEMU. Step 6 shows what that costs."""
    )


def building(story: Story, out: Path, scratch: Path) -> Expected:
    """Step 1: from source to reference values."""
    story.chapter("Build the auction, and compute what a verifier should expect")
    story.say("From source alone, without asking any TEE. Same source, same digests.")
    story.gap()
    copies = [scratch / name for name in ("one", "two")]
    for copy in copies:
        shutil.copytree(APP, copy, ignore=shutil.ignore_patterns("build", "__pycache__"))
    bundle, again = (build(copy).bundle for copy in copies)
    expected = measure(bundle)
    (scratch / "device").mkdir(mode=0o700)
    pinned = anchors(scratch / "device")
    text = starting_policy("auction", "riscv", expected, app=bundle.measurement, anchors=pinned)
    (out / POLICY).write_text(text, "utf-8")
    story.row("app", short(bundle.measurement), "the auction, a WebAssembly module")
    story.row("enclave", short(_bytes(expected["enclave_hash"])), "the app as machine code, and its runtime")
    story.row("monitor", short(_bytes(expected["monitor_hash"])), "what keeps the host out of enclaves")
    story.row("device key", short(pinned[0].key), "of this device, made for this demo")
    story.gap()
    story.say(f"These four are every bidder's policy, and stand in full in {out / POLICY}.")
    story.expect("build.reproducible", again == bundle, "Built in two folders: the same, byte for byte.")
    return Expected(bundle, parse_policy(text.encode(), where=POLICY), pinned)


def ending(stage: Stage) -> None:
    """Step 7: what to take home."""
    story = stage.story
    story.chapter("Who can break what, here")
    story.table(
        ("who", "breaks it?", "why"),
        [
            ("network, proxies", "no", "messages are sealed to a verified key"),
            ("the host's software", "no", "PMP; all it can do is stop the auction"),
            ("who patches software", "no", "all is measured: nobody talks to it"),
            ("other bidders", "no", "bids stay inside; names are first come"),
            ("hands on the memory", "YES", "nothing encrypts DRAM in this design"),
            ("this machine's owner", "YES", "the chip is emulated, its memory theirs"),
            ("the device's maker", "YES", "who knows its secret can sign anything"),
            ("the app's author", "see source", "the app does what its source says"),
            ("side channels", "unknown", "not addressed, not measured"),
        ],
    )
    story.gap()
    story.say("More in docs/threat-model.md and docs/limitations.md. To go on:")
    evidence = stage.out / EVIDENCE
    story.command(f"{bidding.program('ttee')} inspect {evidence}")
    story.command(f"{bidding.program('ttee')} explain riscv.statement.nonce")
    story.command("less examples/auction/README.md       # the auction, by hand")


def play(story: Story, out: Path, scratch: Path) -> None:
    """All steps. Raises OtherwiseError at the first one that does not end as announced."""
    opening(story)
    here = available()
    if not here.works:
        raise TeeUnavailableError(
            f"the RISC-V TEE cannot run here: {here.missing} is missing", hint=here.hint
        )
    expected = building(story, out, scratch)
    story.chapter("Start it in the TEE")
    story.say(
        """The boot ROM measures the monitor, derives its keys, and forgets the device secret. The monitor
        has the processor close a piece of memory to everybody else (PMP), measures what lies there, and
        starts it."""
    )
    story.gap()
    begin = time.perf_counter()
    with launch(expected.bundle, state=scratch / "device") as instance:
        stage = Stage(story, out, scratch, expected, instance, Host(instance))
        place = instance.enclave.handle.record
        story.row("enclave", f"at {place.epm:#x}", f"{place.epm_size >> 10} KiB, closed to the host")
        story.row(
            "shared pages", f"at {place.utm:#x}", f"{place.utm_size >> 10} KiB, where sealed messages pass"
        )
        story.held("start", f"It runs, after {time.perf_counter() - begin:.1f} s. Why believe that? Step 3.")
        seller, receipts = bidding.bids(stage)
        bidding.result(stage, seller, receipts)
        attackers.software(stage)
        attackers.hardware(stage, receipts)
    ending(stage)


def main(arguments: Sequence[str] | None = None) -> int:
    """Tell the story; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[2].strip())
    parser.add_argument("--step", action="store_true", help="wait for Enter between steps")
    parser.add_argument("--json", action="store_true", help="print one JSON object in place of the story")
    parser.add_argument("--out", type=Path, default=Path("build/demo"), help="where results go (%(default)s)")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _terminate)
    begin = time.monotonic()
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123
        story = Story(nowhere if options.json else sys.stdout, step=options.step and not options.json)
        code, error = _attempt(story, options.out)
        if code == ExitCode.AFFIRMING:
            seconds = time.monotonic() - begin
            story.closing(f"All {len(story.outcomes)} outcomes were as announced. It took {seconds:.0f} s.")
    if options.json:
        files = [
            str(options.out / name) for name in (RESULT, EVIDENCE, POLICY) if (options.out / name).exists()
        ]
        outcomes = [{"id": o.id, "ending": o.ending, "detail": o.detail} for o in story.outcomes]
        summary = {
            "schema": "ttee.demo/1",
            "ok": not code,
            "outcomes": outcomes,
            "files": files,
            "error": error,
        }
        print(json.dumps(summary, indent=2))
    return code


def _attempt(story: Story, out: Path) -> tuple[int, str]:
    """The exit code, and what went wrong; which is also said on stderr."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="ttee-demo-") as scratch:
            play(story, out, Path(scratch))
    except KeyboardInterrupt:
        code, said = ExitCode.INTERRUPTED, "interrupted; nothing is left running"
    except OtherwiseError as otherwise:
        code, said = ExitCode.INTERNAL, str(otherwise)
    except TteeError as error:
        code, said = error.exit_code, error.message + (f"\n  next: {error.hint}" if error.hint else "")
    except OSError as error:
        code, said = ExitCode.USAGE, str(error)
    else:
        return ExitCode.AFFIRMING, ""
    print(f"\ndemo: {said}", file=sys.stderr)
    return code, said


def _terminate(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


if __name__ == "__main__":
    sys.exit(main())
