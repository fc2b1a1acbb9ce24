# SPDX-License-Identifier: Apache-2.0
"""What is known of one TEE, and conditions over it: true, false, or not known (docs/spec/trust.md, section 3.6)."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

Fact = bool | int | str
Facts = Mapping[str, Fact]
_VERSION = r"(?a)\d{1,9}(\.\d{1,9}){0,7}"


class Comparison(StrEnum):
    """How a condition compares."""

    IS = "is"
    IS_NOT = "is_not"
    ONE_OF = "one_of"
    AT_LEAST = "at_least"
    BELOW = "below"


class Condition(NamedTuple):
    """`fact` compared with `values`: one value, or several for `ONE_OF`."""

    fact: str
    test: Comparison
    values: tuple[Fact, ...]

    def holds(self, facts: Facts) -> bool | None:
        """Whether it holds; None if the fact is not known, or is of another kind than the condition speaks of."""
        known = facts.get(self.fact)
        if known is None:
            return None
        if self.test in (Comparison.AT_LEAST, Comparison.BELOW):
            mine, bound = _ordered(known), _ordered(self.values[0])
            if mine is None or bound is None or type(known) is not type(self.values[0]):
                return None
            return mine >= bound if self.test is Comparison.AT_LEAST else mine < bound
        if any(type(value) is not type(known) for value in self.values):
            return None
        return (known in self.values) is (self.test is not Comparison.IS_NOT)

    def __str__(self) -> str:
        words = {
            Comparison.IS: "is",
            Comparison.IS_NOT: "is not",
            Comparison.ONE_OF: "is one of",
            Comparison.AT_LEAST: "is at least",
        }
        said = ", ".join(
            str(value).lower() if isinstance(value, bool) else str(value) for value in self.values
        )
        return f"{self.fact} {words.get(self.test, 'is below')} {said}"


def _ordered(value: Fact) -> tuple[int, ...] | None:
    """An integer or a dotted version as what can be compared: 1.5 and 1.5.0 are equal."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return (value,)
    if not re.fullmatch(_VERSION, value):
        return None
    numbers = [int(part) for part in value.split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
