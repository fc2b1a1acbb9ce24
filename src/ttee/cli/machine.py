# SPDX-License-Identifier: Apache-2.0
"""This machine: what it can run, what it lacks, and what of its environment matters."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from importlib.util import find_spec

import click

from ttee.cli.options import command
from ttee.cli.output import Output, styled, table
from ttee.errors import ExitCode, UsageError

ENVIRONMENT = {
    "TTEE_TEE": "the TEE that `run`, `measure` and `policy new` take without --tee",
    "TTEE_POLICY": "policy files for `call` and `verify` without --policy, separated by colons",
    "TTEE_TIMEOUT": "seconds that a TEE may take to answer",
    "TTEE_JOBS": "processes that `verify-many` verifies in",
    "TTEE_STRICT": "1: a warning ends with exit code 9",
    "TTEE_JSON": "1: every command answers in JSON",
    "TTEE_DEBUG": "1: errors of the program itself show their traceback",
    "TTEE_STATE_DIR": "device secrets, logs and records of instances",
    "TTEE_RUNTIME_DIR": "sockets of instances",
    "TTEE_CACHE_DIR": "endorsements that services gave; by default in XDG_CACHE_HOME",
    "TTEE_ENDORSEMENTS": "files and folders of endorsements, separated by colons",
    "TTEE_MIRRORS": "FROM=TO, separated by commas: services of yours that are asked for endorsements",
    "TTEE_OFFLINE": "1: nobody is asked for endorsements",
    "XDG_CACHE_HOME": "holds `ttee/`: endorsements, firmware and apps that were compiled",
    "NO_COLOR": "any value: no colours",
}
"""Every variable that this program reads for itself; proxies are those of the system."""


@command(examples="ttee tees")
@click.pass_obj
def tees(output: Output) -> None:
    """List the TEEs, and what each can do here."""
    from ttee.tee import all_tees  # noqa: PLC0415 (imports every room)

    found, rows = [], [("TEE", "ASSURANCE", "VERIFIES", "RUNS APPS HERE", "WHAT IT IS")]
    for tee in all_tees():
        here = tee.available()
        runs = tee.launch is not None and here.works
        found.append(
            {
                "name": tee.name,
                "title": tee.title,
                "assurance": tee.assurance.value,
                "verifies": True,
                "launches": tee.launch is not None,
                "runs_here": runs,
                "missing": "" if runs else here.missing,
                "hint": "" if runs else here.hint,
            }
        )
        why = f"no: lacks {here.missing}" if tee.launch else "no"
        rows.append((tee.name, tee.assurance.value, "yes", "yes" if runs else why, tee.title))
    output.result({"schema": "ttee.tees/1", "tees": found}, table(rows))


@command(examples="ttee doctor")
@click.pass_obj
def doctor(output: Output) -> int:
    """Check what this machine lacks, and say how to get it.

    Ends with exit code 8 if no TEE can run apps here; verifying needs none.
    """
    checks = [*_programs(), *_packages(), *_places(), *_tees()]
    rows = [
        (_mark(good), name, said if good or not hint else f"{said}; {hint}")
        for name, good, said, hint in checks
    ]
    runs = any(good for name, good, _, _ in checks if name.startswith("TEE "))
    closing = "verifying works; running apps " + (
        "works, too" if runs else "does not, until a TEE above is mended"
    )
    output.result(
        {
            "schema": "ttee.doctor/1",
            "runs_apps": runs,
            "checks": [{"name": n, "ok": good, "detail": d, "hint": h} for n, good, d, h in checks],
        },
        f"{table(rows)}\n\n{closing}",
    )
    return ExitCode.AFFIRMING if runs else ExitCode.TEE


_Finding = tuple[str, bool, str, str]


def _programs() -> list[_Finding]:
    python = f"Python {platform.python_version()}"
    found: list[_Finding] = [("python", sys.version_info >= (3, 11), python, "3.11 or newer is needed")]
    for program, package, use in (
        ("qemu-system-riscv64", "qemu-system-misc", "the riscv TEE's machine"),
        ("wasm2c", "wabt", "compiling apps for the riscv TEE"),
    ):
        path = shutil.which(program)
        found.append((program, path is not None, path or f"missing ({use})", f"apt-get install {package}"))
    return found


def _packages() -> list[_Finding]:
    found: list[_Finding] = []
    for module, extra, use in (
        ("ziglang", "build", "building apps and firmware"),
        ("wasmtime", "local", "the local TEE"),
        ("uvicorn", "serve", "`ttee run`"),
    ):
        here = find_spec(module) is not None
        found.append(
            (module, here, "installed" if here else f"missing ({use})", f"pip install 'ttee[{extra}]'")
        )
    return found


def _places() -> list[_Finding]:
    from ttee.places import runtime_dir, state_dir  # noqa: PLC0415

    found: list[_Finding] = []
    for name, place in (("state", state_dir), ("runtime", runtime_dir)):
        try:
            found.append((f"{name} folder", True, str(place()), ""))
        except UsageError as error:
            found.append((f"{name} folder", False, f"{error.where}: {error.message}", error.hint or ""))
    return found


def _tees() -> list[_Finding]:
    from ttee.tee import all_tees  # noqa: PLC0415

    launchers = [tee for tee in all_tees() if tee.launch]
    here = [(tee, tee.available()) for tee in launchers]
    return [(f"TEE {t.name}", a.works, t.title if a.works else f"lacks {a.missing}", a.hint) for t, a in here]


def _mark(good: bool) -> str:
    return styled("✓", "green") if good else styled("✗", "red")


@command(examples="ttee env")
@click.pass_obj
def env(output: Output) -> None:
    """List the environment variables that matter."""
    values = {name: os.environ.get(name) for name in ENVIRONMENT}
    rows = [
        (name, "(unset)" if values[name] is None else str(values[name]), use)
        for name, use in ENVIRONMENT.items()
    ]
    entries = [{"name": n, "value": values[n], "use": use} for n, use in ENVIRONMENT.items()]
    output.result(
        {"schema": "ttee.env/1", "variables": entries}, table([("VARIABLE", "VALUE", "USE"), *rows])
    )


@command(examples="ttee version")
@click.pass_obj
def version(output: Output) -> None:
    """Print the version."""
    names = ("ttee", "cryptography", "PyNaCl", "cbor2", "wasmtime", "ziglang")
    found = {name: _version_of(name) for name in names}
    lines = [f"ttee {found['ttee']}", f"Python {platform.python_version()}"]
    lines += [f"{name} {said or '(not installed)'}" for name, said in found.items() if name != "ttee"]
    output.result(
        {"schema": "ttee.version/1", "python": platform.python_version(), "packages": found}, "\n".join(lines)
    )


def _version_of(name: str) -> str | None:
    try:
        return version_of(name)
    except PackageNotFoundError:
        return None


@command(
    examples="""
    ttee completion bash >~/.local/share/bash-completion/completions/ttee
    ttee completion fish >~/.config/fish/completions/ttee.fish
    """
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_obj
def completion(output: Output, shell: str) -> None:
    """Print a completion script for a shell."""
    from click.shell_completion import get_completion_class  # noqa: PLC0415

    from ttee.cli.root import cli  # noqa: PLC0415

    kind = get_completion_class(shell)
    if kind is None:
        raise UsageError(f"there is no completion for {shell}")
    script = kind(cli, {}, "ttee", "_TTEE_COMPLETE").source()
    output.result({"schema": "ttee.completion/1", "shell": shell, "script": script}, script)


@command(
    examples="""
    ttee schema --json
    ttee schema verdict
    """
)
@click.argument("name", required=False)
@click.pass_obj
def schema(output: Output, name: str | None) -> None:
    """Print the JSON schema of a format.

    Without NAME, list them.
    """
    from ttee.cli.schemas import read_schema, schema_names  # noqa: PLC0415

    if name is None:
        names = schema_names()
        output.result({"schema": "ttee.schemas/1", "names": names}, "\n".join(names))
    else:
        output.text(read_schema(name))
