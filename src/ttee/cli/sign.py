# SPDX-License-Identifier: Apache-2.0
"""An app's authority: the key whose holder may publish new versions, and its signatures."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

import click

from ttee.cli.apps import load_app, signature_path
from ttee.cli.options import command, subcommand, write_output
from ttee.cli.output import Output
from ttee.codec import hex as hex_codec
from ttee.errors import UsageError
from ttee.tee import best_tee, tee_named
from ttee.tee.keystone import eddsa

_MAX_KEY = 4096


@command(
    examples="""
    ttee key new ~/.config/ttee/authority.key
    ttee key show ~/.config/ttee/authority.key
    """,
    group=True,
)
def key() -> None:
    """Make a key that signs versions of an app.

    An app whose ttee.toml names an authority runs only with its signature, and may read what its older versions
    have sealed.
    """


@subcommand(key, "new", examples="ttee key new authority.key")
@click.argument("file")
@click.pass_obj
def _new(output: Output, file: str) -> None:
    """Write a new key to FILE, which must not exist, and print its public half."""
    if Path(file).exists():
        raise UsageError(
            "this file exists, and keys are not overwritten", where=file, hint="choose another name"
        )
    seed = secrets.token_bytes(32)
    public = eddsa.public_key(seed).hex()
    text = f"# Authority key of T-TEE apps. Keep this file secret.\n# public key: {public}\n{seed.hex()}\n"
    write_output(file, text.encode(), output=output, secret=True)
    _show_public(output, public)


@subcommand(key, "show", examples="ttee key show authority.key")
@click.argument("file")
@click.pass_obj
def _show(output: Output, file: str) -> None:
    """Print the public half of the key in FILE."""
    _show_public(output, eddsa.public_key(_read_key(file)).hex())


@command(
    examples="""
    ttee sign hello --key authority.key
    ttee sign hello --key authority.key --tee riscv
    """
)
@click.argument("app")
@click.option(
    "--key", "key_file", required=True, metavar="FILE", help="The authority's key, from `ttee key new`."
)
@click.option(
    "--tee",
    "tee_name",
    metavar="TEE",
    envvar="TTEE_TEE",
    help="The TEE; by default the best that works here.",
)
@click.pass_obj
def sign(output: Output, *, app: str, key_file: str, tee_name: str | None) -> None:
    """Sign an app's measurement in a TEE with the app's authority key.

    The signature is kept beside the bundle, where `ttee run` finds it.
    """
    tee = tee_named(tee_name) if tee_name else best_tee()
    if tee.to_sign is None:
        raise UsageError(f"the TEE {tee.name} takes no signatures", hint="name another one with --tee")
    bundle, seed = load_app(app), _read_key(key_file)
    public = eddsa.public_key(seed)
    if bundle.authority != public:
        raise UsageError(
            "the app names another authority" if bundle.authority else "the app names no authority",
            where=f"{app}, ttee.toml, [security] authority",
            hint=f'write: authority = "{public.hex()}"',
        )
    path = signature_path(app, bundle, tee)
    signature = eddsa.sign(seed, tee.to_sign(bundle)).hex()
    write_output(str(path), f"{signature}\n".encode(), output=output)
    output.result(
        {
            "schema": "ttee.signature/1",
            "tee": tee.name,
            "app": bundle.measurement.hex(),
            "signature": signature,
        },
        f"signed for {tee.name}: {path}",
    )


def _show_public(output: Output, public: str) -> None:
    output.result({"schema": "ttee.key/1", "public_key": public}, public)


def _read_key(file: str) -> bytes:
    try:
        with Path(file).open("rb") as handle:
            shared = stat.S_IMODE(os.fstat(handle.fileno()).st_mode) & 0o077
            text = handle.read(_MAX_KEY).decode("ascii", "replace")
    except OSError as problem:
        raise UsageError(f"cannot read the key: {problem.strerror}", where=file) from None
    if shared:
        raise UsageError("others can read this key", where=file, hint=f"chmod 600 {file}")
    lines = [line.strip() for line in text.splitlines() if not line.startswith("#")]
    if len(lines) != 1:
        raise UsageError("this is no key file", where=file, hint="`ttee key new FILE` makes one")
    try:
        return hex_codec.decode(lines[0], what="the key", size=32, error=UsageError)
    except UsageError as error:
        raise UsageError("this is no key file", where=file, hint="`ttee key new FILE` makes one") from error
