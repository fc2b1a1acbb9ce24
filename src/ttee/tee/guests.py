# SPDX-License-Identifier: Apache-2.0
"""What a TEE that measures whole guests must know of one to say its measurement beforehand. No I/O.

A TEE names its own settings (`Tee.guest`), for no two of them measure the same things; `ttee measure-guest` makes
options of them, reads the files, and hands both over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import frozen

from ttee.model import ClaimValue


@frozen(slots=True)
class Setting:
    """One thing to know of a guest: a file's content, or a few words."""

    name: str
    """In kebab-case, as on the command line."""
    help: str
    metavar: str = "TEXT"
    required: bool = False
    choices: tuple[str, ...] = ()
    """All there is, where there are few."""
    default: str | None = None
    """The words that stand in for none."""
    max_size: int = 0
    """Of a file, in bytes; 0 when it is no file."""


@frozen(slots=True)
class GuestMeasurement:
    """How the measurement of a guest is recomputed."""

    settings: tuple[Setting, ...]
    measure: Callable[[Mapping[str, bytes], Mapping[str, str]], Mapping[str, ClaimValue]]
    """Files and words that were given, by the names of their settings -> what a verifier should expect: claims of
    `details`. Raises UsageError for what cannot be started, or is not known."""
    covers: str
    """What it holds for, and what not, in a sentence or two."""
    examples: str
    """Command lines, one in each line."""
