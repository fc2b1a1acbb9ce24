# SPDX-License-Identifier: Apache-2.0
"""Steps 5 and 6 of the demo: the attackers, who own this machine, really try."""

from __future__ import annotations

import secrets

import attacks
import auction
from attacks import LyingHost
from auction import EVIDENCE, POLICY, RESULT
from bidding import dana
from stage import APP, BIDS, Stage
from story import OtherwiseError
from ttee.app.build import build
from ttee.channel.sealed import seal_request
from ttee.connect import connect, verify
from ttee.errors import AnchorError, BindingError, FreshnessError, RefusedError, ReplayedError
from ttee.guest.statement import Statement
from ttee.model import Evidence
from ttee.tee.recognise import dump_evidence, load_evidence
from ttee.tee.riscv.firmware import build_firmware
from ttee.tee.riscv.launch import RiscvInstance, launch
from ttee.tee.riscv.machine import MONITOR_BASE
from ttee.tee.riscv.mailbox import Cause, Fault
from ttee.tee.riscv.sources import firmware_sources

_MONITOR_MEMORY = 2 << 20


def software(stage: Stage) -> None:
    """Step 5: all of these must fail."""
    stage.story.chapter("The attacker owns this machine, and tries what software can do")
    stage.story.say("Every attack is really carried out. All of them must fail.")
    read_memory(stage)
    patch_app(stage)
    patch_monitor(stage)
    replay_report(stage)
    relay_report(stage)
    replace_channel_key(stage)
    replay_bid(stage)


def read_memory(stage: Stage) -> None:
    """The operating system loads from memory that is not its own any more."""
    story, machine = stage.story, stage.instance.machine
    story.attempt("Read the auction's memory, as the operating system")
    targets = {"the enclave": stage.instance.enclave.handle.record.epm, "the monitor": MONITOR_BASE}
    for name, address in targets.items():
        answer = machine.mailbox.load(address)
        if answer != Fault(Cause.LOAD_ACCESS, address):
            raise OtherwiseError(f"memory.{name}: the host's load from {address:#x} gave {answer}")
        story.row(name, f"load {address:#x}", f"-> access fault, cause {Cause.LOAD_ACCESS.value}")
    story.refused("memory", "The processor refuses. Its memory guard, PMP, keeps the host out.")


def patch_app(stage: Stage) -> None:
    """One more line in the app, on the same genuine device and monitor."""
    story = stage.story
    story.attempt("Run a patched auction that tells the host every bid")
    bundle = build(attacks.patched_app(APP, stage.scratch / "patched-app")).bundle
    with launch(bundle, state=stage.device) as instance:
        _test_bid(instance, bundle.measurement)
        leaked = [line for line in instance.log() if "mallory" in line]
        if not leaked:
            raise OtherwiseError("app: the patched app does not tell")
        story.row("it works", leaked[0], "<- a test bid, printed by the host")
        story.must_refuse(
            "app",
            lambda: connect(instance, stage.expected.policy),
            RefusedError,
            "policy.app.measurement",
            "its measurement is not the one that everybody computed.",
        )


def _test_bid(instance: RiscvInstance, app: bytes) -> None:
    """The attacker's own bid, sent without verifying anything."""
    statement = Statement.decode(instance.evidence(secrets.token_bytes(32)).parts["statement"])
    message, _ = seal_request(statement.channel_key, app, b"bid mallory 1")
    instance.call(message)


def patch_monitor(stage: Stage) -> None:
    """A backdoor in the monitor: the device signs for it all the same, and says which monitor it is."""
    story = stage.story
    story.attempt("Run a patched monitor that leaves enclaves open to the host")
    sources = attacks.patched_firmware(firmware_sources(), stage.scratch / "patched-firmware")
    firmware = build_firmware(sources, cache=stage.scratch / "cache")
    with launch(stage.expected.bundle, state=stage.device, firmware=firmware) as instance:
        word = instance.machine.mailbox.load(instance.enclave.handle.record.epm)
        if isinstance(word, Fault):
            raise OtherwiseError("monitor: the backdoor does not work")
        story.row("it works", f"{word:016x}", "<- enclave memory, read by the host")
        nonce = secrets.token_bytes(32)
        claims = verify(instance.evidence(nonce), stage.expected.policy.endorsements(), nonce=nonce)
        story.row("signatures", "genuine", "the device signs for this one, too")
        if claims.details["monitor_hash"] != firmware.monitor_hash:
            raise OtherwiseError("monitor: the evidence names another monitor than the one that runs")
        story.must_refuse(
            "monitor",
            lambda: connect(instance, stage.expected.policy),
            RefusedError,
            "policy.riscv.monitor-hash",
            "the device says which monitor it started, and it is another one.",
        )


def replay_report(stage: Stage) -> None:
    """alice's evidence, shown to bob."""
    stage.story.attempt("Replay: show bob the evidence that was made for alice")
    old = stage.host.shown[1]
    stage.story.must_refuse(
        "report.replayed",
        lambda: connect(LyingHost(lambda _nonce: old), stage.expected.policy),
        FreshnessError,
        "riscv.statement.nonce",
        "it answers alice's nonce, not bob's.",
    )


def relay_report(stage: Stage) -> None:
    """Another device, whose secret the attacker knows, runs the very same software."""
    stage.story.attempt("Relay: pass the challenge on to a device that the attacker made")
    other = stage.scratch / "other-device"
    other.mkdir(mode=0o700)
    with launch(stage.expected.bundle, state=other) as instance:
        stage.story.must_refuse(
            "report.relayed",
            lambda: connect(LyingHost(instance.evidence), stage.expected.policy),
            AnchorError,
            "keystone.device-key.pinned",
            "the policy pins one device, and this is another.",
        )


def replace_channel_key(stage: Stage) -> None:
    """The man in the middle: genuine evidence, but for the key to seal to."""
    stage.story.attempt("Man in the middle: genuine evidence, with the attacker's channel key")
    key = secrets.token_bytes(32)

    def middle(nonce: bytes) -> Evidence:
        return attacks.with_channel_key(stage.instance.evidence(nonce), key)

    stage.story.must_refuse(
        "channel-key.replaced",
        lambda: connect(LyingHost(middle), stage.expected.policy),
        BindingError,
        "riscv.statement.binding",
        "the key is part of what was signed.",
    )


def replay_bid(stage: Stage) -> None:
    """The host kept a copy of bob's sealed bid."""
    stage.story.attempt("Replay: hand bob's sealed bid to the TEE once more")
    copy = stage.host.sealed[2]
    stage.story.must_refuse(
        "bid.replayed",
        lambda: stage.instance.call(copy),
        ReplayedError,
        "channel.replayed",
        "a sealed message is opened once.",
    )


def hardware(stage: Stage, receipts: list[auction.Receipt]) -> None:
    """Step 6: these must succeed, and are said to."""
    story = stage.story
    story.chapter("The attacker reaches for the memory chips, and wins")
    story.warn("Outside what this TEE stops.")
    story.say(
        """PMP guards the way from the processor to the memory, not the
        memory: whoever has a probe on the memory bus gets past it. On an emulated chip that is the owner of the
        machine, because QEMU's memory is theirs to read."""
    )
    steal_bids(stage)
    forge_result(stage, receipts)


def steal_bids(stage: Stage) -> None:
    """Read the bids where they lie."""
    story, place = stage.story, stage.instance.enclave.handle.record
    story.attempt("Read the bids from DRAM")
    found = attacks.find_bids(stage.instance.machine.read(place.epm, place.epm_size))
    if not BIDS.items() <= found.items():
        raise OtherwiseError(f"bids.stolen: found only {found}")
    for name, amount in sorted(found.items()):
        story.row(name, str(amount))
    story.broken("bids.stolen", "SUCCEEDS: all three bids, in plain text, losing ones included.")


def forge_result(stage: Stage, receipts: list[auction.Receipt]) -> None:
    """Take the monitor's key, and sign a lie that everybody accepts, bob with his receipt included."""
    story = stage.story
    story.attempt("Take the monitor's key from DRAM, and sign a higher price for bob")
    genuine = load_evidence(stage.out / EVIDENCE)
    public = verify(genuine, stage.expected.policy.endorsements()).details["monitor_key"]
    memory = stage.instance.machine.read(MONITOR_BASE, _MONITOR_MEMORY)
    secret = attacks.find_secret(memory, public) if isinstance(public, bytes) else None
    if secret is None:
        raise OtherwiseError("result.forged: the monitor's key was not found")
    story.row("monitor key", f"at {MONITOR_BASE + memory.find(secret):#x}", "found beside its public half")
    lie = (stage.out / RESULT).read_text("ascii").replace("price 6100", "price 6899")
    folder = stage.scratch / "forged"
    folder.mkdir()
    (folder / RESULT).write_text(lie, "ascii")
    forged = attacks.forged(genuine, auction.result_digest(lie), secret)
    (folder / EVIDENCE).write_bytes(dump_evidence(forged))
    (folder / POLICY).write_bytes((stage.out / POLICY).read_bytes())
    story.say("dana and bob check the forged files, as in step 4:")
    story.quote(dana(folder, str(receipts[1])))
    story.broken("result.forged", "SUCCEEDS: every signature holds. Nobody can tell, and bob pays 799 more.")
