# SPDX-License-Identifier: Apache-2.0
"""Writing apps: a folder to start from, its bundle, and what verifiers should expect of it."""

from __future__ import annotations

from pathlib import Path

import click

from ttee.appraise import claim_to_json
from ttee.cli.apps import bundle_path, load_app
from ttee.cli.inspect import as_text
from ttee.cli.options import command
from ttee.cli.output import Output, table
from ttee.errors import AppError
from ttee.tee import tee_named


@command(
    examples="""
    ttee new hello
    ttee new hello --language zig
    """
)
@click.argument("name")
@click.option(
    "--language", type=click.Choice(["c", "zig"]), default="c", show_default=True, help="Its language."
)
@click.pass_obj
def new(output: Output, *, name: str, language: str) -> None:
    """Make an app folder to start from.

    It is made in the present folder, and called NAME.
    """
    from ttee.app.new import new_app  # noqa: PLC0415

    files = [str(path) for path in new_app(Path(), name, language=language)]
    output.result(
        {"schema": "ttee.new-app/1", "name": name, "files": files},
        "\n".join([*files, "", f"next: ttee build {name}"]),
    )


@command(examples="ttee build hello")
@click.argument("app")
@click.pass_obj
def build(output: Output, app: str) -> None:
    """Build an app into its bundle, and print its measurement.

    APP is an app folder. The same folder gives the same measurement anywhere.
    """
    if not Path(app).is_dir():
        raise AppError(f"there is no app folder {app!r}", where=app, hint="`ttee new NAME` makes one")
    bundle = load_app(app)
    path = bundle_path(app, bundle)
    rows = [
        ("app", f"{bundle.name} {bundle.version}"),
        ("bundle", f"{path} ({path.stat().st_size} bytes)"),
        ("measurement", bundle.measurement.hex()),
    ]
    output.result(
        {
            "schema": "ttee.build/1",
            "name": bundle.name,
            "version": bundle.version,
            "bundle": str(path),
            "app": bundle.measurement.hex(),
        },
        f"{table(rows)}\n\nnext: ttee run {app}",
    )


@command(
    examples="""
    ttee measure hello
    ttee measure hello --tee riscv        # app, runtime and monitor
    """
)
@click.argument("app")
@click.option("--tee", "tee_name", metavar="TEE", envvar="TTEE_TEE", help="Measure it as this TEE does, too.")
@click.pass_obj
def measure(output: Output, *, app: str, tee_name: str | None) -> None:
    """Recompute what a verifier should expect of an app.

    APP is an app folder, which is built, or a bundle.
    """
    tee = tee_named(tee_name) if tee_name else None
    bundle = load_app(app)
    measured = tee.measure(bundle) if tee and tee.measure else {}
    if tee and tee.guest:
        output.say(f"{tee.name} measures whole guests: `ttee measure-guest {tee.name}`")
    rows = [
        ("app", bundle.measurement.hex()),
        *((k.replace("_", "-"), as_text(v)) for k, v in measured.items()),
    ]
    output.result(
        {
            "schema": "ttee.measurement/1",
            "name": bundle.name,
            "version": bundle.version,
            "app": bundle.measurement.hex(),
            "tee": tee.name if tee else None,
            "measurements": {name: claim_to_json(value) for name, value in measured.items()},
        },
        table(rows),
    )
