# SPDX-License-Identifier: Apache-2.0
"""From an app folder to its bundle, the same bytes in any directory (docs/spec/app.md).

I/O: reads the folder, runs the compiler, writes the bundle, which appears at once and only when all went well.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from attrs import frozen

from ttee.app.abi import check_module
from ttee.app.bundle import MAX_MODULE, MAX_SIZE, Bundle
from ttee.app.compiler import compile_app, outside
from ttee.app.manifest import SOURCE, Manifest, load_manifest
from ttee.errors import BuildError, BundleError, ManifestError


@frozen(slots=True)
class BuiltApp:
    """A bundle, the file it was written to, and what the compiler had to say."""

    bundle: Bundle
    path: Path
    messages: str = ""


def build(folder: Path) -> BuiltApp:
    """Build an app folder into `build/<name>.bundle`.

    Raises ManifestError, BuildError with the compiler's message, ModuleError, and TeeUnavailableError without
    a compiler.
    """
    manifest = load_manifest(folder)
    messages = ""
    if manifest.source is not None:
        _inside(folder, manifest, manifest.source)
        module, messages = compile_app(folder, manifest.source, manifest.limits)
    else:
        module = _read_module(_inside(folder, manifest, str(manifest.module)))
    check_module(module, manifest.limits)
    bundle = Bundle(
        name=manifest.name,
        version=manifest.version,
        svn=manifest.svn,
        authority=manifest.authority,
        limits=manifest.limits,
        module=module,
    )
    path = folder / "build" / f"{bundle.name}.bundle"
    try:
        path.parent.mkdir(exist_ok=True)
        _replace(path, bundle.encode())
    except OSError as problem:
        raise BuildError(
            f"the bundle cannot be written: {problem.strerror}",
            where=str(path),
            hint="make room for it: `build` is a folder of the app's, which `ttee build` may write",
        ) from None
    return BuiltApp(bundle, path, messages)


def load_bundle(path: Path) -> Bundle:
    """The bundle in a file. Raises BundleError, also when it cannot be read."""
    try:
        with path.open("rb") as file:
            return Bundle.decode(file.read(MAX_SIZE + 1))
    except OSError as problem:
        raise BundleError(
            f"the bundle cannot be read: {problem.strerror}", where=str(path), hint="`ttee build` makes it"
        ) from None


def _inside(folder: Path, manifest: Manifest, name: str) -> Path:
    """The file of that name, which must lie in the folder when every link is followed."""
    path = folder / name
    if not path.is_file():
        raise ManifestError(
            f"there is no file {name}",
            where=manifest.where,
            hint="[code] names the app's code",
            source=SOURCE,
        )
    if not path.resolve().is_relative_to(folder.resolve()):
        raise outside(name, manifest.where)
    return path


def _read_module(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_MODULE + 1)
    except OSError as problem:
        raise BuildError(f"the module cannot be read: {problem.strerror}", where=str(path)) from None
    if len(data) > MAX_MODULE:
        raise BuildError(f"the module has more than {MAX_MODULE} bytes", where=str(path), source=SOURCE)
    return data


def _replace(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    descriptor, scratch = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), 0o644)
        Path(scratch).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(scratch).unlink()
        raise
