# SPDX-License-Identifier: Apache-2.0
"""The highest editions of endorsements that this machine has seen, so that nobody brings older ones unnoticed.

A maker numbers its lists (CRL numbers, evaluation numbers), and the numbers never go back. A signature and dates alone
let whoever delivers them hold back the one that names a flaw, for as long as the former is not stale.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from attrs import evolve, frozen

from ttee.codec import json
from ttee.endorse.files import locked, read_regular, write_whole
from ttee.errors import EndorsementError, RolledBackError
from ttee.model import Claims

SCHEMA = "ttee.editions/1"
MAX_SIZE = 4 * 1024 * 1024
MAX_NAMES = 10_000
MAX_NAME = 256
MAX_DIGITS = 60
"""CRL numbers have up to 20 octets (RFC 5280, section 5.2.3): 49 digits, which JSON's numbers do not hold."""
_NUMBER = re.compile(r"-?[0-9]{1,60}")


@frozen(slots=True)
class Memory:
    """One JSON file; several processes may use it at once. It is made at its first use."""

    path: Path

    def recall(self, claims: Claims) -> None:
        """Compare the editions of authentic claims with the highest seen, then remember them if they are higher.

        Only for verifications at the present moment: an older one rightly rests on older endorsements. Raises
        RolledBackError, naming the edition; EndorsementError where the memory is damaged; OSError where it cannot be
        kept.
        """
        if not claims.editions:
            return
        with locked(self.path.with_name(f"{self.path.name}.lock")):
            seen = self._read()
            for name, number in claims.editions.items():
                highest = seen.get(name)
                if highest is not None and number < highest:
                    raise RolledBackError(
                        f"{name}: edition {number}, and edition {highest} was seen before",
                        where=name,
                        hint="leave out those given or in the evidence file, which come first, and renew "
                        "those that are kept: `ttee endorsements fetch FILE`",
                        source="docs/spec/endorsements.md",
                    )
            higher = {name: number for name, number in claims.editions.items() if seen.get(name) != number}
            if higher:
                self._write({**{n: v for n, v in seen.items() if n not in higher}, **higher})

    def _read(self) -> dict[str, int]:
        try:
            self.path.lstat()
        except FileNotFoundError:
            return {}
        data = read_regular(self.path, MAX_SIZE)
        if data is None:
            raise self._damaged()
        try:
            value = json.loads(
                data, what=self.path.name, max_size=MAX_SIZE, max_depth=2, error=EndorsementError
            )
        except EndorsementError:
            raise self._damaged() from None
        highest = value.get("highest") if isinstance(value, dict) and value.get("schema") == SCHEMA else None
        if not isinstance(highest, dict):
            raise self._damaged()
        seen = {
            name: int(number)
            for name, number in highest.items()
            if isinstance(number, str) and _NUMBER.fullmatch(number)
        }
        if len(seen) != len(highest):
            raise self._damaged()
        return seen

    def _write(self, seen: Mapping[str, int]) -> None:
        """Those that rose last stand last; beyond the bound, the first are forgotten."""
        kept = [(name, number) for name, number in seen.items() if len(name) <= MAX_NAME]
        highest = {name: str(number) for name, number in kept[-MAX_NAMES:] if abs(number) < 10**MAX_DIGITS}
        write_whole(self.path, json.pretty({"schema": SCHEMA, "highest": highest}).encode())

    def _damaged(self) -> EndorsementError:
        return EndorsementError(
            "the memory of endorsements seen before is damaged",
            where=str(self.path),
            hint="look at what happened to it; without the file, remembering begins anew",
        )


def unremembered(claims: Claims, why: str) -> Claims:
    """Claims that say that nobody looked whether their endorsements went back."""
    if not claims.editions:
        return claims
    note = f"whether the endorsements are older than others seen before: {why}"
    return evolve(claims, not_checked=(*claims.not_checked, note))
