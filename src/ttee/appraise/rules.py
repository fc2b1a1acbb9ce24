# SPDX-License-Identifier: Apache-2.0
"""Rules about one claim, and how they compare (docs/spec/policy.md, section Rules)."""

from __future__ import annotations

import operator
import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ttee.codec.rfc3339 import moment
from ttee.errors import UsageError
from ttee.model import ClaimValue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Scalar = bool | int | str

KEY = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
"""A claim's name in kebab-case, or a rule's key."""
_VERSION = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){1,15}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_HEX = re.compile(r"([0-9a-f]{2})+")


class Comparison(StrEnum):
    """What a rule asks of a claim."""

    ONE_OF = "one of"
    AT_LEAST = "at least"
    AT_MOST = "at most"
    MAX_AGE = "no older, in days, than"
    BEGINS = "beginning with"
    BITS = "with all the bits of"


PREFIXES: Mapping[Comparison, str] = MappingProxyType(
    {
        Comparison.MAX_AGE: "max-age-",  # before max-, which it begins with
        Comparison.AT_LEAST: "min-",
        Comparison.AT_MOST: "max-",
        Comparison.BEGINS: "prefix-",
        Comparison.BITS: "bits-",
        Comparison.ONE_OF: "",
    }
)
"""How keys of a policy spell them, before the claim's name."""


@frozen(slots=True)
class Rule:
    """A rule about one claim. `claim` is in snake_case, as in `details`; bytes are written in lowercase hex."""

    claim: str
    comparison: Comparison
    values: tuple[Scalar, ...]

    @property
    def key(self) -> str:
        """The rule's key in a policy file, which is also the end of its check's id."""
        return PREFIXES[self.comparison] + self.claim.replace("_", "-")

    def holds(self, value: ClaimValue, at: datetime) -> bool:
        """Whether the claim's value is as the rule asks, at that moment. Kinds must agree: true is not 1.

        Of several values in one claim, each must be as the rule asks; what lies deeper than that, or is not claimed at
        all, never is.
        """
        if isinstance(value, tuple):
            return all(not isinstance(each, tuple) and self.holds(each, at) for each in value)
        if value is None:
            return False
        return any(_COMPARE[self.comparison](value, wanted, at) for wanted in self.values)

    def __str__(self) -> str:
        """What is asked for, in words."""
        return f"{self.comparison} {', '.join(_short(value) for value in self.values)}"


def split_key(key: str) -> tuple[Comparison, str]:
    """A rule's key in a policy file: what it asks, and of which claim (in snake_case)."""
    comparison = next(each for each, prefix in PREFIXES.items() if key.startswith(prefix))
    return comparison, key.removeprefix(PREFIXES[comparison]).replace("-", "_")


def says_something(value: ClaimValue) -> bool:
    """Whether pinning this value pins anything: not if it is empty (no authority), or zeros (an unused register)."""
    return any(value) if isinstance(value, bytes) else bool(value)


def unfit(comparison: Comparison, value: Scalar) -> str:
    """What such a rule's value must be, if this is not it; else nothing."""
    if comparison in (Comparison.AT_LEAST, Comparison.AT_MOST):
        fits = type(value) is int or (
            isinstance(value, str)
            and bool(_VERSION.fullmatch(value) or _HEX.fullmatch(value) or _date(value))
        )
        return "" if fits else "an integer; or a date, a version or bytes, in quotes"
    if comparison in (Comparison.MAX_AGE, Comparison.BITS):
        return "" if type(value) is int and 0 <= value < 2**64 else "a natural number"
    if comparison is Comparison.BEGINS:
        return "" if isinstance(value, str) and value else "text, or bytes in hex, in quotes"
    return ""


def _equal(value: ClaimValue, wanted: Scalar, _at: datetime) -> bool:
    plain = value.hex() if isinstance(value, bytes) else value
    return type(plain) is type(wanted) and plain == wanted


def _begins(value: ClaimValue, wanted: Scalar, _at: datetime) -> bool:
    plain = value.hex() if isinstance(value, bytes) else value
    return isinstance(plain, str) and isinstance(wanted, str) and plain.startswith(wanted)


def _has_bits(value: ClaimValue, wanted: Scalar, _at: datetime) -> bool:
    return type(value) is int and type(wanted) is int and value & wanted == wanted


def _no_older(value: ClaimValue, wanted: Scalar, at: datetime) -> bool:
    date = _date(value) if isinstance(value, str) else None
    return date is not None and type(wanted) is int and at - date <= timedelta(days=min(wanted, 10**8))


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[ClaimValue, Scalar, datetime], bool]:
    """Integers, dates and versions as they are; bytes one by one, as security versions are compared."""

    def holds(value: ClaimValue, wanted: Scalar, _at: datetime) -> bool:
        if type(value) is int and type(wanted) is int:
            return compare(value, wanted)
        if not isinstance(wanted, str):
            return False
        if isinstance(value, bytes):
            bounds = bytes.fromhex(wanted) if _HEX.fullmatch(wanted) else b""
            return len(value) == len(bounds) and all(map(compare, value, bounds))
        if not isinstance(value, str):
            return False
        for read in (_date, _version):
            ours, theirs = read(value), read(wanted)
            if ours is not None and theirs is not None:
                return compare(ours, theirs)
        return False

    return holds


def _date(text: str) -> datetime | None:
    try:
        return moment(f"{text}T00:00:00Z" if _DAY.fullmatch(text) else text).astimezone(UTC)
    except (UsageError, OverflowError):
        return None


def _version(text: str) -> tuple[int, ...] | None:
    return tuple(map(int, text.split("."))) if _VERSION.fullmatch(text) else None


def _short(value: Scalar) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 24 else f"{text[:16]}…"


_COMPARE: Mapping[Comparison, Callable[[ClaimValue, Scalar, datetime], bool]] = MappingProxyType(
    {
        Comparison.ONE_OF: _equal,
        Comparison.AT_LEAST: _ordered(operator.ge),
        Comparison.AT_MOST: _ordered(operator.le),
        Comparison.MAX_AGE: _no_older,
        Comparison.BEGINS: _begins,
        Comparison.BITS: _has_bits,
    }
)
