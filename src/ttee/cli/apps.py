# SPDX-License-Identifier: Apache-2.0
"""Apps as commands name them: a folder, which is built first, or a bundle file."""

from __future__ import annotations

from pathlib import Path

from ttee.app.bundle import Bundle
from ttee.codec import hex as hex_codec
from ttee.errors import AppError, SignatureError, TeeUnavailableError, UsageError
from ttee.tee.base import Tee
from ttee.tee.keystone import eddsa


def load_app(where: str) -> Bundle:
    """The bundle of an app folder, built now, or of a bundle file. Raises AppError, TeeUnavailableError."""
    from ttee.app.build import build, load_bundle  # noqa: PLC0415

    path = Path(where)
    if path.is_file():
        return load_bundle(path)
    if not path.is_dir():
        raise AppError(
            f"there is no app {where!r}",
            where=where,
            hint="name an app folder or a bundle; `ttee new NAME` makes one",
        )
    try:
        return build(path).bundle
    except TeeUnavailableError as missing:  # never quietly an older bundle: its source may be another one
        missing.hint = f"{missing.hint}; or name a bundle that was built before, in {path / 'build'}"
        raise


def bundle_path(where: str, bundle: Bundle) -> Path:
    """Where the bundle of an app, as a command named it, lies."""
    path = Path(where)
    return path / "build" / f"{bundle.name}.bundle" if path.is_dir() else path


def signature_path(where: str, bundle: Bundle, tee: Tee) -> Path:
    """Where the authority's signature over an app in a TEE lies: beside the bundle."""
    return bundle_path(where, bundle).with_name(f"{bundle.name}.{tee.name}.sig")


def load_signature(where: str, bundle: Bundle, tee: Tee) -> bytes:
    """The signature that an app with an authority needs in this TEE; empty for others.

    Raises SignatureError for a missing or wrong one, which the TEE would refuse.
    """
    if not bundle.authority or tee.to_sign is None:
        return b""
    path = signature_path(where, bundle, tee)
    hint = f"`ttee sign {where} --tee {tee.name} --key FILE` signs it"
    try:
        text = path.read_text("ascii").strip()
    except FileNotFoundError:
        raise SignatureError(
            f"{bundle.name} names an authority, which has not signed it", where=str(path), hint=hint
        ) from None
    except (OSError, UnicodeDecodeError):
        raise UsageError("cannot read the signature", where=str(path), hint=hint) from None
    signature = hex_codec.decode(text, what="signature", size=64, error=UsageError)
    try:
        eddsa.verify(bundle.authority, signature, tee.to_sign(bundle))
    except SignatureError:
        raise SignatureError(
            "the authority's signature is not one of this app as it is now", where=str(path), hint=hint
        ) from None
    return signature
