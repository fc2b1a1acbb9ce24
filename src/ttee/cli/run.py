# SPDX-License-Identifier: Apache-2.0
"""Instances on this machine: start them, list them, read their logs, end them."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING

import click

from ttee.cli.apps import load_app, load_signature
from ttee.cli.options import command
from ttee.cli.output import Output, short, table
from ttee.cli.policies import keep_policy, machine_anchors, machine_policy
from ttee.codec.printable import printable
from ttee.errors import InstanceError
from ttee.serve import registry
from ttee.tee import best_tee, launcher_named

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOOK_EVERY = 0.2
_PATIENCE = 3.0


@command(
    examples="""
    ttee run hello                        # in the best TEE that works here
    ttee run hello --tee riscv
    ttee run hello --port 8443            # over TCP, too, for browsers and other machines
    ttee run hello --foreground           # until Ctrl-C
    """
)
@click.argument("app")
@click.option(
    "--tee",
    "tee_name",
    metavar="TEE",
    envvar="TTEE_TEE",
    help="The TEE; by default the best that works here.",
)
@click.option("--name", help="What to call the instance; by default the app's name.")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Listen on this TCP port, too; 0 lets the system choose."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on with --port.")
@click.option("--foreground", is_flag=True, help="Stay, and show the log; Ctrl-C ends the instance.")
@click.option("--timeout", type=click.FloatRange(1), default=60.0, envvar="TTEE_TIMEOUT", show_default=True,
              help="Seconds that the TEE may take for its start, and for each answer.")  # fmt: skip
@click.option("--no-policy", is_flag=True, help="Write no policy file.")
@click.pass_obj
def run(
    output: Output,
    *,
    app: str,
    tee_name: str | None,
    name: str | None,
    port: int | None,
    host: str,
    foreground: bool,
    timeout: float,
    no_policy: bool,
) -> None:
    """Start an app in a TEE, in the background.

    APP is an app folder, which is built first, or a bundle. Beside the instance you get NAME.policy.toml in the
    present folder, unless you changed that file: a policy that accepts this app in this machine's TEE.
    """
    from ttee.serve.daemon import start  # noqa: PLC0415 (imports the server)
    from ttee.serve.hold import Order, hold  # noqa: PLC0415

    tee = launcher_named(tee_name) if tee_name else best_tee()
    bundle = load_app(app)
    signature = load_signature(app, bundle, tee)
    order = Order(name or bundle.name, tee.name, bundle, signature, timeout, host, port)
    registry.home_of(order.name)
    if registry.runs(order.name):
        raise registry.taken(order.name)
    output.say(f"starting {order.name} in {tee.name} ({tee.assurance.value})")
    with _patience(output):
        anchors = machine_anchors(tee)
        policy = machine_policy(order.name, bundle, tee)

    def report(record: registry.Record) -> None:
        if not no_policy:
            keep_policy(Path(f"{record.name}.policy.toml"), policy, output)
        keys = [anchor.key.hex() for anchor in anchors]
        rows = [
            ("name", record.name),
            ("tee", f"{record.tee} ({tee.assurance.value})"),
            ("app", record.app.hex()),
            ("address", record.address),
            *([("url", record.url)] if record.url else []),
            *(("device key", key) for key in keys),
        ]
        steps = (f'call {record.name} "some request"', f"logs {record.name} -f", f"stop {record.name}")
        hints = "\n".join(f"{'next:' if not n else '':5} ttee {step}" for n, step in enumerate(steps))
        output.result(record.as_json() | {"device_keys": keys}, f"{table(rows)}\n\n{hints}")
        sys.stdout.flush()

    if foreground:
        hold(order, report, to_terminal=True)
    else:
        report(start(order))


@contextmanager
def _patience(output: Output) -> Iterator[None]:
    """A word to whoever waits: the first start in a TEE compiles its firmware."""
    word = Timer(_PATIENCE, output.say, ["compiling; only the first start takes so long"])
    word.start()
    try:
        yield
    finally:
        word.cancel()


@command(examples="ttee ps")
@click.pass_obj
def ps(output: Output) -> None:
    """List the instances that run here."""
    records, crashed = registry.running()
    for name in crashed:
        output.say(
            f"{name} had ended unexpectedly, and was tidied up; `ttee logs {name}` shows its last words"
        )
    rows = [("NAME", "TEE", "APP", "STARTED", "ADDRESS")]
    rows += [(r.name, r.tee, short(r.app), r.started, r.url or r.address) for r in records]
    output.result(
        {"schema": "ttee.instances/1", "instances": [r.as_json() for r in records], "crashed": crashed},
        table(rows) if records else "no instance runs here; `ttee run APP` starts one",
    )


@command(examples="ttee stop hello")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.pass_obj
def stop(output: Output, names: tuple[str, ...]) -> None:
    """End an instance."""
    records = [registry.find(name) for name in names]
    for record in records:
        registry.stop(record)
    stopped = [record.name for record in records]
    output.result(
        {"schema": "ttee.stopped/1", "stopped": stopped}, "\n".join(f"{name} ended" for name in stopped)
    )


@command(
    examples="""
    ttee logs hello
    ttee logs hello -f                    # until the instance ends, or Ctrl-C
    """
)
@click.argument("name")
@click.option("-f", "--follow", is_flag=True, help="Go on until the instance ends.")
@click.pass_obj
def logs(output: Output, name: str, follow: bool) -> None:
    """Show what an app has logged.

    Whatever an app logs, its host reads; nothing secret should be in here.
    """
    path = registry.home_of(name) / "log"
    if not path.exists():
        raise InstanceError(
            f"no instance called {name!r} has run here", hint="`ttee ps` lists the running ones"
        )
    if output.as_json:
        lines = path.read_text(errors="replace").splitlines()
        output.result({"schema": "ttee.log/1", "name": name, "lines": lines}, "")
        return
    for text in _follow(name, path) if follow else [path.read_text(errors="replace")]:
        output.text(printable(text, keep="\n"))
        sys.stdout.flush()


def _follow(name: str, path: Path) -> Iterator[str]:
    """What stands in the log and what is added, also after it was rotated, until the instance has ended."""
    file = path.open(errors="replace")
    try:
        while True:
            alive = registry.runs(name)
            yield file.read()
            if not alive:
                return
            if path.exists() and path.stat().st_ino != _inode(file.fileno()):
                file.close()
                file = path.open(errors="replace")
            else:
                time.sleep(_LOOK_EVERY)
    finally:
        file.close()


def _inode(handle: int) -> int:
    return os.fstat(handle).st_ino
