# SPDX-License-Identifier: Apache-2.0
"""Mutants that no test can kill, because they decide alike: each with its reason, in `allowed.toml`."""

from __future__ import annotations

import tomllib
from pathlib import Path

from attrs import frozen
from tools.mutate.runner import Fate

FILE = Path(__file__).with_name("allowed.toml")


@frozen
class Allowed:
    """What may survive: this change in this function."""

    module: str
    function: str
    was: str
    becomes: str
    reason: str

    def fits(self, fate: Fate) -> bool:
        """Whether this is the one that is meant."""
        return (self.module, self.function, self.was, self.becomes) == (
            fate.module,
            fate.function,
            fate.was,
            fate.becomes,
        )


def load(path: Path = FILE) -> list[Allowed]:
    """The list, as it is written. Raises TypeError for an entry that lacks something, or has too much."""
    return [Allowed(**entry) for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("allowed", [])]
